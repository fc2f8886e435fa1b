"""What happened to an asset, in words for people."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from flask_babel import gettext as _
from flask_babel import lazy_gettext as _l

from devices.actions import BY_VERB
from devices.past import TimelineItem

# fmt: off
_DONE: dict[str, Any] = {
    "register":       _l("Entered into the fleet"),
    "receive":        _l("Received"),
    "stage":          _l("Staging started"),
    "make_ready":     _l("Made ready"),
    "reserve":        _l("Reserved"),
    "release":        _l("Released"),
    "ship":           _l("Handed to the courier"),
    "accept":         _l("Accepted by the client"),
    "refuse":         _l("Delivery refused"),
    "send_to_repair": _l("Sent to repair"),
    "restore":        _l("Back in service"),
    "recall":         _l("Return requested"),
    "keep":           _l("Return called off"),
    "collect":        _l("Collected"),
    "dock":           _l("Taken in"),
    "grade":          _l("Inspected"),
    "refurbish":      _l("Refurbishing started"),
    "restock":        _l("Back in stock"),
    "retire":         _l("Retired"),
    "dispose":        _l("Disposed"),
    "buy_out":        _l("Sold to the client"),
    "report_lost":    _l("Reported lost"),
    "report_stolen":  _l("Reported stolen"),
    "recover":        _l("Found again"),
}
# fmt: on
_ACTORS = {
    "job": _l("automatically"),
    "device": _l("the device"),
    "tok": _l("an API token"),
    "system": _l("haas"),
}


def timeline_items(
    items: Sequence[TimelineItem], *, people: Mapping[str, str], places: Mapping[str, str]
) -> list[dict[str, Any]]:
    """The items as `ui.timeline` shows them."""
    return [
        {
            "at": item.at,
            "title": _title(item, places),
            "text": _text(item),
            "actor": people.get(item.actor) or _actor(item.actor),
            "icon": _icon(item),
            "href": None,
        }
        for item in items
    ]


def _title(item: TimelineItem, places: Mapping[str, str]) -> str:
    if item.kind == "move":
        return str(_DONE.get(item.what, item.what.replace("_", " ").capitalize()))
    if item.kind == "wipe":
        return str(_("Wiped, certificate %(number)s", number=item.details["number"]))
    client = places.get(item.details.get("client_id") or "")
    return str(_("Placed at %(client)s", client=client) if client else _("In our own hands"))


def _text(item: TimelineItem) -> str:
    details = item.details
    said = [item.reason, details.get("custodian") or ""]
    if details.get("grade"):
        said.append(_("Grade %(grade)s", grade=details["grade"]))
    if missing := details.get("missing_accessories"):
        said.append(_("Missing: %(parts)s", parts=", ".join(missing)))
    if notes := details.get("damage_notes"):
        said.append(str(notes))
    # What was said twice (a reason that repeats the notes) is shown once.
    return " · ".join(dict.fromkeys(filter(None, said)))


def _icon(item: TimelineItem) -> str:
    if item.kind == "move":
        return BY_VERB[item.what].icon if item.what in BY_VERB else "plus"
    return {"place": "map-pin", "wipe": "file-certificate"}.get(item.kind, "clock")


def _actor(actor: str) -> str:
    kind = actor.replace("_", ":").split(":")[0]
    return str(_ACTORS.get(kind, actor if kind != "usr" else _("someone who left")))
