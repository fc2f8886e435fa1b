"""Where people and programs meet a swap proposal: what each sees, decides and is refused."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from typing import Any

import pytest
from flask.testing import FlaskClient

from devices.queries import get_asset
from haas import db
from haas.alerts.operations import raise_alert
from haas.auth.models import User
from leases import proposals, proposed
from tests.architecture.examples import leases as prepared
from tests.cast import Cast
from tests.leases.fleet import a_model, a_spare
from tests.leases.verdicts import judged

Web = Callable[[User | None], FlaskClient]


@pytest.fixture
def made(cast: Cast) -> Mapping[str, str]:
    """A device in service at Acme that fails, a spare of its model, the open proposal, and its alert."""
    with db.unit_of_work(cast.tenant) as session:
        ids = prepared.failing(session, cast)
        told = proposed.look(session, cast.tenant, proposal_id=ids["proposal_id"])
        alert = raise_alert(
            session,
            cast.tenant,
            rule_name="health.failing",
            ids={"device_id": told.proposal.device_id},
            detail="60 sectors waiting for replacement",
            asset_id=ids["asset_id"],
            device_id=told.proposal.device_id,
            at=prepared.LATER,
        )
        assert told.spare is not None
        return {**ids, "alert_id": alert.id, "tag": told.outgoing.tag, "spare_tag": told.spare.tag}


def text_of(browser: FlaskClient, path: str) -> str:
    answer = browser.get(path)
    assert answer.status_code == 200, path
    return answer.get_data(as_text=True)


def hidden_fields(page: str, *, of: str) -> dict[str, str]:
    """What the page's form to that address sends along unseen."""
    form = page.partition(f'<form method="post" action="{of}"')[2].partition("</form>")[0]
    assert form
    return dict(re.findall(r'<input type="hidden" name="(\w+)" value="([^"]*)">', form))


class TestApi:
    def test_lists_by_state_and_tells_cause_and_spare(
        self, api: Any, cast: Cast, made: Mapping[str, str]
    ) -> None:
        ana = api(cast.ana)
        (found,) = ana.get("/v1/swap-proposals?state=open").json["items"]
        assert found == ana.get(f"/v1/swap-proposals/{made['proposal_id']}").json
        assert (found["outgoing_id"], found["spare"]["id"]) == (made["asset_id"], made["spare_id"])
        assert (found["lack"], found["reasons"][0]["code"]) == (None, "disk.pending")
        assert ana.get("/v1/swap-proposals?state=accepted").json == {"items": [], "next": None}
        by_asset = ana.get(f"/v1/swap-proposals?asset_id={made['spare_id']}").json
        assert by_asset["items"] == []

    def test_pages_by_cursor(self, api: Any, cast: Cast, made: Mapping[str, str]) -> None:
        with db.unit_of_work(cast.tenant) as session:
            other = prepared.failing(session, cast)
        ana = api(cast.ana)
        first = ana.get("/v1/swap-proposals?limit=1").json
        second = ana.get(f"/v1/swap-proposals?limit=1&cursor={first['next']}").json
        seen = [page["items"][0]["id"] for page in (first, second)]
        assert seen == [other["proposal_id"], made["proposal_id"]]  # newest first
        assert second["next"] is None

    def test_accepts_once_for_one_key(self, api: Any, cast: Cast, made: Mapping[str, str]) -> None:
        ben, path = api(cast.ben), f"/v1/swap-proposals/{made['proposal_id']}"
        key = {"Idempotency-Key": "accept-1"}
        first, again = (ben.post(f"{path}/accept", json={}, headers=key) for _ in range(2))
        assert first.status_code == again.status_code == 201
        assert first.json == again.json
        assert first.headers["Location"] == f"/v1/swaps/{first.json['id']}"
        assert (first.json["incoming_id"], first.json["reason"]) == (made["spare_id"], "fault")
        now = ben.get(path).json
        assert (now["state"], now["swap_id"], now["spare"]) == ("accepted", first.json["id"], None)
        assert ben.post(f"{path}/accept", json={}).status_code == 409

    def test_says_what_is_missing_where_no_spare_is_free(
        self, api: Any, cast: Cast, made: Mapping[str, str]
    ) -> None:
        ana, path = api(cast.ana), f"/v1/swap-proposals/{made['proposal_id']}"
        with db.unit_of_work(cast.tenant) as session:
            get_asset(session, cast.tenant, asset_id=made["spare_id"]).state = "staging"
        found = ana.get(path).json
        assert (found["spare"], found["lack"]) == (
            None,
            {"model": "Lenovo ThinkPad T14", "coming": 1, "spoken_for": 0},
        )
        refused = ana.post(f"{path}/accept", json={})
        assert refused.status_code == 409
        assert "incoming_id" in refused.get_data(as_text=True)

    def test_dismisses_with_a_reason_alone(self, api: Any, cast: Cast, made: Mapping[str, str]) -> None:
        ana, path = api(cast.ana), f"/v1/swap-proposals/{made['proposal_id']}"
        assert ana.post(f"{path}/dismiss", json={"reason": "  "}).status_code == 422
        done = ana.post(f"{path}/dismiss", json={"reason": "a known counter"}).json
        assert (done["state"], done["because"]) == ("dismissed", "a known counter")
        assert done["decided_by"].startswith("tok_")

    def test_is_read_with_lease_read_and_decided_with_lease_swap(
        self, api: Any, cast: Cast, made: Mapping[str, str]
    ) -> None:
        sam, path = api(cast.sam), f"/v1/swap-proposals/{made['proposal_id']}"
        assert sam.get(path).status_code == 200
        assert sam.post(f"{path}/accept", json={}).status_code == 403
        assert sam.post(f"{path}/dismiss", json={"reason": "no"}).status_code == 403

    def test_hides_from_clients_and_strangers(self, api: Any, cast: Cast, made: Mapping[str, str]) -> None:
        for person in (cast.ada, cast.vic, cast.cleo):
            program = api(person)
            assert program.get("/v1/swap-proposals").json["items"] == []
            assert program.get(f"/v1/swap-proposals/{made['proposal_id']}").status_code == 404


