"""/prices: price books with their versions and tiers, brought in and out as tables."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from flask import Blueprint, Response, flash, redirect, render_template, request, url_for
from flask_babel import gettext as _
from flask_babel import ngettext

from devices.import_rows import RowError
from devices.import_table import BYTES_MAX, read_table
from devices.models import HardwareModel
from devices.portal import category_words
from devices.queries import list_models
from haas import clock
from haas.auth.caller import Caller, current_caller, requires
from haas.errors import HaasError
from haas.pages.downloads import Format, table_download
from haas.pages.forms import Form, blank_form, read_form
from haas.pages.lists import read_list
from haas.pages.uploads import read_upload
from haas.rest.paging import Sort, fetch_page
from leases import summaries
from leases.portal import words
from leases.portal.doors import attempt, attempt_or_flash
from leases.pricing import operations, queries, tables
from leases.pricing.entries import NewEntry
from leases.pricing.models import PriceBook
from leases.pricing.rules import Level
from leases.pricing.schemas import BookForm, EntryForm, PriceVersionRequest

blueprint = Blueprint("prices", __name__, url_prefix="/prices")

SORTS = {
    "name": Sort(PriceBook.name, PriceBook.id),
    "from": Sort(PriceBook.valid_from, PriceBook.id),
}
ERRORS_SHOWN = 100


@blueprint.get("")
@requires("price.read")
def index() -> str:
    """Every version of every book, the latest first."""
    caller = current_caller()
    listed = read_list(sorts=SORTS, default="-from", filters=("level", "client_id"))
    page = fetch_page(
        caller.session,
        queries.list_books(
            caller.tenant,
            level=listed.filters.get("level"),
            client_id=listed.filters.get("client_id"),
        ),
        sort=listed.sort,
        cursor=listed.cursor,
        limit=listed.limit,
    )
    today = clock.today(caller.partner.time_zone)
    clients = summaries.client_choices(caller.session, caller.tenant)
    return render_template(
        "portal/prices/index.html",
        page=page,
        listed=listed,
        counts=queries.count_entries(caller.session, caller.tenant, book_ids=[row.id for row in page.rows]),
        held=queries.in_force(caller.session, caller.tenant, day=today),
        clients=clients,
        names=dict(clients),
        today=today,
        words=words,
    )


@blueprint.route("/new", methods=["GET", "POST"])
@requires("price.manage")
def new() -> Any:
    """A new book, or another version of one of the same name."""
    caller = current_caller()
    if request.method == "GET":
        today = clock.today(caller.partner.time_zone)
        client_id = request.args.get("client_id", "")
        form = blank_form(
            level=Level.CLIENT.value if client_id else Level.RETAIL.value,
            client_id=client_id,
            currency=caller.partner.currency,
            valid_from=today.isoformat(),
            interval_months=1,
        )
        return _new_page(caller, form)
    form = read_form(BookForm)
    made: list[PriceBook] = []
    if form.data is not None:
        data = form.data
        if attempt(
            form,
            lambda: made.append(operations.draft_book(caller.session, caller.tenant, at=clock.now(), **data)),
        ):
            return redirect(url_for(".show", book_id=made[0].id), 303)
    return _new_page(caller, form), 422


@blueprint.get("/<book_id>")
@requires("price.read")
def show(book_id: str) -> str:
    """One version with its prices; a draft is filled here."""
    return _book_page(current_caller(), book_id, _blank_entry())


@blueprint.post("/<book_id>/entries")
@requires("price.manage")
def add_entry(book_id: str) -> Any:
    """Put a price into a draft."""
    caller = current_caller()
    queries.get_book(caller.session, caller.tenant, book_id=book_id)
    form = read_form(EntryForm)
    if form.data is not None:
        data = form.data
        if attempt(form, lambda: _add(caller, book_id, data)):
            flash(_("The price is in the draft."), "success")
            return redirect(url_for(".show", book_id=book_id), 303)
    return _book_page(caller, book_id, form), 422


@blueprint.post("/<book_id>/entries/<entry_id>/remove")
@requires("price.manage")
def remove_entry(book_id: str, entry_id: str) -> Any:
    """Take a price out of a draft."""
    caller = current_caller()
    attempt_or_flash(
        lambda: operations.remove_entry(caller.session, caller.tenant, book_id=book_id, entry_id=entry_id)
    )
    return redirect(url_for(".show", book_id=book_id), 303)


@blueprint.post("/<book_id>/publish")
@requires("price.manage")
def publish(book_id: str) -> Any:
    """Let the draft hold from its day on."""
    caller = current_caller()
    if attempt_or_flash(
        lambda: operations.publish_book(
            caller.session,
            caller.tenant,
            book_id=book_id,
            today=clock.today(caller.partner.time_zone),
            at=clock.now(),
        )
    ):
        flash(_("Published. From its day on, offers are made from these prices."), "success")
    return redirect(url_for(".show", book_id=book_id), 303)


@blueprint.post("/<book_id>/drop")
@requires("price.manage")
def drop(book_id: str) -> Any:
    """Throw a draft away."""
    caller = current_caller()
    if attempt_or_flash(lambda: operations.drop_draft(caller.session, caller.tenant, book_id=book_id)):
        flash(_("The draft is gone."), "success")
        return redirect(url_for(".index"), 303)
    return redirect(url_for(".show", book_id=book_id), 303)


@blueprint.post("/<book_id>/versions")
@requires("price.manage")
def new_version(book_id: str) -> Any:
    """Draft a new version as a copy of this one."""
    caller = current_caller()
    queries.get_book(caller.session, caller.tenant, book_id=book_id)
    form = read_form(PriceVersionRequest)
    made: list[PriceBook] = []
    if form.data is not None:
        day = form.data["valid_from"]
        if attempt(
            form,
            lambda: made.append(
                operations.new_version(
                    caller.session, caller.tenant, book_id=book_id, valid_from=day, at=clock.now()
                )
            ),
        ):
            return redirect(url_for(".show", book_id=made[0].id), 303)
    return _book_page(caller, book_id, _blank_entry(), version=form), 422


@blueprint.post("/<book_id>/import")
@requires("price.manage")
def bring_in(book_id: str) -> Any:
    """Put a whole table into a draft, or nothing of it and every error by its row."""
    caller = current_caller()
    queries.get_book(caller.session, caller.tenant, book_id=book_id)
    form = Form(names=frozenset({"file"}))
    errors: Sequence[RowError] = ()
    try:
        outcome = tables.read_rows(
            read_table(
                read_upload(request.files.get("file"), most=BYTES_MAX),
                headings=tables.HEADINGS,
                required=tables.REQUIRED,
            )
        )
        errors = outcome.errors
        if not errors:
            with caller.session.begin_nested():
                operations.add_entries(
                    caller.session, caller.tenant, book_id=book_id, entries=outcome.entries
                )
            flash(
                ngettext(
                    "%(num)d price is in the draft.",
                    "%(num)d prices are in the draft.",
                    len(outcome.entries),
                ),
                "success",
            )
            return redirect(url_for(".show", book_id=book_id), 303)
    except HaasError as refusal:
        form.refuse(refusal)
    return _book_page(caller, book_id, _blank_entry(), upload=form, errors=errors), 422


@blueprint.get("/<book_id>/export.<any(csv, xlsx):file_format>")
@requires("price.read")
def export(book_id: str, file_format: Format) -> Response:
    """The prices as a table, as they can be brought in again."""
    caller = current_caller()
    book = queries.get_book(caller.session, caller.tenant, book_id=book_id)
    return table_download(
        file_format,
        name=f"prices-{book.name}-{book.valid_from}",
        header=tables.HEADER,
        rows=tables.rows_of(book.entries),
    )


def _add(caller: Caller, book_id: str, data: dict[str, Any]) -> None:
    wanted = dict(data)
    model_id = wanted.pop("model_id")
    if model_id and wanted["item_kind"] == "model":
        wanted["manufacturer"], wanted["item_name"] = operations.entry_for_model(
            caller.session, caller.tenant, model_id=model_id
        )
    operations.add_entries(caller.session, caller.tenant, book_id=book_id, entries=[NewEntry(**wanted)])


def _blank_entry() -> Form:
    return blank_form(
        item_kind="model",
        commercial_model="term",
        component="hardware",
        quantity_from=1,
        term_from=0,
    )


def _new_page(caller: Caller, form: Form) -> str:
    levels = [(Level.RETAIL.value, _("For everybody")), (Level.CLIENT.value, _("For one client"))]
    if caller.partner.is_operator:
        levels = [(Level.WHOLESALE.value, _("Wholesale, for partners")), *levels]
    return render_template(
        "portal/prices/new.html",
        form=form,
        levels=levels,
        clients=summaries.client_choices(caller.session, caller.tenant),
    )


def _book_page(
    caller: Caller,
    book_id: str,
    form: Form,
    *,
    version: Form | None = None,
    upload: Form | None = None,
    errors: Sequence[RowError] = (),
) -> str:
    # A refused operation read rows anew, without what hangs on them.
    book = queries.get_book(caller.session, caller.tenant, book_id=book_id)
    today = clock.today(caller.partner.time_zone)
    is_draft = book.published_at is None
    models: Sequence[HardwareModel] = (
        list_models(caller.session, caller.tenant) if is_draft and caller.may("price.manage") else ()
    )
    return render_template(
        "portal/prices/show.html",
        book=book,
        form=form,
        version=version or blank_form(valid_from=today.isoformat()),
        upload=upload,
        errors=errors[:ERRORS_SHOWN],
        more_errors=max(0, len(errors) - ERRORS_SHOWN),
        is_draft=is_draft,
        is_held=book.id in queries.in_force(caller.session, caller.tenant, day=today),
        today=today,
        client=summaries.find_client(caller.session, caller.tenant, client_id=book.client_id),
        models=[(model.id, f"{model.manufacturer} {model.name}") for model in models],
        categories=dict(category_words()),
        columns=tables.HEADER,
        words=words,
    )
