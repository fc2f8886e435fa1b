"""Which asset on the shelf takes the place of one that fails. Pure."""

from __future__ import annotations

from collections.abc import Collection, Iterable
from dataclasses import dataclass
from datetime import date


@dataclass(frozen=True, slots=True)
class Spare:
    """An asset that is ready to go out."""

    id: str
    model_id: str
    grade: str | None  # none: it never served
    holds_data_of_client_id: str | None
    in_stock_since: date


def fits(spare: Spare, *, model_id: str | None, client_id: str) -> bool:
    """Whether it is of the line's model and carries no data of another client."""
    return spare.model_id == model_id and spare.holds_data_of_client_id in (None, client_id)


def best_spare(
    shelf: Iterable[Spare],
    *,
    model_id: str | None,
    client_id: str,
    grade: str | None,
    taken: Collection[str] = (),
) -> Spare | None:
    """The spare to suggest: of the same grade as what goes, else the better grade first; the oldest in stock.

    :param taken: ids that are suggested elsewhere already.
    """
    free = [
        spare
        for spare in shelf
        if spare.id not in taken and fits(spare, model_id=model_id, client_id=client_id)
    ]
    return min(
        free,
        key=lambda spare: (spare.grade != grade, spare.grade or "", spare.in_stock_since, spare.id),
        default=None,
    )
