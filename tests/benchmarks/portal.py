"""How long the server works on each main page of the demo, and on the fleet's page at 100,000 assets.

The reference, in the same run, is the fleet's page of a partner with 1,000 assets: what a page costs must
not grow with the fleet.
"""

from __future__ import annotations

import time
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import timedelta
from decimal import Decimal
from statistics import quantiles
from typing import Any

import sqlalchemy as sa
from flask import Flask
from flask.testing import FlaskClient
from sqlalchemy import event

from devices.models import Asset, HardwareModel
from haas import clock, db
from haas.app import create_app
from haas.auth.identify import SESSION_KEY
from haas.auth.models import PortalSession, User
from haas.auth.permissions import OWNER
from haas.auth.tokens import keyed_hash
from haas.demo import seed
from haas.ids import new_id, new_secret
from haas.rest.limits import limiter
from haas.settings import Settings
from haas.tenancy.models import Partner
from haas.tenancy.scope import Platform, Tenant, scoped
from leases.models import Lease

ASSETS, REFERENCE_ASSETS = 100_000, 1_000
ROUNDS = 30
BATCH = 5_000
STATES = ("in_service", "in_service", "in_service", "ready", "received", "in_repair", "quarantine")
# What people open all day; an address with {…} names a row of the demo.
PAGES = (
    "/", "/assets", "/assets?view=in_service", "/assets/{asset}", "/assets/{asset}?tab=history", "/clients",
    "/clients/{client}", "/leases", "/leases/{lease}", "/invoices", "/invoices/{invoice}", "/alerts", "/scan",
    "/jobs", "/search?q=le", "/billing", "/settings/team", "/settings/audit", "/settings/branding",
)  # fmt: skip
_BOOKKEEPING = "select set_config("  # in whose name a transaction runs: no question about anything


@dataclass(frozen=True, slots=True)
class Timing:
    """One page: 95th percentile and median of the server's time, its questions, its size on the wire."""

    p95_ms: float
    median_ms: float
    statements: int
    bytes_compressed: int


def run(settings: Settings, *, assets: int = ASSETS, rounds: int = ROUNDS) -> dict[str, Any]:
    """Seed the demo, measure its pages; then the fleet's page of two partners of very different size."""
    app = create_app(settings)
    limiter.enabled = False
    seed(settings, lambda _step, _done, _total: None)
    owner = _owner("northwind")
    browser = _sign_in(app, owner, settings)
    rows = _rows(owner)
    pages = {address: measure([browser], address.format_map(rows), rounds=rounds)[0] for address in PAGES}
    fleets = [_sign_in(app, _make_fleet(count), settings) for count in (REFERENCE_ASSETS, assets)]
    _analyse(settings)
    small, large = measure(fleets, "/assets", rounds=2 * rounds)
    worst = max(pages, key=lambda address: pages[address].p95_ms)
    return {
        "bench": "portal",
        "size": assets,
        "seconds": round(large.p95_ms / 1000, 4),
        "items_per_second": round(1000 / large.p95_ms, 1),
        "reference": f"the same page with {REFERENCE_ASSETS:,} assets, p95",
        "reference_per_second": round(1000 / small.p95_ms, 1),
        "ratio": round(small.p95_ms / large.p95_ms, 2),
        "fleet_statements": large.statements,
        "worst_page": worst,
        "worst_page_p95_ms": pages[worst].p95_ms,
        "pages": {
            address: {
                "p95_ms": timing.p95_ms,
                "median_ms": timing.median_ms,
                "statements": timing.statements,
                "kilobytes": round(timing.bytes_compressed / 1000, 1),
            }
            for address, timing in pages.items()
        },
    }


def measure(browsers: list[FlaskClient], address: str, *, rounds: int) -> list[Timing]:
    """Open a page often, for each person in turn, so that a busy moment of the machine is everyone's.

    The first times, in which templates are compiled and plans made, do not count.
    """
    taken: list[list[float]] = [[] for _ in browsers]
    for number in range(-3, rounds):
        for browser, times in zip(browsers, taken, strict=True):
            began = time.perf_counter()
            answer = browser.get(address)
            if answer.status_code != 200:
                raise RuntimeError(f"{address} answers {answer.status_code}")
            if number >= 0:
                times.append((time.perf_counter() - began) * 1000)
    return [_timing(browser, address, times) for browser, times in zip(browsers, taken, strict=True)]


def _timing(browser: FlaskClient, address: str, taken: list[float]) -> Timing:
    with _counted() as statements:
        answer = browser.get(address)
    cuts = quantiles(taken, n=20)
    return Timing(
        p95_ms=round(cuts[18], 1),
        median_ms=round(cuts[9], 1),
        statements=len(statements),
        bytes_compressed=len(zlib.compress(answer.get_data(), 6)),
    )


