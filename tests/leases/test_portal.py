"""The pages of leases: what each says, what it refuses, and how many questions it asks the database."""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

import pytest
import sqlalchemy as sa
from flask.testing import FlaskClient

from haas import clock, db
from haas.tenancy.scope import scoped
from leases import operations, queries, returns
from leases.amendment_models import Amendment
from leases.lifecycle import LeaseState
from leases.models import ReturnOrder
from leases.swaps import swap_asset
from tests.architecture.examples import leases as prepared
from tests.cast import Cast
from tests.leases.fleet import InService, a_model, a_spare, lease_in_service

ACCEPTED = datetime(2026, 3, 15, 15, 0, tzinfo=UTC)
LATER = datetime(2026, 9, 20, 15, 0, tzinfo=UTC)


@pytest.fixture
def made(cast: Cast) -> InService:
    """Two laptops in service at Acme since 15 March 2026, 100.00 a month each."""
    with db.unit_of_work(cast.tenant) as session:
        return lease_in_service(
            session,
            cast.tenant,
            client_id=cast.acme.id,
            site_id=cast.acme_site.id,
            accepted_at=ACCEPTED,
            lines=2,
        )


@pytest.fixture
def ana(web, cast: Cast) -> Any:
    return web(cast.ana)


@pytest.fixture
def ada(web, cast: Cast) -> Any:
    return web(cast.ada)


@contextmanager
def counted() -> Iterator[list[str]]:
    """The statements that are sent meanwhile, without those that only open a transaction."""
    sent: list[str] = []

    def note(_connection: Any, _cursor: Any, statement: str, *_: Any) -> None:
        if "set_config" not in statement:
            sent.append(statement)

    sa.event.listen(db.engine(), "before_cursor_execute", note)
    try:
        yield sent
    finally:
        sa.event.remove(db.engine(), "before_cursor_execute", note)


def text_of(browser: FlaskClient, path: str, status: int = 200) -> str:
    answer = browser.get(path)
    assert answer.status_code == status, (path, answer.status_code)
    return " ".join(answer.get_data(as_text=True).split())


class TestList:
    @pytest.mark.parametrize("number", [1, 25])
    def test_asks_the_same_few_questions_however_long_it_is(
        self, cast: Cast, made: InService, ana: Any, number: int
    ) -> None:
        with db.unit_of_work(cast.tenant) as session:
            for _ in range(number):
                operations.draft_lease(
                    session, cast.tenant, agreement_id=made.agreement.id, term_months=12, at=LATER
                )
        ana.get("/leases")  # statics and sessions are warm now
        with counted() as sent:
            text_of(ana, "/leases")
        # The session and its people 4, the shell's counts 1, then states, page, names, sums, clients.
        assert len(sent) <= 10, sent

    def test_shows_rent_client_and_state_and_narrows_by_tab(
        self, cast: Cast, made: InService, ana: Any
    ) -> None:
        with db.unit_of_work(cast.tenant) as session:
            draft = operations.draft_lease(
                session, cast.tenant, agreement_id=made.agreement.id, term_months=12, at=LATER
            )
        everything = text_of(ana, "/leases")
        assert "$200.00" in everything  # two lines of 100.00
        assert "Acme Dental" in everything
        assert draft.number in text_of(ana, "/leases?state=offers")
        assert draft.number not in text_of(ana, "/leases?state=active")
        assert made.lease.number in text_of(ana, f"/leases?q={made.lease.number.lower()}")
        assert "No lease matches" in text_of(ana, "/leases?q=zzz")

    def test_of_a_client_has_its_own_without_drafts(self, cast: Cast, made: InService, ada: Any) -> None:
        with db.unit_of_work(cast.tenant) as session:
            draft = operations.draft_lease(
                session, cast.tenant, agreement_id=made.agreement.id, term_months=12, at=LATER
            )
        listed = text_of(ada, "/leases")
        assert made.lease.number in listed
        assert draft.number not in listed
        text_of(ada, f"/leases/{draft.id}", status=404)

    def test_without_leases_offers_the_next_step(self, ana: Any) -> None:
        assert "Draft the first lease" in text_of(ana, "/leases")


