"""Two laptops at the end of a lease: held over, taken back, charged, wiped; one goes on, one is scrapped."""

from __future__ import annotations

import io
from collections.abc import Iterator
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

import pytest
import sqlalchemy as sa

from devices.moves import WipeRequired
from devices.operations import move_asset
from haas import db
from leases import sweeps
from tests.journeys.story import Story
from tests.paper import text_of

WIPE = {
    "technique": "NVMe sanitize, crypto erase", "media": [{"media_type": "NVMe SSD", "serial": "S64"}],
    "performed_by": "Ben Technician", "verified_by": "Ana Owner",
}  # fmt: skip


def ordered_back(story: Story, lease_id: str) -> dict[str, dict[str, Any]]:
    """The returns of the lease, by asset."""
    found = story.get(story.cast.ben, f"/v1/returns?lease_id={lease_id}")["items"]
    return {row["asset_id"]: row for row in found}


def refusals(story: Story, asset_id: str, verb: str, **details: str) -> Iterator[tuple[str, str]]:
    """Try a move through every door that moves assets: (door, what it said)."""
    cast = story.cast
    try:
        with db.unit_of_work(cast.tenant) as session:
            move_asset(session, cast.tenant, asset_id=asset_id, verb=verb, at=story.now, details=details)
        yield "operation", "done"
    except WipeRequired as refusal:
        yield "operation", refusal.message
    answer = story.post(cast.ana, f"/v1/assets/{asset_id}/moves", {"verb": verb, **details}, refused=409)
    assert answer["code"] == "wipe_required"
    yield "REST", answer["title"]
    ana = story.web(cast.ana)
    form = {"reason": "Done with it"}
    for door, path, fields in (
        ("form", f"/assets/{asset_id}/move/{verb}", form | details),
        ("bulk move", "/assets/move", form | {"id": asset_id, "verb": verb}),
        ("scan", f"/scan/{asset_id}/move/{verb}", form | details),
    ):
        page = ana.post(path, data=fields)
        assert page.status_code in (409, 422), door
        yield door, page.get_data(as_text=True)


def assert_refused_everywhere(story: Story, asset_id: str, verb: str, **details: str) -> None:
    """Every door says why, and the asset stays where it is."""
    before = story.get(story.cast.ana, f"/v1/assets/{asset_id}")["state"]
    doors = dict(refusals(story, asset_id, verb, **details))
    assert set(doors) == {"operation", "REST", "form", "bulk move", "scan"}
    for door, said in doors.items():
        assert "certify a purge or destruction" in said, door
    assert story.get(story.cast.ana, f"/v1/assets/{asset_id}")["state"] == before


def certified(story: Story, asset_id: str, *, method: str, destination: str) -> tuple[str, str]:
    """Certify a wipe; answers the certificate's number and the words on its paper."""
    proof = story.post(
        story.cast.ben,
        f"/v1/assets/{asset_id}/wipe-certificates",
        {**WIPE, "method": method, "destination": destination},
    )
    story.work()
    pdf = story.web(story.cast.ben).get(
        f"/assets/{asset_id}/wipe-certificates/{proof['id']}.pdf", follow_redirects=True
    )
    assert pdf.mimetype == "application/pdf"
    return proof["number"], text_of(pdf.data)


