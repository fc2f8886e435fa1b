"""Who paid what: the right suggestion stands first, with its reasons; and only what is certain is certain."""

from datetime import date
from decimal import Decimal
from itertools import combinations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from invoicing.bank.matching import Hint, Known, Reason, hint_key, suggest
from invoicing.bank.names import Names
from invoicing.bank.statement import StatementLine
from invoicing.bank.subsets import sums_to
from invoicing.open_items import OpenItem
from invoicing.references import creditor_reference

R = Reason
NAMES = Names({
    "contoso": ("Contoso", "Contoso Handels GmbH"),
    "fabrikam": ("Fabrikam", "Fabrikam S.L."),
    "mueller": ("Müller & Söhne", "Müller & Söhne GmbH & Co. KG"),
})  # fmt: skip


def item(number: int, client: str, amount: str, *, due: int = 1, currency: str = "EUR") -> OpenItem:
    return OpenItem(
        invoice_id=f"inv{number}", number=f"INV-2026-{number:05d}", client_id=client, currency=currency,
        open=Decimal(amount), due_on=date(2026, 6, due), issued_on=date(2026, 5, 1), total=Decimal(amount),
    )  # fmt: skip


ITEMS = [
    item(41, "contoso", "100.00"),
    item(42, "contoso", "119.00", due=2),
    item(43, "contoso", "81.00", due=3),
    item(44, "contoso", "11.50", due=4),
    item(51, "fabrikam", "119.00"),
    item(52, "fabrikam", "500.00", due=2),
    item(53, "fabrikam", "119.00", currency="USD"),
    item(61, "mueller", "70.00"),
]
HINTS = [
    Hint(kind="iban", key="DE02120300000000202051", client_id="contoso", confirmed=2),
    Hint(kind="iban", key="DE75512108001245126199", client_id="contoso", confirmed=1, refuted=2),
    Hint(kind="name", key=hint_key("name", "Holding Nord"), client_id="fabrikam", confirmed=1),
]
KNOWN = Known(items=ITEMS, hints=HINTS, names=NAMES)
RF42 = creditor_reference("INV-2026-00042")


def line(amount: str, text: str = "", **said) -> StatementLine:
    day = date(2026, 6, 5)
    return StatementLine(
        entry=1, booked_on=day, value_on=day, amount=Decimal(amount), currency="EUR", text=text, **said
    )


# What came in; then client, what it pays, what is left over, the reasons, and whether it is certain.
CASES = [
    ("RF and amount", line("119.00", f"Danke {RF42}"),
     ("contoso", {"inv42": "119.00"}, "0", {R.REFERENCE, R.AMOUNT}, True)),
    ("structured RF", line("119.00", reference=RF42),
     ("contoso", {"inv42": "119.00"}, "0", {R.REFERENCE, R.AMOUNT}, True)),
    ("number in words", line("119.00", "Rechnung INV 2026-42"),
     ("contoso", {"inv42": "119.00"}, "0", {R.NUMBER, R.AMOUNT}, False)),
    ("two numbers", line("200.00", "INV-2026-00042 INV-2026-00043"),
     ("contoso", {"inv42": "119.00", "inv43": "81.00"}, "0", {R.NUMBER, R.SUM}, False)),
    ("one named, another fits", line("200.00", "INV-2026-00042 u.a."),
     ("contoso", {"inv42": "119.00", "inv43": "81.00"}, "0", {R.NUMBER, R.SUM}, False)),
    ("part payment", line("50.00", RF42),
     ("contoso", {"inv42": "50.00"}, "0", {R.REFERENCE, R.PART}, False)),
    ("bank kept its fee", line("114.00", RF42),
     ("contoso", {"inv42": "114.00"}, "0", {R.REFERENCE, R.FEES}, False)),
    ("overpaid", line("120.00", RF42),
     ("contoso", {"inv42": "119.00"}, "1.00", {R.REFERENCE, R.OVER}, False)),
    ("RF, but another's account", line("119.00", RF42, counterparty_name="Holding Nord"),
     ("contoso", {"inv42": "119.00"}, "0", {R.REFERENCE, R.AMOUNT}, False)),
    ("account known", line("119.00", counterparty_iban="DE02 1203 0000 0000 2020 51"),
     ("contoso", {"inv42": "119.00"}, "0", {R.AMOUNT, R.IBAN}, False)),
    ("account known, several", line("219.00", counterparty_iban="DE02120300000000202051"),
     ("contoso", {"inv41": "100.00", "inv42": "119.00"}, "0", {R.SUM, R.IBAN}, False)),
    ("account known, oldest first", line("150.00", counterparty_iban="DE02120300000000202051"),
     ("contoso", {"inv41": "100.00", "inv42": "50.00"}, "0", {R.OLDEST, R.IBAN}, False)),
    ("name learned", line("500.00", counterparty_name="HOLDING NORD GMBH"),
     ("fabrikam", {"inv52": "500.00"}, "0", {R.AMOUNT, R.KNOWN_NAME}, False)),
    ("name alike", line("70.00", counterparty_name="MUELLER U. SOEHNE GMBH U. CO"),
     ("mueller", {"inv61": "70.00"}, "0", {R.AMOUNT, R.NAME}, False)),
    ("more than all", line("1000.00", counterparty_name="Müller & Söhne"),
     ("mueller", {"inv61": "70.00"}, "930.00", {R.OLDEST, R.OVER, R.NAME}, False)),
    ("amount alone", line("500.00", counterparty_name="Somebody"),
     ("fabrikam", {"inv52": "500.00"}, "0", {R.AMOUNT}, False)),
    ("year and number alone", line("119.00", "Rg 2026-00042"),
     ("contoso", {"inv42": "119.00"}, "0", {R.DIGITS, R.AMOUNT}, False)),
]  # fmt: skip


