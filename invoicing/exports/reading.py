"""Frozen documents, payments and journal lines -> the values that formats are written from."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from decimal import Decimal
from typing import Any

import msgspec
import sqlalchemy as sa
from sqlalchemy.orm import Session, aliased

from haas.money import round_minor
from haas.tenancy.models import Client
from haas.tenancy.scope import Tenant
from invoicing.bulk import among
from invoicing.credit_papers import reason_in_words
from invoicing.document import Allowance, DocumentLine, InvoiceDocument
from invoicing.exports.contents import Batch, Entry, EntrySide, Money, Paper, PaperLine, Party
from invoicing.exports.mapping import ALLOWANCE, CHARGE
from invoicing.ledger.models import JournalEntry, JournalLine, LedgerAccount
from invoicing.models import Invoice, InvoiceLine

PORTION = 500  # rows that are read at once


def read_papers(
    session: Session, tenant: Tenant, *, ids: Sequence[str], of: Batch, reversed_by: str = ""
) -> Iterator[Paper]:
    """The documents in the order of their ids as given; three queries for each portion.

    :param of: whose language and own currency the books are kept in.
    :param reversed_by: the number of the batch that takes them back: all amounts are turned round.
    """
    for portion in _portions(ids):
        found = session.execute(
            sa.select(Invoice, Client)
            .join(Client, _same(Client, Invoice.client_id, Invoice.partner_id))
            .where(Invoice.partner_id == tenant.partner_id, among(Invoice.id, portion))
        )
        rows = {invoice.id: (invoice, client) for invoice, client in found}
        lines = _lines_of(session, tenant, portion)
        credited = _numbers_of(
            session, tenant, [row.credits_invoice_id for row, _ in rows.values() if row.credits_invoice_id]
        )
        for item_id in portion:
            invoice, client = rows[item_id]
            yield _paper(invoice, client, lines[item_id], credited, of=of, reversed_by=reversed_by)


def read_money(
    session: Session, tenant: Tenant, *, ids: Sequence[str], reversed_by: str = ""
) -> Iterator[Money]:
    """Receipts, what went back of them, and refunds, in the order given; two queries for each portion."""
    for portion in _portions(ids):
        given = {"partner": tenant.partner_id, "ids": list(portion)}
        rows = {row.id: row for row in session.execute(sa.text(_MONEY), given)}
        clients = _clients(session, tenant, {row.client_id for row in rows.values()})
        for item_id in portion:
            row = rows[item_id]
            amount, lost = (round_minor(each, row.currency) for each in (row.amount, row.lost))
            yield Money(
                item_id=row.id,
                reference=_turned(row.reference, reversed_by),
                received_on=row.dated_on,
                amount=-amount if reversed_by else amount,
                currency=row.currency,
                method=row.method,
                party=_party(clients[row.client_id]),
                invoice_number=row.paid or "",
                lost=-lost if reversed_by else lost,
                is_reversal=bool(reversed_by),
            )


_MONEY = """
select r.id, r.reference, r.received_on as dated_on, r.amount, r.currency, r.method, r.client_id,
       (select string_agg(distinct i.number, ' ') from payment y
          join invoice i on i.partner_id = y.partner_id and i.id = y.invoice_id
         where y.partner_id = r.partner_id and y.receipt_id = r.id and y.amount > 0) as paid,
       cast(0 as numeric) as lost
  from receipt r where r.partner_id = :partner and r.id = any(:ids)
union all
select v.id, v.reference, v.reversed_on, -v.amount, v.currency, r.method, v.client_id, r.reference,
       -v.shortfall
  from receipt_reversal v join receipt r on r.partner_id = v.partner_id and r.id = v.receipt_id
 where v.partner_id = :partner and v.id = any(:ids)
union all
select f.id, coalesce(nullif(f.reference, ''), f.id), f.settled_on, -f.amount, f.currency, f.channel,
       f.client_id, '', 0
  from refund f where f.partner_id = :partner and f.id = any(:ids)
union all
select f.id || '/returned', coalesce(nullif(f.reference, ''), f.id) || '/returned', f.returned_on, f.amount,
       f.currency, f.channel, f.client_id, coalesce(nullif(f.reference, ''), f.id), 0
  from refund f where f.partner_id = :partner and f.state = 'returned'
   and f.id || '/returned' = any(:ids)
