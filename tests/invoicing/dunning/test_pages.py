"""The pages of collections: who to call, what a client disputes, the rules with their texts filled in."""

from __future__ import annotations

import re
from collections.abc import Callable
from datetime import date
from decimal import Decimal

from flask.testing import FlaskClient

from haas import db
from haas.tenancy.models import Partner
from invoicing.money.rate_rules import DayRate
from invoicing.money.rates import add_rates
from tests.architecture.examples.dunning import disputed, paused
from tests.cast import Cast
from tests.invoicing.test_portal import text_of
from tests.invoicing.world import NOW, an_invoice

Web = Callable[..., FlaskClient]


class TestCollections:
    def test_tell_staff_who_to_call_and_a_client_what_it_disputes(self, cast: Cast, web: Web) -> None:
        with db.unit_of_work(cast.tenant) as session:
            values = disputed(session, cast)
        shown = {
            "/": ["1 invoice is disputed"],
            "/collections": ["Acme", "Disputed", "168.48"],
            f"/collections/clients/{cast.acme.id}": ["Open invoices", "The device is faulty"],
            "/collections/ageing": ["Acme", "More than 90 days", "168.48"],
            "/settings/reminders": ["Friendly reminder", "3 days before it is due"],
            "/settings/reminders/steps/3": ["Last reminder", "Filled in where they stand"],
            "/settings/reminders/steps/4": ["New step"],
            f"/invoice-disputes/{values['dispute_id']}": ["Broken.", "Reject: the invoice stays as it is"],
            f"/invoices/{values['invoice_id']}": ["Reminders and disputes", "The device is faulty"],
        }
        fay, ana = web(cast.fay), web(cast.ana)
        for address, words in shown.items():
            page = text_of((ana if "settings" in address else fay).get(address))
            for word in words:
                assert word in page, (address, word)
        table = fay.get("/collections/ageing?format=csv&as_of=2026-04-20").text
        assert "Acme Dental,USD,0.00,168.48,0.00,0.00,0.00,168.48" in table
        assert "168.48" not in fay.get("/collections/ageing?format=csv&as_of=2026-03-01").text
        assert "All currencies" not in text_of(fay.get("/collections/ageing"))
        ada = web(cast.ada)
        assert "Broken." in text_of(ada.get(f"/invoice-disputes/{values['dispute_id']}"))
        assert "Disputed" in text_of(ada.get(f"/invoices/{values['invoice_id']}"))
        assert ada.get("/collections").status_code == 403

    def test_tell_what_is_open_in_the_partners_currency_and_what_has_no_rate(
        self, cast: Cast, web: Web
    ) -> None:
        with db.unit_of_work(cast.tenant) as session:
            an_invoice(session, cast.tenant, client_id=cast.acme.id)
            session.get_one(Partner, cast.northwind.id).currency = "EUR"
        fay = web(cast.fay)
        assert "no exchange rate of the last month is on file: USD" in text_of(fay.get("/collections/ageing"))
        with db.unit_of_work(cast.tenant) as session:
            rate = DayRate("EUR", "USD", date(2026, 4, 20), Decimal("1.25"))
            add_rates(session, cast.tenant, rows=[rate], source="ecb", at=NOW)
        page = text_of(fay.get("/collections/ageing?as_of=2026-04-30"))
        # 168.48 / 1.25
        for word in ("All currencies, in EUR", "134.78", "1 USD is 0.8 EUR, of", "European Central Bank"):
            assert word in page, word

    def test_show_a_letter_before_it_is_sent_and_what_a_decision_credits(self, cast: Cast, web: Web) -> None:
        with db.unit_of_work(cast.tenant) as session:
            values = disputed(session, cast)
        fay = web(cast.fay)
        decided = {"state": "accepted", "decision": "It was broken.", "step": "preview"}
        page = text_of(fay.post(f"/invoice-disputes/{values['dispute_id']}/decide", data=decided))
        assert "A credit note is issued; the client reads why." in page
        fay.post(f"/invoice-disputes/{values['dispute_id']}/decide", data={**decided, "step": "confirm"})
        assert "Credited" in text_of(fay.get(f"/invoices/{values['invoice_id']}"))

    def test_refuse_a_text_that_names_what_cannot_be_filled_in(self, cast: Cast, web: Web) -> None:
        with db.unit_of_work(cast.tenant) as session:
            paused(session, cast)
        ana = web(cast.ana)
        step = {"name": "Call", "days": "40", "subject_en": "{numbers}", "text_en": "{client} {secret}"}
        answer = ana.post("/settings/reminders/steps/4", data=step)
        assert answer.status_code == 422
        assert "{secret} cannot be filled in" in text_of(answer)
        good = {**step, "text_en": "Dear {client}: {amount}", "step": "preview"}
        assert "Dear Acme" in text_of(ana.post("/settings/reminders/steps/4", data=good))


class TestTwoWhoChangeAPlan:
    def test_never_save_over_a_step_that_they_have_not_seen(self, cast: Cast, web: Web, api: Web) -> None:
        ana = web(cast.ana)
        step = "/settings/reminders/steps/1"
        (shown,) = re.findall(r'name="shown" value="(\w+)"', ana.get(step).text)
        assert ana.post("/settings/reminders/steps/0/remove").status_code == 303  # what was 1 is 0 now

        typed = {
            "name": "Mine",
            "days": "6",
            "subject_en": "{numbers}",
            "text_en": "{client}",
            "shown": shown,
        }
        answer = ana.post(step, data=typed)
        assert answer.status_code == 422
        for word in ("Somebody changed the steps of this plan", "Mine"):
            assert word in text_of(answer), word
        removed = ana.post(f"{step}/remove?shown={shown}", follow_redirects=True)
        assert "Somebody changed the steps of this plan" in text_of(removed)
        program = api(cast.ana)
        names = [each["name"] for each in program.get("/v1/dunning/policy").get_json()["plan"]["steps"]]
        assert names == ["First reminder", "Second reminder", "Last reminder"]

    def test_keep_by_the_interface_what_changed_since_it_was_read(
        self, cast: Cast, web: Web, api: Web
    ) -> None:
        program = api(cast.ana)
        read = program.get("/v1/dunning/policy")
        web(cast.ana).post("/settings/reminders/steps/0/remove")
        tag = {"If-Match": read.headers["ETag"]}
        refused = program.put("/v1/dunning/policy", json=read.get_json(), headers=tag)
        assert (refused.status_code, refused.get_json()["code"]) == (412, "changed_meanwhile")
        tag = {"If-Match": program.get("/v1/dunning/policy").headers["ETag"]}
        assert program.put("/v1/dunning/policy", json=read.get_json(), headers=tag).status_code == 200
