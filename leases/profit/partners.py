"""What the fleets of several partners earn, for the operator: sums alone, never a partner's row."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date

from sqlalchemy.orm import Session

from haas import db
from haas.tenancy.models import Partner
from haas.tenancy.scope import Platform, Tenant
from leases.profit.league import Dimension, Row, league, totals
from leases.profit.reads import read_facts


@dataclass(frozen=True, slots=True)
class PartnerSums:
    """A partner's whole fleet, a row for each currency; none where it has no devices."""

    partner: Partner
    sums: Sequence[Row]


def view_partners(
    session: Session, platform: Platform, *, partners: Sequence[Partner], since: date | None, as_of: date
) -> list[PartnerSums]:
    """Read each fleet in its own partner's name, and tell its sums. As many queries as a league, each."""
    found = []
    for partner in partners:
        tenant = Tenant(partner.id, actor=platform.actor, door=platform.door)
        db.change_scope(session, tenant)
        try:
            facts = read_facts(session, tenant, as_of=as_of)
        finally:
            db.change_scope(session, platform)
        found.append(
            PartnerSums(partner, totals(league(facts, by=Dimension.CATEGORY, since=since, as_of=as_of)))
        )
    return found
