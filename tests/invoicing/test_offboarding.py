"""A client leaves: shown without a trace, carried out lease by lease, finished with its papers."""

from __future__ import annotations

import io
import zipfile
from collections.abc import Callable
from datetime import UTC, datetime
from decimal import Decimal

import pytest
import sqlalchemy as sa
from flask.testing import FlaskClient
from sqlalchemy.orm import Session

from devices.sanitisation import certify_wipe
from haas import clock, db
from haas.auth.models import User
from haas.documents.rendering import render_pdf
from haas.errors import Conflict
from haas.files import get_file
from haas.outbox import OutboxEvent
from haas.settings import Settings
from haas.tenancy.scope import scoped
from invoicing import offboarding
from invoicing.collection_paper import collection_pdf
from invoicing.models import Invoice
from invoicing.offboarding_jobs import end_everything, run_offboarding
from invoicing.offboarding_models import Offboarding
from invoicing.offboarding_shapes import collection_of
from leases import queries, returns
from leases.models import Lease, ReturnOrder
from tests.architecture.examples.leases import reserved
from tests.cast import Cast
from tests.invoicing.test_concurrency import at_once
from tests.invoicing.world import PORTAL, a_rate
from tests.leases.fleet import InService, day, lease_in_service
from tests.paper import text_of

AT = datetime(2026, 3, 1, 15, 0, tzinfo=UTC)
NOTICED = datetime(2026, 3, 10, 15, 0, tzinfo=UTC)
BACK = datetime(2026, 5, 31, 15, 0, tzinfo=UTC)
OVER = datetime(2026, 6, 2, 15, 0, tzinfo=UTC)


def leased(session: Session, cast: Cast) -> InService:
    """Two laptops at 100.00 from March to May."""
    a_rate(session, cast.tenant)
    return lease_in_service(
        session,
        cast.tenant,
        client_id=cast.acme.id,
        site_id=cast.acme_site.id,
        accepted_at=AT,
        term_months=3,
        lines=2,
        notice_days=30,
    )


def counts(session: Session) -> list[int]:
    """Rows that an off-boarding would write."""
    return [
        session.scalar(sa.select(sa.func.count()).select_from(model)) or 0
        for model in (OutboxEvent, ReturnOrder, Invoice)
    ]


class TestPreview:
    def test_says_everything_and_leaves_no_trace(self, session: Session, cast: Cast) -> None:
        made = leased(session, cast)
        before = counts(session)
        plan = offboarding.preview_offboarding(
            session, cast.tenant, client_id=cast.acme.id, noticed_on=day("2026-03-10"), at=NOTICED
        )
        # Notice of 30 days would end on 9 April; the term ends on 1 June.
        assert [(row.lease.state, row.ends_on) for row in plan.leases] == [("ending", day("2026-06-01"))]
        assert [(stop.site.name if stop.site else "", len(stop.places)) for stop in plan.stops] == [
            ("Main Street", 2)
        ]
        # Three months of two laptops, and no day of holdover: 3 x 2 x 100.00.
        assert plan.final_net == Decimal(600)
        assert counts(session) == before
        assert queries.get_lease(session, cast.tenant, lease_id=made.lease.id).state == "active"

    def test_names_what_a_person_must_end(self, session: Session, cast: Cast) -> None:
        leased(session, cast)
        made = reserved(session, cast)
        plan = offboarding.preview_offboarding(
            session, cast.tenant, client_id=cast.acme.id, noticed_on=day("2026-03-10"), at=NOTICED
        )
        ((lease_id, why),) = plan.problems
        assert lease_id == made["lease_id"]
        assert "Release the assets" in why

    def test_has_a_list_for_the_driver(self, session: Session, cast: Cast) -> None:
        made = leased(session, cast)
        plan = offboarding.plan_of(session, cast.tenant, client_id=cast.acme.id)
        paper = collection_of(session, cast.tenant, plan=plan, at=NOTICED, base_url=PORTAL)
        text = text_of(collection_pdf(paper, render=render_pdf))
        for said in ("Collection list", "Main Street", made.assets[0].tag, made.assets[1].serial or ""):
            assert said in text


