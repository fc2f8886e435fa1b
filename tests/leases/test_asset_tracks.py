"""Leases and books become spans on an asset's time axis."""

from __future__ import annotations

from datetime import UTC, datetime

from devices.tracks import Span
from leases.asset_tracks import Standing, book_spans, contract_spans


def at(text: str) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=UTC)


def told(spans: list[Span]) -> list[tuple[str, str, str | None]]:
    return [
        (span.state, f"{span.since:%y-%m}", f"{span.until:%y-%m}" if span.until else None) for span in spans
    ]


NOW = at("2026-05-01")


class TestContractSpans:
    def test_follows_the_lease_through_its_states_while_the_asset_stands_on_it(self):
        standing = Standing(at("2026-02-01"), at("2026-04-01"), "lse_1", "L-1", "ending")
        changes = {"lse_1": [(at("2026-01-01"), "active"), (at("2026-03-01"), "ending")]}

        spans = contract_spans([standing], changes, now=NOW)

        assert told(spans) == [("active", "26-02", "26-03"), ("ending", "26-03", "26-04")]
        assert {span.label for span in spans} == {"L-1"}

    def test_reaches_to_the_end_of_a_term_that_still_runs(self):
        standing = Standing(at("2026-02-01"), None, "lse_1", "L-1", "active", ends_at=at("2029-02-01"))

        assert told(contract_spans([standing], {}, now=NOW)) == [("active", "26-02", "29-02")]

    def test_stays_open_past_the_term(self):
        standing = Standing(at("2023-02-01"), None, "lse_1", "L-1", "holdover", ends_at=at("2026-02-01"))

        assert told(contract_spans([standing], {}, now=NOW)) == [("holdover", "23-02", None)]


class TestBookSpans:
    def test_is_at_cost_until_its_first_service_then_written_off_over_its_life(self):
        spans = book_spans(
            bought_at=at("2026-01-01"),
            in_service_at=at("2026-02-01"),
            written_off_at=at("2029-02-01"),
            closed_at=None,
        )

        assert told(spans) == [
            ("cost", "26-01", "26-02"),
            ("depreciating", "26-02", "29-02"),
            ("written_off", "29-02", None),
        ]

    def test_is_closed_when_it_is_disposed_of(self):
        spans = book_spans(
            bought_at=at("2026-01-01"),
            in_service_at=at("2026-02-01"),
            written_off_at=at("2029-02-01"),
            closed_at=at("2027-02-01"),
        )

        assert told(spans)[1:] == [("depreciating", "26-02", "27-02"), ("closed", "27-02", None)]

    def test_knows_an_asset_that_was_entered_after_it_went_into_service(self):
        spans = book_spans(
            bought_at=at("2026-03-01"), in_service_at=at("2026-02-01"), written_off_at=None, closed_at=None
        )

        assert told(spans) == [("depreciating", "26-02", None)]
