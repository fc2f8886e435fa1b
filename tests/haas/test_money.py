"""Rounding, splitting and allocating never lose or invent a minor unit."""

from decimal import Decimal
from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from haas.money import allocate, exponent, round_minor, split

CURRENCIES = st.sampled_from(["EUR", "USD", "JPY", "KWD", "HUF", "CLF"])
CENTS = st.integers(min_value=-(10**14), max_value=10**14)


def amount(units: int, currency: str) -> Decimal:
    return Decimal(f"{units}E-{exponent(currency)}")


class TestExponent:
    @pytest.mark.parametrize(
        ("currency", "places"),
        [("EUR", 2), ("JPY", 0), ("KWD", 3), ("ISK", 0), ("CLF", 4), ("HUF", 2), ("RSD", 2), ("IQD", 3)],
    )
    def test_is_that_of_iso_4217(self, currency, places):
        assert exponent(currency) == places

    @pytest.mark.parametrize("code", ["EURO", "eur", "ZZZ", ""])
    def test_refuses_what_is_no_currency(self, code):
        with pytest.raises(ValueError, match="not an ISO 4217"):
            exponent(code)


class TestRoundMinor:
    @pytest.mark.parametrize(
        ("exact", "currency", "rounded"),
        [
            ("2.345", "EUR", "2.35"),
            ("-2.345", "EUR", "-2.35"),  # away from zero, not towards plus
            ("-13.775", "EUR", "-13.78"),  # -72.50 x 19 %
            ("2.344999999999999999999999999999999999", "EUR", "2.34"),  # finer than the context's precision
            ("2.5", "JPY", "3"),
            ("0.0005", "KWD", "0.001"),
            ("12345678901234567890123456789.125", "EUR", "12345678901234567890123456789.13"),
        ],
    )
    def test_takes_a_half_away_from_zero(self, exact, currency, rounded):
        assert round_minor(Decimal(exact), currency) == Decimal(rounded)

    def test_is_exact_for_fractions(self):
        assert round_minor(Fraction(1, 3) * 3 / 2, "JPY") == 1  # exactly a half, which 0.333… x 3 / 2 is not

    @given(st.fractions(), CURRENCIES)
    def test_is_never_more_than_half_a_unit_away(self, exact, currency):
        unit = Fraction(1, 10 ** exponent(currency))
        assert abs(Fraction(round_minor(exact, currency)) - exact) <= unit / 2

    @given(st.fractions(), CURRENCIES)
    def test_treats_money_back_like_money_owed(self, exact, currency):
        # Not `-`: that would round to the context's 28 digits.
        assert round_minor(-exact, currency) == round_minor(exact, currency).copy_negate()


class TestSplit:
    def test_spreads_the_odd_cent(self):
        assert split(Decimal("100.00"), parts=3, currency="EUR") == [
            Decimal("33.33"),
            Decimal("33.34"),
            Decimal("33.33"),
        ]

    @given(CENTS, st.integers(min_value=1, max_value=400), CURRENCIES)
    def test_adds_up_and_is_even(self, units, parts, currency):
        total = amount(units, currency)
        shares = split(total, parts=parts, currency=currency)
        assert sum(shares) == total
        assert len(shares) == parts
        assert max(shares) - min(shares) <= amount(1, currency)

    def test_refuses_what_is_finer_than_the_minor_unit(self):
        with pytest.raises(ValueError, match="finer"):
            split(Decimal("1.005"), parts=2, currency="EUR")

    def test_refuses_no_parts(self):
        with pytest.raises(ValueError, match="0 parts"):
            split(Decimal(1), parts=0, currency="EUR")


class TestAllocate:
    @pytest.mark.parametrize(
        ("total", "weights", "shares"),
        [
            ("100.00", [17, 14], ["54.84", "45.16"]),  # 54.838…, 45.161…: the larger remainder gets the cent
            ("0.01", [1, 1, 1], ["0.01", "0.00", "0.00"]),  # equal remainders: the first
            ("-100.00", [17, 14], ["-54.84", "-45.16"]),
            ("10.00", [0, 5], ["0.00", "10.00"]),
        ],
    )
    def test_gives_the_odd_units_to_the_largest_remainders(self, total, weights, shares):
        assert allocate(Decimal(total), weights, currency="EUR") == [Decimal(share) for share in shares]

    @given(
        CENTS,
        st.lists(st.integers(min_value=0, max_value=10**6), min_size=1, max_size=30).filter(any),
        CURRENCIES,
    )
    def test_adds_up_and_is_within_a_unit_of_the_exact_share(self, units, weights, currency):
        total = amount(units, currency)
        shares = allocate(total, weights, currency=currency)
        assert sum(shares) == total
        for share, weight in zip(shares, weights, strict=True):
            exact = Fraction(total) * weight / sum(weights)
            assert abs(Fraction(share) - exact) < Fraction(amount(1, currency))

    @pytest.mark.parametrize("weights", [[], [0, 0], [1, -1, 2]])
    def test_refuses_weights_without_a_sum(self, weights):
        with pytest.raises(ValueError, match="weights"):
            allocate(Decimal(1), weights, currency="EUR")
