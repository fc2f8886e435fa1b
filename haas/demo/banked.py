"""The demo's bank: an account and a statement with lines that wait, one booked, one set aside."""

from __future__ import annotations

from datetime import date, datetime, timedelta
from decimal import Decimal

from sqlalchemy.orm import Session

from haas.accounts.company import company_of
from haas.tenancy.models import Client, Partner
from haas.tenancy.scope import Tenant, scoped
from invoicing import queries as invoices
from invoicing.bank import accounts, booking, collecting, importing, mandates, notices
from invoicing.bank.layouts import sniff
from invoicing.bank.models import BankAccount, BankLine
from invoicing.bank.queries import LineFilter, list_lines
from invoicing.references import creditor_reference


def keep_an_account(session: Session, tenant: Tenant, *, today: date, at: datetime) -> None:
    """The account that invoices name in the partner's currency, and its statement up to yesterday."""
    partner = session.get_one(Partner, tenant.partner_id)
    printed = next(row for row in company_of(session, tenant).accounts if row["currency"] == partner.currency)
    account = accounts.open_account(
        session,
        tenant,
        name="Operating account",
        holder=partner.legal_name,
        number=printed.get("iban") or f"{printed['bank_code']} {printed['account_number']}",
        bic="",
        currency=partner.currency,
        auto_book=False,
        at=at,
    )
    lines = _lines(session, tenant, partner=partner, day=today - timedelta(days=1))
    content = ("Date,Amount,Payee,Memo,Balance\n" + "\n".join(lines) + "\n").encode()
    stored = importing.upload(session, tenant, name="statement.csv", content=content)
    (made,) = importing.bring_in(
        session, tenant, file_id=stored.id, account_id=account.id, layout=sniff(content).layout, at=at
    )
    rows = session.scalars(
        list_lines(tenant, where=LineFilter(statement_id=made.id)).order_by(BankLine.entry)
    ).all()
    fee, credit = rows[0], rows[1]
    booking.ignore(session, tenant, line_id=fee.id, category="fee", at=at)
    named = scoped(Client, tenant).where(Client.legal_name == credit.counterparty_name)
    payer = session.scalars(named).first()
    if payer is not None:
        part = booking.Part(client_id=payer.id, amount=credit.amount)
        booking.book(session, tenant, line_id=credit.id, parts=[part], at=at)
    _collect_by_mandate(session, tenant, account=account, today=today, at=at)


def _lines(session: Session, tenant: Tenant, *, partner: Partner, day: date) -> list[str]:
    """A fee, a payment too much, an invoice paid to the cent and one in part: with balances that follow."""
    clients = {row.id: row for row in session.scalars(scoped(Client, tenant).order_by(Client.number))}
    payer = next(iter(clients.values())).legal_name
    moves = [(Decimal("-4.90"), "House bank", "Account fee"), (Decimal("25.00"), payer, "Thank you")]
    items = [item for item in invoices.open_items(session, tenant) if item.currency == partner.currency]
    for item in items[:1]:
        name = clients[item.client_id].legal_name
        moves.append((item.open, name, creditor_reference(item.number)))
    moves += [
        (Decimal("100.00"), clients[item.client_id].legal_name, f"Invoice {item.number}")
        for item in items[1:2]
    ]
    balance, lines = Decimal("12500.00"), []
    for amount, name, text in moves:
        balance += amount
        lines.append(f'{day},{amount:.2f},"{name}",{text},{balance:.2f}')
    return lines


def _collect_by_mandate(
    session: Session, tenant: Tenant, *, account: BankAccount, today: date, at: datetime
) -> None:
    """A client's mandate, and the order of its newest invoice where SEPA reaches."""
    items = invoices.open_items(session, tenant)
    if not items:
        return
    client = session.get_one(Client, (tenant.partner_id, items[-1].client_id))
    drafted = mandates.draft_mandate(
        session, tenant, client_id=client.id, holder=client.legal_name, iban="DE02120300000000202051", at=at
    )
    if account.currency != "EUR" or items[-1].currency != "EUR":
        return
    mandates.sign_mandate(session, tenant, mandate_id=drafted.id, signed_on=today, today=today)
    partner = session.get_one(Partner, tenant.partner_id)
    day = notices.policy_of(partner).first_day(today)
    for notice in notices.announce(
        session, tenant, invoice_ids=[items[-1].invoice_id], collect_on=day, today=today, at=at
    ):
        notices.note_sent(session, tenant, notice_id=notice.id, announced_at=at, at=at)
    collecting.order_collection(
        session,
        tenant,
        account_id=account.id,
        invoice_ids=[items[-1].invoice_id],
        collect_on=day,
        today=today,
        at=at,
    )
