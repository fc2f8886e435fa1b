"""A partner's clients: found, made, edited, archived."""

from __future__ import annotations

import re
from collections.abc import Callable
from datetime import datetime
from typing import Any

import sqlalchemy as sa
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session

from haas import clock
from haas.accounts import checks
from haas.accounts.client_tax import fill_tax_facts
from haas.accounts.client_terms import TERMS, fill_terms
from haas.accounts.partner_settings import ONE_CURRENCY, currency_policy
from haas.accounts.people import check_email
from haas.auth.models import PortalSession, User
from haas.errors import Conflict, InvalidInput, NotFound
from haas.ids import new_id
from haas.rest.paging import Page, Sort, fetch_page
from haas.tenancy.models import Client, Partner
from haas.tenancy.partners import lock_partner
from haas.tenancy.scope import Tenant, scoped

CLIENT_SORTS = {
    "name": Sort(Client.name_norm, Client.id),
    "number": Sort(Client.number, Client.id),
    "created": Sort(Client.created_at, Client.id),
}

# Why a client cannot be archived yet, asked of the contexts above: (session, tenant, client_id) -> words.
archive_obstacles: list[Callable[[Session, Tenant, str], str | None]] = []

_NUMBERED = re.compile(r"C-(\d{1,9})")
_CLIENT_FIELDS = frozenset(
    {
        "number",
        "name",
        "legal_name",
        "email",
        "phone",
        "address",
        "country",
        "postcode",
        "city",
        "region",
        "tax_id",
        "tax_treatment",
        "exemption_number",
        "exemption_valid_until",
        "exemption_text",
        "legal_id",
        "buyer_reference",
        "endpoint_scheme",
        "endpoint_id",
        "prices_include_tax",
        "wants_ubl",
        "currency",
        "language",
        "time_zone",
        *TERMS,
    }
)


class NumberTaken(Conflict):
    """Another client has this number."""

    code = "number_taken"


def list_clients(
    session: Session,
    tenant: Tenant,
    *,
    search: str = "",
    archived: bool = False,
    sort: Sort = CLIENT_SORTS["name"],
    cursor: str | None = None,
    limit: int = 50,
) -> Page[Client]:
    """One page of the partner's clients whose name or number contains `search`."""
    statement = scoped(Client, tenant)
    statement = statement.where(Client.archived_at.is_not(None) if archived else Client.archived_at.is_(None))
    if search:
        statement = statement.where(
            sa.or_(
                Client.name_norm.contains(search.casefold(), autoescape=True),
                Client.number.contains(search.upper(), autoescape=True),
            )
        )
    return fetch_page(session, statement, sort=sort, cursor=cursor, limit=limit)


def get_client(session: Session, tenant: Tenant, *, client_id: str, lock: bool = False) -> Client:
    """One client.

    :raises NotFound: if this tenant has no such client.
    """
    statement = scoped(Client, tenant).where(Client.id == client_id)
    client = session.scalar(statement.with_for_update() if lock else statement)
    if client is None:
        raise NotFound("There is no such client.")
    return client


def create_client(
    session: Session,
    tenant: Tenant,
    *,
    name: str,
    email: str,
    number: str | None = None,
    legal_name: str | None = None,
    country: str | None = None,
    currency: str | None = None,
    language: str | None = None,
    time_zone: str | None = None,
    phone: str = "",
    address: list[str] | None = None,
    tax_id: str = "",
    **more: Any,
) -> Client:
    """Add a client; what is left out is as the partner has it, and the number is the next free one.

    `more` are facts of `haas.accounts.client_tax` and `client_terms`.

    :raises NumberTaken: if the number is in use.
    :raises InvalidInput: for an unknown country, currency, language or zone, a currency the partner's
        policy does not allow, or a tax id that is wrong.
    """
    # The partner's row is locked while the next number is looked up, so that two clients never race for it.
    partner = lock_partner(session, tenant)
    client_id = new_id("cli")
    client = Client(
        partner_id=tenant.partner_id,
        id=client_id,
        client_id=client_id,
        archived_at=None,
        created_at=clock.now(),
    )
    _fill_client(
        client,
        partner,
        {
            "number": number or _next_number(session, tenant),
            "name": name,
            "legal_name": legal_name or name,
            "email": email,
            "phone": phone,
            "address": address or [],
            "country": country or partner.country,
            "tax_id": tax_id,
            "currency": currency or partner.currency,
            "language": language or partner.language,
            "time_zone": time_zone or partner.time_zone,
            **more,
        },
    )
    session.add(client)
    _flush_client(session, client)
    return client


