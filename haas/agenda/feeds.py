"""Secret addresses for calendar programs: made, revoked, and answered as iCalendar."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, time, timedelta

import icalendar
import sqlalchemy as sa
from sqlalchemy.orm import Session

from haas import db
from haas.agenda.entries import Entry, entries_between, names_of
from haas.agenda.models import CalendarFeed
from haas.auth.models import User
from haas.auth.permissions import permissions_of
from haas.auth.tokens import keyed_hash
from haas.calendar import ONE_DAY, local_day
from haas.errors import NotFound
from haas.ids import new_id, new_secret
from haas.tenancy.models import Client, Partner
from haas.tenancy.scope import Stranger, Tenant, scoped

PURPOSE = "calendar_feed"
BACK, AHEAD = timedelta(days=31), timedelta(days=365)


@dataclass(frozen=True, slots=True)
class Feed:
    """What an address answers: whose calendar, in which language, and what stands in it."""

    title: str
    language: str
    entries: Sequence[Entry]
    names: Mapping[str, str]  # of clients; none for a client's own people


def make_feed(session: Session, tenant: Tenant, *, user: User, pepper: str, now: datetime) -> str:
    """A new secret for this person; the one before it stops at once. It is shown once and kept as a hash."""
    revoke_feed(session, tenant, user=user, now=now)
    secret = new_secret()
    session.add(
        CalendarFeed(
            partner_id=tenant.partner_id,
            id=new_id("fed"),
            user_id=user.id,
            client_id=tenant.client_id,
            token_hash=keyed_hash(secret, pepper=pepper, purpose=PURPOSE),
            created_at=now,
        )
    )
    session.flush()
    return secret


def revoke_feed(session: Session, tenant: Tenant, *, user: User, now: datetime) -> None:
    """The person's address stops; without one nothing happens."""
    live = find_feed(session, tenant, user=user)
    if live is not None:
        live.revoked_at = now
        session.flush()


def find_feed(session: Session, tenant: Tenant, *, user: User) -> CalendarFeed | None:
    """The person's address that is good now."""
    return session.scalar(
        scoped(CalendarFeed, tenant).where(CalendarFeed.user_id == user.id, CalendarFeed.revoked_at.is_(None))
    )


def answer_feed(*, secret: str, pepper: str, now: datetime) -> Feed:
    """The calendar of whoever this address was made for, with what that person may see today.

    :raises NotFound: if it was never made or is revoked, or the person, client or partner is shut out.
    """
    nothing = NotFound("There is no calendar at this address.")
    key = keyed_hash(secret, pepper=pepper, purpose=PURPOSE)
    with db.unit_of_work(Stranger(key, door="feed")) as session:
        found = session.scalar(sa.select(CalendarFeed).where(CalendarFeed.token_hash == key))
    if found is None or found.revoked_at is not None:
        raise nothing
    tenant = Tenant(found.partner_id, client_id=found.client_id, actor=found.user_id, door="feed")
    with db.unit_of_work(tenant) as session:
        user = session.get(User, found.user_id)
        partner = session.get(Partner, found.partner_id)
        if user is None or user.disabled_at or partner is None or partner.suspended_at:
            raise nothing
        if user.client_id is not None and _is_archived(session, user):
            raise nothing
        held = permissions_of(user.role)
        today = local_day(now, user.time_zone)
        entries = entries_between(
            session,
            tenant,
            start=today - BACK,
            until=today + AHEAD,
            may=held.__contains__,
            policies=partner.policies,
        )
        names = names_of(session, tenant, entries) if user.client_id is None else {}
    return Feed(partner.name, user.language, entries, names)


def calendar_of(feed: Feed, *, words: Mapping[str, str], base_url: str) -> bytes:
    """RFC 5545: an all-day event for each entry. The same entries give the same bytes.

    :param words: the kinds of entries in the person's language.
    """
    calendar = icalendar.Calendar()
    calendar.add("prodid", "-//haas//calendar//EN")
    calendar.add("version", "2.0")
    calendar.add("method", "PUBLISH")
    calendar.add("x-wr-calname", feed.title)
    calendar.add("refresh-interval", timedelta(hours=6), parameters={"value": "DURATION"})
    for entry in feed.entries:
        event = icalendar.Event()
        event.add("uid", f"{entry.key}@haas")
        # When it was made is nobody's question, and the moment of asking would change the bytes each time.
        event.add("dtstamp", datetime.combine(entry.on, time(0), tzinfo=UTC))
        event.add("dtstart", entry.on)
        event.add("dtend", entry.on + ONE_DAY)
        event.add("transp", "TRANSPARENT")
        whose = feed.names.get(entry.client_id or "", "")
        said = (f"{words[entry.kind]}: {entry.subject}", whose)
        event.add("summary", " · ".join(filter(None, said)))
        event.add("url", f"{base_url}{_path(entry)}")
        calendar.add_component(event)
    content: bytes = calendar.to_ical()
    return content


def _path(entry: Entry) -> str:
    return f"/{entry.page.partition('.')[0]}/{entry.row_id}"


def _is_archived(session: Session, user: User) -> bool:
    client = session.get(Client, (user.partner_id, user.client_id))
    return client is None or client.archived_at is not None
