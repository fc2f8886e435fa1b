"""Dated facts of leases and books -> the spans that an asset's time axis shows. Pure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

from devices.tracks import Change, Span, clipped, spans_of


@dataclass(frozen=True, slots=True)
class Standing:
    """An asset's time on a lease. `ends_at`: when the lease's term ends, if it is not past its term."""

    since: datetime
    until: datetime | None
    lease_id: str
    lease_number: str
    lease_state: str
    ends_at: datetime | None = None
    href: str | None = None


def contract_spans(
    standings: Sequence[Standing], changes: Mapping[str, Sequence[tuple[datetime, str]]], *, now: datetime
) -> list[Span]:
    """One span for each state that a lease was in while the asset stood on it.

    :param changes: lease id -> when it came into which state; for one of which nothing is known, its
        present state counts for the whole time.
    """
    spans: list[Span] = []
    for standing in sorted(standings, key=lambda each: each.since):
        known = changes.get(standing.lease_id) or [(standing.since, standing.lease_state)]
        states = spans_of(Change(at, "lease", state) for at, state in known)
        parts = clipped(states, since=standing.since, until=standing.until)
        if parts and standing.until is None and standing.ends_at is not None and standing.ends_at > now:
            parts[-1] = replace(parts[-1], until=standing.ends_at)
        spans += [replace(part, label=standing.lease_number, href=standing.href) for part in parts]
    return spans


def book_spans(
    *,
    bought_at: datetime,
    in_service_at: datetime | None,
    written_off_at: datetime | None,
    closed_at: datetime | None,
    detail: Any = "",
) -> list[Span]:
    """At cost until its first service, written off over its life, then at its residual value; or closed.

    :param written_off_at: the end of its life, if the book knows one.
    """
    changes = [Change(min(bought_at, in_service_at or bought_at), "book", "cost")]
    if in_service_at is not None:
        changes.append(Change(in_service_at, "book", "depreciating", detail=detail))
        if written_off_at is not None:
            changes.append(Change(max(written_off_at, in_service_at), "book", "written_off"))
    spans = spans_of(changes)
    if closed_at is not None:
        spans = clipped(spans, since=spans[0].since, until=closed_at)
        return [*spans, Span(closed_at, None, "book", "closed")]
    return spans
