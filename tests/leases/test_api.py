"""The REST doors of leases: shapes, refusals, and what a client's own program sees and may do."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

import pytest

from haas import db
from leases import operations, queries, returns
from tests.architecture.examples import leases as prepared
from tests.cast import Cast
from tests.leases.fleet import InService, a_spare, day, lease_in_service

ACCEPTED = datetime(2026, 3, 15, 15, 0, tzinfo=UTC)
LATER = datetime(2026, 9, 20, 15, 0, tzinfo=UTC)


@pytest.fixture
def made(cast: Cast) -> InService:
    """Two laptops in service at Acme since 15 March 2026, 100.00 a month each from 1 April."""
    with db.unit_of_work(cast.tenant) as session:
        return lease_in_service(session, cast.tenant, client_id=cast.acme.id, accepted_at=ACCEPTED, lines=2)


@pytest.fixture
def ana(api, cast: Cast) -> Any:
    return api(cast.ana)


@pytest.fixture
def ada(api, cast: Cast) -> Any:
    return api(cast.ada)


class TestDraftToLease:
    def test_goes_the_whole_way_by_program(self, cast: Cast, ana: Any, ada: Any) -> None:
        agreement = ana.post("/v1/agreements", json={"client_id": cast.acme.id}).json
        lease = ana.post("/v1/leases", json={"agreement_id": agreement["id"], "term_months": 24}).json
        line = {"kind": "service", "description": "Care", "unit_price": "12.50", "quantity": "2"}
        assert ana.post(f"/v1/leases/{lease['id']}/lines", json=line).status_code == 201
        ana.post(f"/v1/leases/{lease['id']}/quote", json={"valid_until": "2099-01-01"})

        accepted = ada.post(f"/v1/leases/{lease['id']}/accept", json={"signer": "Ada Client"})
        assert (accepted.status_code, accepted.json["state"]) == (200, "accepted")
        started = ana.post(f"/v1/leases/{lease['id']}/activate", json={"first_day": "2026-04-01"}).json
        assert (started["state"], started["ends_on"]) == ("active", "2028-04-01")
        history = ana.get(f"/v1/leases/{lease['id']}/history").json["items"]
        assert [move["verb"] for move in history] == ["draft", "quote", "accept", "activate"]
        assert history[2]["actor"].startswith("tok_")  # the client's own hand, not its partner's

    def test_asks_for_an_edit_to_match_what_was_read(self, cast: Cast, ana: Any) -> None:
        with db.unit_of_work(cast.tenant) as session:
            lease_id = prepared.a_draft(session, cast)["lease_id"]
        read = ana.get(f"/v1/leases/{lease_id}")
        etag = {"If-Match": read.headers["ETag"]}
        first = ana.patch(f"/v1/leases/{lease_id}", json={"term_months": 12}, headers=etag)
        second = ana.patch(f"/v1/leases/{lease_id}", json={"term_months": 48}, headers=etag)
        assert (first.status_code, first.json["term_months"]) == (200, 12)
        assert second.status_code == 412

    @pytest.mark.parametrize(
        ("body", "field"),
        [
            ({"kind": "asset", "description": "x", "unit_price": "-1"}, "unit_price"),
            ({"kind": "asset", "description": "x", "unit_price": 10.5}, "unit_price"),  # money is text
            ({"kind": "asset", "description": "x", "unit_price": "1e9"}, "unit_price"),
            ({"kind": "lunch", "description": "x", "unit_price": "1"}, "kind"),
            ({"kind": "service", "description": "", "unit_price": "1"}, "description"),
            ({"kind": "service", "description": "x", "unit_price": "1", "colour": "red"}, "colour"),
        ],
    )
    def test_names_the_wrong_field(self, cast: Cast, ana: Any, body, field) -> None:
        with db.unit_of_work(cast.tenant) as session:
            lease_id = prepared.a_draft(session, cast)["lease_id"]
        answer = ana.post(f"/v1/leases/{lease_id}/lines", json=body)
        assert answer.status_code == 422
        assert answer.content_type == "application/problem+json"
        assert field in str(answer.json["errors"])


class TestSchedule:
    def test_is_true_as_of_the_date(self, made: InService, ana: Any) -> None:
        path = f"/v1/leases/{made.lease.id}/schedule"
        march = ana.get(path, query_string={"as_of": "2026-03-31"}).json
        april = ana.get(path, query_string={"as_of": "2026-04-01"}).json
        # Interim rent 15 to 31 March: 100 x 17 / 31 = 54.84, two lines.
        assert march["due_total"] == "109.68"
        assert april["due_total"] == "309.68"  # and 2 x 100.00 in advance for April
        assert march["total"] == april["total"] == "7309.68"  # 109.68 + 36 x 200
        assert march["provisional"] is False
        amounts = [Decimal(row["amount"]) for row in march["rows"]]
        assert sum(amounts) == Decimal("7309.68")

    def test_runs_on_in_holdover(self, cast: Cast, made: InService, ana: Any) -> None:
        path = f"/v1/leases/{made.lease.id}/schedule"
        # The term ended on 31 March 2029; April and May 2029 are holdover at 100 percent.
        view = ana.get(path, query_string={"as_of": "2029-05-10"}).json
        assert view["due_total"] == "7709.68"
        assert {row["kind"] for row in view["rows"]} == {"interim_rent", "rent", "holdover"}

    def test_of_an_offer_counts_from_the_date(self, cast: Cast, ana: Any) -> None:
        with db.unit_of_work(cast.tenant) as session:
            lease_id = prepared.a_quote(session, cast)["lease_id"]
        view = ana.get(f"/v1/leases/{lease_id}/schedule", query_string={"as_of": "2026-04-01"}).json
        assert view["provisional"] is True
        assert (view["total"], view["due_total"]) == ("1080.00", "0.00")  # 36 x 30

    def test_refuses_a_date_beyond_reason(self, made: InService, ana: Any) -> None:
        answer = ana.get(f"/v1/leases/{made.lease.id}/schedule", query_string={"as_of": "9999-12-31"})
        assert answer.status_code == 422


class TestSwap:
    def test_previews_without_doing_and_then_does_once(self, cast: Cast, made: InService, ana: Any) -> None:
        with db.unit_of_work(cast.tenant) as session:
            spare = a_spare(session, cast.tenant, model=made.model, at=ACCEPTED)
        wanted = {"outgoing_id": made.assets[0].id, "incoming_id": spare.id, "reason": "fault"}
        preview = ana.get("/v1/swaps/preview", query_string=wanted)
        assert preview.status_code == 200
        assert preview.json["rent"] == "100.00"
        days = [share["days"] for share in preview.json["shares"]]
        period = day(preview.json["period_end"]) - day(preview.json["period_start"])
        assert sum(days) == period.days
        assert ana.get("/v1/swaps").json["items"] == []

        key = {"Idempotency-Key": "phone-7-scan-41"}
        first = ana.post("/v1/swaps", json=wanted, headers=key)
        again = ana.post("/v1/swaps", json=wanted, headers=key)
        assert (first.status_code, again.status_code) == (201, 201)
        assert first.json["id"] == again.json["id"]
        assert len(ana.get(f"/v1/leases/{made.lease.id}/swaps").json["items"]) == 1
        lines = ana.get(f"/v1/leases/{made.lease.id}/lines").json
        assert [row["asset_id"] for row in lines[0]["standings"]] == [made.assets[0].id, spare.id]

    def test_that_is_refused_refuses_its_preview_with_the_same_words(
        self, cast: Cast, made: InService, ana: Any
    ) -> None:
        wanted = {"outgoing_id": made.assets[0].id, "incoming_id": made.assets[1].id, "reason": "fault"}
        preview = ana.get("/v1/swaps/preview", query_string=wanted)
        swap = ana.post("/v1/swaps", json=wanted)
        assert preview.status_code == swap.status_code == 409
        assert preview.json["title"] == swap.json["title"]


class TestReturn:
    def test_goes_from_notice_to_settled(self, made: InService, ana: Any, ada: Any) -> None:
        asked = ada.post(
            "/v1/return-requests",
            json={"asset_id": made.assets[0].id, "reason": "not needed", "due_on": "2099-01-01"},
        )
        assert asked.status_code == 201
        path = f"/v1/returns/{asked.json['id']}"
        assert ada.post(f"{path}/collect", json={}).status_code == 403
        assert ana.post(f"{path}/collect", json={"carrier": "DHL"}).json["state"] == "collected"
        wrong = ana.post(f"{path}/receive", json={"serial_seen": "SOMETHING"})
        assert (wrong.status_code, wrong.json["code"]) == (409, "wrong_asset")
        serial = made.assets[0].serial
        assert ana.post(f"{path}/receive", json={"serial_seen": serial}).json["state"] == "received"
        findings = {
            "grade": "C",
            "fair_market_value": "310",
            "repair_cost": "480.00",
            "damage_notes": "Lid",
            "kit_missing": ["charger"],
        }
        inspected = ana.post(f"{path}/inspect", json=findings).json
        assert inspected["damage_charge"] == "310.00"  # the smaller of 480 and 310
        assert ada.post(f"{path}/dispute").status_code == 200
        assert ada.post(f"{path}/settle", json={"charge": "0"}).status_code == 403
        settled = ana.post(f"{path}/settle", json={"charge": "120.00"}).json
        assert (settled["state"], settled["damage_charge"]) == ("closed", "120.00")

    def test_is_not_dated_ahead(self, cast: Cast, ana: Any) -> None:
        with db.unit_of_work(cast.tenant) as session:
            return_id = prepared.a_return(session, cast)["return_id"]
        tomorrow = (datetime.now(UTC) + timedelta(days=1)).isoformat()
        answer = ana.post(f"/v1/returns/{return_id}/collect", json={"at": tomorrow})
        assert answer.status_code == 422


class TestDepreciation:
    def test_is_true_as_of_the_date_and_follows_its_conventions(
        self, made: InService, ana: Any, api, cast: Cast
    ) -> None:
        path = f"/v1/assets/{made.assets[0].id}/depreciation"
        # 1,200 less 10 percent over 36 months: 30.00 a month, March 2026 whole.
        view = ana.get(path, query_string={"as_of": "2026-05-31"}).json
        assert (view["value"], view["accumulated"], len(view["entries"])) == ("1110.00", "90.00", 36)
        changed = ana.put(
            path, json={"method": "sum_of_years_digits", "life_months": 36, "residual_value": "120.00"}
        ).json
        # 3/6 of 1,080 in the first year: 540 / 12 = 45.00 a month.
        assert changed["entries"][0]["charge"] == "45.00"
        assert api(cast.ben).get(path).status_code == 403

    def test_by_units_charges_what_was_used(self, made: InService, ana: Any) -> None:
        path = f"/v1/assets/{made.assets[0].id}"
        book = {"method": "units", "life_months": 36, "residual_value": "120.00", "total_units": "10800"}
        assert ana.put(f"{path}/depreciation", json=book).status_code == 200
        view = ana.put(f"{path}/usage/2026-04", json={"units": "500"}).json
        assert view["entries"][0]["charge"] == "50.00"  # 1,080 x 500 / 10,800
        assert ana.put(f"{path}/usage/2026-13", json={"units": "1"}).status_code == 422
        without = {**book, "total_units": None}
        assert ana.put(f"{path}/depreciation", json=without).status_code == 422


class TestClient:
    def test_sees_its_own_offers_and_leases_but_no_drafts(
        self, cast: Cast, made: InService, ada: Any
    ) -> None:
        with db.unit_of_work(cast.tenant) as session:
            draft = prepared.a_draft(session, cast)["lease_id"]
            other = lease_in_service(
                session, cast.tenant, client_id=cast.globex.id, accepted_at=ACCEPTED, model=made.model
            )
            order = returns.request_return(
                session,
                cast.tenant,
                asset_id=other.assets[0].id,
                reason="scale down",
                notice_on=day("2026-09-01"),
                due_on=day("2026-09-30"),
                at=LATER,
            )
        assert [row["id"] for row in ada.get("/v1/leases").json["items"]] == [made.lease.id]
        for path in (
            f"/v1/leases/{draft}",
            f"/v1/leases/{other.lease.id}",
            f"/v1/leases/{other.lease.id}/schedule",
            f"/v1/returns/{order.id}",
            f"/v1/agreements/{other.agreement.id}",
        ):
            assert ada.get(path).status_code == 404, path
        stolen = {"asset_id": other.assets[0].id, "reason": "x", "due_on": "2099-01-01"}
        assert ada.post("/v1/return-requests", json=stolen).status_code == 404
        assert ada.post(f"/v1/leases/{draft}/accept", json={"signer": "Ada"}).status_code == 404

    def test_does_not_see_what_the_partner_counts_on_at_the_end(
        self, cast: Cast, made: InService, ana: Any, ada: Any
    ) -> None:
        path = f"/v1/leases/{made.lease.id}"
        assert "residual_value" in ana.get(path).json["lines"][0]
        assert "residual_value" not in ada.get(path).json["lines"][0]

    def test_of_a_viewer_accepts_nothing(self, cast: Cast, api) -> None:
        with db.unit_of_work(cast.tenant) as session:
            lease_id = prepared.a_quote(session, cast)["lease_id"]
        answer = api(cast.vic).post(f"/v1/leases/{lease_id}/accept", json={"signer": "Vic"})
        assert answer.status_code == 403


class TestLists:
    def test_page_by_cursor_and_narrow(self, cast: Cast, made: InService, ana: Any) -> None:
        with db.unit_of_work(cast.tenant) as session:
            for _ in range(4):
                operations.draft_lease(
                    session, cast.tenant, agreement_id=made.agreement.id, term_months=12, at=LATER
                )
        first = ana.get("/v1/leases", query_string={"limit": 3}).json
        second = ana.get("/v1/leases", query_string={"limit": 3, "cursor": first["next"]}).json
        numbers = [row["number"] for row in first["items"] + second["items"]]
        assert numbers == sorted(numbers, reverse=True)
        assert (len(numbers), second["next"]) == (5, None)
        drafts = ana.get("/v1/leases", query_string={"state": "draft"}).json["items"]
        assert {row["state"] for row in drafts} == {"draft"}
        found = ana.get("/v1/leases", query_string={"number": made.lease.number}).json["items"]
        assert [row["id"] for row in found] == [made.lease.id]

    def test_hand_over_shows_who_signed(self, cast: Cast, made: InService, ana: Any) -> None:
        rows = ana.get(f"/v1/leases/{made.lease.id}/acceptances").json
        assert [row["signer_name"] for row in rows] == ["Ada Client", "Ada Client"]
        with db.unit_of_work(cast.tenant) as session:
            assert len(queries.acceptances_of(session, cast.tenant, lease_id=made.lease.id)) == 2
