"""Amendments -> their frozen papers: what a paper says is read once, then printed."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import date
from decimal import Decimal
from typing import Any

from sqlalchemy.orm import Session

from haas.accounts.audit_log import actor_names
from haas.calendar import ONE_DAY
from haas.tenancy.brands import branding_of
from haas.tenancy.models import Client, Partner, Site
from haas.tenancy.scope import Tenant, scoped
from leases import queries
from leases.amendment_models import Amendment
from leases.amendment_paper import AmendmentDocument, ChangeRow, ChargeRow, LeavingRow
from leases.amendments.queries import get_amendment
from leases.amendments.tables import leaving_table

_PRICES, _DAYS = frozenset({"unit_price"}), frozenset({"starts_on", "ends_on"})
_UNSAID = frozenset({"description", "state"})  # what a paper does not tell of a lease


def paper_of_amendment(
    session: Session, tenant: Tenant, *, amendment_id: str, base_url: str
) -> AmendmentDocument | None:
    """The paper of an amendment that is in force; none of one that is not."""
    amendment = get_amendment(session, tenant, amendment_id=amendment_id)
    if amendment.applied_at is None:
        return None
    partner = session.get_one(Partner, tenant.partner_id)
    client = session.scalars(scoped(Client, tenant).where(Client.id == amendment.client_id)).one()
    lease = queries.get_lease(session, tenant, lease_id=amendment.lease_id)
    agreement = queries.get_agreement(session, tenant, agreement_id=lease.agreement_id)
    sites = {
        row.id: row.name for row in session.scalars(scoped(Site, tenant).where(Site.client_id == client.id))
    }
    names = {line.id: line.description for line in lease.lines}
    people = actor_names(session, tenant, [amendment.requested_by, amendment.decided_by])
    return AmendmentDocument(
        branding=branding_of(session, partner),
        language=client.language,
        number=amendment.number,
        kind=amendment.kind,
        client_name=client.printed_name,
        client_address_lines=tuple(client.printed_address),
        agreement_number=agreement.number,
        lease_number=lease.number,
        effective_on=amendment.effective_on,
        written_at=amendment.applied_at,
        currency=lease.currency,
        reason=amendment.reason,
        changes=tuple(_changes(amendment, names=names, sites=sites)),
        charges=tuple(_charges(amendment.shown)),
        charge=amendment.charge,
        leaving=tuple(
            LeavingRow(month=row.month, start=row.start, charge=row.charge)
            for row in leaving_table(lease, agreement, lease.lines)
            if row.start >= amendment.effective_on
        ),
        asked_by=_person(people, amendment.requested_by),
        approved_by=_person(people, amendment.decided_by),
        portal_url=f"{base_url}/leases/{lease.id}/amendments/{amendment.id}",
    )


def _changes(
    amendment: Amendment, *, names: Mapping[str, str], sites: Mapping[str, str]
) -> Iterator[ChangeRow]:
    for key, fields in amendment.after.items():
        before = amendment.before.get(key, {})
        what = "" if key == "lease" else str(fields.get("description") or names.get(key, ""))
        for field, new in fields.items():
            if field in _UNSAID:
                continue
            old = before.get(field)
            if field in _PRICES:
                yield ChangeRow(what=what, field=field, price_before=_figure(old), price_after=_figure(new))
            elif field in _DAYS:
                yield ChangeRow(
                    what=what, field=field, day_before=_day(field, old), day_after=_day(field, new)
                )
            else:
                yield ChangeRow(what=what, field=field, before=_text(old, sites), after=_text(new, sites))


def _charges(shown: Mapping[str, Any]) -> Iterator[ChargeRow]:
    for row in shown.get("lines", []):
        yield ChargeRow(
            what=row["description"],
            remaining=Decimal(row["remaining"]),
            charge=Decimal(row["charge"]),
            waived=bool(row["covered"] or row["free"]),
        )


def _figure(kept: Any) -> Decimal | None:
    return Decimal(kept) if kept is not None else None


def _day(field: str, kept: Any) -> date | None:
    if kept is None:
        return None
    day = date.fromisoformat(kept)
    return day - ONE_DAY if field == "ends_on" else day


def _text(kept: Any, sites: Mapping[str, str]) -> str:
    return "" if kept is None else sites.get(str(kept), str(kept))


def _person(people: Mapping[str, str], actor: str) -> str:
    """A person's name; nothing where a program did it."""
    name = people.get(actor, actor)
    return "" if name == actor else name
