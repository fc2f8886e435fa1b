"""What a partner uses: its hardware lines with their days, read in the partner's own name."""

from __future__ import annotations

import sqlalchemy as sa
from sqlalchemy.orm import Session, lazyload

from devices.models import HardwareModel
from haas.tenancy.scope import Tenant
from leases.models import Lease, Line
from leases.pricing.queries import item_of
from leases.pricing.suggesting import term_of
from leases.pricing.wholesale_rules import Span, Usage
from leases.terms import LineKind, RentStep, steps_in_force

HARDWARE = (LineKind.ASSET, LineKind.POOLED)


def read_usage(session: Session, tenant: Tenant) -> list[Usage]:
    """Every hardware line that was ever in use, by a fixed number of queries.

    Neither clients nor rents leave the house.
    """
    rows = session.execute(
        sa.select(Line, Lease, HardwareModel)
        .join(Lease, sa.and_(Lease.partner_id == Line.partner_id, Lease.id == Line.lease_id))
        .join(
            HardwareModel,
            sa.and_(HardwareModel.partner_id == Line.partner_id, HardwareModel.id == Line.model_id),
        )
        .where(
            Line.partner_id == tenant.partner_id,
            Line.kind.in_(HARDWARE),
            Line.starts_on.is_not(None),
        )
        .options(lazyload(Line.abatements))
        .order_by(Line.id)
    )
    return [
        Usage(
            line_id=line.id,
            lease_id=lease.id,
            lease_number=lease.number,
            name=f"{model.manufacturer} {model.name}",
            item=item_of(model),
            commercial_model=lease.commercial_model,
            term_months=term_of(lease),
            spans=_spans(line),
        )
        for line, lease, model in rows
    ]


def _spans(line: Line) -> list[Span]:
    """The line's days by its number of units, which changes for pools alone."""
    if line.starts_on is None:
        return []
    agreed = line.terms_over_time
    steps = steps_in_force(RentStep(terms.effective_from, terms.quantity) for terms in agreed[1:])
    spans: list[Span] = []
    start, quantity = line.starts_on, agreed[0].quantity if agreed else line.quantity
    for step in steps:
        if line.ends_on is not None and step.effective_from >= line.ends_on:
            break
        if step.effective_from > start and step.rent != quantity:
            spans.append(Span(start, step.effective_from, quantity))
            start = step.effective_from
        quantity = step.rent
    spans.append(Span(start, line.ends_on, quantity))
    return spans
