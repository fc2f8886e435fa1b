"""A client leaves: what that would do, shown in a savepoint; then done lease by lease, and finished.

Notice is given and everything asked back at once; when all of it is in, the last invoices are issued and the
papers bundled. Each step finds what an earlier run did, so the work may be killed and taken up again.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from decimal import Decimal

import sqlalchemy as sa
from sqlalchemy.orm import Session, joinedload

from devices.models import Asset
from haas import db, outbox, progress
from haas.errors import Conflict, HaasError, NotFound
from haas.files import store_file
from haas.ids import new_id
from haas.tenancy.models import Client, Site
from haas.tenancy.scope import Tenant, scoped
from invoicing import billing, deposits
from invoicing.deposit_models import Deposit
from invoicing.deposits import Held
from invoicing.offboarding_bundle import bundle_of
from invoicing.offboarding_models import Offboarding
from invoicing.proposals import Proposal
from leases import operations, returns
from leases.ends.places import EndPlace, places_on
from leases.lifecycle import FINAL, RUNNING, LeaseState
from leases.models import Lease, Line, ReturnOrder

_OFFERED = (LeaseState.DRAFT, LeaseState.QUOTED, LeaseState.ACCEPTED)
_OPEN_RETURNS = ("requested", "collected", "received", "inspected")


@dataclass(frozen=True, slots=True)
class EndingLease:
    """A lease and the day it ends, exclusive; none for an offer, which is dropped."""

    lease: Lease
    ends_on: date | None


@dataclass(frozen=True, slots=True)
class Stop:
    """One site with what is to be collected there."""

    site: Site | None
    places: Sequence[EndPlace]


@dataclass(frozen=True, slots=True)
class OffboardingPlan:
    """What off-boarding a client would do, or has still to do."""

    client: Client
    leases: Sequence[EndingLease]
    stops: Sequence[Stop]
    returns: Sequence[ReturnOrder]
    deposits: Sequence[Held]
    uncertified: Sequence[Asset]  # may hold the client's data, came back, and have no certificate yet
    final: Sequence[Proposal] = field(default_factory=list)  # as if all came back on its lease's last day

    problems: Sequence[tuple[str, str]] = field(
        default_factory=list
    )  # leases that a person must end, and why

    @property
    def final_net(self) -> Decimal:
        """What the last invoices come to, before tax."""
        return sum((row.change.amount for row in self.final), Decimal(0))

    @property
    def devices(self) -> int:
        """How many devices are to be collected."""
        return sum(len(stop.places) for stop in self.stops)

    @property
    def obstacles(self) -> list[str]:
        """What must be over before it can be finished: lease and return numbers."""
        open_leases = [row.lease.number for row in self.leases if row.lease.state not in FINAL]
        return open_leases + [order.number for order in self.returns if order.state != "inspected"]


def preview_offboarding(
    session: Session, tenant: Tenant, *, client_id: str, noticed_on: date, at: datetime
) -> OffboardingPlan:
    """What it would do, by doing it in a savepoint that is taken back: it never errs about itself."""
    with db.taken_back(session):
        problems = []
        for lease in _leases(session, tenant, client_id):
            try:
                with session.begin_nested():
                    _end_lease(
                        session, tenant, lease, noticed_on=noticed_on, reason="preview", at=at, recall=False
                    )
            except HaasError as refusal:
                problems.append((lease.id, f"{lease.number}: {refusal.message}"))
        plan = plan_of(session, tenant, client_id=client_id)
        _return_everything(session, tenant, plan)
        ends = [row.ends_on for row in plan.leases if row.ends_on is not None]
        as_of = max([*ends, noticed_on]) + timedelta(days=1)
        final = billing.preview(session, tenant, as_of=as_of, client_ids=[client_id]).get(client_id, [])
        # What the savepoint changed must not be read from these rows once it is gone.
        frozen = [EndingLease(row.lease, row.ends_on) for row in plan.leases]
        _load(session, tenant, plan)
        session.expunge_all()
    return OffboardingPlan(
        plan.client, frozen, plan.stops, plan.returns, plan.deposits, plan.uncertified, final, problems
    )


def plan_of(session: Session, tenant: Tenant, *, client_id: str) -> OffboardingPlan:
    """How things stand: leases with their ends, what is still at the client, returns, deposits, certificates.

    :raises NotFound: if this tenant has no such client.
    """
    client = session.scalar(scoped(Client, tenant).where(Client.id == client_id))
    if client is None:
        raise NotFound(f"There is no client {client_id}.")
    leases = _leases(session, tenant, client_id)
    places = places_on(session, tenant, lease_ids=[lease.id for lease in leases])
    back = session.scalars(
        scoped(ReturnOrder, tenant)
        .where(ReturnOrder.client_id == client_id, ReturnOrder.state.in_(_OPEN_RETURNS))
        .order_by(ReturnOrder.due_on, ReturnOrder.id)
    ).all()
    held = deposits.with_balances(
        session,
        tenant,
        session.scalars(deposits.list_deposits(tenant, client_id=client_id).order_by(Deposit.id)).all(),
    )
    return OffboardingPlan(
        client=client,
        leases=[EndingLease(lease, lease.ends_on) for lease in leases],
        stops=_stops(session, tenant, client_id, places),
        returns=back,
        deposits=[row for row in held if row.balance],
        uncertified=session.scalars(
            scoped(Asset, tenant)
            .where(
                Asset.holds_data_of_client_id == client_id,
                sa.or_(Asset.client_id.is_(None), Asset.client_id != client_id),
            )
            .options(joinedload(Asset.model, innerjoin=True))
            .order_by(Asset.tag)
        ).all(),
    )


def start_offboarding(
    session: Session, tenant: Tenant, *, client_id: str, noticed_on: date, reason: str, at: datetime
) -> Offboarding:
    """Begin; a job gives the notices. Whoever starts it twice is led to the one that is under way.

    :raises Conflict: if the client has nothing that could end.
    """
    # Whoever presses at the same moment waits here, and then finds the one that was started.
    session.execute(
        scoped(Client, tenant).where(Client.id == client_id).with_only_columns(Client.id).with_for_update()
    )
    plan = plan_of(session, tenant, client_id=client_id)
    if (running := find_under_way(session, tenant, client_id=client_id)) is not None:
        outbox.publish(session, tenant, "offboarding.started", offboarding_id=running.id)
        return running
    if not plan.leases and not plan.returns:
        raise Conflict(f"{plan.client.name} has no lease that could end: archive it instead.")
    job = progress.start(
        session,
        tenant,
        kind="offboarding",
        title=f"Off-boarding of {plan.client.name}",
        arguments={"client_id": client_id},
        total=len(plan.leases),
    )
    made = Offboarding(
        partner_id=tenant.partner_id,
        id=new_id("off"),
        client_id=client_id,
        noticed_on=noticed_on,
        reason=reason.strip() or "the client leaves",
        long_job_id=job.id,
        started_at=at,
        started_by=tenant.actor,
    )
    session.add(made)
    session.flush()
    outbox.publish(session, tenant, "offboarding.started", offboarding_id=made.id)
    return made


def leases_to_end(session: Session, tenant: Tenant, *, offboarding_id: str) -> list[str]:
    """The ids of the client's leases that are not over, oldest first."""
    work = get_offboarding(session, tenant, offboarding_id=offboarding_id)
    return [lease.id for lease in _leases(session, tenant, work.client_id)]


