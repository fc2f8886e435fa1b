"""What a client asks for itself: checked in the client's name, done in its partner's, signed by its person.

A client's own transaction cannot write what it may not read: moves of leases and assets, and number series.
So the row is first found as the client sees it (another client's is not found), and then the operation
runs in the partner's name, with the client's user still on every audit entry and move.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from datetime import date, datetime

from sqlalchemy.orm import Session

from devices.queries import get_asset
from haas import db
from haas.tenancy.scope import Tenant
from leases import operations, queries, returns
from leases.amendment_models import Amendment
from leases.amendments import operations as amendments
from leases.amendments import receipt
from leases.amendments.receipt import ReturnCost
from leases.amendments.wanted import Wanted
from leases.credit import OverCreditLimit
from leases.ends import buyouts, choices
from leases.ends.choices import Wish
from leases.ends.models import Buyout, EndChoice
from leases.models import Lease, ReturnOrder


def accept_quote(
    session: Session,
    tenant: Tenant,
    *,
    lease_id: str,
    signer: str,
    accepted_on: date,
    at: datetime,
    over_limit_reason: str = "",
) -> Lease:
    """Accept a quote that this tenant sees.

    :raises NotFound: if it sees none by that id.
    """
    queries.get_lease(session, tenant, lease_id=lease_id)
    with in_the_partners_name(session, tenant) as partner:
        return operations.accept(
            session,
            partner,
            lease_id=lease_id,
            signer=signer,
            accepted_on=accepted_on,
            at=at,
            over_limit_reason=over_limit_reason,
        )


def ask_return(
    session: Session, tenant: Tenant, *, asset_id: str, reason: str, due_on: date, today: date, at: datetime
) -> ReturnOrder:
    """Ask to give back an asset that this tenant has.

    :raises NotFound: if it has none by that id.
    """
    get_asset(session, tenant, asset_id=asset_id)
    with in_the_partners_name(session, tenant) as partner:
        return returns.request_return(
            session, partner, asset_id=asset_id, reason=reason, notice_on=today, due_on=due_on, at=at
        )


def cost_of_return(
    session: Session, tenant: Tenant, *, asset_id: str, due_on: date, today: date, at: datetime
) -> ReturnCost | None:
    """What giving back an asset that this tenant has would cost, if it is back by that day.

    The figures need what the partner alone may read, such as what a device is expected to be worth.

    :raises NotFound: if it has none by that id.
    """
    get_asset(session, tenant, asset_id=asset_id)
    with in_the_partners_name(session, tenant) as partner:
        return receipt.cost_of_return(
            session, partner, asset_id=asset_id, due_on=due_on, asked_on=today, at=at
        )


def choose_end(
    session: Session, tenant: Tenant, *, lease_id: str, wishes: Sequence[Wish], today: date, at: datetime
) -> list[EndChoice]:
    """Choose what becomes of the devices of a lease that this tenant sees; a client in time alone.

    :raises NotFound: if it sees none by that id.
    """
    queries.get_lease(session, tenant, lease_id=lease_id)
    with in_the_partners_name(session, tenant) as partner:
        return choices.choose(
            session,
            partner,
            lease_id=lease_id,
            wishes=wishes,
            today=today,
            at=at,
            is_client=tenant.client_id is not None,
        )


def agree_buyout(
    session: Session, tenant: Tenant, *, buyout_id: str, agreed_by: str, today: date, at: datetime
) -> Buyout:
    """Take an offer to buy a device that was made to this tenant.

    :raises NotFound: if it sees none by that id.
    """
    buyouts.get_buyout(session, tenant, buyout_id=buyout_id)
    with in_the_partners_name(session, tenant) as partner:
        return buyouts.agree(
            session, partner, buyout_id=buyout_id, agreed_by=agreed_by, agreed_on=today, at=at
        )


def ask_amendment(
    session: Session,
    tenant: Tenant,
    *,
    lease_id: str,
    effective_on: date,
    wanted: Wanted,
    at: datetime,
    reason: str = "",
    idempotency_key: str | None = None,
) -> Amendment:
    """Ask to give back places of a lease that this tenant sees; its partner decides.

    :raises NotFound: if it sees none by that id.
    """
    queries.get_lease(session, tenant, lease_id=lease_id)
    with in_the_partners_name(session, tenant) as partner:
        return amendments.request_amendment(
            session,
            partner,
            lease_id=lease_id,
            kind="scale_down",
            effective_on=effective_on,
            wanted=wanted,
            at=at,
            reason=reason,
            idempotency_key=idempotency_key,
        )


@contextmanager
def in_the_partners_name(session: Session, tenant: Tenant) -> Iterator[Tenant]:
    """Go on as the client's partner; its own person stays the actor.

    A refusal leaves nothing behind, and what is drawn after it is read in the client's own name again.
    """
    if tenant.client_id is None:
        yield tenant
        return
    partner = replace(tenant, client_id=None)
    try:
        with session.begin_nested():
            db.change_scope(session, partner)
            yield partner
    except OverCreditLimit as refusal:
        # What it owes and may owe is between its books and the partner's people.
        raise OverCreditLimit("This cannot be accepted here at the moment. Please call us.") from refusal
    finally:
        db.change_scope(session, tenant)
