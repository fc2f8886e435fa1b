"""What an amendment asks for, as it is kept, and what a lease looked like before and after. Pure values."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date
from decimal import Decimal
from typing import Any

import msgspec


class Wanted(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """The fields of every kind; a kind reads its own and leaves the others alone."""

    line_ids: tuple[str, ...] = ()
    quantity: Decimal | None = None  # of the one line: how many from then on
    unit_price: Decimal | None = None
    change_pct: Decimal | None = None  # of the price, instead of a price: 3 or -2.5
    model_id: str | None = None  # of places to be added
    count: int | None = None  # how many places
    description: str = ""
    residual_value: Decimal | None = None
    site_id: str | None = None
    months: int | None = None
    last_day: date | None = None  # of the abatement, or of the term that is aligned
    share_pct: Decimal | None = None  # of the rent that is abated
    fair_market_value: Decimal | None = None  # of the one device that leaves, where it was appraised
    recall_assets: bool = True

    def kept(self) -> dict[str, Any]:
        """As JSON; figures and days as text."""
        built: dict[str, Any] = msgspec.to_builtins(self)
        return built

    @classmethod
    def of(cls, kept: Mapping[str, Any]) -> Wanted:
        """As it was kept, or as a door read it."""
        return msgspec.convert(dict(kept), cls)


Snapshot = dict[str, dict[str, Any]]  # "lease" or a line's id -> its fields, as JSON


def difference(before: Snapshot, after: Snapshot) -> tuple[Snapshot, Snapshot]:
    """Only what changed; a line that is new is only in the second."""
    gone: Snapshot = {}
    come: Snapshot = {}
    for name, fields in after.items():
        old = before.get(name)
        changed = [field for field, value in fields.items() if old is None or old.get(field) != value]
        if not changed:
            continue
        if old is not None:
            gone[name] = {field: old.get(field) for field in ("description", *changed) if field in old}
        come[name] = {field: fields[field] for field in ("description", *changed) if field in fields}
    return gone, come
