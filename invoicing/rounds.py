"""The operator's round: one start bills every partner's clients, and the partners themselves."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date, datetime

import sqlalchemy as sa
from flask_babel import gettext as _
from sqlalchemy.orm import Session

from haas import clock, db, outbox
from haas.errors import NotFound
from haas.ids import new_id
from haas.tenancy.models import Partner
from haas.tenancy.scope import Platform, Tenant, scoped
from invoicing import billing, queries
from invoicing.round_models import BillingRound, BillingRoundPart
from leases.pricing import house as houses
from leases.pricing import wholesale

_ACTOR = "job:billing_round"


def every_house(session: Session) -> list[Partner]:
    """All partners that are not suspended, the operator's house last. In the platform's name."""
    return list(
        session.scalars(
            sa.select(Partner)
            .where(Partner.suspended_at.is_(None))
            .order_by(Partner.is_operator, Partner.name, Partner.id)
        )
    )


def start_round(
    session: Session, house: Tenant, *, partners: Sequence[Partner], as_of: date, at: datetime
) -> BillingRound:
    """Note a part for each house; one event each. The house's own part reads what partners use first.

    A second start as of the same day is another round whose runs find everything billed.
    """
    started = BillingRound(
        partner_id=house.partner_id,
        id=new_id("bro"),
        as_of=as_of,
        started_at=at,
        started_by=house.actor,
    )
    session.add(started)
    session.flush()
    for partner in partners:
        part = BillingRoundPart(
            partner_id=house.partner_id,
            id=new_id("brp"),
            round_id=started.id,
            house_id=partner.id,
            name=partner.name,
        )
        session.add(part)
        outbox.publish(session, house, "billing_round.part_due", part_id=part.id)
    session.flush()
    return started


def run_part(house: Tenant, *, part_id: str) -> None:
    """Start the run of one house, in its own name, and note which it is. A second call changes nothing."""
    with db.unit_of_work(house) as session:
        part = _get_part(session, house, part_id=part_id)
        if part.run_id is not None:
            return
        as_of = get_round(session, house, round_id=part.round_id).as_of
    if part.house_id == house.partner_id:
        wholesale.sync_everyone(as_of=as_of, actor=_ACTOR)
    tenant = Tenant(part.house_id, actor=_ACTOR)
    with db.unit_of_work(tenant) as session:
        run_id = billing.start_run(session, tenant, as_of=as_of, at=clock.now()).id
    with db.unit_of_work(house) as session:
        noted = _get_part(session, house, part_id=part_id, lock=True)
        noted.run_id, noted.state = run_id, "running"
    # It may have ended before its number stood here.
    note_finished(tenant, run_id=run_id)


def note_finished(tenant: Tenant, *, run_id: str) -> None:
    """Tell the operator's rounds what came of a run that is over."""
    with db.unit_of_work(tenant) as session:
        run = queries.get_run(session, tenant, run_id=run_id)
        if run.finished_at is None:
            return
        chunks = queries.chunks_of(session, tenant, run_id=run_id)
        found = {
            "state": "done",
            "invoices": sum(chunk.invoices for chunk in chunks),
            "credit_notes": sum(chunk.credit_notes for chunk in chunks),
            "problems": len(queries.problems_of(chunks)),
            "finished_at": run.finished_at,
        }
    with db.unit_of_work(Platform("operator", actor=_ACTOR)) as session:
        house = houses.find_house(session)
    if house is None:
        return
    with db.unit_of_work(Tenant(house.id, actor=_ACTOR)) as session:
        session.execute(
            sa.update(BillingRoundPart)
            .where(
                BillingRoundPart.partner_id == house.id,
                BillingRoundPart.house_id == tenant.partner_id,
                BillingRoundPart.run_id == run_id,
            )
            .values(**found)
        )


def recent_rounds(session: Session, house: Tenant, *, limit: int = 10) -> Sequence[BillingRound]:
    """The latest rounds."""
    return session.scalars(scoped(BillingRound, house).order_by(BillingRound.id.desc()).limit(limit)).all()


def get_round(session: Session, house: Tenant, *, round_id: str) -> BillingRound:
    """One round.

    :raises NotFound: if the house has none by that id.
    """
    found = session.scalar(scoped(BillingRound, house).where(BillingRound.id == round_id))
    if found is None:
        raise NotFound(_("There is no such round."))
    return found


def parts_of(session: Session, house: Tenant, *, round_id: str) -> Sequence[BillingRoundPart]:
    """How far each house is, the operator's own last."""
    return session.scalars(
        scoped(BillingRoundPart, house)
        .where(BillingRoundPart.round_id == round_id)
        .order_by(
            BillingRoundPart.house_id == BillingRoundPart.partner_id,
            BillingRoundPart.name,
            BillingRoundPart.id,
        )
    ).all()


def _get_part(session: Session, house: Tenant, *, part_id: str, lock: bool = False) -> BillingRoundPart:
    statement = scoped(BillingRoundPart, house).where(BillingRoundPart.id == part_id)
    part = session.scalar(statement.with_for_update() if lock else statement)
    if part is None:
        raise NotFound(f"There is no part {part_id}.")
    return part
