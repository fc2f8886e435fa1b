"""Debits announced before they are collected: by mail or on the invoice, so many days before."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence
from datetime import date, datetime

import sqlalchemy as sa
from sqlalchemy.dialects.postgresql import Insert, insert
from sqlalchemy.orm import Session

from haas import outbox
from haas.calendar import local_day
from haas.errors import InvalidInput
from haas.ids import new_id
from haas.tenancy.models import Client, Partner
from haas.tenancy.partners import lock_partner
from haas.tenancy.scope import Tenant, scoped
from invoicing.bank.candidates import Candidate, collectable
from invoicing.bank.debit_models import BY_MAIL, DebitNotice
from invoicing.bank.debit_policy import POLICY, DebitPolicy
from invoicing.bank.target_days import target_day_from


def policy_of(partner: Partner) -> DebitPolicy:
    """The partner's own conventions, or the usual ones."""
    return DebitPolicy(**partner.policies.get(POLICY, {}))


def change_policy(session: Session, tenant: Tenant, *, policy: DebitPolicy) -> DebitPolicy:
    """Keep other conventions from now on.

    :raises InvalidInput: naming the field that cannot be.
    """
    kept = {name: getattr(policy.check(), name) for name in DebitPolicy.__dataclass_fields__}
    partner = lock_partner(session, tenant)
    partner.policies = {**partner.policies, POLICY: kept}
    session.flush()
    return policy


def announce(
    session: Session,
    tenant: Tenant,
    *,
    invoice_ids: Collection[str],
    collect_on: date,
    today: date,
    at: datetime,
    scheme: str = "CORE",
) -> list[DebitNotice]:
    """Tell clients by mail on which day what is open of these invoices is collected; the same day once.

    The same day is told again if more is open now, another mandate holds, or the mail of an earlier day never
    left.

    :raises InvalidInput: if the day is too early or TARGET is closed, an invoice cannot be collected, or its
        client has no e-mail address.
    """
    chosen = [
        one
        for one in collectable(session, tenant, scheme=scheme, on=collect_on)
        if one.item.invoice_id in set(invoice_ids)
    ]
    if not chosen or len(chosen) != len(set(invoice_ids)):
        raise InvalidInput(
            "Some of these invoices cannot be collected then: paid, ordered already, held back, or without a"
            " mandate.",
            field="invoice_ids",
        )
    policy = policy_of(session.get_one(Partner, tenant.partner_id))
    first = max(policy.agreed(one.mandate.notice_days).first_day(today) for one in chosen)
    check_day(collect_on, first=first)
    deaf = _without_address(session, tenant, client_ids={one.item.client_id for one in chosen})
    if deaf:
        raise InvalidInput(f"Give an e-mail address first: {', '.join(deaf)}.", field="invoice_ids")
    return _note(session, tenant, [(one, collect_on) for one in chosen], today=today, at=at)


def announce_due(session: Session, tenant: Tenant, *, today: date, at: datetime) -> int:
    """Announce what falls due and is to be told today, where the partner wants that; how many.

    What was announced for today or later is left alone, so that a day run twice tells once; but what no mail
    has told by the next day is announced anew.
    """
    policy = policy_of(session.get_one(Partner, tenant.partner_id))
    if not policy.announces:
        return 0
    due: list[tuple[Candidate, date]] = []
    found = collectable(session, tenant, on=today)
    told = standing_notices(session, tenant, candidates=found, since=today)
    for one in found:
        day = policy.agreed(one.mandate.notice_days).day_to_announce(due_on=one.item.due_on, today=today)
        if day is not None and one.item.invoice_id not in told:
            due.append((one, day))
    deaf = _without_address(session, tenant, client_ids={one.item.client_id for one, _ in due}, by="id")
    due = [(one, day) for one, day in due if one.item.client_id not in deaf]
    return len(_note(session, tenant, due, today=today, at=at))


def standing_notices(
    session: Session, tenant: Tenant, *, candidates: Iterable[Candidate], since: date
) -> dict[str, DebitNotice]:
    """The announcement of each invoice for `since` or later, the earliest day first; one query.

    Only one of the mandate by which it is collected now, and of no less than is open, whose mail has left, or
    is about to leave on that day.

    :param since: today.
    """
    wanted = {one.item.invoice_id: one for one in candidates}
    rows = session.scalars(
        scoped(DebitNotice, tenant)
        .where(DebitNotice.invoice_id.in_(wanted), DebitNotice.collect_on >= since)
        .order_by(DebitNotice.collect_on.desc())
    )
    return {
        row.invoice_id: row
        for row in rows
        if row.mandate_id == wanted[row.invoice_id].mandate.id
        and row.amount >= wanted[row.invoice_id].item.open
        and (row.sent_at is not None or row.announced_on >= since)
    }


