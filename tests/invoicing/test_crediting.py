"""How much of a billed line goes back: by amount, by pieces and by days."""

from __future__ import annotations

from dataclasses import replace
from datetime import date
from decimal import Decimal
from itertools import pairwise

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from haas.calendar import Period
from haas.errors import InvalidInput
from haas.money import round_places
from invoicing.crediting import AlreadyCredited, Creditable, CreditedBy, Part, give_back, price_of
from invoicing.taxes import TaxableLine, TaxedSoFar, tax_given_back, tax_within
from leases.terms import Proration

D = Decimal
JULY = Period(date(2026, 7, 1), date(2026, 8, 1))
LINE = Creditable(
    position=1, net=D(100), left=D(100), quantity=D(3), quantity_left=D(3), currency="EUR", period=JULY
)


def credited(line: Creditable, *parts: Part) -> list[Decimal]:
    """What each part takes, one after the other."""
    nets = []
    for part in parts:
        taken = give_back(line, part)
        nets.append(taken.net)
        line = replace(
            line,
            left=line.left - taken.net,
            quantity_left=line.quantity_left - (taken.quantity if taken.by is CreditedBy.QUANTITY else 0),
            days_credited=[*line.days_credited, taken.period]
            if taken.by is CreditedBy.DAYS and taken.period
            else line.days_credited,
        )
    return nets


class TestGiveBack:
    def test_by_pieces_shares_what_is_left_and_the_last_takes_the_rest(self) -> None:
        one = Part(quantity=D(1))

        assert credited(LINE, one, one, one) == [
            D("33.33"),
            D("33.34"),
            D("33.33"),
        ]  # 100; 66.67 / 2; the rest
        assert credited(LINE, Part(quantity=D(2)), one) == [D("66.67"), D("33.33")]
        # After 10.00 off for a wrong price, a piece is worth 90.00 / 3.
        assert credited(LINE, Part(amount=D(10)), one, Part()) == [D(10), D(30), D(60)]

    @pytest.mark.parametrize(
        ("proration", "start", "until", "net"),
        [
            ("actual_period", date(2026, 7, 20), None, "38.71"),  # 100 x 12/31
            ("actual_period", date(2026, 7, 10), date(2026, 7, 15), "16.13"),  # 100 x 5/31
            ("thirty_day", date(2026, 7, 21), None, "33.33"),  # 100 x 10/30: the 31st costs nothing
            ("none", date(2026, 7, 20), None, "100.00"),  # owed only if it was complete
            ("whole", JULY.start, None, "100.00"),
        ],
    )
    def test_by_days_goes_by_the_proration_of_the_lease(
        self, proration: str, start: date, until: date | None, net: str
    ) -> None:
        line = replace(LINE, proration=Proration(proration))

        assert give_back(line, Part(start=start, until=until)).net == D(net)

    def test_by_days_gives_back_all_when_every_day_went_back_in_parts(self) -> None:
        first, second = Part(start=date(2026, 7, 25)), Part(start=date(2026, 7, 11), until=date(2026, 7, 25))
        rest = Part(until=date(2026, 7, 11))

        nets = credited(LINE, first, second, rest)

        assert nets == [D("22.58"), D("45.16"), D("32.26")]  # 7/31 of 100; 14/24 of 77.42; the rest
        assert sum(nets) == LINE.net

    @pytest.mark.parametrize(
        ("line", "part", "words"),
        [
            (LINE, Part(amount=D("100.01")), "Only 100 EUR"),
            (LINE, Part(quantity=D(4)), "only 3 of 3 are left"),
            (replace(LINE, days_credited=[JULY]), Part(start=date(2026, 7, 31)), "credited already"),
            (replace(LINE, left=D(0)), Part(quantity=D(1)), "nothing is left"),
        ],
    )
    def test_never_gives_back_more_than_is_left(self, line: Creditable, part: Part, words: str) -> None:
        with pytest.raises(AlreadyCredited, match=words):
            give_back(line, part)

    @pytest.mark.parametrize(
        ("line", "part", "words"),
        [
            (LINE, Part(amount=D(1), quantity=D(1)), "one of them"),
            (LINE, Part(amount=D("0.001")), "no amount of EUR"),
            (LINE, Part(quantity=D(0)), "more than no piece"),
            (LINE, Part(start=date(2026, 8, 1)), "from 01 July 2026 to 31 July 2026"),
            (LINE, Part(start=date(2026, 7, 5), until=date(2026, 7, 5)), "choose days"),
            (replace(LINE, period=None), Part(start=JULY.start), "for no period of days"),
            (replace(LINE, proration=Proration.WHOLE), Part(start=date(2026, 7, 9)), "is owed whole"),
            (
                replace(LINE, proration=Proration.THIRTY_DAY),
                Part(start=date(2026, 7, 30), until=date(2026, 7, 31)),  # 30E/360: day 30 to day 30
                "comes to nothing",
            ),
        ],
    )
    def test_says_what_cannot_be_and_what_to_do(self, line: Creditable, part: Part, words: str) -> None:
        with pytest.raises(InvalidInput, match=words):
            give_back(line, part)

    @given(
        net=st.decimals(min_value="0.05", max_value="99999", places=2),
        pieces=st.integers(2, 400),
        data=st.data(),
    )
    @settings(max_examples=60, deadline=None)
    def test_never_loses_a_cent_and_prints_a_price_that_comes_to_the_net(
        self, net: Decimal, pieces: int, data: st.DataObject
    ) -> None:
        some = data.draw(st.integers(1, pieces - 1))
        line = replace(LINE, net=net, left=net, quantity=D(pieces), quantity_left=D(pieces))
        if round_places(net * some / pieces, 2) == 0:
            return
        first = give_back(line, Part(quantity=D(some)))
        price, base = price_of(first)
        rest = replace(line, left=net - first.net, quantity_left=D(pieces - some))

        assert round_places(first.quantity * price / base, 2) == first.net
        if rest.left:
            assert first.net + give_back(rest, Part(quantity=D(pieces - some))).net == net