class TestNewLease:
    def test_works_from_client_to_offer_without_scripts(self, cast: Cast, ana: Any) -> None:
        with db.unit_of_work(cast.tenant) as session:
            model = a_model(session, cast.tenant, at=ACCEPTED)
        assert cast.acme.name in text_of(ana, "/leases/new")
        assert "No agreement yet" in text_of(ana, f"/leases/new?client_id={cast.acme.id}")
        form = {**prepared.AGREEMENT_FORM, "client_id": cast.acme.id, "then": "lease"}
        terms = ana.post("/agreements/new", data=form).headers["Location"]
        agreement_id = terms.rsplit("=", 1)[1]
        assert "What is agreed with Acme Dental" in text_of(ana, terms)

        lines = ana.post("/leases/new", data={**prepared.TERMS_FORM, "agreement_id": agreement_id}).headers[
            "Location"
        ]
        added = ana.post(
            lines, data={"kind": "asset", "model_id": model.id, "unit_price": "30.00", "count": "3"}
        )
        assert added.status_code == 303
        page = text_of(ana, lines)
        assert page.count("Lenovo ThinkPad T14</td>") >= 3
        assert "$90.00" in page

        quote = lines.replace("/lines", "/quote")
        assert "$2,1" in text_of(ana, quote)  # 24 months x 90, and the days before the first billing day
        answer = ana.post(quote, data={"valid_until": "2099-01-01"}, follow_redirects=True)
        assert "Quoted" in answer.get_data(as_text=True)

    def test_keeps_what_was_typed_and_names_the_wrong_field(self, cast: Cast, ana: Any) -> None:
        with db.unit_of_work(cast.tenant) as session:
            agreement_id = prepared.an_agreement(session, cast)["agreement_id"]
        wrong = {**prepared.TERMS_FORM, "agreement_id": agreement_id, "term_months": "500", "title": "Kept"}
        answer = ana.post("/leases/new", data=wrong)
        page = answer.get_data(as_text=True)
        assert answer.status_code == 422
        assert 'value="Kept"' in page
        assert "field-term_months-error" in page


class TestRecord:
    @pytest.mark.parametrize("tab", ["summary", "rent", "assets", "history", "documents"])
    @pytest.mark.parametrize("who", ["ana", "sam", "fay", "ben", "ada", "vic"])
    def test_opens_for_everyone_who_may_read_it(
        self, cast: Cast, made: InService, web, tab: str, who: str
    ) -> None:
        browser = web(getattr(cast, who))
        with counted() as sent:
            page = text_of(browser, f"/leases/{made.lease.id}?tab={tab}")
        assert made.lease.number in page
        assert len(sent) <= 20, sent

    def test_shows_who_stands_there_and_who_stood_there(self, cast: Cast, made: InService, ana: Any) -> None:
        with db.unit_of_work(cast.tenant) as session:
            spare = a_spare(session, cast.tenant, model=made.model, at=ACCEPTED)
        ana.post(
            "/swaps/new",
            data={
                "outgoing_id": made.assets[0].id,
                "incoming_id": spare.id,
                "reason": "fault",
                "key": "k",
            },
        )
        page = text_of(ana, f"/leases/{made.lease.id}")
        assert spare.tag in page
        assert f"{made.assets[0].serial}: " in page
        assert "swapped, fault" in page
        history = text_of(ana, f"/leases/{made.lease.id}?tab=history")
        assert f"{made.assets[0].tag} swapped for {spare.tag}" in history

    def test_moves_its_rent_with_the_date(self, made: InService, ana: Any) -> None:
        # Interim 15 to 31 March: 100 x 17 / 31 = 54.84 for each of two lines.
        assert "$109.68" in text_of(ana, f"/leases/{made.lease.id}?tab=rent&as_of=2026-03-31")
        assert "$309.68" in text_of(ana, f"/leases/{made.lease.id}?tab=rent&as_of=2026-04-01")
        text_of(ana, f"/leases/{made.lease.id}?tab=rent&as_of=nonsense")

    def test_has_no_tab_by_another_name(self, made: InService, ana: Any) -> None:
        text_of(ana, f"/leases/{made.lease.id}?tab=lunch", status=404)


