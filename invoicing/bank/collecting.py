"""Collections by SEPA direct debit: what can be collected, and the order to the bank."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal

import sqlalchemy as sa
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session

from haas import outbox
from haas.accounts.company import company_of
from haas.errors import Conflict, InvalidInput, NotFound
from haas.files import get_file, store_file
from haas.ids import new_id
from haas.series import take_number
from haas.tenancy.models import Partner
from haas.tenancy.scope import Tenant, scoped
from invoicing import queries as invoices
from invoicing.bank import accounts
from invoicing.bank.debit_models import (
    ACTIVE,
    CANCELLED,
    COLLECTED,
    ORDERED,
    RETURNED,
    Collection,
    CollectionItem,
    SepaMandate,
)
from invoicing.bank.pain import Debit, OwnSide, direct_debits
from invoicing.bank.target_days import target_day_from, target_days_after
from invoicing.holds.held import held_on
from invoicing.open_items import OpenItem

_KIND = "collection_order"


@dataclass(frozen=True, slots=True, kw_only=True)
class DebitPolicy:
    """Conventions of a partner (`partner.policies["direct_debit"]`), in days."""

    notice_days: int = 14  # told the client before; 14 unless the contract says less (SEPA rulebook 4.3.4)
    lead_days: int = 1  # TARGET days the bank wants the order before it collects (rulebook: D-1)

    def first_day(self, today: date) -> date:
        """The earliest day on which what is announced today can be collected."""
        noticed = target_day_from(date.fromordinal(today.toordinal() + self.notice_days))
        return max(noticed, target_days_after(today, self.lead_days))


@dataclass(frozen=True, slots=True)
class Candidate:
    """An open invoice that a mandate can collect."""

    item: OpenItem
    mandate: SepaMandate
    sequence: str


def policy_of(partner: Partner) -> DebitPolicy:
    """The partner's own conventions, or the usual ones."""
    return DebitPolicy(**partner.policies.get("direct_debit", {}))


def collectable(session: Session, tenant: Tenant, *, scheme: str, due_until: date) -> list[Candidate]:
    """Invoices in EUR due by a day, of clients with an active mandate, in no order yet; six queries.

    What is disputed, paused, or promised for that day or later is not collected.
    """
    held = held_on(session, tenant, today=due_until)
    mandates = {
        row.client_id: row
        for row in session.scalars(
            scoped(SepaMandate, tenant).where(SepaMandate.state == ACTIVE, SepaMandate.scheme == scheme)
        )
    }
    ordered = set(
        session.scalars(
            scoped(CollectionItem, tenant)
            .where(CollectionItem.state == ORDERED)
            .with_only_columns(CollectionItem.invoice_id)
        )
    )
    used = set(
        session.scalars(
            scoped(CollectionItem, tenant)
            .where(CollectionItem.state != CANCELLED)
            .with_only_columns(CollectionItem.mandate_id)
            .distinct()
        )
    )
    found = []
    for item in invoices.open_items(session, tenant):
        mandate = mandates.get(item.client_id)
        if mandate is None or item.currency != "EUR" or item.due_on > due_until or item.invoice_id in ordered:
            continue
        if held.why(client_id=item.client_id, invoice_id=item.invoice_id) is not None:
            continue
        if mandate.usage == "once":
            if mandate.id in used:
                continue
            sequence = "OOFF"
        else:
            sequence = "RCUR" if mandate.id in used else "FRST"
        used.add(mandate.id)
        found.append(Candidate(item, mandate, sequence))
    return found


