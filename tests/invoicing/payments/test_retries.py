"""A declined charge is tried again on the days of the plan, and left alone while it is disputed."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from haas import db
from haas.settings import Settings
from invoicing.dunning import disputing, jobs
from invoicing.payments import queries
from invoicing.payments.local_server.server import Desk
from tests.cast import Cast
from tests.invoicing.payments.house import Till, open_till


@pytest.fixture
def till(cast: Cast, settings: Settings, payment_desk: Desk) -> Till:
    """A house with a provider."""
    return open_till(cast, settings, payment_desk)


def tries(till: Till, invoice_id: str) -> list[int]:
    """The numbers of the tries that there are."""
    with db.unit_of_work(till.tenant) as session:
        found = queries.attempts_of(session, till.tenant, invoice_id=invoice_id)
        return sorted(row.attempt_no or 0 for row in found)


@pytest.mark.parametrize(("digits", "then"), [("0341", [1, 2]), ("0002", [1])])
def test_a_soft_decline_is_tried_once_on_the_next_day_of_the_plan_a_hard_one_never(
    till: Till, digits: str, then: list[int]
) -> None:
    till.card(digits)
    invoice = till.invoice()
    till.send(till.charge(invoice, attempt_no=1))
    # The plan's first day, or the Monday after it.
    morning = datetime.now(UTC).replace(hour=23, minute=0) + timedelta(days=1)
    while morning.weekday() > 4:
        morning += timedelta(days=1)

    with db.unit_of_work(till.tenant) as session:
        dispute = disputing.open_dispute(
            session, till.tenant, invoice_id=invoice.id, reason="paid", words="Paid.", at=morning
        )
    jobs.retry_declined(till.settings, morning)
    assert tries(till, invoice.id) == [1]

    with db.unit_of_work(till.tenant) as session:
        disputing.withdraw(session, till.tenant, dispute_id=dispute.id, at=morning)
    for _ in range(2):
        jobs.retry_declined(till.settings, morning)
    assert tries(till, invoice.id) == then
