"""The demo's two partners in a database of their own, filled once a run."""

from __future__ import annotations

import fcntl
from collections.abc import Iterator, Sequence
from dataclasses import replace
from datetime import timedelta

import pytest
import sqlalchemy as sa
from flask import Flask
from sqlalchemy.orm import Session

from devices import imports, label_tokens
from devices.health import Reason
from devices.jobs import render_wipe_certificate
from devices.lifecycle import AssetState
from devices.models import Asset, WipeCertificate
from devices.telemetry_models import Command, DeviceState
from haas import clock, db, progress
from haas.alerts.models import Alert, AlertRoute
from haas.auth import permissions as roles
from haas.auth.models import User
from haas.demo import seed
from haas.embedded.postgres import APPLICATION, OWNER
from haas.files import store_file
from haas.ids import new_id
from haas.settings import Settings
from haas.settings import use as use_settings
from haas.tenancy.scope import Platform, Tenant, scoped
from invoicing.exports import requests
from invoicing.exports.requests import Export
from invoicing.jobs import render_pdf
from invoicing.models import Invoice
from invoicing.queries import InvoiceFilter
from leases import proposals
from tests.architecture.demo import Demo, House, find_house
from tests.fixtures_stack import SharedStack
from tests.leases.verdicts import enrolled, judged

SLUGS = ("northwind", "kontor")
_PATTERN = "haas_demo_pattern"


