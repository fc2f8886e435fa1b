"""Every wrong figure or code is caught by somebody: a check that cannot fail is no check."""

from __future__ import annotations

import json
from collections.abc import Callable
from datetime import date
from decimal import Decimal
from functools import cache
from pathlib import Path
from typing import Any

import pytest

from invoicing.document import Allowance, InvoiceDocument, Reference
from invoicing.einvoice.cii import cii_xml
from invoicing.einvoice.reading import MOST_BYTES, NotAnInvoice, read
from invoicing.einvoice.recompute import TaxRule, differences, rule_of
from invoicing.einvoice.ubl import ubl_xml
from tests.invoicing.einvoice.bis_rules import broken_bis_rules
from tests.invoicing.einvoice.documents import document, everything, line
from tests.invoicing.einvoice.judges import broken_rules, xsd_errors

ORACLES = Path(__file__).parents[4] / "shared" / "ground_truth" / "invoice_totals.json"
SUMS = ("line_total", "tax_exclusive", "tax_inclusive", "prepaid", "rounding", "payable")
D = Decimal


@cache
def sample() -> bytes:
    """2 × 50.00 with 5.00 off, 1 × 12.34; 10.00 off all of it; 97.34 + 18.49 = 115.83; 15.83 is paid."""
    off = Allowance(description="Off", amount=D("-5.00"))
    less = Allowance(description="Less", amount=D("-10.00"), tax_rate_pct=D(19))
    printed = document(
        line("50.00", quantity=D(2), allowances=(off,)), line("12.34"), allowances=(less,), prepaid=D("15.83")
    )
    return cii_xml(printed)


# What is written instead of what, and who must see it: an exact sum (BT), a rule (BR) or the schema.
MUTATIONS = {
    "line net": (">95.00<", ">95.01<", "BT-131 of line 1"),
    "price": (">50<", ">100<", "BT-131 of line 1"),
    "quantity": (">2<", ">3<", "BT-131 of line 1"),
    "line allowance": (">5.00<", ">5.01<", "BT-131 of line 1"),
    "sum of lines": ("LineTotalAmount>107.34<", "LineTotalAmount>107.35<", "BT-106"),
    "sum of allowances": ("AllowanceTotalAmount>10.00<", "AllowanceTotalAmount>10.01<", "BT-107"),
    "document allowance": ("ActualAmount>10.00<", "ActualAmount>10.01<", "BT-107"),
    "net total": ("TaxBasisTotalAmount>97.34<", "TaxBasisTotalAmount>97.35<", "BT-109"),
    "basis": ("BasisAmount>97.34<", "BasisAmount>97.33<", "BT-116 of S 19 %"),
    "tax by a cent": ("CalculatedAmount>18.49<", "CalculatedAmount>18.50<", "BT-117 of S 19 %"),
    "tax by 99 cents": ("CalculatedAmount>18.49<", "CalculatedAmount>19.48<", "BT-117 of S 19 %"),
    "tax total": (">18.49</ram:TaxTotalAmount", ">18.50</ram:TaxTotalAmount", "BT-110"),
    "total": ("GrandTotalAmount>115.83<", "GrandTotalAmount>115.84<", "BT-112"),
    "prepaid": ("TotalPrepaidAmount>15.83<", "TotalPrepaidAmount>15.82<", "BT-115"),
    "due": ("DuePayableAmount>100.00<", "DuePayableAmount>99.99<", "BT-115"),
    "rate of a line": (
        "19</ram:RateApplicablePercent></ram:ApplicableTradeTax><ram:Billing",
        "7</ram:RateApplicablePercent></ram:ApplicableTradeTax><ram:Billing", "BT-116 of S 7 %",
    ),
    "three decimals": ("DuePayableAmount>100.00<", "DuePayableAmount>100.000<", "BR-DEC-18"),
    "negative price": ("ChargeAmount>50<", "ChargeAmount>-50<", "BR-27"),
    "country UK": ("CountryID>DE<", "CountryID>UK<", "BR-CL-14"),
    "unit PIECES": ('unitCode="MON"', 'unitCode="PIECES"', "BR-CL-23"),
    "currency EURO": ("InvoiceCurrencyCode>EUR<", "InvoiceCurrencyCode>EURO<", "BR-CL-04"),
    "type": ("TypeCode>380<", "TypeCode>999<", "BR-CL-01"),
    "category": ("CategoryCode>S<", "CategoryCode>X<", "BR-CL-18"),
    "no number": ("<ram:ID>NW-2026-00123</ram:ID>", "", "schema"),
    "elements swapped": ("<ram:Name>Contoso Logistics SE</ram:Name>", "<ram:Nom>Contoso</ram:Nom>", "schema"),
}  # fmt: skip


