"""Rates read from files, found directly, turned round or across the euro, and kept once."""

from __future__ import annotations

import zipfile
from datetime import date
from decimal import Decimal
from io import BytesIO

import pytest
from sqlalchemy.orm import Session

from haas.errors import InvalidInput
from invoicing.money.rate_files import UNPACKED_MAX, read_rates
from invoicing.money.rate_reader import read_limited
from invoicing.money.rate_rules import DayRate, FoundRate, resolve
from invoicing.money.rates import RateKnown, add_rates, latest
from tests.cast import NOW, Cast

DAY = date(2026, 6, 30)
ECB = b"""<?xml version="1.0" encoding="UTF-8"?>
<gesmes:Envelope xmlns:gesmes="http://www.gesmes.org/xml/2002-08-01"
  xmlns="http://www.ecb.int/vocabulary/2002-08-01/eurofxref">
 <Cube><Cube time="2026-06-30"><Cube currency="USD" rate="1.0825"/><Cube currency="GBP" rate="0.8571"/></Cube>
 <Cube time="2026-06-29"><Cube currency="USD" rate="1.0800"/></Cube></Cube>
</gesmes:Envelope>"""
HISTORY = b"Date,USD,JPY,\n2026-06-30,1.0825,162.4,\n2026-06-29,1.0800,N/A,\n"


def zipped(content: bytes, *names: str) -> bytes:
    """An archive in which each name is the same file."""
    packed = BytesIO()
    with zipfile.ZipFile(packed, "w", zipfile.ZIP_DEFLATED) as archive:
        for name in names or ("eurofxref-hist.csv",):
            archive.writestr(name, content)
    return packed.getvalue()


class TestFiles:
    def test_of_the_ecb_hold_each_day_and_currency(self) -> None:
        found = read_rates(ECB)
        assert found.source == "ecb"
        assert [(row.base, row.quote, row.day.day, row.rate) for row in found.rows] == [
            ("EUR", "USD", 30, Decimal("1.0825")),
            ("EUR", "GBP", 30, Decimal("0.8571")),
            ("EUR", "USD", 29, Decimal("1.0800")),
        ]

    def test_of_rows_may_have_headings_semicolons_and_decimal_commas(self) -> None:
        found = read_rates("day;base;quote;rate\n2026-06-30;chf;usd;1,125\n".encode("utf-8-sig"))
        (row,) = found.rows
        assert (found.source, row.rate, row.base) == ("import", Decimal("1.125"), "CHF")

    @pytest.mark.parametrize("pack", [bytes, zipped], ids=["csv", "zip"])
    def test_of_the_ecb_s_tables_have_a_column_for_each_currency(self, pack) -> None:
        found = read_rates(pack(HISTORY))
        assert found.source == "ecb"
        assert [(row.quote, row.day.day, row.rate, row.row) for row in found.rows] == [
            ("USD", 30, Decimal("1.0825"), 2),
            ("JPY", 30, Decimal("162.4"), 2),
            ("USD", 29, Decimal("1.0800"), 3),  # N/A: no rate of the yen on the 29th
        ]
        assert len(read_rates(HISTORY, since=DAY).rows) == 2
        daily = b"Date, USD, \n30 June 2026, 1.0825, \n"
        assert read_rates(daily).rows == [DayRate("EUR", "USD", DAY, Decimal("1.0825"), row=2)]

    @pytest.mark.parametrize(
        ("rates", "read"),
        [
            (['"1,234.56"', "9.5"], ["1234.56", "9.5"]),
            (['"0,9512"', '"1.234,56"'], ["0.9512", "1234.56"]),
            (['"1,234"'], "Row 1: 1,234 could be two numbers"),
            (["9.5", '"1,234"'], "Row 2: 1,234 could be two numbers"),
            (["9.5", '"0,9512"'], "Row 2: 0,9512 has another decimal sign"),
            (["1e3"], "Row 1: write the rate"),
        ],
    )
    def test_tell_a_comma_of_thousands_from_a_decimal_one_or_refuse_it(self, rates, read) -> None:
        rows = [f"2026-06-{day:02},EUR,USD,{rate}" for day, rate in enumerate(rates, start=1)]
        content = "\n".join(rows).encode()
        if isinstance(read, str):
            with pytest.raises(InvalidInput, match=read):
                read_rates(content)
        else:
            assert [row.rate for row in read_rates(content).rows] == [Decimal(rate) for rate in read]

    @pytest.mark.parametrize(
        ("names", "content", "said"),
        [
            (["a.csv"], b"0" * (UNPACKED_MAX + 1), "Unpacked, the file has more than 16 MB"),
            (["a.csv", "b.csv"], b"", "one CSV or one XML"),
            (["a.exe"], b"", "one CSV or one XML"),
            ([], b"", "cannot be unpacked"),
        ],
    )
    def test_in_archives_are_no_bombs(self, names, content, said) -> None:
        packed = zipped(content, *names) if names else b"PK\x03\x04" + b"\0" * 40
        with pytest.raises(InvalidInput, match=said):
            read_rates(packed)

    @pytest.mark.parametrize("damage", [(b"\xc3\xa9", b"\xff\xff"), (b"PK\x01\x02", b"PK\x01\xff")])
    def test_in_archives_that_are_damaged_are_refused(self, damage) -> None:
        with pytest.raises(InvalidInput, match="cannot be unpacked"):
            read_rates(zipped(HISTORY, "é.csv").replace(*damage))

    def test_are_read_in_a_process_with_limits(self) -> None:
        assert read_limited(ECB) == read_rates(ECB)
        with pytest.raises(InvalidInput, match="document type definition"):
            read_limited(b'<!DOCTYPE x [<!ENTITY a "b">]><x>&a;</x>')

    @pytest.mark.parametrize(
        ("content", "said"),
        [
            (b"2026-06-30,EUR,USD", "Row 1: give day"),
            (b"2026-06-30,EUR,USD,1.1\n30.06.2026,EUR,USD,1.1", "Row 2: write the day"),
            (b"2026-06-30,EUR,XYZ,1.1", "Row 1: 'XYZ' is no currency"),
            (b"2026-06-30,EUR,EUR,1", "Row 1: give two different"),
            (b"2026-06-30,EUR,USD,0", "Row 1: the rate is more than 0"),
            (b"2026-06-30,EUR,USD,NaN", "Row 1: write the rate as"),
            (b"2026-06-30,EUR,USD,1.123456789", "Row 1: the rate has at most 8"),
            (b"", "holds no rate"),
            (b"a" * 200_000 + b",EUR,USD,1", "rows cannot be read"),
            (b"<Cube", "XML cannot be read"),
            (b"\xff\xfe\x00", "neither"),
            (b'<!DOCTYPE x [<!ENTITY a "b">]><x>&a;</x>', "document type definition"),
        ],
    )
    def test_that_cannot_be_read_say_where(self, content: bytes, said: str) -> None:
        with pytest.raises(InvalidInput, match=said):
            read_rates(content)


