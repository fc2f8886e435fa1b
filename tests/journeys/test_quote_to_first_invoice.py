"""Three laptops, told with dates: quoted three ways, signed by link, staged, bought, handed over, billed."""

from __future__ import annotations

import email
import email.policy
import re
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest

from leases.quotes import jobs
from tests.journeys.story import Story
from tests.paper import text_of

TERMS = "1. Rent is due in advance.\n\n2. The devices stay our property."


def mails(story: Story, message: str) -> list[Any]:
    """What was mailed of one kind, oldest first."""
    folder = Path(urlsplit(story.settings.mail_url).path)
    found = [
        email.message_from_bytes(path.read_bytes(), policy=email.policy.default)
        for path in sorted(folder.glob(f"*-{message}.eml"), key=lambda path: path.stat().st_mtime_ns)
    ]
    return [mail for mail in found if story.cast.northwind.name in str(mail["From"])]


def attached(mail: Any) -> bytes:
    """The paper that goes with a mail."""
    (paper,) = mail.iter_attachments()
    content: bytes = paper.get_content()
    return content


def option(story: Story, quote: str, title: str, price: str, **terms: Any) -> str:
    """An option of three laptops with a care pack each; answers its id."""
    sam = story.cast.sam
    made = story.post(sam, f"/v1/quotes/{quote}/options", {"title": title, **terms})["options"][-1]["id"]
    lines = f"/v1/quotes/{quote}/options/{made}/lines"
    story.post(sam, lines, {"model_id": story.model_id, "quantity": "3", "unit_price": price})
    care = {"kind": "service", "description": "Care pack", "quantity": "3", "unit_price": "5.00"}
    story.post(sam, lines, care)
    return str(made)


