"""/bank: what came in and who may have paid it; one press to confirm, a page to split by hand."""

from __future__ import annotations

from collections.abc import Mapping
from decimal import Decimal
from typing import Any

import marshmallow as ma
from flask import flash, redirect, render_template, request, url_for
from flask_babel import gettext as _

from haas import clock
from haas.auth.caller import Caller, current_caller, requires
from haas.errors import InvalidInput
from haas.pages.forms import Form, blank_form, read_form
from haas.pages.lists import read_list
from haas.rest.fields import Amount, row_id, text
from haas.rest.openapi import Request
from haas.rest.paging import Sort, fetch_page
from invoicing import queries as invoices
from invoicing.bank import accounts, booking, learning, queries
from invoicing.bank.booking import Part
from invoicing.bank.models import OPEN, STATES, BankLine
from invoicing.bank.portal.doors import blueprint
from invoicing.bank.portal.words import category_words, reason_words, state_words
from invoicing.bank.queries import LineFilter
from invoicing.bank.schemas import BankLineIgnoreRequest, BankLineReopenRequest, BankLineReturnRequest
from leases.portal.doors import attempt, attempt_or_flash
from leases.summaries import client_choices, client_names

_SORTS = {"booked": Sort(BankLine.booked_on, BankLine.id), "amount": Sort(BankLine.amount, BankLine.id)}
_FILTERS = ("state", "account", "way", "statement")
_SHARES_MOST = 20  # clients on the page that splits a line


class AllocationForm(Request):
    """So much to an invoice; the discount for early payment is what is credited of it beside."""

    invoice_id = row_id(required=True)
    amount = Amount(load_default=None, allow_none=True)
    discount = Amount(load_default=None, allow_none=True)


class ShareForm(Request):
    """What of a line is of one of several clients."""

    client_id = row_id(required=True)
    amount = Amount(load_default=None, allow_none=True)
    fee = Amount(load_default=None, allow_none=True)


class MatchForm(Request):
    """Book a line for one client, or a share for each of several; what no invoice takes is their credit."""

    client_id = row_id(load_default="")
    fee = Amount(load_default=None, allow_none=True)
    shares = ma.fields.List(ma.fields.Nested(ShareForm), load_default=list)
    paid = ma.fields.List(ma.fields.Nested(AllocationForm), load_default=list)
    reasons = text(300, load_default="")


@blueprint.get("")
@requires("bank.read")
def index() -> str:
    """Lines that wait, each with the likeliest payer and what speaks for it."""
    caller = current_caller()
    session, tenant = caller.session, caller.tenant
    listed = read_list(sorts=_SORTS, default="-booked", filters=_FILTERS)
    asked = listed.filters.get("state", OPEN)
    state = asked if asked in STATES else OPEN
    way = listed.filters.get("way")
    page = fetch_page(
        session,
        queries.list_lines(
            tenant,
            where=LineFilter(
                state=state,
                account_id=listed.filters.get("account"),
                statement_id=listed.filters.get("statement"),
                way=way if way in ("in", "out") else None,
                text=listed.search,
            ),
        ),
        sort=listed.sort,
        cursor=listed.cursor,
        limit=listed.limit,
    )
    found = learning.suggestions(session, tenant, lines=page.rows)
    booked = booking.standing_bookings(session, tenant, line_ids=[row.id for row in page.rows])
    likeliest = [some[0] for some in found.values() if some]
    clients = {one.client_id for one in likeliest}
    clients |= {row.client_id for some in booked.values() for row in some}
    counts = queries.counts_by_state(session, tenant)
    words = state_words()
    return render_template(
        "portal/bank/index.html",
        page=page,
        listed=listed,
        state=state,
        tabs=[(key, words[key], counts.get(key, 0)) for key in STATES],
        found=found,
        booked=booked,
        clients=client_names(session, tenant, clients),
        numbers=invoices.numbers_of(
            session,
            tenant,
            invoice_ids=[invoice_id for one in likeliest for invoice_id, _part in one.allocations],
        ),
        accounts=accounts.list_accounts(session, tenant, closed=True),
        reasons=reason_words(),
        categories=category_words(),
    )


@blueprint.get("/lines/<bank_line_id>")
@requires("bank.read")
def show_line(bank_line_id: str) -> str:
    """One line: all that the bank said, who may have paid it, and every way to decide."""
    return _page(current_caller(), bank_line_id, blank_form(category="other"))


@blueprint.post("/lines/<bank_line_id>/match")
@requires("bank.match")
def match_line(bank_line_id: str) -> Any:
    """Book it for the client that was chosen, or for each its share."""
    caller, form = current_caller(), read_form(MatchForm)
    if form.data is not None:
        line = queries.get_line(caller.session, caller.tenant, line_id=bank_line_id)
        data = form.data
        if attempt(
            form,
            lambda: booking.book(
                caller.session,
                caller.tenant,
                line_id=bank_line_id,
                parts=_parts(caller, line, data),
                reasons=[word for word in data["reasons"].split() if word in reason_words()],
                at=clock.now(),
            ),
        ):
            flash(_("Booked."), "success")
            return redirect(url_for(".index"), 303)
    return _page(caller, bank_line_id, form), 422


