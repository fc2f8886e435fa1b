"""Debits under way, for every other way to pay the same invoice: an invoice is collected once."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date

import sqlalchemy as sa
from sqlalchemy.orm import Session

from haas.errors import Conflict
from haas.tenancy.scope import Tenant
from invoicing.bank.debit_models import ORDERED, Collection, CollectionItem, DebitNotice
from invoicing.mandate_models import SepaMandate
from invoicing.models import Invoice


class DebitUnderWay(Conflict):
    """The bank was told to collect the invoice: paying it another way would pay it twice."""

    code = "debit_under_way"


@dataclass(frozen=True, slots=True)
class OrderedDebit:
    """An invoice in an order that the bank has not carried out yet."""

    order_number: str
    collect_on: date
    iban_shown: str  # its ends alone


def ordered_debit(session: Session, tenant: Tenant, *, invoice_id: str) -> OrderedDebit | None:
    """The order that collects an invoice, if one is under way; one query."""
    found = session.execute(
        sa.select(Collection.number, Collection.collect_on, SepaMandate)
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
    return OrderedDebit(found[0], found[1], found[2].iban_shown) if found is not None else None


def check_not_ordered(session: Session, tenant: Tenant, *, invoice: Invoice) -> None:
    """That no debit of an invoice is under way. Whoever asks has locked the invoice, as an order does.

    :raises DebitUnderWay: naming the day, the account and the order.
    """
    found = ordered_debit(session, tenant, invoice_id=invoice.id)
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
