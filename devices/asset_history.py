"""What devices themselves know of an asset's life, as tracks and events: state, custody, health, title."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from flask_babel import gettext as _
from flask_babel import lazy_gettext as _l

from devices.models import AssetMove, Custody
from devices.telemetry_models import HealthChange
from devices.tracks import Change, Span, Track, spans_of, title_of

TRACK_WORDS: dict[str, Any] = {
    "state": _l("State"),
    "custody": _l("Custody"),
    "contract": _l("Contract"),
    "health": _l("Health"),
    "title": _l("Ownership"),
    "books": _l("Books"),
}


def state_track(moves: Sequence[AssetMove]) -> Track:
    """The states it went through; the reason of a move is the detail of what began with it."""
    return Track(
        "state",
        spans_of(Change(move.moved_at, "asset", move.to_state, detail=move.reason) for move in moves),
    )


def title_track(moves: Sequence[AssetMove]) -> Track:
    """Whose it was; read off its states."""
    return Track("title", spans_of(Change(move.moved_at, "title", title_of(move.to_state)) for move in moves))


def custody_track(places: Sequence[Custody], *, names: Mapping[str, str]) -> Track:
    """In whose hands it was. `names`: of clients and sites, by their ids."""
    return Track(
        "custody",
        [
            Span(
                since=place.during.lower,
                until=place.during.upper,
                kind="custody",
                state="client" if place.client_id else "ours",
                label=names.get(place.client_id or "", ""),
                detail=", ".join(filter(None, (names.get(place.site_id or "", ""), place.custodian))),
            )
            for place in places
            if place.during.lower is not None
        ],
    )


def health_track(changes: Sequence[HealthChange]) -> Track:
    """The verdicts on its device, with their reasons."""
    return Track(
        "health",
        spans_of(
            Change(change.at, "health", change.to_verdict, detail=reasons_of(change)) for change in changes
        ),
    )


def health_items(changes: Sequence[HealthChange]) -> list[dict[str, Any]]:
    """The changes of verdict as `ui.timeline` shows them."""
    return [
        {
            "at": change.at,
            "title": _("Health was judged anew"),
            "badge": ("health", change.to_verdict),
            "text": reasons_of(change),
            "icon": "heartbeat",
        }
        for change in changes
    ]


def reasons_of(change: HealthChange) -> str:
    """Why the verdict changed, in words; what is only worth a line is left out."""
    return " · ".join(str(reason["text"]) for reason in change.reasons if reason.get("level") != "note")
