"""The operator's house: a partner like others, whose clients are the partners, each billed by a book."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from datetime import date, datetime

import sqlalchemy as sa
from flask_babel import gettext as _
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session

from haas import db
from haas.accounts.clients import create_client
from haas.accounts.partners import create_partner
from haas.errors import Conflict, HaasError, InvalidInput, NotFound
from haas.ids import new_id
from haas.tenancy.models import Partner
from haas.tenancy.scope import Platform, Tenant, scoped
from leases import operations as leasing
from leases.pricing.models import PriceBook
from leases.pricing.rules import Level
from leases.pricing.wholesale_models import WholesaleAccount
from leases.pricing.wholesale_rules import TierBasis


class HouseExists(Conflict):
    """There is one operator's house."""

    code = "house_exists"


class AccountExists(Conflict):
    """The partner has an account at the house."""

    code = "wholesale_account_exists"


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
    with _going_on_as(session, tenant, home=scope):
        yield tenant


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
    with _going_on_as(session, buyer, home=tenant):
        yield account, buyer


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
    billed_from: date | None = None,
) -> WholesaleAccount:
    """Make a partner a client of the house, billed by a book in a currency.

    :param billed_from: its first day, on the agreement; what was used before is never billed. Today if none.

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
        session,
        house,
        client_id=client.id,
        at=at,
        signed_on=billed_from or at.date(),
        payment_terms_days=payment_terms_days,
        notice_days=0,
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


@contextmanager
def _going_on_as(session: Session, scope: Tenant, *, home: db.Scope) -> Iterator[None]:
    """Speak in another name, and after a refusal too in one's own again."""
    db.change_scope(session, scope)
    try:
        yield
    except HaasError:
        db.change_scope(session, home)
        raise
    db.change_scope(session, home)


def _find_account(session: Session, house: Tenant, *, buyer_id: str) -> WholesaleAccount | None:
    return session.scalar(scoped(WholesaleAccount, house).where(WholesaleAccount.buyer_id == buyer_id))


def _demand_book(session: Session, house: Tenant, *, name: str) -> None:
    if name not in book_names(session, house):
        raise InvalidInput(_("Publish a wholesale book of this name first."), field="book_name")
