"""Days that SEPA settles on, and the files that order debits and transfers."""

from datetime import UTC, date, datetime
from decimal import Decimal

import pytest
from lxml import etree

from haas.errors import InvalidInput
from invoicing.bank.pain import DEBIT_FORMATS, Debit, OwnSide, Transfer, direct_debits, tidy, transfers
from invoicing.bank.target_days import is_target_day, target_day_from, target_days_after

OWN = OwnSide(
    name="Kontor Süd GmbH", iban="DE89370400440532013000", bic="COBADEFFXXX", creditor_id="DE98ZZZ09999999999"
)
AT = datetime(2026, 11, 30, 9, 0, tzinfo=UTC)


def debit(place: int, amount: str, sequence: str = "RCUR") -> Debit:
    return Debit(
        end_to_end_id=f"COL-2026-00001-{place}", name="Müller & Söhne", iban="DE02120300000000202051",
        amount=Decimal(amount), mandate=f"M-{place}", signed_on=date(2026, 1, 5), sequence=sequence,
        text="INV-2026-00042",
    )  # fmt: skip


def order(debits, **options) -> bytes:
    return direct_debits(
        debits, own=OWN, message_id="COL-2026-00001", scheme="CORE", collect_on=date(2026, 12, 7),
        created_at=AT, **options,
    )  # fmt: skip


class TestTargetDays:
    @pytest.mark.parametrize(
        ("day", "is_open"),
        [
            ("2026-04-03", False),  # Good Friday
            ("2026-04-06", False),  # Easter Monday
            ("2026-04-07", True),
            ("2026-05-01", False),
            ("2026-05-14", True),  # Ascension: closed in Germany, open in TARGET
            ("2026-12-24", True),
            ("2026-12-25", False),
            ("2026-12-26", False),
            ("2026-11-28", False),  # a Saturday
        ],
    )
    def test_are_the_ecbs(self, day, is_open):
        assert is_target_day(date.fromisoformat(day)) == is_open

    def test_are_counted_over_holidays(self):
        assert target_day_from(date(2026, 4, 3)) == date(2026, 4, 7)
        assert target_days_after(date(2026, 12, 23), 2) == date(2026, 12, 28)  # 24, then Christmas, a weekend


class TestDirectDebits:
    @pytest.mark.parametrize("file_format", DEBIT_FORMATS)
    def test_add_up_in_the_file_that_the_schema_allows(self, file_format):
        content = order(
            [debit(1, "119.00"), debit(2, "0.01"), debit(3, "5.50", "FRST")], file_format=file_format
        )
        root = etree.fromstring(content)
        space = {"p": etree.QName(root).namespace}
        sums = [str(element.text) for element in root.iterfind(".//p:CtrlSum", space)]
        assert sums[0] == "124.51"
        assert sorted(sums[1:]) == ["119.01", "5.50"]  # one batch for each sequence
        told = [element.text for element in root.iterfind(".//p:PmtInfId", space)]
        assert told == ["COL-2026-00001-1", "COL-2026-00001-2"]

    def test_are_the_same_bytes_for_the_same_order(self):
        assert order([debit(1, "119.00")]) == order([debit(1, "119.00")])

    @pytest.mark.parametrize("amount", ["0", "0.001", "1000000000.00"])
    def test_refuse_what_no_bank_takes(self, amount):
        with pytest.raises(InvalidInput, match="no amount"):
            order([debit(1, amount)])

    def test_refuse_an_empty_order(self):
        with pytest.raises(InvalidInput, match="nothing to order"):
            order([])


class TestTransfers:
    def test_are_in_a_file_that_the_schema_allows(self):
        payment = Transfer(
            end_to_end_id="REF-1", name="Café Ñandú S.L.", iban="ES9121000418450200051332",
            amount=Decimal("31.52"), text="Your credit",
        )  # fmt: skip
        content = transfers([payment], own=OWN, message_id="REF-1", pay_on=date(2026, 12, 7), created_at=AT)
        assert b"<CtrlSum>31.52</CtrlSum>" in content
        assert b"Cafe Nandu S.L." in content


class TestTidy:
    @pytest.mark.parametrize(
        ("text", "told"), [("Müller & Söhne", "Mueller . Soehne"), ("北京", ".."), ("\n", ".")]
    )
    def test_is_in_letters_that_every_bank_takes(self, text, told):
        assert tidy(text, most=70) == told
