"""How a client's papers are parted, for the client and for one agreement."""

from __future__ import annotations

from sqlalchemy.orm import Session

from haas.errors import NotFound
from haas.tenancy.models import Client
from haas.tenancy.scope import Tenant, scoped
from invoicing.grouping import Grouping
from leases.models import Agreement


def part_by(session: Session, tenant: Tenant, *, client_id: str, grouping: Grouping) -> Client:
    """Say what gets an invoice of its own, from the next run on.

    :raises NotFound: if the client is not this partner's.
    """
    client = session.scalar(scoped(Client, tenant).where(Client.id == client_id).with_for_update())
    if client is None:
        raise NotFound("There is no such client.")
    client.billing_grouping = grouping.value
    session.flush()
    return client


def part_agreement_by(
    session: Session, tenant: Tenant, *, agreement_id: str, grouping: Grouping | None
) -> Agreement:
    """Say it for the leases of one agreement; none: as the client has it."""
    agreement = session.scalar(
        scoped(Agreement, tenant).where(Agreement.id == agreement_id).with_for_update()
    )
    if agreement is None:
        raise NotFound("There is no such agreement.")
    agreement.billing_grouping = grouping.value if grouping else None
    session.flush()
    return agreement
