"""The job that mirrors what partners use as lines of the operator's house.

It reads in the partner's own name and writes in the house's: nobody ever sees over the wall, the job neither.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime

import sqlalchemy as sa
from sqlalchemy.orm import Session

from haas import clock, db
from haas.accounts.clients import get_client
from haas.calendar import add_months
from haas.ids import new_id
from haas.tenancy.models import Client
from haas.tenancy.scope import Platform, Tenant, scoped
from leases import operations as leasing
from leases.models import Agreement, Line
from leases.pricing import queries, rules
from leases.pricing.house import find_house, list_accounts, lock_account
from leases.pricing.usage import read_usage
from leases.pricing.wholesale_models import WholesaleAccount, WholesaleLine
from leases.pricing.wholesale_rules import Segment, TierBasis, Usage, Wholesale, price_usage, since
from leases.terms import CommercialModel, Component, LineKind, Timing

TERM_MONTHS = 120  # of the lease that carries the lines; it goes on after that


@dataclass(frozen=True, slots=True)
class Synced:
    """What a synchronisation came to."""

    lines: int
    written: int
    unpriced: Sequence[Usage]


def sync_everyone(*, as_of: date, actor: str = "job:wholesale") -> dict[str, Synced]:
    """Mirror what every partner uses, each in units of work of its own. Safe to run twice.

    :returns: what it came to, by the partner's id.
    """
    with db.unit_of_work(Platform("operator", actor=actor)) as session:
        house = find_house(session)
    if house is None:
        return {}
    tenant = Tenant(house.id, actor=actor)
    with db.unit_of_work(tenant) as session:
        accounts = [(row.id, row.buyer_id) for row in list_accounts(session, tenant)]
    return {
        buyer_id: sync_account(tenant, account_id=account_id, buyer_id=buyer_id, as_of=as_of)
        for account_id, buyer_id in accounts
    }


def sync_account(house: Tenant, *, account_id: str, buyer_id: str, as_of: date) -> Synced:
    """Mirror what one partner uses: read in its name, then write in the house's. Safe to run twice."""
    with db.unit_of_work(Tenant(buyer_id, actor=house.actor)) as session:
        usages = read_usage(session, Tenant(buyer_id))
    with db.unit_of_work(house) as session:
        return mirror(session, house, account_id=account_id, usages=usages, as_of=as_of, at=clock.now())


def mirror(
    session: Session,
    house: Tenant,
    *,
    account_id: str,
    usages: Sequence[Usage],
    as_of: date,
    at: datetime,
) -> Synced:
    """Let the lines of the house's lease say what a partner uses, until the end of the month of `as_of`.

    What was looked at once is not forgotten: an earlier `as_of` looks as far as the latest did.
    """
    account = lock_account(session, house, account_id=account_id)
    client = get_client(session, house, client_id=account.client_id)
    month_end = add_months(as_of.replace(day=1), 1)
    until = max(month_end, account.synced_until or month_end)
    books = queries.load_books(session, house, levels=rules.BUYING, name=account.book_name)
    agreement = _agreement(session, house, client_id=client.id)
    wanted = price_usage(
        since(usages, agreement.signed_on) if agreement.signed_on else usages,
        books,
        currency=client.currency,
        until=add_months(until, -1),
        basis=TierBasis(account.tier_basis),
    )
    written = 0
    if wanted.segments or account.lease_id is not None:
        written = _write(session, house, account=account, client=client, wanted=wanted, at=at)
    account.synced_until, account.unpriced = until, len(wanted.unpriced)
    session.flush()
    return Synced(len(wanted.segments), written, wanted.unpriced)


