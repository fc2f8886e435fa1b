"""Tax ids, accounts and electronic addresses: right in form and check digits, or told what is expected."""

from __future__ import annotations

import pytest

from haas.accounts import registered_numbers as numbers
from haas.errors import InvalidInput


class TestTaxId:
    @pytest.mark.parametrize(
        ("country", "typed", "kept"),
        [
            ("DE", "de 136 695 976", "DE136695976"),
            ("DE", "136695976", "DE136695976"),
            ("IE", "IE6433435F", "IE6433435F"),
            ("FR", "FR 40 303 265 045", "FR40303265045"),
            ("AT", "U13585627", "ATU13585627"),
            ("GR", "EL 094259216", "EL094259216"),
            ("GB", "GB 980 7806 84", "GB980780684"),
            ("US", "911144442", "91-1144442"),
            ("ZW", "whatever they have", "whatever they have"),  # no rules are known
            ("DE", "  ", ""),
        ],
    )
    def test_is_kept_in_its_electronic_form(self, country: str, typed: str, kept: str) -> None:
        assert numbers.check_tax_id(typed, country=country) == kept

    @pytest.mark.parametrize(
        ("country", "typed", "expected"),
        [
            ("DE", "DE136695977", "DE and 9 digits"),  # the last digit checks the others
            ("DE", "FR40303265045", "DE and 9 digits"),  # of another country
            ("GR", "EL 094259217", "EL and 9 digits"),
            ("US", "07-1144442", "an EIN of 9 digits"),  # no campus has this prefix
        ],
    )
    def test_is_refused_with_the_form_that_is_expected(self, country: str, typed: str, expected: str) -> None:
        with pytest.raises(InvalidInput, match=expected) as refusal:
            numbers.check_tax_id(typed, country=country, field="tax_id")
        assert "tax_id" in refusal.value.fields

    def test_of_vat_is_no_number_of_a_country_that_has_none_with_a_prefix(self) -> None:
        with pytest.raises(InvalidInput, match="tax registration number"):
            numbers.check_vat_id("91-1144442", country="US")


class TestAccounts:
    def test_are_kept_without_blanks(self) -> None:
        assert numbers.check_iban("DE02 1203 0000 0000 2020 51") == "DE02120300000000202051"
        assert numbers.check_bic("bylade m1 001") == "BYLADEM1001"
        assert numbers.check_creditor_id("DE98 ZZZ 09999999999") == "DE98ZZZ09999999999"

    @pytest.mark.parametrize(
        ("check", "typed"),
        [
            (numbers.check_iban, "DE03120300000000202051"),
            (numbers.check_bic, "BANK"),
            (numbers.check_creditor_id, "DE99ZZZ09999999999"),
        ],
    )
    def test_are_refused_with_an_example(self, check, typed):
        with pytest.raises(InvalidInput, match="Expected: "):
            check(typed)


class TestElectronicAddress:
    def test_is_a_register_and_an_address_in_it(self) -> None:
        assert numbers.check_endpoint("em", "ap@acme.example") == ("EM", "ap@acme.example")
        assert numbers.check_endpoint("", "") == ("", "")

    @pytest.mark.parametrize(
        ("scheme", "address", "field"),
        [("9999", "x", "endpoint_scheme"), ("", "x", "endpoint_scheme"), ("0204", "", "endpoint_id")],
    )
    def test_is_refused_where_half_of_it_is_missing_or_unknown(
        self, scheme: str, address: str, field: str
    ) -> None:
        with pytest.raises(InvalidInput) as refusal:
            numbers.check_endpoint(scheme, address)
        assert field in refusal.value.fields
