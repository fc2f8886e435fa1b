"""Deposits of leases, and the ledger of each: rows that never change and never go below nothing."""

from __future__ import annotations

from datetime import date, datetime
from typing import ClassVar

import sqlalchemy as sa
from sqlalchemy.orm import Mapped, mapped_column

from haas.db import Amount, Base, ByPrefix, ClientScope, PartnerOwned, owned_by_partner

KINDS = ("received", "applied", "refunded")


class Deposit(PartnerOwned, Base):
    """Money asked of a client as security for a lease."""

    __tablename__ = "deposit"
    __client_scope__: ClassVar[ClientScope] = "column"
    __table_args__ = (
        owned_by_partner("lease_id", "lease"),
        owned_by_partner("client_id", "client"),
        sa.UniqueConstraint("partner_id", "number"),
        sa.CheckConstraint("asked > 0", name="asked_positive"),
        sa.Index("ix_deposit_client", "partner_id", "client_id", "id"),
        sa.Index("ix_deposit_lease", "partner_id", "lease_id"),
    )

    number: Mapped[str] = mapped_column(ByPrefix)
    lease_id: Mapped[str]
    client_id: Mapped[str]
    currency: Mapped[str] = mapped_column(sa.String(3))
    asked: Mapped[Amount]
    asked_on: Mapped[date]
    created_at: Mapped[datetime]


class DepositEntry(PartnerOwned, Base):
    """One movement of a deposit with the balance before and after it. Never changed.

    Each row stands on the one before it by a foreign key over position and balance, so that no row can be
    left out or slipped in, and two that come at once cannot both stand on the same one.
    """

    __tablename__ = "deposit_entry"
    __client_scope__: ClassVar[ClientScope] = "column"
    __table_args__ = (
        owned_by_partner("deposit_id", "deposit"),
        owned_by_partner("client_id", "client"),
        owned_by_partner("invoice_id", "invoice"),
        sa.UniqueConstraint("partner_id", "deposit_id", "position"),
        sa.UniqueConstraint(
            "partner_id", "deposit_id", "position", "balance_after", name="uq_deposit_entry_stands"
        ),
        sa.ForeignKeyConstraint(
            ["partner_id", "deposit_id", "position_before", "balance_before"],
            [
                "deposit_entry.partner_id",
                "deposit_entry.deposit_id",
                "deposit_entry.position",
                "deposit_entry.balance_after",
            ],
            name="fk_deposit_entry_before",
        ),
        # The same money, told twice, counts once.
        sa.UniqueConstraint("partner_id", "deposit_id", "kind", "reference"),
        sa.CheckConstraint("kind in ('received', 'applied', 'refunded')", name="kind_known"),
        sa.CheckConstraint("(kind = 'received') = (amount > 0) and amount <> 0", name="sign_by_kind"),
        sa.CheckConstraint("(kind = 'applied') = (invoice_id is not null)", name="applied_has_invoice"),
        sa.CheckConstraint("balance_after = balance_before + amount", name="adds_up"),
        sa.CheckConstraint("balance_after >= 0", name="balance_not_negative"),
        sa.CheckConstraint(
            "(position = 1 and position_before is null and balance_before = 0)"
            " or (position > 1 and position_before = position - 1)",
            name="follows",
        ),
    )

    deposit_id: Mapped[str]
    client_id: Mapped[str]
    position: Mapped[int]
    position_before: Mapped[int | None]
    kind: Mapped[str]
    amount: Mapped[Amount]  # negative for what goes out of it
    balance_before: Mapped[Amount]
    balance_after: Mapped[Amount]
    on: Mapped[date] = mapped_column("happened_on")
    reference: Mapped[str]
    invoice_id: Mapped[str | None]
    recorded_at: Mapped[datetime]
    actor: Mapped[str]
