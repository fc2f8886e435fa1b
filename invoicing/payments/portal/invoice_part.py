"""What an invoice's own page shows of payments: attempts, what went back, and what can be done."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date
from decimal import Decimal

import msgspec
from flask import render_template
from sqlalchemy.orm import Session

from haas import clock, db
from haas.auth.caller import Caller
from haas.tenancy.scope import Tenant
from invoicing import pay_to
from invoicing.bank.under_way import ComingDebit, coming_debit
from invoicing.document import InvoiceDocument
from invoicing.models import Invoice
from invoicing.payments import queries, refunds
from invoicing.payments.doors import in_the_house
from invoicing.payments.lifecycle import OPEN
from invoicing.payments.portal.words import attempt_words, method_words, reason_words


def tell_payments(caller: Caller, invoice: Invoice, still_open: Decimal) -> str:
    """The card, or nothing where there is nothing to say; six queries however many attempts."""
    if invoice.kind != "invoice":
        return ""
    session, tenant = caller.session, caller.tenant
    debit, instead = _collected(caller, invoice) if still_open else (None, ())
    attempts = queries.attempts_of(session, tenant, invoice_id=invoice.id)
    methods = queries.methods_of(session, tenant, client_id=invoice.client_id)
    is_client = tenant.client_id is not None
    account = None if is_client else queries.find_default_account(session, tenant)
    if not attempts and account is None and not methods and debit is None and not instead:
        return ""
    chosen = [row for row in methods if row.is_default and (account is None or row.account_id == account.id)]
    under_way = [row for row in attempts if row.state in OPEN]
    payable = bool(still_open) and not (debit is not None and debit.order_number)
    backs = queries.backs_of(session, tenant, attempt_ids=[row.id for row in attempts])
    return render_template(
        "portal/payments/invoice_part.html",
        invoice=invoice,
        still_open=still_open,
        attempts=attempts,
        backs={row.id: [back for back in backs if back.attempt_id == row.id] for row in attempts},
        left={
            row.id: refunds.left_of(session, tenant, attempt=row)
            for row in attempts
            if row.receipt_id and caller.may("payment.refund")
        },
        method=chosen[0] if chosen else None,
        debit=debit,
        instead=instead,
        reference=invoice.document.get("payment_reference") or invoice.number,
        can_charge=bool(chosen) and account is not None and not under_way and payable,
        can_pay=payable
        and not any(row.kind == "charge" or row.state == "pending" for row in under_way)
        and (account is not None or (is_client and bool(attempts or methods))),
        attempt_words=attempt_words,
        method_words=method_words,
        reason_words=reason_words,
    )


def _collected(caller: Caller, invoice: Invoice) -> tuple[ComingDebit | None, Sequence[str]]:
    """The debit to come; or, where the paper promises one that will not, where to transfer the money.

    Orders and mandates are the partner's rows: a client is told of its own invoice in the partner's name.
    """
    today = clock.today(caller.partner.time_zone)
    if caller.tenant.client_id is None:
        return _asked(caller.session, caller.tenant, invoice, today)
    house = in_the_house(caller)
    with db.unit_of_work(house) as session:
        return _asked(session, house, invoice, today)


def _asked(
    session: Session, tenant: Tenant, invoice: Invoice, today: date
) -> tuple[ComingDebit | None, Sequence[str]]:
    debit = coming_debit(session, tenant, invoice_id=invoice.id, today=today)
    if debit is not None:
        return debit, ()
    document = msgspec.convert(invoice.document, type=InvoiceDocument)
    return None, pay_to.instead_of_debit(session, tenant, document=document)
