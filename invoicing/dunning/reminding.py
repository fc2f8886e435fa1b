"""The day's reminders: who is at which step, one letter to a client and currency, fees as charges."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from decimal import Decimal

import sqlalchemy as sa
from sqlalchemy.orm import Session

from haas import outbox
from haas.crash import crashpoint
from haas.documents import formatting
from haas.documents.words import words
from haas.ids import new_id
from haas.tenancy.models import Client, Partner
from haas.tenancy.scope import Tenant, scoped
from invoicing import queries
from invoicing.charges.operations import NewCharge, make_charge
from invoicing.dunning.choices import chosen_plans
from invoicing.dunning.models import Reminder, ReminderItem
from invoicing.dunning.plan import Plan, Step, due_step, filled, late_interest
from invoicing.dunning.policy import DunningPolicy
from invoicing.holds.held import Held, held_on
from invoicing.open_items import OpenItem

NUMBERS_SHOWN = 5  # of invoices in a subject; the letter lists all


@dataclass(frozen=True, slots=True)
class DueItem:
    """An invoice that is at a step today; `interest` is what comes to it now, until `until`."""

    item: OpenItem
    step: Step
    interest: Decimal
    until: date


@dataclass(frozen=True, slots=True)
class DueLetter:
    """What a client would be sent today in one currency. Its words are those of the furthest step."""

    client: Client
    currency: str
    items: tuple[DueItem, ...]
    pay_by: date

    @property
    def step(self) -> Step:
        """The furthest of its invoices' steps."""
        return max((each.step for each in self.items), key=lambda step: step.days)

    @property
    def amount(self) -> Decimal:
        """What is open of all of them."""
        return sum((each.item.open for each in self.items), Decimal(0))

    @property
    def fee(self) -> Decimal:
        """The furthest step's fee, once for the letter, in the currency that the client is billed in."""
        return self.step.fee if self.currency == self.client.currency else Decimal(0)

    @property
    def interest(self) -> Decimal:
        """Of all of them, where a fee could be charged too."""
        if self.currency != self.client.currency:
            return Decimal(0)
        return sum((each.interest for each in self.items), Decimal(0))

    @property
    def charged(self) -> Decimal:
        """What comes onto the client's next invoice."""
        return self.fee + self.interest


def policy_of(session: Session, tenant: Tenant) -> DunningPolicy:
    """The partner's own rules."""
    return DunningPolicy.of_policies(session.get_one(Partner, tenant.partner_id).policies)


def due_letters(
    session: Session,
    tenant: Tenant,
    *,
    today: date,
    policy: DunningPolicy,
    client_id: str | None = None,
    items: Sequence[OpenItem] | None = None,
    held: Held | None = None,
) -> list[DueLetter]:
    """What would be sent today; a fixed number of queries, however much is open. Nothing is written.

    :param items: what is open and what is held, where the caller has read them already.
    """
    if items is None:
        items = queries.open_items(session, tenant, client_id=client_id)
    if not items:
        return []
    if held is None:
        held = held_on(session, tenant, today=today, client_id=client_id)
    done = _taken(session, tenant, [item.invoice_id for item in items])
    chosen = chosen_plans(session, tenant)
    found: defaultdict[tuple[str, str], list[DueItem]] = defaultdict(list)
    for item in items:
        plan = policy.plan_of(chosen.get(item.client_id, ""))
        due = _due_item(item, plan, done.get(item.invoice_id, {}), held, today)
        if due is not None:
            found[item.client_id, item.currency].append(due)
    wanted = {client for client, _ in found}
    clients = {row.id: row for row in session.scalars(scoped(Client, tenant).where(Client.id.in_(wanted)))}
    pay_by = today + timedelta(days=policy.plan.pay_within_days)
    letters = [
        DueLetter(clients[client], currency, tuple(rows), pay_by)
        for (client, currency), rows in sorted(found.items())
    ]
    return [letter for letter in letters if letter.amount >= policy.plan.least_amount]


def remind(session: Session, tenant: Tenant, *, today: date, at: datetime) -> list[Reminder]:
    """Record the day's letters and publish each; jobs print and send them. A second run finds them."""
    one_run_at_a_time(session, tenant)
    policy = policy_of(session, tenant)
    if not policy.is_on:
        return []
    partner = session.get_one(Partner, tenant.partner_id)
    letters = due_letters(session, tenant, today=today, policy=policy)
    done = written_to(session, tenant, today=today)
    return [
        record(session, tenant, letter=letter, partner=partner, policy=policy, today=today, at=at)
        for letter in letters
        if (letter.client.id, letter.currency) not in done
    ]


def one_run_at_a_time(session: Session, tenant: Tenant) -> None:
    """Until the transaction ends: the second sees what the first has recorded."""
    key = f"dunning:{tenant.partner_id}"
    session.execute(sa.select(sa.func.pg_advisory_xact_lock(sa.func.hashtextextended(key, 0))))