class TestARate:
    def test_is_found_directly_turned_round_or_across_the_euro(self) -> None:
        known = {
            ("EUR", "USD"): FoundRate(Decimal("1.0825"), DAY, "ecb"),
            ("EUR", "GBP"): FoundRate(Decimal("0.8571"), date(2026, 6, 29), "ecb"),
        }
        assert resolve("EUR", "USD", known) == known["EUR", "USD"]
        assert resolve("USD", "EUR", known) == FoundRate(Decimal("0.923787528868"), DAY, "ecb")  # 1 / 1.0825
        across = resolve("USD", "GBP", known)  # 0.8571 / 1.0825, as old as the older one
        assert across == FoundRate(Decimal("0.791778290993"), date(2026, 6, 29), "ecb")
        assert resolve("USD", "JPY", known) is None

    def test_is_the_newest_of_the_ways_and_fine_enough_for_small_units(self) -> None:
        known = {
            ("USD", "EUR"): FoundRate(Decimal("0.91"), date(2026, 5, 1), "manual"),
            ("EUR", "USD"): FoundRate(Decimal("1.25"), DAY, "ecb"),
            ("EUR", "IDR"): FoundRate(Decimal("18950.37"), DAY, "ecb"),
        }
        assert resolve("USD", "EUR", known) == FoundRate(Decimal("0.800000000000"), DAY, "ecb")
        rupiah = resolve("IDR", "EUR", known)
        assert rupiah is not None
        assert round(110_000_000 * rupiah.rate, 2) == Decimal("5804.64")  # 110,000,000 / 18950.37


class TestOnFile:
    def test_is_kept_once_and_never_changed(self, session: Session, cast: Cast) -> None:
        rows = read_rates(ECB).rows
        assert add_rates(session, cast.tenant, rows=rows, source="ecb", at=NOW) == 3
        assert add_rates(session, cast.tenant, rows=rows, source="ecb", at=NOW) == 0
        other = DayRate("EUR", "USD", DAY, Decimal("1.09"), row=7)
        with pytest.raises(RateKnown, match=r"Row 7: EUR in USD on 30 June 2026 is on file as 1\.0825"):
            add_rates(session, cast.tenant, rows=[other], source="import", at=NOW)

    def test_holds_until_a_newer_one_and_for_a_month(self, session: Session, cast: Cast) -> None:
        add_rates(session, cast.tenant, rows=read_rates(ECB).rows, source="ecb", at=NOW)

        def held(day: date) -> Decimal | None:
            found = latest(session, cast.tenant, base="EUR", quote="USD", day=day)
            return None if found is None else found.rate

        assert (held(date(2026, 6, 29)), held(date(2026, 7, 31))) == (Decimal("1.08"), Decimal("1.0825"))
        assert (held(date(2026, 6, 28)), held(date(2026, 8, 1))) == (None, None)