def end_one(session: Session, tenant: Tenant, *, offboarding_id: str, lease_id: str, at: datetime) -> None:
    """Give one lease notice, or drop the offer, and ask back what stands on it. A repeat changes nothing.

    :raises HaasError: if a person must end it; the caller notes why and goes on.
    """
    work = get_offboarding(session, tenant, offboarding_id=offboarding_id)
    lease = session.scalars(
        scoped(Lease, tenant).where(Lease.id == lease_id, Lease.client_id == work.client_id)
    ).one()
    _end_lease(session, tenant, lease, noticed_on=work.noticed_on, reason=work.reason, at=at)


def note_ended(
    session: Session, tenant: Tenant, *, offboarding_id: str, problems: Sequence[dict[str, str]]
) -> None:
    """All leases were gone through: what is left is to collect."""
    work = get_offboarding(session, tenant, offboarding_id=offboarding_id, lock=True)
    if work.state == "done":
        return
    work.state, work.problems = "ending", list(problems)
    progress.finish(session, tenant, job_id=work.long_job_id, result={"problems": list(problems)})


def finish_offboarding(
    session: Session, tenant: Tenant, *, offboarding_id: str, today: date, at: datetime, portal_url: str
) -> Offboarding:
    """Bill what is left, and bundle certificates, papers and the statement. A repeat finds it done.

    :raises Conflict: naming the leases and returns that are not over.
    """
    work = get_offboarding(session, tenant, offboarding_id=offboarding_id, lock=True)
    if work.state == "done":
        return work
    plan = plan_of(session, tenant, client_id=work.client_id)
    if plan.obstacles:
        raise Conflict(f"Not over yet: {', '.join(plan.obstacles[:10])}.")
    if plan.uncertified:
        tags = ", ".join(asset.tag for asset in plan.uncertified[:10])
        raise Conflict(f"Certify the wipe of these first: {tags}.")
    billing.bill_clients(
        session,
        tenant,
        first_client_id=work.client_id,
        last_client_id=work.client_id,
        as_of=today,
        at=at,
        portal_url=portal_url,
    )
    stored = store_file(
        session,
        tenant,
        kind="offboarding_bundle",
        name=f"{plan.client.number}-offboarding.zip",
        media_type="application/zip",
        content=bundle_of(session, tenant, client=plan.client, today=today),
        client_id=work.client_id,
        once_key=f"offboarding:{work.id}",
    )
    work.state, work.finished_at, work.bundle_file_id = "done", at, stored.id
    session.flush()
    outbox.publish(session, tenant, "offboarding.finished", offboarding_id=work.id)
    return work


