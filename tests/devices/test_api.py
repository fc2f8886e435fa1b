"""The fleet over REST: what is answered, what is hidden, what is refused."""

from __future__ import annotations

import io
from datetime import timedelta

import pytest

from devices import operations, queries
from devices.jobs import export_assets, render_wipe_certificate
from haas import db
from haas.files import get_file
from haas.progress import get as get_job
from tests.devices.fleet import START, bring, label_token, make_asset, make_model

HOUR = timedelta(hours=1)


@pytest.fixture
def asset(cast):
    with db.unit_of_work(cast.tenant) as session:
        return make_asset(session, cast.tenant, supplier="Also")


@pytest.fixture
def returned(cast):
    with db.unit_of_work(cast.tenant) as session:
        asset = make_asset(session, cast.tenant)
        return bring(session, cast.tenant, asset, to="quarantine", client_id=cast.acme.id)


def place_at_acme(cast, asset):
    with db.unit_of_work(cast.tenant) as session:
        operations.place_asset(
            session, cast.tenant, asset_id=asset.id, client_id=cast.acme.id, at=START + HOUR
        )


class TestAssets:
    def test_are_listed_by_what_is_asked_for(self, cast, api, asset):
        with db.unit_of_work(cast.tenant) as session:
            ready = bring(session, cast.tenant, make_asset(session, cast.tenant), to="ready")
        program = api(cast.ana)

        def tags(query):
            return [item["tag"] for item in program.get(f"/v1/assets?{query}").json["items"]]

        assert tags("state=ready") == [ready.tag]
        assert tags("state=ready&state=received") == [asset.tag, ready.tag]
        assert tags(f"q={asset.tag.lower()}") == [asset.tag]
        assert tags(f"q={asset.serial}&in_stock=true") == [asset.tag]
        assert tags("q=%25") == []  # a sign of LIKE is only a letter here
        assert tags(f"client_id={cast.acme.id}") == []

    def test_are_paged(self, cast, api, asset):
        with db.unit_of_work(cast.tenant) as session:
            for _ in range(4):
                make_asset(session, cast.tenant, model_id=asset.model_id)
        program = api(cast.ana)

        first = program.get("/v1/assets?limit=3").json
        second = program.get(f"/v1/assets?limit=3&cursor={first['next']}").json

        assert [len(first["items"]), len(second["items"]), second["next"]] == [3, 2, None]

    def test_read_back_as_of_a_day(self, cast, api, asset):
        with db.unit_of_work(cast.tenant) as session:
            operations.move_asset(session, cast.tenant, asset_id=asset.id, verb="stage", at=START + HOUR)
        program = api(cast.ana)

        before, after, too_early = (
            program.get(f"/v1/assets/{asset.id}?as_of=2026-01-05T{hour}:30:00Z")
            for hour in ("09", "10", "08")
        )

        assert (before.json["state_as_of"], after.json["state_as_of"]) == ("received", "staging")
        assert before.json["state"] == "staging"
        assert too_early.status_code == 404
        listed = program.get("/v1/assets?as_of=2026-01-05T09:30:00Z&state=received").json["items"]
        assert [item["state_as_of"] for item in listed] == ["received"]

    @pytest.mark.parametrize("user", ["ana", "sam", "fay"])
    def test_show_their_cost_to_those_who_may_see_it(self, cast, api, asset, user):
        shown = api(getattr(cast, user)).get(f"/v1/assets/{asset.id}").json

        assert (shown["cost"], shown["supplier"]) == ("1200.00", "Also")

    def test_hide_their_cost_from_a_technician(self, cast, api, asset):
        shown = api(cast.ben).get(f"/v1/assets/{asset.id}").json

        assert {"cost", "supplier", "purchase_reference", "fair_market_value"} & set(shown) == set()

    def test_hide_cost_and_notes_from_the_client_they_are_at(self, cast, api, asset):
        place_at_acme(cast, asset)

        shown = api(cast.vic).get(f"/v1/assets/{asset.id}").json

        assert shown["tag"] == asset.tag
        assert {"cost", "supplier", "notes", "holds_data_of_client_id"} & set(shown) == set()

    def test_are_not_there_for_a_client_they_are_not_at(self, cast, api, asset):
        assert api(cast.ada).get(f"/v1/assets/{asset.id}").status_code == 404

    def test_are_edited_only_as_they_were_read(self, cast, api, asset):
        program = api(cast.ana)
        tag = program.get(f"/v1/assets/{asset.id}").headers["ETag"]
        path, if_match = f"/v1/assets/{asset.id}", {"If-Match": tag}

        first = program.patch(path, json={"notes": "one"}, headers=if_match)
        second = program.patch(path, json={"notes": "two"}, headers=if_match)

        assert (first.status_code, second.status_code) == (200, 412)

    def test_refuse_a_cost_from_a_technician_who_cannot_see_it(self, cast, api, asset):
        assert api(cast.ben).patch(f"/v1/assets/{asset.id}", json={"cost": "1"}).status_code == 403

    def test_name_the_field_that_is_taken(self, cast, api, asset):
        body = {"model_id": asset.model_id, "serial": asset.serial, "cost": "1", "currency": "USD"}

        answer = api(cast.ana).post("/v1/assets", json=body)

        assert (answer.status_code, list(answer.json["errors"])) == (409, ["serial"])


