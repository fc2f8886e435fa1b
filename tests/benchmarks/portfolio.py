"""A partner with many leases in service, made by set-based inserts: a client and a lease for each."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, date, datetime
from decimal import Decimal
from typing import Any

import sqlalchemy as sa
from sqlalchemy.dialects.postgresql import Range
from sqlalchemy.orm import Session

from devices.models import Asset, HardwareModel
from haas import db
from haas.calendar import add_months
from haas.ids import new_id
from haas.tenancy.company import COMPANY_ID, Company
from haas.tenancy.models import Client, Partner
from haas.tenancy.scope import Platform, Tenant
from invoicing.models import TaxRate
from leases.models import Agreement, Assignment, DepreciationBook, Lease, Line

COMMENCED = date(2026, 1, 1)
SIGNED_AT = datetime(2026, 1, 1, 15, 0, tzinfo=UTC)
BATCH = 1_000

Rows = dict[type[Any], list[dict[str, Any]]]


def make_portfolio(*, leases: int, lines: int = 2, name: str = "Bench") -> Tenant:
    """A new partner with `leases` clients of one lease each, `lines` laptops on every lease; committed."""
    partner_id = new_id("par")
    with db.unit_of_work(Platform("operator", actor="bench", door="cli")) as session:
        session.add(_partner(partner_id, name))
    tenant = Tenant(partner_id, actor="bench", door="cli")
    model_id = new_id("hwm")
    with db.unit_of_work(tenant) as session:
        session.add_all([_model(partner_id, model_id), _rate(partner_id), _company(partner_id)])
    for first in range(0, leases, BATCH):
        with db.unit_of_work(tenant) as session:
            _insert(session, tenant, model_id, range(first, min(first + BATCH, leases)), lines)
    return tenant


def _insert(session: Session, tenant: Tenant, model_id: str, numbers: range, lines: int) -> None:
    rows: Rows = {kind: [] for kind in (Client, Asset, Agreement, Lease, Line, Assignment, DepreciationBook)}
    for number in numbers:
        _one(rows, tenant.partner_id, model_id, number, lines)
    for kind, found in rows.items():
        session.execute(sa.insert(kind), found)


def _one(rows: Rows, partner_id: str, model_id: str, number: int, lines: int) -> None:
    own = {"partner_id": partner_id, "created_at": SIGNED_AT}
    client_id, agreement_id, lease_id = new_id("cli"), new_id("agr"), new_id("lse")
    rows[Client].append(
        {
            **own, "id": client_id, "client_id": client_id, "number": f"C-{number:06d}",
            "name": f"Client {number}", "name_norm": f"client {number}",
            "legal_name": f"Client {number} LLC", "email": f"ap@client{number}.example",
            "address": ["1 Main Street", "Springfield"], "country": "US", "currency": "USD",
            "language": "en", "time_zone": "UTC",
        }
    )  # fmt: skip
    rows[Agreement].append(
        {
            **own, "id": agreement_id, "client_id": client_id, "number": f"A-{number:06d}",
            "terms_version": "2026", "currency": "USD", "time_zone": "UTC", "day_count": "actual",
            "proration": "actual_period", "notice_days": 60, "payment_terms_days": 14,
            "flex_down_pct": Decimal(10), "holdover_rate_pct": Decimal(100),
        }
    )  # fmt: skip
    rows[Lease].append(
        {
            **own, "id": lease_id, "agreement_id": agreement_id, "client_id": client_id,
            "number": f"L-{number:06d}", "state": "active", "currency": "USD", "time_zone": "UTC",
            "term_months": 36, "timing": "advance", "anchor_day": 1, "day_count": "actual",
            "proration": "actual_period", "commences_on": COMMENCED, "accepted_on": COMMENCED,
            "ends_on": add_months(COMMENCED, 36), "version": 1,
        }
    )  # fmt: skip
    for place in range(lines):
        for kind, row in _line(own, model_id, client_id, lease_id, number * lines + place):
            rows[kind].append(row)


def _line(
    own: dict[str, Any], model_id: str, client_id: str, lease_id: str, number: int
) -> Iterator[tuple[type[Any], dict[str, Any]]]:
    asset_id, line_id, serial = new_id("ast"), new_id("lin"), f"SN-{number:08d}"
    yield Asset, {
        **own, "id": asset_id, "tag": f"T-{number:08d}", "tag_norm": f"t-{number:08d}", "serial": serial,
        "serial_norm": serial.casefold(), "model_id": model_id, "state": "in_service",
        "client_id": client_id, "cost": Decimal(1200), "currency": "USD", "version": 1,
        "in_service_on": COMMENCED, "holds_data_of_client_id": client_id,
    }  # fmt: skip
    yield Line, {
        **own, "id": line_id, "lease_id": lease_id, "client_id": client_id, "kind": "asset",
        "description": "ThinkPad T14 Gen 5", "model_id": model_id, "quantity": Decimal(1),
        "unit_price": Decimal("19.90") + number % 40, "tax_category": "S", "starts_on": COMMENCED,
    }  # fmt: skip
    yield Assignment, {
        "partner_id": own["partner_id"], "id": new_id("asg"), "line_id": line_id, "asset_id": asset_id,
        "client_id": client_id, "serial": serial, "during": Range(SIGNED_AT, None),
    }  # fmt: skip
    yield DepreciationBook, {
        **own, "id": new_id("bok"), "asset_id": asset_id, "name": "book", "method": "straight_line",
        "first_month": "full", "last_month": "none", "day_basis": "months", "factor": Decimal(2),
        "cost": Decimal(1200), "residual_value": Decimal(120), "currency": "USD",
        "in_service_on": COMMENCED, "life_months": 36,
    }  # fmt: skip


def _partner(partner_id: str, name: str) -> Partner:
    return Partner(
        id=partner_id,
        slug=f"{name.lower()}-{partner_id[-10:]}",
        name=name,
        legal_name=f"{name} Inc.",
        country="US",
        currency="USD",
        time_zone="UTC",
        branding={},
        policies={},
        created_at=SIGNED_AT,
    )


def _company(partner_id: str) -> Company:
    return Company(
        partner_id=partner_id,
        id=COMPANY_ID,
        tax_registration="91-1144442",
        accounts=[{"currency": "USD", "account_number": "000123456789"}],
    )


def _model(partner_id: str, model_id: str) -> HardwareModel:
    return HardwareModel(
        partner_id=partner_id,
        id=model_id,
        manufacturer="Lenovo",
        manufacturer_norm="lenovo",
        name="ThinkPad T14 Gen 5",
        name_norm="thinkpad t14 gen 5",
        category="laptop",
        list_cost=Decimal(1200),
        currency="USD",
        useful_life_months=36,
        residual_value_pct=Decimal(10),
        created_at=SIGNED_AT,
    )


def _rate(partner_id: str) -> TaxRate:
    return TaxRate(
        partner_id=partner_id,
        id=new_id("tax"),
        country="US",
        category="S",
        rate_pct=Decimal(8),
        name="Sales tax",
        valid_from=date(2020, 1, 1),
    )
