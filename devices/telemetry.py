"""Take in a batch of device messages: drop repeats, store readings, settle states, say what to receipt.

A batch is one transaction over all partners in it. Nothing is published here: what is to be sent is handed
back, so that a receipt leaves after the commit and never before.
"""

from __future__ import annotations

import logging
from collections import defaultdict
from collections.abc import Sequence
from datetime import UTC, date, datetime
from typing import Any

import msgspec
import psycopg
import sqlalchemy as sa
from sqlalchemy.orm import Session

from agent import messages
from devices import partitions, quarantine, sessions, settling, standing, wire
from devices.arrivals import Arrival, Outgoing, Read, TakenIn, gone_for_good, read, session_keys
from devices.quarantine import Refused
from devices.sessions import OpenSession
from devices.settling import Identity
from devices.standing import Standing
from haas import db
from haas.crash import crashpoint
from haas.tenancy.scope import Platform, Tenant

log = logging.getLogger(__name__)

RELAY = Platform("relay", actor="job:subscriber", door="mqtt")
_EPOCH = date(1970, 1, 1).toordinal()
_NULL = "\\N"

# Days whose partition this process has made or seen; to ask again each time would cost a lock a batch.
_days_made: set[date] = set()

_STAGING = """
create temporary table if not exists incoming (device_id text, ts bigint, b bigint, s bigint, kind text,
  client_id text, t bigint, received bigint, clock_bad boolean, body jsonb) on commit delete rows
"""
_COPY = "copy incoming (device_id, ts, b, s, kind, client_id, t, received, clock_bad, body) from stdin"
_STORE = """
insert into telemetry (partner_id, device_id, ts_eff, b, s, kind, client_id, t, received_at, clock_bad, body)
select %s, device_id, timestamptz 'epoch' + ts * interval '1 millisecond', b, s, kind, client_id, t,
       timestamptz 'epoch' + received * interval '1 millisecond', clock_bad, body
  from incoming
on conflict do nothing
"""


def take_in(arrivals: Sequence[Arrival], *, now: datetime, is_catching_up: bool = False) -> TakenIn:
    """Take in a batch, whatever is in it: a message that the database refuses is found and set aside.

    Answers when the batch is committed. Safe to repeat with the same messages.

    :param is_catching_up: the broker hands over what it kept while nobody listened.
    :raises psycopg.OperationalError: (or SQLAlchemy's) if the database is away; nothing was stored then.
    """
    try:
        return _in_one_transaction(arrivals, now=now, is_catching_up=is_catching_up, refused=frozenset())
    except (psycopg.OperationalError, sa.exc.OperationalError, sa.exc.InterfaceError):
        raise
    except Exception:  # a poisoned batch must not stop the rest: it is halved until the culprit stands alone
        if len(arrivals) == 1:
            log.exception("a message of %s was refused", arrivals[0].topic)
            return _in_one_transaction(
                arrivals, now=now, is_catching_up=is_catching_up, refused=frozenset(arrivals)
            )
        middle = len(arrivals) // 2
        result = take_in(arrivals[:middle], now=now, is_catching_up=is_catching_up)
        result.add(take_in(arrivals[middle:], now=now, is_catching_up=is_catching_up))
        return result


def _in_one_transaction(
    arrivals: Sequence[Arrival], *, now: datetime, is_catching_up: bool, refused: frozenset[Arrival]
) -> TakenIn:
    result = TakenIn()
    by_device: dict[str, list[Read]] = defaultdict(list)
    for arrival in arrivals:
        found = read(arrival, is_refused=arrival in refused if refused else False)
        if found is None:
            result.strange += 1
        else:
            by_device[found[1].device].append(found)
    with db.unit_of_work(RELAY) as session:
        by_partner: dict[str, list[Identity]] = defaultdict(list)
        for identity in settling.identities(_cursor(session), device_ids=by_device):
            if not identity.is_revoked:
                by_partner[identity.partner_id].append(identity)
        for number, (partner_id, identities) in enumerate(sorted(by_partner.items())):
            tenant = Tenant(partner_id, actor="job:subscriber", door="mqtt")
            db.change_scope(session, tenant)
            part = _Part(
                session,
                tenant,
                identities,
                now=now,
                is_catching_up=is_catching_up,
                is_first=number == 0,
            )
            part.take({each.id: by_device.pop(each.id) for each in identities}, result)
        db.change_scope(session, RELAY)
        result.strange += sum(len(items) for items in by_device.values())
        crashpoint("ingest.before_commit")
    crashpoint("ingest.after_commit")
    return result