class TestAccept:
    def test_is_the_clients_own_word(self, cast: Cast, ada: Any) -> None:
        with db.unit_of_work(cast.tenant) as session:
            lease_id = prepared.a_quote(session, cast)["lease_id"]
        assert "Accept the offer" in text_of(ada, f"/leases/{lease_id}")
        assert 'value="Ada Client"' in text_of(ada, f"/leases/{lease_id}/accept")
        answer = ada.post(f"/leases/{lease_id}/accept", data={"signer": "Ada Client"}, follow_redirects=True)
        assert "Accepted" in answer.get_data(as_text=True)

    def test_of_an_offer_that_ran_out_is_refused_in_words(self, cast: Cast, ana: Any) -> None:
        with db.unit_of_work(cast.tenant) as session:
            made = prepared.a_draft(session, cast)
            operations.quote(
                session,
                cast.tenant,
                lease_id=made["lease_id"],
                valid_until=ACCEPTED.date(),
                at=ACCEPTED,
            )
        answer = ana.post(
            f"/leases/{made['lease_id']}/accept", data={"signer": "Ada", "accepted_on": "2026-10-01"}
        )
        assert answer.status_code == 422
        assert "The quote ran out" in answer.get_data(as_text=True)


class TestHandOver:
    def test_reserves_ships_and_is_signed_for_several_at_once(self, cast: Cast, ana: Any) -> None:
        with db.unit_of_work(cast.tenant) as session:
            made = prepared.accepted(session, cast)
        path = f"/leases/{made['lease_id']}"
        reserved = ana.post(f"{path}/reserve-all", follow_redirects=True).get_data(as_text=True)
        assert "1 device is reserved." in reserved
        asset_id = made["asset_id"]
        assert ana.post(f"{path}/ship", data={"asset_id": asset_id, "carrier": "DHL"}).status_code == 303
        assert "First rent day" in text_of(ana, f"{path}/sign")
        signed = ana.post(
            f"{path}/sign",
            data={"asset_id": asset_id, "signer_name": "Ada Client", "kit": "charger"},
            follow_redirects=True,
        )
        assert "1 device is in service." in signed.get_data(as_text=True)
        with db.unit_of_work(cast.tenant) as session:
            lease = queries.get_lease(session, cast.tenant, lease_id=made["lease_id"])
            (acceptance,) = queries.acceptances_of(session, cast.tenant, lease_id=made["lease_id"])
        assert lease.state == LeaseState.ACTIVE
        assert acceptance.kit == ["charger"]

    def test_says_when_nothing_fits(self, cast: Cast, ana: Any) -> None:
        with db.unit_of_work(cast.tenant) as session:
            made = prepared.a_quote(session, cast)
            operations.accept(
                session,
                cast.tenant,
                lease_id=made["lease_id"],
                signer="Ada",
                accepted_on=ACCEPTED.date(),
                at=ACCEPTED,
            )
        page = ana.post(f"/leases/{made['lease_id']}/reserve-all", follow_redirects=True)
        assert "there is no free device" in page.get_data(as_text=True)
        line = text_of(ana, f"/leases/{made['lease_id']}/lines/{made['line_id']}/reserve")
        assert "None of this model is free" in line


class TestNotice:
    def test_shows_what_a_late_notice_adds_before_it_is_given(
        self, made: InService, ana: Any, cast: Cast
    ) -> None:
        path = f"/leases/{made.lease.id}/notice"
        # The term ends on 31 March 2029. Notice on 28 February 2029 and 90 days: 28 May, exclusive 29 May.
        shown = ana.post(path, data={"noticed_on": "2029-02-28", "reason": ""}).get_data(as_text=True)
        assert "the term grows by 58 days" in shown  # 1 April to 29 May
        with db.unit_of_work(cast.tenant) as session:
            assert queries.get_lease(session, cast.tenant, lease_id=made.lease.id).state == "active"
        given = ana.post(path, data={"noticed_on": "2026-09-20", "recall_assets": "1", "confirmed": "1"})
        assert given.status_code == 303
        with db.unit_of_work(cast.tenant) as session:
            assert queries.get_lease(session, cast.tenant, lease_id=made.lease.id).state == "ending"
            assert len(queries.returns_of(session, cast.tenant, lease_id=made.lease.id)) == 2