@pytest.fixture(scope="session")
def demo_settings(settings: Settings, stack: SharedStack, worker_id: str) -> Settings:
    """Settings of the demo's database; whichever process comes first fills it, the others wait."""
    folder = settings.data_dir / "demo"
    folder.mkdir()
    with (stack.folder.path / "demo.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        made = stack.database("haas_demo", worker_id=worker_id)
        demo = replace(
            settings, database_url=made.app_url, owner_database_url=made.owner_url, data_dir=folder
        )
        filled = stack.folder.path / "demo.filled"
        if not filled.exists():
            try:
                seed(demo, lambda _step, _done, _total: None)
                for slug in SLUGS:
                    _enrich(find_house(slug))
            except BaseException:
                stack.postgres.drop_database("haas_demo")
                raise
            finally:
                db.configure(settings.database_url)  # which ends the connections to the demo
            # A copy for the tests that change everything, made while nobody is connected.
            stack.postgres.ensure_database(_PATTERN, template="haas_demo")
            stack.postgres.freeze_database(_PATTERN)
            filled.touch()
    return demo


@pytest.fixture(scope="session")
def demo_copy(demo_settings: Settings, stack: SharedStack, worker_id: str) -> Settings:
    """Settings of a copy of the demo that a test may spoil."""
    name = f"haas_markup_{worker_id}"
    stack.postgres.drop_database(name)
    stack.postgres.ensure_database(name, template=_PATTERN)
    return replace(
        demo_settings,
        database_url=stack.postgres.url(APPLICATION, database=name),
        owner_database_url=stack.postgres.url(OWNER, database=name),
    )


@pytest.fixture(scope="module")
def demo(app: Flask, settings: Settings, demo_settings: Settings) -> Iterator[Demo]:
    """The demo, with the whole application looking at its database for as long as this module's tests run."""
    use_settings(demo_settings)
    db.configure(demo_settings.database_url)
    app.config["HAAS"] = demo_settings
    northwind, kontor = (find_house(slug) for slug in SLUGS)
    with db.unit_of_work(Platform("operator", actor="test", door="cli")) as session:
        operator = session.scalars(sa.select(User).where(User.role == roles.OPERATOR)).one()
    yield Demo(demo_settings, northwind, kontor, operator)
    app.config["HAAS"] = settings
    use_settings(settings)
    db.configure(settings.database_url)


def _enrich(house: House) -> None:
    """What only people, devices and jobs bring: labels, an import, a running agent, an alert, a viewer."""
    tenant = Tenant(house.partner.id, actor=house.owner.id, door="portal")
    now = clock.now()
    with db.unit_of_work(tenant) as session:
        held = session.scalars(
            scoped(Asset, tenant).where(Asset.state == AssetState.IN_SERVICE).order_by(Asset.id).limit(3)
        ).all()
        label_tokens.issue_label(session, tenant, asset_id=held[0].id, at=now)
        imports.upload(
            session, tenant, name="fleet.csv", content=b"serial,manufacturer,model,cost\nZ-1,Lenovo,X1,1900\n"
        )
        store_file(
            session, tenant, kind="export", name="e.csv", media_type="text/csv", content=b"a,b\r\n1,2\r\n"
        )
        for state in ("queued", "running", "done", "failed"):
            job = progress.start(
                session, tenant, kind="asset_export", title="Export of the fleet", arguments={}, total=4
            )
            job.state, job.done = state, 2
        _add_device(session, tenant, held[0])
        _propose_swaps(session, tenant, held)
        wipes = session.scalars(scoped(WipeCertificate, tenant)).all()
        invoice = session.scalars(scoped(Invoice, tenant).order_by(Invoice.number.desc()).limit(1)).one()
        session.add(
            AlertRoute(
                partner_id=tenant.partner_id,
                id=new_id("art"),
                name="The desk",
                channel="email",
                target="desk@example.test",
                severity_least="warning",
                created_at=now,
            )
        )
    with db.unit_of_work(tenant) as session:
        export = Export(InvoiceFilter(), "lines", "csv", now.date())
        job_id = requests.start(session, tenant, export=export).id
    requests.run(tenant, job_id=job_id)
    for wipe in wipes:
        render_wipe_certificate(partner_id=tenant.partner_id, event_id="evt_demo", certificate_id=wipe.id)
    render_pdf(partner_id=tenant.partner_id, event_id="evt_demo", invoice_id=invoice.id)


def _propose_swaps(session: Session, tenant: Tenant, held: Sequence[Asset]) -> None:
    """One to decide, one that was turned down, one whose device got well."""
    now = clock.now()
    _to_decide, turned_down, cured = held
    for asset in (turned_down, cured):
        judged(session, tenant, asset=asset, verdict="failing", at=now)
    made = [proposals.reconsider(session, tenant, asset_id=asset.id, at=now) for asset in held]
    assert all(made)
    dismiss_id = made[1].id if made[1] else ""
    proposals.dismiss(session, tenant, proposal_id=dismiss_id, reason="A known counter", at=now)
    judged(session, tenant, asset=cured, verdict="healthy", at=now)
    proposals.reconsider(session, tenant, asset_id=cured.id, at=now)


def _add_device(session: Session, tenant: Tenant, asset: Asset) -> None:
    now = clock.now()
    device = enrolled(session, tenant, asset=asset, at=now)
    found = Reason("failing", "reallocated", "sda", "304 reallocated sectors, 12 more than a week ago")
    session.merge(
        DeviceState(
            partner_id=tenant.partner_id,
            id=device.id,
            asset_id=asset.id,
            client_id=asset.client_id,
            seen_at=now,
            online="online",
            online_since=now,
            verdict="failing",
            verdict_since=now,
            reasons=[found.as_json()],
        )
    )
    session.flush()
    for number, name in enumerate(("open", "acknowledged", "resolved")):
        session.add(
            Alert(
                partner_id=tenant.partner_id,
                id=new_id("alr"),
                cause=f"health:{device.id}:{number}",
                rule="health",
                severity="critical",
                state=name,
                title=f"{asset.tag} is failing",
                detail="Disk: 304 reallocated sectors",
                asset_id=asset.id,
                device_id=device.id,
                client_id=asset.client_id,
                opened_at=now - timedelta(hours=3 + number),
            )
        )
    session.add(
        Command(
            partner_id=tenant.partner_id,
            id=new_id("cmd"),
            device_id=device.id,
            verb="collect",
            seq=1,
            created_by=tenant.actor,
            created_at=now,
            expires_at=now + timedelta(days=1),
        )
    )
