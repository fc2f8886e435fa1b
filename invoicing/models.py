"""Invoice (and credit note), its lines, payments, tax rates and billing runs."""

from __future__ import annotations

from datetime import date, datetime
from decimal import Decimal
from typing import Any, ClassVar

import sqlalchemy as sa
from sqlalchemy.orm import Mapped, mapped_column, relationship

from haas.db import Amount, Base, ByPrefix, ClientScope, PartnerOwned, UnitPrice, owned_by_partner


class TaxRate(PartnerOwned, Base):
    """A dated rate by place and category: a new row, never an edit."""

    __tablename__ = "tax_rate"
    __client_scope__: ClassVar[ClientScope] = "shared"
    __table_args__ = (
        sa.UniqueConstraint(
            "partner_id", "country", "region", "category", "tax_class", "valid_from", name="uq_tax_rate_place"
        ),
        sa.CheckConstraint("rate_pct >= 0 and rate_pct < 100", name="rate_sane"),
    )

    country: Mapped[str] = mapped_column(sa.String(2))
    region: Mapped[str] = mapped_column(default="", server_default="")  # empty: where no region has its own
    tax_class: Mapped[str] = mapped_column(default="standard", server_default="standard")
    category: Mapped[str]  # EN 16931: S standard, Z zero, E exempt, AE reverse charge, G export, O outside
    rate_pct: Mapped[Amount]
    name: Mapped[str]
    valid_from: Mapped[date]


class BillingRun(PartnerOwned, Base):
    """Bill everything that has fallen due by a date; cut into chunks that can each be done again."""

    __tablename__ = "billing_run"
    __table_args__ = (
        owned_by_partner("long_job_id", "long_job"),
        sa.Index("ix_billing_run_recent", "partner_id", "started_at"),
        # Whoever starts a second run as of the same day is led to the one that is under way.
        sa.Index(
            "uq_billing_run_under_way",
            "partner_id",
            "as_of",
            unique=True,
            postgresql_where=sa.text("finished_at is null"),
        ),
    )

    as_of: Mapped[date]
    long_job_id: Mapped[str]
    started_at: Mapped[datetime]
    finished_at: Mapped[datetime | None]
    started_by: Mapped[str]


class BillingChunk(PartnerOwned, Base):
    """Some clients' leases, billed in one transaction that also marks the chunk done."""

    __tablename__ = "billing_chunk"
    __table_args__ = (
        owned_by_partner("run_id", "billing_run"),
        sa.UniqueConstraint("partner_id", "run_id", "position"),
    )

    run_id: Mapped[str]
    position: Mapped[int]
    first_client_id: Mapped[str]
    last_client_id: Mapped[str]  # inclusive
    leases: Mapped[int]
    done_at: Mapped[datetime | None]
    invoices: Mapped[int] = mapped_column(default=0)
    credit_notes: Mapped[int] = mapped_column(default=0)
    problems: Mapped[list[Any]] = mapped_column(default=list)  # clients put off, each with the reason


class Invoice(PartnerOwned, Base):
    """An issued invoice or credit note. Its document is frozen: a mistake becomes a credit note."""

    __tablename__ = "invoice"
    __client_scope__: ClassVar[ClientScope] = "column"
    __table_args__ = (
        owned_by_partner("client_id", "client"),
        owned_by_partner("credits_invoice_id", "invoice"),
        owned_by_partner("pdf_file_id", "stored_file"),
        sa.UniqueConstraint("partner_id", "number"),
        sa.CheckConstraint("kind in ('invoice', 'credit_note')", name="kind_known"),
        sa.CheckConstraint(
            "(kind = 'credit_note') = (credits_invoice_id is not null)",
            name="credit_has_reference",
        ),
        sa.CheckConstraint("state in ('issued', 'paid', 'credited')", name="state_known"),
        sa.CheckConstraint("net_total + tax_total = total", name="totals_add_up"),
        sa.CheckConstraint(
            "reason_code in ('', 'return_of_goods', 'price_error', 'service_not_rendered', 'goodwill',"
            " 'early_payment_discount', 'wrong_recipient', 'cancelled')",
            name="reason_known",
        ),
        sa.Index("ix_invoice_client", "partner_id", "client_id", "id"),
        sa.Index("ix_invoice_recent", "partner_id", "issued_on", "id"),
        # What was given back of an invoice: read with nearly every look at one.
        sa.Index(
            "ix_invoice_credits",
            "partner_id",
            "credits_invoice_id",
            postgresql_where=sa.text("credits_invoice_id is not null"),
        ),
        sa.Index("ix_invoice_due", "partner_id", "state", "due_on", "id"),
    )

    client_id: Mapped[str]
    kind: Mapped[str] = mapped_column(default="invoice")
    number: Mapped[str] = mapped_column(ByPrefix)
    state: Mapped[str] = mapped_column(default="issued")
    currency: Mapped[str] = mapped_column(sa.String(3))
    issued_on: Mapped[date]
    due_on: Mapped[date]
    discount_until: Mapped[date | None]  # the last day of the document's discounts for early payment
    net_total: Mapped[Amount]
    tax_total: Mapped[Amount]
    total: Mapped[Amount]
    paid_total: Mapped[Amount]
    credits_invoice_id: Mapped[str | None]
    reason: Mapped[str] = mapped_column(default="")  # of a credit note, in the partner's own words
    reason_code: Mapped[str] = mapped_column(default="", server_default="")  # invoicing.credit_reasons
    # Totals of a credit note are negative here and positive on its paper.
    # What was billed and is printed, whole: invoicing.document.InvoiceDocument. Never changed.
    document: Mapped[dict[str, Any]]
    document_hash: Mapped[str] = mapped_column(sa.String(64))
    pdf_file_id: Mapped[str | None]
    sent_at: Mapped[datetime | None]
    billing_run_id: Mapped[str | None]
    created_at: Mapped[datetime]

    lines: Mapped[list[InvoiceLine]] = relationship(
        lazy="raise",
        viewonly=True,
        order_by="InvoiceLine.position",
        primaryjoin="and_(Invoice.partner_id == foreign(InvoiceLine.partner_id),"
        " Invoice.id == foreign(InvoiceLine.invoice_id))",
    )


