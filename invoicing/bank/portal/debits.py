"""/bank/debits: mandates of clients, what can be collected, the orders and their files."""

from __future__ import annotations

from datetime import date
from typing import Any

from flask import Response, flash, redirect, render_template, request, url_for
from flask_babel import gettext as _

from haas import clock
from haas.accounts.company import company_of
from haas.auth.caller import Caller, current_caller, requires
from haas.pages.downloads import download
from haas.pages.forms import Form, blank_form, read_form
from haas.rest.paging import Sort, fetch_page
from invoicing.bank import accounts, collecting, letters, mandates, notices
from invoicing.bank.candidates import collectable
from invoicing.bank.debit_models import Collection
from invoicing.bank.debit_policy import DebitPolicy
from invoicing.bank.debit_schemas import (
    CollectionRequest,
    DebitPolicyForm,
    SepaMandateRequest,
    SepaMandateSigned,
)
from invoicing.bank.mandate_paper import mandate_pdf
from invoicing.bank.portal.doors import blueprint
from invoicing.mandate_models import ACTIVE, SCHEMES, SepaMandate
from leases.portal.doors import attempt, attempt_or_flash
from leases.summaries import client_choices, client_names

_MANDATES_MOST = 200


@blueprint.get("/debits")
@requires("bank.read")
def list_debits() -> str:
    """What can be collected, and the orders so far."""
    return _page(current_caller(), Form())


@blueprint.post("/debits")
@requires("bank.collect")
def order_debits() -> Any:
    """Order what was ticked: the bank's file is made and kept."""
    caller, form = current_caller(), read_form(CollectionRequest)
    made: list[Collection] = []
    if form.data is not None:
        data = form.data
        if attempt(
            form,
            lambda: made.append(
                collecting.order_collection(
                    caller.session,
                    caller.tenant,
                    account_id=data["bank_account_id"],
                    invoice_ids=data["invoice_ids"],
                    collect_on=data["collect_on"],
                    scheme=data["scheme"],
                    today=_today(caller),
                    at=clock.now(),
                )
            ),
        ):
            flash(_("%(number)s is ordered: send its file to your bank.", number=made[0].number), "success")
            return redirect(url_for(".show_debits", collection_id=made[0].id), 303)
    return _page(caller, form), 422


@blueprint.post("/debits/announce")
@requires("bank.collect")
def announce_debits() -> Any:
    """Tell the clients of what was ticked on which day it is collected."""
    caller, form = current_caller(), read_form(CollectionRequest)
    if form.data is not None:
        data = form.data
        if attempt(
            form,
            lambda: notices.announce(
                caller.session,
                caller.tenant,
                invoice_ids=data["invoice_ids"],
                collect_on=data["collect_on"],
                scheme=data["scheme"],
                today=_today(caller),
                at=clock.now(),
            ),
        ):
            flash(_("Announced: the clients are told by mail. Order them for that day."), "success")
            return redirect(url_for(".list_debits", scheme=data["scheme"]), 303)
    return _page(caller, form), 422


@blueprint.post("/debits/policy")
@requires("settings.manage")
def save_debit_policy() -> Any:
    """Keep other conventions from now on."""
    caller, form = current_caller(), read_form(DebitPolicyForm)
    if form.data is not None:
        policy = DebitPolicy(**form.data)
        if attempt(form, lambda: notices.change_policy(caller.session, caller.tenant, policy=policy)):
            flash(_("Saved. What was announced stays as it is."), "success")
            return redirect(url_for(".list_debits"), 303)
    return _page(caller, form), 422


@blueprint.get("/debits/<collection_id>")
@requires("bank.read")
def show_debits(collection_id: str) -> str:
    """One order: each item and what came of it."""
    caller = current_caller()
    made = collecting.get_collection(caller.session, caller.tenant, collection_id=collection_id)
    items = collecting.items_of(caller.session, caller.tenant, collection_id=made.id)
    return render_template(
        "portal/bank/debit.html",
        made=made,
        items=items,
        names=client_names(caller.session, caller.tenant, {item.client_id for item in items}),
        states=item_words(),
        account=accounts.get_account(caller.session, caller.tenant, account_id=made.account_id),
    )


@blueprint.get("/debits/<collection_id>/order.xml")
@requires("bank.collect")
def debits_file(collection_id: str) -> Response:
    """The bank's file: always the same bytes."""
    caller = current_caller()
    made = collecting.get_collection(caller.session, caller.tenant, collection_id=collection_id)
    content = collecting.file_of(caller.session, caller.tenant, made=made)
    return download(content, name=f"{made.number}.xml", media_type="application/xml")


