"""Collections by SEPA direct debit: what can be collected, and the order to the bank."""

from __future__ import annotations

from collections.abc import Sequence
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
from invoicing.bank import accounts
from invoicing.bank.candidates import Candidate, collectable
from invoicing.bank.debit_models import (
    CANCELLED,
    COLLECTED,
    RETURNED,
    Collection,
    CollectionItem,
)
from invoicing.bank.notices import check_announced, check_day, policy_of
from invoicing.bank.pain import Debit, OwnSide, direct_debits
from invoicing.bank.target_days import target_days_after
from invoicing.money.paying import lock_invoices

_KIND = "collection_order"


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

    :raises InvalidInput: if the day is too early or no such day, an invoice cannot be collected, or its
        client was not told of that day in time.
    :raises Conflict: if an invoice came into another order meanwhile.
    """
    account = accounts.get_account(session, tenant, account_id=account_id)
    policy = policy_of(session.get_one(Partner, tenant.partner_id))
    check_day(collect_on, first=target_days_after(today, policy.lead_days))
    wanted = set(invoice_ids)
    # A card charged at this moment has locked its invoice: whoever comes second sees what the first decided.
    lock_invoices(session, tenant, invoice_ids=wanted)
    chosen = [
        one
        for one in collectable(session, tenant, scheme=scheme, on=collect_on)
        if one.item.invoice_id in wanted
    ]
    if not chosen or len(chosen) != len(wanted):
        raise InvalidInput(
            "Some of these invoices cannot be collected then: paid, ordered already, held back, or without a"
            " mandate.",
            field="invoice_ids",
        )
    check_announced(session, tenant, chosen=chosen, collect_on=collect_on, policy=policy)
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


def _found(session: Session, statement: sa.Select[Collection], collection_id: str) -> Collection:
    found = session.scalar(statement.where(Collection.id == collection_id))
    if found is None:
        raise NotFound(f"There is no collection {collection_id}.")
    return found
