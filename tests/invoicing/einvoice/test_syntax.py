"""Both syntaxes of every kind of document, judged by XSD, schematrons and other programs' readers."""

from __future__ import annotations

import re
from decimal import Decimal

import facturx  # type: ignore[import-untyped]
import pytest
from drafthorse.models.document import Document  # type: ignore[import-untyped]
from msgspec.structs import replace

from invoicing.document import Buyer, InvoiceDocument, Party
from invoicing.einvoice import missing, terms
from invoicing.einvoice.cii import cii_xml
from invoicing.einvoice.reading import read
from invoicing.einvoice.recompute import differences
from invoicing.einvoice.ubl import ROOTS, ubl_xml
from tests.invoicing.einvoice.bis_rules import broken_bis_rules
from tests.invoicing.einvoice.documents import document, everything, line
from tests.invoicing.einvoice.judges import broken_rules, xsd_errors

DOCUMENTS = everything()
every_document = pytest.mark.parametrize("printed", DOCUMENTS.values(), ids=DOCUMENTS)


class TestFacturX:
    @every_document
    def test_is_valid_by_schema_and_both_schematrons_and_adds_up(self, printed: InvoiceDocument) -> None:
        xml = cii_xml(printed)

        assert xml == cii_xml(printed)
        assert xsd_errors(xml, "cii") == []
        assert broken_rules(xml, "Factur-X") == set()
        assert broken_rules(xml, "CEN CII") == set()
        assert differences(read(xml)) == []
        assert missing.for_cii(printed) == ()

    @every_document
    def test_is_read_by_another_program_with_the_same_terms_in_both_syntaxes(
        self, printed: InvoiceDocument
    ) -> None:
        one, other = (facturx.parse_ubl_cii_xml(xml) for xml in (cii_xml(printed), ubl_xml(printed)))

        assert Decimal(one["BT-115"]) == printed.payable
        assert Decimal(one["BT-110"]) == printed.tax_total
        assert Decimal(one["BT-113"] if printed.prepaid else "0") == printed.prepaid
        for seller in (one["BG-4"], other["BG-4"]):
            seller.pop("tax_identifier", None)  # of UBL it reads no BT-32,
            seller.pop("identifiers", None)  # and BT-90 as another identifier
        differing = {key for key in one.keys() | other.keys() if one.get(key) != other.get(key)}
        # Notes are one in UBL, and each way to pay repeats the reference; BT-23 and 24 name the syntax.
        assert differing <= {"BG-1", "BT-22", "BT-23", "BT-24", "BT-83"}

    @pytest.mark.parametrize("name", ["mixed rates and periods", "credit note", "prepaid and rounded"])
    def test_is_read_by_a_third_with_the_same_totals(self, name: str) -> None:
        printed = DOCUMENTS[name]

        theirs = Document.parse(cii_xml(printed), strict=False)

        sums = theirs.trade.settlement.monetary_summation
        assert sums.due_amount._value == printed.payable
        assert theirs.header.id._text == printed.number


class TestEarlyPayment:
    def test_is_offered_in_the_form_that_germany_reads(self) -> None:
        printed = DOCUMENTS["discounts for early payment"]

        told = facturx.parse_ubl_cii_xml(ubl_xml(printed))["BT-20"]

        steps = told.split("\n")[:2]
        assert steps == ["#SKONTO#TAGE=7#PROZENT=3.00#", "#SKONTO#TAGE=10#PROZENT=2.50#"]
        # BR-DE-18 of XRechnung: the form of each such line, and a line break after the last.
        form = r"#(SKONTO)#TAGE=([0-9]+#PROZENT=[0-9]+\.[0-9]{2})(#BASISBETRAG=-?[0-9]+\.[0-9]{2})?#"
        assert all(re.fullmatch(form, step) for step in steps)
        assert re.match(r"\s*\n", re.split("#.+#", told)[-1])
        abroad = replace(
            printed,
            supplier=replace(printed.supplier, country="AT"),
            buyer=replace(printed.buyer, country="FR"),
        )
        assert "#" not in terms.payment_terms(abroad)


