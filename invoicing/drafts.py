"""Proposed lines -> drafts of invoices and credit notes: grouped, taxed, ready for a number. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from decimal import Decimal
from itertools import groupby

from haas.documents.words import words
from haas.money import allocate
from haas.tenancy.branding import Branding
from haas.tenancy.models import Client
from invoicing.allowances.printed import of_given_back, of_line, of_paper
from invoicing.allowances.rules import Applied, Chargeable, Rule, apply_rules
from invoicing.document import (
    Buyer,
    DocumentLine,
    InvoiceDocument,
    Reference,
    SerialRow,
    TaxTotal,
)
from invoicing.grouping import PaperKey, group
from invoicing.proposals import Proposal
from invoicing.purchase_orders.limits import OrderTerms, objections
from invoicing.taxes import DatedRate, TaxableLine, TaxedLines, find_rate, rate_on, tax_lines

# What the paper says beside what the description does not explain; other kinds need no words.
_WHY = {
    "interim_rent": "Rent before the term",
    "holdover": "Rent after the term",
    "buy_out": "Purchase of the device",
    "loss": "Loss of the device",
    "early_return": "Charge for leaving before the end of the term",
}


@dataclass(frozen=True, slots=True)
class CreditedInvoice:
    """What a credit note must name: the invoice it corrects."""

    id: str
    number: str
    issued_on: date


@dataclass(frozen=True, slots=True)
class Draft:
    """One paper without its number. `nets` are signed: negative on a credit note.

    A net bears the line's share of the paper's own discounts, too, which its printed net does not.
    """

    kind: str  # invoice | credit_note
    client: Client
    proposals: Sequence[Proposal]
    nets: Sequence[Decimal]
    rates: Sequence[Decimal]
    taxed: TaxedLines
    issued_on: date
    due_on: date
    paper: PaperKey
    applied: Applied | None = None  # discounts and surcharges, which the nets bear already
    credits: CreditedInvoice | None = None
    tax_name: str = ""  # as the tax is called where the client is

    @property
    def currency(self) -> str:
        """Of all its amounts."""
        return self.paper.currency

    def printed_net(self, index: int) -> Decimal:
        """What stands on the line, before the paper's own discounts and surcharges; signed."""
        return self.nets[index] - (self.applied.shares[index] if self.applied else Decimal(0))

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
    client: Client,
    proposals: Iterable[Proposal],
    *,
    issued_on: date,
    rates: Sequence[DatedRate],
    credited: dict[str, CreditedInvoice],
    orders: Mapping[str, OrderTerms],
    rules: Sequence[Rule] = (),
) -> Drafted:
    """The papers without what its purchase order does not allow; that waits, all of an order together.

    :raises NoTaxRate: as `draft_papers`.
    """
    rows = list(proposals)
    waiting: dict[str, str] = {}
    while True:
        papers = draft_papers(client, rows, issued_on=issued_on, rates=rates, credited=credited, rules=rules)
        objected = objections(_under_orders(papers), orders, day=issued_on) if orders else {}
        if not objected:
            return Drafted(papers, waiting)
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
    rates: Sequence[DatedRate],
    credited: dict[str, CreditedInvoice],
    rules: Sequence[Rule] = (),
) -> list[Draft]:
    """An invoice for each group of what is charged, and a credit note for each invoice that is corrected.

    Tax is taken by the rate of the day each period begins; a credit takes the rate that was charged.

    :raises NoTaxRate: if no rate is on file; nothing of this client is billed then.
    """
    rows = sorted(
        proposals, key=lambda row: (row.lease.number if row.lease else "~", row.change.period_start)
    )
    charges = [row for row in rows if row.change.net > 0]
    gone = sorted((row for row in rows if row.change.net < 0), key=lambda row: row.credits_invoice_id or "")
    papers = [
        _draft("invoice", client, together, issued_on=issued_on, rates=rates, rules=rules)
        for together in group(charges).values()
    ]
    for invoice_id, given_back in groupby(gone, key=lambda row: row.credits_invoice_id or ""):
        papers.append(
            _draft(
                "credit_note",
                client,
                list(given_back),
                issued_on=issued_on,
                rates=rates,
                credits=credited[invoice_id],
            )
        )
    return papers


def _draft(
    kind: str,
    client: Client,
    proposals: Sequence[Proposal],
    *,
    issued_on: date,
    rates: Sequence[DatedRate],
    credits: CreditedInvoice | None = None,  # noqa: A002 - the field's term
    rules: Sequence[Rule] = (),
) -> Draft:
    by_line = [
        row.credits_tax_rate_pct
        if row.credits_tax_rate_pct is not None
        else rate_on(rates, country=client.country, category=row.tax_category, day=row.change.period_start)
        for row in proposals
    ]
    paper = proposals[0].paper
    nets = [row.change.net for row in proposals]
    applied = None
    if rules:
        applied = _apply(rules, proposals, by_line, paper=paper, day=issued_on)
        nets = [net + applied.borne_by(index) for index, net in enumerate(nets)]
    taxed = tax_lines(
        [
            TaxableLine(net, row.tax_category, rate)
            for net, row, rate in zip(nets, proposals, by_line, strict=True)
        ],
        currency=paper.currency,
    )
    return Draft(
        kind=kind,
        client=client,
        proposals=proposals,
        nets=nets,
        rates=by_line,
        taxed=taxed,
        issued_on=issued_on,
        due_on=issued_on + timedelta(days=0 if credits else paper.payment_terms_days),
        paper=paper,
        applied=applied,
        credits=credits,
        tax_name=_tax_name(client, rates, day=issued_on),
    )


