"""A draft with its number -> the frozen document: all that paper and e-invoice say. Pure."""

from __future__ import annotations

from datetime import date
from decimal import Decimal
from typing import Any

import msgspec

from haas.calendar import ONE_DAY, add_months
from haas.documents.words import words
from haas.money import allocate
from haas.tenancy.branding import Branding
from haas.tenancy.models import Client
from invoicing.allowances.printed import of_given_back, of_line, of_paper
from invoicing.document import (
    Allowance,
    DeliverySite,
    DocumentLine,
    EarlyDiscount,
    InvoiceDocument,
    PaymentMeans,
    Reference,
    SerialRow,
    TaxTotal,
)
from invoicing.drafts import Draft
from invoicing.payment_terms import offered, terms_text
from invoicing.proposals import Proposal
from invoicing.references import creditor_reference
from invoicing.tax.parties import Seller, buyer_of, has_exemption, site_of
from invoicing.tax.supplies import TaxDecision
from invoicing.tax.texts import reason_text

# What the paper says beside what the description does not explain; other kinds need no words.
_WHY = {
    "interim_rent": "Rent before the term",
    "holdover": "Rent after the term",
    "buy_out": "Purchase of the device",
    "loss": "Loss of the device",
    "early_return": "Charge for leaving before the end of the term",
}


def document_of(draft: Draft, *, seller: Branding, portal_url: str, pay_url: str = "") -> InvoiceDocument:
    """Everything the paper prints but its number (`give_number`). Amounts of a credit note turn positive."""
    sign = -1 if draft.kind == "credit_note" else 1
    starts = [row.change.period_start for row in draft.proposals]
    ends = [row.change.period_end for row in draft.proposals]
    # Each line says its order where the paper cannot name one for all.
    is_of_many_orders = len({row.purchase_order_id for row in draft.proposals}) > 1
    references = [Reference(kind="lease", number=number) for number in _lease_numbers(draft)]
    if draft.credits is not None:
        references.insert(
            0, Reference(kind="invoice", number=draft.credits.number, issued_on=draft.credits.issued_on)
        )
    discounts = _discounts(draft)
    return InvoiceDocument(
        kind="credit_note" if draft.kind == "credit_note" else "invoice",
        number="",
        seller=_with_address(seller, draft.seller).lean(),
        supplier=draft.seller.party,
        buyer=buyer_of(draft.client),
        site=_site(draft),
        issued_on=draft.issued_on,
        due_on=draft.due_on,
        delivered_on=max(ends) - ONE_DAY,
        start=min(starts),
        until=max(ends),
        currency=draft.currency,
        language=draft.client.language,
        tax_name=draft.tax_name,
        lines=tuple(
            _document_line(draft, index, names_order=is_of_many_orders)
            for index in range(len(draft.proposals))
        ),
        prices_include_tax=bool(draft.gross),
        allowances=of_paper(draft.applied) if draft.applied and not draft.gross else (),
        tax_totals=_tax_totals(draft, sign=sign),
        net_total=sign * draft.net_total,
        tax_total=sign * draft.taxed.tax_total,
        total=sign * draft.total,
        payable=sign * draft.total,
        accounting=draft.accounting,
        references=tuple(references),
        buyer_order=_buyer_order(draft),
        early_discounts=discounts,
        payment_terms=_terms(draft, discounts),
        payment_means=_means(draft),
        portal_url=portal_url,
        pay_url="" if draft.collected_by else pay_url,  # it would be paid twice
    )


def give_number(document: InvoiceDocument, number: str) -> None:
    """Complete a document that nobody else has yet: its number, and what the payer of an invoice writes.

    In place: all else was checked before the series was locked, and rivals wait for it.
    """
    msgspec.structs.force_setattr(document, "number", number)
    if document.kind == "invoice":
        msgspec.structs.force_setattr(document, "payment_reference", creditor_reference(number))


def _discounts(draft: Draft) -> tuple[EarlyDiscount, ...]:
    if draft.kind != "invoice" or not draft.paper.terms.discounts:
        return ()
    return offered(
        draft.paper.terms.discounts,
        issued_on=draft.issued_on,
        due_on=draft.due_on,
        base=draft.total,
        currency=draft.currency,
    )


def _means(draft: Draft) -> tuple[PaymentMeans, ...]:
    """How it is paid: collected by the bank where the client has a mandate, else by transfer."""
    if draft.kind != "invoice":
        return ()
    return (draft.collected_by,) if draft.collected_by else draft.seller.means(draft.currency)


def _terms(draft: Draft, discounts: tuple[EarlyDiscount, ...]) -> str:
    if draft.kind != "invoice":
        return ""
    return terms_text(
        discounts,
        due_on=draft.due_on,
        base=draft.total,
        currency=draft.currency,
        language=draft.client.language,
    )


def _with_address(branding: Branding, seller: Seller) -> Branding:
    """The branding as it is; where it prints no address, with the company's."""
    if branding.address_lines or not seller.address_lines:
        return branding
    return msgspec.structs.replace(branding, address_lines=seller.address_lines)


def _site(draft: Draft) -> DeliverySite | None:
    """Where all of it was delivered; goods that cross a border must name the country (EN 16931 BR-IC-12)."""
    ids = {row.site_id for row in draft.proposals}
    site = draft.sites.get(next(iter(ids)) or "") if len(ids) == 1 else None
    if site is not None:
        return site_of(site)
    if any(decision.category in ("K", "G") for decision in draft.decisions):
        return DeliverySite(country=draft.client.country)
    return None