class TestOffboarding:
    def start(self, cast: Cast) -> tuple[InService, str]:
        """Started, and its job run."""
        with db.unit_of_work(cast.tenant) as session:
            made = leased(session, cast)
            work = offboarding.start_offboarding(
                session,
                cast.tenant,
                client_id=cast.acme.id,
                noticed_on=day("2026-03-10"),
                reason="",
                at=NOTICED,
            )
        for _ in range(2):
            end_everything(partner_id=cast.northwind.id, event_id="evt", offboarding_id=work.id)
        return made, work.id

    @pytest.fixture(autouse=True)
    def then(self, monkeypatch: pytest.MonkeyPatch) -> None:
        """It is 10 March."""
        monkeypatch.setattr(clock, "now", lambda: NOTICED)

    def test_ends_everything_once_however_often_it_runs(self, cast: Cast) -> None:
        made, work_id = self.start(cast)
        with db.unit_of_work(cast.tenant) as session:
            work = offboarding.get_offboarding(session, cast.tenant, offboarding_id=work_id)
            assert (work.state, work.problems) == ("ending", [])
            assert queries.get_lease(session, cast.tenant, lease_id=made.lease.id).state == "ending"
            orders = session.scalars(scoped(ReturnOrder, cast.tenant)).all()
            assert [(row.due_on, row.state) for row in orders] == [(day("2026-06-01"), "requested")] * 2
            again = offboarding.start_offboarding(
                session,
                cast.tenant,
                client_id=cast.acme.id,
                noticed_on=day("2026-03-11"),
                reason="",
                at=NOTICED,
            )
            assert again.id == work_id
            with pytest.raises(Conflict, match="Not over yet"):
                self.finish(session, cast, work_id)

    def finish(self, session: Session, cast: Cast, work_id: str) -> Offboarding:
        return offboarding.finish_offboarding(
            session,
            cast.tenant,
            offboarding_id=work_id,
            today=day("2026-06-02"),
            at=OVER,
            portal_url=PORTAL,
        )

    def test_is_started_once_when_two_press_at_the_same_moment(self, cast: Cast) -> None:
        with db.unit_of_work(cast.tenant) as session:
            leased(session, cast)
        started: list[str] = []

        def press() -> None:
            with db.unit_of_work(cast.tenant) as session:
                work = offboarding.start_offboarding(
                    session,
                    cast.tenant,
                    client_id=cast.acme.id,
                    noticed_on=day("2026-03-10"),
                    reason="",
                    at=NOTICED,
                )
                started.append(work.id)

        assert at_once(*[press] * 4) == []
        assert len(started) == 4
        assert len(set(started)) == 1

    def test_is_finished_with_the_last_invoice_and_a_bundle(
        self, cast: Cast, web: Callable[[User | None], FlaskClient]
    ) -> None:
        made, work_id = self.start(cast)
        with db.unit_of_work(cast.tenant) as session:
            for order in session.scalars(scoped(ReturnOrder, cast.tenant)).all():
                serial = next(asset.serial for asset in made.assets if asset.id == order.asset_id)
                returns.collect(session, cast.tenant, return_id=order.id, at=BACK)
                returns.receive(session, cast.tenant, return_id=order.id, at=BACK, serial_seen=serial or "")
                returns.inspect(
                    session,
                    cast.tenant,
                    return_id=order.id,
                    at=OVER,
                    grade="B",
                    fair_market_value=Decimal(300),
                )
            with pytest.raises(Conflict, match="wipe"):
                self.finish(session, cast, work_id)
            for asset in made.assets:
                certify_wipe(
                    session,
                    cast.tenant,
                    asset_id=asset.id,
                    method="purge",
                    destination="redeploy",
                    technique="crypto erase",
                    tool="nvme-cli",
                    media=[{"media_type": "NVMe", "serial": "M"}],
                    verification="full",
                    verified_by="Ana",
                    performed_by="Ben",
                    performed_at=OVER,
                )
            work = self.finish(session, cast, work_id)
            again = self.finish(session, cast, work_id)
            assert (work.state, again.bundle_file_id) == ("done", work.bundle_file_id)
            (invoice,) = session.scalars(scoped(Invoice, cast.tenant))
            assert invoice.net_total == Decimal(600)
            assert work.bundle_file_id is not None
            stored = get_file(session, cast.tenant, file_id=work.bundle_file_id)
            bundle = zipfile.ZipFile(io.BytesIO(stored.content))
            assert "statement.csv" in bundle.namelist()
            assert invoice.number in bundle.read("statement.csv").decode()
        # Whoever sees no invoice opens no bundle of them; the client takes its own along.
        readers = (cast.fay, cast.ada, cast.ben, cast.cleo)
        answers = [web(user).get(f"/files/{stored.id}").status_code for user in readers]
        assert answers == [200, 200, 404, 404]


def test_doors_show_it_to_the_owner_alone(
    cast: Cast, web: Callable[[User | None], FlaskClient], settings: Settings
) -> None:
    with db.unit_of_work(cast.tenant) as session:
        number = session.get_one(Lease, (cast.northwind.id, leased(session, cast).lease.id)).number
    page = web(cast.ana).get(f"/clients/{cast.acme.id}/offboarding").get_data(as_text=True)
    assert number in page
    assert "Main Street" in page
    assert web(cast.sam).get(f"/clients/{cast.acme.id}/offboarding").status_code == 403
    assert web(cast.cleo).get(f"/clients/{cast.acme.id}/offboarding").status_code == 404
    said = "\n".join(
        run_offboarding(
            settings,
            partner_id=cast.northwind.id,
            client_id=cast.acme.id,
            noticed_on=day("2026-03-10"),
            reason="",
            start=False,
            finish=False,
            at=NOTICED,
        )
    )
    assert "1 leases end, 2 devices to collect" in said
    assert "600" in said
