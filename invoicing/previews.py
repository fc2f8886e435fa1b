"""What the next billing run would issue, client by client, and who would be put off and why. Reads only."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from decimal import Decimal

from sqlalchemy.orm import Session

from haas.errors import HaasError
from haas.tenancy.models import Client
from haas.tenancy.scope import Tenant, scoped
from invoicing.billing import billable_clients, credited_by, draft_charge
from invoicing.book import Book, load
from invoicing.charges.queries import get_charge
from invoicing.drafts import CreditedInvoice, Draft, draft_within_orders
from invoicing.exchange import with_exchange
from invoicing.grouping import Grouping
from invoicing.proposals import Proposal, propose

CLIENTS_A_PAGE = 500  # that many are computed while a person waits


@dataclass(frozen=True, slots=True)
class PaperPreview:
    """An invoice or credit note that is not issued yet. A credit note's amounts are negative."""

    kind: str
    lines: int
    net: Decimal
    tax: Decimal
    total: Decimal
    due_on: date
    credits_number: str | None
    currency: str = ""
    grouping: str = "client"
    subject: str = ""  # the site, order, agreement or lease whose paper it is; empty: of none
    allowances: Sequence[tuple[str, Decimal]] = ()  # discounts (negative) and surcharges, by their reasons


@dataclass(frozen=True, slots=True)
class ClientPreview:
    """What a client would get; with a `problem` it would be put off and get nothing."""

    client_id: str
    client: str
    number: str
    currency: str
    papers: Sequence[PaperPreview] = ()
    problem: str = ""
    waiting: Sequence[str] = ()  # purchase orders that do not allow what is due under them, each with why

    @property
    def total(self) -> Decimal:
        """What all its papers come to."""
        return sum((paper.total for paper in self.papers), Decimal(0))


@dataclass(frozen=True, slots=True)
class RunPreview:
    """Clients that would be billed. `next` is where to go on, if not all were looked at."""

    as_of: date
    clients: Sequence[ClientPreview]
    next: str | None

    def totals(self) -> dict[str, Decimal]:
        """What it comes to in each currency."""
        found: dict[str, Decimal] = {}
        for client in self.clients:
            for paper in client.papers:
                found[paper.currency] = found.get(paper.currency, Decimal(0)) + paper.total
        return found

    def count(self, kind: str) -> int:
        """How many papers of a kind."""
        return sum(1 for client in self.clients for paper in client.papers if paper.kind == kind)


def preview_run(
    session: Session, tenant: Tenant, *, as_of: date, after: str | None = None, limit: int = CLIENTS_A_PAGE
) -> RunPreview:
    """What a run as of that day would issue to the next `limit` clients behind the id `after`."""
    ids = [each for each in billable_clients(session, tenant, first=after) if each != after]
    page = ids[:limit]
    book = with_exchange(session, tenant, load(session, tenant, client_ids=page, lock=False, as_of=as_of))
    proposals = propose(book)
    credited = credited_by(session, tenant, proposals)
    subjects = _subjects(book)
    clients = [
        _bill(book, book.clients[client_id], rows, credited=credited, subjects=subjects)
        for client_id, rows in proposals.items()
    ]
    clients.sort(key=lambda each: (not each.problem, each.client.casefold()))
    return RunPreview(as_of, clients, next=page[-1] if len(ids) > limit else None)


def preview_client(session: Session, tenant: Tenant, *, client_id: str, as_of: date) -> ClientPreview:
    """What one client would be billed as of that day; without papers if nothing is due."""
    book = with_exchange(
        session, tenant, load(session, tenant, client_ids=[client_id], lock=False, as_of=as_of)
    )
    proposals = propose(book)
    return _bill(
        book,
        book.clients[client_id],
        proposals.get(client_id, []),
        credited=credited_by(session, tenant, proposals),
        subjects=_subjects(book),
    )


def preview_charge(session: Session, tenant: Tenant, *, charge_id: str, as_of: date) -> ClientPreview:
    """What billing one charge at once would issue."""
    charge = get_charge(session, tenant, charge_id=charge_id)
    client = session.scalars(scoped(Client, tenant).where(Client.id == charge.client_id)).one()
    try:
        drafted = draft_charge(session, tenant, charge=charge, as_of=as_of)
    except HaasError as refusal:
        return ClientPreview(client.id, client.name, client.number, charge.currency, problem=refusal.message)
    papers = [_paper(draft, {}) for draft in drafted.papers]
    waiting = tuple(drafted.waiting.values())
    return ClientPreview(client.id, client.name, client.number, charge.currency, papers, "", waiting)


def _subjects(book: Book) -> dict[str, str]:
    """The names of what may have a paper of its own, by id."""
    names = {row.id: row.number for row in book.named.values()}
    names |= {row.id: row.number for row in book.agreements.values()}
    names |= {order_id: order.number for order_id, order in book.orders.items()}
    return names | {site.id: site.name for site in book.taxation.sites.values()}


def _bill(
    book: Book,
    client: Client,
    rows: Sequence[Proposal],
    *,
    credited: dict[str, CreditedInvoice],
    subjects: Mapping[str, str],
) -> ClientPreview:
    try:
        drafted = draft_within_orders(book, client.id, rows, credited=credited)
    except HaasError as refusal:
        return ClientPreview(client.id, client.name, client.number, client.currency, problem=refusal.message)
    return ClientPreview(
        client.id,
        client.name,
        client.number,
        client.currency,
        papers=[_paper(draft, subjects) for draft in drafted.papers],
        waiting=tuple(drafted.waiting.values()),
    )


def _paper(draft: Draft, subjects: Mapping[str, str]) -> PaperPreview:
    is_credit = draft.credits is not None
    return PaperPreview(
        kind=draft.kind,
        lines=len(draft.proposals),
        net=draft.net_total,
        tax=draft.taxed.tax_total,
        total=draft.total,
        due_on=draft.due_on,
        credits_number=draft.credits.number if draft.credits else None,
        currency=draft.currency,
        grouping=Grouping.CLIENT.value if is_credit else draft.paper.grouping.value,
        subject="" if is_credit else subjects.get(draft.paper.subject_id, ""),
        allowances=draft.applied.by_reason() if draft.applied else (),
    )
