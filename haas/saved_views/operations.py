"""Views: keep, rename, replace, delete; each person's own, and what the partner's staff share."""

from __future__ import annotations

from collections.abc import Sequence

import sqlalchemy as sa
from flask_babel import gettext as _
from sqlalchemy.orm import Session

from haas import clock
from haas.accounts.checks import check_text
from haas.errors import Conflict, InvalidInput, NotFound
from haas.ids import new_id
from haas.pages.lists import Query
from haas.saved_views.models import SavedView
from haas.tenancy.scope import Tenant, scoped

VIEWS_MAX = 20  # of one person and list: more tabs are no help
SHOWN_MAX = 60  # with those of the house
NAME_LENGTH_MAX = 40


class ViewNameTaken(Conflict):
    """The person has a view of this name on this list."""

    code = "view_name_taken"


class TooManyViews(Conflict):
    """The person has as many views of this list as there may be."""

    code = "too_many_views"


def list_views(session: Session, tenant: Tenant, *, user_id: str, list_name: str) -> Sequence[SavedView]:
    """Whoever asks' own views by name, then those that others of the house share."""
    return session.scalars(
        _visible(tenant, user_id=user_id)
        .where(SavedView.list_name == list_name)
        .order_by(SavedView.user_id != user_id, sa.func.lower(SavedView.name), SavedView.id)
        .limit(SHOWN_MAX)
    ).all()


def get_view(session: Session, tenant: Tenant, *, user_id: str, view_id: str) -> SavedView:
    """One view that `user_id` sees.

    :raises NotFound: also for another person's that is not shared.
    """
    view = session.scalar(_visible(tenant, user_id=user_id).where(SavedView.id == view_id))
    if view is None:
        raise NotFound(_("There is no such view."))
    return view


def get_own_view(session: Session, tenant: Tenant, *, user_id: str, view_id: str) -> SavedView:
    """One view of `user_id`'s own, which alone may be changed.

    :raises NotFound: also for one that another person shares.
    """
    view = get_view(session, tenant, user_id=user_id, view_id=view_id)
    if view.user_id != user_id:
        raise NotFound(_("This view is another person's. Save it under a name of your own to change it."))
    return view


def keep_view(
    session: Session,
    tenant: Tenant,
    *,
    user_id: str,
    list_name: str,
    name: str,
    query: Query,
    is_shared: bool = False,
) -> SavedView:
    """Keep a view of a list.

    :param query: as `haas.pages.lists.kept_query` leaves it, never as it was sent.
    :raises InvalidInput: for a list that nothing narrows, an unusable name, and if a client's user shares.
    :raises ViewNameTaken, TooManyViews: see there.
    """
    _demand_query(query)
    _demand_staff(tenant, is_shared=is_shared)
    tidy = check_text(name, field="name", most=NAME_LENGTH_MAX)
    others = _demand_free(session, tenant, user_id=user_id, list_name=list_name, name=tidy)
    if others >= VIEWS_MAX:
        raise TooManyViews(
            _("You have %(most)s views of this list. Delete one that you need no more.", most=VIEWS_MAX),
            field="name",
        )
    view = SavedView(
        partner_id=tenant.partner_id,
        id=new_id("svw"),
        user_id=user_id,
        client_id=tenant.client_id,
        list_name=list_name,
        name=tidy,
        query=dict(query),
        is_shared=is_shared,
        created_at=clock.now(),
    )
    session.add(view)
    session.flush()
    return view


def edit_view(
    session: Session, tenant: Tenant, *, user_id: str, view_id: str, name: str, is_shared: bool
) -> SavedView:
    """Call a view by another name, share it, or share it no more.

    :raises NotFound, InvalidInput, ViewNameTaken: as `get_own_view` and `keep_view`.
    """
    view = get_own_view(session, tenant, user_id=user_id, view_id=view_id)
    _demand_staff(tenant, is_shared=is_shared)
    tidy = check_text(name, field="name", most=NAME_LENGTH_MAX)
    _demand_free(session, tenant, user_id=user_id, list_name=view.list_name, name=tidy, but=view_id)
    view.name, view.is_shared = tidy, is_shared
    session.flush()
    return view


def replace_view(session: Session, tenant: Tenant, *, user_id: str, view_id: str, query: Query) -> SavedView:
    """Let a view show what `query` says from now on.

    :raises NotFound, InvalidInput: as `get_own_view` and `keep_view`.
    """
    view = get_own_view(session, tenant, user_id=user_id, view_id=view_id)
    _demand_query(query)
    view.query = dict(query)
    session.flush()
    return view


def delete_view(session: Session, view: SavedView) -> None:
    """Forget a view; the list is as it was."""
    session.delete(view)
    session.flush()


def _visible(tenant: Tenant, *, user_id: str) -> sa.Select[SavedView]:
    mine = SavedView.user_id == user_id
    if tenant.client_id is not None:
        return scoped(SavedView, tenant).where(mine)
    return scoped(SavedView, tenant).where(sa.or_(mine, SavedView.is_shared))


def _demand_query(query: Query) -> None:
    if not query:
        raise InvalidInput(_("Filter or sort the list first: a view keeps what narrows it."))


def _demand_staff(tenant: Tenant, *, is_shared: bool) -> None:
    if is_shared and tenant.client_id is not None:
        raise InvalidInput(_("Your views are your own; they cannot be shared."), field="is_shared")


def _demand_free(
    session: Session, tenant: Tenant, *, user_id: str, list_name: str, name: str, but: str = ""
) -> int:
    """Refuse a name that another of the person's views has; answers how many others there are.

    One at a time: two browsers of one person must not both take the name, or the last place.
    """
    key = f"saved_view:{user_id}"
    session.execute(sa.select(sa.func.pg_advisory_xact_lock(sa.func.hashtextextended(key, 0))))
    is_same = sa.func.lower(SavedView.name) == sa.func.lower(name)
    others, same = session.execute(
        scoped(SavedView, tenant)
        .where(SavedView.user_id == user_id, SavedView.list_name == list_name, SavedView.id != but)
        .with_only_columns(sa.func.count(), sa.func.count().filter(is_same))
    ).one()
    if same:
        raise ViewNameTaken(
            _("You have a view called %(name)s already. Choose another name, or delete that one.", name=name),
            field="name",
        )
    return int(others)