def _cursor(session: Session) -> psycopg.Cursor[Any]:
    """The driver's own cursor in the session's transaction: COPY, and statements without a detour."""
    raw: Any = session.connection().connection.driver_connection
    cursor: psycopg.Cursor[Any] = raw.cursor()
    return cursor


class _Part:
    """The messages of one partner within a batch."""

    def __init__(
        self,
        session: Session,
        tenant: Tenant,
        identities: Sequence[Identity],
        *,
        now: datetime,
        is_catching_up: bool,
        is_first: bool,
    ) -> None:
        self.session = session
        self.is_first = is_first
        self.tenant = tenant
        self.identities = identities
        self.now = now
        self.is_catching_up = is_catching_up
        self.cursor = _cursor(session)
        self.oldest_ms = (partitions.oldest_kept(now.date()).toordinal() - _EPOCH) * sessions.DAY_MS
        self.opened: dict[sessions.Key, OpenSession] = {}
        self.touched: dict[sessions.Key, OpenSession] = {}
        self.lines: list[bytes] = []
        self.days: set[int] = set()
        self._last_at, self._last_ms = now, int(now.timestamp() * 1000)

    def take(self, items: dict[str, list[Read]], result: TakenIn) -> None:
        """Take in what these devices sent."""
        partner_id = self.tenant.partner_id
        self.custody = settling.custody(
            self.cursor, partner_id=partner_id, asset_ids=[each.asset_id for each in self.identities]
        )
        self.opened = sessions.read(self.cursor, partner_id=partner_id, keys=session_keys(items), at=self.now)
        holders = [
            standing.Holder(each.id, each.asset_id, self.custody.now(each.asset_id), each.every["health"])
            for each in self.identities
        ]
        standings = standing.read(self.cursor, partner_id=partner_id, holders=holders, at=self.now)
        limits = settling.limits_of(self.session, self.tenant)
        for identity in self.identities:
            own, news = standings[identity.id], settling.News()
            refused = self._take_device(identity, items[identity.id], own, news, result)
            if refused:
                result.quarantined += len(refused)
                quarantine.keep(
                    self.session,
                    self.tenant,
                    device_id=identity.id,
                    asset_id=identity.asset_id,
                    refused=refused,
                )
            settling.settle(
                self.session,
                self.tenant,
                identity=identity,
                standing=own,
                news=news,
                limits=limits,
                now=self.now,
            )
            own.close()
            result.outgoing += [Outgoing(*each) for each in news.outgoing]
        self._store(result)
        self._receipt(standings, result)
        standing.write(self.cursor, partner_id=partner_id, standings=standings.values(), at=self.now)
        self.session.flush()

    def _take_device(
        self, identity: Identity, reads: Sequence[Read], own: Standing, news: settling.News, result: TakenIn
    ) -> list[Refused]:
        refused: list[Refused] = []
        for arrival, found in reads:
            wrong: wire.Malformed | None = None
            if isinstance(found, wire.Message):
                wrong = self._take_message(identity, arrival, found, own=own, news=news, result=result)
            elif isinstance(found, wire.DeathNotice):
                own.die(found.b, found.reason, arrival.received_at)
                result.deaths += 1
            else:
                wrong = found
            if wrong is not None:
                refused.append(Refused(arrival.topic, arrival.payload, arrival.received_at, wrong))
                self._drop(identity, wrong)
        return refused

    def _take_message(
        self,
        identity: Identity,
        arrival: Arrival,
        message: wire.Message,
        *,
        own: Standing,
        news: settling.News,
        result: TakenIn,
    ) -> wire.Malformed | None:
        """Place a message in its session and in time, and take it in; or what is wrong with it."""
        key = device_id, b = identity.id, message.b
        first_b = identity.epoch * messages.SESSIONS_PER_EPOCH
        if b >= first_b + messages.SESSIONS_PER_EPOCH:
            return wire.Malformed(device_id, "session", f"session {b} of epoch {identity.epoch}")
        session = self.opened[key]
        received_ms = self._ms(arrival.received_at)
        if message.kind == "birth":
            session.fix_offset(t=message.t, received_ms=received_ms, is_catching_up=self.is_catching_up)
        # What an installation before this enrolment left in its spool is older than the enrolment.
        not_before_ms = identity.enrolled_ms if b > first_b else 0
        ts, is_clock_bad = session.effective(
            t=message.t, received_ms=received_ms, not_before_ms=not_before_ms
        )
        if ts < self.oldest_ms:
            when = datetime.fromtimestamp(ts / 1000, UTC).isoformat()
            return wire.Malformed(device_id, "too_old", f"of {when}", b, message.s)
        self.touched[key] = session
        session.last_at = arrival.received_at
        is_new = session.take(message.s)
        if message.kind == "birth":
            news.look_at_birth(message, session, is_new=is_new)
        own.hear(b, arrival.received_at)
        if not is_new:
            result.repeated += 1
            return None
        own.take(message, is_clock_bad=is_clock_bad)
        if message.kind != "health":
            news.take(message)
            if message.kind == "result":
                self._forget_gone(identity, message)
        client_id = self.custody.at_ms(identity.asset_id, ts)
        self._stage(message, ts=ts, received_ms=received_ms, is_clock_bad=is_clock_bad, client_id=client_id)
        return None

    def _ms(self, at: datetime) -> int:
        """Messages read from the socket at once share their moment: it is converted once."""
        if at is not self._last_at:
            self._last_at, self._last_ms = at, int(at.timestamp() * 1000)
        return self._last_ms

    def _drop(self, identity: Identity, refused: wire.Malformed) -> None:
        """Tell the device not to send it again, if its number could be read at all."""
        if (
            refused.b is None
            or refused.s is None
            or refused.b // messages.SESSIONS_PER_EPOCH > identity.epoch
        ):
            return
        session = self.opened[identity.id, refused.b]
        session.ledger.hold(refused.s, refused.s)
        session.dropped.append(refused.s)
        self.touched[identity.id, refused.b] = session

    def _forget_gone(self, identity: Identity, message: wire.Message) -> None:
        """The answer to `resend` names what the device gave up for good: it is not missing any more."""
        for b, first, last in gone_for_good(message):
            session = self.opened[identity.id, b]
            if last <= session.ledger.top:
                session.ledger.hold(first, last)
                self.touched[identity.id, b] = session

    def _stage(
        self, message: wire.Message, *, ts: int, received_ms: int, is_clock_bad: bool, client_id: str | None
    ) -> None:
        self.days.add(ts // sessions.DAY_MS)
        head = (
            f"{message.device}\t{ts}\t{message.b}\t{message.s}\t{message.kind}\t{client_id or _NULL}"
            f"\t{message.t}\t{received_ms}\t{is_clock_bad}\t"
        )
        # COPY's text form: of all that JSON may hold only the backslash needs another one.
        self.lines.append(head.encode() + message.encoded.replace(b"\\", b"\\\\") + b"\n")

    def _store(self, result: TakenIn) -> None:
        if not self.lines:
            return
        days = {date.fromordinal(_EPOCH + day) for day in self.days}
        if missing := days - _days_made:
            partitions.make_days(missing)
            _days_made.update(missing)
        self.cursor.execute(_STAGING)
        if not self.is_first:
            self.cursor.execute("truncate incoming")  # of the partner before in this batch
        with self.cursor.copy(_COPY) as copy:
            copy.write(b"".join(self.lines))
        self.cursor.execute(_STORE, (self.tenant.partner_id,))
        result.stored += self.cursor.rowcount
        result.repeated += len(self.lines) - self.cursor.rowcount

    def _receipt(self, standings: dict[str, Standing], result: TakenIn) -> None:
        for (device_id, b), each in self.touched.items():
            each.note_gap(self.now)
            if b == standings[device_id].b:
                settling.ask_again(self.session, self.tenant, opened=each, now=self.now)
            upto, missing = each.ledger.receipt()
            receipt: dict[str, Any] = {"b": b, "upto": upto}
            if missing:
                receipt["missing"] = missing
            if each.dropped:
                receipt["drop"] = each.dropped
            topic = messages.down_topic(device_id, "ack")
            result.outgoing.append(Outgoing(topic, msgspec.json.encode(receipt)))
        if self.touched:
            sessions.write(
                self.cursor, partner_id=self.tenant.partner_id, sessions=list(self.touched.values())
            )
