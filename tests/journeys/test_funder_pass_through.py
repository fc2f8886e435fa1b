"""One laptop that a finance house pays for, told with dates: previewed, funded, paid, settled early."""

from __future__ import annotations

import pytest

from tests.journeys.story import Story

TERMS = {"amount": "1100.00", "annual_rate_pct": "6", "balloon": "100.00", "settlement_fee_pct": "1"}
ASKED = "&".join(f"{name}={value}" for name, value in TERMS.items())


@pytest.mark.timeout(300)
def test_funder_pass_through(story: Story) -> None:
    cast = story.cast
    sam, fay, ada = cast.sam, cast.fay, cast.ada

    # 5 January: a laptop of 1,200 for twelve months at 110.00 in advance; a funder is to pay for it.
    story.on("01-05 15:00")
    laptop = story.shelve("SN-A")
    agreement = story.post(sam, "/v1/agreements", {"client_id": cast.acme.id})
    terms = {"agreement_id": agreement["id"], "term_months": 12, "commercial_model": "pass_through"}
    lease = story.post(sam, "/v1/leases", terms)["id"]
    line = {"description": "ThinkPad T14", "model_id": story.model_id, "unit_price": "110.00"}
    place = story.post(sam, f"/v1/leases/{lease}/lines", line)["id"]
    story.post(sam, f"/v1/leases/{lease}/quote", {"valid_until": "2026-12-31"})
    funder = story.post(fay, "/v1/funders", {"name": "Elm Asset Finance", "account": "K-7"})["id"]

    # An offer has no rents that anybody could lend on.
    asked = {**TERMS, "funder_id": funder}
    early = story.post(fay, f"/v1/leases/{lease}/funding", asked, refused=409)
    assert early["code"] == "not_fundable"

    # 14 January: the client accepts. 1 February: it signs, and the term begins. 12 of 36 months, and the
    # hardware keeps 1,200 - 1,080 x 12 / 36 = 840: by either framework an operating lease.
    story.on("01-14 15:00")
    story.post(ada, f"/v1/leases/{lease}/accept", {"signer": "Ada Client"})
    story.on("02-01 15:00")
    story.deliver(lease, place, laptop, "Ada Client")
    classes = story.get(fay, f"/v1/leases/{lease}/classification")["items"]
    assert [(row["framework"], row["result"]) for row in classes] == [
        ("asc842", "operating"),
        ("ifrs16", "operating"),
    ]

    # What it would cost, before anything is agreed. 0.5 % a month: the balloon is worth 100 / 1.005^12 =
    # 94.19 today, an annuity-due of twelve 11.6770: (1,100 - 94.19) / 11.6770 = 86.14. The client owes
    # 12 x 110.00 = 1,320.00, the funder is owed 12 x 86.14 + 100.00 = 1,133.68: 186.32 stays.
    shown = story.get(fay, f"/v1/leases/{lease}/funding/preview?{ASKED}")
    assert (shown["funding"], shown["payment"]) == (None, "86.14")
    assert (shown["rent_total"], shown["to_funder_total"]) == ("1320.00", "1133.68")
    assert shown["margin_total"] == "186.32"
    assert story.get(fay, "/v1/fundings")["items"] == []

    # Agreed: once. Its schedule ends at nothing, and its first payment bears no interest.
    funding = story.post(fay, f"/v1/leases/{lease}/funding", asked)
    assert (funding["number"], funding["starts_on"], funding["payments"]) == ("F-00001", "2026-02-01", 12)
    again = story.post(fay, f"/v1/leases/{lease}/funding", asked, refused=409)
    assert again["code"] == "already_funded"
    rows = story.get(fay, f"/v1/fundings/{funding['id']}")["schedule"]
    assert (rows[0]["interest"], rows[0]["balance"]) == ("0.00", "1013.86")  # 1,100 - 86.14
    assert (rows[1]["interest"], rows[1]["balance"]) == ("5.07", "932.79")  # 1,013.86 x 0.5 %; - 81.07
    assert (rows[-1]["due_on"], rows[-1]["is_balloon"], rows[-1]["balance"]) == ("2027-02-01", True, "0.00")

    # 1 February and 1 March: two payments, the first one pressed twice.
    path = f"/v1/fundings/{funding['id']}"
    first = story.post(fay, f"{path}/payments", {"number": 1, "paid_on": "2026-02-01"})
    assert story.post(fay, f"{path}/payments", {"number": 1, "paid_on": "2026-02-01"})["id"] == first["id"]
    story.on("03-01 15:00")
    story.post(fay, f"{path}/payments", {"number": 2, "paid_on": "2026-03-01"})
    assert story.get(fay, path)["outstanding"] == "932.79"

    # Nobody but owner and finance sees any of it: no client, and not those who sell.
    for user in (ada, cast.vic, sam, cast.ben):
        assert story.api(user).get(path).status_code == 403
        assert story.web(user).get(f"/leases/{lease}/funding").status_code == 403
    assert story.api(cast.cleo).get(path).status_code == 404
    for page in (f"/leases/{lease}", f"/leases/{lease}?tab=rent", f"/leases/{lease}?tab=history"):
        told = story.web(ada).get(page).get_data(as_text=True)
        assert "Elm" not in told
        assert "86.14" not in told
    assert "186.32" in story.web(fay).get(f"/leases/{lease}/funding").get_data(as_text=True)

    # 16 March: quit with the funder. 932.79 is outstanding, 15 of 31 days of 0.5 % are 2.26, the fee is
    # 1 % = 9.33: together 944.38. The page shows it first, and the answer to yes is the same figure.
    story.on("03-16 15:00")
    owed = story.get(fay, f"{path}/settlement?on=2026-03-16")
    assert (owed["outstanding"], owed["interest"], owed["fee"]) == ("932.79", "2.26", "9.33")
    settle = f"/fundings/{funding['id']}/settle"
    page = story.web(fay).post(settle, data={"on": "2026-03-16"}).get_data(as_text=True)
    assert "944.38" in page
    assert story.get(fay, path)["funding"]["state"] == "active"
    done = story.web(fay).post(settle, data={"on": "2026-03-16", "confirmed": "1"})
    assert done.status_code == 303

    # The lease goes on, its rents are the partner's own: 1,320.00 - 2 x 86.14 - 944.38 = 203.34 stays.
    after = story.get(fay, path)
    assert (after["funding"]["state"], after["funding"]["settlement"]) == ("settled", "944.38")
    assert (after["margin_total"], after["outstanding"]) == ("203.34", "0.00")
    late = story.post(fay, f"{path}/payments", {"number": 3, "paid_on": "2026-04-01"}, refused=409)
    assert "settled" in late["title"]
    assert story.get(ada, f"/v1/leases/{lease}")["state"] == "active"
