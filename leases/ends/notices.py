"""Notices before the end of a lease: which are due by the partner's days, each given and recorded once."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta

import sqlalchemy as sa
from sqlalchemy.orm import Session

from haas import outbox
from haas.calendar import ONE_DAY
from haas.ids import new_id
from haas.tenancy.models import Partner
from haas.tenancy.scope import Tenant, scoped
from leases.ends.models import EndNotice
from leases.ends.policy import EndPolicy
from leases.lifecycle import IN_TERM
from leases.models import Agreement, Lease
from leases.readers import readers_of


@dataclass(frozen=True, slots=True)
class NoticeDay:
    """One day of a lease's notice calendar; `given` once it was said."""

    days_before: int
    on: date
    given: EndNotice | None


def policy_of(session: Session, tenant: Tenant) -> EndPolicy:
    """The partner's own rules for the end of its leases."""
    return EndPolicy.of_policies(session.get_one(Partner, tenant.partner_id).policies)


def choose_until(ends_on: date, policy: EndPolicy) -> date:
    """The last day on which a client may choose what becomes of its devices."""
    return ends_on - timedelta(days=policy.choice_days)


def give_due(session: Session, tenant: Tenant, *, today: date, at: datetime) -> list[EndNotice]:
    """Record what is due today and publish it; the letters follow. A second run finds it recorded.

    Of several that are due at once only the last is given: a lease first seen 20 days before its end gets
    one letter. A fixed number of queries, however many leases end.
    """
    policy = policy_of(session, tenant)
    rows = session.execute(
        sa.select(Lease, Agreement.holdover_rate_pct)
        .join(
            Agreement,
            sa.and_(Agreement.partner_id == Lease.partner_id, Agreement.id == Lease.agreement_id),
        )
        .where(
            Lease.partner_id == tenant.partner_id,
            Lease.state.in_(IN_TERM),
            Lease.ends_on > today,
            Lease.ends_on <= today + timedelta(days=max(policy.notice_days)),
        )
        .order_by(Lease.id)
    ).all()
    wanted = {
        (lease.id, lease.ends_on, _due_step(lease.ends_on, policy, today)): (lease, rate)
        for lease, rate in rows
        if lease.ends_on is not None
    }
    known = _given(session, tenant, [lease_id for lease_id, _, _ in wanted])
    due = {key: found for key, found in wanted.items() if key not in known}
    if not due:
        return []
    readers = readers_of(
        session, tenant, client_ids=[lease.client_id for lease, _ in due.values()], to_sales=True
    )
    given = []
    for (lease_id, ends_on, days_before), (lease, rate) in due.items():
        until = choose_until(ends_on, policy)
        notice = EndNotice(
            partner_id=tenant.partner_id,
            id=new_id("ntc"),
            lease_id=lease_id,
            client_id=lease.client_id,
            ends_on=ends_on,
            days_before=days_before,
            noticed_on=today,
            said={
                "last_day": (ends_on - ONE_DAY).isoformat(),
                "holdover_pct": f"{rate.normalize():f}",
                "choose_until": until.isoformat(),
            },
            readers=[reader.email for reader in readers[lease.client_id]],
            created_at=at,
        )
        session.add(notice)
        outbox.publish(
            session,
            tenant,
            "lease.end_near",
            once_key=f"lease.end_near:{lease_id}:{ends_on}:{days_before}",
            lease_id=lease_id,
            ends_on=ends_on.isoformat(),
            choose_until=until.isoformat() if until >= today else None,
        )
        given.append(notice)
    session.flush()
    return given


def calendar_of(session: Session, tenant: Tenant, *, lease: Lease) -> list[NoticeDay]:
    """The lease's notice calendar as its end stands now: given and still to come, in order."""
    if lease.ends_on is None:
        return []
    given = {
        row.days_before: row
        for row in session.scalars(
            scoped(EndNotice, tenant).where(
                EndNotice.lease_id == lease.id, EndNotice.ends_on == lease.ends_on
            )
        )
    }
    steps = sorted({*policy_of(session, tenant).notice_days, *given}, reverse=True)
    return [NoticeDay(days, lease.ends_on - timedelta(days=days), given.get(days)) for days in steps]


def _due_step(ends_on: date, policy: EndPolicy, today: date) -> int:
    left = (ends_on - today).days
    return min(step for step in policy.notice_days if left <= step)


def _given(session: Session, tenant: Tenant, lease_ids: Sequence[str]) -> set[tuple[str, date, int]]:
    rows = session.execute(
        scoped(EndNotice, tenant)
        .where(EndNotice.lease_id.in_(lease_ids))
        .with_only_columns(EndNotice.lease_id, EndNotice.ends_on, EndNotice.days_before)
    )
    return {(row[0], row[1], row[2]) for row in rows}