class TestMoves:
    def test_happen_once_for_one_key(self, cast, api, asset):
        program, key = api(cast.ben), {"Idempotency-Key": "scan-1"}

        answers = [
            program.post(f"/v1/assets/{asset.id}/moves", json={"verb": "stage"}, headers=key)
            for _ in range(2)
        ]

        assert [answer.status_code for answer in answers] == [200, 200]
        assert answers[0].json == answers[1].json
        with db.unit_of_work(cast.tenant) as session:
            assert len(queries.moves_of(session, cast.tenant, asset_id=asset.id)) == 2

    @pytest.mark.parametrize(
        ("body", "status"),
        [
            ({"verb": "dock"}, 409),
            ({"verb": "teleport"}, 422),
            ({"verb": "stage", "at": "2099-01-01T00:00:00Z"}, 422),
            ({"verb": "stage", "at": "2020-01-01T00:00:00Z"}, 422),
            ({"verb": "stage", "at": "2026-01-05T10:00:00"}, 422),
            ({"verb": "stage", "colour": "red"}, 422),
        ],
    )
    def test_are_refused_with_a_reason(self, cast, api, asset, body, status):
        answer = api(cast.ben).post(f"/v1/assets/{asset.id}/moves", json=body)

        assert answer.status_code == status
        assert answer.mimetype == "application/problem+json"

    def test_leave_disposal_to_the_owner(self, cast, api):
        with db.unit_of_work(cast.tenant) as session:
            asset = bring(session, cast.tenant, make_asset(session, cast.tenant), to="retired")
        path, body = f"/v1/assets/{asset.id}/moves", {"verb": "dispose", "reason": "recycled"}

        assert api(cast.ben).post(path, json=body).status_code == 403
        assert api(cast.ana).post(path, json=body).status_code == 200

    @pytest.mark.parametrize(
        ("state", "body"),
        [
            ("received", {"verb": "stage", "proceeds": "40"}),  # nobody pays for that
            ("retired", {"verb": "dispose", "proceeds": "40.001"}),  # no amount of dollars
        ],
    )
    def test_bring_in_whole_cents_by_disposal_or_sale_alone(self, cast, api, state, body):
        with db.unit_of_work(cast.tenant) as session:
            asset = bring(session, cast.tenant, make_asset(session, cast.tenant), to=state)

        answer = api(cast.ana).post(f"/v1/assets/{asset.id}/moves", json=body)

        assert (answer.status_code, list(answer.json["errors"])) == (422, ["proceeds"])

    def test_are_left_to_the_lease_that_the_asset_stands_on(self, cast, api):
        with db.unit_of_work(cast.tenant) as session:
            asset = bring(session, cast.tenant, make_asset(session, cast.tenant), to="ready")
            operations.move_asset(
                session,
                cast.tenant,
                asset_id=asset.id,
                verb="reserve",
                at=START + 5 * HOUR,
                details={"client_id": cast.acme.id, "lease_id": "lse_1"},
            )

        answer = api(cast.ben).post(f"/v1/assets/{asset.id}/moves", json={"verb": "release"})

        assert (answer.status_code, answer.json["code"]) == (409, "belongs_to_lease")


class TestWipeCertificates:
    def test_are_printed_by_the_job_and_kept_for_the_client(self, cast, api, returned):
        body = {
            "method": "destroy",
            "destination": "recycling",
            "technique": "shredding to 6 mm",
            "media": [{"media_type": "NVMe SSD", "serial": "S4"}],
            "performed_by": "Ben",
            "verified_by": "Ana",
        }
        made = api(cast.ben).post(f"/v1/assets/{returned.id}/wipe-certificates", json=body)
        assert (made.status_code, made.json["number"]) == (201, "WIPE-00001")

        for _ in range(2):
            render_wipe_certificate(
                partner_id=cast.northwind.id, event_id="evt_1", certificate_id=made.json["id"]
            )

        [shown] = api(cast.ana).get(f"/v1/assets/{returned.id}/wipe-certificates").json
        with db.unit_of_work(cast.acme_tenant) as theirs:
            stored = get_file(theirs, cast.acme_tenant, file_id=shown["file_id"])
            assert stored.content.startswith(b"%PDF")


