"""Rises of prices: planned line by line, announced ahead, applied by amendments in chunks."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from datetime import date, datetime
from decimal import Decimal
from fractions import Fraction

import sqlalchemy as sa
from flask_babel import gettext as _
from sqlalchemy.orm import Session

from haas import outbox, progress
from haas.accounts.checks import check_text
from haas.errors import Conflict, HaasError, InvalidInput, NotFound
from haas.ids import new_id
from haas.money import round_minor
from haas.tenancy.scope import Tenant, scoped
from leases.amendments.lines import runs_on
from leases.amendments.operations import amend
from leases.amendments.wanted import Wanted
from leases.contract import terms_on
from leases.lifecycle import RUNNING
from leases.models import Lease, Line
from leases.pricing.indexes import change_of
from leases.pricing.queries import demand_client
from leases.pricing.rise_models import PriceRise, PriceRiseLine, PriceRiseNotice
from leases.pricing.rise_rules import CHANGE_MAX, latest_announcement, risen
from leases.pricing.wholesale_models import WholesaleLine
from leases.terms import LineKind

CHUNK_LEASES = 50  # amended in one transaction
NOTICE_DAYS = 30


class RiseSettled(Conflict):
    """The rise was announced: what clients were told does not change."""

    code = "price_rise_announced"


def plan_rise(
    session: Session,
    tenant: Tenant,
    *,
    title: str,
    effective_on: date,
    at: datetime,
    today: date,
    change_pct: Decimal | None = None,
    index_name: str | None = None,
    base_month: date | None = None,
    index_month: date | None = None,
    client_id: str | None = None,
    notice_days: int = NOTICE_DAYS,
) -> PriceRise:
    """Work out every line before and after. Nothing changes yet.

    :raises InvalidInput: for a day that is not ahead by the days of notice, or an index without values.
    """
    if not 1 <= notice_days <= 730:
        raise InvalidInput(_("Clients are told 1 to 730 days before."), field="notice_days")
    if latest_announcement(effective_on, notice_days=notice_days) < today:
        raise InvalidInput(
            _(
                "Choose a later day: clients are told %(days)d days before, and never afterwards.",
                days=notice_days,
            ),
            field="effective_on",
        )
    by_index = change_pct is None
    if change_pct is None:
        change_pct = change_of(
            session, tenant, index_name=index_name, base_month=base_month, index_month=index_month
        )
    if not -CHANGE_MAX < change_pct <= CHANGE_MAX or not change_pct:
        raise InvalidInput(_("The change is up to 100 per cent, and not 0."), field="change_pct")
    if client_id is not None:
        demand_client(session, tenant, client_id=client_id)
    rise = PriceRise(
        partner_id=tenant.partner_id,
        id=new_id("rse"),
        title=check_text(title, field="title", most=120),
        kind="index" if by_index else "percent",
        change_pct=change_pct,
        index_name=index_name if by_index else None,
        base_month=base_month.replace(day=1) if by_index and base_month else None,
        index_month=index_month.replace(day=1) if by_index and index_month else None,
        client_id=client_id,
        effective_on=effective_on,
        notice_days=notice_days,
        created_at=at,
        created_by=tenant.actor,
    )
    session.add(rise)
    session.flush()
    _plan_lines(session, tenant, rise=rise)
    return rise


def drop_rise(session: Session, tenant: Tenant, *, rise_id: str) -> None:
    """Throw a plan away.

    :raises RiseSettled: once it was announced.
    """
    rise = lock_rise(session, tenant, rise_id=rise_id)
    _demand_draft(rise)
    session.execute(
        sa.delete(PriceRiseLine).where(
            PriceRiseLine.partner_id == tenant.partner_id, PriceRiseLine.rise_id == rise.id
        )
    )
    session.delete(rise)
    session.flush()


def announce(session: Session, tenant: Tenant, *, rise_id: str, today: date) -> PriceRise:
    """Tell every client concerned; the mails follow by a job each, and each is recorded.

    :raises InvalidInput: if it is too late for the day on which it is to hold.
    """
    rise = lock_rise(session, tenant, rise_id=rise_id)
    if rise.announced_on is not None:
        return rise
    last_day = latest_announcement(rise.effective_on, notice_days=rise.notice_days)
    if today > last_day:
        raise InvalidInput(
            _("It had to be announced by %(day)s. Plan it for a later day.", day=last_day.isoformat()),
            field="effective_on",
        )
    rows = session.execute(
        sa.select(PriceRiseLine, Line.quantity, Lease.interval_months, Lease.currency)
        .join(Line, sa.and_(Line.partner_id == PriceRiseLine.partner_id, Line.id == PriceRiseLine.line_id))
        .join(
            Lease, sa.and_(Lease.partner_id == PriceRiseLine.partner_id, Lease.id == PriceRiseLine.lease_id)
        )
        .where(PriceRiseLine.partner_id == tenant.partner_id, PriceRiseLine.rise_id == rise.id)
        .order_by(PriceRiseLine.client_id)
    ).all()
    if not rows:
        raise Conflict(_("No line is concerned: there is nothing to announce."))
    more: dict[str, Fraction] = defaultdict(Fraction)
    counts: dict[str, int] = defaultdict(int)
    currencies: dict[str, str] = {}
    for line, quantity, months, currency in rows:
        more[line.client_id] += Fraction(line.new_price - line.old_price) * Fraction(quantity) / months
        counts[line.client_id] += 1
        currencies[line.client_id] = currency
    rise.state, rise.announced_on = "announced", today
    for client_id, number in counts.items():
        session.add(
            PriceRiseNotice(
                partner_id=tenant.partner_id,
                id=new_id("rsn"),
                rise_id=rise.id,
                client_id=client_id,
                lines=number,
                more_a_month=round_minor(more[client_id], currencies[client_id]),
                told_on=today,
            )
        )
        outbox.publish(session, tenant, "price_rise.announced", rise_id=rise.id, client_id=client_id)
    session.flush()
    return rise


def start_applying(session: Session, tenant: Tenant, *, rise_id: str) -> PriceRise:
    """Hand the leases out in chunks, one event each. What was applied before is not handed out again.

    :raises Conflict: before clients were told.
    """
    rise = lock_rise(session, tenant, rise_id=rise_id)
    if rise.state == "draft":
        raise Conflict(_("Announce it first: clients hear of a price before it holds."))
    leases = list(
        session.scalars(
            sa.select(PriceRiseLine.lease_id)
            .where(
                PriceRiseLine.partner_id == tenant.partner_id,
                PriceRiseLine.rise_id == rise.id,
                PriceRiseLine.state == "planned",
            )
            .distinct()
            .order_by(PriceRiseLine.lease_id)
        )
    )
    if rise.state == "applied" or not leases:
        return rise
    if rise.long_job_id is None:
        rise.long_job_id = progress.start(
            session,
            tenant,
            kind="price_rise",
            title=rise.title,
            arguments={"rise_id": rise.id},
            total=len(leases),
        ).id
    rise.state = "applying"
    for place in range(0, len(leases), CHUNK_LEASES):
        chunk = leases[place : place + CHUNK_LEASES]
        outbox.publish(
            session,
            tenant,
            "price_rise.chunk_due",
            rise_id=rise.id,
            first_lease_id=chunk[0],
            last_lease_id=chunk[-1],
        )
    session.flush()
    return rise


def apply_chunk(
    session: Session, tenant: Tenant, *, rise_id: str, first_lease_id: str, last_lease_id: str, at: datetime
) -> None:
    """Amend the leases of one chunk, an amendment each. A second call finds nothing planned."""
    rise = lock_rise(session, tenant, rise_id=rise_id)
    # Values, not rows: an amendment that is tried and taken back makes the session forget its rows.
    by_lease: dict[str, dict[str, Decimal]] = defaultdict(dict)
    for lease_id, line_id, old_price in session.execute(
        sa.select(PriceRiseLine.lease_id, PriceRiseLine.line_id, PriceRiseLine.old_price)
        .where(
            PriceRiseLine.partner_id == tenant.partner_id,
            PriceRiseLine.rise_id == rise_id,
            PriceRiseLine.state == "planned",
            PriceRiseLine.lease_id.between(first_lease_id, last_lease_id),
        )
        .order_by(PriceRiseLine.lease_id, PriceRiseLine.id)
    ):
        by_lease[lease_id][line_id] = old_price
    for lease_id, prices in by_lease.items():
        _apply_lease(session, tenant, rise=rise, lease_id=lease_id, prices=prices, at=at)
    session.flush()
    _note_progress(session, tenant, rise=rise)


def get_rise(session: Session, tenant: Tenant, *, rise_id: str) -> PriceRise:
    """One rise.

    :raises NotFound: also for another partner's.
    """
    rise = session.scalar(scoped(PriceRise, tenant).where(PriceRise.id == rise_id))
    if rise is None:
        raise NotFound(_("There is no such rise of prices."))
    return rise


def begun(session: Session, tenant: Tenant, *, today: date) -> Sequence[str]:
    """Rises that were announced, hold by today and are not being applied yet."""
    statement = scoped(PriceRise, tenant).where(
        PriceRise.state == "announced", PriceRise.effective_on <= today
    )
    return session.scalars(statement.with_only_columns(PriceRise.id)).all()


def count_lines(session: Session, tenant: Tenant, *, rise_id: str) -> dict[str, int]:
    """How many lines stand in each state."""
    rows = session.execute(
        sa.select(PriceRiseLine.state, sa.func.count())
        .where(PriceRiseLine.partner_id == tenant.partner_id, PriceRiseLine.rise_id == rise_id)
        .group_by(PriceRiseLine.state)
    )
    return {row[0]: row[1] for row in rows}


def lock_rise(session: Session, tenant: Tenant, *, rise_id: str) -> PriceRise:
    """One rise, locked.

    :raises NotFound: also for another partner's.
    """
    rise = session.scalar(
        scoped(PriceRise, tenant)
        .where(PriceRise.id == rise_id)
        .with_for_update()
        .execution_options(populate_existing=True)
    )
    if rise is None:
        raise NotFound(_("There is no such rise of prices."))
    return rise


def _apply_lease(
    session: Session,
    tenant: Tenant,
    *,
    rise: PriceRise,
    lease_id: str,
    prices: dict[str, Decimal],
    at: datetime,
) -> None:
    due = []
    for line in session.scalars(scoped(Line, tenant).where(Line.id.in_(prices)).order_by(Line.id)):
        if not runs_on(line, rise.effective_on):
            _settle(session, rise, [line.id], state="skipped", note=_("It ends before."))
        elif terms_on(line, rise.effective_on)[1] != prices[line.id]:
            words = _("Its price was changed since this was planned.")
            _settle(session, rise, [line.id], state="skipped", note=words)
        else:
            due.append(line.id)
    if not due:
        return
    try:
        with session.begin_nested():
            made = amend(
                session,
                tenant,
                lease_id=lease_id,
                kind="price_change",
                effective_on=rise.effective_on,
                wanted=Wanted(line_ids=tuple(due), change_pct=rise.change_pct),
                at=at,
                reason=rise.title,
                idempotency_key=f"{rise.id}:{lease_id}",
            )
    except HaasError as refusal:
        _settle(session, rise, due, state="skipped", note=refusal.message)
    else:
        is_applied = made.state == "applied"
        _settle(
            session,
            rise,
            due,
            state="applied" if is_applied else "waiting",
            note="" if is_applied else made.number,
        )


def _settle(session: Session, rise: PriceRise, line_ids: Sequence[str], *, state: str, note: str) -> None:
    session.execute(
        sa.update(PriceRiseLine)
        .where(
            PriceRiseLine.partner_id == rise.partner_id,
            PriceRiseLine.rise_id == rise.id,
            PriceRiseLine.line_id.in_(line_ids),
        )
        .values(state=state, note=note)
        .execution_options(synchronize_session=False)
    )


def _note_progress(session: Session, tenant: Tenant, *, rise: PriceRise) -> None:
    left = session.scalar(
        sa.select(sa.func.count(sa.distinct(PriceRiseLine.lease_id))).where(
            PriceRiseLine.partner_id == tenant.partner_id,
            PriceRiseLine.rise_id == rise.id,
            PriceRiseLine.state == "planned",
        )
    )
    if rise.long_job_id is None:
        return
    job = progress.get(session, tenant, job_id=rise.long_job_id)
    if left:
        job.state, job.done = "running", max(0, job.total - left)
    elif rise.state != "applied":
        rise.state = "applied"
        progress.finish(session, tenant, job_id=rise.long_job_id)


def _plan_lines(session: Session, tenant: Tenant, *, rise: PriceRise) -> None:
    statement = (
        sa.select(Line, Lease.currency)
        .join(Lease, sa.and_(Lease.partner_id == Line.partner_id, Lease.id == Line.lease_id))
        .where(
            Line.partner_id == tenant.partner_id,
            Lease.state.in_(sorted(RUNNING)),
            Line.kind != LineKind.ONE_OFF,
            # What mirrors a partner's use follows the wholesale book.
            ~sa.exists().where(WholesaleLine.partner_id == Line.partner_id, WholesaleLine.line_id == Line.id),
        )
        .order_by(Line.id)
    )
    if rise.client_id is not None:
        statement = statement.where(Line.client_id == rise.client_id)
    planned, running = [], (row for row in session.execute(statement) if runs_on(row[0], rise.effective_on))
    for line, currency in running:
        old = terms_on(line, rise.effective_on)[1]
        new = risen(old, change_pct=rise.change_pct, currency=currency)
        if new != old:
            planned.append(
                {
                    "partner_id": tenant.partner_id,
                    "id": new_id("rsl"),
                    "rise_id": rise.id,
                    "lease_id": line.lease_id,
                    "line_id": line.id,
                    "client_id": line.client_id,
                    "old_price": old,
                    "new_price": new,
                }
            )
    if planned:
        session.execute(sa.insert(PriceRiseLine), planned)


def _demand_draft(rise: PriceRise) -> None:
    if rise.state != "draft":
        raise RiseSettled(_("This rise was announced. Plan another one to change prices again."))
