"""/settings/books: by which conventions an asset's books open, and when later costs are capitalised."""

from __future__ import annotations

from typing import Any

from flask import Blueprint, flash, redirect, render_template, request, url_for
from flask_babel import gettext as _

from haas.auth.caller import current_caller, requires
from haas.errors import HaasError, NotFound
from haas.pages.forms import Form, blank_form, read_form
from leases import book_policies
from leases.book_policies import DEFAULT_POLICY, FINANCIAL
from leases.book_records import BOOK_NAMES
from leases.forms import BookPolicyForm, RepairPolicyForm
from leases.portal import book_words, words

blueprint = Blueprint("book_settings", __name__, url_prefix="/settings/books")


@blueprint.get("")
@requires("depreciation.manage")
def index() -> str:
    """The books with their conventions, and the rule of later costs."""
    rule = book_policies.repair_policy(current_caller().partner)
    return _index(
        blank_form(capitalise_from=rule.capitalise_from, capitalise_upgrades=rule.capitalise_upgrades)
    )


@blueprint.post("")
@requires("depreciation.manage")
def save_rule() -> Any:
    """Capitalise by this rule from now on."""
    caller, form = current_caller(), read_form(RepairPolicyForm)
    if form.data is None:
        return _index(form), 422
    book_policies.change_repair_policy(caller.session, caller.tenant, **form.data)
    flash(_("Saved."), "success")
    return redirect(url_for(".index"), 303)


@blueprint.route("/<book_name>", methods=["GET", "POST"])
@requires("depreciation.manage")
def book(book_name: str) -> Any:
    """One book's conventions; books that are open keep theirs."""
    if book_name not in BOOK_NAMES:
        raise NotFound(_("There is no such book."))
    caller = current_caller()
    partner = caller.partner
    is_kept = book_name in book_policies.kept_books(partner)
    form = (
        blank_form(**book_policies.policy_of(partner, book_name), kept=is_kept)
        if request.method == "GET"
        else read_form(BookPolicyForm)
    )
    if form.data is not None:
        wanted = dict(form.data)
        kept = wanted.pop("kept") or book_name == FINANCIAL
        try:
            book_policies.change_policy(
                caller.session, caller.tenant, name=book_name, conventions=wanted if kept else None
            )
        except HaasError as refusal:
            form.refuse(refusal)
        else:
            flash(_("Books that open from now on are kept so."), "success")
            return redirect(url_for(".index"), 303)
    page = render_template(
        "portal/settings/book.html",
        form=form,
        book_name=book_name,
        is_financial=book_name == FINANCIAL,
        words=words,
        book_words=book_words,
    )
    return page, 200 if request.method == "GET" else 422


def _index(form: Form) -> str:
    partner = current_caller().partner
    kept = book_policies.kept_books(partner)
    return render_template(
        "portal/settings/books.html",
        form=form,
        kept_books=[
            {"name": name, "kept": name in kept, **book_policies.policy_of(partner, name)}
            for name in BOOK_NAMES
        ],
        usual=DEFAULT_POLICY,
        words=words,
        book_words=book_words,
    )