class TestSwap:
    def test_takes_two_scans_and_a_yes(self, cast: Cast, made: InService, web) -> None:
        with db.unit_of_work(cast.tenant) as session:
            spare = a_spare(session, cast.tenant, model=made.model, at=ACCEPTED)
        ben = web(cast.ben)
        assert "Which device goes?" in text_of(ben, "/swaps/new")
        assert "Which device comes?" in text_of(ben, f"/swaps/new?outgoing={made.assets[0].serial}")
        preview = text_of(
            ben, f"/swaps/new?outgoing_id={made.assets[0].id}&incoming={spare.tag.lower()}&reason=fault"
        )
        assert "takes the place of" in preview
        assert "$100.00, unchanged" in preview
        with db.unit_of_work(cast.tenant) as session:
            assert queries.swaps_of(session, cast.tenant, lease_id=made.lease.id) == []
        form = {
            "outgoing_id": made.assets[0].id,
            "incoming_id": spare.id,
            "reason": "fault",
            "key": "key_1",
        }
        done = [ben.post("/swaps/new", data=form) for _ in range(2)]
        assert {answer.status_code for answer in done} == {303}
        assert done[0].headers["Location"] == done[1].headers["Location"]

    @pytest.mark.parametrize(
        ("query", "words"),
        [
            ("outgoing=NOTHING-1", "NOTHING-1"),
            ("outgoing_id={spare}", "does not stand on a lease now"),
            ("outgoing_id={first}&incoming_id={second}", "Cannot reserve an asset that is in service"),
        ],
    )
    def test_says_what_does_not_fit(
        self, cast: Cast, made: InService, ana: Any, query: str, words: str
    ) -> None:
        with db.unit_of_work(cast.tenant) as session:
            spare = a_spare(session, cast.tenant, model=made.model, at=ACCEPTED)
        filled = query.format(spare=spare.id, first=made.assets[0].id, second=made.assets[1].id)
        page = text_of(ana, f"/swaps/new?{filled}")
        assert 'role="alert"' in page
        assert words in page


