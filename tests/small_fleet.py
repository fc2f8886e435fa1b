"""A small believable fleet of Northwind, for pages that are empty without one: rows alone, no operations."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from decimal import Decimal

from sqlalchemy.orm import Session

from devices.models import Asset, HardwareModel
from devices.telemetry_models import Device, DeviceState
from haas import clock
from haas.alerts.models import Alert
from haas.calendar import add_months
from haas.ids import new_id
from haas.progress import LongJob
from haas.tenancy.models import Client
from invoicing.models import Invoice
from leases.models import Agreement, Lease, Line
from tests.cast import NOW, Cast

STATES = (
    *["in_service"] * 14,
    *["ready"] * 4,
    *["received"] * 2,
    "reserved",
    "in_repair",
    "return_due",
    "quarantine",
    "disposed",
)
MODELS = (("Lenovo", "ThinkPad T14 Gen 5"), ("Dell", "OptiPlex 7020 Micro"), ("HP", "EliteBook 840 G11"))


def add_fleet(session: Session, cast: Cast) -> list[Asset]:
    """25 assets, 9 of them with an agent, leases, a year of invoices, alerts and jobs."""
    models = [_model(cast, maker, name) for maker, name in MODELS]
    session.add_all(models)
    session.flush()
    assets = [_asset(cast, models[n % len(models)], n, state) for n, state in enumerate(STATES)]
    session.add_all(assets)
    session.flush()
    _add_devices(session, cast, assets[:9])
    _add_leases(session, cast)
    _add_invoices(session, cast)
    session.add_all([_alert(cast, assets[0]), *_jobs(cast)])
    session.flush()
    return assets


def add_many_assets(session: Session, cast: Cast, *, count: int) -> None:
    """Ready assets with tags NW-10000 and on."""
    model = _model(cast, "Fujitsu", "Esprimo")
    session.add(model)
    session.flush()
    session.add_all(_asset(cast, model, 10_000 + n, "ready") for n in range(count))
    session.flush()


def _model(cast: Cast, maker: str, name: str) -> HardwareModel:
    return HardwareModel(
        partner_id=cast.northwind.id,
        id=new_id("hwm"),
        manufacturer=maker,
        manufacturer_norm=maker.casefold(),
        name=name,
        name_norm=name.casefold(),
        category="laptop",
        list_cost=Decimal(1200),
        currency="USD",
        useful_life_months=48,
        residual_value_pct=Decimal(15),
        created_at=NOW,
    )


def _asset(cast: Cast, model: HardwareModel, number: int, state: str) -> Asset:
    at_client = state in ("in_service", "in_repair", "return_due")
    client = cast.acme if number % 3 else cast.globex
    return Asset(
        partner_id=cast.northwind.id,
        id=new_id("ast"),
        tag=f"NW-{number:05d}",
        tag_norm=f"nw-{number:05d}",
        serial=f"5CG{number:07d}",
        serial_norm=f"5cg{number:07d}",
        model_id=model.id,
        state=state,
        client_id=client.id if at_client else None,
        cost=Decimal(1200),
        currency="USD",
        created_at=NOW,
    )


def _add_devices(session: Session, cast: Cast, assets: list[Asset]) -> None:
    for number, asset in enumerate(assets):
        device = Device(
            partner_id=cast.northwind.id,
            id=new_id("d").replace("_", "-"),
            asset_id=asset.id,
            epoch=1,
            secret_hash="x",
            command_key="x",
            hardware={},
            hardware_hash="x",
            every={},
            enrolled_at=NOW,
            credentials_changed_at=NOW,
        )
        session.add(device)
        session.flush()
        session.add(
            DeviceState(
                partner_id=cast.northwind.id,
                id=device.id,
                asset_id=asset.id,
                client_id=asset.client_id,
                online="online" if number < 7 else "offline",
                online_since=NOW,
                verdict="failing" if number == 0 else "healthy",
                verdict_since=NOW,
            )
        )


def _add_leases(session: Session, cast: Cast) -> None:
    today = clock.today(cast.northwind.time_zone)
    for client, count in ((cast.acme, 3), (cast.globex, 2)):
        agreement = _agreement(cast, client)
        session.add(agreement)
        session.flush()
        for number in range(count):
            ends_on = add_months(today.replace(day=1), 2 + 8 * number)
            lease = _lease(cast, agreement, number, ends_on, "holdover" if number == 2 else "active")
            session.add(lease)
            session.flush()
            session.add(_line(lease))


def _agreement(cast: Cast, client: Client) -> Agreement:
    return Agreement(
        partner_id=cast.northwind.id,
        id=new_id("agr"),
        client_id=client.id,
        number=f"MA-{client.number}",
        terms_version="1",
        currency="USD",
        time_zone=client.time_zone,
        day_count="actual/365",
        proration="actual_period",
        notice_days=30,
        payment_terms_days=14,
        flex_down_pct=Decimal(10),
        holdover_rate_pct=Decimal(125),
        created_at=NOW,
    )


def _lease(cast: Cast, agreement: Agreement, number: int, ends_on: date, state: str) -> Lease:
    return Lease(
        partner_id=cast.northwind.id,
        id=new_id("lse"),
        agreement_id=agreement.id,
        client_id=agreement.client_id,
        number=f"L-{agreement.number[-4:]}-{number + 1:03d}",
        title="Workstations",
        state=state,
        currency="USD",
        time_zone=agreement.time_zone,
        term_months=36,
        timing="advance",
        anchor_day=1,
        day_count="actual/365",
        proration="actual_period",
        commences_on=add_months(ends_on, -36),
        accepted_on=add_months(ends_on, -36),
        ends_on=ends_on,
        created_at=NOW,
    )


def _line(lease: Lease) -> Line:
    return Line(
        partner_id=lease.partner_id,
        id=new_id("lin"),
        lease_id=lease.id,
        client_id=lease.client_id,
        description="ThinkPad T14",
        quantity=Decimal(1),
        unit_price=Decimal("412.50"),
        starts_on=lease.commences_on,
        created_at=NOW,
    )


def newest_month(cast: Cast) -> date:
    """The newest month whose invoices are overdue: in the first half of a month that is the one before."""
    return (clock.today(cast.northwind.time_zone) - timedelta(days=15)).replace(day=1)


def _add_invoices(session: Session, cast: Cast) -> None:
    newest = newest_month(cast)
    for back in range(12):
        for client in (cast.acme, cast.globex):
            issued_on = add_months(newest, -back)
            net = Decimal(1400 - 60 * back)
            paid = back > (2 if client is cast.acme else 0)
            session.add(
                Invoice(
                    partner_id=cast.northwind.id,
                    id=new_id("inv"),
                    client_id=client.id,
                    number=f"INV-{issued_on:%Y%m}-{client.number}",
                    state="paid" if paid else "issued",
                    currency="USD",
                    issued_on=issued_on,
                    due_on=issued_on + timedelta(days=14),
                    net_total=net,
                    tax_total=Decimal(0),
                    total=net,
                    paid_total=net if paid else Decimal(0),
                    document={},
                    document_hash="0" * 64,
                    created_at=datetime.combine(issued_on, datetime.min.time(), tzinfo=UTC),
                )
            )


def _alert(cast: Cast, asset: Asset) -> Alert:
    return Alert(
        partner_id=cast.northwind.id,
        id=new_id("alr"),
        cause=f"health:{asset.id}",
        rule="health",
        severity="critical",
        title=f"{asset.tag} is failing",
        detail="Disk: 304 reallocated sectors, 12 more than a week ago",
        asset_id=asset.id,
        client_id=asset.client_id,
        opened_at=clock.now() - timedelta(hours=3),
    )


def _jobs(cast: Cast) -> list[LongJob]:
    now = clock.now()
    return [
        LongJob(
            partner_id=cast.northwind.id,
            id=new_id("job"),
            kind="billing_run",
            title="Billing run of this month",
            state="running",
            done=320,
            total=1000,
            created_by=cast.ana.id,
            created_at=now - timedelta(minutes=2),
        ),
        LongJob(
            partner_id=cast.northwind.id,
            id=new_id("job"),
            kind="asset_import",
            title="Import of laptops.csv",
            state="failed",
            message="Row 7: this serial is taken.",
            result={"errors": [{"row": 7, "field": "serial", "message": "This serial is taken."}]},
            created_by=cast.ana.id,
            created_at=now - timedelta(hours=1),
            finished_at=now - timedelta(minutes=59),
        ),
    ]
