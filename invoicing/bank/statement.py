"""A bank's statement in one form, whatever file it came in; its balances, and what tells its lines apart."""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import date
from decimal import Decimal

from haas.errors import InvalidInput
from haas.money import round_minor

# What an ISO 11649 field holds when there is none, as SEPA and SWIFT write it.
NO_REFERENCE = frozenset({"NOTPROVIDED", "NONREF", "NOT PROVIDED", "NONE"})

_AMOUNT_BELOW = Decimal(10) ** 11


class UnreadableStatement(InvalidInput):
    """The file, or an entry of it, cannot be read: nothing is imported. The words name the entry or row."""

    code = "unreadable_statement"

    def __init__(self, message: str) -> None:
        super().__init__(message, field="file")


@dataclass(frozen=True, slots=True, kw_only=True)
class StatementLine:
    """One movement as the bank booked it. Money that came in is positive; `currency` is the account's.

    An entry that the bank books as a sum of several payments is a line for each, if it tells them.
    """

    entry: int  # from 1, as it stands in the file: what an error names
    booked_on: date
    value_on: date
    amount: Decimal
    currency: str
    counterparty_name: str = ""
    counterparty_iban: str = ""
    reference: str = ""  # structured: ISO 11649, or a national one
    end_to_end_id: str = ""
    mandate: str = ""
    text: str = ""
    bank_code: str = ""  # what kind of movement, in the file's own words: PMNT-RCDT-ESCT, 166, NTRF
    bank_id: str = ""  # the bank's own, if it gives one
    batch_id: str = ""  # of the order file that it is the sum of
    is_return: bool = False  # of a payment or a debit made before
    return_reason: str = ""  # ISO 20022 external code, such as AM04
    charges: Decimal = Decimal(0)  # taken off, or added on a return, by the bank; within `amount`


@dataclass(frozen=True, slots=True, kw_only=True)
class Statement:
    """What one file says of one account and period."""

    kind: str  # camt | mt940 | ofx | csv
    account: str  # IBAN, or the number as the bank writes it; empty where the file does not tell
    currency: str
    bank_id: str = ""  # the statement's own
    opening: Decimal | None = None
    closing: Decimal | None = None
    opening_on: date | None = None
    closing_on: date | None = None
    lines: tuple[StatementLine, ...] = ()
    left_out: int = 0  # entries that are not booked yet

    @property
    def first_on(self) -> date | None:
        """The day of the earliest line."""
        return min((line.booked_on for line in self.lines), default=self.opening_on)

    @property
    def last_on(self) -> date | None:
        """The day of the latest line."""
        return max((line.booked_on for line in self.lines), default=self.closing_on)


def check(statement: Statement) -> Statement:
    """The statement again, if it adds up and is of one currency.

    :raises UnreadableStatement: if opening balance and lines are not the closing balance.
    """
    for line in statement.lines:
        _check_amount(line, currency=statement.currency)
    # Banks also report what moved nothing.
    statement = replace(statement, lines=tuple(line for line in statement.lines if line.amount))
    if statement.opening is None or statement.closing is None:
        return statement
    moved = sum((line.amount for line in statement.lines), Decimal(0))
    if statement.opening + moved != statement.closing:
        raise UnreadableStatement(
            f"The statement does not add up: {statement.opening} and lines of {moved} are"
            f" {statement.opening + moved}, but it closes at {statement.closing} {statement.currency}."
            " Download the file from your bank again."
        )
    return statement


def _check_amount(line: StatementLine, *, currency: str) -> None:
    if line.currency != currency:
        raise UnreadableStatement(
            f"Entry {line.entry} is in {line.currency}, but the account is in {currency}."
        )
    try:
        is_whole = round_minor(line.amount, currency) == line.amount
    except ValueError as unknown:
        raise UnreadableStatement(f"Entry {line.entry}: {currency[:10]!r} is no currency.") from unknown
    if not is_whole or abs(line.amount) >= _AMOUNT_BELOW:
        raise UnreadableStatement(f"Entry {line.entry}: {line.amount} is no amount of {currency}.")


@dataclass(frozen=True, slots=True)
class KnownLine:
    """A line that was imported before, as far as it tells which movement it is."""

    key: str
    kind: str
    booked_on: date
    amount: Decimal


def line_keys(statement: Statement) -> list[str]:
    """A key for each line, the same whenever the bank tells of it again in this kind of file.

    The bank's own id where there is one, else a hash of all that it says. What is the same twice in a
    statement is numbered: banks repeat an id within a batch, and two equal payments a day are two.
    """
    seen: Counter[str] = Counter()
    keys = []
    for line in statement.lines:
        told = f"{line.booked_on}|{line.bank_id}" if line.bank_id else _told(line)
        key = f"{statement.kind}:{hashlib.sha256(told.encode()).hexdigest()[:32]}"
        seen[key] += 1
        keys.append(f"{key}:{seen[key]}")
    return keys


def new_lines(
    statement: Statement, *, known: Iterable[KnownLine]
) -> Sequence[tuple[StatementLine, str]]:  # fmt: skip
    """The lines that were not imported before, with their keys.

    What came in the same kind of file is told by its key. Other kinds of files name movements in other
    words, so there a movement of the same day and amount is the same one, each once: two lines of 100.00 on
    a day, of which one is known, leave one.
    """
    by_key = {old.key: old for old in known}
    others = Counter((old.booked_on, old.amount) for old in by_key.values() if old.kind != statement.kind)
    fresh = []
    for line, key in zip(statement.lines, line_keys(statement), strict=True):
        if key in by_key:
            continue
        if others[line.booked_on, line.amount] > 0:
            others[line.booked_on, line.amount] -= 1
            continue
        fresh.append((line, key))
    return fresh


def _told(line: StatementLine) -> str:
    said = (
        line.booked_on, line.value_on, f"{line.amount:f}", line.counterparty_name, line.counterparty_iban,
        line.reference, line.end_to_end_id, line.text, line.bank_code,
    )  # fmt: skip
    return "|".join("".join(str(part).split()).casefold() for part in said)


def given(text: str | None) -> str:
    """A reference as it is, or nothing where banks say that there is none."""
    tidy = " ".join((text or "").split())
    return "" if tidy.upper() in NO_REFERENCE else tidy
