"""The cash forecast from invoices, promises, rents and charges, and the months that were."""

from __future__ import annotations

from collections.abc import Callable
from datetime import date
from decimal import Decimal
from typing import Any

import pytest
from flask.testing import FlaskClient
from sqlalchemy.orm import Session

from haas import db
from haas.tenancy.models import Client, Partner
from haas.tenancy.scope import Tenant
from invoicing import queries
from invoicing.charges.operations import NewCharge, make_charge
from invoicing.corrections import credit_invoice, record_payment
from invoicing.dunning.forecasting import cash_forecast, currencies_of, history, outlook
from invoicing.holds import held
from invoicing.money.balances import grant
from tests.cast import Cast
from tests.invoicing.test_portal import text_of
from tests.invoicing.world import NOW, PORTAL, a_lease, a_rate, an_invoice, bill, counted_statements

TODAY = date(2026, 4, 20)
Web = Callable[..., FlaskClient]


def parts(session: Session, tenant: Tenant, **more: object) -> dict[str, tuple[Decimal, Decimal]]:
    """Reason -> (best, expected) of the eight weeks from 20 April on, in dollars."""
    asked = {"today": TODAY, "weeks": 8, "span": "week", "currency": "USD", **more}
    return cash_forecast(session, tenant, **asked).by_why  # type: ignore[arg-type]