class TestMutations:
    def test_find_nothing_wrong_with_the_sample(self) -> None:
        assert seen(sample()) == set()

    @pytest.mark.parametrize(("old", "new", "by"), MUTATIONS.values(), ids=MUTATIONS)
    def test_are_caught(self, old: str, new: str, by: str) -> None:
        changed = sample().decode().replace(old, new)

        assert changed.encode() != sample(), "the sample has changed: this mutation does nothing"
        assert by in seen(changed.encode())

    @pytest.mark.parametrize(
        ("old", "new", "rule"),
        [
            ("<cbc:BuyerReference>04011000-12345-34</cbc:BuyerReference>", "", ""),  # the order is enough
            ("<cac:OrderReference><cbc:ID>PO 4500012345</cbc:ID>", "<cac:OrderReference><cbc:UUID/>", "R008"),
            (' schemeID="9930">DE129273398</cbc:EndpointID>', ' schemeID="9930"> </cbc:EndpointID>', "R008"),
            ("poacc:billing:01", "poacc:bill:01", "R007"),
            ('PriceAmount currencyID="EUR">29.9<', 'PriceAmount currencyID="EUR">29.91<', "R120"),
            ('PriceAmount currencyID="EUR"', 'PriceAmount currencyID="USD"', "R051"),
            ("StartDate>2026-11-01</cbc:StartDate>", "StartDate>2026-11-02</cbc:StartDate>", "R110"),
        ],
    )  # fmt: skip
    def test_of_ubl_are_caught_by_the_rules_of_the_network(self, old: str, new: str, rule: str) -> None:
        xml = ubl_xml(document(line(), notes=("x",))).decode()
        changed = xml.replace(old, new, 1)

        assert changed != xml
        assert broken_bis_rules(changed.encode()) == ({f"PEPPOL-EN16931-{rule}"} if rule else set())


def seen(xml: bytes) -> set[str]:
    """All that anybody finds wrong."""
    found = {"schema"} if xsd_errors(xml, "cii") else set()
    found |= broken_rules(xml, "CEN CII")
    try:
        return found | {each.term for each in differences(read(xml))}
    except NotAnInvoice:
        return found | {"unreadable"}