def get_notice(session: Session, tenant: Tenant, *, notice_id: str) -> DebitNotice:
    """The announcement as it stands."""
    return session.scalars(scoped(DebitNotice, tenant).where(DebitNotice.id == notice_id)).one()


def note_sent(
    session: Session, tenant: Tenant, *, notice_id: str, announced_at: datetime, at: datetime
) -> None:
    """Say that the mail left, of what was announced at that moment: what was since has a mail of its own."""
    session.execute(
        sa.update(DebitNotice)
        .where(
            DebitNotice.partner_id == tenant.partner_id,
            DebitNotice.id == notice_id,
            DebitNotice.announced_at == announced_at,
        )
        .values(sent_at=at)
    )


def check_announced(
    session: Session,
    tenant: Tenant,
    *,
    chosen: Sequence[Candidate],
    collect_on: date,
    policy: DebitPolicy,
) -> None:
    """That each client was told in time of this day, by a mail that left, and of no less than is collected.

    :raises InvalidInput: naming the invoices that were not, and what to do.
    """
    rows = session.scalars(
        scoped(DebitNotice, tenant).where(
            DebitNotice.invoice_id.in_([one.item.invoice_id for one in chosen]),
            DebitNotice.collect_on == collect_on,
        )
    )
    told = {row.invoice_id: row for row in rows}
    zone = session.get_one(Partner, tenant.partner_id).time_zone
    lacking = [
        one.item.number
        for one in chosen
        if not _is_told(told.get(one.item.invoice_id), one, collect_on=collect_on, policy=policy, zone=zone)
    ]
    if lacking:
        raise InvalidInput(
            f"Not announced for {collect_on} in time: {', '.join(lacking[:10])}. Announce them first, or"
            " choose the day that was announced. A mail that has not left yet tells nobody.",
            field="invoice_ids",
        )


def check_day(day: date, *, first: date) -> None:
    """That TARGET is open on the day, and that it is not before the first that is possible."""
    if target_day_from(day) != day:
        raise InvalidInput(
            f"TARGET is closed on that day: the next open one is {target_day_from(day)}.", field="collect_on"
        )
    if day < first:
        raise InvalidInput(f"That is too early: {first} at the earliest.", field="collect_on")


def _is_told(
    notice: DebitNotice | None, one: Candidate, *, collect_on: date, policy: DebitPolicy, zone: str
) -> bool:
    """Whether it was; the days count from that on which the mail left."""
    return (
        notice is not None
        and notice.sent_at is not None
        and notice.mandate_id == one.mandate.id
        and notice.amount >= one.item.open
        and policy.agreed(one.mandate.notice_days).is_in_time(
            announced_on=local_day(notice.sent_at, zone), collect_on=collect_on
        )
    )


def _note(
    session: Session,
    tenant: Tenant,
    due: Sequence[tuple[Candidate, date]],
    *,
    today: date,
    at: datetime,
    channel: str = BY_MAIL,
) -> list[DebitNotice]:
    """Rows of what is told now, and an event for each that a mail is to tell."""
    if not due:
        return []
    rows = [
        {
            "partner_id": tenant.partner_id,
            "id": new_id("dbn"),
            "client_id": one.item.client_id,
            "invoice_id": one.item.invoice_id,
            "mandate_id": one.mandate.id,
            "amount": one.item.open,
            "collect_on": day,
            "channel": channel,
            "announced_on": today,
            "announced_at": at,
            "sent_at": None,
            "actor": tenant.actor,
        }
        for one, day in due
    ]
    made = session.scalars(
        _told_last().returning(DebitNotice),
        rows,  # in portions: one statement has no room for the values of a whole month's invoices
        execution_options={"populate_existing": True},
    ).all()
    for notice in made:
        outbox.publish(session, tenant, "debit.announced", notice_id=notice.id)
    session.flush()
    return list(made)


def _told_last() -> Insert:
    """Whoever announced the same day before has told it, unless no mail left, or less or else was told."""
    insertion = insert(DebitNotice)
    told = insertion.excluded
    return insertion.on_conflict_do_update(
        index_elements=["partner_id", "invoice_id", "collect_on"],
        set_={
            "mandate_id": told.mandate_id,
            "amount": told.amount,
            "announced_on": told.announced_on,
            "announced_at": told.announced_at,
            "actor": told.actor,
            "sent_at": sa.null(),
        },
        where=sa.or_(
            DebitNotice.amount < told.amount,
            DebitNotice.mandate_id != told.mandate_id,
            sa.and_(DebitNotice.sent_at.is_(None), DebitNotice.announced_on < told.announced_on),
        ),
    )


def _without_address(
    session: Session, tenant: Tenant, *, client_ids: Collection[str], by: str = "name"
) -> list[str]:
    rows = session.scalars(
        scoped(Client, tenant).where(Client.id.in_(client_ids), Client.email == "").order_by(Client.name)
    )
    return [str(getattr(row, by)) for row in rows]
