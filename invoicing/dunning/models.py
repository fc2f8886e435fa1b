"""Reminders sent, and the invoices in them."""

from __future__ import annotations

from datetime import date, datetime
from decimal import Decimal
from typing import ClassVar

import sqlalchemy as sa
from sqlalchemy.orm import Mapped, mapped_column

from haas.db import Amount, Base, ClientScope, PartnerOwned, owned_by_partner


class DunningChoice(PartnerOwned, Base):
    """By which plan a client is reminded, where it is not the usual one. One a client."""

    __tablename__ = "dunning_choice"
    __client_scope__: ClassVar[ClientScope] = "hidden"
    __table_args__ = (
        owned_by_partner("client_id", "client"),
        sa.UniqueConstraint("partner_id", "client_id"),
        sa.CheckConstraint("plan <> ''", name="plan_named"),
    )

    client_id: Mapped[str]
    plan: Mapped[str]  # a name of the policy's plans, or "never"
    chosen_at: Mapped[datetime]
    actor: Mapped[str]


class Reminder(PartnerOwned, Base):
    """One letter to a client about all that is overdue in a currency; at most one a day."""

    __tablename__ = "reminder"
    __client_scope__: ClassVar[ClientScope] = "column"
    __table_args__ = (
        owned_by_partner("client_id", "client"),
        owned_by_partner("charge_id", "charge"),
        owned_by_partner("letter_file_id", "stored_file"),
        sa.UniqueConstraint("partner_id", "client_id", "currency", "reminded_on"),
        sa.CheckConstraint("amount > 0 and fee >= 0 and interest >= 0", name="amounts_sane"),
        sa.Index("ix_reminder_recent", "partner_id", "reminded_on", "id"),
    )

    client_id: Mapped[str]
    currency: Mapped[str] = mapped_column(sa.String(3))
    reminded_on: Mapped[date]
    step_days: Mapped[int]  # of the furthest invoice: its text is the letter's
    step_name: Mapped[str]
    # What was written, filled in: a later change of the plan does not reach it.
    subject: Mapped[str]
    text: Mapped[str]
    as_letter: Mapped[bool]
    amount: Mapped[Amount]
    fee: Mapped[Amount] = mapped_column(default=Decimal(0))
    interest: Mapped[Amount] = mapped_column(default=Decimal(0))
    pay_by: Mapped[date]
    charge_id: Mapped[str | None]  # what fee and interest are billed by
    letter_file_id: Mapped[str | None]
    sent_at: Mapped[datetime | None]
    recorded_at: Mapped[datetime]
    actor: Mapped[str]


class ReminderItem(PartnerOwned, Base):
    """An invoice in a reminder. Each step of the plan is taken once for it."""

    __tablename__ = "reminder_item"
    __client_scope__: ClassVar[ClientScope] = "column"
    __table_args__ = (
        owned_by_partner("reminder_id", "reminder"),
        owned_by_partner("client_id", "client"),
        owned_by_partner("invoice_id", "invoice"),
        sa.UniqueConstraint("partner_id", "invoice_id", "step_days"),
        sa.Index("ix_reminder_item_reminder", "partner_id", "reminder_id"),
    )

    reminder_id: Mapped[str]
    client_id: Mapped[str]
    invoice_id: Mapped[str]
    step_days: Mapped[int]
    amount: Mapped[Amount]  # what was open of it
    interest: Mapped[Amount] = mapped_column(default=Decimal(0))
    interest_until: Mapped[date | None]  # exclusive; later steps reckon from here