def _write(
    session: Session,
    house: Tenant,
    *,
    account: WholesaleAccount,
    client: Client,
    wanted: Wholesale,
    at: datetime,
) -> int:
    """Insert what is new, change what differs, end what is gone on the day it began. Set-based."""
    known = {
        (row.source_line_id, row.starts_on): row
        for row in session.execute(
            sa.select(
                WholesaleLine.source_line_id,
                WholesaleLine.starts_on,
                WholesaleLine.line_id,
                Line.ends_on,
                Line.quantity,
                Line.unit_price,
            )
            .join(
                Line,
                sa.and_(Line.partner_id == WholesaleLine.partner_id, Line.id == WholesaleLine.line_id),
            )
            .where(WholesaleLine.partner_id == house.partner_id, WholesaleLine.account_id == account.id)
        )
    }
    wished = {(segment.usage.line_id, segment.starts_on): segment for segment in wanted.segments}
    new = [segment for key, segment in wished.items() if key not in known]
    changed = [
        (known[key].line_id, segment.ends_on, segment.quantity, segment.price)
        for key, segment in wished.items()
        if key in known
        and (segment.ends_on, segment.quantity, segment.price)
        != (known[key].ends_on, known[key].quantity, known[key].unit_price)
    ]
    changed += [
        (row.line_id, row.starts_on, row.quantity, row.unit_price)
        for key, row in known.items()
        if key not in wished and row.ends_on != row.starts_on
    ]
    if changed:
        session.execute(
            sa.update(Line),
            [
                {
                    "partner_id": house.partner_id,
                    "id": line_id,
                    "ends_on": ends_on,
                    "quantity": quantity,
                    "unit_price": price,
                }
                for line_id, ends_on, quantity, price in changed
            ],
        )
    if new:
        _insert(session, house, account=account, client=client, segments=new, at=at)
    return len(new) + len(changed)


def _insert(
    session: Session,
    house: Tenant,
    *,
    account: WholesaleAccount,
    client: Client,
    segments: Sequence[Segment],
    at: datetime,
) -> None:
    is_first = account.lease_id is None
    if is_first:
        account.lease_id = _draft_lease(session, house, client=client, at=at)
    ids = [new_id("lin") for _segment in segments]
    session.execute(
        sa.insert(Line),
        [
            {
                "partner_id": house.partner_id,
                "id": line_id,
                "lease_id": account.lease_id,
                "client_id": client.id,
                "kind": LineKind.SERVICE.value,
                "component": Component.SERVICE.value,
                "flexible": True,
                "description": f"{segment.usage.name}, {segment.usage.lease_number}",
                "model_id": None,
                "quantity": segment.quantity,
                "unit_price": segment.price,
                "residual_value": None,
                "standalone_price": None,
                "tax_category": account.tax_category,
                "starts_on": segment.starts_on,
                "ends_on": segment.ends_on,
                "created_at": at,
            }
            for line_id, segment in zip(ids, segments, strict=True)
        ],
    )
    session.execute(
        sa.insert(WholesaleLine),
        [
            {
                "partner_id": house.partner_id,
                "id": new_id("whl"),
                "account_id": account.id,
                "client_id": client.id,
                "line_id": line_id,
                "source_lease_id": segment.usage.lease_id,
                "source_line_id": segment.usage.line_id,
                "starts_on": segment.starts_on,
            }
            for line_id, segment in zip(ids, segments, strict=True)
        ],
    )
    if is_first:
        first_day = min(segment.starts_on for segment in segments)
        _start_lease(session, house, lease_id=str(account.lease_id), first_day=first_day, at=at)


def _draft_lease(session: Session, house: Tenant, *, client: Client, at: datetime) -> str:
    """The lease that carries a partner's lines: by the calendar month, in arrears, to the day."""
    return leasing.draft_lease(
        session,
        house,
        agreement_id=_agreement(session, house, client_id=client.id).id,
        term_months=TERM_MONTHS,
        title="Wholesale",
        timing=Timing.ARREARS.value,
        commercial_model=CommercialModel.SUBSCRIPTION.value,
        at=at,
    ).id


def _start_lease(session: Session, house: Tenant, *, lease_id: str, first_day: date, at: datetime) -> None:
    leasing.quote(session, house, lease_id=lease_id, valid_until=at.date(), at=at)
    leasing.accept(
        session, house, lease_id=lease_id, signer="Wholesale account", accepted_on=at.date(), at=at
    )
    leasing.activate(session, house, lease_id=lease_id, first_day=first_day.replace(day=1), at=at)


def _agreement(session: Session, house: Tenant, *, client_id: str) -> Agreement:
    """What the account was opened with; its day is the first that is billed."""
    return session.scalars(
        scoped(Agreement, house).where(Agreement.client_id == client_id).order_by(Agreement.id).limit(1)
    ).one()