class TestSuggest:
    @pytest.mark.parametrize(
        ("came", "wanted"), [case[1:] for case in CASES], ids=[case[0] for case in CASES]
    )
    def test_puts_the_right_one_first(self, came, wanted):
        client, paid, left, reasons, is_certain = wanted
        best = suggest(came, known=KNOWN)[0]
        assert (best.client_id, dict(best.allocations)) == (client, {k: Decimal(v) for k, v in paid.items()})
        assert (best.to_balance, set(best.reasons), best.is_certain) == (Decimal(left), reasons, is_certain)

    def test_shows_both_where_an_amount_fits_two_clients(self):
        found = suggest(line("119.00"), known=KNOWN)
        assert [one.client_id for one in found] == ["fabrikam", "contoso"]  # the one due longest first
        assert not any(one.is_certain for one in found)

    def test_forgets_a_rule_that_was_wrong_more_often(self):
        found = suggest(line("77.00", counterparty_iban="DE75512108001245126199"), known=KNOWN)
        assert found == []

    @pytest.mark.parametrize("came", [line("-119.00", RF42), line("1.23", "Thank you")])
    def test_says_nothing_of_what_it_cannot_tell(self, came):
        assert suggest(came, known=KNOWN) == []

    def test_pays_no_invoice_of_another_currency(self):
        assert all("inv53" not in dict(one.allocations) for one in suggest(line("119.00"), known=KNOWN))

    @settings(max_examples=60, deadline=None)
    @given(st.integers(1, 90_000), st.sampled_from(["", RF42, "INV-2026-00041", "2026-00052"]))
    def test_never_spends_more_than_came_in_nor_than_is_open(self, cents, text):
        came = line(str(Decimal(cents) / 100), text, counterparty_iban="DE02120300000000202051")
        still_open = {one.invoice_id: one.open for one in ITEMS}
        for one in suggest(came, known=KNOWN):
            assert sum(amount for _, amount in one.allocations) + one.to_balance == came.amount
            assert one.to_balance >= 0
            assert all(0 < amount <= still_open[invoice_id] for invoice_id, amount in one.allocations)


class TestSumsTo:
    @settings(max_examples=60, deadline=None)
    @given(st.lists(st.integers(1, 30).map(Decimal), max_size=8), st.integers(1, 120).map(Decimal))
    def test_finds_a_set_if_and_only_if_there_is_one(self, amounts, total):
        sets = [
            places
            for size in range(2, len(amounts) + 1)
            for places in combinations(range(len(amounts)), size)
            if sum(amounts[place] for place in places) == total
        ]
        found = sums_to(amounts, total=total)
        assert set(found) <= set(sets)
        assert len(found) == min(len(sets), 2)

    def test_gives_up_in_time(self):
        assert sums_to([Decimal(2)] * 40, total=Decimal(41)) == []  # no even number is 41, in 2^40 ways

    def test_knows_all_of_many(self):
        amounts = [Decimal(100 + place) for place in range(20)]
        assert sums_to(amounts, total=sum(amounts, Decimal(0))) == [tuple(range(20))]


class TestNames:
    @pytest.mark.parametrize(
        ("written", "clients"),
        [
            ("CONTOSO HANDELS GMBH", ["contoso"]),
            ("Handels Contoso", ["contoso"]),
            ("Contoso Handelsg", ["contoso"]),
            ("FABRIKAM, S.L.", ["fabrikam"]),
            ("Mueller & Soehne", ["mueller"]),
            ("Muster GmbH", []),
            ("GmbH", []),
        ],
    )
    def test_are_known_however_a_bank_writes_them(self, written, clients):
        assert NAMES.like(written) == clients
