"""Who is written to on which day, on the real database."""

from __future__ import annotations

from datetime import date
from decimal import Decimal
from functools import partial

import pytest
import sqlalchemy as sa
from sqlalchemy.orm import Session

from haas import db
from haas.accounts.company import edit_company
from haas.errors import Conflict, InvalidInput
from haas.files import get_file
from haas.outbox import OutboxEvent
from haas.tenancy.models import Partner
from haas.tenancy.scope import scoped
from invoicing.charges.models import Charge
from invoicing.dunning import choices, disputing, jobs, reminding, rules
from invoicing.dunning.models import Reminder, ReminderItem
from invoicing.dunning.plan import Step
from invoicing.dunning.policy import DunningPolicy
from invoicing.holds import held
from invoicing.models import Invoice
from invoicing.references import creditor_reference
from tests.cast import Cast
from tests.invoicing.world import NOW, an_invoice
from tests.paper import text_of

# The invoice of 168.48 is due on 15 April 2026, a Wednesday.
FRIENDLY, FIRST, LAST = date(2026, 4, 13), date(2026, 4, 20), date(2026, 5, 13)


@pytest.fixture
def invoice(session: Session, cast: Cast) -> Invoice:
    """An invoice of Acme's, and reminders by the default plan."""
    partner = session.get_one(Partner, cast.northwind.id)
    partner.policies = {**partner.policies, "dunning": DunningPolicy(is_on=True).check().kept()}
    session.flush()
    return an_invoice(session, cast.tenant, client_id=cast.acme.id)


class TestTheDaysRun:
    def test_writes_one_letter_a_step_however_often_it_runs(
        self, session: Session, cast: Cast, invoice: Invoice
    ) -> None:
        made = [
            reminding.remind(session, cast.tenant, today=day, at=NOW)
            for day in (FRIENDLY, FRIENDLY, FIRST, FIRST)
        ]
        assert [[letter.step_days for letter in run] for run in made] == [[-3], [], [5], []]
        assert made[2][0].amount == Decimal("168.48")
        assert invoice.number in made[2][0].subject
        events = session.scalars(sa.select(OutboxEvent.name).where(OutboxEvent.name == "reminder.ready"))
        assert len(events.all()) == 2

    def test_follows_the_clients_own_plan_or_none(
        self, session: Session, cast: Cast, invoice: Invoice
    ) -> None:
        rules.add_plan(session, cast.tenant, name="Gentle")
        for _ in range(4):
            rules.remove_step(session, cast.tenant, step_no=0, plan="Gentle")
        once = Step("Once", 40, {"en": "{numbers}"}, {"en": "Dear {client}"})
        rules.put_step(session, cast.tenant, step_no=0, step=once, plan="Gentle")
        choose = partial(choices.choose_plan, session, cast.tenant, client_id=cast.acme.id, at=NOW)

        choose(plan="never")
        assert reminding.remind(session, cast.tenant, today=LAST, at=NOW) == []
        choose(plan="Gentle")
        assert reminding.remind(session, cast.tenant, today=LAST, at=NOW) == []
        with pytest.raises(Conflict, match="1 clients are reminded by the plan Gentle"):
            rules.remove_plan(session, cast.tenant, name="Gentle")
        (letter,) = reminding.remind(session, cast.tenant, today=date(2026, 5, 25), at=NOW)  # day 40
        assert (letter.step_name, letter.fee) == ("Once", Decimal(0))

        choose(plan="")
        rules.remove_plan(session, cast.tenant, name="Gentle")
        with pytest.raises(InvalidInput, match="There is no plan Gentle"):
            choose(plan="Gentle")

    def test_charges_fee_and_interest_of_the_last_step(
        self, session: Session, cast: Cast, invoice: Invoice
    ) -> None:
        (letter,) = reminding.remind(session, cast.tenant, today=LAST, at=NOW)
        # 168.48 x 9 % x 28/365 = 1.1632
        assert (letter.step_days, letter.fee, letter.interest) == (28, Decimal(10), Decimal("1.16"))
        charge = session.scalars(scoped(Charge, cast.tenant)).one()
        assert (charge.unit_price, charge.tax_category) == (Decimal("11.16"), "O")
        assert "11" not in charge.description

    def test_leaves_a_disputed_invoice_alone_until_it_is_decided(
        self, session: Session, cast: Cast, invoice: Invoice
    ) -> None:
        dispute = disputing.open_dispute(
            session, cast.tenant, invoice_id=invoice.id, reason="faulty", words="It was broken.", at=NOW
        )
        assert reminding.remind(session, cast.tenant, today=FIRST, at=NOW) == []
        with pytest.raises(disputing.AlreadyDisputed):
            disputing.open_dispute(
                session, cast.tenant, invoice_id=invoice.id, reason="paid", words="Again.", at=NOW
            )
        disputing.decide(
            session,
            cast.tenant,
            dispute_id=dispute.id,
            state="rejected",
            decision="It worked on delivery.",
            today=FIRST,
            at=NOW,
            portal_url="https://portal.example",
        )
        assert len(reminding.remind(session, cast.tenant, today=FIRST, at=NOW)) == 1

    def test_believes_a_promise_until_its_day(self, session: Session, cast: Cast, invoice: Invoice) -> None:
        held.pause(
            session,
            cast.tenant,
            client_id=cast.acme.id,
            invoice_id=invoice.id,
            kind="promise",
            reason="Ada on the phone",
            until=FIRST,
            today=FRIENDLY,
            at=NOW,
        )
        assert reminding.remind(session, cast.tenant, today=FIRST, at=NOW) == []
        assert len(reminding.remind(session, cast.tenant, today=date(2026, 4, 21), at=NOW)) == 1
        assert session.scalar(sa.select(sa.func.count()).select_from(ReminderItem)) == 1

    def test_writes_to_nobody_before_it_is_switched_on(self, session: Session, cast: Cast) -> None:
        an_invoice(session, cast.tenant, client_id=cast.acme.id)
        assert reminding.remind(session, cast.tenant, today=LAST, at=NOW) == []


class TestALetter:
    def test_says_where_to_pay_and_what_to_write_on_the_transfer(self, cast: Cast) -> None:
        with db.unit_of_work(cast.tenant) as session:
            partner = session.get_one(Partner, cast.northwind.id)
            partner.policies = {**partner.policies, "dunning": DunningPolicy(is_on=True).check().kept()}
            account = {"currency": "USD", "account_number": "0001234567", "bank_code": "000000000"}
            edit_company(session, cast.tenant, changes={"accounts": [account]})
            number = an_invoice(session, cast.tenant, client_id=cast.acme.id).number
            (reminder,) = reminding.remind(session, cast.tenant, today=LAST, at=NOW)
            reminder_id = reminder.id
        jobs.print_letter(partner_id=cast.northwind.id, event_id="evt_1", reminder_id=reminder_id)
        with db.unit_of_work(cast.tenant) as session:
            printed = session.scalars(scoped(Reminder, cast.tenant)).one().letter_file_id
            paper = text_of(get_file(session, cast.tenant, file_id=printed or "").content)
        for told in ("Please pay to:", "0001234567", f"Reference {creditor_reference(number)}"):
            assert told in paper, told
