"""Bank accounts, statements with their lines, what was booked of a line, and what that taught."""

from __future__ import annotations

from datetime import date, datetime
from typing import Any, ClassVar

import sqlalchemy as sa
from sqlalchemy.orm import Mapped, mapped_column

from haas.db import Amount, Base, ByPrefix, ClientScope, PartnerOwned, one_of, owned_by_partner

OPEN, BOOKED, IGNORED = "open", "booked", "ignored"
STATES = (OPEN, BOOKED, IGNORED)
# Why a line is no client's money.
CATEGORIES = ("own_transfer", "fee", "payout", "refund", "purchase", "other")
HINT_KINDS = ("iban", "name", "mandate")


class BankAccount(PartnerOwned, Base):
    """An account of the partner's own, whose statements are brought in."""

    __tablename__ = "bank_account"
    __client_scope__: ClassVar[ClientScope] = "hidden"
    __table_args__ = (sa.UniqueConstraint("partner_id", "number"),)

    name: Mapped[str]
    holder: Mapped[str]  # as the bank has it: the creditor's name in a collection
    number: Mapped[str] = mapped_column(ByPrefix)  # IBAN, or letters and digits of what the bank writes
    bic: Mapped[str] = mapped_column(default="")
    currency: Mapped[str] = mapped_column(sa.String(3))
    auto_book: Mapped[bool] = mapped_column(default=False)  # what is certain needs no press
    csv_layout: Mapped[dict[str, Any] | None]  # invoicing.bank.layouts.Layout, as somebody confirmed it
    created_at: Mapped[datetime]
    closed_at: Mapped[datetime | None]
    version: Mapped[int] = mapped_column(default=1)


class BankStatement(PartnerOwned, Base):
    """What one file said of one account. Never changed."""

    __tablename__ = "bank_statement"
    __client_scope__: ClassVar[ClientScope] = "hidden"
    __table_args__ = (
        owned_by_partner("account_id", "bank_account"),
        owned_by_partner("file_id", "stored_file"),
        # A file is brought in once, however often it is sent.
        sa.UniqueConstraint("partner_id", "account_id", "file_id", "position"),
        sa.Index("ix_bank_statement_recent", "partner_id", "account_id", "last_on", "id"),
    )

    account_id: Mapped[str]
    file_id: Mapped[str]
    position: Mapped[int]  # within the file, from 1
    kind: Mapped[str]  # camt | mt940 | ofx | csv
    bank_id: Mapped[str] = mapped_column(default="")
    first_on: Mapped[date | None]
    last_on: Mapped[date | None]
    opening: Mapped[Amount | None]
    closing: Mapped[Amount | None]
    new_lines: Mapped[int]
    known_lines: Mapped[int]  # that had come in another file
    left_out: Mapped[int]  # not booked by the bank yet
    imported_at: Mapped[datetime]
    actor: Mapped[str]


class BankLine(PartnerOwned, Base):
    """One movement of an account. What the bank said never changes; `state` is what was done with it."""

    __tablename__ = "bank_line"
    __client_scope__: ClassVar[ClientScope] = "hidden"
    __table_args__ = (
        owned_by_partner("account_id", "bank_account"),
        owned_by_partner("statement_id", "bank_statement"),
        # A movement is there once, whatever files tell of it.
        sa.UniqueConstraint("partner_id", "account_id", "key"),
        one_of("state", STATES),
        sa.CheckConstraint("amount <> 0", name="amount_not_zero"),
        sa.CheckConstraint("(state = 'ignored') = (category <> '')", name="ignored_has_category"),
        sa.Index("ix_bank_line_state", "partner_id", "state", "booked_on", "id"),
        sa.Index("ix_bank_line_account", "partner_id", "account_id", "booked_on", "id"),
    )

    account_id: Mapped[str]
    statement_id: Mapped[str]
    key: Mapped[str]  # invoicing.bank.statement.line_keys
    kind: Mapped[str]
    entry: Mapped[int]
    booked_on: Mapped[date]
    value_on: Mapped[date]
    amount: Mapped[Amount]  # negative: it went out
    currency: Mapped[str] = mapped_column(sa.String(3))
    counterparty_name: Mapped[str] = mapped_column(default="")
    counterparty_iban: Mapped[str] = mapped_column(default="")
    reference: Mapped[str] = mapped_column(default="")
    end_to_end_id: Mapped[str] = mapped_column(default="")
    mandate: Mapped[str] = mapped_column(default="")
    text: Mapped[str] = mapped_column(default="")
    bank_code: Mapped[str] = mapped_column(default="")
    bank_id: Mapped[str] = mapped_column(default="")
    batch_id: Mapped[str] = mapped_column(default="")
    is_return: Mapped[bool] = mapped_column(default=False)
    return_reason: Mapped[str] = mapped_column(default="")
    charges: Mapped[Amount]
    state: Mapped[str] = mapped_column(default=OPEN)
    category: Mapped[str] = mapped_column(default="")
    note: Mapped[str] = mapped_column(default="")
    decided_at: Mapped[datetime | None]
    decided_by: Mapped[str] = mapped_column(default="")

    @property
    def told(self) -> str:
        """All in which a bank may repeat the number of an order of ours."""
        return f"{self.batch_id} {self.end_to_end_id} {self.reference} {self.text}"


class BankHint(PartnerOwned, Base):
    """What confirmed matches have taught: who pays from this account, under this name, by this mandate."""

    __tablename__ = "bank_hint"
    __client_scope__: ClassVar[ClientScope] = "hidden"
    __table_args__ = (
        owned_by_partner("client_id", "client"),
        sa.UniqueConstraint("partner_id", "kind", "key", "client_id"),
        one_of("kind", HINT_KINDS),
        sa.CheckConstraint("confirmed >= 0 and refuted >= 0", name="counts_not_negative"),
    )

    kind: Mapped[str]
    key: Mapped[str]  # invoicing.bank.matching.hint_key
    client_id: Mapped[str]
    confirmed: Mapped[int] = mapped_column(default=0)
    refuted: Mapped[int] = mapped_column(default=0)
    changed_at: Mapped[datetime]


class BankBooking(PartnerOwned, Base):
    """What of a line was booked for one client: a receipt, or the reversal of one. Undone, never changed."""

    __tablename__ = "bank_booking"
    __client_scope__: ClassVar[ClientScope] = "hidden"
    __table_args__ = (
        owned_by_partner("line_id", "bank_line"),
        owned_by_partner("client_id", "client"),
        owned_by_partner("receipt_id", "receipt"),
        owned_by_partner("reversal_id", "receipt_reversal"),
        sa.UniqueConstraint("partner_id", "line_id", "position"),
        # The same money is booked once: two people press the button at once.
        sa.Index(
            "uq_bank_booking_stands",
            "partner_id",
            "line_id",
            "client_id",
            "receipt_id",
            unique=True,
            postgresql_where=sa.text("undone_at is null"),
        ),
        sa.Index("ix_bank_booking_receipt", "partner_id", "receipt_id"),
    )

    line_id: Mapped[str]
    position: Mapped[int]  # from 1, undone ones included
    client_id: Mapped[str]
    receipt_id: Mapped[str]
    reversal_id: Mapped[str | None]
    amount: Mapped[Amount]  # of the line: negative for what came back
    reasons: Mapped[list[str]] = mapped_column(default=list)  # invoicing.bank.matching.Reason
    is_automatic: Mapped[bool] = mapped_column(default=False)
    booked_at: Mapped[datetime]
    booked_by: Mapped[str]
    undone_at: Mapped[datetime | None]
    undone_by: Mapped[str] = mapped_column(default="")
