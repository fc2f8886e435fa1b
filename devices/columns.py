"""Which columns the fleet list shows, and which of them it can be sorted by. What is chosen is in the URL."""

from __future__ import annotations

from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass
from typing import Any

from flask_babel import lazy_gettext as _l

from devices.models import LAST_DAY, LAST_TEXT, Asset
from haas.rest.paging import Sort, known_first


@dataclass(frozen=True, slots=True)
class Column:
    """One column. `sort` is its name among `SORTS`, if the list can be sorted by it."""

    key: str
    label: Any
    sort: str = ""
    numeric: bool = False
    permission: str = ""  # who may see it, beside those who see the list
    is_default: bool = False


# In the order in which they stand; the tag comes before them, always.
# fmt: off
COLUMNS: tuple[Column, ...] = (
    Column("model",    _l("Model"), is_default=True),
    Column("category", _l("Kind")),
    Column("serial",   _l("Serial"), "serial", is_default=True),
    Column("state",    _l("State"), "state", is_default=True),
    Column("health",   _l("Health"), permission="device.read"),
    Column("online",   _l("Presence"), permission="device.read"),
    Column("client",   _l("Client"), is_default=True),
    Column("site",     _l("Site")),
    Column("custodian", _l("In whose hands")),
    Column("grade",    _l("Grade"), "grade", is_default=True),
    Column("in_service", _l("In service since"), "in_service"),
    Column("warranty", _l("Warranty"), "warranty", is_default=True),
    Column("purchased", _l("Purchased on"), permission="asset.cost.read"),
    Column("supplier", _l("Supplier"), permission="asset.cost.read"),
    Column("cost",     _l("Cost"), "cost", numeric=True, permission="asset.cost.read", is_default=True),
    Column("added",    _l("Added"), "added"),
)
# The indexes `ix_asset_by_…` hold the same expressions: each new sort needs its own.
SORTS: dict[str, Sort] = {
    "tag":        Sort(Asset.tag_norm, Asset.id),
    "serial":     known_first(Asset.serial_norm, Asset.id, last=LAST_TEXT),
    "state":      Sort(Asset.state, Asset.id),
    "grade":      known_first(Asset.grade, Asset.id, last=LAST_TEXT),
    "in_service": known_first(Asset.in_service_on, Asset.id, last=LAST_DAY),
    "warranty":   known_first(Asset.warranty_until, Asset.id, last=LAST_DAY),
    "cost":       Sort(Asset.cost, Asset.id),
    "added":      Sort(Asset.id, Asset.id),
}
# fmt: on


def offered(may: Callable[[str], bool]) -> list[Column]:
    """The columns that this caller may see."""
    return [column for column in COLUMNS if not column.permission or may(column.permission)]


def chosen(columns: Sequence[Column], asked: Collection[str]) -> list[Column]:
    """Of the columns offered those that the URL asks for; the usual ones if it asks for none of them."""
    found = [column for column in columns if column.key in asked]
    return found or [column for column in columns if column.is_default]


def sorts_for(columns: Sequence[Column]) -> dict[str, Sort]:
    """What the list can be sorted by: nobody learns by the order of rows what the column would not show."""
    keys = {"tag", *(column.sort for column in columns if column.sort)}
    return {name: sort for name, sort in SORTS.items() if name in keys}
