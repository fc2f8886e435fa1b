"""What a batch holds, as values: papers, money received, journal entries. Pure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime
from decimal import Decimal
from enum import StrEnum
from typing import Any

from invoicing.exports.mapping import DEPOSIT, Names


class Content(StrEnum):
    """What kind of rows a batch takes."""

    INVOICES = "invoices"  # invoices and credit notes
    PAYMENTS = "payments"  # money that came in and went back
    SALES = "sales"  # both in one file
    JOURNAL = "journal"  # entries of the financial book, as posted


class ItemKind(StrEnum):
    """What one item of a batch is."""

    INVOICE = "invoice"
    RECEIPT = "receipt"  # money that came in, whole: what is on no invoice is the client's credit
    RETURN = "receipt_reversal"  # a returned debit, a chargeback
    REFUND = "refund"  # credit that was paid out
    REFUND_RETURN = "refund_return"  # and came back: the counter row of the same refund
    ENTRY = "entry"


MONEY_KINDS = (ItemKind.RECEIPT, ItemKind.RETURN, ItemKind.REFUND, ItemKind.REFUND_RETURN)


ITEM_KINDS: Mapping[Content, tuple[ItemKind, ...]] = {
    Content.INVOICES: (ItemKind.INVOICE,),
    Content.PAYMENTS: MONEY_KINDS,
    Content.SALES: (ItemKind.INVOICE, *MONEY_KINDS),
    Content.JOURNAL: (ItemKind.ENTRY,),
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Party:
    """A client as the books are told of it; the address is that of the paper."""

    client_id: str
    number: str
    name: str
    legal_name: str = ""
    email: str = ""
    country: str = ""
    address: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class PaperLine:
    """One line as it was frozen. Amounts of a credit are negative, and its unit price with them."""

    kind: str  # what it is owed for: rent, damage …; of the whole paper: allowance, charge
    description: str
    quantity: Decimal = Decimal(1)
    unit_price: Decimal
    net: Decimal
    tax: Decimal = Decimal(0)
    tax_category: str = "S"
    tax_rate_pct: Decimal = Decimal(0)

    def figures(self) -> tuple[Decimal, Decimal]:
        """Quantity and unit price whose product is the net to the last digit, for programs that multiply.

        What was billed for part of a period is no such product: it goes as 1 of its net.
        """
        if self.quantity > 0 and self.quantity * self.unit_price == self.net:
            return self.quantity, self.unit_price
        return Decimal(1), self.net


@dataclass(frozen=True, slots=True, kw_only=True)
class Paper:
    """An invoice or a credit note, or with `is_reversal` its cancellation: all amounts turned round."""

    item_id: str
    number: str  # unique in the books: that of a cancellation names its batch
    is_credit: bool
    is_reversal: bool = False
    credits_number: str = ""
    reason: str = ""  # why a credit note was issued, in the language of the books
    issued_on: date
    due_on: date
    currency: str
    # What one unit of it was worth in the seller's own as it was frozen; None: nobody froze a rate.
    exchange_rate: Decimal | None = Decimal(1)
    party: Party
    site: str = ""
    lines: Sequence[PaperLine]
    net: Decimal
    tax: Decimal
    total: Decimal


@dataclass(frozen=True, slots=True, kw_only=True)
class Money:
    """Money that came in from a client; negative where it went back."""

    item_id: str
    reference: str
    received_on: date
    amount: Decimal
    currency: str
    method: str
    party: Party
    invoice_number: str = ""  # of those that it paid
    lost: Decimal = Decimal(0)  # of the amount, with its sign: what was given back before, and is no claim
    is_reversal: bool = False

    @property
    def is_in_the_bank(self) -> bool:
        """Whether an account at a bank moved; what is taken out of a deposit was there before."""
        return self.method != DEPOSIT


@dataclass(frozen=True, slots=True, kw_only=True)
class EntrySide:
    """One side of a journal entry; debit positive."""

    code: str
    name: str
    account_kind: str  # asset, liability, equity, income, expense
    amount: Decimal
    party: Party | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Entry:
    """A balanced journal entry as it was posted."""

    item_id: str
    reference: str
    source_kind: str
    dated_on: date
    currency: str
    sides: Sequence[EntrySide]
    is_reversal: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Batch:
    """All that a file is made of; equal batches give equal bytes."""

    number: str
    content: Content
    seller: str
    language: str = "en"  # of the texts that are ours: the seller's
    currency: str = ""  # the seller's own; empty: every one is
    made_at: datetime
    names: Names
    papers: Sequence[Paper] = ()
    money: Sequence[Money] = ()
    entries: Sequence[Entry] = ()
    reverses: str = ""  # the number of the batch that this one takes back
    options: Mapping[str, Any] = field(default_factory=dict)

    def option(self, name: str, default: str = "") -> str:
        """What the profile says of this format alone."""
        return str(self.options.get(name) or default)


@dataclass(frozen=True, slots=True)
class File:
    """One file of a batch: `part` says which, where a program wants several."""

    part: str
    ending: str
    media_type: str
    content: bytes

    def name_in(self, number: str) -> str:
        """What the file of a batch is called."""
        return "-".join(filter(None, (number, self.part))) + f".{self.ending}"