@pytest.mark.timeout(300)
def test_lease_end_to_disposal(story: Story) -> None:
    cast = story.cast
    ana, ben, fay = cast.ana, cast.ben, cast.fay

    # 1 February: two laptops at 60.00 for three months; held over they cost half as much again.
    story.on("02-01 15:00")
    story.tax("8.000", since="2020-01-01")
    kept, scrapped = story.shelve("SN-A"), story.shelve("SN-B")
    laptop = {"description": "ThinkPad T14", "model_id": story.model_id, "unit_price": "60.00"}
    lease, lines = story.offer(
        cast.acme.id, [laptop, laptop], term_months=3, notice_days=30, holdover_rate_pct="150"
    )
    story.post(cast.ada, f"/v1/leases/{lease}/accept", {"signer": "Ada Client"})
    for line, asset in zip(lines, (kept, scrapped), strict=True):
        story.deliver(lease, line, asset, "Ada Client")

    # 20 March: notice of 30 days would end on 19 April, the term ends on 1 May. Both are asked back by then.
    story.on("03-20 15:00")
    ending = story.post(cast.sam, f"/v1/leases/{lease}/notice", {"recall_assets": True})
    assert (ending["state"], ending["ends_on"]) == ("ending", "2026-05-01")
    back = ordered_back(story, lease)
    assert {row["due_on"] for row in back.values()} == {"2026-05-01"}
    # 1 April: three months of two laptops, 6 x 60.00, are billed late, with 8 percent: 388.80.
    story.on("04-01 15:00")
    (term,) = story.bill("04-01")
    assert (term["net_total"], term["total"]) == ("360.00", "388.80")

    # 1 May, one in the morning in New York: the term is over and nothing came. May costs 2 x 60 x 1.5 = 180.
    story.on("05-01 05:00")
    sweeps.move_to_holdover(story.settings, story.now)
    assert story.get(cast.ada, f"/v1/leases/{lease}")["state"] == "holdover"
    (held,) = story.bill("05-01")
    assert held["net_total"] == "180.00"

    # 3 May: the first is on the dock. The label of the other is not taken for it; a typed serial is.
    story.on("05-02 15:00")
    story.post(ben, f"/v1/returns/{back[kept]['id']}/collect", {"carrier": "Courier"})
    story.on("05-03 15:00")
    wrong = story.post(ben, f"/v1/returns/{back[kept]['id']}/receive", {"serial_seen": "SN-B"}, refused=409)
    assert "SN-A" in wrong["title"]
    story.post(ben, f"/v1/returns/{back[kept]['id']}/receive", {"serial_seen": " sn-a"})
    assert story.get(cast.ada, f"/v1/leases/{lease}")["state"] == "holdover"
    # 10 May: the other, and with it the lease is closed.
    story.on("05-10 15:00")
    story.post(ben, f"/v1/returns/{back[scrapped]['id']}/collect")
    story.post(ben, f"/v1/returns/{back[scrapped]['id']}/receive", {"serial_seen": "SN-B"})
    assert story.get(cast.ada, f"/v1/leases/{lease}")["state"] == "closed"

    # Held over were 3 and 10 days: 90 x 3/31 = 8.71 and 90 x 10/31 = 29.03, together 37.74. 142.26 go back.
    story.on("05-11 15:00")
    (credit,) = story.bill("05-11")
    assert (credit["kind"], credit["net_total"]) == ("credit_note", "-142.26")
    assert credit["credits_invoice_id"] == held["id"]
    receipts = ordered_back(story, lease)
    for asset, serial in ((kept, "SN-A"), (scrapped, "SN-B")):
        printed = story.web(cast.ada).get(f"/files/{receipts[asset]['receipt_file_id']}")
        assert serial in text_of(printed.data)

    # 12 May: the first is as it should be. The other's lid is cracked and the charger is gone: 480 to repair,
    # but it is worth 310. Nobody objects for 14 days.
    story.on("05-12 15:00")
    fine = {"grade": "B", "fair_market_value": "700"}
    assert story.post(ben, f"/v1/returns/{back[kept]['id']}/inspect", fine)["damage_charge"] == "0.00"
    found = story.post(
        ben,
        f"/v1/returns/{back[scrapped]['id']}/inspect",
        {
            "grade": "D",
            "fair_market_value": "310",
            "repair_cost": "480",
            "damage_notes": "Cracked lid",
            "kit_missing": ["charger"],
        },
    )
    assert (found["damage_charge"], found["dispute_until"]) == ("310.00", "2026-05-26")
    story.on("05-26 15:00")
    sweeps.close_undisputed(story.settings, story.now)
    assert story.bill("05-26") == []
    story.on("05-27 15:00")
    sweeps.close_undisputed(story.settings, story.now)
    (damage,) = story.bill("05-27")
    assert (damage["net_total"], damage["total"]) == ("310.00", "334.80")  # 8 percent of 310 is 24.80
    paper = text_of(story.get(cast.ada, f"/v1/invoices/{damage['id']}/pdf"))
    assert "Cracked lid; missing: charger" in paper
    # All of it, net: 360 + 180 - 142.26 + 310 = 707.74.
    every = story.get(fay, f"/v1/invoices?client_id={cast.acme.id}")["items"]
    assert sum(Decimal(row["net_total"]) for row in every) == Decimal("707.74")

    # Without a certificate neither goes on to anybody else nor away, whichever door is tried.
    story.on("06-01 15:00")
    story.post(ben, f"/v1/assets/{kept}/moves", {"verb": "refurbish"})
    assert_refused_everywhere(story, kept, "restock", client_id=cast.globex.id)
    story.post(ana, f"/v1/assets/{scrapped}/moves", {"verb": "retire"})
    assert_refused_everywhere(story, scrapped, "dispose")
    # A table of assets cannot move one either: the serial is known, and nothing is imported as disposed.
    rows = (
        "serial,maker,model,cost,state\nSN-B,Lenovo,ThinkPad T14,1,ready\nSN-X,Lenovo,ThinkPad T14,1,disposed"
    )
    table: Any = (
        story.api(ana).post("/v1/asset-imports", data={"file": (io.BytesIO(rows.encode()), "f.csv")}).json
    )
    assert [(error["row"], error["field"]) for error in table["errors"]] == [(2, "serial"), (3, "state")]
    # And were a door forgotten, the table itself refuses.
    with (
        pytest.raises(sa.exc.IntegrityError, match="disposed_holds_no_data"),
        db.unit_of_work(cast.tenant) as by_hand,
    ):
        by_hand.execute(sa.text("update asset set state = 'disposed' where id = :id"), {"id": scrapped})

    # 2 June. A mere clear is not enough for somebody else, and no wipe before it came back proves anything.
    story.on("06-02 15:00")
    wipes = f"/v1/assets/{kept}/wipe-certificates"
    weak = {**WIPE, "method": "clear", "destination": "redeploy"}
    assert story.post(ben, wipes, weak, refused=422)["code"] == "wipe_too_weak"
    early = {**weak, "method": "purge", "performed_at": datetime(2026, 4, 30, tzinfo=UTC).isoformat()}
    assert story.post(ben, wipes, early, refused=422)["code"] == "too_early"
    number, words = certified(story, kept, method="purge", destination="redeploy")
    for said in (number, "SN-A", "Acme Dental LLC", "Purge", "crypto erase", "Ben Technician", "Ana Owner"):
        assert said in words
    story.post(ben, f"/v1/assets/{kept}/moves", {"verb": "restock"})
    other, (place,) = story.offer(cast.globex.id, [laptop])
    story.post(cast.sam, f"/v1/leases/{other}/accept", {"signer": "Gil Globex"})
    story.deliver(other, place, kept, "Gil Globex")
    assert story.get(ana, f"/v1/assets/{kept}")["client_id"] == cast.globex.id

    # 15 June: the other was shredded, the metal brought 25.00. Its book bore February to May, 4 x 30.00, and
    # stood at 1,080.00: a loss of 1,055.00.
    number, words = certified(story, scrapped, method="destroy", destination="recycling")
    assert number in words
    story.on("06-15 15:00")
    gone = {"verb": "dispose", "reason": "Recycler", "proceeds": "25.00"}
    assert story.post(ana, f"/v1/assets/{scrapped}/moves", gone)["state"] == "disposed"
    story.work()
    for as_of, value, accumulated, gain in (
        ("2026-06-14", "1080.00", "120.00", None),
        ("2026-06-15", "0.00", "120.00", "-1055.00"),
    ):
        book = story.get(fay, f"/v1/assets/{scrapped}/depreciation?as_of={as_of}")
        assert (book["value"], book["accumulated"], book["gain"]) == (value, accumulated, gain)
    assert (book["book"]["disposed_on"], book["book"]["proceeds"]) == ("2026-06-15", "25.00")
    assert [entry["charge"] for entry in book["entries"]] == ["30.00"] * 4
    # Rent of 180.00 and 29.03, and 310.00 for the damage, less 1,200.00 of cost, with the 25.00: 655.97 lost.
    page = story.web(fay).get(f"/assets/{scrapped}/money").get_data(as_text=True)
    for said in ("Loss on disposal", "$1,055.00", "$25.00", "$209.03", "-$655.97"):
        assert said in page
    # What it brought in is for those who may see what it cost.
    timeline = f"/v1/assets/{scrapped}/timeline"
    assert ["proceeds" in str(story.get(user, timeline)) for user in (fay, ben)] == [True, False]
