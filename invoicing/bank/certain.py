"""What a statement books by itself: our own orders, out or back, then payments that are certain."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime

from sqlalchemy.orm import Session

from haas.errors import HaasError
from haas.tenancy.scope import Tenant
from invoicing.bank import booking, learning, queries, settling
from invoicing.bank.matching import Suggestion
from invoicing.bank.models import BankLine
from invoicing.money.entries import lock_clients


def book_statement(session: Session, tenant: Tenant, *, lines: Sequence[BankLine], at: datetime) -> int:
    """Book of these lines what is certain; how many. What is refused stays open, and a person looks at it.

    All is locked before anything is booked, in the order of whoever books one line: lines, clients, hints.
    Line by line, two statements that name the same clients could wait for one another.
    """
    queries.lock_lines(session, tenant, line_ids=[line.id for line in lines])
    found = certain(session, tenant, lines=lines)
    ours = settling.own_lines(session, tenant, lines=lines)
    paying = {best.client_id for best in found.values()}
    lock_clients(session, tenant, client_ids=paying.union(*ours.values()))
    learning.lock_hints(session, tenant, lines=lines)
    own = settling.book_own(session, tenant, lines=[line for line in lines if line.id in ours], at=at)
    return own + book_certain(session, tenant, found=found, at=at)


def certain(session: Session, tenant: Tenant, *, lines: Sequence[BankLine]) -> dict[str, Suggestion]:
    """Line id -> who has paid, of the open lines whose first suggestion is certain."""
    found = learning.suggestions(session, tenant, lines=lines)
    return {line_id: told[0] for line_id, told in found.items() if told and told[0].is_certain}


def book_certain(session: Session, tenant: Tenant, *, found: Mapping[str, Suggestion], at: datetime) -> int:
    """Book what is certain of each line; how many. What was decided on or paid otherwise is left."""
    booked = 0
    for line_id, best in found.items():
        part = booking.Part(
            client_id=best.client_id,
            amount=sum((amount for _, amount in best.allocations), best.to_balance),
            allocations=dict(best.allocations),
        )
        try:
            with session.begin_nested():
                booking.book(
                    session, tenant, line_id=line_id, parts=[part], at=at, reasons=best.reasons,
                    is_automatic=True,
                )  # fmt: skip
        except HaasError:
            continue
        booked += 1
    return booked