@blueprint.post("/debits/<collection_id>/cancel")
@requires("bank.collect")
def cancel_debits(collection_id: str) -> Any:
    """It was not sent, or was called back."""
    caller = current_caller()
    if attempt_or_flash(
        lambda: collecting.cancel_collection(caller.session, caller.tenant, collection_id=collection_id)
    ):
        flash(_("Cancelled: its invoices can be ordered again."), "success")
    return redirect(url_for(".show_debits", collection_id=collection_id), 303)


@blueprint.post("/mandates")
@requires("bank.collect")
def draft_mandate() -> Any:
    """A mandate for a client to sign."""
    caller, form = current_caller(), read_form(SepaMandateRequest)
    if form.data is not None:
        data = form.data
        if attempt(
            form, lambda: mandates.draft_mandate(caller.session, caller.tenant, at=clock.now(), **data)
        ):
            flash(_("Drafted: note when the client has signed it."), "success")
            return redirect(url_for(".list_debits"), 303)
    return _page(caller, form), 422


@blueprint.get("/mandates/<mandate_id>/form.pdf")
@requires("bank.collect")
def mandate_form(mandate_id: str) -> Any:
    """The form to be signed."""
    caller = current_caller()
    document = letters.form_of(caller.session, caller.tenant, mandate_id=mandate_id)
    name = f"mandate-{document.reference}.pdf"
    return download(mandate_pdf(document), name=name, media_type="application/pdf")


@blueprint.post("/mandates/<mandate_id>/mail")
@requires("bank.collect")
def mail_mandate(mandate_id: str) -> Any:
    """Mail the form to the client."""
    caller = current_caller()
    if attempt_or_flash(lambda: mandates.ask_signature(caller.session, caller.tenant, mandate_id=mandate_id)):
        flash(_("The form is on its way to the client."), "success")
    return redirect(url_for(".list_debits"), 303)


@blueprint.post("/mandates/<mandate_id>/sign")
@requires("bank.collect")
def sign_mandate(mandate_id: str) -> Any:
    """The client has signed it."""
    caller, form = current_caller(), read_form(SepaMandateSigned)
    if form.data is not None:
        data = form.data
        if attempt(
            form,
            lambda: mandates.sign_mandate(
                caller.session,
                caller.tenant,
                mandate_id=mandate_id,
                signed_on=data["signed_on"],
                today=_today(caller),
            ),
        ):
            flash(_("Signed: what is due can be collected."), "success")
            return redirect(url_for(".list_debits"), 303)
    return _page(caller, form), 422


@blueprint.post("/mandates/<mandate_id>/revoke")
@requires("bank.collect")
def revoke_mandate(mandate_id: str) -> Any:
    """Nothing more is ordered by it."""
    caller = current_caller()
    mandates.revoke_mandate(caller.session, caller.tenant, mandate_id=mandate_id, on=_today(caller))
    flash(_("Revoked."), "success")
    return redirect(url_for(".list_debits"), 303)


def item_words() -> dict[str, str]:
    """What became of an item."""
    return {
        "ordered": _("Ordered"),
        "collected": _("Collected"),
        "returned": _("Came back"),
        "cancelled": _("Cancelled"),
    }


def _page(caller: Caller, form: Form) -> str:
    session, tenant, today = caller.session, caller.tenant, _today(caller)
    scheme = request.values.get("scheme", "")
    scheme = scheme if scheme in SCHEMES else SCHEMES[0]
    policy = notices.policy_of(caller.partner)
    candidates = collectable(session, tenant, scheme=scheme, on=policy.first_day(today))
    orders = fetch_page(
        session,
        collecting.list_collections(tenant),
        sort=Sort(Collection.id, Collection.id, descending=True),
        cursor=request.args.get("cursor"),
    )
    listed = session.scalars(
        mandates.list_mandates(tenant).order_by(SepaMandate.id.desc()).limit(_MANDATES_MOST)
    ).all()
    return render_template(
        "portal/bank/debits.html",
        form=form if form.names else blank_form(),
        scheme=scheme,
        schemes=SCHEMES,
        candidates=candidates,
        orders=orders,
        mandates=listed,
        active=ACTIVE,
        names=client_names(
            session,
            tenant,
            {row.client_id for row in listed} | {one.item.client_id for one in candidates},
        ),
        clients=client_choices(session, tenant) if caller.may("bank.collect") else [],
        accounts=[row for row in accounts.list_accounts(session, tenant) if row.currency == "EUR"],
        told=notices.standing_notices(session, tenant, candidates=candidates, since=today),
        can_sign=bool(company_of(session, tenant).creditor_id),
        policy=policy,
        first_day=policy.first_day(today),
        today=today,
    )


def _today(caller: Caller) -> date:
    return clock.today(caller.partner.time_zone)
