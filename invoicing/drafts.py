"""Proposed lines -> drafts of invoices and credit notes: grouped, taxed, ready for a number. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import date
from decimal import Decimal
from itertools import groupby

from haas.money import round_minor
from haas.tenancy.models import Client, Site
from haas.tenancy.payment_terms import due_on
from invoicing.allowances.rules import Applied, Chargeable, Rule, apply_rules
from invoicing.book import Book
from invoicing.document import PaymentMeans, TaxInOwnCurrency
from invoicing.grouping import PaperKey, group
from invoicing.proposals import Proposal
from invoicing.purchase_orders.limits import OrderTerms, objections
from invoicing.tax.parties import Seller
from invoicing.tax.supplies import Place, TaxDecision, agreed
from invoicing.tax.taxation import Taxation, at_its_rate
from invoicing.taxes import TaxableLine, TaxedLines, tax_lines, tax_within


@dataclass(frozen=True, slots=True)
class CreditedInvoice:
    """What a credit note must name: the invoice it corrects."""

    id: str
    number: str
    issued_on: date
    accounting: TaxInOwnCurrency | None = None  # its tax in the seller's own currency, with the rate


@dataclass(frozen=True, slots=True)
class Draft:
    """One paper without its number. `nets` are signed: negative on a credit note.

    A net bears the line's share of the paper's own discounts, too, which its printed net does not.
    """

    kind: str  # invoice | credit_note
    client: Client
    proposals: Sequence[Proposal]
    nets: Sequence[Decimal]
    decisions: Sequence[TaxDecision]
    rates: Sequence[Decimal]
    gross: Sequence[Decimal]  # of the lines, where prices include tax; else empty
    taxed: TaxedLines
    issued_on: date
    due_on: date
    paper: PaperKey
    seller: Seller
    sites: Mapping[str, Site]
    applied: Applied | None = None  # discounts and surcharges, which the nets bear already
    credits: CreditedInvoice | None = None
    tax_name: str = ""  # as the tax is called where it is paid
    accounting: TaxInOwnCurrency | None = None
    orders: Mapping[str, OrderTerms] = field(default_factory=dict)
    debit: PaymentMeans | None = None  # how the bank collects what the client owes in EUR

    @property
    def currency(self) -> str:
        """Of all its amounts."""
        return self.paper.currency

    @property
    def collected_by(self) -> PaymentMeans | None:
        """The debit by which the bank collects it: of an invoice in EUR alone."""
        return self.debit if self.kind == "invoice" and self.currency == "EUR" else None

    def printed_net(self, index: int) -> Decimal:
        """What stands on the line, before the paper's own discounts and surcharges; signed.

        Where prices include tax, discounts of the paper are taken off its lines.
        """
        if self.gross:
            return self.nets[index]
        return self.nets[index] - (self.applied.shares[index] if self.applied else Decimal(0))

    def without_tax(self, index: int) -> tuple[Decimal, Decimal]:
        """Of a line what discounts and surcharges made of its net, and the tax that its agreed price held.

        Net less the one, and the other, is what was agreed: 119.00 with 19 % in it is 100.00 and 19.00.
        """
        net, change = self.nets[index], self.proposals[index].change
        if not self.gross:
            return net - change.amount + change.included_tax, change.included_tax
        borne = self.applied.borne_by(index) if self.applied else Decimal(0)
        allowance = round_minor(borne / (1 + self.rates[index] / 100), self.currency)
        return allowance, change.amount - net + allowance

    @property
    def net_total(self) -> Decimal:
        """Sum of the lines, signed."""
        return sum(self.nets, Decimal(0))

    @property
    def total(self) -> Decimal:
        """Net and tax, signed."""
        return self.net_total + self.taxed.tax_total


@dataclass(frozen=True, slots=True)
class Drafted:
    """A client's papers, and the purchase orders whose lines wait: by id, why."""

    papers: Sequence[Draft]
    waiting: Mapping[str, str]


def draft_within_orders(
    book: Book, client_id: str, proposals: Iterable[Proposal], *, credited: dict[str, CreditedInvoice]
) -> Drafted:
    """A client's papers of the book's day without what a purchase order does not allow.

    That waits, all of an order together.

    :raises NoTaxRate, TaxNumberMissing, NoExchangeRate: as `draft_papers`.
    """
    rows, orders = list(proposals), book.orders
    waiting: dict[str, str] = {}
    while True:
        papers = draft_papers(
            book.clients[client_id],
            rows,
            issued_on=book.as_of,
            taxation=book.taxation,
            credited=credited,
            rules=book.rules.get(client_id, ()),
        )
        objected = objections(_under_orders(papers), orders, day=book.as_of) if orders else {}
        if not objected:
            debit = book.debits.get(client_id)
            return Drafted([replace(paper, orders=orders, debit=debit) for paper in papers], waiting)
        # What is charged to all lines of a paper is shared by fewer now: another order may be full with it.
        waiting |= objected
        rows = [row for row in rows if row.purchase_order_id not in waiting or row.change.amount < 0]


def _under_orders(papers: Iterable[Draft]) -> dict[tuple[str, str], Decimal]:
    amounts: dict[tuple[str, str], Decimal] = {}
    for paper in papers:
        for row, net in zip(paper.proposals, paper.nets, strict=True):
            if row.purchase_order_id is not None:
                key = (row.purchase_order_id, paper.currency)
                amounts[key] = amounts.get(key, Decimal(0)) + net
    return amounts