class TestAForecast:
    def test_holds_what_is_open_what_is_promised_and_what_is_agreed_to_be_billed(
        self, session: Session, cast: Cast
    ) -> None:
        invoice = an_invoice(session, cast.tenant, client_id=cast.acme.id)  # 168.48, due on 15 April
        held.pause(
            session,
            cast.tenant,
            client_id=cast.acme.id,
            kind="promise",
            reason="They said so",
            until=date(2026, 5, 4),
            amount=Decimal(100),
            today=TODAY,
            at=NOW,
        )
        wanted = NewCharge(cast.acme.id, "Set-up", Decimal(50), date(2026, 4, 25))
        make_charge(session, cast.tenant, wanted=wanted, at=NOW)
        found = parts(session, cast.tenant)
        assert found == {
            "promise": (Decimal(100), Decimal(100)),
            "invoice": (Decimal("68.48"), Decimal("68.48")),
            # Of 1 May and 1 June, with 8 %: 100.44 each; due after 14 days, on 15 May and 15 June, the last
            # day before the horizon's end is 14 June.
            "rent": (Decimal("100.44"), Decimal("100.44")),
            "charge": (Decimal("54.00"), Decimal("54.00")),
        }
        assert parts(session, cast.tenant, client_id=cast.globex.id) == {}
        assert parts(session, cast.tenant, currency="EUR") == {}
        # May's rent is billed: it stands among the invoices now, and once.
        bill(session, cast.tenant, as_of=date(2026, 5, 1))
        assert invoice.total == Decimal("168.48")
        later = parts(session, cast.tenant)
        assert sum(best for best, _ in later.values()) == sum(best for best, _ in found.values())
        assert "rent" not in later

    def test_takes_off_the_credit_that_pays_what_is_billed_next(self, session: Session, cast: Cast) -> None:
        an_invoice(session, cast.tenant, client_id=cast.acme.id)
        credit = Decimal(30)
        grant(
            session,
            cast.tenant,
            client_id=cast.acme.id,
            amount=credit,
            currency="USD",
            reason="Sorry",
            on=TODAY,
            at=NOW,
        )
        assert parts(session, cast.tenant)["rent"] == (Decimal("70.44"), Decimal("70.44"))  # 100.44 - 30

    def test_reads_many_leases_by_as_many_statements_as_one(self, session: Session, cast: Cast) -> None:
        an_invoice(session, cast.tenant, client_id=cast.acme.id)
        asked = {"today": TODAY, "weeks": 26, "span": "month", "currency": "USD"}
        shown = {**asked, "dso_method": "simple", "dso_months": 3}
        with counted_statements(session) as one:
            outlook(session, cast.tenant, **shown)  # type: ignore[arg-type]
        a_lease(session, cast.tenant, client_id=cast.globex.id, lines=3)
        with counted_statements(session) as many:
            found = outlook(session, cast.tenant, **shown)  # type: ignore[arg-type]
        assert many == one
        assert [row[0] for row in found.forecast.by_client] == [cast.globex.id, cast.acme.id]

    def test_counts_a_promised_sum_in_the_clients_currency_alone_and_knows_every_other(
        self, session: Session, cast: Cast
    ) -> None:
        an_invoice(session, cast.tenant, client_id=cast.acme.id)  # 168.48 in dollars, due on 15 April
        client = session.get_one(Client, (cast.tenant.partner_id, cast.acme.id))
        client.currency = "EUR"  # since then: what was billed before is owed in dollars
        held.pause(
            session, cast.tenant, client_id=client.id, kind="promise", reason="They said so",
            until=date(2026, 5, 4), amount=Decimal(100), today=TODAY, at=NOW,
        )  # fmt: skip
        assert parts(session, cast.tenant)["invoice"] == (Decimal("168.48"), Decimal("168.48"))
        session.get_one(Partner, cast.tenant.partner_id).currency = "CHF"
        session.get_one(Client, (cast.tenant.partner_id, cast.globex.id)).currency = "CHF"
        session.flush()
        assert currencies_of(session, cast.tenant, own="CHF") == ["CHF", "EUR", "USD"]

    def test_takes_nobody_to_pay_late_for_money_that_a_credit_note_set_free(
        self, session: Session, cast: Cast
    ) -> None:
        invoices = [an_invoice(session, cast.tenant, client_id=cast.acme.id)]
        for month in (5, 6):
            invoices += bill(session, cast.tenant, as_of=date(2026, month, 1))
        for invoice in invoices:  # each on the day on which it is due, and corrected in July
            told: dict[str, Any] = {"invoice_id": invoice.id, "at": NOW}
            record_payment(
                session, cast.tenant, amount=invoice.total, received_on=invoice.due_on, method="transfer",
                reference=invoice.number, **told,
            )  # fmt: skip
            (line, *_) = queries.lines_of(session, cast.tenant, invoice_id=invoice.id)
            credit_invoice(
                session, cast.tenant, reason="A mistake", issued_on=date(2026, 7, 20), portal_url=PORTAL,
                amounts={line.id: Decimal(10)}, **told,
            )  # fmt: skip
        found = cash_forecast(
            session, cast.tenant, today=date(2026, 7, 21), weeks=8, span="week", currency="USD"
        )
        assert found.rows
        assert all(row.expected_on == max(row.due_on, found.start) for row in found.rows)

    def test_tells_what_was_billed_open_and_paid_by_month(self, session: Session, cast: Cast) -> None:
        an_invoice(session, cast.tenant, client_id=cast.acme.id)
        may = bill(session, cast.tenant, as_of=date(2026, 5, 1))[0]
        months = history(session, cast.tenant, today=date(2026, 5, 20), currency="USD")[-2:]
        assert [(month.start.month, month.billed, month.open) for month in months] == [
            (4, Decimal("168.48"), Decimal("168.48")),
            (5, may.total, Decimal("268.92")),  # 168.48 + 100.44
        ]
        assert months[0].collected_pct == 0


class TestThePage:
    def test_shows_figures_and_a_file_and_leaves_out_what_is_asked_wrongly(
        self, cast: Cast, web: Web, api: Web
    ) -> None:
        with db.unit_of_work(cast.tenant) as session:
            a_rate(session, cast.tenant)
            an_invoice(session, cast.tenant, client_id=cast.acme.id)
        fay = web(cast.fay)
        page = text_of(fay.get("/money/forecast?weeks=999&span=month"))
        for word in ("Cash forecast", "Acme", "168.48", "Open invoices, as each client uses to pay"):
            assert word in page, word
        assert "month,currency,best,expected" in fay.get("/money/forecast?format=csv&span=month").text
        assert web(cast.ada).get("/money/forecast").status_code == 403
        told = api(cast.fay).get("/v1/cash-forecast").get_json()
        assert told["parts"][0]["why"] == "rent"
        refused = api(cast.fay).get("/v1/cash-forecast?weeks=3")
        assert refused.status_code == 422
        assert "weeks" in refused.text


@pytest.mark.parametrize("weeks", [4, 26])
def test_a_forecast_of_nothing_is_nothing(session: Session, cast: Cast, weeks: int) -> None:
    assert parts(session, cast.tenant, weeks=weeks) == {}
