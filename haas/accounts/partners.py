"""Partners, as the operator keeps them: made with a first owner, suspended, entered on the record."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

import sqlalchemy as sa
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session

from haas import audit, clock, db, outbox
from haas.accounts.checks import check_country, check_currency, check_language, check_text, check_zone
from haas.accounts.people import check_email, home_of, normal_email
from haas.auth.models import PortalSession, User
from haas.auth.permissions import OWNER
from haas.errors import Conflict, InvalidInput, NotFound
from haas.ids import new_id
from haas.rest.paging import Page, Sort, fetch_page
from haas.tenancy.models import Partner
from haas.tenancy.scope import Platform, Tenant

_SLUG = re.compile(r"[a-z0-9](?:[a-z0-9-]{1,38}[a-z0-9])")

PARTNER_SORTS = {
    "name": Sort(Partner.name, Partner.id),
    "created": Sort(Partner.created_at, Partner.id),
}


class SlugTaken(Conflict):
    """Another partner has this short name."""

    code = "slug_taken"


@dataclass(frozen=True, slots=True)
class PartnerPeople:
    """How many may sign in at a partner, and when one last did. The operator sees no more from outside."""

    people: int
    last_seen_at: datetime | None


def create_partner(
    session: Session,
    *,
    name: str,
    legal_name: str,
    country: str,
    currency: str,
    language: str = "en",
    time_zone: str = "UTC",
    payment_terms_days: int = 14,
    slug: str | None = None,
    branding: dict[str, object] | None = None,
    policies: dict[str, object] | None = None,
) -> Partner:
    """Add a partner. The session runs in the platform's name (`Platform("operator")`).

    :param slug: the short name in addresses; made from `name` if it is not given.
    :raises InvalidInput: for an unknown country, currency, language or time zone.
    :raises SlugTaken: if another partner has the short name.
    """
    partner = Partner(
        id=new_id("par"),
        slug=_checked_slug(slug) if slug else _slug_of(name),
        name=check_text(name, field="name", most=120),
        legal_name=check_text(legal_name, field="legal_name", most=160),
        country=check_country(country),
        currency=check_currency(currency),
        language=check_language(language),
        time_zone=check_zone(time_zone),
        payment_terms_days=payment_terms_days,
        branding=branding or {},
        policies=policies or {},
        created_at=clock.now(),
    )
    session.add(partner)
    try:
        session.flush()
    except IntegrityError as rival:
        raise SlugTaken(f"Another partner is called {partner.slug}.", field="slug") from rival
    # The row itself opens the partner's own chain; the operator's says who made it.
    audit.note(
        session,
        action="partner_created",
        subject="partner",
        subject_id=partner.id,
        details={"name": partner.name},
    )
    return partner


def invite_first_owner(
    session: Session, platform: Platform, partner: Partner, *, name: str, email: str, inviter: str
) -> User:
    """Add a partner's first owner in the transaction that makes the partner; the mail follows by a job."""
    address = check_email(email)
    owner = User(
        id=new_id("usr"),
        level="partner",
        partner_id=partner.id,
        client_id=None,
        role=OWNER,
        name=check_text(name, field="owner_name", most=120),
        email=address,
        email_norm=normal_email(address),
        password_hash=None,
        language=partner.language,
        time_zone=partner.time_zone,
        created_at=clock.now(),
    )
    session.add(owner)
    session.flush()
    tenant = Tenant(partner.id, actor=platform.actor, door=platform.door)
    outbox.publish(session, tenant, "account.invited", user_id=owner.id, inviter=inviter)
    session.flush()
    return owner


def list_partners(
    session: Session, *, search: str, sort: Sort, cursor: str | None, limit: int
) -> Page[Partner]:
    """One page of all partners; for the platform's own scope."""
    statement = sa.select(Partner)
    if search:
        statement = statement.where(
            sa.or_(
                Partner.name.icontains(search, autoescape=True),
                Partner.slug.contains(search.casefold(), autoescape=True),
            )
        )
    return fetch_page(session, statement, sort=sort, cursor=cursor, limit=limit)


