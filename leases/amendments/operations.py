"""An amendment's way: asked for with its figures, approved and applied by somebody else, or turned down."""

from __future__ import annotations

from collections.abc import Callable
from datetime import date, datetime
from typing import Any

from sqlalchemy.orm import Session

from haas import db
from haas.auth.models import ApiToken
from haas.calendar import local_day
from haas.errors import Conflict, InvalidInput, NotAllowed
from haas.tenancy.models import Partner
from haas.tenancy.scope import Tenant, scoped
from leases import queries
from leases.amendment_models import Amendment
from leases.amendments import leaving, lines, record, whole
from leases.amendments.closed_books import require_open
from leases.amendments.lines import Outcome, Work
from leases.amendments.queries import find_by_key, get_amendment
from leases.amendments.wanted import Wanted, difference
from leases.credit import demand_credit
from leases.lifecycle import RUNNING
from leases.models import Lease

FOUR_EYES = "amendment_four_eyes"  # a partner's policy: who asks does not approve

# What a caller may ask for; swaps and purchases have doors of their own, and leave their rows here.
KINDS: dict[str, Callable[[Work], Outcome]] = {
    "scale_up": lines.scale_up,
    "scale_down": leaving.scale_down,
    "price_change": lines.price_change,
    "co_term": lines.co_term,
    "move": whole.move,
    "renew": whole.renew,
    "terminate": leaving.terminate,
    "abate": lines.abate,
}


# What lets the client owe more: its credit limit is asked.
_ADDING = frozenset({"scale_up", "co_term"})


class FiguresChanged(Conflict):
    """What would be charged is no longer what was shown."""

    code = "figures_changed"


def request_amendment(
    session: Session,
    tenant: Tenant,
    *,
    lease_id: str,
    kind: str,
    effective_on: date,
    wanted: Wanted,
    at: datetime,
    reason: str = "",
    idempotency_key: str | None = None,
) -> Amendment:
    """Keep what is asked for with the figures that it has now; nothing else changes until it is approved.

    :raises InvalidInput: naming the field that cannot be so.
    :raises Conflict: if the lease is not in service.
    """
    lease = queries.lock_lease(session, tenant, lease_id)
    if idempotency_key and (done := _asked_before(session, tenant, lease, idempotency_key)):
        return done
    outcome, before, after = _tried(
        session,
        tenant,
        lease=lease,
        kind=kind,
        effective_on=effective_on,
        wanted=wanted,
        at=at,
        reason=reason,
    )
    amendment = record.add(
        session,
        tenant,
        lease=lease,
        kind=kind,
        state="draft",
        effective_on=effective_on,
        at=at,
        line_ids=wanted.line_ids,
        wanted=wanted.kept(),
        reason=reason.strip(),
        idempotency_key=idempotency_key,
    )
    _note(amendment, outcome, before, after)
    session.flush()
    return amendment


def approve(
    session: Session, tenant: Tenant, *, amendment_id: str, at: datetime, over_limit_reason: str = ""
) -> Amendment:
    """Carry out what was asked for, at the figures that were shown.

    :param over_limit_reason: why the client may go beyond its credit limit, as `demand_credit` takes it.
    :raises FiguresChanged: if it would cost something else by now.
    :raises NotAllowed: for whoever asked, where the partner wants four eyes.
    :raises OverCreditLimit: if it adds to what the client owes, and that is beyond its limit.
    """
    asked = get_amendment(session, tenant, amendment_id=amendment_id)
    lease = queries.lock_lease(session, tenant, asked.lease_id)
    amendment = get_amendment(session, tenant, amendment_id=amendment_id, lock=True)
    if amendment.state == "applied":
        return amendment
    _require_draft(amendment)
    partner = session.get_one(Partner, tenant.partner_id)
    if partner.policies.get(FOUR_EYES) and _person(session, tenant, amendment.requested_by) == _person(
        session, tenant, tenant.actor
    ):
        raise NotAllowed("Somebody else must approve what you asked for.")
    shown, covered = amendment.charge, amendment.covered_lines
    amendment.state, amendment.decided_by, amendment.decided_at = "approved", tenant.actor, at
    session.flush()
    _apply(session, tenant, lease=lease, amendment=amendment, at=at)
    if (amendment.charge, amendment.covered_lines) != (shown, covered):
        raise FiguresChanged(
            f"{amendment.number} was shown at {shown.normalize():f} and would now cost"
            f" {amendment.charge.normalize():f}. Ask for it anew."
        )
    if amendment.kind in _ADDING:
        demand_credit(session, tenant, client_id=lease.client_id, at=at, reason=over_limit_reason)
    return amendment


def amend(
    session: Session,
    tenant: Tenant,
    *,
    lease_id: str,
    kind: str,
    effective_on: date,
    wanted: Wanted,
    at: datetime,
    reason: str = "",
    idempotency_key: str | None = None,
    over_limit_reason: str = "",
) -> Amendment:
    """Ask and approve in one step; where the partner wants four eyes, it waits for the second pair."""
    amendment = request_amendment(
        session,
        tenant,
        lease_id=lease_id,
        kind=kind,
        effective_on=effective_on,
        wanted=wanted,
        at=at,
        reason=reason,
        idempotency_key=idempotency_key,
    )
    partner = session.get_one(Partner, tenant.partner_id)
    if amendment.state != "draft" or partner.policies.get(FOUR_EYES):
        return amendment
    return approve(session, tenant, amendment_id=amendment.id, at=at, over_limit_reason=over_limit_reason)