def order_collection(
    session: Session,
    tenant: Tenant,
    *,
    account_id: str,
    invoice_ids: Sequence[str],
    collect_on: date,
    today: date,
    at: datetime,
    scheme: str = "CORE",
) -> Collection:
    """Order what is open of these invoices on a day that TARGET settles; the file is kept with the order.

    :raises InvalidInput: if the day is too early or no such day, or an invoice cannot be collected.
    :raises Conflict: if an invoice came into another order meanwhile.
    """
    account = accounts.get_account(session, tenant, account_id=account_id)
    partner = session.get_one(Partner, tenant.partner_id)
    _check_day(collect_on, first=policy_of(partner).first_day(today))
    wanted = set(invoice_ids)
    chosen = [
        one
        for one in collectable(session, tenant, scheme=scheme, due_until=date.max)
        if one.item.invoice_id in wanted
    ]
    if not chosen or len(chosen) != len(wanted):
        raise InvalidInput(
            "Some of these invoices cannot be collected: paid, ordered already, or without a mandate.",
            field="invoice_ids",
        )
    creditor_id = company_of(session, tenant).creditor_id
    if not creditor_id:
        raise InvalidInput("Give the creditor identifier under Company and bank first.", field="account_id")
    if account.currency != "EUR":
        raise InvalidInput("SEPA collects to an account in EUR.", field="account_id")
    number = take_number(session, tenant, series=f"COL-{today.year}", pattern=f"COL-{today.year}-{{:05d}}")
    debits = [
        Debit(
            end_to_end_id=f"{number}-{place}",
            name=one.mandate.holder,
            iban=one.mandate.iban,
            bic=one.mandate.bic,
            amount=one.item.open,
            mandate=one.mandate.reference,
            signed_on=one.mandate.signed_on or today,
            sequence=one.sequence,
            text=one.item.number,
        )
        for place, one in enumerate(chosen, start=1)
    ]
    content = direct_debits(
        debits,
        own=OwnSide(name=account.holder, iban=account.number, bic=account.bic, creditor_id=creditor_id),
        message_id=number,
        scheme=scheme,
        collect_on=collect_on,
        created_at=at,
    )
    stored = store_file(
        session, tenant, kind=_KIND, name=f"{number}.xml", media_type="application/xml", content=content
    )
    made = Collection(
        partner_id=tenant.partner_id,
        id=new_id("col"),
        number=number,
        account_id=account.id,
        scheme=scheme,
        collect_on=collect_on,
        total=sum((debit.amount for debit in debits), Decimal(0)),
        file_id=stored.id,
        created_at=at,
        actor=tenant.actor,
    )
    try:
        with session.begin_nested():
            session.add(made)
            session.flush()
            session.add_all(
                _item(tenant, made, one, debit) for one, debit in zip(chosen, debits, strict=True)
            )
            session.flush()
    except IntegrityError as rival:
        raise Conflict("An invoice came into another order meanwhile: look again.") from rival
    outbox.publish(session, tenant, "collection.ordered", collection_id=made.id)
    return made


def cancel_collection(session: Session, tenant: Tenant, *, collection_id: str) -> Collection:
    """The order was not sent, or was called back: its invoices can be ordered again.

    :raises Conflict: if any of it was collected.
    """
    made = lock_collection(session, tenant, collection_id=collection_id)
    items = items_of(session, tenant, collection_id=made.id)
    if any(item.state in (COLLECTED, RETURNED) for item in items):
        raise Conflict(f"{made.number} was collected already.")
    for item in items:
        item.state = CANCELLED
    session.flush()
    return made


def list_collections(tenant: Tenant) -> sa.Select[Collection]:
    """Orders, to be paged by the caller."""
    return scoped(Collection, tenant)


def get_collection(session: Session, tenant: Tenant, *, collection_id: str) -> Collection:
    """The order.

    :raises NotFound: if this tenant has none by that id.
    """
    return _found(session, scoped(Collection, tenant), collection_id)


def lock_collection(session: Session, tenant: Tenant, *, collection_id: str) -> Collection:
    """The order, which nobody else changes until the transaction ends."""
    statement = scoped(Collection, tenant).with_for_update().execution_options(populate_existing=True)
    return _found(session, statement, collection_id)


def items_of(session: Session, tenant: Tenant, *, collection_id: str) -> Sequence[CollectionItem]:
    """What it collects, in the order of the file."""
    return session.scalars(
        scoped(CollectionItem, tenant)
        .where(CollectionItem.collection_id == collection_id)
        .order_by(CollectionItem.id)
    ).all()


def file_of(session: Session, tenant: Tenant, *, made: Collection) -> bytes:
    """The very bytes that were made for the bank."""
    return get_file(session, tenant, file_id=made.file_id).content


def _item(tenant: Tenant, made: Collection, one: Candidate, debit: Debit) -> CollectionItem:
    return CollectionItem(
        partner_id=tenant.partner_id,
        id=new_id("cit"),
        collection_id=made.id,
        mandate_id=one.mandate.id,
        client_id=one.item.client_id,
        invoice_id=one.item.invoice_id,
        amount=debit.amount,
        sequence=debit.sequence,
        end_to_end_id=debit.end_to_end_id,
        receipt_id=None,
    )


def _check_day(day: date, *, first: date) -> None:
    if target_day_from(day) != day:
        raise InvalidInput(
            f"TARGET is closed on that day: the next open one is {target_day_from(day)}.", field="collect_on"
        )
    if day < first:
        raise InvalidInput(f"The clients are to be told before: {first} at the earliest.", field="collect_on")


def _found(session: Session, statement: sa.Select[Collection], collection_id: str) -> Collection:
    found = session.scalar(statement.where(Collection.id == collection_id))
    if found is None:
        raise NotFound(f"There is no collection {collection_id}.")
    return found
