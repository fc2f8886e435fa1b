"""The operator's house: its accounts with partners, and the lines that mirror what each partner uses.

The house is a partner like others, and each partner is a client of it. A job reads what a partner uses in
the partner's own name and writes lines in the house's: nobody ever sees over the wall, the job neither.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from datetime import date, datetime

import sqlalchemy as sa
from flask_babel import gettext as _
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session

from haas import clock, db
from haas.accounts.clients import create_client, get_client
from haas.accounts.partners import create_partner
from haas.calendar import add_months
from haas.errors import Conflict, InvalidInput, NotFound
from haas.ids import new_id
from haas.tenancy.models import Client, Partner
from haas.tenancy.scope import Platform, Tenant, scoped
from leases import operations as leasing
from leases.models import Agreement, Line
from leases.pricing import queries, rules
from leases.pricing.models import PriceBook
from leases.pricing.rules import Level
from leases.pricing.usage import read_usage
from leases.pricing.wholesale_models import WholesaleAccount, WholesaleLine
from leases.pricing.wholesale_rules import Segment, TierBasis, Usage, Wholesale, price_usage
from leases.terms import CommercialModel, Component, LineKind, Timing

TERM_MONTHS = 120  # of the lease that carries the lines; it goes on after that


class HouseExists(Conflict):
    """There is one operator's house."""

    code = "house_exists"


class AccountExists(Conflict):
    """The partner has an account at the house."""

    code = "wholesale_account_exists"


@dataclass(frozen=True, slots=True)
class Synced:
    """What a synchronisation came to."""

    lines: int
    written: int
    unpriced: Sequence[Usage]


def find_house(session: Session) -> Partner | None:
    """The operator's house, if there is one. The session runs in the platform's name."""
    return session.scalar(sa.select(Partner).where(Partner.is_operator))


def open_house(
    session: Session,
    *,
    name: str,
    legal_name: str,
    country: str,
    currency: str,
    language: str,
    time_zone: str,
) -> Partner:
    """Make the operator's own house. The session runs in the platform's name.

    :raises HouseExists: if there is one.
    """
    if find_house(session) is not None:
        raise HouseExists(_("The operator's house is there already."))
    house = create_partner(
        session,
        name=name,
        legal_name=legal_name,
        country=country,
        currency=currency,
        language=language,
        time_zone=time_zone,
    )
    house.is_operator = True
    try:
        session.flush()
    except IntegrityError as rival:
        raise HouseExists(_("Somebody else has just made the operator's house.")) from rival
    return house


@contextmanager
def in_the_house(session: Session, scope: Platform) -> Iterator[Tenant]:
    """Go on in the house's name within an operator's transaction, the operator's person on its record.

    :raises NotFound: if there is no house yet.
    """
    house = find_house(session)
    if house is None:
        raise NotFound(_("There is no house yet: open the operator's house first."))
    tenant = Tenant(house.id, actor=scope.actor, door=scope.door)
    db.change_scope(session, tenant)
    yield tenant
    db.change_scope(session, scope)


@contextmanager
def as_buyer(
    session: Session, tenant: Tenant
) -> Iterator[tuple[WholesaleAccount, Tenant] | tuple[None, None]]:
    """Go on as the client that this partner is at the operator's house; nothing, if it is none.

    In that name the house's policies show what they show to any client: its own rows and its own book.
    """
    account = None
    if tenant.client_id is None:
        account = session.scalar(
            sa.select(WholesaleAccount).where(WholesaleAccount.buyer_id == tenant.partner_id)
        )
    if account is None:
        yield None, None
        return
    buyer = replace(tenant, partner_id=account.partner_id, client_id=account.client_id)
    db.change_scope(session, buyer)
    yield account, buyer
    db.change_scope(session, tenant)


