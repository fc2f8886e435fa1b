"""Debits under way, for every other way to pay the same invoice: an invoice is collected once."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date

import sqlalchemy as sa
from sqlalchemy.orm import Session

from haas.errors import Conflict
from haas.tenancy.scope import Tenant
from invoicing.bank.debit_models import ORDERED, Collection, CollectionItem, DebitNotice
from invoicing.mandate_models import ACTIVE, SepaMandate
from invoicing.models import Invoice


class DebitUnderWay(Conflict):
    """The bank was told to collect the invoice: paying it another way would pay it twice."""

    code = "debit_under_way"


@dataclass(frozen=True, slots=True)
class ComingDebit:
    """An invoice in an order that the bank has not carried out yet, or announced to be in one."""

    collect_on: date
    iban_shown: str  # its ends alone
    order_number: str = ""  # none: announced, and not ordered yet


def coming_debit(session: Session, tenant: Tenant, *, invoice_id: str, today: date) -> ComingDebit | None:
    """What the client may be told of it; two queries at most."""
    ordered = _ordered_debit(session, tenant, invoice_id=invoice_id)
    return ordered or _announced_debit(session, tenant, invoice_id=invoice_id, today=today)


def _ordered_debit(session: Session, tenant: Tenant, *, invoice_id: str) -> ComingDebit | None:
    """The order that collects an invoice, if one is under way; one query."""
    found = session.execute(
        sa.select(Collection.collect_on, SepaMandate, Collection.number)
        .join(
            CollectionItem,
            sa.and_(
                CollectionItem.partner_id == Collection.partner_id,
                CollectionItem.collection_id == Collection.id,
            ),
        )
        .join(
            SepaMandate,
            sa.and_(
                SepaMandate.partner_id == CollectionItem.partner_id,
                SepaMandate.id == CollectionItem.mandate_id,
            ),
        )
        .where(
            Collection.partner_id == tenant.partner_id,
            CollectionItem.invoice_id == invoice_id,
            CollectionItem.state == ORDERED,
        )
    ).first()
    return ComingDebit(found[0], found[1].iban_shown, found[2]) if found is not None else None


def _announced_debit(session: Session, tenant: Tenant, *, invoice_id: str, today: date) -> ComingDebit | None:
    """The next day that the client was told by a mail that left, by a mandate that still stands."""
    found = session.execute(
        sa.select(DebitNotice.collect_on, SepaMandate)
        .join(
            SepaMandate,
            sa.and_(
                SepaMandate.partner_id == DebitNotice.partner_id, SepaMandate.id == DebitNotice.mandate_id
            ),
        )
        .where(
            DebitNotice.partner_id == tenant.partner_id,
            DebitNotice.invoice_id == invoice_id,
            DebitNotice.collect_on >= today,
            DebitNotice.sent_at.is_not(None),
            SepaMandate.state == ACTIVE,
        )
        .order_by(DebitNotice.collect_on)
    ).first()
    return ComingDebit(found[0], found[1].iban_shown) if found is not None else None


def check_not_ordered(session: Session, tenant: Tenant, *, invoice: Invoice) -> None:
    """That no debit of an invoice is under way. Whoever asks has locked the invoice, as an order does.

    :raises DebitUnderWay: naming the day, the account and the order.
    """
    found = _ordered_debit(session, tenant, invoice_id=invoice.id)
    if found is not None:
        raise DebitUnderWay(
            f"{invoice.number} is collected on {found.collect_on} from the account {found.iban_shown}"
            f" ({found.order_number}). Wait for that, or cancel the order first."
        )


def announced(*, since: date) -> sa.ColumnElement[bool]:
    """Whether the client was told, or is on this very day, that an invoice is collected on `since` or later.

    :param since: today.
    """
    return (
        sa.select(DebitNotice.id)
        .where(
            DebitNotice.partner_id == Invoice.partner_id,
            DebitNotice.invoice_id == Invoice.id,
            DebitNotice.collect_on >= since,
            sa.or_(DebitNotice.sent_at.is_not(None), DebitNotice.announced_on >= since),
        )
        .exists()
    )


def ordered() -> sa.ColumnElement[bool]:
    """Whether an invoice is in an order that is under way."""
    return (
        sa.select(CollectionItem.id)
        .where(
            CollectionItem.partner_id == Invoice.partner_id,
            CollectionItem.invoice_id == Invoice.id,
            CollectionItem.state == ORDERED,
        )
        .exists()
    )