class TestTaxGivenBack:
    def test_of_all_credit_notes_comes_to_what_was_charged(self) -> None:
        key, taxes = ("S", D(19)), []
        before = TaxedSoFar()
        for net in ("33.33", "33.33", "33.34"):
            taxed = tax_given_back(
                [TaxableLine(-D(net), *key)],
                before={key: before},
                charged={key: TaxedSoFar(D(100), D(19))},
                currency="EUR",
            )
            (tax,) = taxed.taxes
            taxes.append(tax)
            before = TaxedSoFar(before.taxable - D(net), before.tax + tax)

        assert taxes == [D("-6.33"), D("-6.34"), D("-6.33")]  # 6.3327; 12.6654 - 6.33; 19.00 - 12.67

    @given(
        gross=st.decimals(min_value="0.01", max_value="500", places=2),
        rate=st.sampled_from([D(5), D(7), D("7.7"), D(19), D(25)]),
        cuts=st.lists(st.decimals(min_value=0, max_value=1, places=3), max_size=4),
    )
    @settings(max_examples=200, deadline=None)
    def test_comes_to_what_the_prices_contained_in_however_many_parts_and_beside_whatever(
        self, gross: Decimal, rate: Decimal, cuts: list[Decimal]
    ) -> None:
        (tax,), (net,) = _contained(gross, rate)
        key, other = ("S", rate), ("E", D(0))  # of which something is always left: no part is the last
        ends = sorted({round_places(net * cut, 2) for cut in cuts} | {net})
        before, given_back = TaxedSoFar(), []
        for part in (end - start for start, end in pairwise([D(0), *ends]) if end > start):
            taxed = tax_given_back(
                [TaxableLine(-part, *key), TaxableLine(D("-0.01"), *other)],
                before={key: before},
                charged={key: TaxedSoFar(net, tax), other: TaxedSoFar(D(1000), D(0))},
                currency="EUR",
            )
            given_back.append(-taxed.taxes[0])
            before = TaxedSoFar(before.taxable - part, before.tax + taxed.taxes[0])

        assert sum(given_back) == tax
        assert all(each >= 0 for each in given_back)


def _contained(gross: Decimal, rate: Decimal) -> tuple[tuple[Decimal, ...], tuple[Decimal, ...]]:
    taxed, nets = tax_within([TaxableLine(gross, "S", rate)], currency="EUR")
    return taxed.taxes, nets