class TestImports:
    def test_answer_the_dry_run_then_bring_it_in(self, cast, api):
        program = api(cast.ana)
        content = b"serial,maker,model,cost\nA-1,Dell,XPS 13,1500\nA-2,Dell,XPS 13,x\n"
        wrong = program.post(
            "/v1/asset-imports?create_models=true", data={"file": (io.BytesIO(content), "f.csv")}
        )
        assert wrong.json["errors"] == [
            {"row": 3, "field": "cost", "message": "x is not an amount, such as 1234.50."}
        ]
        assert (
            program.post(f"/v1/asset-imports/{wrong.json['id']}/commit?create_models=true").status_code == 409
        )

        right = program.post(
            "/v1/asset-imports?create_models=true",
            data={"file": (io.BytesIO(content.replace(b"x\n", b"9\n")), "f.csv")},
        )
        job = program.post(f"/v1/asset-imports/{right.json['id']}/commit?create_models=true")

        assert (job.status_code, job.json["total"]) == (202, 2)
        assert program.get(f"/v1/asset-imports/{right.json['id']}").json["job_id"] == job.json["id"]


class TestExports:
    def test_hold_what_was_filtered_without_live_formulas(self, cast, api, asset):
        with db.unit_of_work(cast.tenant) as session:
            make_asset(session, cast.tenant, supplier="=cmd|' /C calc'!A0", notes="@SUM(A1)")
        job = api(cast.ana).post("/v1/asset-exports", json={"q": "nor-00002"}).json

        export_assets(partner_id=cast.northwind.id, event_id="evt_1", job_id=job["id"])

        with db.unit_of_work(cast.tenant) as session:
            done = get_job(session, cast.tenant, job_id=job["id"])
            text = get_file(session, cast.tenant, file_id=done.file_id or "").content.decode("utf-8-sig")
        lines = text.splitlines()
        assert len(lines) == 2  # the head, and the one asset that was asked for
        assert "'=cmd|" in lines[1]
        assert "'@SUM(A1)" in lines[1]

    def test_hold_no_cost_when_a_technician_asks(self, cast, api, asset):
        job = api(cast.ben).post("/v1/asset-exports", json={}).json

        export_assets(partner_id=cast.northwind.id, event_id="evt_1", job_id=job["id"])

        with db.unit_of_work(cast.tenant) as session:
            done = get_job(session, cast.tenant, job_id=job["id"])
            content = get_file(session, cast.tenant, file_id=done.file_id or "").content
        assert b"cost" not in content.splitlines()[0]
        assert b"Also" not in content


class TestScans:
    def test_lead_from_the_label_to_the_asset_and_its_actions(self, cast, api, asset):
        with db.unit_of_work(cast.tenant) as session:
            token = label_token(session, cast.tenant, asset_id=asset.id)
        code = {"code": f"http://localhost/q/{token}"}

        found = api(cast.ben).post("/v1/scans", json=code).json

        assert found["asset"]["id"] == asset.id
        assert [action["verb"] for action in found["actions"]] == ["stage", "report_lost", "report_stolen"]
        assert (
            api(cast.cleo).post("/v1/scans", json={"code": f"http://localhost/q/{token}"}).status_code == 404
        )

    @pytest.mark.parametrize(
        ("code", "host"),
        [
            ("https://localhost/q/{token}", "localhost"),  # not our scheme
            ("http://localhost:81/q/{token}", "localhost"),
            ("http://localhost@evil.example/q/{token}", "evil.example"),
            ("http://evil.example/q/{token}", "evil.example"),
            ("http://localhost/q/{token}?next=//evil.example", "localhost"),
            ("WIFI:T:WPA;S:free/x;;", "WIFI"),
        ],
    )
    def test_tell_a_foreign_label(self, cast, api, asset, code, host):
        with db.unit_of_work(cast.tenant) as session:
            token = label_token(session, cast.tenant, asset_id=asset.id)

        found = api(cast.ben).post("/v1/scans", json={"code": code.format(token=token)}).json

        assert (found["asset"], found["foreign"]) == (None, host)


class TestModels:
    def test_are_there_once_for_a_maker_and_a_name(self, cast, api):
        with db.unit_of_work(cast.tenant) as session:
            make_model(session, cast.tenant, manufacturer="Dell", name="XPS 13")
        body = {
            "manufacturer": "DELL",
            "name": "xps  13",
            "category": "laptop",
            "list_cost": "1",
            "currency": "USD",
        }

        assert api(cast.ana).post("/v1/hardware-models", json=body).status_code == 409

    def test_hide_their_price_from_clients(self, cast, api, asset):
        [model] = api(cast.ada).get("/v1/hardware-models").json["items"]

        assert {"list_cost", "residual_value_pct"} & set(model) == set()
