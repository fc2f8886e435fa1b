"""The fleet's pages: who sees what, what a form does, how many questions a page asks the database."""

from __future__ import annotations

import html
import io
import json
import re
from datetime import date, timedelta
from decimal import Decimal

import openpyxl
import pytest
import sqlalchemy as sa
from PIL import Image

from devices import operations, queries
from devices.actions import waiting_actions
from devices.columns import SORTS
from haas import db
from haas.auth.permissions import permissions_of
from tests.devices.fleet import START, bring, label_token, make_asset, make_model

HOUR = timedelta(hours=1)


@pytest.fixture
def asset(cast):
    with db.unit_of_work(cast.tenant) as session:
        return make_asset(session, cast.tenant, supplier="Also")


class TestFleetPage:
    def test_shows_each_view_with_its_number(self, cast, web, asset):
        with db.unit_of_work(cast.tenant) as session:
            bring(session, cast.tenant, make_asset(session, cast.tenant), to="lost")

        page = web(cast.ana).get("/assets?view=missing").text

        assert "NOR-00002" in page
        assert "NOR-00001" not in page

    @pytest.mark.parametrize(("user", "shown"), [("ana", True), ("ben", False)])
    def test_shows_cost_to_those_who_may_see_it(self, cast, web, asset, user, shown):
        assert ("1,200.00" in web(getattr(cast, user)).get("/assets").text) is shown

    def test_shows_a_client_its_own_devices_alone(self, cast, web, asset):
        with db.unit_of_work(cast.tenant) as session:
            theirs = make_asset(session, cast.tenant)
            operations.place_asset(
                session, cast.tenant, asset_id=theirs.id, client_id=cast.acme.id, at=START + HOUR
            )

        page = web(cast.ada).get("/assets").text

        assert theirs.tag in page
        assert asset.tag not in page
        assert "Also" not in page

    def test_asks_the_database_few_questions_however_many_rows(self, cast, web, asset):
        with db.unit_of_work(cast.tenant) as session:
            for _ in range(30):
                make_asset(session, cast.tenant, model_id=asset.model_id)
        browser = web(cast.ana)
        browser.get("/assets")
        asked = []

        @sa.event.listens_for(db.engine(), "before_cursor_execute")
        def count(connection, cursor, statement, *_):
            if "set_config" not in statement:
                asked.append(statement)

        try:
            browser.get("/assets?sort=-cost&grade=A&col=site&col=health&col=client")
        finally:
            sa.event.remove(db.engine(), "before_cursor_execute", count)

        assert len(asked) <= 8, "\n\n".join(asked)

    def test_shows_the_columns_that_the_url_asks_for(self, cast, web, asset):
        page = web(cast.ana).get("/assets?col=cost&col=category&col=nonsense").text

        assert re.findall(r'<td data-label="([^"]+)"', page) == ["Kind", "Cost"]

    def test_shows_nobody_a_column_that_the_role_does_not_reach(self, cast, web, asset):
        page = web(cast.ben).get("/assets?col=cost&col=state&col=supplier&sort=cost").text

        assert re.findall(r'<td data-label="([^"]+)"', page) == ["State"]
        assert 'name="col" value="cost"' not in page

    @pytest.mark.parametrize("sort", list(SORTS))
    def test_pages_by_every_column_it_sorts_by_and_loses_no_row(self, cast, web, sort):
        with db.unit_of_work(cast.tenant) as session:
            model = make_model(session, cast.tenant)
            for number in range(5):
                make_asset(
                    session,
                    cast.tenant,
                    model_id=model.id,
                    state="received" if number % 2 else "ordered",
                    cost=Decimal(100 + number // 2),
                    warranty_until=None if number % 2 else date(2027, 1, 1 + number),
                )
        browser, seen = web(cast.ana), []

        for direction in ("", "-"):
            path = f"/assets?sort={direction}{sort}&limit=2&col=state"
            tags: list[str] = []
            while path:
                page = browser.get(path).text
                tags += re.findall(r"<code>(NOR-\d+)</code></a>", page)
                found = re.search(r'rel="next" href="([^"]+)"', page)
                path = html.unescape(found[1]) if found else ""
            seen.append(tags)

        assert sorted(seen[0]) == [f"NOR-{number:05d}" for number in range(1, 6)]
        assert seen[1] == seen[0][::-1]

    def test_says_how_many_there_are_and_takes_each_filter_away(self, cast, web, asset):
        with db.unit_of_work(cast.tenant) as session:
            bring(session, cast.tenant, make_asset(session, cast.tenant), to="ready")

        page = web(cast.ana).get("/assets?state=ready&q=nor&category=laptop").text

        assert "1 in this list" in page
        chips = re.findall(r'<a class="chip" href="([^"]+)">([^<]+)<', page)
        assert [(text, html.unescape(href)) for href, text in chips] == [
            ("Begins with: nor", "/assets?state=ready&category=laptop"),
            ("Kind: Laptop", "/assets?state=ready&q=nor"),
            ("State: Ready", "/assets?q=nor&category=laptop"),
        ]


class TestExport:
    def test_holds_exactly_what_is_filtered(self, cast, web, asset):
        with db.unit_of_work(cast.tenant) as session:
            bring(session, cast.tenant, make_asset(session, cast.tenant), to="ready")

        text = web(cast.ana).get("/assets/export.csv?state=ready").data.decode("utf-8-sig")

        assert [line.split(",")[0] for line in text.splitlines()] == ["tag", "NOR-00002"]

    @pytest.mark.parametrize("text", ["=1+1", "+1+1", "-1+1", "@SUM(A1)", "\t=1", "|calc", "\uff1d1+1"])
    def test_holds_no_live_formula(self, cast, web, text):
        with db.unit_of_work(cast.tenant) as session:
            make_asset(session, cast.tenant, notes=text, supplier=text)
        browser = web(cast.ana)

        book = openpyxl.load_workbook(io.BytesIO(browser.get("/assets/export.xlsx").data))
        rows = book.worksheets[0].iter_rows(min_row=2)
        cells = [cell for row in rows for cell in row if cell.value == text]
        line = browser.get("/assets/export.csv").data.decode("utf-8-sig").splitlines()[1]

        assert [cell.data_type for cell in cells] == ["s", "s"]
        assert f"'{text}" in line

    def test_can_be_brought_in_again(self, cast, web, asset):
        from devices.import_rows import Known, read_rows
        from devices.import_table import read_table

        content = web(cast.ana).get("/assets/export.csv").data
        with db.unit_of_work(cast.tenant) as session:
            model = queries.get_model(session, cast.tenant, model_id=asset.model_id)
        known = Known(
            models={(model.manufacturer_norm, model.name_norm): model.id},
            clients={},
            sites={},
            currency="USD",
            today=START.date(),
        )

        outcome = read_rows(read_table(content), known)

        assert outcome.errors == []
        assert outcome.drafts[0].values["serial"] == asset.serial


class TestAssetPage:
    @pytest.mark.parametrize("tab", ["summary", "health", "money", "documents", "history", "nonsense"])
    def test_shows_each_tab(self, cast, web, asset, tab):
        answer = web(cast.ana).get(f"/assets/{asset.id}?tab={tab}")

        assert answer.status_code == 200
        assert asset.tag in answer.text

    def test_says_what_belongs_among_the_documents(self, cast, web, asset):
        assert "No documents yet" in web(cast.ben).get(f"/assets/{asset.id}?tab=documents").text

    def test_is_not_there_for_another_partner(self, cast, web, asset):
        assert web(cast.cleo).get(f"/assets/{asset.id}").status_code == 404

    def test_offers_what_the_state_and_the_role_allow(self, cast, web, asset):
        assert "Start staging" in web(cast.ben).get(f"/assets/{asset.id}").text
        assert "Start staging" not in web(cast.fay).get(f"/assets/{asset.id}").text

    def test_says_whose_data_it_holds(self, cast, web):
        with db.unit_of_work(cast.tenant) as session:
            asset = make_asset(session, cast.tenant)
            bring(session, cast.tenant, asset, to="graded", client_id=cast.acme.id)

        page = web(cast.ben).get(f"/assets/{asset.id}").text

        assert "It may still hold data of Acme Dental" in page

    def test_keeps_what_was_typed_when_it_is_refused(self, cast, web, asset):
        with db.unit_of_work(cast.tenant) as session:
            other = make_asset(session, cast.tenant, model_id=asset.model_id)
        form = {"model_id": asset.model_id, "serial": other.serial, "tag": asset.tag, "notes": "kept"}

        answer = web(cast.ana).post(f"/assets/{asset.id}/edit", data=form)

        assert answer.status_code == 422
        assert "already has the serial" in answer.text
        assert "kept" in answer.text

    def test_moves_once_when_the_button_is_pressed_twice(self, cast, web, asset):
        browser = web(cast.ben)

        for _ in range(2):
            browser.post(f"/assets/{asset.id}/move/stage", data={"idempotency_key": "key_1"})

        with db.unit_of_work(cast.tenant) as session:
            assert [move.verb for move in queries.moves_of(session, cast.tenant, asset_id=asset.id)] == [
                "register",
                "stage",
            ]

    def test_moves_several_or_none(self, cast, web, asset):
        with db.unit_of_work(cast.tenant) as session:
            staged = bring(session, cast.tenant, make_asset(session, cast.tenant), to="staging")

        answer = web(cast.ben).post("/assets/move", data={"id": [asset.id, staged.id], "verb": "stage"})

        assert answer.status_code == 422
        assert f"{staged.tag}: Cannot stage an asset that is staging." in answer.text
        with db.unit_of_work(cast.tenant) as session:
            assert queries.get_asset(session, cast.tenant, asset_id=asset.id).state == "received"

    def test_takes_a_move_in_the_past_in_the_viewers_zone(self, cast, web, asset):
        web(cast.ben).post(
            f"/assets/{asset.id}/move/stage", data={"at": "2026-01-06T08:00", "reason": "yesterday"}
        )

        with db.unit_of_work(cast.tenant) as session:
            last = queries.moves_of(session, cast.tenant, asset_id=asset.id)[-1]
        assert (last.moved_at.isoformat(), last.reason) == ("2026-01-06T08:00:00+00:00", "yesterday")


class TestModels:
    def test_keep_their_price_when_a_technician_edits_the_kit(self, cast, web):
        with db.unit_of_work(cast.tenant) as session:
            model = make_model(session, cast.tenant)
        form = {
            "manufacturer": model.manufacturer,
            "name": model.name,
            "category": "laptop",
            "useful_life_months": "36",
            "kit": "charger\ndock",
            "data_bearing": "1",
        }

        answer = web(cast.ben).post(f"/models/{model.id}", data=form)

        assert answer.status_code == 303
        with db.unit_of_work(cast.tenant) as session:
            edited = queries.get_model(session, cast.tenant, model_id=model.id)
        assert (edited.kit, edited.list_cost) == (["charger", "dock"], model.list_cost)


class TestLabels:
    def test_are_printed_for_what_was_ticked(self, cast, web, asset):
        answer = web(cast.ben).post(
            "/labels", data={"id": [asset.id], "stock": "avery-l7160", "start_at": "3"}
        )

        assert answer.mimetype == "application/pdf"
        assert answer.data.startswith(b"%PDF")

    @pytest.mark.parametrize(
        "form", [{"stock": "papyrus"}, {"stock": "free"}, {"stock": "avery-l7160", "start_at": "99"}]
    )
    def test_are_refused_beside_the_field(self, cast, web, asset, form):
        answer = web(cast.ben).post("/labels", data={"id": [asset.id], **form})

        assert answer.status_code == 422
        assert "field-error" in answer.text or "alert-danger" in answer.text


class TestLanding:
    def test_names_the_owner_to_a_stranger_and_shows_no_data(self, cast, web, asset):
        with db.unit_of_work(cast.tenant) as session:
            token = label_token(session, cast.tenant, asset_id=asset.id)

        page = web(None).get(f"/q/{token}").text

        assert "Northwind IT" in page
        for secret in (asset.tag, asset.serial, asset.id, "ThinkPad"):
            assert secret not in page

    def test_leads_staff_to_the_card_and_a_stranger_partner_nowhere(self, cast, web, asset):
        with db.unit_of_work(cast.tenant) as session:
            token = label_token(session, cast.tenant, asset_id=asset.id)

        assert web(cast.ben).get(f"/q/{token}").location == f"/scan?asset={asset.id}"
        assert web(cast.fay).get(f"/q/{token}").location == f"/assets/{asset.id}"
        assert web(cast.cleo).get(f"/q/{token}").status_code == 404

    def test_says_nothing_for_a_token_that_is_none(self, web, cast):
        assert web(None).get("/q/AAAAAAAAAAAAAAAAAAAAAA").status_code == 404

    def test_is_limited_for_those_who_guess(self, app, web, cast, monkeypatch):
        from haas.rest.limits import limiter

        monkeypatch.setattr(limiter, "enabled", True)
        browser = web(None)
        browser.environ_base["REMOTE_ADDR"] = "203.0.113.77"

        answers = [browser.get(f"/q/guess-{number:018d}").status_code for number in range(40)]

        assert 429 in answers


class TestScanPage:
    def test_asks_for_the_camera_and_allows_its_decoder_here_alone(self, cast, web, asset):
        browser = web(cast.ben)
        scan, other = browser.get("/scan"), browser.get("/assets")

        assert "camera=(self)" in scan.headers["Permissions-Policy"]
        assert "'wasm-unsafe-eval'" in scan.headers["Content-Security-Policy"]
        assert "wasm" not in other.headers["Content-Security-Policy"]
        assert "camera=()" in other.headers["Permissions-Policy"]

    def test_does_what_the_button_says_once(self, cast, web, asset):
        browser, data = web(cast.ben), {"idempotency_key": "scan-9"}

        answers = [browser.post(f"/scan/{asset.id}/move/stage", data=data) for _ in range(2)]

        assert [answer.status_code for answer in answers] == [200, 200]
        with db.unit_of_work(cast.tenant) as session:
            assert len(queries.moves_of(session, cast.tenant, asset_id=asset.id)) == 2

    def test_dates_a_move_when_it_was_made_not_when_the_phone_found_signal(self, cast, web, asset):
        browser, then = web(cast.ben), START + 5 * HOUR
        data = {"idempotency_key": "scan-10", "happened_at": then.isoformat()}

        answers = [browser.post(f"/scan/{asset.id}/move/stage", data=data) for _ in range(2)]
        ahead = browser.post(
            f"/scan/{asset.id}/move/make_ready", data={"happened_at": "2999-01-01T00:00:00Z"}
        )

        assert [answer.status_code for answer in (*answers, ahead)] == [200, 200, 422]
        assert "This lies in the future." in ahead.text
        with db.unit_of_work(cast.tenant) as session:
            staged = queries.moves_of(session, cast.tenant, asset_id=asset.id)[-1]
        assert (staged.verb, staged.moved_at) == ("stage", then)

    def test_takes_nothing_that_another_person_left_on_the_phone(self, cast, web, asset):
        browser = web(cast.ana)
        theirs = {"person": f"{cast.northwind.id}:{cast.ben.id}"}

        answers = [
            browser.post(f"/scan/{asset.id}/move/stage", data=theirs),
            browser.post("/scan/look-up", data={"code": asset.tag, **theirs}),
            browser.post("/scan/photo", data=theirs),
        ]

        assert {(answer.status_code, answer.headers["HX-Redirect"]) for answer in answers} == {(204, "/scan")}
        assert browser.get("/scan/me").json["person"] == f"{cast.northwind.id}:{cast.ana.id}"
        with db.unit_of_work(cast.tenant) as session:
            assert queries.get_asset(session, cast.tenant, asset_id=asset.id).state == "received"

    def test_grades_what_came_back_by_its_grade_alone(self, cast, web, asset):
        with db.unit_of_work(cast.tenant) as session:
            bring(session, cast.tenant, asset, to="quarantine", client_id=cast.acme.id)
        browser = web(cast.ben)

        without = browser.post(f"/scan/{asset.id}/move/grade", data={})
        graded = browser.post(f"/scan/{asset.id}/move/grade", data={"grade": "C"})

        assert (without.status_code, graded.status_code) == (422, 200)
        with db.unit_of_work(cast.tenant) as session:
            assert queries.get_asset(session, cast.tenant, asset_id=asset.id).grade == "C"

    def test_shows_the_card_with_the_reason_when_it_is_refused(self, cast, web, asset):
        answer = web(cast.ben).post(f"/scan/{asset.id}/move/dock", data={}, headers={"HX-Request": "true"})

        assert answer.status_code == 409
        assert "Cannot dock an asset that is received." in answer.text
        assert asset.tag in answer.text

    @pytest.mark.parametrize("content", [b"", b"not a picture", b"\x89PNG\r\n\x1a\n" + b"\0" * 100])
    def test_refuses_what_is_no_photo(self, cast, web, content):
        photo = {"photo": (io.BytesIO(content), "label.png")}

        assert web(cast.ben).post("/scan/photo", data=photo).status_code == 422


class TestScanPageWithoutSignal:
    def test_keeps_public_files_alone_and_nobodys_data(self, cast, web, asset):
        web(cast.ben).get(f"/scan?asset={asset.id}")
        address = f"/scan/worker.js?at={cast.northwind.slug}&language=de"
        worker = web(cast.ben).get(address)
        stranger = web(None)

        assert worker.headers["Service-Worker-Allowed"] == "/scan"
        assert stranger.get(address).text == worker.text
        files = json.loads(re.findall(r"KEPT = (\[.*?\]);", worker.text)[0])
        assert {name.rsplit(".", 1)[1] for name in files} == {"css", "js", "svg", "wasm"}
        assert {file: stranger.get(file).status_code for file in files} == dict.fromkeys(files, 200)
        scripts = {file.rsplit("/", 1)[1]: stranger.get(file).text for file in files if file.endswith(".js")}
        imported = {name for text in scripts.values() for name in re.findall(r'from "\./(.+)"', text)}
        assert imported | {"scan.js", "theme.js"} <= set(scripts)
        shell = json.loads(re.findall(r'SHELL = ("[^"]+");', worker.text)[0])
        page = stranger.get(shell).text
        assert 'lang="de"' in page
        assert "Northwind IT" in page
        for secret in (asset.tag, cast.ben.name, cast.ben.id, "csrf", "data-kit"):
            assert secret not in page

    def test_can_be_put_on_the_home_screen_in_the_partners_colour(self, web, cast):
        browser = web(None)
        told = browser.get(f"/scan/app.webmanifest?at={cast.northwind.slug}")

        assert told.content_type == "application/manifest+json"
        assert (told.json["start_url"], told.json["display"]) == ("/scan", "standalone")
        for icon in told.json["icons"]:
            with Image.open(io.BytesIO(browser.get(icon["src"]).data)) as picture:
                assert f"{picture.width}x{picture.height}" == icon["sizes"]
        assert browser.get("/scan/icon-77.png").status_code == 404

    @pytest.mark.parametrize("asked", ["", "?at=nobody&language=xx", "?at=%00", "?language=../de"])
    def test_opens_for_whatever_is_asked(self, web, asked):
        assert web(None).get(f"/scan/offline{asked}").status_code in (200, 422)

    def test_offers_no_move_that_is_grave_or_needs_rows(self):
        offered = {action.verb for action in waiting_actions(permissions_of("partner.technician"))}

        assert {"receive", "stage", "make_ready", "ship", "collect", "dock", "grade"} <= offered
        assert not offered & {"reserve", "accept", "retire", "dispose", "buy_out", "report_lost"}
        assert waiting_actions(permissions_of("partner.sales")) == []
