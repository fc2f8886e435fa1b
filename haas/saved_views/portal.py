"""Portal pages: keep the view of a list that is open, rename, replace and delete it."""

from __future__ import annotations

from typing import Any
from urllib.parse import parse_qsl

import marshmallow as ma
from flask import Blueprint, flash, redirect, render_template
from flask_babel import gettext as _
from werkzeug.datastructures import MultiDict

from haas.auth.caller import Caller, current_caller, requires
from haas.errors import HaasError, NotFound
from haas.pages.forms import Form, read_form
from haas.pages.lists import kept_query
from haas.rest.fields import text
from haas.rest.openapi import Request
from haas.saved_views import operations
from haas.saved_views.lists import ViewedList, get_list, href_of, may_delete
from haas.saved_views.models import SavedView

blueprint = Blueprint("saved_views", __name__, url_prefix="/saved-views")

_QUERY_LENGTH_MAX = 8000


class _NewView(Request):
    name = text(200, required=True)
    list = text(40, required=True)
    query = text(_QUERY_LENGTH_MAX, load_default="")
    is_shared = ma.fields.Boolean(load_default=False)


class _EditedView(Request):
    name = text(200, required=True)
    is_shared = ma.fields.Boolean(load_default=False)


class _Query(Request):
    query = text(_QUERY_LENGTH_MAX, load_default="")


# Every role has an account of its own; that it also reads the list, `get_list` asks.


@blueprint.post("")
@requires("account.self")
def create() -> Any:
    """Keep what the list shows now under a name."""
    caller = current_caller()
    form = read_form(_NewView)
    viewed = get_list(caller, str(form.value("list")))
    query = _query(viewed, form)
    if form.data is not None:
        try:
            view = operations.keep_view(
                caller.session,
                caller.tenant,
                user_id=caller.user.id,
                list_name=viewed.name,
                name=form.data["name"],
                query=query,
                is_shared=form.data["is_shared"],
            )
        except HaasError as refusal:
            form.refuse(refusal)
        else:
            flash(_("%(name)s is a view of this list now.", name=view.name), "success")
            return _open(viewed, view)
    return _page(caller, form, viewed, back=href_of(viewed, query)), 422


@blueprint.post("/<view_id>")
@requires("account.self")
def edit(view_id: str) -> Any:
    """Call it by another name, or change whom it is shown to."""
    caller = current_caller()
    view, viewed = _own(caller, view_id)
    form = read_form(_EditedView)
    if form.data is not None:
        try:
            operations.edit_view(
                caller.session, caller.tenant, user_id=caller.user.id, view_id=view_id, **form.data
            )
        except HaasError as refusal:
            form.refuse(refusal)
        else:
            flash(_("Saved."), "success")
            return _open(viewed, view)
    return _page(caller, form, viewed, back=href_of(viewed, view.query, view_id=view_id)), 422


@blueprint.post("/<view_id>/replace")
@requires("account.self")
def replace(view_id: str) -> Any:
    """Keep what the list shows now in place of what the view showed."""
    caller = current_caller()
    _view, viewed = _own(caller, view_id)
    query = _query(viewed, read_form(_Query))
    view = operations.replace_view(
        caller.session, caller.tenant, user_id=caller.user.id, view_id=view_id, query=query
    )
    flash(_("%(name)s shows this from now on.", name=view.name), "success")
    return _open(viewed, view)


@blueprint.post("/<view_id>/delete")
@requires("account.self")
def delete(view_id: str) -> Any:
    """Forget it; the list stays as it is shown."""
    caller = current_caller()
    view = operations.get_view(caller.session, caller.tenant, user_id=caller.user.id, view_id=view_id)
    viewed = get_list(caller, view.list_name)
    if not may_delete(caller, view):
        raise NotFound(_("This view is another person's; who made it can delete it."))
    operations.delete_view(caller.session, view)
    flash(_("The view %(name)s is deleted.", name=view.name), "success")
    return redirect(href_of(viewed, view.query), 303)


def _own(caller: Caller, view_id: str) -> tuple[SavedView, ViewedList]:
    view = operations.get_own_view(caller.session, caller.tenant, user_id=caller.user.id, view_id=view_id)
    return view, get_list(caller, view.list_name)


def _query(viewed: ViewedList, form: Form) -> dict[str, list[str]]:
    sent = str(form.value("query") or "")[:_QUERY_LENGTH_MAX]
    return kept_query(MultiDict(parse_qsl(sent)), names=viewed.names)


def _open(viewed: ViewedList, view: SavedView) -> Any:
    return redirect(href_of(viewed, view.query, view_id=view.id), 303)


def _page(caller: Caller, form: Form, viewed: ViewedList, *, back: str) -> str:
    return render_template(
        "portal/saved_views/form.html",
        form=form,
        viewed=viewed,
        back=back,
        may_share=caller.tenant.client_id is None,
    )
