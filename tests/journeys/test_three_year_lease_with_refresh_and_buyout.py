"""A laptop leased for three years, told with dates: refreshed after two, bought at the end."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from leases import sweeps
from tests.journeys.story import Story
from tests.paper import text_of


def at(story: Story, text: str) -> None:
    """It is now this moment in UTC: "2025-03-01 15:00"."""
    story.now = datetime.fromisoformat(text).replace(tzinfo=UTC)


@pytest.mark.timeout(300)
def test_three_year_lease_with_refresh_and_buyout(story: Story) -> None:
    cast = story.cast
    ada, ana, ben, fay, sam = cast.ada, cast.ana, cast.ben, cast.fay, cast.sam

    # 1 March 2023: a laptop of 1,200.00 at 40.00 a month for three years. Another stands by.
    at(story, "2023-03-01 15:00")
    story.tax("8.000", since="2020-01-01")
    first = story.shelve("SN-OLD")
    laptop = {"description": "ThinkPad T14", "model_id": story.model_id, "unit_price": "40.00"}
    lease, (line,) = story.offer(cast.acme.id, [laptop], term_months=36, notice_days=30)
    story.post(ada, f"/v1/leases/{lease}/accept", {"signer": "Ada Client"})
    story.deliver(lease, line, first, "Ada Client")

    # 1 March 2025, month 24: the refresh. Rent and term go on with the new serial number.
    at(story, "2025-03-01 15:00")
    second = story.shelve("SN-NEW")
    story.post(ben, "/v1/swaps", {"outgoing_id": first, "incoming_id": second, "reason": "refresh"})
    kept = story.get(ada, f"/v1/leases/{lease}")
    assert (kept["state"], kept["ends_on"]) == ("active", "2026-03-01")
    # The first bore 24 months of 1,080 / 36 = 30.00 and stands at 480.00; the second begins at 1,200.00.
    book = story.get(fay, f"/v1/assets/{first}/depreciation?as_of=2025-02-28")
    assert book["value"] == "480.00"

    # 1 December 2025, 90 days before: one letter to the client, and the calendar says when to choose.
    at(story, "2025-12-01 15:00")
    for _ in range(2):
        sweeps.remind_of_ends(story.settings, story.now)
    calendar = {row["days_before"]: row for row in story.get(ada, f"/v1/leases/{lease}/end-notices")["items"]}
    assert calendar[90]["given_on"] == "2025-12-01"
    assert calendar[90]["said"]["choose_until"] == "2026-01-30"
    due = story.get(ada, "/v1/calendar?start=2026-01-01&until=2026-03-01")["items"]
    assert {(row["on"], row["kind"]) for row in due} >= {
        ("2026-01-30", "choose_until"),
        ("2026-02-28", "lease_end"),
    }

    # The second will be 12 months old: 60 percent of 1,200.00 by the partner's curve, 720.00. Ada buys it.
    (device,) = story.get(ada, f"/v1/leases/{lease}/end-options")["devices"]
    assert (device["price"], device["renewal_rent"]) == ("720.00", "28.00")  # 70 percent of 40.00
    wish = {"choices": [{"line_id": line, "option": "buy"}]}
    story.post(ada, f"/v1/leases/{lease}/end-choices", wish)
    done = story.post(sam, f"/v1/leases/{lease}/end-choices/carry-out")
    assert ([row["option"] for row in done["done"]], done["waiting"]) == (["buy"], [])
    (bought,) = story.get(ada, f"/v1/buyouts?lease_id={lease}")["items"]
    assert (bought["state"], bought["price"], bought["effective_on"]) == ("agreed", "720.00", "2026-03-01")

    # 1 March 2026: 36 rents of 40.00, 1,440.00, and 720.00: 2,160.00; with 8 percent 2,332.80.
    at(story, "2026-03-01 15:00")
    run = story.post(fay, "/v1/billing-runs", {"as_of": "2026-03-01"})
    story.work()
    (invoice,) = story.get(fay, f"/v1/invoices?run_id={run['id']}")["items"]
    assert (invoice["net_total"], invoice["total"]) == ("2160.00", "2332.80")
    assert story.get(ana, f"/v1/assets/{second}")["state"] == "in_service"

    # 10 March: paid. The title passes, the lease is over, and the bill of sale is printed.
    at(story, "2026-03-10 15:00")
    money = {"amount": "2332.80", "received_on": "2026-03-10", "method": "transfer", "reference": "T-1"}
    story.post(fay, f"/v1/invoices/{invoice['id']}/payments", money)
    story.work()
    assert story.get(ana, f"/v1/assets/{second}")["state"] == "bought_out"
    assert story.get(ada, f"/v1/leases/{lease}")["state"] == "closed"
    (sold,) = story.get(ada, f"/v1/buyouts?lease_id={lease}")["items"]
    paper = story.web(ada).get(f"/files/{sold['bill_of_sale_file_id']}")
    assert all(said in text_of(paper.data) for said in ("Bill of sale", "SN-NEW", "$720.00"))

    # Twelve months of 30.00 were borne, March 2025 to February 2026: 840.00 are left, 720.00 came in.
    book = story.get(fay, f"/v1/assets/{second}/depreciation?as_of=2026-03-10")
    assert (book["value"], book["gain"]) == ("0.00", "-120.00")
