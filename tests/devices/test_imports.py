"""An import on the real database: the whole file or nothing of it."""

from __future__ import annotations

from datetime import date

import pytest
import sqlalchemy as sa

from devices import imports
from devices.imports import ImportOptions
from devices.jobs import import_assets
from devices.models import Asset, AssetMove, Custody, HardwareModel, LabelToken
from haas import db
from haas.errors import NotFound
from haas.outbox import OutboxEvent
from haas.progress import LongJob
from tests.devices.fleet import make_asset

TODAY = date(2026, 6, 15)
CREATE = ImportOptions(create_models=True)


def table(rows: int, *, first: int = 1) -> bytes:
    lines = ["serial,manufacturer,model,category,cost,client,site,tag"]
    lines += [
        f"IMP-{number:05d},Lenovo,ThinkPad T14,laptop,1200.00,C-0001,Main Street,"
        for number in range(first, first + rows)
    ]
    return "\n".join(lines).encode()


def committed(cast, content: bytes, options: ImportOptions = CREATE) -> str:
    with db.unit_of_work(cast.tenant) as session:
        stored = imports.upload(session, cast.tenant, name="fleet.csv", content=content)
        return imports.commit(session, cast.tenant, file_id=stored.id, options=options, today=TODAY).id


def run(cast, job_id: str) -> LongJob:
    import_assets(partner_id=cast.northwind.id, event_id="evt_1", job_id=job_id)
    with db.unit_of_work(cast.tenant) as session:
        return session.scalars(sa.select(LongJob).where(LongJob.id == job_id)).one()


def count(session, model, cast) -> int:
    counted = sa.select(sa.func.count()).select_from(model).where(model.partner_id == cast.northwind.id)
    return int(session.scalar(counted))


class TestImport:
    def test_makes_assets_moves_places_labels_and_models(self, cast):
        job = run(cast, committed(cast, table(2500)))

        assert (job.state, job.done, job.result) == ("done", 2500, {"assets": 2500, "models": 1})
        with db.unit_of_work(cast.tenant) as session:
            for model in (Asset, AssetMove, Custody, LabelToken):
                assert count(session, model, cast) == 2500
            asset = session.scalars(
                sa.select(Asset).where(
                    Asset.partner_id == cast.northwind.id, Asset.serial_norm == "imp-00001"
                )
            ).one()
            assert (asset.tag, asset.client_id, asset.site_id) == (
                "NOR-00001",
                cast.acme.id,
                cast.acme_site.id,
            )

    def test_names_the_person_who_asked_for_it(self, cast):
        run(cast, committed(cast, table(1)))

        with db.unit_of_work(cast.tenant) as session:
            move = session.scalars(
                sa.select(AssetMove).where(AssetMove.partner_id == cast.northwind.id)
            ).one()
            assert (move.actor, move.reason) == (cast.ana.id, "import")

    def test_changes_nothing_when_it_runs_again(self, cast):
        job_id = committed(cast, table(3))

        for _ in range(2):
            run(cast, job_id)

        with db.unit_of_work(cast.tenant) as session:
            assert count(session, Asset, cast) == 3

    def test_brings_in_nothing_if_a_serial_was_taken_meanwhile(self, cast):
        job_id = committed(cast, table(3))
        with db.unit_of_work(cast.tenant) as session:
            make_asset(session, cast.tenant, serial="imp-00002")

        job = run(cast, job_id)

        assert job.state == "failed"
        assert job.result["errors"] == [
            {"row": 3, "field": "serial", "message": "Asset NOR-00001 already has this serial."}
        ]
        with db.unit_of_work(cast.tenant) as session:
            assert count(session, Asset, cast) == 1
            # The model of the asset made by hand; none of the file's.
            assert count(session, HardwareModel, cast) == 1

    def test_is_asked_for_once_however_often_the_button_is_pressed(self, cast):
        with db.unit_of_work(cast.tenant) as session:
            stored = imports.upload(session, cast.tenant, name="fleet.csv", content=table(1))
            jobs = {
                imports.commit(session, cast.tenant, file_id=stored.id, options=CREATE, today=TODAY).id
                for _ in range(3)
            }
            assert len(jobs) == 1
            assert (
                session.scalar(
                    sa.select(sa.func.count())
                    .select_from(OutboxEvent)
                    .where(
                        OutboxEvent.partner_id == cast.northwind.id,
                        OutboxEvent.name == "asset_import.requested",
                    )
                )
                == 1
            )


class TestDryRun:
    def test_changes_nothing_and_names_what_is_taken(self, session, cast):
        make_asset(session, cast.tenant, serial="IMP-00002", tag="T-9")
        content = table(2) + b"\nX1,Lenovo,ThinkPad T14,laptop,1,,,t-9"
        stored = imports.upload(session, cast.tenant, name="fleet.csv", content=content)

        report = imports.dry_run(session, cast.tenant, file_id=stored.id, options=CREATE, today=TODAY)

        assert [(error.row, error.column) for error in report.errors] == [(3, "serial"), (4, "tag")]
        assert count(session, Asset, cast) == 1

    def test_must_be_clean_before_anything_is_asked_for(self, session, cast):
        stored = imports.upload(session, cast.tenant, name="fleet.csv", content=table(2))

        with pytest.raises(imports.NotClean):
            imports.commit(session, cast.tenant, file_id=stored.id, options=ImportOptions(), today=TODAY)

    def test_knows_no_file_of_another_partner(self, cast):
        with db.unit_of_work(cast.tenant) as session:
            stored = imports.upload(session, cast.tenant, name="fleet.csv", content=table(1))

        with db.unit_of_work(cast.stranger) as theirs, pytest.raises(NotFound):
            imports.dry_run(theirs, cast.stranger, file_id=stored.id, options=CREATE, today=TODAY)