def _buyer_order(draft: Draft) -> str:
    """The one order that all lines are billed under, else what the client always wants named."""
    ids = {row.purchase_order_id for row in draft.proposals}
    order = draft.orders.get(next(iter(ids)) or "") if len(ids) == 1 else None
    return order.number if order is not None else draft.client.purchase_order


def _order_of_line(draft: Draft, row: Proposal) -> str:
    """What a line says of its order."""
    order = draft.orders.get(row.purchase_order_id or "")
    if order is None:
        return ""
    return words(draft.client.language).gettext("Order %s") % order.number


def _tax_totals(draft: Draft, *, sign: int) -> tuple[TaxTotal, ...]:
    """The groups with what is said of each: every reason that its lines have, and the code they share."""
    reasons: dict[tuple[str, Decimal], dict[str, str]] = {}
    for row, decision, rate in zip(draft.proposals, draft.decisions, draft.rates, strict=True):
        if decision.reason:
            said = reasons.setdefault((decision.category, rate), {})
            said[_reason(draft.client, decision, day=row.change.period_start)] = decision.reason_code
    totals = []
    for alike in draft.taxed.groups:
        rate = alike.rate_pct or Decimal(0)
        said = reasons.get((alike.category, rate), {})
        codes = set(said.values())
        totals.append(
            TaxTotal(
                category=alike.category,  # type: ignore[arg-type]
                rate_pct=rate,
                taxable=sign * alike.basis,
                tax=sign * alike.tax,
                reason=" ".join(said),
                reason_code=codes.pop() if len(codes) == 1 else "",
            )
        )
    return tuple(totals)


def _reason(client: Client, decision: TaxDecision, *, day: date) -> str:
    certified = decision.reason == "exempt" and has_exemption(client, day=day)
    return reason_text(
        decision.reason,
        language=client.language,
        certificate=client.exemption_number if certified else "",
        words=client.exemption_text if certified else "",
    )


def _document_line(draft: Draft, index: int, *, names_order: bool) -> DocumentLine:
    decision = draft.decisions[index]
    row, change, language = draft.proposals[index], draft.proposals[index].change, draft.client.language
    amount, net = abs(change.amount), abs(draft.printed_net(index))
    payment = change.owed.source if change.owed is not None else None
    days, basis = getattr(payment, "days", 0), getattr(payment, "basis_days", 0)
    share = f"{days}/{basis}" if days != basis and not change.revision else ""
    outside = _WHY.get(change.kind)
    why = words(language).gettext(outside) if outside else ""
    details = " · ".join(filter(None, (why, share, _order_of_line(draft, row) if names_order else "")))
    whole = amount != row.unit_price * row.quantity  # part of a period, or what an amendment left of it
    inclusive: dict[str, Any] = {}
    if draft.client.prices_include_tax:
        # The net is what is left when tax and discounts are taken out: a price for as many as there are.
        inclusive = {"unit_price": net, "base_quantity": Decimal(1) if whole else row.quantity}
        if draft.gross:
            agreed = amount if whole else row.unit_price
            inclusive |= {"price_with_tax": agreed, "gross": draft.gross[index]}
            reductions = _reasons_off(draft, index)
            details = " · ".join(filter(None, (details, *reductions)))
    allowances: tuple[Allowance, ...] = ()
    if not inclusive and change.given_back is not None:
        allowances = of_given_back(amount=amount, given_back=net, language=language)
    elif not inclusive and draft.applied:
        allowances = of_line(draft.applied, index)
    shares = [share.amount for share, _, _ in row.serials]
    if shares and net != amount:
        shares = allocate(net, shares, currency=draft.currency)
    return DocumentLine(
        description=row.description,
        details=details,
        start=change.period_start,
        until=change.period_end,
        quantity=Decimal(1) if whole else row.quantity,
        unit_code="MON" if _is_month(row) and not whole else "C62",
        **{"unit_price": amount if whole else row.unit_price, **inclusive},
        net=net,
        tax_rate_pct=draft.rates[index],
        tax_category=decision.category,  # type: ignore[arg-type]
        tax_reason_code=decision.reason_code,
        allowances=allowances,
        serials=tuple(
            SerialRow(serial=share.serial, start=first, until=until, days=share.days, amount=amount)
            for (share, first, until), amount in zip(row.serials, shares, strict=True)
        ),
    )


def _reasons_off(draft: Draft, index: int) -> list[str]:
    """Why the line is not charged what was agreed: where prices include tax this is said, not reckoned."""
    if draft.applied is None:
        return []
    of_its_own = [given.rule.reason for given in draft.applied.lines[index]]
    of_the_paper = [given.rule.reason for given in draft.applied.paper] if draft.applied.shares[index] else []
    return list(dict.fromkeys(of_its_own + of_the_paper))


def _is_month(row: Proposal) -> bool:
    """Whether it is the rent of one thing for a whole month: months are then what is counted."""
    change = row.change
    return (
        change.kind in ("rent", "holdover")
        and row.quantity == 1
        and change.period_end == add_months(change.period_start, 1)
    )


def _lease_numbers(draft: Draft) -> list[str]:
    return sorted({row.lease.number for row in draft.proposals if row.lease is not None})