def people_of_partners(session: Session, partners: Sequence[Partner]) -> dict[str, PartnerPeople]:
    """For each partner, who may sign in and when somebody last was there."""
    seen = (
        sa.select(PortalSession.partner_id, sa.func.max(PortalSession.seen_at).label("seen_at"))
        .group_by(PortalSession.partner_id)
        .subquery()
    )
    rows = session.execute(
        sa.select(User.partner_id, sa.func.count(), sa.func.max(seen.c.seen_at))
        .outerjoin(seen, seen.c.partner_id == User.partner_id)
        .where(User.partner_id.in_([partner.id for partner in partners]), User.disabled_at.is_(None))
        .group_by(User.partner_id)
    )
    return {partner_id: PartnerPeople(people, at) for partner_id, people, at in rows}


def get_partner(session: Session, *, partner_id: str) -> Partner:
    """One partner.

    :raises NotFound: if there is none.
    """
    partner = session.get(Partner, partner_id)
    if partner is None:
        raise NotFound("There is no such partner.")
    return partner


def suspend(session: Session, *, partner_id: str, now: datetime) -> Partner:
    """Shut a partner's people and programs out; its data, devices and billing stay as they are."""
    partner = get_partner(session, partner_id=partner_id)
    partner.suspended_at = partner.suspended_at or now
    session.flush()
    return partner


def resume(session: Session, *, partner_id: str) -> Partner:
    """Let a suspended partner in again."""
    partner = get_partner(session, partner_id=partner_id)
    partner.suspended_at = None
    session.flush()
    return partner


def enter(session: Session, user: User, *, session_id: str | None, partner_id: str, reason: str) -> Partner:
    """Let an operator's browser act inside a partner, as an owner would, on the partner's own record.

    The partner's chain is written first, in a transaction of its own: an entry without a visit does no
    harm, a visit without an entry would.

    :param session: in the platform's name.
    :raises InvalidInput: without a reason; the partner reads it in its audit log.
    """
    why = check_text(reason, field="reason", most=300)
    partner = get_partner(session, partner_id=partner_id)
    details = {"operator": user.name, "email": user.email, "reason": why}
    with db.unit_of_work(Tenant(partner.id, actor=user.id, door="portal")) as theirs:
        audit.note(
            theirs, action="operator_entered", subject="partner", subject_id=partner.id, details=details
        )
    _browser(session, user, session_id).acting_partner_id = partner.id
    session.flush()
    audit.note(session, action="operator_entered", subject="partner", subject_id=partner.id, details=details)
    return partner


def leave(user: User, *, session_id: str | None, partner_id: str) -> None:
    """Bring an operator's browser home again. Runs in the platform's name, where the browser's row lives."""
    with db.unit_of_work(Tenant(partner_id, actor=user.id, door="portal")) as theirs:
        audit.note(
            theirs,
            action="operator_left",
            subject="partner",
            subject_id=partner_id,
            details={"operator": user.name},
        )
    with db.unit_of_work(home_of(user)) as session:
        _browser(session, user, session_id).acting_partner_id = None


def _browser(session: Session, user: User, session_id: str | None) -> PortalSession:
    found = session.scalar(
        sa.select(PortalSession).where(PortalSession.id == session_id, PortalSession.user_id == user.id)
    )
    if found is None:
        raise NotFound("There is no such signed-in browser.")
    return found


def _checked_slug(slug: str) -> str:
    if not _SLUG.fullmatch(slug):
        raise InvalidInput("Use 3 to 40 small letters, digits and hyphens.", field="slug")
    return slug


def _slug_of(name: str) -> str:
    plain = unicodedata.normalize("NFKD", name).encode("ascii", "ignore").decode().lower()
    slug = re.sub(r"[^a-z0-9]+", "-", plain).strip("-")[:40].strip("-")
    return slug if _SLUG.fullmatch(slug) else new_id("p").replace("_", "-")