class TestPages:
    def test_lead_from_overview_alert_and_asset_to_the_preview(
        self, web: Web, cast: Cast, made: Mapping[str, str]
    ) -> None:
        ben, preview = web(cast.ben), f"/swaps/new?proposal_id={made['proposal_id']}"
        for path in ("/", f"/alerts/{made['alert_id']}", f"/assets/{made['asset_id']}", "/swaps/proposals"):
            assert preview in text_of(ben, path), path
        page = text_of(ben, preview)
        assert "60 sectors waiting for replacement" in page
        assert all(tag in page for tag in (made["tag"], made["spare_tag"], "What this swap does"))

    def test_show_sales_what_is_proposed_without_a_button(
        self, web: Web, cast: Cast, made: Mapping[str, str]
    ) -> None:
        sam = web(cast.sam)
        page = text_of(sam, f"/assets/{made['asset_id']}")
        assert "A swap is proposed" in page
        assert "proposal_id" not in page
        assert "proposal_id" not in text_of(sam, "/")

    def test_say_nothing_to_the_clients_own_people(
        self, web: Web, cast: Cast, made: Mapping[str, str]
    ) -> None:
        ada = web(cast.ada)
        assert "A swap is proposed" not in text_of(ada, f"/assets/{made['asset_id']}")
        assert "proposal_id" not in text_of(ada, "/")
        assert made["tag"] not in text_of(ada, "/swaps/proposals")

    def test_accept_by_the_swap_page_and_say_so_on_the_alert(
        self, web: Web, cast: Cast, made: Mapping[str, str]
    ) -> None:
        ben = web(cast.ben)
        page = text_of(ben, f"/swaps/new?proposal_id={made['proposal_id']}")
        form = hidden_fields(page, of="/swaps/new")
        done = ben.post("/swaps/new", data={**form, "condition": "Clicks"})
        assert done.status_code == 303
        again = ben.post("/swaps/new", data={**form, "condition": "Clicks"})  # a second press
        assert again.headers["Location"] == done.headers["Location"]
        with db.unit_of_work(cast.tenant) as session:
            found = proposed.look(session, cast.tenant, proposal_id=made["proposal_id"]).proposal
            assert (found.state, found.decided_by) == ("accepted", cast.ben.id)
            assert done.headers["Location"].endswith(f"/swaps/{found.swap_id}")
        assert f"/swaps/{found.swap_id}" in text_of(ben, f"/alerts/{made['alert_id']}")
        assert "proposal_id" not in text_of(ben, "/")
        late = text_of(ben, f"/swaps/new?proposal_id={made['proposal_id']}")
        assert "This proposal was decided" in late

    def test_let_another_spare_be_chosen_and_keep_the_proposal(
        self, web: Web, cast: Cast, made: Mapping[str, str]
    ) -> None:
        with db.unit_of_work(cast.tenant) as session:
            model = a_model(session, cast.tenant, at=prepared.ACCEPTED)
            other = a_spare(session, cast.tenant, model=model, at=prepared.ACCEPTED)
        ben, kept = web(cast.ben), f"proposal_id={made['proposal_id']}"
        choices = text_of(ben, f"/swaps/new?{kept}&choose=1")
        assert "Which device comes?" in choices
        assert f"incoming_id={other.id}&amp;reason=fault&amp;{kept}" in choices
        preview = text_of(ben, f"/swaps/new?{kept}&incoming_id={other.id}")
        assert f'name="incoming_id" value="{other.id}"' in preview
        assert f'name="proposal_id" value="{made["proposal_id"]}"' in preview

    def test_find_the_proposal_of_a_device_that_was_scanned(
        self, web: Web, cast: Cast, made: Mapping[str, str]
    ) -> None:
        page = text_of(web(cast.ben), f"/swaps/new?outgoing={made['tag']}")
        assert "60 sectors waiting for replacement" in page
        assert (
            f"incoming_id={made['spare_id']}&amp;reason=fault&amp;proposal_id={made['proposal_id']}" in page
        )

    def test_dismiss_asks_why_and_leaves_the_list(
        self, web: Web, cast: Cast, made: Mapping[str, str]
    ) -> None:
        ben, path = web(cast.ben), f"/swaps/proposals/{made['proposal_id']}/dismiss"
        refused = ben.post(path, data={"reason": ""})
        assert refused.status_code == 422
        assert '<details id="dismiss" class="dismiss" open>' in refused.get_data(as_text=True)
        assert ben.post(path, data={"reason": "A known counter"}).status_code == 303
        assert made["tag"] not in text_of(ben, "/swaps/proposals")
        assert "A known counter" in text_of(ben, "/swaps/proposals?state=dismissed")
        assert "A known counter" in text_of(ben, f"/alerts/{made['alert_id']}")

    def test_say_in_words_why_one_was_withdrawn(self, web: Web, cast: Cast, made: Mapping[str, str]) -> None:
        with db.unit_of_work(cast.tenant) as session:
            asset = get_asset(session, cast.tenant, asset_id=made["asset_id"])
            judged(session, cast.tenant, asset=asset, verdict="healthy", at=prepared.LATER)
            proposals.reconsider(session, cast.tenant, asset_id=asset.id, at=prepared.LATER)
        page = text_of(web(cast.ana), "/swaps/proposals?state=withdrawn")
        assert "The device is well again." in page

    def test_say_what_is_missing_where_no_spare_is_free(
        self, web: Web, cast: Cast, made: Mapping[str, str]
    ) -> None:
        with db.unit_of_work(cast.tenant) as session:
            get_asset(session, cast.tenant, asset_id=made["spare_id"]).state = "staging"
        ben = web(cast.ben)
        for path in (f"/assets/{made['asset_id']}", f"/swaps/new?proposal_id={made['proposal_id']}"):
            page = text_of(ben, path)
            assert "No Lenovo ThinkPad T14 is free." in page
            assert "1 is on its way to the shelf." in page

    def test_are_404_for_another_partner(self, web: Web, cast: Cast, made: Mapping[str, str]) -> None:
        assert web(cast.cleo).get(f"/swaps/new?proposal_id={made['proposal_id']}").status_code == 404