def _apply(
    rules: Sequence[Rule],
    proposals: Sequence[Proposal],
    rates: Sequence[Decimal],
    *,
    paper: PaperKey,
    day: date,
) -> Applied:
    lines = [
        Chargeable(
            net=row.change.net,
            kind=row.change.kind,
            tax=(row.tax_category, rate),
            agreement_id=row.lease.agreement_id if row.lease else None,
            lease_id=row.lease.id if row.lease else None,
        )
        for row, rate in zip(proposals, rates, strict=True)
    ]
    return apply_rules(rules, lines, currency=paper.currency, day=day)


def _tax_name(client: Client, rates: Sequence[DatedRate], *, day: date) -> str:
    """The name of the standard rate; none where it says the rate too, which is printed beside it."""
    found = find_rate(rates, country=client.country, category="S", day=day)
    return "" if found is None or any(sign.isdigit() for sign in found.name) else found.name


def document_of(draft: Draft, *, number: str, seller: Branding, portal_url: str) -> InvoiceDocument:
    """Everything the paper prints, frozen. Amounts of a credit note turn positive."""
    sign = -1 if draft.kind == "credit_note" else 1
    starts = [row.change.period_start for row in draft.proposals]
    ends = [row.change.period_end for row in draft.proposals]
    references = [Reference(kind="lease", number=number) for number in _lease_numbers(draft)]
    if draft.credits is not None:
        references.insert(
            0, Reference(kind="invoice", number=draft.credits.number, issued_on=draft.credits.issued_on)
        )
    return InvoiceDocument(
        kind="credit_note" if draft.kind == "credit_note" else "invoice",
        number=number,
        seller=seller.lean(),
        buyer=Buyer(
            name=draft.client.printed_name,
            address_lines=tuple(draft.client.printed_address),
            tax_id=draft.client.tax_id,
            customer_number=draft.client.number,
        ),
        issued_on=draft.issued_on,
        due_on=draft.due_on,
        start=min(starts),
        until=max(ends),
        currency=draft.currency,
        language=draft.client.language,
        tax_name=draft.tax_name,
        lines=tuple(_document_line(draft, index, rate=rate) for index, rate in enumerate(draft.rates)),
        allowances=of_paper(draft.applied) if draft.applied else (),
        tax_totals=tuple(
            TaxTotal(
                category=group.category,  # type: ignore[arg-type]
                rate_pct=group.rate_pct or Decimal(0),
                taxable=sign * group.basis,
                tax=sign * group.tax,
            )
            for group in draft.taxed.groups
        ),
        net_total=sign * draft.net_total,
        tax_total=sign * draft.taxed.tax_total,
        total=sign * draft.total,
        payable=sign * draft.total,
        references=tuple(references),
        portal_url=portal_url,
    )


def _document_line(draft: Draft, index: int, *, rate: Decimal) -> DocumentLine:
    row, change, language = draft.proposals[index], draft.proposals[index].change, draft.client.language
    amount, net = abs(change.amount), abs(draft.printed_net(index))
    payment = change.owed.source if change.owed is not None else None
    days, basis = getattr(payment, "days", 0), getattr(payment, "basis_days", 0)
    share = f"{days}/{basis}" if days != basis and not change.revision else ""
    outside = _WHY.get(change.kind)
    why = words(language).gettext(outside) if outside else ""
    details = " · ".join(filter(None, (why, share)))
    whole = amount != row.unit_price * row.quantity  # part of a period, or what an amendment left of it
    if change.given_back is not None:
        allowances = of_given_back(amount=amount, given_back=net, language=language)
    else:
        allowances = of_line(draft.applied, index) if draft.applied else ()
    shares = [share.amount for share, _, _ in row.serials]
    if shares and net != amount:
        shares = allocate(net, shares, currency=draft.currency)
    return DocumentLine(
        description=row.description,
        details=details,
        start=change.period_start,
        until=change.period_end,
        quantity=Decimal(1) if whole else row.quantity,
        unit_price=amount if whole else row.unit_price,
        net=net,
        tax_rate_pct=rate,
        tax_category=row.tax_category,  # type: ignore[arg-type]
        allowances=allowances,
        serials=tuple(
            SerialRow(serial=share.serial, start=first, until=until, days=share.days, amount=amount)
            for (share, first, until), amount in zip(row.serials, shares, strict=True)
        ),
    )


def _lease_numbers(draft: Draft) -> list[str]:
    return sorted({row.lease.number for row in draft.proposals if row.lease is not None})
