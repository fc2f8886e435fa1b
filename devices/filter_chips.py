"""What narrows the fleet list, each to be taken away by a click."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from flask import request
from flask_babel import gettext as _

from devices.choices import Choices
from haas.pages.lists import ListState, url_with


@dataclass(frozen=True, slots=True)
class Chip:
    """One filter in words. `look`: kind and state in the table of states, where its word is there."""

    label: str
    value: Any
    href: str  # the list without it
    look: tuple[str, str] | None = None


def chips_of(listed: ListState, choices: Choices, categories: Mapping[str, Any]) -> list[Chip]:
    """The filters of this list in the order of its bar; what no name is known of shows as it is."""
    names: dict[str, tuple[str, Mapping[str, Any]]] = {
        "model": (_("Model"), dict(choices.models)),
        "client": (_("Client"), {**dict(choices.clients), "none": _("None, in our hands")}),
        "site": (_("Site"), dict(choices.sites)),
        "category": (_("Kind"), categories),
        "grade": (_("Grade"), {}),
        "warranty": (
            _("Warranty"),
            {"over": _("Is over"), "30": _("Ends in 30 days"), "90": _("Ends in 90 days")},
        ),
    }
    chips = [Chip(_("Begins with"), listed.search, url_with(q=None))] if listed.search else []
    for name, (label, words) in names.items():
        if value := listed.filters.get(name):
            chips.append(Chip(label, words.get(value, value), url_with(**{name: None})))
    kinds = {
        "state": ("asset", _("State")),
        "health": ("health", _("Health")),
        "online": ("online", _("Presence")),
    }
    for name, (kind, label) in kinds.items():
        chips += [
            Chip(label, value, url_with(**{name: None}), (kind, value))
            for value in request.args.getlist(name)
            if value
        ]
    return chips
