"""A price book as a table: rows to export, and an uploaded table -> prices or errors by row. Pure."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal

from devices.import_rows import RowError
from devices.import_table import Table
from leases.pricing import rules
from leases.pricing.entries import COMMERCIAL_MODELS, COMPONENTS, ITEM_KINDS, NewEntry
from leases.pricing.models import PriceEntry

HEADER = (
    "kind",
    "manufacturer",
    "item",
    "sold as",
    "component",
    "quantity from",
    "quantity below",
    "term from",
    "term below",
    "price",
)
# Our column -> the headings it is known by, as `name_key` writes them.
HEADINGS: dict[str, tuple[str, ...]] = {
    "item_kind": ("kind", "item kind", "type", "art", "tipo"),
    "manufacturer": ("manufacturer", "maker", "brand", "hersteller", "fabricante"),
    "item_name": ("item", "model", "service", "name", "modell", "modelo"),
    "commercial_model": ("sold as", "commercial model"),
    "component": ("component", "komponente", "componente"),
    "quantity_from": ("quantity from", "from quantity", "ab menge", "cantidad desde"),
    "quantity_until": ("quantity below", "quantity until", "unter menge", "cantidad hasta"),
    "term_from": ("term from", "from months", "ab monaten"),
    "term_until": ("term below", "term until", "below months"),
    "price": ("price", "rent", "preis", "miete", "precio"),
}
REQUIRED = ("item_name", "price")
# Column -> the words it takes, the first where it is empty.
_WORDS: Mapping[str, Sequence[str]] = {
    "item_kind": ITEM_KINDS,
    "commercial_model": COMMERCIAL_MODELS,
    "component": COMPONENTS,
}
_WHOLE = re.compile(r"\d{1,6}")
_PRICE = re.compile(r"\d{1,9}([.,]\d{1,6})?")
_COUNTS: Mapping[str, int | None] = {
    "quantity_from": 1,
    "quantity_until": None,
    "term_from": rules.ANY_TERM,
    "term_until": None,
}


@dataclass(frozen=True, slots=True)
class Outcome:
    """The prices of a table, or everything that is wrong with it."""

    entries: Sequence[NewEntry]
    errors: Sequence[RowError]


def rows_of(entries: Sequence[PriceEntry]) -> Iterator[tuple[str | int | Decimal | None, ...]]:
    """The rows of an export, in the columns of `HEADER`; brought in again they give the same book."""
    for entry in entries:
        maker, name = "", entry.item_name
        if entry.item_kind == "model":
            words = len(entry.item_key.partition("|")[0].split())
            maker, name = " ".join(name.split()[:words]), " ".join(name.split()[words:])
        yield (
            entry.item_kind,
            maker,
            name,
            entry.commercial_model,
            entry.component,
            entry.quantity_from,
            entry.quantity_until,
            entry.term_from or None,
            entry.term_until,
            entry.price.normalize() + Decimal(0),
        )


def read_rows(table: Table) -> Outcome:
    """Every row as a price, and every error at once; overlapping tiers are an error of the later row."""
    entries: list[NewEntry] = []
    errors: list[RowError] = []
    numbers: list[int] = []
    for number, cells in table.rows:
        entry, wrong = _read_row(number, cells)
        errors += wrong
        if entry is not None:
            entries.append(entry)
            numbers.append(number)
    errors += _overlaps(entries, numbers)
    return Outcome(entries, sorted(errors, key=lambda error: error.row))


def _read_row(number: int, cells: Mapping[str, str]) -> tuple[NewEntry | None, list[RowError]]:
    found = [*_check_words(cells), *_check_counts(cells)]
    if "" in cells:
        found.append(("", "The row has more or fewer cells than the heading."))
    price = cells.get("price", "").replace(" ", "")
    if not _PRICE.fullmatch(price):
        found.append(("price", "Write a number that is not negative, such as 41.50."))
    if found:
        return None, [
            RowError(number, HEADINGS[column][0] if column else "", message) for column, message in found
        ]
    kind, counts = _word(cells, "item_kind"), _counts(cells)
    entry = NewEntry(
        item_kind=kind,
        item_name=cells["item_name"],
        manufacturer=cells.get("manufacturer", "") if kind == "model" else "",
        commercial_model=_word(cells, "commercial_model"),
        component=_word(cells, "component"),
        quantity_from=counts["quantity_from"] or 1,
        quantity_until=counts["quantity_until"],
        term_from=counts["term_from"] or rules.ANY_TERM,
        term_until=counts["term_until"],
        price=Decimal(price.replace(",", ".")),
    )
    return entry, []


def _word(cells: Mapping[str, str], column: str) -> str:
    return cells.get(column, "").casefold() or _WORDS[column][0]


def _counts(cells: Mapping[str, str]) -> dict[str, int | None]:
    return {
        column: int(cells[column]) if _WHOLE.fullmatch(cells.get(column, "")) else default
        for column, default in _COUNTS.items()
    }


def _check_words(cells: Mapping[str, str]) -> Iterator[tuple[str, str]]:
    for column, known in _WORDS.items():
        if _word(cells, column) not in known:
            yield column, f"Use one of {', '.join(known)}."
    if not cells.get("item_name"):
        yield "item_name", "Fill this in."
    if _word(cells, "item_kind") == "model" and not cells.get("manufacturer"):
        yield "manufacturer", "Name the maker of the model."


def _check_counts(cells: Mapping[str, str]) -> Iterator[tuple[str, str]]:
    for column in _COUNTS:
        if (text := cells.get(column, "")) and not _WHOLE.fullmatch(text):
            yield column, "Write a whole number, or leave it empty."
    counts = _counts(cells)
    for first, until in (("quantity_from", "quantity_until"), ("term_from", "term_until")):
        lower, upper = counts[first], counts[until]
        if lower is not None and upper is not None and upper <= lower:
            yield until, "This is to be more than the number before it."
    if counts["quantity_from"] == 0:
        yield "quantity_from", "A tier begins with 1 or more."


def _overlaps(entries: Sequence[NewEntry], numbers: Sequence[int]) -> list[RowError]:
    both = rules.overlapping([entry.as_value(str(place)) for place, entry in enumerate(entries)])
    if both is None:
        return []
    earlier, later = (numbers[int(entry.id)] for entry in both)
    return [RowError(later, HEADER[5], f"Row {earlier} has a price for such numbers and terms already.")]
