"""Secrets that partners type in are in no log, no row as typed, no answer and no words of a failure."""

from __future__ import annotations

import logging
import socket
from collections.abc import Callable
from contextlib import suppress

import pytest
import sqlalchemy as sa
from flask.testing import FlaskClient

from haas import db
from haas.auth.models import User
from haas.db import Base
from haas.settings import Settings
from haas.tenancy.scope import Tenant
from invoicing.exports import batches, deliveries, jobs, profiles
from invoicing.exports.sftp import SftpFailed
from invoicing.payments.local_server.server import API_KEY
from tests.cast import Cast
from tests.invoicing.world import NOW, an_invoice

# Each can be found again wherever it might have gone.
KEY = "sk_live_KEYmarked0001"
WEBHOOK = "whsec_V0VCSE9PS21hcmtlZDAwMDI="
PASSWORD = "PASSWORDmarked0003"
PRIVATE_KEY = "-----BEGIN OPENSSH PRIVATE KEY-----\nPRIVATEKEYmarked0004\n-----END OPENSSH PRIVATE KEY-----"
MARKS = (KEY, WEBHOOK, PASSWORD, "PRIVATEKEYmarked0004", API_KEY)


class TestSecrets:
    def test_of_providers_and_servers_go_nowhere(
        self,
        cast: Cast,
        settings: Settings,
        api: Callable[..., FlaskClient],
        web: Callable[[User | None], FlaskClient],
        caplog: pytest.LogCaptureFixture,
    ) -> None:
        caplog.set_level(logging.DEBUG)
        told = [
            *connect(api(cast.ana), web(cast.ana)),
            *deliver(cast.tenant, settings, api(cast.ana), web(cast.ana)),
        ]
        found = {
            "a log": caplog.text,
            "an answer or a failure": "\n".join(told),
            "a row": "\n".join(marked_rows(cast.tenant)),
        }
        for place, text in found.items():
            assert [mark for mark in MARKS if mark in text] == [], place


def connect(program: FlaskClient, browser: FlaskClient) -> list[str]:
    """A key that opens an account and one that does not, by both doors; then what is shown of them."""
    good = {"kind": "local", "api_key": API_KEY, "webhook_secret": WEBHOOK}
    made = program.post("/v1/payment-accounts", json=good)
    assert made.status_code == 201, made.text
    account = f"/v1/payment-accounts/{made.json['id']}"  # type: ignore[index]
    bad = {**good, "kind": "stripe", "api_key": KEY}
    answers = [
        made,
        program.post("/v1/payment-accounts", json=bad),
        program.post("/v1/payment-accounts", json={**bad, "kind": "none"}),
        program.patch(account, json={"webhook_secret": WEBHOOK}),
        program.post(f"{account}/test"),
        program.get("/v1/payment-accounts"),
        browser.post("/settings/payments", data=bad),
        browser.post("/settings/payments", data={**bad, "kind": "none"}),
        browser.get("/settings/payments"),
        browser.get("/settings/audit"),
    ]
    return [each.get_data(as_text=True) for each in answers]


def deliver(tenant: Tenant, settings: Settings, program: FlaskClient, browser: FlaskClient) -> list[str]:
    """A password and a key for a server that is away: asked, tried, and told of."""
    with db.unit_of_work(tenant) as session:
        profile = profiles.create_profile(
            session, tenant, name="Books", format="journal_csv", content="invoices", at=NOW
        )
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = int(probe.getsockname()[1])  # nobody listens there once the probe is closed
    to = {"channel": "sftp", "host": "127.0.0.1", "port": port, "user": "haas", "folder": "/in"}
    api, page = f"/v1/export-profiles/{profile.id}", f"/exports/{profile.id}"
    answers = [
        program.put(f"{api}/destination", json={**to, "secret": PRIVATE_KEY}),
        program.put(f"{api}/destination", json={**to, "folder": "in", "secret": PASSWORD}),
        browser.post(f"{page}/destination", data={**to, "port": "x", "secret": PASSWORD}),
        browser.post(f"{page}/destination", data={**to, "folder": "in", "secret": PASSWORD}),
        browser.post(f"{page}/destination", data={**to, "secret": PASSWORD}),
        program.post(f"{api}/host-key"),
        program.get(api),
        browser.get(f"{page}/settings"),
    ]
    assert (answers[0].status_code, answers[4].status_code) == (200, 303)
    return [*(each.get_data(as_text=True) for each in answers), _fail_to_deliver(tenant, profile.id)]


def _fail_to_deliver(tenant: Tenant, profile_id: str) -> str:
    """The words of the failure; the row has them too."""
    with db.unit_of_work(tenant) as session:
        an_invoice(session, tenant, client_id=session.scalar(sa.text("select min(id) from client")))
        rows = [
            ("account", name, "4000") for name in ("receivables", "tax", "line:rent", "line:interim_rent")
        ]
        profiles.set_names(session, tenant, profile_id=profile_id, rows=rows)
        profile = profiles.get_profile(session, tenant, profile_id=profile_id)
        profile.destination = {**profile.destination, "host_key": "ssh-ed25519 AAAA"}
        batch = batches.start(session, tenant, profile_id=profile_id, at=NOW)
        batches.finish(
            session, tenant, batch_id=batch.id, name="x.csv", media_type="text/csv", content=b"x", at=NOW
        )
        (sent,) = deliveries.of_batches(session, tenant, batch_ids=[batch.id])[batch.id]
    with suppress(SftpFailed):
        jobs.deliver(partner_id=tenant.partner_id, event_id="evt_1", delivery_id=sent.id)
    with db.unit_of_work(tenant) as session:
        missed = deliveries.lock(session, tenant, delivery_id=sent.id)
        assert missed.error
        return missed.error


def marked_rows(tenant: Tenant) -> list[str]:
    """Every row of the partner's, of whatever table, that holds a mark as it was typed."""
    tables = [table.name for table in Base.metadata.sorted_tables if "partner_id" in table.columns]
    asked = [f"select '{name}: ' || t::text as told from {name} t" for name in tables]
    asked.append("select 'audit_entry: ' || t::text from audit_entry t where chain = :partner")
    statement = f"select told from ({' union all '.join(asked)}) rows where told like any(:marks)"
    with db.unit_of_work(tenant) as session:
        marks = [f"%{mark}%" for mark in MARKS]
        return list(session.scalars(sa.text(statement), {"partner": tenant.partner_id, "marks": marks}))