def carry_out(
    session: Session,
    tenant: Tenant,
    *,
    lease_id: str,
    kind: str,
    effective_on: date,
    wanted: Wanted,
    at: datetime,
    reason: str = "",
) -> Amendment:
    """Apply at once, asking nobody: for what is taken back again, and for what was decided elsewhere."""
    lease = queries.lock_lease(session, tenant, lease_id)
    amendment = record.add(
        session,
        tenant,
        lease=lease,
        kind=_known(kind),
        state="draft",
        effective_on=effective_on,
        at=at,
        line_ids=wanted.line_ids,
        wanted=wanted.kept(),
        reason=reason,
    )
    amendment.state, amendment.decided_by, amendment.decided_at = "approved", tenant.actor, at
    _apply(session, tenant, lease=lease, amendment=amendment, at=at)
    return amendment


def reject(session: Session, tenant: Tenant, *, amendment_id: str, reason: str, at: datetime) -> Amendment:
    """Turn down what was asked for, saying why."""
    if not reason.strip():
        raise InvalidInput("Say why; who asked reads it.", field="reason")
    return _decide(session, tenant, amendment_id=amendment_id, state="rejected", reason=reason, at=at)


def withdraw(
    session: Session, tenant: Tenant, *, amendment_id: str, reason: str = "", at: datetime
) -> Amendment:
    """Take back what was asked for, as long as nobody has decided."""
    return _decide(session, tenant, amendment_id=amendment_id, state="withdrawn", reason=reason, at=at)


def check_day(session: Session, tenant: Tenant, lease: Lease, *, effective_on: date) -> None:
    """Refuse a day before the lease, or in books that are closed.

    What is found later is corrected from the first open day on; the next run gives back what was too much.

    :raises InvalidInput: naming the field and the first day that can be.
    """
    if lease.state not in RUNNING or lease.commences_on is None:
        raise Conflict(f"Lease {lease.number} is {lease.state}: only one in service is amended.")
    require_open(session, tenant, effective_on=effective_on)


def _apply(session: Session, tenant: Tenant, *, lease: Lease, amendment: Amendment, at: datetime) -> None:
    outcome, before, after = _perform(session, tenant, lease=lease, amendment=amendment, at=at)
    _note(amendment, outcome, before, after)
    amendment.state, amendment.applied_at = "applied", at
    session.flush()
    record.tell(session, tenant, amendment, at=at)


def _tried(
    session: Session,
    tenant: Tenant,
    *,
    lease: Lease,
    kind: str,
    effective_on: date,
    wanted: Wanted,
    at: datetime,
    reason: str,
) -> tuple[Outcome, dict[str, Any], dict[str, Any]]:
    """Do it and take it back: what refuses the amendment refuses the request, with the same words."""
    with db.taken_back(session, forget=True):
        amendment = record.add(
            session,
            tenant,
            lease=lease,
            kind=_known(kind),
            state="draft",
            effective_on=effective_on,
            at=at,
            line_ids=wanted.line_ids,
            wanted=wanted.kept(),
            reason=reason,
        )
        return _perform(session, tenant, lease=lease, amendment=amendment, at=at)


def _perform(
    session: Session, tenant: Tenant, *, lease: Lease, amendment: Amendment, at: datetime
) -> tuple[Outcome, dict[str, Any], dict[str, Any]]:
    on = amendment.effective_on
    check_day(session, tenant, lease, effective_on=on)
    work = Work(
        session=session,
        tenant=tenant,
        amendment=amendment,
        wanted=Wanted.of(amendment.wanted),
        lease=lease,
        agreement=queries.get_agreement(session, tenant, agreement_id=lease.agreement_id),
        lines=lines.lines_of(session, tenant, lease_id=lease.id),
        at=at,
        today=local_day(at, lease.time_zone),
    )
    before = record.snapshot(lease, work.lines, on=on)
    outcome = KINDS[_known(amendment.kind)](work)
    return outcome, before, record.snapshot(lease, work.lines, on=on)


def _note(amendment: Amendment, outcome: Outcome, before: dict[str, Any], after: dict[str, Any]) -> None:
    amendment.before, amendment.after = difference(before, after)
    amendment.line_ids = outcome.line_ids if amendment.state != "draft" else list(amendment.line_ids)
    amendment.charge, amendment.charge_kind = outcome.charge, outcome.charge_kind
    amendment.covered_lines, amendment.shown = outcome.covered_lines, outcome.shown


def _decide(
    session: Session, tenant: Tenant, *, amendment_id: str, state: str, reason: str, at: datetime
) -> Amendment:
    amendment = get_amendment(session, tenant, amendment_id=amendment_id, lock=True)
    if amendment.state == state:
        return amendment
    _require_draft(amendment)
    amendment.state, amendment.decided_by, amendment.decided_at = state, tenant.actor, at
    amendment.decision = reason.strip()
    session.flush()
    return amendment


def _require_draft(amendment: Amendment) -> None:
    if amendment.state != "draft":
        raise Conflict(f"{amendment.number} is {amendment.state} already.")


def _person(session: Session, tenant: Tenant, actor: str) -> str:
    """Who made the token, where a program acts: two tokens of one person are one pair of eyes."""
    token = session.scalar(scoped(ApiToken, tenant).where(ApiToken.id == actor))
    return token.created_by if token else actor


def _known(kind: str) -> str:
    if kind not in KINDS:
        raise InvalidInput(f"An amendment is one of: {', '.join(KINDS)}.", field="kind")
    return kind


def _asked_before(session: Session, tenant: Tenant, lease: Lease, key: str) -> Amendment | None:
    done = find_by_key(session, tenant, key=key)
    if done is not None and done.lease_id != lease.id:
        raise Conflict("This Idempotency-Key was used for another amendment; send a new key.")
    return done
