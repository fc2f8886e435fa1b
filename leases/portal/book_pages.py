"""/assets/<id>/books/…: what happens to a book, looked at before; splits, later costs, schedules as files."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

from flask import flash, redirect, render_template, request, url_for
from flask_babel import gettext as _
from werkzeug.wrappers import Response

from devices.models import Asset
from devices.queries import get_asset
from haas import clock
from haas.auth.caller import current_caller, requires
from haas.calendar import local_day
from haas.errors import HaasError, NotFound
from haas.pages.forms import Form, blank_form, read_form
from leases import book_events, books, costs
from leases.api.asset_books import schedule_file
from leases.book_events import EventPreview
from leases.book_policies import repair_policy
from leases.book_schemas import ALSO, RECORDED, event_of_request
from leases.depreciation.events import EventKind
from leases.forms import BookCostForm, BookEventForm, BookReverseForm, BookSplitForm
from leases.portal import book_words, words
from leases.portal.doors import attempt, leases
from leases.portal.record import as_of_asked


@leases.route("/assets/<asset_id>/books/<book_name>/events/<event_kind>", methods=["GET", "POST"])
@requires("depreciation.manage")
def book_event(asset_id: str, book_name: str, event_kind: str) -> Any:
    """Say what happens; the schedule before and after is shown, then it is recorded for good."""
    kind = event_kind
    if kind not in RECORDED:
        raise NotFound(_("There is no such event."))
    caller = current_caller()
    session, tenant = caller.session, caller.tenant
    asset = get_asset(session, tenant, asset_id=asset_id)
    today = clock.today(caller.partner.time_zone)
    view = books.view_book(session, tenant, asset_id=asset_id, as_of=today, name=book_name)
    shown = (*RECORDED[kind], *ALSO.get(kind, ()))
    if request.method == "GET":
        form = blank_form(**dict.fromkeys(shown), effective_on=today.isoformat(), reason="")
        return _event_page(asset, book_name, kind, form, view=view, shown=shown)
    form, preview = _read_event(kind), None
    if form.data is not None:
        wanted = dict(form.data)
        confirmed = wanted.pop("confirmed")
        told = event_of_request(wanted)
        if confirmed:
            if attempt(
                form,
                lambda: book_events.record_event(session, tenant, asset_id=asset_id, name=book_name, **told),
            ):
                flash(_("It is on the record of the book."), "success")
                return _back(asset_id, book=book_name)
        else:
            told.pop("reason")
            try:
                preview = book_events.preview_event(
                    session, tenant, asset_id=asset_id, name=book_name, **told
                )
            except HaasError as refusal:
                form.refuse(refusal)
    page = _event_page(asset, book_name, kind, form, view=view, shown=shown, preview=preview)
    return page, 200 if preview else 422


@leases.route("/assets/<asset_id>/book-events/<event_id>/reverse", methods=["GET", "POST"])
@requires("depreciation.manage")
def reverse_book_event(asset_id: str, event_id: str) -> Any:
    """Take an event back."""
    caller = current_caller()
    asset = get_asset(caller.session, caller.tenant, asset_id=asset_id)
    found = book_events.list_events(caller.session, caller.tenant, asset_id=asset_id)
    row = next((row for row, _name in found if row.id == event_id), None)
    if row is None:
        raise NotFound(_("There is no such event."))
    form = blank_form(reason="") if request.method == "GET" else read_form(BookReverseForm)
    if form.data is not None:
        wanted = form.data
        if attempt(
            form,
            lambda: book_events.reverse_event(
                caller.session, caller.tenant, asset_id=asset_id, event_id=event_id, **wanted
            ),
        ):
            flash(_("It is taken back; both stay on the record."), "success")
            return _back(asset_id)
    page = render_template(
        "portal/leases/book_reverse.html", asset=asset, row=row, form=form, book_words=book_words
    )
    return page, 200 if request.method == "GET" else 422


@leases.route("/assets/<asset_id>/split", methods=["GET", "POST"])
@requires("depreciation.manage")
def split_book(asset_id: str) -> Any:
    """Part of the cost becomes another asset's, in every book."""
    caller = current_caller()
    asset = get_asset(caller.session, caller.tenant, asset_id=asset_id)
    books.get_book(caller.session, caller.tenant, asset_id=asset_id)
    today = clock.today(caller.partner.time_zone)
    form = (
        blank_form(effective_on=today.isoformat(), cost=None, tag="", reason="")
        if request.method == "GET"
        else read_form(BookSplitForm)
    )
    if form.data is not None:
        wanted = form.data
        if attempt(
            form,
            lambda: book_events.split_to_tag(caller.session, caller.tenant, asset_id=asset_id, **wanted),
        ):
            flash(_("The cost is split in every book."), "success")
            return _back(asset_id)
    page = render_template(
        "portal/leases/book_split.html", asset=asset, form=form, words=words, book_words=book_words
    )
    return page, 200 if request.method == "GET" else 422


