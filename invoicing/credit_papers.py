"""A planned credit note -> its frozen document and its rows."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import date
from decimal import Decimal

import msgspec
import sqlalchemy as sa
from sqlalchemy.orm import Session

from haas.documents.words import words
from haas.ids import new_id
from haas.tenancy.scope import Tenant
from invoicing.credit_reasons import CREDIT_REASONS
from invoicing.crediting import CreditedBy, Given, price_of
from invoicing.document import DocumentLine, InvoiceDocument, Reference, TaxTotal
from invoicing.models import Invoice, InvoiceLine
from invoicing.tax.taxation import at_its_rate
from invoicing.taxes import TaxedLines, TaxedSoFar

_NOTHING = Decimal(0)


@dataclass(frozen=True, slots=True)
class CreditPlan:
    """What a credit note would give back; all amounts positive."""

    invoice: Invoice
    chosen: list[tuple[InvoiceLine, Given]]
    taxed: TaxedLines  # negative, as it is posted
    takes_all: bool
    before: dict[tuple[str, Decimal], TaxedSoFar] = field(default_factory=dict)  # negative, by group
    includes_tax: bool = False  # the tax is that which the invoice's prices contained

    @property
    def net(self) -> Decimal:
        """What goes back before tax."""
        return sum((given.net for _, given in self.chosen), _NOTHING)

    @property
    def tax(self) -> Decimal:
        """The tax that goes back with it."""
        return -self.taxed.tax_total

    @property
    def total(self) -> Decimal:
        """Net and tax."""
        return self.net + self.tax


def reason_in_words(reason_code: str, reason: str, *, language: str) -> str:
    """What the credit note prints: the name of its reason in the client's language, and what was added."""
    name = words(language).gettext(CREDIT_REASONS[reason_code]) if reason_code else ""
    return ": ".join(filter(None, (name, reason)))


def credit_document(
    plan: CreditPlan,
    *,
    number: str,
    language: str,
    reason: str,
    reason_code: str,
    issued_on: date,
    portal_url: str,
) -> InvoiceDocument:
    """What the credit note prints; its amounts are positive."""
    invoice, taxed = plan.invoice, plan.taxed
    original = msgspec.convert(invoice.document, type=InvoiceDocument)
    said: dict[tuple[str, Decimal], TaxTotal] = {
        (row.category, row.rate_pct): row for row in original.tax_totals
    }
    return InvoiceDocument(
        kind="credit_note",
        number=number,
        seller=original.seller,
        seller_tax_id=original.seller_tax_id,
        supplier=original.supplier,
        buyer=original.buyer,
        site=original.site,
        issued_on=issued_on,
        due_on=issued_on,
        delivered_on=original.delivered_on,
        currency=invoice.currency,
        language=language,
        tax_name=original.tax_name,
        prices_include_tax=plan.includes_tax,
        lines=tuple(
            _line(
                row, given, said[row.tax_category, row.tax_rate_pct], tax=-tax if plan.includes_tax else None
            )
            for (row, given), tax in zip(plan.chosen, taxed.taxes, strict=True)
        ),
        # Category, rate and reason are those of the invoice: a credit repeats its tax.
        tax_totals=tuple(
            _tax_total(
                said[group.category, group.rate_pct or _NOTHING],
                taxable=-group.basis,
                tax=-group.tax,
                before=plan.before.get((group.category, group.rate_pct or _NOTHING), TaxedSoFar()),
            )
            for group in taxed.groups
        ),
        net_total=plan.net,
        tax_total=plan.tax,
        total=plan.total,
        payable=plan.total,
        accounting=at_its_rate(original.accounting, tax=plan.tax),
        buyer_order=original.buyer_order,
        references=(Reference(kind="invoice", number=invoice.number, issued_on=invoice.issued_on),),
        credit_reason=reason_code,
        notes=(reason_in_words(reason_code, reason, language=language),),
        portal_url=portal_url,
    )


def _line(row: InvoiceLine, given: Given, said: TaxTotal, *, tax: Decimal | None) -> DocumentLine:
    """The line as it is printed; its `tax` where the price contains it."""
    price, base = price_of(given)
    gross = None if tax is None else given.net + tax
    return DocumentLine(
        description=row.description,
        details=f"{given.days}/{given.basis_days}" if given.by is CreditedBy.DAYS else "",
        start=given.period.start if given.period else None,
        until=given.period.end if given.period else None,
        quantity=given.quantity,
        unit_price=price,
        base_quantity=base,
        net=given.net,
        price_with_tax=gross,
        gross=gross,
        tax_rate_pct=row.tax_rate_pct,
        tax_category=row.tax_category,  # type: ignore[arg-type]
        tax_reason_code=said.reason_code,
    )


def _tax_total(said: TaxTotal, *, taxable: Decimal, tax: Decimal, before: TaxedSoFar) -> TaxTotal:
    return msgspec.structs.replace(
        said, taxable=taxable, tax=tax, taxable_before=-before.taxable, tax_before=-before.tax
    )


def add_lines(session: Session, tenant: Tenant, *, credit: Invoice, plan: CreditPlan) -> None:
    """Write the credit note's lines; each names the line that it gives back of."""
    for position, ((row, given), tax) in enumerate(zip(plan.chosen, plan.taxed.taxes, strict=True), start=1):
        session.add(
            InvoiceLine(
                partner_id=tenant.partner_id,
                id=new_id("ivl"),
                invoice_id=credit.id,
                client_id=credit.client_id,
                lease_id=row.lease_id,
                line_id=row.line_id,
                purchase_order_id=row.purchase_order_id,
                source_id=row.id,
                position=position,
                kind="manual",
                description=row.description,
                period_start=given.period.start if given.period else None,
                period_end=given.period.end if given.period else None,
                revision=_next_revision(session, tenant, source_id=row.id),
                fell_due_on=credit.issued_on,
                quantity=given.quantity,
                unit_price=-(given.net / given.quantity),
                net=-given.net,
                credited_by=given.by,
                tax_category=row.tax_category,
                tax_rate_pct=row.tax_rate_pct,
                tax=tax,
            )
        )
    session.flush()


def _next_revision(session: Session, tenant: Tenant, *, source_id: str) -> int:
    last = session.scalar(
        sa.select(sa.func.max(InvoiceLine.revision)).where(
            InvoiceLine.partner_id == tenant.partner_id, InvoiceLine.source_id == source_id
        )
    )
    return 0 if last is None else last + 1
