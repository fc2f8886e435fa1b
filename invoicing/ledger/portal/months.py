"""/books: the months of a book, what is open, and the two decisions: to post, to lock."""

from __future__ import annotations

from datetime import date
from typing import Any

import marshmallow as ma
from flask import Blueprint, flash, redirect, render_template, request, url_for
from flask_babel import gettext as _

from haas import clock
from haas.auth.caller import Caller, current_caller, requires
from haas.calendar import add_months
from haas.errors import HaasError
from haas.pages.forms import Form, read_form
from haas.rest.fields import one_of
from haas.rest.openapi import Request
from invoicing.ledger import periods, posting
from invoicing.ledger.chart import Book, month_of
from invoicing.ledger.portal.words import book_words, kind_words, month_text
from invoicing.ledger.schemas import BOOKS, Month

blueprint = Blueprint("books", __name__, url_prefix="/books")


class PostForm(Request):
    """Post up to the end of a month."""

    month = Month(required=True)


class LockForm(PostForm):
    """Lock a month of a book; confirmed, because nothing takes it back."""

    book = one_of(*BOOKS, required=True)
    confirmed = ma.fields.Boolean(load_default=False)


@blueprint.get("")
@requires("ledger.read")
def index() -> str:
    """The months of a book, and what is not posted up to the end of the last one that has ended."""
    return _page(current_caller(), Form())


@blueprint.post("/postings")
@requires("ledger.manage")
def post_month() -> Any:
    """Start a run; jobs do it, chunk by chunk."""
    caller, form = current_caller(), read_form(PostForm)
    if form.data is None:
        return _page(caller, form), 422
    try:
        run = posting.start_run(
            caller.session, caller.tenant, month=form.data["month"], today=_today(caller), at=clock.now()
        )
    except HaasError as refusal:
        form.refuse(refusal)
        return _page(caller, form), refusal.status
    return redirect(url_for("jobs.show", job_id=run.long_job_id), 303)


@blueprint.get("/lock")
@requires("ledger.manage")
def ask_lock() -> str:
    """What locking a month leaves out: everything that is not posted by then."""
    return _lock_page(current_caller(), Form(), book=chosen_book(), month=_asked_month(current_caller()))


@blueprint.post("/lock")
@requires("ledger.manage")
def lock() -> Any:
    """Lock the month and all before it."""
    caller, form = current_caller(), read_form(LockForm)
    if form.data is None:
        return _lock_page(caller, form, book=chosen_book(), month=_asked_month(caller)), 422
    book, month = Book(form.data["book"]), form.data["month"]
    if not form.data["confirmed"]:
        form.errors["confirmed"] = [_("Confirm it: a locked month stays locked.")]
        return _lock_page(caller, form, book=book, month=month), 422
    try:
        periods.lock_month(
            caller.session, caller.tenant, book=book, month=month, today=_today(caller), at=clock.now()
        )
    except HaasError as refusal:
        form.refuse(refusal)
        return _lock_page(caller, form, book=book, month=month), refusal.status
    flash(
        _("%(month)s is locked. What comes later is posted in the month after.", month=month_text(month)),
        "success",
    )
    return redirect(url_for(".index", book=book.value), 303)


def chosen_book() -> Book:
    """The book that the address names; the financial one if it names none that there is."""
    asked = request.values.get("book", "")
    return Book(asked) if asked in BOOKS else Book.FINANCIAL


def read_month(text: str | None) -> date | None:
    """A month of the address, such as 2026-06; none if it is not one."""
    try:
        month: Any = Month().deserialize(text) if text else None
    except ma.ValidationError:
        return None
    return month if isinstance(month, date) else None


def _page(caller: Caller, form: Form) -> str:
    book, today = chosen_book(), _today(caller)
    ended = add_months(month_of(today), -1)
    return render_template(
        "portal/ledger/months.html",
        form=form,
        book=book,
        books=book_words(),
        kinds=kind_words(),
        month_text=month_text,
        ended=ended,
        months=periods.list_months(caller.session, caller.tenant, book=book, today=today),
        unposted=posting.preview(caller.session, caller.tenant, month=ended, book=book),
        running=posting.run_under_way(caller.session, caller.tenant),
    )


def _lock_page(caller: Caller, form: Form, *, book: Book, month: date) -> str:
    return render_template(
        "portal/ledger/lock.html",
        form=form,
        book=book,
        books=book_words(),
        kinds=kind_words(),
        month=month,
        month_text=month_text,
        next_month=add_months(month, 1),
        locked=periods.last_locked(caller.session, caller.tenant, book=book),
        unposted=posting.preview(caller.session, caller.tenant, month=month, book=book),
    )


def _asked_month(caller: Caller) -> date:
    return read_month(request.values.get("month")) or add_months(month_of(_today(caller)), -1)


def _today(caller: Caller) -> date:
    return clock.today(caller.partner.time_zone)
