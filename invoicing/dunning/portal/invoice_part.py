"""What an invoice's own page shows of reminders and disputes."""

from __future__ import annotations

from decimal import Decimal

from flask import render_template

from haas import clock
from haas.auth.caller import Caller
from invoicing.dunning import disputing, reminding
from invoicing.dunning.portal.words import reason_words
from invoicing.holds.held import held_on
from invoicing.models import Invoice


def tell_reminders(caller: Caller, invoice: Invoice, still_open: Decimal) -> str:
    """The card, or nothing where there is nothing to say or do; at most four queries."""
    if invoice.kind != "invoice":
        return ""
    session, tenant = caller.session, caller.tenant
    letters = reminding.reminders_of(session, tenant, invoice_id=invoice.id)
    disputes = disputing.disputes_of(session, tenant, invoice_id=invoice.id)
    is_disputed = any(row.state == "open" for row in disputes)
    may_dispute = bool(still_open) and not is_disputed and caller.may("invoice.dispute")
    why = None
    if tenant.client_id is None and still_open:
        held = held_on(
            session, tenant, today=clock.today(caller.partner.time_zone), client_id=invoice.client_id
        )
        why = held.why(client_id=invoice.client_id, invoice_id=invoice.id)
    if not (letters or disputes or may_dispute or why):
        return ""
    return render_template(
        "portal/dunning/invoice_part.html",
        invoice=invoice,
        letters=letters,
        disputes=disputes,
        may_dispute=may_dispute,
        why=why,
        reasons=reason_words(),
    )