@blueprint.post("/lines/<bank_line_id>/return")
@requires("bank.match")
def return_line(bank_line_id: str) -> Any:
    """Book it as money that came back."""
    caller, form = current_caller(), read_form(BankLineReturnRequest)
    if form.data is not None:
        data = form.data
        if attempt(
            form,
            lambda: booking.book_return(
                caller.session,
                caller.tenant,
                line_id=bank_line_id,
                receipt_id=data["receipt_id"],
                fee=Decimal(data["fee"]),
                at=clock.now(),
            ),
        ):
            flash(_("Booked: the invoices are open again."), "success")
            return redirect(url_for(".index"), 303)
    return _page(caller, bank_line_id, form), 422


@blueprint.post("/lines/<bank_line_id>/ignore")
@requires("bank.match")
def ignore_line(bank_line_id: str) -> Any:
    """Set it aside."""
    caller, form = current_caller(), read_form(BankLineIgnoreRequest)
    if form.data is not None:
        data = form.data
        if attempt(
            form,
            lambda: booking.ignore(
                caller.session, caller.tenant, line_id=bank_line_id, at=clock.now(), **data
            ),
        ):
            flash(_("Set aside."), "success")
            return redirect(url_for(".index"), 303)
    return _page(caller, bank_line_id, form), 422


@blueprint.post("/lines/<bank_line_id>/reopen")
@requires("bank.match")
def reopen_line(bank_line_id: str) -> Any:
    """Take back what was decided."""
    caller, form = current_caller(), read_form(BankLineReopenRequest)
    reason = (form.data or {}).get("reason", "")
    if attempt_or_flash(
        lambda: booking.reopen(
            caller.session, caller.tenant, line_id=bank_line_id, reason=reason, at=clock.now()
        )
    ):
        flash(_("The line waits again."), "success")
    return redirect(url_for(".show_line", bank_line_id=bank_line_id), 303)


def _page(caller: Caller, line_id: str, form: Form) -> str:
    session, tenant = caller.session, caller.tenant
    line = queries.get_line(session, tenant, line_id=line_id)
    items = [item for item in invoices.open_items(session, tenant) if item.currency == line.currency]
    found = learning.suggestions(session, tenant, lines=[line], items=items).get(line.id, [])
    booked = booking.standing_bookings(session, tenant, line_ids=[line.id]).get(line.id, [])
    chosen, search = _chosen(form), request.args.get("q", "").strip().upper()
    if search and not form.names & {"shares"}:
        chosen += [item.client_id for item in items if search in item.number.upper()][:1]
    chosen = list(dict.fromkeys(chosen))[:_SHARES_MOST]
    return render_template(
        "portal/bank/line.html",
        line=line,
        account=accounts.get_account(session, tenant, account_id=line.account_id),
        found=found,
        booked=booked,
        receipts=booking.receipts_to_return(session, tenant, line=line) if line.state == OPEN else [],
        clients=client_choices(session, tenant),
        names=client_names(
            session,
            tenant,
            {one.client_id for one in found} | {row.client_id for row in booked} | set(chosen),
        ),
        numbers={item.invoice_id: item.number for item in items},
        chosen=chosen,
        items=[item for item in items if item.client_id in chosen],
        shares={str(row.get("client_id")): row for row in form.value("shares") or []},
        typed={str(row.get("invoice_id")): row.get("amount") for row in form.value("paid") or []},
        search=search,
        form=form,
        reasons=reason_words(),
        categories=category_words(),
        words=state_words(),
    )


def _chosen(form: Form) -> list[str]:
    typed = [form.value("client_id"), *(row.get("client_id") for row in form.value("shares") or [])]
    found = [str(client_id) for client_id in typed if client_id]
    return found or [client_id for client_id in request.args.getlist("client") if client_id]


def _parts(caller: Caller, line: BankLine, data: dict[str, Any]) -> list[Part]:
    """The shares, each with what was typed at its own client's invoices."""
    paid = {row["invoice_id"]: row["amount"] for row in data["paid"] if row["amount"]}
    discounts = {row["invoice_id"]: row["discount"] for row in data["paid"] if row["discount"]}
    if not data["shares"]:
        if not data["client_id"]:
            raise InvalidInput(_("Choose who paid."), field="client_id")
        fee = data["fee"] or Decimal(0)
        return [
            Part(
                client_id=data["client_id"],
                amount=line.amount,
                fee=fee,
                allocations=paid,
                discounts=discounts,
            )
        ]
    owners = {item.invoice_id: item.client_id for item in invoices.open_items(caller.session, caller.tenant)}
    shares = [row for row in data["shares"] if row["amount"]]
    if {owners.get(invoice_id) for invoice_id in paid} - {row["client_id"] for row in shares}:
        raise InvalidInput(
            _("Give each client whose invoices are paid its share of the amount."), field="shares"
        )
    return [
        Part(
            client_id=row["client_id"],
            amount=row["amount"],
            fee=row["fee"] or Decimal(0),
            allocations=_of_client(paid, row["client_id"], owners),
            discounts=_of_client(discounts, row["client_id"], owners),
        )
        for row in shares
    ]


def _of_client(
    amounts: Mapping[str, Decimal], client_id: str, owners: Mapping[str, str]
) -> dict[str, Decimal]:
    return {key: amount for key, amount in amounts.items() if owners.get(key) == client_id}