def get_offboarding(
    session: Session, tenant: Tenant, *, offboarding_id: str, lock: bool = False
) -> Offboarding:
    """The piece of work.

    :raises NotFound: if this tenant has none by that id.
    """
    statement = scoped(Offboarding, tenant).where(Offboarding.id == offboarding_id)
    found = session.scalar(statement.with_for_update() if lock else statement)
    if found is None:
        raise NotFound(f"There is no off-boarding {offboarding_id}.")
    return found


def find_under_way(session: Session, tenant: Tenant, *, client_id: str) -> Offboarding | None:
    """The client's off-boarding that is not done."""
    return session.scalar(
        scoped(Offboarding, tenant).where(Offboarding.client_id == client_id, Offboarding.state != "done")
    )


def latest_of(session: Session, tenant: Tenant, *, client_id: str) -> Offboarding | None:
    """The newest one, done or not."""
    return session.scalar(
        scoped(Offboarding, tenant)
        .where(Offboarding.client_id == client_id)
        .order_by(Offboarding.id.desc())
        .limit(1)
    )


def _leases(session: Session, tenant: Tenant, client_id: str) -> Sequence[Lease]:
    return session.scalars(
        scoped(Lease, tenant)
        .where(Lease.client_id == client_id, Lease.state.in_((*RUNNING, *_OFFERED)))
        .order_by(Lease.id)
    ).all()


def _end_lease(
    session: Session,
    tenant: Tenant,
    lease: Lease,
    *,
    noticed_on: date,
    reason: str,
    at: datetime,
    recall: bool = True,
) -> None:
    if lease.state in _OFFERED:
        operations.cancel(session, tenant, lease_id=lease.id, reason=reason, at=at)
        return
    if lease.state == LeaseState.ACTIVE:
        operations.give_notice(
            session, tenant, lease_id=lease.id, noticed_on=noticed_on, at=at, reason=reason
        )
    if recall and lease.state in RUNNING:
        returns.request_returns_of_lease(session, tenant, lease=lease, notice_on=noticed_on, at=at)


def _stops(session: Session, tenant: Tenant, client_id: str, places: Sequence[EndPlace]) -> list[Stop]:
    sites = {row.id: row for row in session.scalars(scoped(Site, tenant).where(Site.client_id == client_id))}
    by_site: dict[str | None, list[EndPlace]] = {}
    for place in places:
        by_site.setdefault(place.asset.site_id or place.lease.site_id, []).append(place)
    named = sorted(by_site, key=lambda site_id: sites[site_id].name if site_id in sites else "~")
    return [Stop(sites.get(site_id or ""), by_site[site_id]) for site_id in named]


def _return_everything(session: Session, tenant: Tenant, plan: OffboardingPlan) -> None:
    """As if each device came back on its lease's last day."""
    session.execute(
        sa.update(Line)
        .where(
            Line.partner_id == tenant.partner_id,
            Line.lease_id == Lease.id,
            Lease.partner_id == tenant.partner_id,
            Lease.id.in_([row.lease.id for row in plan.leases]),
            Lease.ends_on.is_not(None),
            Line.starts_on.is_not(None),
            Line.ends_on.is_(None),
        )
        .values(ends_on=sa.func.greatest(Lease.ends_on, Line.starts_on))
        .execution_options(synchronize_session="fetch")  # billing reads these lines anew
    )


def _load(session: Session, tenant: Tenant, plan: OffboardingPlan) -> None:
    """Read what pages show of these rows while the savepoint stands; a query a kind."""
    shown: tuple[tuple[type[Client | ReturnOrder | Deposit | Lease], list[str]], ...] = (
        (Client, [plan.client.id]),
        (ReturnOrder, [order.id for order in plan.returns]),
        (Deposit, [row.deposit.id for row in plan.deposits]),
        (Lease, [row.lease.id for row in plan.leases]),
    )
    for kind, ids in shown:
        if ids:
            statement = scoped(kind, tenant).where(kind.id.in_(ids))
            session.scalars(statement.execution_options(populate_existing=True)).all()


def try_end(
    session: Session, tenant: Tenant, *, offboarding_id: str, lease_id: str, at: datetime
) -> str | None:
    """`end_one`; a refusal is the answer instead, and nothing of it stays."""
    try:
        with session.begin_nested():
            end_one(session, tenant, offboarding_id=offboarding_id, lease_id=lease_id, at=at)
    except HaasError as refusal:
        return refusal.message
    return None
