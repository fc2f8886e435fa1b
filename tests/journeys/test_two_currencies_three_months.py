"""A quarter of a client's money in two currencies: at each month's end every book of it says the same."""

from __future__ import annotations

from datetime import UTC, date, datetime, time
from decimal import Decimal
from typing import Any

import sqlalchemy as sa
from sqlalchemy.orm import Session

from haas.accounts.clients import edit_client
from haas.outbox import OutboxEvent
from haas.tenancy.models import Client, Partner
from invoicing import corrections, early_discounts, queries
from invoicing.dunning import reminding
from invoicing.dunning.policy import DunningPolicy
from invoicing.models import Invoice
from invoicing.money import receipts, refunds
from invoicing.money.models import Receipt
from invoicing.money.rate_rules import DayRate
from invoicing.money.rates import add_rates
from tests.cast import Cast
from tests.invoicing.month_ends import Account, at_end_of, in_the_books
from tests.invoicing.test_ledger_posting import post_until
from tests.invoicing.world import PORTAL, a_lease, a_rate, bill, keep_operating

D = Decimal


def day(told: str) -> date:
    """A day of the year in which all this happens."""
    return date.fromisoformat(f"2026-{told}")


def noon(told: str) -> datetime:
    """Its noon."""
    return datetime.combine(day(told), time(12), UTC)


