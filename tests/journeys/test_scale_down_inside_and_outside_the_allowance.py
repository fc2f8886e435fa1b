"""Four laptops, told with dates: one goes back inside the allowance, the next beyond it, as it was shown."""

from __future__ import annotations

from typing import Any

import pytest

from tests.journeys.story import Story
from tests.paper import text_of


@pytest.mark.timeout(300)
def test_scale_down_inside_and_outside_the_allowance(story: Story) -> None:
    cast = story.cast
    sam, ada, fay = cast.sam, cast.ada, cast.fay

    # 5 January: a quarter of the places may go back a year, with 30 days of notice; beyond that, 40 percent
    # of the remaining rents are owed. 1 February: four laptops are signed for, 50.00 a month each, 24 months.
    story.on("01-05 15:00")
    story.tax("8.000", since="2020-01-01")
    laptop = {"description": "ThinkPad T14", "model_id": story.model_id, "unit_price": "50.00"}
    lease, places = story.offer(
        cast.acme.id,
        [laptop] * 4,
        flex_down_pct="25",
        flex_down_notice_days=30,
        early_return_policy="remaining_rents",
        early_return_pct="40",
    )
    story.post(ada, f"/v1/leases/{lease}/accept", {"signer": "Ada Client"})
    assets = [story.shelve(f"SN-{letter}") for letter in "ABCD"]
    story.on("02-01 15:00")
    for place, asset in zip(places, assets, strict=True):
        story.deliver(lease, place, asset, "Ada Client")
    (february,) = story.bill("02-01")
    assert february["net_total"] == "200.00"

    # 10 May: Acme asks to give two back on 1 June. That is 22 days of notice, and the allowance wants 30:
    # both would cost 40 percent of 20 rents of 50.00, which is 400.00 each. Nobody agrees.
    story.on("03-01 15:00")
    story.bill("03-01")
    story.on("04-01 15:00")
    story.bill("04-01")
    story.on("05-01 15:00")
    story.bill("05-01")
    story.on("05-10 15:00")
    address = f"/v1/leases/{lease}/amendments"
    soon = {"effective_on": "2026-06-01", "line_ids": places[:2]}
    asked = story.post(ada, f"/v1/leases/{lease}/amendment-requests", {**soon, "reason": "too many"})
    assert (asked["state"], asked["charge"], asked["covered_lines"]) == ("draft", "800.00", 0)
    story.post(sam, f"{address}/{asked['id']}/reject", {"reason": "wait for the notice"})

    # For 15 June the notice is kept: one place goes free, the preview says so. In June it has 14 of 30 days,
    # 23.33 instead of 50.00.
    inside = {"kind": "scale_down", "effective_on": "2026-06-15", "line_ids": [places[0]]}
    shown = story.post(sam, f"{address}/preview", inside)
    assert (shown["charge"], shown["covered_lines"], shown["bill_on"]) == ("0.00", 1, "2026-07-01")
    # By 1 July June and July are due: 400.00 before, 173.33 + 150.00 = 323.33 after; with 8 percent of tax.
    assert (shown["bill_before"]["total"], shown["bill_after"]["total"]) == ("432.00", "349.20")
    assert story.get(sam, address)["items"][0]["state"] == "rejected"  # the preview left nothing
    done = story.post(sam, address, inside)
    assert (done["state"], done["charge"]) == ("applied", "0.00")
    story.on("06-01 15:00")
    (june,) = story.bill("06-01")
    assert june["net_total"] == "173.33"  # 3 x 50.00 + 50.00 x 14/30

    # 10 June: a second place, for 1 August. The year's one is used: 40 percent of 18 rents of 50.00, 360.00.
    story.on("06-10 15:00")
    outside = {"kind": "scale_down", "effective_on": "2026-08-01", "line_ids": [places[1]]}
    shown = story.post(sam, f"{address}/preview", outside)
    assert (shown["charge"], shown["covered_lines"]) == ("360.00", 0)
    assert shown["shown"]["allowance"]["used"] == 1
    done = story.post(sam, address, outside)

    # The laptops come back on the last day of each: rent ends as agreed, and nothing is charged again.
    for serial, asset, at in (("SN-A", assets[0], "06-14 15:00"), ("SN-B", assets[1], "07-31 15:00")):
        story.on(at)
        (order,) = story.get(sam, f"/v1/returns?asset_id={asset}")["items"]
        story.post(cast.ben, f"/v1/returns/{order['id']}/collect")
        story.post(cast.ben, f"/v1/returns/{order['id']}/receive", {"serial_seen": serial})
        if serial == "SN-A":
            story.on("07-01 15:00")
            (july,) = story.bill("07-01")
            assert july["net_total"] == "150.00"  # 3 x 50.00

    # 1 August: two rents and the charge, once: 100.00 + 360.00, 8 percent of it 36.80.
    story.on("08-01 15:00")
    (august,) = story.bill("08-01")
    assert (august["net_total"], august["tax_total"], august["total"]) == ("460.00", "36.80", "496.80")
    lines = story.get(fay, f"/v1/invoices/{august['id']}")["lines"]
    assert [(row["kind"], row["net"]) for row in lines if row["kind"] == "early_return"] == [
        ("early_return", "360.00")
    ]
    assert story.bill("08-01") == []

    # What happened stands on the lease, each with its paper, which the client's own people can open.
    story.work()
    rows: list[dict[str, Any]] = story.get(ada, address)["items"]
    assert [(row["state"], row["charge"]) for row in rows] == [
        ("applied", "360.00"),
        ("applied", "0.00"),
        ("rejected", "800.00"),
    ]
    paper = text_of(story.web(ada).get(f"/files/{rows[0]['file_id']}").get_data())
    for words in (rows[0]["number"], "ThinkPad T14", "Jul 31, 2026", "$360.00", "900.00"):
        assert words in paper