class TestReturns:
    def test_list_asks_the_same_few_questions(self, cast: Cast, ana: Any) -> None:
        with db.unit_of_work(cast.tenant) as session:
            prepared.a_return(session, cast)
            prepared.collected(session, cast)
        ana.get("/returns")
        with counted() as sent:
            page = text_of(ana, "/returns")
        assert "R-00001" in page
        assert "R-00002" in page
        assert len(sent) <= 12, sent

    def test_charge_is_shown_before_it_is_recorded(self, cast: Cast, ana: Any) -> None:
        with db.unit_of_work(cast.tenant) as session:
            return_id = prepared.received(session, cast)["return_id"]
        path = f"/returns/{return_id}"
        shown = ana.post(f"{path}/inspect", data={**prepared.FINDINGS, "kit_present": "charger"})
        page = " ".join(shown.get_data(as_text=True).split())
        assert "The client is charged $310.00." in page
        assert "$480.00" in page
        recorded = ana.post(
            f"{path}/inspect", data={**prepared.FINDINGS, "confirmed": "1"}, follow_redirects=True
        )
        assert "Charge open" in recorded.get_data(as_text=True)
        with db.unit_of_work(cast.tenant) as session:
            order = queries.get_return(session, cast.tenant, return_id=return_id)
        assert order.kit_missing == ["charger"]  # not ticked as present

    def test_wrong_serial_is_refused_beside_the_form(self, cast: Cast, ana: Any) -> None:
        with db.unit_of_work(cast.tenant) as session:
            return_id = prepared.collected(session, cast)["return_id"]
        answer = ana.post(f"/returns/{return_id}/receive", data={"serial_seen": "WRONG-1"})
        assert answer.status_code == 422
        assert "Set it apart" in answer.get_data(as_text=True)

    def test_client_asks_watches_and_objects(self, cast: Cast, made: InService, ada: Any) -> None:
        assert "Give a device back" in text_of(ada, f"/leases/{made.lease.id}")
        assert made.assets[0].tag in text_of(ada, f"/returns/ask?lease_id={made.lease.id}")
        asked = ada.post(
            "/returns/ask",
            data={"asset_id": made.assets[0].id, "reason": "not needed", "due_on": "2099-01-01"},
            follow_redirects=True,
        )
        assert "Asked for" in asked.get_data(as_text=True)
        with db.unit_of_work(cast.tenant) as session:
            inspected = prepared.inspected(session, cast)["return_id"]
        assert "Object to the charge" in text_of(ada, f"/returns/{inspected}")
        answer = ada.post(f"/returns/{inspected}/dispute", follow_redirects=True)
        assert "The charge is disputed" in answer.get_data(as_text=True)

    @pytest.mark.parametrize(("person", "path"), [("ana", "/returns/new"), ("ada", "/returns/ask")])
    def test_early_is_asked_for_at_the_charge_that_was_shown(
        self, cast: Cast, made: InService, web: Any, person: str, path: str
    ) -> None:
        with db.unit_of_work(cast.tenant) as session:
            agreement = queries.get_agreement(session, cast.tenant, agreement_id=made.agreement.id)
            agreement.early_return_policy, agreement.early_return_pct = "remaining_rents", Decimal(50)
        browser, today = web(getattr(cast, person)), clock.today(made.lease.time_zone)
        wanted = {"asset_id": made.assets[0].id, "reason": "spare", "due_on": today.isoformat()}
        first = browser.post(path, data=wanted)
        shown = re.search(r'name="shown_charge" value="([0-9.]+)"', first.get_data(as_text=True))
        assert shown is not None
        assert "leaving early costs" in first.get_data(as_text=True)
        later = {**wanted, "due_on": (today + timedelta(days=70)).isoformat(), "shown_charge": shown[1]}
        assert "leaving early costs" in browser.post(path, data=later).get_data(
            as_text=True
        )  # another figure
        assert browser.post(path, data={**wanted, "shown_charge": shown[1]}).status_code == 303

        with db.unit_of_work(cast.tenant) as session:
            order = session.scalars(scoped(ReturnOrder, cast.tenant)).one()
            returns.collect(session, cast.tenant, return_id=order.id, at=clock.now())
            serial = made.assets[0].serial or ""
            returns.receive(session, cast.tenant, return_id=order.id, at=clock.now(), serial_seen=serial)
            row = session.scalars(
                scoped(Amendment, cast.tenant).where(Amendment.reason == order.number)
            ).one()
            assert row.charge == Decimal(shown[1])  # what was shown is what is charged

    def test_that_costs_nothing_says_so(self, made: InService, ada: Any) -> None:
        assert "no charge for leaving early" in text_of(ada, f"/returns/ask?asset_id={made.assets[0].id}")

    def test_of_a_device_with_data_asks_for_its_wipe(self, cast: Cast, ana: Any) -> None:
        with db.unit_of_work(cast.tenant) as session:
            return_id = prepared.inspected(session, cast)["return_id"]
        assert "Certify the wipe" in text_of(ana, f"/returns/{return_id}")


class TestAssetMoney:
    def test_is_a_part_of_the_assets_page_and_a_page_of_its_own(self, made: InService, ana: Any) -> None:
        path = f"/assets/{made.assets[0].id}/money"
        assert path in text_of(ana, f"/assets/{made.assets[0].id}?tab=money")
        part = ana.get(f"{path}?as_of=2026-05-31", headers={"HX-Request": "true"}).get_data(as_text=True)
        assert "<html" not in part
        # 1,200 less three months of 30.00; rent 54.84 interim and 100.00 for April and May.
        assert "$1,110.00" in part
        assert "$254.84" in part
        assert "<html" in text_of(ana, path)

    def test_is_not_for_technicians_or_clients(self, made: InService, web, cast: Cast) -> None:
        path = f"/assets/{made.assets[0].id}/money"
        assert web(cast.ben).get(path).status_code == 403
        assert web(cast.ada).get(path).status_code == 403
        assert path not in text_of(web(cast.ben), f"/assets/{made.assets[0].id}?tab=money")

    def test_splits_the_rent_of_a_swapped_line_by_days(self, cast: Cast, made: InService, ana: Any) -> None:
        with db.unit_of_work(cast.tenant) as session:
            spare = a_spare(session, cast.tenant, model=made.model, at=ACCEPTED)
            swap_asset(
                session,
                cast.tenant,
                outgoing_id=made.assets[0].id,
                incoming_id=spare.id,
                reason="fault",
                at=datetime(2026, 4, 11, 15, 0, tzinfo=UTC),
            )
        old = text_of(ana, f"/assets/{made.assets[0].id}/money?as_of=2026-04-30")
        new = text_of(ana, f"/assets/{spare.id}/money?as_of=2026-04-30")
        assert "$88.17" in old  # 54.84 interim, and 10 of April's 30 days: 33.33
        assert "$66.67" in new  # 20 days, the day of the swap is its own


