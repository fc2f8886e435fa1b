"""Which lists have views that people keep, and what a page needs to show them."""

from __future__ import annotations

from dataclasses import dataclass
from urllib.parse import urlencode

from flask import request, url_for
from flask_babel import gettext as _

from haas.auth.caller import Caller
from haas.errors import NotFound
from haas.pages.lists import ListNames, Query, kept_query
from haas.saved_views import operations
from haas.saved_views.models import SavedView

ACTIVE = "saved"  # in a list's URL: the id of the view that was opened


@dataclass(frozen=True, slots=True)
class ViewedList:
    """A list whose views are kept: its page, who may read it, and what of its URL makes a view."""

    name: str
    endpoint: str
    permission: str
    names: ListNames


# The contexts' lists by name; `haas.app` joins them, so that this room knows none of them.
LISTS: dict[str, ViewedList] = {}


def join(*lists: ViewedList) -> None:
    """Make views of these lists possible."""
    LISTS.update({each.name: each for each in lists})


def get_list(caller: Caller, name: str) -> ViewedList:
    """A list that this caller may read.

    :raises NotFound: for any other one.
    """
    found = LISTS.get(name)
    if found is None or not caller.may(found.permission):
        raise NotFound(_("There is no such list."))
    return found


def href_of(viewed: ViewedList, query: Query, *, view_id: str | None = None) -> str:
    """The list's page as `query` narrows it; with the view that it is, if it is one."""
    opened = {ACTIVE: [view_id]} if view_id is not None else {}
    text = urlencode({**dict(sorted(query.items())), **opened}, doseq=True)
    return url_for(viewed.endpoint) + (f"?{text}" if text else "")


@dataclass(frozen=True, slots=True)
class ViewsShown:
    """The kept views of a list as its page shows them."""

    list_name: str
    query: Query  # what the page shows now
    query_text: str  # the same, for a form to send
    tabs: list[tuple[SavedView, str]]  # with the page that each opens
    active: SavedView | None
    is_mine: bool  # the active one
    may_delete: bool
    may_share: bool

    @property
    def is_changed(self) -> bool:
        """Whether the page shows something else than the view that was opened."""
        return self.active is not None and self.active.query != self.query

    @property
    def may_keep(self) -> bool:
        """Whether there is something to keep that is not kept."""
        return self.is_changed if self.active is not None else bool(self.query)


def views_shown(caller: Caller, viewed: ViewedList) -> ViewsShown:
    """The kept views of the list that this request asks for, in one question to the database."""
    views = operations.list_views(
        caller.session, caller.tenant, user_id=caller.user.id, list_name=viewed.name
    )
    opened = request.args.get(ACTIVE)
    active = next((view for view in views if view.id == opened), None)
    query = kept_query(request.args, names=viewed.names)
    return ViewsShown(
        list_name=viewed.name,
        query=query,
        query_text=urlencode(query, doseq=True),
        tabs=[(view, href_of(viewed, view.query, view_id=view.id)) for view in views],
        active=active,
        is_mine=active is not None and active.user_id == caller.user.id,
        may_delete=active is not None and may_delete(caller, active),
        may_share=caller.tenant.client_id is None,
    )


def may_delete(caller: Caller, view: SavedView) -> bool:
    """Their own everybody; of the shared ones, which outlive their makers' stay, whoever keeps the house."""
    return view.user_id == caller.user.id or (view.is_shared and caller.may("settings.manage"))
