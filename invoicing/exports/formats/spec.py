"""Format: what a program that reads our files wants, as named fields; and how its texts are written."""

from __future__ import annotations

import base64
import csv
import hashlib
import io
import re
import unicodedata
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date
from decimal import Decimal
from typing import Protocol, TypeVar

from haas.money import exponent
from haas.pages.downloads import tame
from invoicing.exports.contents import Batch, Content, File
from invoicing.exports.mapping import ContactRule

CSV, TEXT = "text/csv; charset=utf-8", "text/plain; charset=utf-8"
WINDOWS = "cp1252"
CSV_WINDOWS, TEXT_WINDOWS = "text/csv; charset=windows-1252", "text/plain; charset=windows-1252"
_MARK_SIGNS = 5
_SPACES = re.compile(r"\s+")
Item = TypeVar("Item")


@dataclass(frozen=True, slots=True, kw_only=True)
class Format:
    """A format with its limits. What it needs from the mapping is asked before anything is claimed."""

    name: str
    title: str  # as the trade calls it
    contents: tuple[Content, ...]
    write: Callable[[Batch], Sequence[File]]
    reversal: str  # how a batch is taken back in that program
    needs_lines: bool = False  # an account (or item) for each kind of line
    needs_tax_codes: bool = False
    accounts: tuple[str, ...] = ()  # of papers and money; of them those of money for payments alone
    contact_rule: ContactRule = ContactRule.NAME
    contact_max: int = 255  # a longer name is refused, not cut: two clients must not become one
    account_pattern: str = r"[^\t\r\n]{1,200}"
    account_words: str = "1 to 200 signs"
    account_roots: Mapping[str, str] = field(default_factory=dict)  # by kind, where accounts stand in a tree
    tax_pattern: str = r"[^\t\r\n]{1,100}"
    tax_words: str = "1 to 100 signs"
    tracking_pattern: str = r"[^\t\r\n]{1,200}"
    tracking_words: str = "1 to 200 signs"
    encoding: str = "utf-8"  # a name that loses letters in it is refused: two clients must not become one
    options: tuple[str, ...] = ()  # of the profile, that this format reads
    items_max: int = 20_000  # in one batch: what is left waits for the next


def flat(text: str) -> str:
    """One line without control signs."""
    cleaned = "".join(
        " " if unicodedata.category(sign) == "Cc" else sign
        for sign in text
        if unicodedata.category(sign) not in ("Cf", "Cs", "Co", "Cn")
    )
    return _SPACES.sub(" ", cleaned).strip()


def clip(text: str, most: int) -> str:
    """One line of at most so many signs."""
    return flat(text)[:most].rstrip()


def money(amount: Decimal, currency: str) -> str:
    """A number with a point and all of the currency's places; never 1E+2, never -0."""
    return f"{amount + 0:.{exponent(currency)}f}"


def plain(number: Decimal) -> str:
    """A quantity without trailing zeros."""
    return f"{number.normalize() + 0:f}"


def as_typed(day: date, pattern: str) -> str:
    """A date by the words DD, MM, YYYY and YY of a pattern, such as DD/MM/YYYY."""
    words = {
        "DD": f"{day.day:02}",
        "MM": f"{day.month:02}",
        "YYYY": f"{day.year:04}",
        "YY": f"{day.year % 100:02}",
    }
    return re.sub("YYYY|YY|MM|DD", lambda found: words[found[0]], pattern)


def parts(items: Sequence[Item], most: int) -> Iterator[tuple[str, Sequence[Item]]]:
    """(suffix, items), so many at most: "" alone, or -1, -2 … where there are several; of nothing none."""
    for first in range(0, len(items), most):
        yield f"-{first // most + 1}" if len(items) > most else "", items[first : first + most]


class InCurrency(Protocol):
    """What is an amount of some currency."""

    @property
    def currency(self) -> str:
        """ISO 4217."""


Amounts = TypeVar("Amounts", bound=InCurrency)


def by_currency(items: Iterable[Amounts]) -> Iterator[tuple[str, Sequence[Amounts]]]:
    """(suffix, items of one currency), for files that have no column for it: "" where there is only one."""
    found: dict[str, list[Amounts]] = {}
    for item in items:
        found.setdefault(item.currency, []).append(item)
    for currency, some in found.items():
        yield f"-{currency}" if len(found) > 1 else "", some


def with_mark(kept: str, *, whole: str) -> str:
    """The end of a number, and five signs that tell it from all other numbers that end alike.

    So a document that a batch takes back has a number of its own though both numbers do not fit in one.
    """
    digest = hashlib.sha256(whole.encode()).digest()
    return f"{kept}R{base64.b32encode(digest).decode()[:_MARK_SIGNS]}"


MARK_MAX = 1 + _MARK_SIGNS  # what `with_mark` adds


def csv_content(
    header: Sequence[str],
    rows: Iterable[Sequence[str | Decimal | None]],
    *,
    encoding: str = "utf-8",
    delimiter: str = ",",
) -> bytes:
    """RFC 4180, for programs: no byte-order mark. A text never begins a formula, a number stays one."""
    out = io.StringIO()
    writer = csv.writer(out, lineterminator="\r\n", delimiter=delimiter)
    writer.writerow(header)
    for row in rows:
        writer.writerow([_cell(cell) for cell in row])
    return encoded(out.getvalue(), encoding)


def encoded(text: str, encoding: str) -> bytes:
    """Bytes; letters that the encoding has not become their base letter, or a question mark."""
    try:
        return text.encode(encoding)
    except UnicodeEncodeError:
        return "".join(_known(sign, encoding) for sign in text).encode(encoding)


def survives(text: str, encoding: str) -> bool:
    """Whether no letter of it becomes a question mark: what has a base letter is read as that."""
    return all(_known(sign, encoding) != "?" or sign == "?" for sign in text)


class Figure(str):
    """A number that is written already: it stays as it is, where a text that looks like one would not."""

    __slots__ = ()


def _cell(cell: str | Decimal | None) -> str:
    match cell:
        case None:
            return ""
        case Figure():
            return cell
        case Decimal():
            return f"{cell:f}"
        case _:
            return tame(flat(cell))


def _known(sign: str, encoding: str) -> str:
    try:
        sign.encode(encoding)
    except UnicodeEncodeError:
        base = unicodedata.normalize("NFKD", sign).encode("ascii", "ignore").decode()
        return base or "?"
    return sign
