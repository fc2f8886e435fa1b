"""What contexts above tell on an asset's page: notices, life, papers, money. They come in by `haas.app`.

Devices know nothing of leases and invoices. Whoever does adds a function to one of these lists, and the page
asks them all.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from devices.models import Asset
from devices.tracks import Track
from haas.auth.caller import Caller


@dataclass(frozen=True, slots=True)
class History:
    """Tracks, and what happened as `ui.timeline` shows it."""

    tracks: Sequence[Track] = ()
    items: Sequence[dict[str, Any]] = field(default_factory=list)


@dataclass(frozen=True, slots=True)
class Paper:
    """A document that names the asset. Without an address it is still being printed."""

    at: datetime
    kind: str  # hand_over, return, wipe, invoice
    title: Any
    note: Any = ""
    href: str | None = None  # of the PDF
    page: str | None = None  # where more is said of it


# (caller, asset) -> what this caller may see of it; nothing where the role does not reach.
histories: list[Callable[[Caller, Asset], History]] = []
papers: list[Callable[[Caller, Asset], list[Paper]]] = []
# (caller, asset) -> what must be seen first, above summary and health, as markup.
notices: list[Callable[[Caller, Asset], str]] = []
# (caller, asset) -> a piece of the money tab, as markup.
money: list[Callable[[Caller, Asset], str]] = []


def history_of(caller: Caller, asset: Asset) -> History:
    """What everyone tells of the asset's life."""
    told = [tell(caller, asset) for tell in histories]
    return History(
        tracks=[track for each in told for track in each.tracks],
        items=[item for each in told for item in each.items],
    )


def papers_of(caller: Caller, asset: Asset) -> list[Paper]:
    """Every paper of others that names the asset."""
    return [paper for tell in papers for paper in tell(caller, asset)]