class TestUbl:
    @every_document
    def test_is_valid_by_schema_and_schematron_and_adds_up(self, printed: InvoiceDocument) -> None:
        xml = ubl_xml(printed)

        assert xml == ubl_xml(printed)
        assert xsd_errors(xml, ROOTS[printed.kind]) == []
        assert broken_rules(xml, "CEN UBL") == set()
        assert differences(read(xml)) == []
        wanted = {lack.rule for lack in missing.for_bis(printed) if lack.rule.startswith("PEPPOL")}
        assert broken_bis_rules(xml) == wanted  # what the network refuses is told before, and no more

    def test_says_which_note_of_a_credit_note_is_its_reason(self) -> None:
        printed = DOCUMENTS["credit note"]

        assert b"<cbc:Note>#ACD#Returned early.\nWith thanks.</cbc:Note>" in ubl_xml(printed)
        assert cii_xml(printed).count(b"<ram:SubjectCode>ACD</ram:SubjectCode>") == 1

    def test_asks_a_german_credit_note_for_no_bank_account(self) -> None:
        printed = replace(DOCUMENTS["credit note"], payment_means=())
        xml = ubl_xml(printed)

        assert (printed.supplier.country, printed.buyer.country) == ("DE", "DE")
        assert missing.for_bis(printed) == ()
        assert broken_bis_rules(xml) == broken_rules(xml, "CEN UBL") == set()
        assert broken_rules(cii_xml(printed), "CEN CII") == set()
        assert b"<cbc:PaymentMeansCode>1<" in xml  # BG-16 stands there all the same: DE-R-001, BR-DE-1
        invoice = replace(document(line()), payment_means=())
        assert "DE-R-001" in broken_bis_rules(ubl_xml(invoice))


class TestMissing:
    @pytest.mark.parametrize(
        ("changes", "rule"),
        [
            ({"supplier": Party(tax_id="DE136695976")}, "BR-09"),
            ({"buyer": Buyer(name="Contoso")}, "BR-11"),
            ({"supplier": Party(country="DE")}, "BR-CO-26"),
            ({"supplier": Party(country="DE", legal_id="HRB 1")}, "BR-S-02"),
        ],
    )
    def test_names_the_rule_that_the_judges_would_break(self, changes: dict[str, object], rule: str) -> None:
        lacking = replace(document(line()), **changes)

        assert rule in {lack.rule for lack in missing.for_cii(lacking)}
        assert rule in broken_rules(cii_xml(lacking), "CEN CII")

    @pytest.mark.parametrize(
        ("category", "supplier", "rule"),
        [("AE", {}, "BR-AE-02"), ("K", {}, "BR-IC-02"), ("G", {"tax_id": ""}, "BR-G-02")],
    )
    def test_names_the_tax_numbers_that_a_category_wants(
        self, category: str, supplier: dict[str, str], rule: str
    ) -> None:
        printed = document(line(tax_category=category, tax_rate_pct=Decimal(0)))
        lacking = replace(
            printed, buyer=Buyer(name="X", country="FR"), supplier=replace(printed.supplier, **supplier)
        )

        assert rule in {lack.rule for lack in missing.for_cii(lacking)}
        assert rule in broken_rules(cii_xml(lacking), "CEN CII")

    def test_says_what_has_three_decimals_is_mixed_or_of_no_kind(self) -> None:
        def names(printed: InvoiceDocument) -> list[str]:
            return [lack.name for lack in missing.for_cii(printed)]

        no_tax = line(tax_category="O", tax_rate_pct=Decimal(0))
        assert names(document(line(), currency="KWD")) == ["currency_digits"]
        assert names(document(line(), no_tax)) == ["one_scope"]
        assert names(document(line(tax_rate_pct=Decimal(0)))) == ["standard_rate"]
        assert names(document(line(), due_on=None, payment_terms="")) == ["due"]  # BR-CO-25: no judge sees it
        assert names(replace(document(line()), kind="proforma")) == ["kind"]
        assert names(replace(document(line()), schema=1)) == ["schema"]

    def test_says_what_germany_wants_of_its_own(self) -> None:
        printed = document(line())
        lacking = replace(
            printed,
            payment_means=(),
            supplier=replace(printed.supplier, phone="", city=""),
            buyer=replace(printed.buyer, postcode="", reference=""),
        )

        assert {lack.rule for lack in missing.for_bis(lacking)} == {
            "DE-R-001", "DE-R-002", "DE-R-003", "DE-R-008", "DE-R-015",
        }  # fmt: skip
