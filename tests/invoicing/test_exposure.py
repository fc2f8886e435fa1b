"""What a client owes against its credit limit, and that nobody gets it beyond it unasked."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, date, datetime
from decimal import Decimal
from typing import Any

import pytest
import sqlalchemy as sa
from flask.testing import FlaskClient
from sqlalchemy.orm import Session

from haas import db
from haas.audit import AuditEntry
from haas.money import round_minor
from haas.tenancy.models import Client, Partner
from invoicing.charges import imports
from invoicing.charges.models import Charge
from invoicing.charges.operations import NewCharge, charge_client, make_charge
from invoicing.credit_limit import Exposure
from invoicing.exposure import exposure_of, over_limit
from invoicing.money.balances import grant
from leases import client_requests, operations, queries
from leases.amendments import operations as amendments
from leases.amendments.wanted import Wanted
from leases.credit import OverCreditLimit
from leases.models import Lease
from tests.architecture.examples.leases import a_quote
from tests.cast import Cast
from tests.invoicing.test_concurrency import at_once
from tests.invoicing.test_portal import text_of
from tests.invoicing.world import ACCEPTED, NOW, a_lease, a_rate, an_invoice, counted_statements
from tests.leases.fleet import lease_in_service

APRIL_20 = date(2026, 4, 20)
AT = datetime(2026, 4, 20, 12, tzinfo=UTC)
Web = Callable[..., FlaskClient]


def limit(session: Session, cast: Cast, amount: str, *, beyond: str = "block") -> Client:
    """Acme with a limit, and what happens beyond it."""
    partner = session.get_one(Partner, cast.northwind.id)
    partner.policies = {**partner.policies, "dunning": {"beyond_limit": beyond}}
    acme = session.get_one(Client, (cast.northwind.id, cast.acme.id))
    acme.credit_limit = Decimal(amount)
    a_rate(session, cast.tenant)
    session.flush()
    return acme


def a_fee(cast: Cast, price: str = "100.00", **more: object) -> NewCharge:
    """With 8 % of tax 108.00, if it is 100."""
    return NewCharge(cast.acme.id, "Set-up", Decimal(price), APRIL_20, **more)  # type: ignore[arg-type]


class TestAnExposure:
    def test_is_the_sum_of_its_parts_against_the_limit(self) -> None:
        found = Exposure("c", "EUR", Decimal(1000), invoices=Decimal(900), credit=Decimal(-150))
        assert found.total == Decimal(750)
        assert found.left == Decimal(250)
        assert found.used_pct == Decimal(75)
        assert not found.is_over
        assert Exposure("c", "EUR", Decimal(0), rent=Decimal(1)).is_over
        assert not Exposure("c", "EUR", None, rent=Decimal(1)).is_over

    def test_counts_invoices_rent_charges_and_what_is_accepted_less_the_credit(
        self, session: Session, cast: Cast
    ) -> None:
        acme = limit(session, cast, "1000")
        an_invoice(session, cast.tenant, client_id=acme.id)
        make_charge(session, cast.tenant, wanted=a_fee(cast), at=NOW)
        lease_id = a_quote(session, cast)["lease_id"]
        operations.accept(session, cast.tenant, lease_id=lease_id, signer="Ada", accepted_on=APRIL_20, at=AT)
        grant(
            session,
            cast.tenant,
            client_id=acme.id,
            amount=Decimal(20),
            currency="USD",
            reason="Sorry",
            on=APRIL_20,
            at=NOW,
        )
        found = exposure_of(session, cast.tenant, client=acme, today=date(2026, 5, 2))
        (line,) = queries.get_lease(session, cast.tenant, lease_id=lease_id).lines
        assert found.parts == {
            "invoices": Decimal("168.48"),
            "rent": Decimal("100.44"),  # May's 93.00 with 8 %
            "charges": Decimal("108.00"),
            "accepted": round_minor(line.unit_price * Decimal("1.08"), "USD"),
            "credit": Decimal("-20.00"),
        }

    def test_is_read_by_as_many_statements_for_many_as_for_one(self, session: Session, cast: Cast) -> None:
        acme = limit(session, cast, "10", beyond="warn")
        globex = session.get_one(Client, (cast.northwind.id, cast.globex.id))
        an_invoice(session, cast.tenant, client_id=acme.id)
        make_charge(session, cast.tenant, wanted=a_fee(cast), at=NOW)
        with counted_statements(session) as one:
            assert set(over_limit(session, cast.tenant, clients=[acme], today=APRIL_20)) == {acme.id}
        globex.credit_limit = Decimal(10)
        a_lease(session, cast.tenant, client_id=globex.id, lines=3)
        with counted_statements(session) as many:
            over = over_limit(session, cast.tenant, clients=[acme, globex], today=APRIL_20)
        assert set(over) == {acme.id, globex.id}
        assert many == one
        assert one[0] <= 26
        with counted_statements(session) as none:
            assert over_limit(session, cast.tenant, clients=[], today=APRIL_20) == {}
        assert none == [0]


class TestALimit:
    def test_refuses_a_lease_and_a_charge_beyond_it_and_names_the_remedy(
        self, session: Session, cast: Cast
    ) -> None:
        limit(session, cast, "100")
        lease_id = a_quote(session, cast)["lease_id"]
        asked = {"lease_id": lease_id, "signer": "Ada", "accepted_on": APRIL_20, "at": AT}
        with pytest.raises(OverCreditLimit) as refused, session.begin_nested():
            charge_client(session, cast.tenant, wanted=a_fee(cast), at=AT)
        assert set(refused.value.fields) == {"over_limit_reason"}
        assert "108.00 USD, which is 8.00 USD beyond" in refused.value.message
        charge_client(session, cast.tenant, wanted=a_fee(cast, "92.59"), at=AT)  # with 8 % 100.00
        with pytest.raises(OverCreditLimit), session.begin_nested():
            operations.accept(session, cast.tenant, **asked)  # type: ignore[arg-type]
        # What it may owe is not told to the client's own people.
        with pytest.raises(OverCreditLimit, match="Please call us") as told:
            client_requests.accept_quote(session, cast.acme_tenant, **asked)  # type: ignore[arg-type]
        assert "100" not in told.value.message

    def test_lets_pass_with_a_reason_that_the_audit_log_keeps(self, session: Session, cast: Cast) -> None:
        acme = limit(session, cast, "100")
        charge_client(
            session, cast.tenant, wanted=a_fee(cast), at=AT, over_limit_reason="The bank vouches for them"
        )
        entry = session.scalars(
            sa.select(AuditEntry).where(AuditEntry.action == "credit_limit_released")
        ).one()
        assert (entry.subject_id, entry.actor) == (acme.id, cast.ana.id)
        assert entry.after is not None
        assert entry.after["reason"] == "The bank vouches for them"
        assert entry.after["exposure"] == "108.00"

    def test_answers_a_repeat_and_bills_a_fee_of_ours_also_beyond_it(
        self, session: Session, cast: Cast
    ) -> None:
        limit(session, cast, "1000")
        first = charge_client(session, cast.tenant, wanted=a_fee(cast, reference="r1"), at=AT)
        limit(session, cast, "1")
        assert charge_client(session, cast.tenant, wanted=a_fee(cast, reference="r1"), at=AT) is first
        make_charge(session, cast.tenant, wanted=a_fee(cast), at=AT)  # as a reminder's fee

    def test_only_warns_where_the_rules_say_so(self, session: Session, cast: Cast) -> None:
        limit(session, cast, "1", beyond="warn")
        charge_client(session, cast.tenant, wanted=a_fee(cast), at=AT)

    def test_is_asked_before_places_are_added_and_before_a_table_is_brought_in(
        self, session: Session, cast: Cast
    ) -> None:
        acme = limit(session, cast, "100")
        made = lease_in_service(
            session, cast.tenant, client_id=acme.id, accepted_at=ACCEPTED, rent="10.00", lines=1
        )
        more: dict[str, Any] = {
            "lease_id": made.lease.id, "kind": "scale_up", "effective_on": APRIL_20, "at": AT,
            "wanted": Wanted(model_id=made.model.id, count=2, unit_price=Decimal("50.00")),
        }  # fmt: skip
        with pytest.raises(OverCreditLimit), session.begin_nested():
            amendments.amend(session, cast.tenant, **more)
        assert len(queries.get_lease(session, cast.tenant, lease_id=made.lease.id).lines) == 1
        amendment = amendments.amend(session, cast.tenant, **more, over_limit_reason="They are good for it")
        assert amendment.state == "applied"

        rows = f"Client;Description;Price;Date;Reference\n{acme.number};Delivery;1;2026-04-20;D-1\n"
        read = imports.read(session, cast.tenant, content=rows.encode())
        with pytest.raises(OverCreditLimit), session.begin_nested():
            imports.bring_in(session, cast.tenant, read=read, at=AT)
        done = imports.bring_in(
            session, cast.tenant, read=read, at=AT, over_limit_reason="They are good for it"
        )
        assert done == 1
        released = sa.select(sa.func.count()).where(AuditEntry.action == "credit_limit_released")
        assert session.scalar(released) == 2

    def test_lets_one_of_two_rivals_pass(self, cast: Cast) -> None:
        with db.unit_of_work(cast.tenant) as session:
            limit(session, cast, "150")  # one of 108.00 fits, two do not
        refused = []

        def charge() -> None:
            try:
                with db.unit_of_work(cast.tenant) as session:
                    charge_client(session, cast.tenant, wanted=a_fee(cast), at=AT)
            except OverCreditLimit as refusal:
                refused.append(refusal)

        assert at_once(charge, charge) == []
        assert len(refused) == 1
        with db.unit_of_work(cast.tenant) as session:
            assert len(session.scalars(sa.select(Charge)).all()) == 1


class TestDoors:
    def test_show_who_is_over_and_take_a_reason_from_who_may_give_one(
        self, cast: Cast, web: Web, api: Web
    ) -> None:
        with db.unit_of_work(cast.tenant) as session:
            an_invoice(session, cast.tenant, client_id=cast.acme.id)
            limit(session, cast, "160")
            lease_id = a_quote(session, cast)["lease_id"]
        fay, sam, ana = web(cast.fay), web(cast.sam), web(cast.ana)
        page = text_of(sam.get(f"/clients/{cast.acme.id}"))
        for word in ("What they owe", "Over its credit limit", "168.48", "Nothing new can be accepted"):
            assert word in page, word
        assert "What they owe" not in text_of(web(cast.ben).get(f"/clients/{cast.acme.id}"))
        assert "Over its credit limit" in text_of(sam.get("/clients"))
        assert "Over its credit limit" in text_of(fay.get("/collections"))
        told = api(cast.fay).get(f"/v1/clients/{cast.acme.id}").get_json()["exposure"]
        assert (told["invoices"], told["is_over"], told["limit"]) == ("168.48", True, "160.00")

        form = {"signer": "Ada", "accepted_on": "2026-04-20"}
        refused = sam.post(f"/leases/{lease_id}/accept", data=form)
        assert refused.status_code == 422
        assert "Why they may go beyond their credit limit" in text_of(refused)
        with_reason = {**form, "over_limit_reason": "The bank vouches for them"}
        assert sam.post(f"/leases/{lease_id}/accept", data=with_reason).status_code == 403
        answer = api(cast.sam).post(
            "/v1/charges",
            json={
                "client_id": cast.acme.id,
                "description": "Set-up",
                "unit_price": "1.00",
                "charged_on": "2026-04-20",
            },
        )
        assert (answer.status_code, answer.get_json()["code"]) == (409, "over_credit_limit")
        assert ana.post(f"/leases/{lease_id}/accept", data=with_reason).status_code == 303
        with db.unit_of_work(cast.tenant) as session:
            assert session.get_one(Lease, (cast.northwind.id, lease_id)).state == "accepted"

    def test_ask_whoever_approves_more_places_for_the_reason(self, cast: Cast, web: Web, api: Web) -> None:
        with db.unit_of_work(cast.tenant) as session:
            made = lease_in_service(
                session, cast.tenant, client_id=cast.acme.id, accepted_at=ACCEPTED, rent="10.00", lines=1
            )
            limit(session, cast, "100")
            lease_id = made.lease.id
            asked = amendments.request_amendment(
                session, cast.tenant, lease_id=lease_id, kind="scale_up", effective_on=APRIL_20, at=AT,
                wanted=Wanted(model_id=made.model.id, count=2, unit_price=Decimal("50.00")),
            )  # fmt: skip
            amendment_id = asked.id
        page = f"/leases/{lease_id}/amendments/{amendment_id}"
        refused = web(cast.ana).post(f"{page}/approve")
        assert refused.status_code == 422
        assert "Why they may go beyond their credit limit" in text_of(refused)
        reason = {"over_limit_reason": "The bank vouches for them"}
        assert web(cast.sam).post(f"{page}/approve", data=reason).status_code == 403
        program = api(cast.ana).post(f"/v1{page}/approve", json={})
        assert (program.status_code, program.get_json()["code"]) == (409, "over_credit_limit")
        assert api(cast.ana).post(f"/v1{page}/approve", json=reason).get_json()["state"] == "applied"