def open_account(
    session: Session,
    house: Tenant,
    *,
    buyer: Partner,
    book_name: str,
    currency: str,
    email: str,
    at: datetime,
    address: list[str] | None = None,
    tax_id: str = "",
    tier_basis: str = TierBasis.ANY_DAY,
    tax_category: str = "S",
    payment_terms_days: int = 14,
) -> WholesaleAccount:
    """Make a partner a client of the house, billed by a book in a currency.

    :raises AccountExists: if it has an account.
    """
    if buyer.id == house.partner_id:
        raise InvalidInput(_("The house cannot buy from itself."), field="partner_id")
    if _find_account(session, house, buyer_id=buyer.id) is not None:
        raise AccountExists(_("%(name)s has an account already.", name=buyer.name), field="partner_id")
    _demand_book(session, house, name=book_name)
    client = create_client(
        session,
        house,
        name=buyer.name,
        legal_name=buyer.legal_name,
        email=email,
        country=buyer.country,
        currency=currency,
        language=buyer.language,
        time_zone=buyer.time_zone,
        address=address,
        tax_id=tax_id,
    )
    leasing.create_agreement(
        session, house, client_id=client.id, at=at, payment_terms_days=payment_terms_days, notice_days=0
    )
    account = WholesaleAccount(
        partner_id=house.partner_id,
        id=new_id("wac"),
        buyer_id=buyer.id,
        client_id=client.id,
        book_name=book_name,
        tier_basis=TierBasis(tier_basis),
        tax_category=tax_category,
        created_at=at,
    )
    try:
        with session.begin_nested():
            session.add(account)
            session.flush()
    except IntegrityError as rival:
        raise AccountExists(
            _("%(name)s has an account already.", name=buyer.name), field="partner_id"
        ) from rival
    return account


def assign_book(
    session: Session, house: Tenant, *, account_id: str, book_name: str, tier_basis: str
) -> WholesaleAccount:
    """Bill a partner by another book. What was billed is corrected by the next run, where it differs."""
    account = lock_account(session, house, account_id=account_id)
    _demand_book(session, house, name=book_name)
    account.book_name, account.tier_basis = book_name, TierBasis(tier_basis)
    session.flush()
    return account


def list_accounts(session: Session, house: Tenant) -> Sequence[WholesaleAccount]:
    """Every partner's account at the house."""
    return session.scalars(scoped(WholesaleAccount, house).order_by(WholesaleAccount.id)).all()


def lock_account(session: Session, house: Tenant, *, account_id: str) -> WholesaleAccount:
    """One account, locked.

    :raises NotFound: if the house has none by that id.
    """
    account = session.scalar(
        scoped(WholesaleAccount, house)
        .where(WholesaleAccount.id == account_id)
        .with_for_update()
        .execution_options(populate_existing=True)
    )
    if account is None:
        raise NotFound(_("There is no such account."))
    return account


def book_names(session: Session, house: Tenant) -> list[str]:
    """The wholesale books that are published, by name."""
    return list(
        session.scalars(
            scoped(PriceBook, house)
            .where(PriceBook.level == Level.WHOLESALE, PriceBook.published_at.is_not(None))
            .with_only_columns(PriceBook.name)
            .distinct()
            .order_by(PriceBook.name)
        )
    )


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
    wanted = price_usage(
        usages,
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
    agreement = session.scalars(
        scoped(Agreement, house).where(Agreement.client_id == client.id).order_by(Agreement.id).limit(1)
    ).one()
    return leasing.draft_lease(
        session,
        house,
        agreement_id=agreement.id,
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


def _find_account(session: Session, house: Tenant, *, buyer_id: str) -> WholesaleAccount | None:
    return session.scalar(scoped(WholesaleAccount, house).where(WholesaleAccount.buyer_id == buyer_id))


def _demand_book(session: Session, house: Tenant, *, name: str) -> None:
    if name not in book_names(session, house):
        raise InvalidInput(_("Publish a wholesale book of this name first."), field="book_name")