def test_every_book_agrees_at_the_end_of_each_month(session: Session, cast: Cast) -> None:
    tenant, acme = cast.tenant, cast.acme.id
    keep_operating(session, tenant)
    partner = session.get_one(Partner, tenant.partner_id)
    partner.policies = {**partner.policies, "dunning": DunningPolicy(is_on=True).check().kept()}
    terms = {"early_discount_days": 10, "early_discount_pct": D(3)}
    edit_client(session, tenant, client_id=acme, changes=terms)
    a_rate(session, tenant)  # 8 %
    rates = [DayRate("EUR", "USD", day(told), D("1.10")) for told in ("03-31", "04-30", "05-29")]
    add_rates(session, tenant, rows=rates, source="manual", at=noon("04-01"))
    client = session.get_one(Client, (tenant.partner_id, acme))
    for currency, rent in (("EUR", "50.00"), ("USD", "93.00")):
        client.currency = currency
        a_lease(session, tenant, client_id=acme, rent=rent)

    def billed(told: str) -> list[Invoice]:
        """The invoices of a run on its day, the smallest first."""
        return sorted(bill(session, tenant, as_of=day(told), at=noon(told)), key=lambda row: row.total)

    def came(told: str, amount: str, currency: str, reference: str, **given: Any) -> Receipt:
        """Money, put to what is due longest unless it is said to what."""
        wanted: dict[str, Any] = {"allocations": None, "source": "bank", "method": "transfer", **given}
        record = early_discounts.record_receipt if "discounts" in wanted else receipts.record_receipt
        return record(
            session, tenant, client_id=acme, amount=D(amount), currency=currency, received_on=day(told),
            reference=reference, at=noon(told), **wanted,
        )  # fmt: skip

    def month_ends(told: str, **expected: tuple[str, str]) -> dict[str, dict[str, Decimal]]:
        """What is open and what is credit by currency on the last day, and the books of its month."""
        session.execute(sa.text("set constraints all immediate"))
        session.execute(sa.text("set constraints all deferred"))
        last = day(told)
        found = at_end_of(session, tenant, client_id=acme, day=last)
        assert found == {key: Account(D(still), D(credit)) for key, (still, credit) in expected.items()}
        now_open: dict[str, Decimal] = {}
        for item in queries.open_items(session, tenant, client_id=acme):
            now_open[item.currency] = now_open.get(item.currency, D(0)) + item.open
        assert now_open == {key: row.open for key, row in found.items() if row.open}
        post_until(session, cast, last)
        return in_the_books(session, tenant, client_id=acme, month=last.replace(day=1))

    # 1 April: 63.00 + 93.00 and 8 % in dollars, 33.87 (50.00 x 21 / 31) + 50.00 and 8 % in euros.
    euros, dollars = billed("04-01")
    assert (dollars.total, euros.total) == (D("168.48"), D("90.58"))

    # 8 April: the dollars by card, less 3 % for paying early (5.05). 20 April: a part of the euros.
    card = came(
        "04-08", "163.43", "USD", "pi_1", source="provider", method="card", fee=D("2.60"),
        allocations={dollars.id: D("163.43")}, discounts={dollars.id: D("5.05")},
    )  # fmt: skip
    came("04-20", "40.00", "EUR", "BANK-1")
    books = month_ends("04-30", USD=("0", "0"), EUR=("50.58", "0"))
    assert books["USD"]["provider"] == D("160.83")  # 163.43 - 2.60
    assert books["EUR"]["bank"] == D("40.00")

    # 1 May: 93.00 and 50.00, with 8 %. 5 May: 20.00 of the interim rent in euros was wrong, and 1.60 of tax.
    may_euros, may_dollars = billed("05-01")
    assert (may_dollars.total, may_euros.total) == (D("100.44"), D("54.00"))
    interim = next(row for row in queries.lines_of(session, tenant, invoice_id=euros.id) if row.net < 40)
    credit = corrections.credit_invoice(
        session, tenant, invoice_id=euros.id, reason="Came late", issued_on=day("05-05"), at=noon("05-05"),
        portal_url=PORTAL, amounts={interim.id: D(20)},
    )  # fmt: skip
    assert credit.total == D("-21.60")

    # 11 May: the card's owner disputes April; what was taken off for it is charged anew, tax and all.
    receipts.reverse_receipt(
        session, tenant, receipt_id=card.id, amount=None, reason="Disputed", on=day("05-11"),
        at=noon("05-11"), kind="chargeback", reference="dp_1", by_provider=True,
    )  # fmt: skip
    for event in session.scalars(sa.select(OutboxEvent).where(OutboxEvent.name == "invoice.reopened")):
        for _ in range(2):  # the job may run twice
            early_discounts.take_back(
                session, tenant, invoice_id=event.payload["invoice_id"], at=noon("05-11")
            )
    # The same day, May in dollars by bank, less 3 %: 3.01.
    # 18 May: 33 days late. 10.00, and 163.43 x 9 % x 33/365 = 1.33 of interest.
    came(
        "05-11", "97.43", "USD", "BANK-2", allocations={may_dollars.id: D("97.43")},
        discounts={may_dollars.id: D("3.01")},
    )  # fmt: skip
    in_euros, in_dollars = reminding.remind(session, tenant, today=day("05-18"), at=noon("05-18"))
    assert (in_dollars.amount, in_dollars.fee, in_dollars.interest) == (D("163.43"), D(10), D("1.33"))
    assert (in_euros.amount, in_euros.fee) == (D("28.98"), D(0))  # fees are in the client's own currency
    # 20 May: 100.00 in euros, where 90.58 - 40.00 - 21.60 and 54.00 are open: 17.02 too much.
    came("05-20", "100.00", "EUR", "BANK-3")
    books = month_ends("05-31", USD=("163.43", "0"), EUR=("0", "17.02"))
    assert books["USD"]["provider"] == D("-2.60")  # its fee is gone, and so is the money
    assert (books["USD"]["bank"], books["EUR"]["bank"]) == (D("97.43"), D("140.00"))

    # 1 June: fee and interest untaxed on a paper of their own; 54.00 in euros, 17.02 of it out of credit;
    # 93.00 and the discount of April, 5.05 less its tax of 0.37, with 8 %.
    june = billed("06-01")
    told = [(row.currency, row.total, row.paid_total) for row in june]
    assert told == [("USD", D("11.33"), 0), ("EUR", D("54.00"), D("17.02")), ("USD", D("105.49"), 0)]

    # 8 June: the rent in dollars less 3 % (3.16). 10 June: the dispute is won, and April is paid.
    came(
        "06-08", "102.33", "USD", "BANK-4", allocations={june[2].id: D("102.33")},
        discounts={june[2].id: D("3.16")},
    )  # fmt: skip
    came("06-10", "163.43", "USD", "dp_1/won", source="provider", method="card")
    assert dollars.state == "paid"

    # 20 June: 50.00 for 11.33; the rest is asked back on the 24th, and leaves on the 26th.
    came("06-20", "50.00", "USD", "BANK-5")
    refund = refunds.refund_balance(
        session, tenant, client_id=acme, amount=D("38.67"), currency="USD", reason="Too much",
        on=day("06-24"), at=noon("06-24"),
    )  # fmt: skip
    for _ in range(2):
        refunds.mark_paid(
            session, tenant, refund_id=refund.id, reference="OUT-1", on=day("06-26"), at=noon("06-26")
        )
    # 22 June: a debit for the rest of the euros, which comes back on the 29th and cost 3.50.
    debit = came("06-22", "36.98", "EUR", "BANK-6", method="direct_debit")
    for _ in range(2):
        receipts.reverse_receipt(
            session, tenant, receipt_id=debit.id, amount=None, reason="No funds", on=day("06-29"),
            at=noon("06-29"), reference="BANK-7", fee=D("3.50"),
        )  # fmt: skip
    books = month_ends("06-30", USD=("0", "0"), EUR=("36.98", "0"))
    assert books["USD"]["provider"] == D("160.83")
    assert books["USD"]["bank"] == D("211.09")  # 97.43 + 102.33 + 50.00 - 38.67
    assert books["EUR"]["bank"] == D("136.50")  # 140.00 + 36.98 - 36.98 - 3.50
    assert "refunds" not in books["USD"] or not books["USD"]["refunds"]

    # And what was told of April and May stands.
    for told_on in ("04-30", "05-31"):
        in_the_books(session, tenant, client_id=acme, month=day(told_on).replace(day=1))