def record(
    session: Session,
    tenant: Tenant,
    *,
    letter: DueLetter,
    partner: Partner,
    policy: DunningPolicy,
    today: date,
    at: datetime,
) -> Reminder:
    """Write one letter down with its charge; the database refuses a second for client, currency and day."""
    subject, text = wording(letter, partner=partner, today=today)
    reminder_id = new_id("rem")
    charge_id = None
    if letter.charged:
        charge = make_charge(
            session,
            tenant,
            wanted=NewCharge(
                client_id=letter.client.id,
                description=_charge_words(letter),
                unit_price=letter.charged,
                charged_on=today,
                category="fee",
                tax_category=policy.fee_tax_category,
                reference=f"reminder:{reminder_id}",
            ),
            at=at,
        )
        charge_id = charge.id
    crashpoint("reminder.charged")
    made = Reminder(
        partner_id=tenant.partner_id,
        id=reminder_id,
        client_id=letter.client.id,
        currency=letter.currency,
        reminded_on=today,
        step_days=letter.step.days,
        step_name=letter.step.name,
        subject=subject,
        text=text,
        as_letter=letter.step.as_letter,
        amount=letter.amount,
        fee=letter.fee,
        interest=letter.interest,
        pay_by=letter.pay_by,
        charge_id=charge_id,
        recorded_at=at,
        actor=tenant.actor,
    )
    session.add(made)
    session.flush()
    session.add_all(
        ReminderItem(
            partner_id=tenant.partner_id,
            id=new_id("rit"),
            reminder_id=made.id,
            client_id=made.client_id,
            invoice_id=each.item.invoice_id,
            step_days=each.step.days,
            amount=each.item.open,
            interest=each.interest,
            interest_until=each.until if each.interest else None,
        )
        for each in letter.items
    )
    session.flush()
    # A letter is printed before it is mailed.
    event = "reminder.recorded" if made.as_letter else "reminder.ready"
    outbox.publish(session, tenant, event, reminder_id=made.id, once_key=f"reminder:{made.id}")
    crashpoint("reminder.recorded")
    return made


def wording(
    letter: DueLetter, *, partner: Partner, today: date, language: str | None = None
) -> tuple[str, str]:
    """Subject and text, filled in: in the client's language (or this), else the partner's, else English."""
    language, step = language or letter.client.language, letter.step
    spoken = next(
        (each for each in (language, partner.language, "en") if each in step.texts),
        next(iter(step.texts), ""),
    )
    values = _values(letter, partner=partner, language=language, today=today)
    return filled(step.subjects.get(spoken, ""), values), filled(step.texts.get(spoken, ""), values)


def _values(letter: DueLetter, *, partner: Partner, language: str, today: date) -> Mapping[str, str]:
    numbers = [each.item.number for each in letter.items]
    shown = ", ".join(numbers[:NUMBERS_SHOWN]) + (" …" if len(numbers) > NUMBERS_SHOWN else "")
    oldest = min(each.item.due_on for each in letter.items)

    def money(amount: Decimal) -> str:
        return formatting.money(amount, letter.currency, language=language)

    return {
        "client": letter.client.name,
        "contact": letter.client.name,
        "numbers": shown,
        "amount": money(letter.amount),
        "fee": money(letter.fee),
        "interest": money(letter.interest),
        "oldest_due": formatting.day(oldest, language=language),
        "days": str(max((today - oldest).days, 0)),
        "pay_by": formatting.day(letter.pay_by, language=language),
        "partner": partner.name,
    }


def _charge_words(letter: DueLetter) -> str:
    told = words(letter.client.language)
    numbers = ", ".join(each.item.number for each in letter.items[:NUMBERS_SHOWN])
    return told.gettext("Late payment of %(numbers)s") % {"numbers": numbers}


def _due_item(
    item: OpenItem, plan: Plan, taken: Mapping[int, date | None], held: Held, today: date
) -> DueItem | None:
    if held.why(client_id=item.client_id, invoice_id=item.invoice_id) is not None:
        return None
    step = due_step(plan, due_on=item.due_on, today=today, done=taken)
    if step is None:
        return None
    since = max([item.due_on, *(until for until in taken.values() if until is not None)])
    interest = late_interest(
        item.open,
        rate_pct=step.interest_pct,
        since=since,
        until=today,
        basis=plan.interest_basis,
        currency=item.currency,
    )
    return DueItem(item, step, interest, today)


def _taken(session: Session, tenant: Tenant, invoice_ids: Iterable[str]) -> dict[str, dict[int, date | None]]:
    """By invoice: the steps it was at, each with the day until which interest was charged."""
    rows = session.execute(
        sa.select(ReminderItem.invoice_id, ReminderItem.step_days, ReminderItem.interest_until).where(
            ReminderItem.partner_id == tenant.partner_id, ReminderItem.invoice_id.in_(list(invoice_ids))
        )
    )
    found: defaultdict[str, dict[int, date | None]] = defaultdict(dict)
    for row in rows:
        found[row.invoice_id][row.step_days] = row.interest_until
    return found


def written_to(session: Session, tenant: Tenant, *, today: date) -> set[tuple[str, str]]:
    """The clients and currencies that have a letter of this day."""
    rows = session.execute(
        sa.select(Reminder.client_id, Reminder.currency).where(
            Reminder.partner_id == tenant.partner_id, Reminder.reminded_on == today
        )
    )
    return {(row.client_id, row.currency) for row in rows}


def reminders_of(session: Session, tenant: Tenant, *, invoice_id: str) -> Sequence[Reminder]:
    """The letters that named this invoice, oldest first."""
    return session.scalars(
        scoped(Reminder, tenant)
        .join(
            ReminderItem,
            sa.and_(ReminderItem.partner_id == Reminder.partner_id, ReminderItem.reminder_id == Reminder.id),
        )
        .where(ReminderItem.invoice_id == invoice_id)
        .order_by(Reminder.reminded_on)
    ).all()
