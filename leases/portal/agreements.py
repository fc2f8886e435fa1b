"""/agreements: master agreements with clients, and the leases under them."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

from flask import Blueprint, flash, redirect, render_template, request, url_for
from flask_babel import gettext as _

from haas import clock
from haas.accounts.portal.words import terms_kinds
from haas.auth.caller import Caller, current_caller, requires
from haas.errors import InvalidInput
from haas.pages.forms import Form, blank_form, read_form
from haas.pages.lists import read_list
from haas.rest.paging import Sort, fetch_page
from leases import operations, queries, summaries
from leases.daycount import DAY_COUNTS
from leases.forms import AgreementForm
from leases.models import Agreement, Lease
from leases.portal import words
from leases.portal.doors import attempt
from leases.queries import LeaseFilter

blueprint = Blueprint("agreements", __name__, url_prefix="/agreements")

SORTS = {
    "number": Sort(Agreement.number, Agreement.id),
    "created": Sort(Agreement.created_at, Agreement.id),
}
_NEWEST = Sort(Lease.id, Lease.id, descending=True)


@blueprint.get("")
@requires("lease.read")
def index() -> str:
    """Agreements, newest first."""
    caller = current_caller()
    listed = read_list(sorts=SORTS, default="-created", filters=("client_id",))
    statement = queries.list_agreements(
        caller.tenant,
        client_id=listed.filters.get("client_id"),
        number_prefix=listed.search.upper() or None,
    )
    page = fetch_page(caller.session, statement, sort=listed.sort, cursor=listed.cursor, limit=listed.limit)
    is_staff = caller.tenant.client_id is None
    return render_template(
        "portal/agreements/index.html",
        page=page,
        listed=listed,
        clients=summaries.client_choices(caller.session, caller.tenant) if is_staff else [],
        names=summaries.client_names(caller.session, caller.tenant, (row.client_id for row in page.rows)),
        words=words,
    )


@blueprint.get("/<agreement_id>")
@requires("lease.read")
def show(agreement_id: str) -> str:
    """One agreement: its conventions and its leases."""
    caller = current_caller()
    agreement = queries.get_agreement(caller.session, caller.tenant, agreement_id=agreement_id)
    page = fetch_page(
        caller.session,
        queries.list_leases(caller.tenant, where=LeaseFilter(agreement_id=agreement_id)),
        sort=_NEWEST,
        cursor=request.args.get("cursor"),
    )
    return render_template(
        "portal/agreements/show.html",
        agreement=agreement,
        terms_kinds=terms_kinds(),
        steps=", ".join(f"{month}: {pct}" for month, pct in agreement.early_return_steps),
        page=page,
        rows=summaries.summarise(caller.session, caller.tenant, page.rows),
        client=summaries.find_client(caller.session, caller.tenant, client_id=agreement.client_id),
        words=words,
    )


@blueprint.route("/new", methods=["GET", "POST"])
@requires("lease.manage")
def new() -> Any:
    """Conclude an agreement with a client."""
    caller = current_caller()
    if request.method == "GET":
        form = blank_form(
            client_id=request.args.get("client_id", ""),
            then=request.args.get("then", ""),
            notice_days=90,
            payment_terms_days=caller.partner.payment_terms_days,
            payment_terms_kind=caller.partner.payment_terms_kind,
            holdover_rate_pct="100",
            flex_down_pct="0",
            acceptance_silent_days=5,
            damage_dispute_days=14,
            terms_version="2026-01",
            proration="actual_period",
            day_count="actual",
            flex_down_lines_a_quarter=0,
            flex_down_notice_days=30,
            early_return_policy="none",
            early_return_pct="0",
            early_return_discount_pct="0",
        )
        return _page(caller, form)
    form = read_form(AgreementForm)
    made: list[Agreement] = []
    if form.data is not None:
        data = dict(form.data)
        then, typed = data.pop("then"), data.pop("steps_text")
        if attempt(
            form,
            lambda: made.append(
                operations.create_agreement(
                    caller.session, caller.tenant, at=clock.now(), **{**data, **_read_steps(typed)}
                )
            ),
        ):
            flash(_("%(number)s is concluded.", number=made[0].number), "success")
            if then == "lease":
                return redirect(url_for("leases.new", agreement_id=made[0].id), 303)
            return redirect(url_for(".show", agreement_id=made[0].id), 303)
    return _page(caller, form), 422


def _read_steps(typed: str) -> dict[str, Any]:
    """`1: 60, 13: 40` as rows of a table; nothing typed, nothing said.

    :raises InvalidInput: showing how it is written.
    """
    if not typed.strip():
        return {}
    try:
        rows = [each.split(":") for each in typed.replace(";", ",").split(",") if each.strip()]
        steps = [{"from_month": int(month), "pct": Decimal(pct.strip())} for month, pct in rows]
    except (ValueError, ArithmeticError):
        raise InvalidInput(
            _("Write month and percent, such as 1: 60, 13: 40, 25: 20."), field="steps_text"
        ) from None
    return {"early_return_steps": steps}


def _page(caller: Caller, form: Form) -> str:
    if (wrong := form.errors.pop("early_return_steps", None)) is not None:
        form.errors["steps_text"] = wrong  # the page writes the table as one text
    return render_template(
        "portal/agreements/new.html",
        form=form,
        clients=summaries.client_choices(caller.session, caller.tenant),
        day_counts=[(name, name) for name in DAY_COUNTS],
        terms_kinds=list(terms_kinds().items()),
        words=words,
    )