@pytest.mark.timeout(300)
def test_quote_to_first_invoice(story: Story) -> None:
    cast = story.cast
    sam, ben = cast.sam, cast.ben

    # 5 January: terms and the tax rate are on file; two laptops are on the shelf, three are wanted.
    story.on("01-05 15:00")
    story.tax("8.000", since="2020-01-01")
    story.post(cast.ana, "/v1/terms", {"version": "2026-01", "body": TERMS})
    first, second = story.shelve("SN-A"), story.shelve("SN-B")
    quote = story.post(sam, "/v1/quotes", {"client_id": cast.acme.id, "title": "Laptops"})["id"]
    option(story, quote, "Rental", "59.00", term_months=12, commercial_model="rental")
    lease_of_36 = option(story, quote, "36 months", "39.90", term_months=36, early_return_pct="25")
    option(
        story,
        quote,
        "48 months with buyout",
        "33.00",
        term_months=48,
        end_option="buyout_fixed",
        buyout_price="36.00",
    )
    # 3 x 39.90 + 3 x 5.00 = 134.70. A price at the end of 36.00 is a hundredth of 3 x 1,200: nominal.
    seen = {each["title"]: each for each in story.get(sam, f"/v1/quotes/{quote}")["options"]}
    assert [each["monthly"] for each in seen.values()] == ["192.00", "134.70", "114.00"]
    assert [each["assessment"]["is_nominal"] for each in seen.values()] == [False, False, True]
    assert seen["48 months with buyout"]["assessment"]["classes"][0]["result"] == "sales_type"

    # 6 January: it is sent, and the client's contact gets the paper with a link; nobody there sees a cost.
    story.on("01-06 15:00")
    sent = story.post(sam, f"/v1/quotes/{quote}/send", {"valid_until": "2026-01-31"})
    story.work()
    (letter,) = mails(story, "quote_sent")
    assert cast.acme.email in str(letter["To"])
    paper = text_of(attached(letter))
    for words in (
        "Q-00001-1",
        "Acme Dental LLC",
        "$134.70",
        "48 months with buyout",
        "Terms, version 2026-01",
    ):
        assert words in paper
    assert "1,200" not in paper
    offered = story.get(cast.ada, f"/v1/quotes/{quote}")
    assert offered["options"] == []
    # Leaving after a year: 24 x 134.70 x 25 % = 808.20.
    assert offered["offer"][1]["leaving_early"][11] == {"after_months": 12, "charge": "808.20"}

    # 8 January: the practice manager opens the link, asks, and signs for 36 months. No account is needed.
    story.on("01-08 15:00")
    found = re.search(r"/offers/[\w-]+", letter.get_body(("plain",)).get_content())
    assert found is not None
    link, stranger = found.group(), story.web(None)
    page = stranger.get(link).get_data(as_text=True)
    assert "$134.70" in page
    assert "1,200" not in page
    asked = {"text": "With a docking station?", "asked_by": "Ada Client"}
    assert stranger.post(f"{link}/questions", data=asked).status_code == 303
    signature = {
        "signer_name": "Ada Client",
        "signer_title": "Practice manager",
        "agreed": "1",
        "document_sha256": sent["document_sha256"],
    }
    for _ in range(2):  # pressed twice
        stranger.post(f"{link}/options/{lease_of_36}", data=signature)
    story.work()
    assert "Ada Client accepted the option 36 months" in stranger.get(link).get_data(as_text=True)
    kept = story.get(sam, f"/v1/quotes/{quote}/acceptance")
    assert (kept["signer_name"], kept["via"], kept["document_sha256"]) == (
        "Ada Client",
        "link",
        sent["document_sha256"],
    )
    assert len(mails(story, "quote_question")) == 2  # Ana and Sam
    to_all = mails(story, "quote_accepted")
    assert len(to_all) == 3  # the contact, Ana, Sam
    signed_paper = text_of(attached(to_all[0]))
    for words in ("Acceptance of quote", "Practice manager", "L-00001", sent["document_sha256"][:32]):
        assert words in signed_paper

    # One lease came of it: a place for each laptop; two are reserved, the third is to be bought.
    (lease,) = story.get(sam, f"/v1/leases?client_id={cast.acme.id}")["items"]
    assert (lease["id"], lease["state"], lease["commercial_model"]) == (kept["lease_id"], "accepted", "term")
    lines = story.get(ben, f"/v1/leases/{lease['id']}/lines")
    assert sorted((row["kind"], row["unit_price"]) for row in lines) == [
        *[("asset", "39.90")] * 3,
        ("service", "5.00"),
    ]
    (need,) = story.get(sam, "/v1/purchase-needs")["items"]
    assert (need["quantity"], need["state"], need["needed_by"]) == (1, "open", "2026-01-22")  # in 14 days

    # 9 January: it is ordered. 13 January: it arrives, which closes the need, and is reserved.
    story.on("01-09 15:00")
    story.post(sam, f"/v1/purchase-needs/{need['id']}/order", {"reference": "PO-77"})
    story.on("01-13 15:00")
    third = story.shelve("SN-C")
    jobs.recount_needs(story.settings, story.now)
    assert story.get(sam, f"/v1/purchase-needs/{need['id']}")["state"] == "received"
    reserved = story.post(ben, f"/v1/purchase-needs/{need['id']}/reserve")
    assert reserved == {"reserved": 1}

    # 19 January: all three are signed for.
    story.on("01-15 15:00")
    for asset in (first, second, third):
        story.post(ben, f"/v1/leases/{lease['id']}/assets/{asset}/ship", {"carrier": "Courier"})
    story.on("01-19 15:00")
    for asset in (first, second, third):
        story.post(ben, f"/v1/leases/{lease['id']}/assets/{asset}/accept", {"signer_name": "Ada Client"})
    story.work()

    # 1 February. Interim rent of 13 of 31 days: 3 x 16.73 (39.90 x 13/31) + 6.29 (15.00 x 13/31) = 56.48;
    # February 134.70. Net 191.18, 8 percent of it 15.29 (15.2944), together 206.47.
    story.on("02-01 15:00")
    (invoice,) = story.bill("02-01")
    assert (invoice["net_total"], invoice["tax_total"], invoice["total"]) == ("191.18", "15.29", "206.47")

    # A second quote runs out unanswered: 31 March is its last day in New York.
    other = story.post(sam, f"/v1/quotes/{quote}/duplicate")["id"]
    story.post(sam, f"/v1/quotes/{other}/send", {"valid_until": "2026-03-31"})
    story.work()
    story.now = datetime(2026, 4, 1, 3, 59, tzinfo=UTC)  # one minute before midnight there
    jobs.expire(story.settings, story.now)
    assert story.get(sam, f"/v1/quotes/{other}")["state"] == "sent"
    story.now = datetime(2026, 4, 1, 4, 0, tzinfo=UTC)
    jobs.expire(story.settings, story.now)
    story.work()
    assert story.get(sam, f"/v1/quotes/{other}")["state"] == "expired"
    assert "has run out" in str(mails(story, "quote_expired")[0]["Subject"])