def _analyse(settings: Settings) -> None:
    """What autovacuum does in a minute."""
    engine = sa.create_engine(settings.owner_database_url or settings.database_url)
    with engine.connect() as connection:
        connection.execution_options(isolation_level="AUTOCOMMIT").execute(sa.text("analyze"))
    engine.dispose()


def _make_fleet(count: int) -> User:
    """A new partner with its owner and `count` assets in the states that a fleet is in."""
    partner_id, now = new_id("par"), clock.now()
    name = f"Fleet of {count}"
    with db.unit_of_work(Platform("operator", actor="bench", door="cli")) as session:
        session.add(
            Partner(
                id=partner_id, slug=f"fleet-{count}-{partner_id[-6:]}", name=name, legal_name=name,
                country="US", currency="USD", language="en", time_zone="UTC", branding={}, policies={},
                created_at=now,
            )
        )  # fmt: skip
    tenant = Tenant(partner_id, actor="bench", door="cli")
    owner = User(
        id=new_id("usr"), level="partner", partner_id=partner_id, role=OWNER, name="Olive Owner",
        email=f"owner@{partner_id}.example", email_norm=f"owner@{partner_id}.example", created_at=now,
    )  # fmt: skip
    model = HardwareModel(
        partner_id=partner_id, id=new_id("hwm"), manufacturer="Lenovo", manufacturer_norm="lenovo",
        name="T14", name_norm="t14", category="laptop", list_cost=Decimal(1200), currency="USD",
        useful_life_months=48, residual_value_pct=Decimal(15), created_at=now,
    )  # fmt: skip
    with db.unit_of_work(tenant) as session:
        session.add_all([owner, model])
    for first in range(0, count, BATCH):
        with db.unit_of_work(tenant) as session:
            session.execute(
                sa.insert(Asset),
                [
                    {
                        "partner_id": partner_id, "id": new_id("ast"), "tag": f"A-{number:06d}",
                        "tag_norm": f"a-{number:06d}", "serial": f"SN{number:08d}",
                        "serial_norm": f"sn{number:08d}", "model_id": model.id,
                        "state": STATES[number % len(STATES)], "cost": Decimal(1200), "currency": "USD",
                        "created_at": now,
                    }
                    for number in range(first, min(first + BATCH, count))
                ],
            )  # fmt: skip
    return owner


def _owner(slug: str) -> User:
    with db.unit_of_work(Platform("operator", actor="bench", door="cli")) as session:
        partner = session.scalars(sa.select(Partner).where(Partner.slug == slug)).one()
    with db.unit_of_work(Tenant(partner.id)) as session:
        return session.scalars(sa.select(User).where(User.role == OWNER)).one()


def _rows(owner: User) -> dict[str, str]:
    """Rows of the demo that have much to show: a leased asset, its lease and client, the newest invoice."""
    tenant = Tenant(str(owner.partner_id))
    with db.unit_of_work(tenant) as session:
        lease = session.scalars(
            scoped(Lease, tenant).where(Lease.state == "active").order_by(Lease.number).limit(1)
        ).one()
        found = {"lease": lease.id, "client": lease.client_id}
        on_lease = (
            "select asset_id from assignment a join lease_line l on l.id = a.line_id"
            " where l.lease_id = :lease order by a.id limit 1"
        )
        newest = "select id from invoice where client_id = :client order by number desc limit 1"
        for name, statement in (("asset", on_lease), ("invoice", newest)):
            found[name] = session.execute(
                sa.text(statement), {"lease": lease.id, "client": lease.client_id}
            ).scalar_one()
    return found


def _sign_in(app: Flask, user: User, settings: Settings) -> FlaskClient:
    token, now = new_secret(), clock.now()
    with db.unit_of_work(Tenant(str(user.partner_id), actor=user.id)) as session:
        session.add(
            PortalSession(
                id=new_id("ses"),
                token_hash=keyed_hash(token, pepper=settings.secret_key, purpose="portal_session"),
                user_id=user.id,
                partner_id=user.partner_id,
                created_at=now,
                seen_at=now,
                expires_at=now + timedelta(days=1),
            )
        )
    browser = app.test_client()
    with browser.session_transaction() as cookie:
        cookie[SESSION_KEY] = token
    return browser


@contextmanager
def _counted() -> Iterator[list[str]]:
    seen: list[str] = []

    def note(_connection: Any, _cursor: Any, statement: str, *_rest: Any) -> None:
        if not statement.startswith(_BOOKKEEPING):
            seen.append(statement)

    event.listen(db.engine(), "before_cursor_execute", note)
    try:
        yield seen
    finally:
        event.remove(db.engine(), "before_cursor_execute", note)