class TestRecompute:
    def test_takes_tax_out_of_a_price_that_contains_it_only_if_told_so(self) -> None:
        # 0.22 with 19 % in it: 0.035, so 0.04 and 0.18; on top of 0.18 it is 0.0342, so 0.03.
        on_top = cii_xml(document(line("0.18"))).decode()
        contained = on_top.replace(">0.03<", ">0.04<").replace(">0.21<", ">0.22<").encode()

        assert differences(read(contained), tax=TaxRule.CONTAINED) == []
        assert {each.term for each in differences(read(contained))} == {
            "BT-117 of S 19 %", "BT-110", "BT-112", "BT-115",
        }  # fmt: skip

    @pytest.mark.parametrize(
        ("kind", "tax", "rule"),
        [
            ("credit_note", "6.33", TaxRule.ON_TOP),  # 33.33 at 19 %: 6.3327
            ("credit_note", "6.34", TaxRule.IN_PARTS),  # the second of three: 12.6654 - 6.33
            ("credit_note", "6.35", None),
            ("invoice", "6.34", None),  # has none before it
        ],
    )
    @pytest.mark.parametrize("write", [cii_xml, ubl_xml])
    def test_lets_a_credit_note_after_others_take_a_cent_that_their_rounding_left(
        self, kind: str, tax: str, rule: TaxRule | None, write: Callable[[InvoiceDocument], bytes]
    ) -> None:
        earlier = (Reference(kind="invoice", number="NW-1", issued_on=date(2026, 11, 1)),)
        xml = write(document(line("33.33"), kind=kind, references=earlier)).decode()
        changed = xml.replace(">6.33<", f">{tax}<").replace(">39.66<", f">{D('33.33') + D(tax)}<")

        assert rule_of(read(changed.encode())) == rule

    @pytest.mark.parametrize(
        ("xml", "words"),
        [
            (b"not xml", "not XML"),
            (b"<a/>", "neither"),
            (b'<!DOCTYPE a [<!ENTITY b "c">]><a>&b;</a>', "document type"),
            (b'<!DOCTYPE a SYSTEM "file:///etc/passwd"><a/>', "document type"),
            (b" " * (MOST_BYTES + 1), "larger"),
        ],
    )
    def test_refuses_what_is_no_e_invoice(self, xml: bytes, words: str) -> None:
        with pytest.raises(NotAnInvoice, match=words):
            read(xml)

    @pytest.mark.parametrize("amount", ["NaN", "1e999999999", "x", "Infinity"])
    def test_refuses_an_amount_that_is_no_number(self, amount: str) -> None:
        with pytest.raises(NotAnInvoice, match="not a number"):
            read(sample().replace(b">115.83<", f">{amount}<".encode()))


@pytest.mark.skipif(not ORACLES.exists(), reason="the ground truth is not beside this tree")
class TestGroundTruth:
    def test_writes_the_official_invoices_with_their_published_totals(self) -> None:
        cases = json.loads(ORACLES.read_text())["cases"]
        assert len(cases) >= 25

        for case in cases:
            printed, expected = official(case["inputs"]), case["expected"]
            for xml in (cii_xml(printed), ubl_xml(printed)):
                stated = read(xml)
                assert differences(stated) == [], case["id"]
                assert list(stated.totals.line_nets) == [D(net) for net in expected["line_nets"]], case["id"]
                assert {(row.category, row.basis, row.tax) for row in stated.totals.vat} == {
                    (row["cat"], D(row["basis"]), D(row["tax"])) for row in expected["vat"]
                }, case["id"]
                for name in SUMS:
                    assert getattr(stated.totals, name) == D(expected["totals"][name] or 0), (
                        case["id"],
                        name,
                    )


def official(inputs: dict[str, Any]) -> InvoiceDocument:
    """The document of a published invoice; what it takes off twice (an allowance below zero) is added."""

    def allowance(each: dict[str, Any]) -> Allowance:
        sign = 1 if each["charge"] else -1
        rate = D(each.get("vat_rate") or 0)
        category = each.get("vat_cat", "S")
        return Allowance(
            description="x", amount=sign * D(each["amount"]), tax_rate_pct=rate, tax_category=category
        )

    return document(
        *(
            line(
                str(abs(D(row["price"]))),
                quantity=D(row["qty"]).copy_sign(D(row["qty"]) * D(row["price"])),
                base_quantity=D(row["base_qty"]),
                tax_category=row["vat_cat"],
                tax_rate_pct=D(row["vat_rate"] or 0),
                allowances=tuple(allowance(each) for each in row["allowance_charges"]),
            )
            for row in inputs["lines"]
        ),
        kind=inputs["kind"],
        currency=inputs["currency"],
        allowances=tuple(allowance(each) for each in inputs["doc_allowance_charges"]),
        prepaid=D(inputs["prepaid"] or 0),
        rounding=D(inputs["rounding"] or 0),
    )


def test_every_document_is_different() -> None:
    assert len({cii_xml(each) for each in everything().values()}) == len(everything())
