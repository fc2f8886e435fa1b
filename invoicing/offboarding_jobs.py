"""Jobs of off-boarding: give notice lease by lease, each in a transaction of its own. Safe to run twice."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date, datetime

from haas import clock, db, progress
from haas.calendar import local_day
from haas.settings import Settings
from haas.tenancy.models import Partner
from haas.tenancy.scope import Tenant
from invoicing import offboarding


def end_everything(*, partner_id: str, event_id: str, offboarding_id: str) -> None:
    """End every lease of the client that is not over; what a person must end is noted with the reason."""
    tenant = Tenant(partner_id, actor="job:offboarding", request_id=event_id)
    with db.unit_of_work(tenant) as session:
        work = offboarding.get_offboarding(session, tenant, offboarding_id=offboarding_id)
        if work.state == "done":
            return
        job_id = work.long_job_id
        lease_ids = offboarding.leases_to_end(session, tenant, offboarding_id=offboarding_id)
    problems = []
    for number, lease_id in enumerate(lease_ids, start=1):
        with db.unit_of_work(tenant) as session:
            refused = offboarding.try_end(
                session, tenant, offboarding_id=offboarding_id, lease_id=lease_id, at=clock.now()
            )
        if refused is not None:
            problems.append({"lease_id": lease_id, "problem": refused})
        progress.advance(tenant, job_id=job_id, done=number, total=len(lease_ids))
    with db.unit_of_work(tenant) as session:
        offboarding.note_ended(session, tenant, offboarding_id=offboarding_id, problems=problems)


def run_offboarding(
    settings: Settings,
    *,
    partner_id: str,
    client_id: str,
    noticed_on: date,
    reason: str,
    start: bool,
    finish: bool,
    at: datetime,
) -> Iterator[str]:
    """What `haas offboard` does, in lines for people: the preview, or the start, or the finish."""
    tenant = Tenant(partner_id, actor="cli", door="cli")
    if start:
        with db.unit_of_work(tenant) as session:
            work = offboarding.start_offboarding(
                session, tenant, client_id=client_id, noticed_on=noticed_on, reason=reason, at=at
            )
        end_everything(partner_id=partner_id, event_id="cli", offboarding_id=work.id)
        with db.unit_of_work(tenant) as session:
            work = offboarding.get_offboarding(session, tenant, offboarding_id=work.id)
            yield f"{work.id}: {work.state}"
            yield from (f"  {problem['lease_id']}: {problem['problem']}" for problem in work.problems)
    if finish:
        with db.unit_of_work(tenant) as session:
            found = offboarding.find_under_way(session, tenant, client_id=client_id)
            if found is None:
                yield "Nothing is under way for this client: start it first."
                return
            done = offboarding.finish_offboarding(
                session,
                tenant,
                offboarding_id=found.id,
                today=local_day(at, session.get_one(Partner, partner_id).time_zone),
                at=at,
                portal_url=settings.base_url,
            )
            yield f"{done.id}: {done.state}, bundle {done.bundle_file_id}"
    if not (start or finish):
        with db.unit_of_work(tenant) as session:
            plan = offboarding.preview_offboarding(
                session, tenant, client_id=client_id, noticed_on=noticed_on, at=at
            )
        yield f"{plan.client.name}: {len(plan.leases)} leases end, {plan.devices} devices to collect"
        yield from (f"  {row.lease.number} ends before {row.ends_on or 'it began'}" for row in plan.leases)
        for stop in plan.stops:
            yield f"  at {stop.site.name if stop.site else 'no site'}: {len(stop.places)} devices"
        yield f"  {len(plan.returns)} returns open, {len(plan.uncertified)} certificates missing"
        yield f"  last invoices come to {plan.final_net} {plan.client.currency} net"
