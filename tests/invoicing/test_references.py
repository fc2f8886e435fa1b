"""References that money comes back with, and the QR code that carries them."""

from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st
from stdnum import iso11649

from invoicing.epc import epc_qr
from invoicing.references import FoundNumber, creditor_reference, numbers_in, shown

NUMBERS = st.builds("{}-{}-{:05d}".format, st.sampled_from(["INV", "CRN", "R"]), st.integers(2020, 2099),
                    st.integers(1, 9_999_999))  # fmt: skip


class TestCreditorReference:
    @pytest.mark.parametrize(
        ("number", "reference"),
        [
            ("539007547034", "RF18539007547034"),  # the example of ISO 11649 itself
            ("INV-2026-00042", "RF36INV202600042"),
        ],
    )
    def test_is_rf_check_digits_and_the_numbers_letters_and_digits(self, number, reference):
        assert creditor_reference(number) == reference

    @given(NUMBERS)
    def test_is_valid_by_the_library_and_found_again(self, number):
        reference = creditor_reference(number)
        assert iso11649.is_valid(reference)
        key = number.replace("-", "")
        assert FoundNumber(key, is_checked=True) in numbers_in(f"Thank you {shown(reference)} ACME GmbH")

    @pytest.mark.parametrize("number", ["---", "X" * 22])
    def test_refuses_what_does_not_fit(self, number):
        with pytest.raises(ValueError, match="letters and digits"):
            creditor_reference(number)


class TestNumbersIn:
    @pytest.mark.parametrize(
        ("text", "keys"),
        [
            ("Rechnung inv 2026/42", ["INV202600042"]),
            ("INV-2026-00042, INV-2026-00043", ["INV202600042", "INV202600043"]),
            ("Rg 2026-00042 vom 01.06.", ["RG202600042"]),
            ("2026/42", ["202600042"]),
            ("INV-2026-\n00042", ["INV202600042"]),  # a bank's lines break anywhere
            ("RF36 INV2 0260 0042danke", ["INV202600042"]),
            ("RF83INV202600042", []),  # wrong check digits: a typing error pays nobody's invoice
            ("Thank you", []),
        ],
    )
    def test_finds_them_however_they_are_written(self, text, keys):
        found = [number.key for number in numbers_in(text)]
        assert [key for key in keys if key in found] == keys
        assert bool(found) == bool(keys)

    def test_tells_year_and_number_without_the_word_before_it(self):
        assert numbers_in("Rg 2026-00042")[0].digits == numbers_in("2026/42")[0].digits == "202600042"

    def test_says_what_check_digits_vouch_for(self):
        assert numbers_in("RF36INV202600042")[0].is_checked
        assert not numbers_in("INV-2026-00042")[0].is_checked


class TestEpcQr:
    def test_is_the_published_order_of_elements(self):
        text = epc_qr(
            name="Northwind IT GmbH", iban="DE89 3704 0044 0532 0130 00", amount=Decimal("1234.5"),
            reference="RF36INV202600042",
        )  # fmt: skip
        assert text.split("\n") == [
            "BCD", "002", "1", "SCT", "", "Northwind IT GmbH", "DE89370400440532013000", "EUR1234.50", "",
            "RF36INV202600042",
        ]  # fmt: skip

    def test_keeps_a_line_feed_of_a_name_from_beginning_the_next_element(self):
        text = epc_qr(name="North\nwind", iban="DE89370400440532013000", amount=Decimal(1), text="A\nB")
        assert text.split("\n")[5] == "North wind"
        assert text.endswith("\n\nA B")

    @pytest.mark.parametrize(
        "wrong",
        [
            {"currency": "CHF"},
            {"amount": Decimal("0.001")},
            {"amount": Decimal(0)},
            {"iban": "DE89370400440532013001"},
            {"name": " "},
            {"reference": "RF18539007547034", "text": "both"},
            {"text": "x" * 141},
            {"name": "é" * 70, "text": "é" * 140},
        ],
    )
    def test_refuses_what_a_bank_would_not_read(self, wrong):
        right = {"name": "Northwind IT", "iban": "DE89370400440532013000", "amount": Decimal(1)}
        with pytest.raises(ValueError, match=r"."):
            epc_qr(**{**right, **wrong})
