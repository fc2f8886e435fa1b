"""The tabs of an asset's page: what each of them shows beside the head."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any
from zoneinfo import ZoneInfo

from flask import url_for
from flask_babel import gettext as _

from devices import asset_parts
from devices.asset_history import (
    TRACK_WORDS,
    custody_track,
    health_items,
    health_track,
    state_track,
    title_track,
)
from devices.choices import names_of_people
from devices.models import Asset
from devices.past import Past, TimelineItem, health_changes_of
from devices.telemetry_models import HealthChange
from devices.timeline_words import timeline_items
from devices.tracks import draw
from haas import clock
from haas.auth.caller import Caller


def _summary(caller: Caller, asset: Asset, known: Past, places: dict[str, str]) -> dict[str, Any]:  # noqa: ARG001 - one shape for all tabs
    return {"timeline": _events(caller, known.items()[:6], places), "wipes": known.wipes[::-1]}


def _health(caller: Caller, asset: Asset, known: Past, places: dict[str, str]) -> dict[str, Any]:  # noqa: ARG001 - one shape for all tabs
    return {}


def _money(caller: Caller, asset: Asset, known: Past, places: dict[str, str]) -> dict[str, Any]:  # noqa: ARG001 - one shape for all tabs
    return {"parts": [tell(caller, asset) for tell in asset_parts.money]}


def _documents(caller: Caller, asset: Asset, known: Past, places: dict[str, str]) -> dict[str, Any]:  # noqa: ARG001 - one shape for all tabs
    papers = [
        asset_parts.Paper(
            wipe.performed_at,
            "wipe",
            _("Wipe certificate %(number)s", number=wipe.number),
            wipe.technique,
            url_for("assets.certificate", asset_id=asset.id, certificate_id=wipe.id)
            if wipe.file_id
            else None,
        )
        for wipe in known.wipes
    ]
    papers += asset_parts.papers_of(caller, asset)
    return {"papers": sorted(papers, key=lambda paper: paper.at, reverse=True)}


def _history(caller: Caller, asset: Asset, known: Past, places: dict[str, str]) -> dict[str, Any]:
    told = asset_parts.history_of(caller, asset)
    tracks = [custody_track(known.places, names=places), *told.tracks]
    if caller.tenant.client_id is None:  # a client sees no moves
        tracks += [state_track(known.moves), title_track(known.moves)]
    verdicts: Sequence[HealthChange] = ()
    if caller.may("device.read"):
        verdicts = health_changes_of(caller.session, caller.tenant, asset_id=asset.id)
        tracks.append(health_track(verdicts))
    items = [*_events(caller, known.items(), places), *told.items, *health_items(verdicts)]
    return {
        "drawing": draw(tracks, now=clock.now(), zone=ZoneInfo(caller.user.time_zone)),
        "track_words": TRACK_WORDS,
        "timeline": sorted(items, key=lambda item: item["at"], reverse=True),
    }


def _events(caller: Caller, items: Sequence[TimelineItem], places: dict[str, str]) -> list[dict[str, Any]]:
    return timeline_items(
        items, people=names_of_people(caller.session, [item.actor for item in items]), places=places
    )


TABS: dict[str, Callable[[Caller, Asset, Past, dict[str, str]], dict[str, Any]]] = {
    "summary": _summary,
    "health": _health,
    "money": _money,
    "documents": _documents,
    "history": _history,
}
