"""Money, numbers and moments as the viewer's language and zone write them."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from decimal import Decimal

import pytest
from flask import Flask
from flask_babel import force_locale

from haas import clock
from haas.portal import formatting
from haas.portal.states import STATES, look_of, word_of


@pytest.fixture(autouse=True)
def request_context(app: Flask):
    with app.test_request_context("/", headers={"Accept-Language": "en"}):
        yield


class TestFilters:
    def test_write_money_with_its_currency_and_places(self):
        assert formatting.money(Decimal("1234.5"), "USD") == "$1,234.50"
        assert formatting.money(Decimal(1235), "JPY") == "¥1,235"
        with force_locale("de"):
            assert formatting.money(Decimal("1234.5"), "EUR") == "1.234,50\u00a0€"

    def test_show_a_dash_where_there_is_nothing(self):
        nothing = [formatting.money(None, "USD"), formatting.number(None), formatting.day(None)]
        assert {*nothing, formatting.moment(None), formatting.ago(None), formatting.size(None)} == {"–"}

    def test_write_dates_for_people_and_for_programs(self):
        assert formatting.day(date(2026, 6, 15)) == '<time datetime="2026-06-15">Jun 15, 2026</time>'

    def test_write_moments_short_with_the_whole_on_hover(self):
        text = formatting.moment(datetime(2026, 6, 15, 9, 0, tzinfo=UTC))
        assert ">Jun 15, 2026, 9:00\u202fAM<" in text
        assert 'title="Jun 15, 2026, 9:00\u202fAM UTC"' in text

    def test_dot_the_day_in_german(self):
        with force_locale("de"):
            assert ">15.06.2026, 09:00<" in formatting.moment(datetime(2026, 6, 15, 9, 0, tzinfo=UTC))

    def test_say_how_long_ago(self):
        assert ">3 hours ago<" in formatting.ago(clock.now() - timedelta(hours=3))
        assert ">in 2 days<" in formatting.ago(clock.now() + timedelta(days=2))

    @pytest.mark.parametrize(
        ("count", "text"),
        [(0, "0 B"), (999, "999 B"), (1500, "1.5 kB"), (2_000_000, "2.0 MB"), (10**12, "1.0 TB")],
    )
    def test_write_sizes(self, count, text):
        assert formatting.size(count).replace("\u00a0", " ") == text


class TestStates:
    def test_have_a_word_a_known_colour_and_an_icon(self):
        looks = [look for table in STATES.values() for look in table.values()]
        assert {look.colour for look in looks} <= {"blue", "green", "amber", "red", "grey"}
        assert all(str(look.word) and look.icon for look in looks)

    def test_cover_every_state_of_the_trade(self):
        from devices.lifecycle import AssetState
        from devices.telemetry_models import COMMAND_STATES, ONLINE_STATES, VERDICTS
        from haas.alerts.models import SEVERITIES
        from leases.lifecycle import LeaseState

        wanted: dict[str, set[str]] = {
            "asset": set(AssetState),
            "lease": set(LeaseState),
            "online": set(ONLINE_STATES),
            "health": set(VERDICTS),
            "severity": set(SEVERITIES),
            "command": set(COMMAND_STATES),
        }
        for kind, states in wanted.items():
            assert states - set(STATES[kind]) == set(), kind

    def test_show_their_own_name_when_they_are_new(self):
        assert look_of("asset", "on_the_moon").word == "On the moon"
        assert word_of("holdover") == "Holdover"