class InvoiceLine(PartnerOwned, Base):
    """What was billed for one line and period. What is due less the sum of these is what to bill next."""

    __tablename__ = "invoice_line"
    __client_scope__: ClassVar[ClientScope] = "column"
    __table_args__ = (
        owned_by_partner("invoice_id", "invoice"),
        owned_by_partner("client_id", "client"),
        owned_by_partner("lease_id", "lease"),
        owned_by_partner("line_id", "lease_line"),
        owned_by_partner("purchase_order_id", "purchase_order"),
        # A period of a source is billed once, and corrected once a revision, whatever the jobs do.
        sa.UniqueConstraint("partner_id", "source_id", "kind", "period_start", "revision"),
        sa.CheckConstraint("credited_by in ('amount', 'quantity', 'days')", name="credited_by_known"),
        sa.Index("ix_invoice_line_invoice", "partner_id", "invoice_id", "position"),
        sa.Index("ix_invoice_line_lease", "partner_id", "lease_id", "period_start"),
    )

    invoice_id: Mapped[str]
    client_id: Mapped[str]
    lease_id: Mapped[str | None]
    line_id: Mapped[str | None]
    purchase_order_id: Mapped[str | None]  # the client's order under which it was billed
    source_id: Mapped[str]  # what it is owed for: the lease line, the return order, or this row itself
    position: Mapped[int]
    kind: Mapped[str]  # rent, interim_rent, holdover, one_off, charge, damage, buy_out, loss, manual
    description: Mapped[str]
    period_start: Mapped[date | None]
    period_end: Mapped[date | None]  # exclusive
    revision: Mapped[int] = mapped_column(default=0)  # 0 first billed; 1… corrections of the same period
    fell_due_on: Mapped[date]  # a run as of an earlier date leaves it alone
    quantity: Mapped[UnitPrice]
    unit_price: Mapped[UnitPrice]
    net: Mapped[Amount]  # what it charges, discounts of line and paper taken off; negative on a credit note
    # What of it discounts (negative) and surcharges made, without tax; so that income is net less this.
    allowance: Mapped[Amount] = mapped_column(default=Decimal(0), server_default="0")
    # Tax that the agreed price held, before discounts: net less allowance, and this, is what was agreed.
    included_tax: Mapped[Amount] = mapped_column(default=Decimal(0), server_default="0")
    # Of a credit by hand: amount, quantity or days; of days the period is that of the days that go back.
    credited_by: Mapped[str | None]
    tax_category: Mapped[str]
    tax_rate_pct: Mapped[Amount]
    tax: Mapped[Amount]
    serials: Mapped[list[Any]] = mapped_column(default=list)  # serial, days, amount


class Payment(PartnerOwned, Base):
    """Money put to an invoice, out of a receipt or of the client's credit; below 0 where it is taken off."""

    __tablename__ = "payment"
    __client_scope__: ClassVar[ClientScope] = "column"
    __table_args__ = (
        owned_by_partner("invoice_id", "invoice"),
        owned_by_partner("client_id", "client"),
        owned_by_partner("receipt_id", "receipt"),
        owned_by_partner("balance_entry_id", "balance_entry"),
        owned_by_partner("reverses_payment_id", "payment"),
        sa.CheckConstraint(
            "amount <> 0 and (amount < 0) = (reverses_payment_id is not null)", name="taken_off_names_what"
        ),
        sa.Index("ix_payment_invoice", "partner_id", "invoice_id", "id"),
        sa.Index("ix_payment_client", "partner_id", "client_id", "received_on"),
        sa.Index("ix_payment_receipt", "partner_id", "receipt_id"),
    )

    invoice_id: Mapped[str]
    client_id: Mapped[str]
    amount: Mapped[Amount]
    currency: Mapped[str] = mapped_column(sa.String(3))
    received_on: Mapped[date]
    method: Mapped[str]  # that of the receipt; `balance` where it came out of, or went to, the credit
    reference: Mapped[str]
    receipt_id: Mapped[str | None]
    balance_entry_id: Mapped[str | None]
    reverses_payment_id: Mapped[str | None]
    recorded_at: Mapped[datetime]
    actor: Mapped[str]