"""


def read_entries(
    session: Session, tenant: Tenant, *, ids: Sequence[str], reversed_by: str = ""
) -> Iterator[Entry]:
    """The journal entries in the order of their ids as given; three queries for each portion."""
    for portion in _portions(ids):
        entries = {
            entry.id: entry
            for entry in session.scalars(
                sa.select(JournalEntry).where(
                    JournalEntry.partner_id == tenant.partner_id, among(JournalEntry.id, portion)
                )
            )
        }
        sides = _sides_of(session, tenant, portion, sign=-1 if reversed_by else 1)
        for item_id in portion:
            entry = entries[item_id]
            yield Entry(
                item_id=entry.id,
                reference=_turned(entry.reference, reversed_by),
                source_kind=entry.source_kind,
                dated_on=entry.dated_on,
                currency=entry.currency,
                sides=sides[item_id],
                is_reversal=bool(reversed_by),
            )


def _paper(
    invoice: Invoice,
    client: Client,
    told: Sequence[tuple[str, Decimal]],
    credited: dict[str, str],
    *,
    of: Batch,
    reversed_by: str,
) -> Paper:
    document = msgspec.convert(invoice.document, type=InvoiceDocument)
    is_credit = (document.kind == "credit_note") != bool(reversed_by)
    sign = Decimal(-1 if is_credit else 1)  # a frozen credit note has positive amounts
    return Paper(
        item_id=invoice.id,
        number=_turned(document.number, reversed_by),
        is_credit=is_credit,
        is_reversal=bool(reversed_by),
        credits_number=document.number if reversed_by else credited.get(invoice.credits_invoice_id or "", ""),
        reason=reason_in_words(invoice.reason_code, invoice.reason, language=of.language),
        issued_on=document.issued_on,
        due_on=document.due_on or document.issued_on,
        currency=document.currency,
        exchange_rate=_exchange_rate(document, own=of.currency),
        party=_party(client, document),
        site=document.site.name if document.site else "",
        lines=_paper_lines(document, told, sign),
        net=sign * document.net_total,
        tax=sign * document.tax_total,
        total=sign * document.total,
    )


def _exchange_rate(document: InvoiceDocument, *, own: str) -> Decimal | None:
    if document.accounting is not None and document.accounting.currency == own:
        return document.accounting.rate
    return Decimal(1) if document.currency == (own or document.currency) else None


def _paper_lines(
    document: InvoiceDocument, told: Sequence[tuple[str, Decimal]], sign: Decimal
) -> list[PaperLine]:
    """Lines, then what is given or charged on the whole; their taxes add up to the document's own totals."""
    own = -1 if document.kind == "credit_note" else 1  # its rows are negative, its paper is not
    known = [(kind, own * tax) for kind, tax in told]
    kinds = (
        [kind for kind, _ in known] if len(known) == len(document.lines) else ["manual"] * len(document.lines)
    )
    kinds += [ALLOWANCE if each.amount < 0 else CHARGE for each in document.allowances]
    rows: list[DocumentLine | Allowance] = [*document.lines, *document.allowances]
    taxes = _taxes(document, rows, [tax for _, tax in known] if len(known) == len(document.lines) else [])
    return [
        PaperLine(
            kind=kind,
            description=row.description,
            quantity=row.quantity if isinstance(row, DocumentLine) else Decimal(1),
            unit_price=sign * (row.unit_price if isinstance(row, DocumentLine) else row.amount),
            net=sign * _net(row),
            tax=sign * tax,
            tax_category=row.tax_category,
            tax_rate_pct=row.tax_rate_pct,
        )
        for kind, row, tax in zip(kinds, rows, taxes, strict=True)
    ]


