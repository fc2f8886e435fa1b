"""The nightly anchor: each chain is verified and its head mailed away, where nobody here can change it.

A chain shows an edit or a hole, but whoever owns the database could cut its end off and mend the head. The
mailed head says how long the chain was that day.
"""

from __future__ import annotations

import logging
from datetime import datetime

import sqlalchemy as sa
from sqlalchemy.orm import Session

from haas import audit, db, outbox
from haas.audit import OPERATOR_CHAIN, AuditEntry, ChainReport
from haas.auth.models import User
from haas.auth.permissions import OPERATOR
from haas.calendar import local_day
from haas.mail import Letter, MailNotSent, send
from haas.outbox import OutboxEvent
from haas.settings import Settings
from haas.tenancy.branding import Branding
from haas.tenancy.models import Partner
from haas.tenancy.scope import Platform, Tenant, scoped

log = logging.getLogger(__name__)
_ANCHORED = "anchored"


def sweep(settings: Settings, now: datetime) -> None:
    """Anchor every partner's chain and the operator's; a second run on the same day does nothing."""
    with db.unit_of_work(Platform("operator", actor="job:anchor")) as session:
        partner_ids = list(session.scalars(sa.select(Partner.id).order_by(Partner.id)))
    for partner_id in partner_ids:
        anchor_partner(partner_id, now=now)
    anchor_operator(settings, now=now)


def anchor_partner(partner_id: str, *, now: datetime) -> ChainReport | None:
    """Verify one partner's chain and have its head mailed to the owners; none if that was done today."""
    tenant = Tenant(partner_id, actor="job:anchor")
    day = local_day(now, "UTC").isoformat()
    once_key = f"audit.anchored:{day}"
    with db.unit_of_work(tenant) as session:
        if session.scalar(scoped(OutboxEvent, tenant).where(OutboxEvent.once_key == once_key)) is not None:
            return None
        report = audit.verify(session, chain=partner_id)
        outbox.publish(
            session,
            tenant,
            "audit.anchored",
            once_key=once_key,
            day=day,
            links=report.links,
            head=report.head,
            broken_at=report.broken_at,
        )
    if report.broken_at is not None:
        log.error("the audit chain of %s does not hold at link %s", partner_id, report.broken_at)
    return report


def anchor_operator(settings: Settings, *, now: datetime) -> None:
    """Verify the operator's own chain and mail its head to the operators, who have no outbox."""
    day = local_day(now, "UTC")
    with db.unit_of_work(Platform("operator", actor="job:anchor")) as session:
        if _was_anchored(session, day.isoformat()):
            return
        report = audit.verify(session, chain=OPERATOR_CHAIN)
        operators = session.scalars(
            sa.select(User).where(User.role == OPERATOR, User.disabled_at.is_(None)).order_by(User.id)
        ).all()
    if report.broken_at is not None:
        log.error("the operator's audit chain does not hold at link %s", report.broken_at)
    try:
        for person in operators:
            send(settings, anchor_letter(settings, person, _vendor(), report, day=day.isoformat()), now=now)
    except MailNotSent as failure:
        log.warning("the operator's anchor waits for the mail server: %s", failure)
        return
    with db.unit_of_work(Platform("operator", actor="job:anchor")) as session:
        audit.note(
            session,
            action=_ANCHORED,
            subject="audit_link",
            subject_id=day.isoformat(),
            details={"links": report.links, "head": report.head, "broken_at": report.broken_at},
        )


def anchor_letter(
    settings: Settings,
    person: User,
    branding: Branding,
    report: ChainReport,
    *,
    day: str,
    event_id: str = "anchor",
) -> Letter:
    """The mail with the head of a chain."""
    return Letter(
        message="audit_anchor",
        to=person.email,
        to_name=person.name,
        branding=branding,
        language=person.language,
        message_id=f"{event_id}.{day}.{person.id}",
        values={
            "anchored_on": datetime.fromisoformat(day).date(),
            "partner_name": branding.display_name,
            "links": report.links,
            "head": report.head,
            "broken_at": report.broken_at,
            "link": f"{settings.base_url}/settings/audit",
        },
    )


def _was_anchored(session: Session, day: str) -> bool:
    found = sa.select(AuditEntry.id).where(
        AuditEntry.chain == OPERATOR_CHAIN,
        AuditEntry.subject == "audit_link",
        AuditEntry.subject_id == day,
        AuditEntry.action == _ANCHORED,
    )
    return session.scalar(found.limit(1)) is not None


def _vendor() -> Branding:
    return Branding(display_name="haas", legal_name="haas")
