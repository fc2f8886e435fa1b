"""Days that are told late or ahead: at the end of each, ageing, statement and credit say the same."""

from __future__ import annotations

from datetime import UTC, date, datetime
from decimal import Decimal

from sqlalchemy.orm import Session

from haas.outbox import OutboxEvent
from haas.tenancy.scope import scoped
from invoicing import corrections, queries
from invoicing.money import balances, receipts
from leases import returns
from tests.cast import Cast
from tests.invoicing.money.test_receipts import receive, two_invoices
from tests.invoicing.month_ends import at_end_of
from tests.invoicing.world import ACCEPTED, NOW, PORTAL, a_lease, a_rate, bill
from tests.leases.fleet import lease_in_service


def agree(session: Session, cast: Cast, *days: str) -> list[tuple[Decimal, Decimal]]:
    """What was open and what was credit at the end of each day, once all who tell it agree."""
    found = []
    for day in map(date.fromisoformat, days):
        account = at_end_of(session, cast.tenant, client_id=cast.acme.id, day=day)["USD"]
        found.append((account.open, account.credit))
    return found


class TestCredit:
    def test_that_came_after_the_day_of_billing_is_spent_on_the_day_it_came(
        self, session: Session, cast: Cast
    ) -> None:
        two_invoices(session, cast)  # 268.92
        receipts.record_receipt(
            session, cast.tenant, client_id=cast.acme.id, amount=Decimal(50), currency="USD",
            received_on=date(2026, 6, 10), method="transfer", reference="B", allocations={}, source="bank",
            at=NOW,
        )  # fmt: skip
        bill(session, cast.tenant, as_of=date(2026, 6, 1))  # on the 12th, say, as of the 1st: 100.44

        assert agree(session, cast, "2026-06-09", "2026-06-10") == [
            (Decimal("369.36"), Decimal(0)),  # 268.92 + 100.44
            (Decimal("319.36"), Decimal(0)),
        ]

    def test_whose_money_went_back_before_it_was_spent_reopens_no_more_than_the_total(
        self, session: Session, cast: Cast
    ) -> None:
        first, _ = two_invoices(session, cast)
        receipt = receive(session, cast, "50.00", allocations={})
        balances.apply_to_invoice(session, cast.tenant, invoice_id=first.id, on=date(2026, 6, 3), at=NOW)
        receipts.reverse_receipt(
            session, cast.tenant, receipt_id=receipt.id, amount=None, reason="Returned",
            on=date(2026, 5, 20), at=NOW,
        )  # fmt: skip

        nothing = Decimal(0)
        assert agree(session, cast, "2026-04-30", "2026-05-31", "2026-06-30") == [
            (Decimal("168.48"), Decimal(50)),
            (Decimal("268.92"), nothing),
            (Decimal("268.92"), nothing),
        ]

    def test_of_money_for_an_invoice_to_come_is_told_until_that_is_issued(
        self, session: Session, cast: Cast
    ) -> None:
        _, second = two_invoices(session, cast)  # of 1 May; the money of 10 April
        receive(session, cast, "100.44", allocations={second.id: Decimal("100.44")})

        assert agree(session, cast, "2026-04-30", "2026-05-01") == [
            (Decimal("168.48"), Decimal("100.44")),
            (Decimal("168.48"), Decimal(0)),
        ]

    def test_that_pays_an_invoice_when_it_is_issued_says_that_it_is_paid(
        self, session: Session, cast: Cast
    ) -> None:
        a_rate(session, cast.tenant)
        a_lease(session, cast.tenant, client_id=cast.acme.id)
        balances.grant(
            session, cast.tenant, client_id=cast.acme.id, amount=Decimal(200), currency="USD",
            reason="Goodwill", on=date(2026, 3, 20), at=NOW,
        )  # fmt: skip
        (invoice,) = bill(session, cast.tenant)

        told = scoped(OutboxEvent, cast.tenant).where(OutboxEvent.name == "invoice.paid")
        assert [row.payload for row in session.scalars(told)] == [{"invoice_id": invoice.id}]


class TestPayment:
    def test_is_not_taken_off_before_it_was_made(self, session: Session, cast: Cast) -> None:
        first, _ = two_invoices(session, cast)
        receive(session, cast, "168.48")  # of 10 April
        (payment,) = queries.payments_of(session, cast.tenant, invoice_id=first.id)
        receipts.release_payment(
            session, cast.tenant, payment_id=payment.id, reason="Wrong one", on=date(2026, 4, 5), at=NOW
        )

        assert agree(session, cast, "2026-04-05", "2026-04-10")[0] == (Decimal("168.48"), Decimal(0))

    def test_stays_on_its_invoice_until_the_day_of_the_credit_note(
        self, session: Session, cast: Cast
    ) -> None:
        a_rate(session, cast.tenant)
        made = lease_in_service(
            session, cast.tenant, client_id=cast.acme.id, accepted_at=ACCEPTED, rent="93.00"
        )
        bill(session, cast.tenant, as_of=date(2026, 3, 31))  # 63.00 and 8 %
        bill(session, cast.tenant, as_of=date(2026, 4, 1))  # 93.00 and 8 %
        receive(session, cast, "168.48")
        at = datetime(2026, 4, 20, 15, 0, tzinfo=UTC)
        order = returns.request_return(
            session, cast.tenant, asset_id=made.assets[0].id, reason="scale down",
            notice_on=date(2026, 4, 2), due_on=date(2026, 4, 20), at=at,
        )  # fmt: skip
        returns.collect(session, cast.tenant, return_id=order.id, at=at)
        serial = made.assets[0].serial or ""
        returns.receive(session, cast.tenant, return_id=order.id, at=at, serial_seen=serial)
        # On the 26th, as of the 1st: 93.00 x 10 / 30 and 8 % go back.
        bill(session, cast.tenant, as_of=date(2026, 5, 1), at=datetime(2026, 4, 26, 9, 0, tzinfo=UTC))

        assert agree(session, cast, "2026-04-30", "2026-05-01") == [
            (Decimal(0), Decimal(0)),
            (Decimal(0), Decimal("33.48")),
        ]


class TestCreditNote:
    def test_is_of_no_day_before_its_invoice(self, session: Session, cast: Cast) -> None:
        _, second = two_invoices(session, cast)  # of 1 May, billed ahead
        credit = corrections.credit_invoice(
            session, cast.tenant, invoice_id=second.id, reason="Too early", issued_on=date(2026, 4, 28),
            at=NOW, portal_url=PORTAL,
        )  # fmt: skip

        assert credit.issued_on == date(2026, 5, 1)
        assert agree(session, cast, "2026-04-30", "2026-05-01") == [(Decimal("168.48"), Decimal(0))] * 2
