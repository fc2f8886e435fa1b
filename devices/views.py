"""The fixed views of the fleet: tabs of states that belong together, with how many are in each."""

from __future__ import annotations

from typing import Any

import sqlalchemy as sa
from flask_babel import format_decimal
from flask_babel import lazy_gettext as _l
from sqlalchemy.orm import Session

from devices.columns import COLUMNS, SORTS
from devices.lifecycle import AssetState as S
from devices.models import Asset
from haas.pages.lists import ListNames
from haas.saved_views.lists import ViewedList
from haas.tenancy.scope import Tenant

# Key in the URL -> (words, states). Every state is in exactly one view beside "all".
VIEWS: dict[str, tuple[Any, tuple[S, ...]]] = {
    "service": (_l("In service"), (S.IN_SERVICE, S.IN_REPAIR, S.RETURN_DUE)),
    "stock": (_l("In stock"), (S.RECEIVED, S.STAGING, S.READY, S.RESERVED)),
    "moving": (_l("On its way"), (S.IN_TRANSIT_OUT, S.IN_TRANSIT_IN)),
    "bench": (_l("On the bench"), (S.QUARANTINE, S.GRADED, S.REFURBISHING)),
    "ordered": (_l("On order"), (S.ORDERED,)),
    "missing": (_l("Missing"), (S.LOST, S.STOLEN)),
    "gone": (_l("Gone"), (S.RETIRED, S.DISPOSED, S.BOUGHT_OUT)),
}
FILTERS = ("model", "client", "category", "grade", "warranty", "state", "site", "online", "health")
# What of the fleet's URL people may keep as views of their own.
FLEET = ViewedList(
    name="fleet",
    endpoint="assets.index",
    permission="asset.read",
    names=ListNames(
        sorts=SORTS,
        default="tag",
        filters=("view", *(name for name in FILTERS if name != "state")),
        several=("state", "col"),
        known={"view": VIEWS, "state": list(S), "col": [column.key for column in COLUMNS]},
    ),
)
COUNTED_MAX = 1000  # counting on would make the page slower as the fleet grows


def states_of(view: str) -> tuple[S, ...]:
    """The states of a view; none for "all" and for a view that is not there any more."""
    return VIEWS[view][1] if view in VIEWS else ()


LISTED = "list"  # in the counts: the assets that the list itself names


def count_views(
    session: Session, tenant: Tenant, *, listed: sa.Select[Asset] | None = None
) -> dict[str, int]:
    """How many assets each view holds, counted up to about `COUNTED_MAX`, in one question.

    :param listed: a select of the fleet that is counted with them, as `LISTED`.

    Each state is counted apart and in the order of its index: asked for several states at once, the planner
    reads all of them before it stops, because it cannot know how few rows a client's policy leaves.
    """
    counts = []
    for state in (state for _, states in VIEWS.values() for state in states):
        rows = sa.select(Asset.id).where(Asset.partner_id == tenant.partner_id, Asset.state == state)
        if tenant.client_id is not None:
            rows = rows.where(Asset.client_id == tenant.client_id)
        counted = rows.order_by(Asset.id).limit(COUNTED_MAX + 1).subquery()
        number = sa.select(sa.func.count()).select_from(counted).scalar_subquery()
        counts.append(sa.select(sa.literal(state.value), number))
    if listed is not None:
        rows = listed.with_only_columns(Asset.id, maintain_column_froms=True).limit(COUNTED_MAX + 1)
        number = sa.select(sa.func.count()).select_from(rows.options().subquery()).scalar_subquery()
        counts.append(sa.select(sa.literal(LISTED), number))
    found = {row[0]: row[1] for row in session.execute(sa.union_all(*counts))}
    views = {view: sum(found[state] for state in states) for view, (_, states) in VIEWS.items()}
    return {**views, LISTED: found.get(LISTED, sum(views.values()))}


def shown(count: int) -> str:
    """12, or 1,000+ where counting stopped."""
    return f"{format_decimal(COUNTED_MAX)}+" if count > COUNTED_MAX else str(format_decimal(count))