def edit_client(session: Session, tenant: Tenant, *, client_id: str, changes: dict[str, Any]) -> Client:
    """Change some of a client's facts; issued papers keep what they were printed with.

    :raises NumberTaken, InvalidInput: as `create_client`.
    """
    client = get_client(session, tenant, client_id=client_id, lock=True)
    partner = session.scalars(sa.select(Partner).where(Partner.id == tenant.partner_id)).one()
    _fill_client(client, partner, changes)
    _flush_client(session, client)
    return client


def archive_client(session: Session, tenant: Tenant, *, client_id: str, now: datetime) -> Client:
    """Put a client away: it leaves the lists, and its people are signed out until it is restored.

    :raises Conflict: while something of it still runs, such as a lease.
    """
    client = get_client(session, tenant, client_id=client_id, lock=True)
    for obstacle in archive_obstacles:
        if (why := obstacle(session, tenant, client_id)) is not None:
            raise Conflict(why)
    client.archived_at = client.archived_at or now
    session.flush()
    people = sa.select(User.id).where(User.partner_id == tenant.partner_id, User.client_id == client_id)
    session.execute(
        sa.update(PortalSession)
        .where(PortalSession.user_id.in_(people), PortalSession.ended_at.is_(None))
        .values(ended_at=now)
        .execution_options(synchronize_session=False)
    )
    return client


def restore_client(session: Session, tenant: Tenant, *, client_id: str) -> Client:
    """Bring an archived client back."""
    client = get_client(session, tenant, client_id=client_id, lock=True)
    client.archived_at = None
    session.flush()
    return client


def _fill_client(client: Client, partner: Partner, facts: dict[str, Any]) -> None:
    demand_known(facts, _CLIENT_FIELDS)
    if "currency" in facts and facts["currency"] != client.currency:
        currency = checks.check_currency(facts["currency"])
        if currency_policy(partner) == ONE_CURRENCY and currency != partner.currency:
            raise InvalidInput(f"Every client here is billed in {partner.currency}.", field="currency")
        client.currency = currency
    if "name" in facts:
        client.name = checks.check_text(facts["name"], field="name", most=120)
        client.name_norm = client.name.casefold()
    if "number" in facts:
        client.number = checks.check_text(facts["number"], field="number", most=20).upper()
    if "email" in facts:
        client.email = check_email(facts["email"])
    if "address" in facts:
        client.address = checks.check_lines(facts["address"], field="address")
    if "country" in facts:
        client.country = checks.check_country(facts["country"])
    if "language" in facts:
        client.language = checks.check_language(facts["language"])
    if "time_zone" in facts:
        client.time_zone = checks.check_zone(facts["time_zone"])
    for field, most, required in (("legal_name", 160, True), ("phone", 40, False)):
        if field in facts:
            setattr(client, field, checks.check_text(facts[field], field=field, most=most, required=required))
    fill_terms(client, facts)
    fill_tax_facts(client, facts, today=clock.today(client.time_zone))


def demand_known(facts: dict[str, Any], known: frozenset[str]) -> None:
    """Fail loudly when a door passes a fact that the row does not have."""
    if unknown := set(facts) - known:
        raise ValueError(f"not facts of this row: {sorted(unknown)}")


def _next_number(session: Session, tenant: Tenant) -> str:
    numbers = session.scalars(
        sa.select(Client.number).where(
            Client.partner_id == tenant.partner_id, Client.number.regexp_match(r"^C-[0-9]{1,9}$")
        )
    )
    taken = (int(found[1]) for number in numbers if (found := _NUMBERED.fullmatch(number)))
    return f"C-{max(taken, default=0) + 1:04d}"


def _flush_client(session: Session, client: Client) -> None:
    try:
        session.flush()
    except IntegrityError as rival:
        raise NumberTaken(f"Another client has the number {client.number}.", field="number") from rival
