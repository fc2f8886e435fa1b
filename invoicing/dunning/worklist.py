"""Who to call today: every client with something overdue, the weightiest first."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal

import sqlalchemy as sa
from sqlalchemy.orm import Session

from haas.errors import Conflict
from haas.tenancy.models import Client, Partner
from haas.tenancy.scope import Tenant, scoped
from invoicing import queries
from invoicing.dunning import reminding
from invoicing.dunning.models import Reminder
from invoicing.dunning.reminding import DueLetter
from invoicing.holds.held import Held, held_on
from invoicing.holds.models import DunningPause, InvoiceDispute
from invoicing.open_items import OpenItem

SHOWN_MAX = 200


class NothingToRemind(Conflict):
    """No step of the plan is reached that was not taken."""

    code = "nothing_to_remind"


@dataclass(frozen=True, slots=True)
class WorkItem:
    """A client's account in one currency, as somebody who calls needs it."""

    client: Client
    currency: str
    items: tuple[OpenItem, ...]  # what is overdue
    today: date
    held: str | None  # why all of it is left alone, if it is
    letter: DueLetter | None  # what would be sent today
    reminded_on: date | None
    broken_promise: date | None

    @property
    def overdue(self) -> Decimal:
        """What is open and past its due day."""
        return sum((item.open for item in self.items), Decimal(0))

    @property
    def days(self) -> int:
        """Since the oldest was due."""
        return max(item.days_overdue(self.today) for item in self.items)

    @property
    def weight(self) -> Decimal:
        """What the list is ordered by: each amount times the days that it is late."""
        return sum((item.open * item.days_overdue(self.today) for item in self.items), Decimal(0))


def work_list(
    session: Session, tenant: Tenant, *, today: date, client_id: str | None = None
) -> list[WorkItem]:
    """What is overdue by client and currency, the weightiest first; a fixed number of queries."""
    policy = reminding.policy_of(session, tenant)
    overdue: defaultdict[tuple[str, str], list[OpenItem]] = defaultdict(list)
    still_open = queries.open_items(session, tenant, client_id=client_id)
    for item in still_open:
        if item.days_overdue(today):
            overdue[item.client_id, item.currency].append(item)
    if not overdue:
        return []
    ids = {client for client, _ in overdue}
    clients = {row.id: row for row in session.scalars(scoped(Client, tenant).where(Client.id.in_(ids)))}
    held = held_on(session, tenant, today=today, client_id=client_id)
    letters = {
        (letter.client.id, letter.currency): letter
        for letter in reminding.due_letters(
            session, tenant, today=today, policy=policy, items=still_open, held=held
        )
    }
    reminded = _last_reminded(session, tenant)
    broken = _broken(session, tenant, today=today)
    found = [
        WorkItem(
            client=clients[client],
            currency=currency,
            items=tuple(items),
            today=today,
            held=_held_all(held, items),
            letter=letters.get((client, currency)),
            reminded_on=reminded.get((client, currency)),
            broken_promise=broken.get(client),
        )
        for (client, currency), items in overdue.items()
    ]
    return sorted(found, key=lambda row: (row.held is not None, -row.weight, row.client.name_norm))


def remind_now(
    session: Session, tenant: Tenant, *, client_id: str, currency: str, today: date, at: datetime
) -> Reminder:
    """Send a client what it is due today without waiting for the morning's run.

    :raises NothingToRemind: if no step is reached, all is held back, or the letter of today is written.
    """
    policy = reminding.policy_of(session, tenant)
    reminding.one_run_at_a_time(session, tenant)
    letters = reminding.due_letters(session, tenant, today=today, policy=policy, client_id=client_id)
    letter = next((row for row in letters if row.currency == currency), None)
    if letter is None or (client_id, currency) in reminding.written_to(session, tenant, today=today):
        raise NothingToRemind(
            "Nothing is to be sent today: no step of the plan is reached that was not taken, or it is held"
            " back, or a reminder was written today."
        )
    partner = session.get_one(Partner, tenant.partner_id)
    return reminding.record(
        session, tenant, letter=letter, partner=partner, policy=policy, today=today, at=at
    )


def list_reminders(tenant: Tenant, *, client_id: str | None = None) -> sa.Select[Reminder]:
    """Letters, of one client or of all; for `fetch_page`."""
    statement = scoped(Reminder, tenant)
    return statement if client_id is None else statement.where(Reminder.client_id == client_id)


def open_disputes(
    session: Session, tenant: Tenant, *, client_id: str | None = None
) -> Sequence[InvoiceDispute]:
    """What waits for a decision, the oldest first."""
    statement = scoped(InvoiceDispute, tenant).where(InvoiceDispute.state == "open")
    if client_id is not None:
        statement = statement.where(InvoiceDispute.client_id == client_id)
    return session.scalars(statement.order_by(InvoiceDispute.id).limit(SHOWN_MAX)).all()


def _held_all(held: Held, items: Sequence[OpenItem]) -> str | None:
    reasons = [held.why(client_id=item.client_id, invoice_id=item.invoice_id) for item in items]
    return reasons[0] if all(reasons) else None


def _last_reminded(session: Session, tenant: Tenant) -> dict[tuple[str, str], date]:
    rows = session.execute(
        scoped(Reminder, tenant)
        .with_only_columns(Reminder.client_id, Reminder.currency, sa.func.max(Reminder.reminded_on))
        .group_by(Reminder.client_id, Reminder.currency)
    )
    return {(row[0], row[1]): row[2] for row in rows}


def _broken(session: Session, tenant: Tenant, *, today: date) -> dict[str, date]:
    """The last day that a client promised and let pass."""
    rows = session.execute(
        scoped(DunningPause, tenant)
        .where(DunningPause.kind == "promise", DunningPause.ended_at.is_(None), DunningPause.until < today)
        .with_only_columns(DunningPause.client_id, sa.func.max(DunningPause.until))
        .group_by(DunningPause.client_id)
    )
    return {row[0]: row[1] for row in rows if row[1]}