def draft_papers(
    client: Client,
    proposals: Iterable[Proposal],
    *,
    issued_on: date,
    taxation: Taxation,
    credited: dict[str, CreditedInvoice],
    rules: Sequence[Rule] = (),
) -> list[Draft]:
    """An invoice for each group of what is charged, and a credit note for each invoice that is corrected.

    Tax is taken by the rate of the day each period begins; a credit takes the rate that was charged. What
    is outside the scope of the tax has a paper of its own (EN 16931 BR-O-11).

    :raises NoTaxRate: if no rate is on file; nothing of this client is billed then.
    :raises TaxNumberMissing: if the law wants a number on the paper that nobody gave.
    :raises NoExchangeRate: if the tax must be stated in another currency, too, and no rate is on file.
    """
    rows = sorted(
        (_tax(client, row, taxation) for row in proposals),
        key=lambda row: (
            row.proposal.lease.number if row.proposal.lease else "~",
            row.proposal.change.period_start,
        ),
    )
    charges = [row for row in rows if row.proposal.change.net > 0]
    gone = sorted(
        (row for row in rows if row.proposal.change.net < 0), key=lambda row: row.credits_invoice_id
    )
    papers = [
        _draft("invoice", client, alike, issued_on=issued_on, taxation=taxation, rules=rules)
        for together in group(charges).values()
        for alike in _apart_by_scope(together)
    ]
    for invoice_id, given_back in groupby(gone, key=lambda row: row.credits_invoice_id):
        papers.append(
            _draft(
                "credit_note",
                client,
                list(given_back),
                issued_on=issued_on,
                taxation=taxation,
                credits=credited[invoice_id],
            )
        )
    return papers


@dataclass(frozen=True, slots=True)
class _Taxed:
    """A proposed line and how it is taxed."""

    proposal: Proposal
    decision: TaxDecision
    rate_pct: Decimal

    @property
    def paper(self) -> PaperKey:
        """The key of the paper on which it goes."""
        return self.proposal.paper

    @property
    def credits_invoice_id(self) -> str:
        """The invoice that it corrects, if any."""
        return self.proposal.credits_invoice_id or ""


def _tax(client: Client, row: Proposal, taxation: Taxation) -> _Taxed:
    day = row.change.period_start
    past = row.corrects
    if past is not None and past.tax_category is not None and past.tax_rate_pct is not None:
        place = Place(client.country, client.region)
        return _Taxed(row, agreed(past.tax_category, place=place), past.tax_rate_pct)
    decision = taxation.decide(
        client,
        kind=row.change.kind,
        category=row.tax_category,
        tax_class=row.tax_class,
        site_id=row.site_id,
        day=day,
    )
    return _Taxed(row, decision, taxation.rate(decision, day=day))


def _apart_by_scope(rows: Sequence[_Taxed]) -> list[list[_Taxed]]:
    inside = [row for row in rows if row.decision.category != "O"]
    outside = [row for row in rows if row.decision.category == "O"]
    return [part for part in (inside, outside) if part]


def _draft(
    kind: str,
    client: Client,
    rows: Sequence[_Taxed],
    *,
    issued_on: date,
    taxation: Taxation,
    credits: CreditedInvoice | None = None,  # noqa: A002 - the field's term
    rules: Sequence[Rule] = (),
) -> Draft:
    paper = rows[0].paper
    if credits is not None:
        issued_on = max(issued_on, credits.issued_on)  # of no day before its invoice's
    nets: Sequence[Decimal] = [row.proposal.change.net for row in rows]
    applied = None
    if rules:
        applied = apply_rules(
            rules, [_chargeable(row) for row in rows], currency=paper.currency, day=issued_on
        )
        nets = [net + applied.borne_by(index) for index, net in enumerate(nets)]
    lines = [
        TaxableLine(net, row.decision.category, row.rate_pct) for net, row in zip(nets, rows, strict=True)
    ]
    gross: Sequence[Decimal] = ()
    # What goes back is told without tax already, as the share of the net that was billed.
    if client.prices_include_tax and credits is None:
        gross = nets
        taxed, nets = tax_within(lines, currency=paper.currency)
    else:
        taxed = tax_lines(lines, currency=paper.currency)
    return Draft(
        kind=kind,
        client=client,
        proposals=[row.proposal for row in rows],
        nets=nets,
        gross=gross,
        decisions=[row.decision for row in rows],
        rates=[row.rate_pct for row in rows],
        taxed=taxed,
        issued_on=issued_on,
        due_on=issued_on if credits else due_on(paper.terms, issued_on),
        paper=paper,
        seller=taxation.seller,
        sites=taxation.sites,
        applied=applied,
        credits=credits,
        tax_name=taxation.tax_name(rows[0].decision, day=issued_on),
        accounting=_in_own_currency(taxation, paper, credits, tax=abs(taxed.tax_total), day=issued_on),
    )


def _in_own_currency(
    taxation: Taxation, paper: PaperKey, credited: CreditedInvoice | None, *, tax: Decimal, day: date
) -> TaxInOwnCurrency | None:
    """At the day's rate; what is credited, at that of its invoice: as much goes back as was stated."""
    stated = at_its_rate(credited.accounting, tax=tax) if credited is not None else None
    return stated or taxation.in_own_currency(tax, currency=paper.currency, day=day)


def _chargeable(row: _Taxed) -> Chargeable:
    lease, change = row.proposal.lease, row.proposal.change
    return Chargeable(
        net=change.net,
        kind=change.kind,
        tax=(row.decision.category, row.rate_pct),
        agreement_id=lease.agreement_id if lease else None,
        lease_id=lease.id if lease else None,
    )