def _taxes(
    document: InvoiceDocument, rows: Sequence[DocumentLine | Allowance], known: Sequence[Decimal]
) -> list[Decimal]:
    """The tax of each row: as it was posted, else its own; the last of a category and rate bears the rest."""
    rest: dict[tuple[str, Decimal], Decimal] = {
        (total.category, total.rate_pct): total.tax for total in document.tax_totals
    }
    last: dict[tuple[str, Decimal], int] = {}
    taxes = []
    for at, row in enumerate(rows):
        key = (str(row.tax_category), row.tax_rate_pct)
        tax = (
            known[at]
            if at < len(known)
            else round_minor(_net(row) * row.tax_rate_pct / 100, document.currency)
        )
        rest[key] = rest.get(key, Decimal(0)) - tax
        last[key] = at
        taxes.append(tax)
    for key, at in last.items():
        taxes[at] += rest[key]
    return taxes


def _net(row: DocumentLine | Allowance) -> Decimal:
    return row.net if isinstance(row, DocumentLine) else row.amount


def _lines_of(session: Session, tenant: Tenant, ids: Sequence[str]) -> dict[str, list[tuple[str, Decimal]]]:
    """(kind, tax) of each line; what a credit by hand gives back is of the kind that it corrects."""
    corrected = aliased(InvoiceLine)
    found = session.execute(
        sa.select(InvoiceLine.invoice_id, sa.func.coalesce(corrected.kind, InvoiceLine.kind), InvoiceLine.tax)
        .outerjoin(
            corrected,
            sa.and_(
                InvoiceLine.kind == "manual",
                corrected.partner_id == InvoiceLine.partner_id,
                corrected.id == InvoiceLine.source_id,
            ),
        )
        .where(InvoiceLine.partner_id == tenant.partner_id, among(InvoiceLine.invoice_id, ids))
        .order_by(InvoiceLine.invoice_id, InvoiceLine.position)
    )
    lines: dict[str, list[tuple[str, Decimal]]] = defaultdict(list)
    for invoice_id, kind, tax in found:
        lines[invoice_id].append((kind, tax))
    return lines


def _numbers_of(session: Session, tenant: Tenant, ids: Sequence[str]) -> dict[str, str]:
    found = session.execute(
        sa.select(Invoice.id, Invoice.number).where(
            Invoice.partner_id == tenant.partner_id, among(Invoice.id, ids)
        )
    )
    return {row.id: row.number for row in found}


def _sides_of(
    session: Session, tenant: Tenant, ids: Sequence[str], *, sign: int
) -> dict[str, list[EntrySide]]:
    found = session.execute(
        sa.select(JournalLine, LedgerAccount)
        .join(LedgerAccount, _same(LedgerAccount, JournalLine.account_id, JournalLine.partner_id))
        .where(JournalLine.partner_id == tenant.partner_id, among(JournalLine.entry_id, ids))
        .order_by(JournalLine.entry_id, JournalLine.position)
    ).all()
    clients = _clients(session, tenant, {line.client_id for line, _ in found if line.client_id})
    sides: dict[str, list[EntrySide]] = defaultdict(list)
    for line, account in found:
        sides[line.entry_id].append(
            EntrySide(
                code=account.code,
                name=account.name,
                account_kind=account.kind,
                amount=sign * round_minor(line.amount, line.currency),
                party=_party(clients[line.client_id]) if line.client_id else None,
            )
        )
    return sides


def _clients(session: Session, tenant: Tenant, ids: Iterable[str]) -> dict[str, Client]:
    found = session.scalars(
        sa.select(Client).where(Client.partner_id == tenant.partner_id, among(Client.id, ids))
    )
    return {client.id: client for client in found}


def _party(client: Client, document: InvoiceDocument | None = None) -> Party:
    return Party(
        client_id=client.id,
        number=client.number,
        name=client.name,
        legal_name=client.legal_name,
        email=client.email,
        country=(document.buyer.country if document else "") or client.country,
        address=tuple(document.buyer.address_lines if document else client.address),
    )


def _turned(number: str, reversed_by: str) -> str:
    return f"{number}/{reversed_by}" if reversed_by else number


def _portions(ids: Sequence[str]) -> Iterator[Sequence[str]]:
    for first in range(0, len(ids), PORTION):
        yield ids[first : first + PORTION]


def _same(model: Any, theirs: Any, partner: Any) -> sa.ColumnElement[bool]:
    return sa.and_(model.partner_id == partner, model.id == theirs)