@leases.route("/assets/<asset_id>/costs/new", methods=["GET", "POST"])
@requires("asset.cost.manage")
def new_cost(asset_id: str) -> Any:
    """A repair, an accessory, an upgrade or freight, and whether it adds to the cost."""
    caller = current_caller()
    session, tenant = caller.session, caller.tenant
    asset = get_asset(session, tenant, asset_id=asset_id)
    repairs = costs.repairs_of(session, tenant, asset_id=asset_id)
    zone = caller.partner.time_zone
    on = local_day(repairs[0].moved_at, zone) if repairs else clock.today(zone)
    form = (
        blank_form(
            kind="repair",
            amount=None,
            incurred_on=on.isoformat(),
            warranty_recovered=Decimal(0),
            supplier="",
            reference="",
            notes="",
            in_books=None,
            extra_months=0,
        )
        if request.method == "GET"
        else read_form(BookCostForm)
    )
    if form.data is not None:
        wanted = dict(form.data)
        wanted["capitalise"] = {"1": True, "0": False}.get(wanted.pop("in_books") or "")
        if attempt(form, lambda: costs.record_cost(session, tenant, asset_id=asset_id, **wanted)):
            flash(_("The cost is kept."), "success")
            return _back(asset_id)
    page = render_template(
        "portal/leases/cost_new.html",
        asset=asset,
        form=form,
        repairs=repairs[:5],
        rule=repair_policy(caller.partner),
        words=words,
        book_words=book_words,
    )
    return page, 200 if request.method == "GET" else 422


@leases.get("/assets/<asset_id>/books/<book_name>/schedule/<file_format>")
@requires("depreciation.read")
def book_schedule(asset_id: str, book_name: str, file_format: str) -> Any:
    """The schedule as a file, as of the movable date."""
    caller = current_caller()
    as_of = as_of_asked(clock.today(caller.partner.time_zone))
    view = books.view_book(caller.session, caller.tenant, asset_id=asset_id, as_of=as_of, name=book_name)
    return schedule_file(view, file_format)


def _read_event(kind: str) -> Form:
    form = read_form(BookEventForm)
    form.values.setdefault("kind", kind)
    if form.data is not None and form.data["kind"] != kind:
        raise NotFound(_("There is no such event."))
    return form


def _event_page(
    asset: Asset,
    book_name: str,
    kind: str,
    form: Form,
    *,
    view: books.BookView,
    shown: tuple[str, ...],
    preview: EventPreview | None = None,
) -> str:
    return render_template(
        "portal/leases/book_event.html",
        asset=asset,
        book_name=book_name,
        kind=kind,
        form=form,
        view=view,
        shown=shown,
        required=RECORDED[kind],
        preview=preview,
        rows=_beside(preview) if preview else [],
        is_end=kind in (EventKind.DISPOSE, EventKind.REINSTATE),
        words=words,
        book_words=book_words,
    )


def _beside(preview: EventPreview) -> list[dict[str, Any]]:
    """Months whose charge or value changes: before and after."""
    before = {entry.month: entry for entry in preview.before.entries}
    after = {entry.month: entry for entry in preview.after.entries}
    return [
        {"month": month, "before": before.get(month), "after": after.get(month)}
        for month in sorted(before.keys() | after.keys())
        if before.get(month) != after.get(month)
    ]


def _back(asset_id: str, *, book: str | None = None) -> Response:
    return redirect(url_for("assets.show", asset_id=asset_id, tab="money", book=book), 303)