class TestAssetHistory:
    @staticmethod
    def table(page: str) -> list[list[str]]:
        """The rows of the tracks' table: side, what held, from, until, detail."""
        rows = re.findall(r"<tr>(.*?)</tr>", page.partition('class="chart-table tracks-list"')[2])
        return [
            [" ".join(re.sub(r"<[^>]+>", "", cell).split()) for cell in re.findall(r"<td.*?</td>", row)]
            for row in rows[1:]
        ]

    def test_shows_six_tracks_on_one_axis_with_a_table_that_says_the_same(
        self, made: InService, ana: Any
    ) -> None:
        page = text_of(ana, f"/assets/{made.assets[0].id}?tab=history")

        rows = self.table(page)
        assert list(dict.fromkeys(row[0] for row in rows)) == [
            "State",
            "Custody",
            "Contract",
            "Ownership",
            "Books",
        ]
        assert ["Contract", f"{made.lease.number}, Active"] in [row[:2] for row in rows]
        assert ["Custody", "Acme Dental"] in [row[:2] for row in rows]
        assert page.count('class="tracks-name"') == 6  # of its health nothing is known: the row says so
        assert "Nothing on record" in page
        assert "Signed for by Ada Client" in page

    def test_of_a_client_tells_what_is_the_clients(self, made: InService, ada: Any) -> None:
        page = text_of(ada, f"/assets/{made.assets[0].id}?tab=history")

        rows = self.table(page)
        assert {row[0] for row in rows} == {"Custody", "Contract"}
        assert "In our own hands" not in page.partition('<svg class="tracks-drawing')[2]

    def test_keeps_the_books_to_those_who_read_them(self, made: InService, web, cast: Cast) -> None:
        page = text_of(web(cast.ben), f"/assets/{made.assets[0].id}?tab=history")

        assert "Books" not in {row[0] for row in self.table(page)}

    @pytest.mark.parametrize("tab", ["summary", "health", "money", "documents", "history"])
    def test_asks_the_database_a_bounded_number_of_questions(
        self, made: InService, ana: Any, tab: str
    ) -> None:
        path = f"/assets/{made.assets[0].id}?tab={tab}"
        text_of(ana, path)
        with counted() as sent:
            text_of(ana, path)
        assert len(sent) <= 20, "\n\n".join(sent)


class TestAssetDocuments:
    def test_lists_what_was_signed_and_says_what_is_being_printed(self, made: InService, ana: Any) -> None:
        page = text_of(ana, f"/assets/{made.assets[0].id}?tab=documents")

        assert "Certificate of acceptance" in page
        assert "Signed by Ada Client" in page
        assert "being printed" in page


class TestStranger:
    def test_finds_nothing_of_another_partner(self, cast: Cast, made: InService, web) -> None:
        cleo = web(cast.cleo)
        for path in (
            f"/leases/{made.lease.id}",
            f"/leases/{made.lease.id}/notice",
            f"/agreements/{made.agreement.id}",
            f"/assets/{made.assets[0].id}/money",
            f"/returns/new?asset_id={made.assets[0].id}",
        ):
            assert cleo.get(path).status_code == 404, path
        hidden = text_of(cleo, f"/swaps/new?outgoing_id={made.assets[0].id}")
        assert made.assets[0].tag not in hidden
