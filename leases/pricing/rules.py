"""Which price applies on a day, and why: books -> a price with its chain. Pure."""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from enum import StrEnum
from fractions import Fraction
from heapq import heappop, heappush
from math import inf

from haas.money import round_places

PRICE_PLACES = 6  # a unit price may carry more places than is posted
ANY_TERM = 0  # of what is sold without a term


class Level(StrEnum):
    """Whose price it is: the operator's to a partner, the partner's to everybody, or to one client."""

    WHOLESALE = "wholesale"
    RETAIL = "retail"
    CLIENT = "client"


# Asked in this order: what was agreed with a client goes before what everybody pays.
SELLING = (Level.CLIENT, Level.RETAIL)
BUYING = (Level.WHOLESALE,)


class Found(StrEnum):
    """What a book had to say."""

    USED = "used"
    NOT_LISTED = "not_listed"  # nothing of that item, model of sale and component
    OUTSIDE_TIERS = "outside_tiers"  # listed, but not for so many or so long
    NO_BOOK = "no_book"  # of that level, currency and day there is none


@dataclass(frozen=True, slots=True)
class Entry:
    """A price of one item in a book: for `quantity_from` up to, not including, `quantity_until`; so terms."""

    id: str
    item_kind: str  # model | category | service
    item_key: str
    item_name: str
    commercial_model: str
    component: str
    quantity_from: int
    quantity_until: int | None  # exclusive; none: any larger number
    term_from: int  # months
    term_until: int | None
    price: Decimal  # of one, for the months the book says

    def covers(self, quantity: int, term_months: int) -> bool:
        """Whether the tier holds for so many and so long."""
        return (
            self.quantity_from <= quantity
            and (self.quantity_until is None or quantity < self.quantity_until)
            and self.term_from <= term_months
            and (self.term_until is None or term_months < self.term_until)
        )


@dataclass(frozen=True, slots=True)
class Book:
    """One published version of a price book. A later version of the same name takes its place whole."""

    id: str
    level: Level
    name: str
    currency: str
    client_id: str | None
    valid_from: date
    interval_months: int  # its prices are for so many months
    entries: Sequence[Entry]


@dataclass(frozen=True, slots=True)
class Item:
    """What is priced: its own key, and the wider one that stands in for it."""

    model_key: str | None = None  # as `model_key` writes it
    category: str | None = None
    service: str | None = None

    def names(self) -> list[tuple[str, str]]:
        """(kind, key) of the entries that speak of it, the closest first."""
        named = [("model", self.model_key), ("category", self.category), ("service", self.service)]
        return [(kind, key) for kind, key in named if key]


@dataclass(frozen=True, slots=True)
class Question:
    """What somebody wants to rent, and when."""

    item: Item
    day: date
    currency: str
    quantity: int = 1
    term_months: int = ANY_TERM
    commercial_model: str = "term"
    component: str = "hardware"
    client_id: str | None = None


@dataclass(frozen=True, slots=True)
class Step:
    """One link of the chain: where it was looked, and what was found."""

    level: Level
    found: Found
    book: Book | None = None
    entry: Entry | None = None


@dataclass(frozen=True, slots=True)
class Answer:
    """The price of one for one month, or none; and each step that led there."""

    steps: Sequence[Step]
    entry: Entry | None = None
    book: Book | None = None

    @property
    def monthly(self) -> Decimal | None:
        """A month's price of one."""
        return self.price_for(1)

    def price_for(self, interval_months: int) -> Decimal | None:
        """The price of one for a billing period of so many months."""
        if self.entry is None or self.book is None:
            return None
        return price_over(
            self.entry.price, book_months=self.book.interval_months, interval_months=interval_months
        )


def price_over(price: Decimal, *, book_months: int, interval_months: int) -> Decimal:
    """A book's price carried to a period of another length: months weigh the same."""
    if book_months == interval_months:
        return price
    return round_places(Fraction(price) * interval_months / book_months, PRICE_PLACES)


def resolve(books: Sequence[Book], question: Question, *, levels: Sequence[Level] = SELLING) -> Answer:
    """The price that applies, by level, then by how closely an entry speaks of the item.

    Of each book the latest version that is valid on the day counts, whole: what a new version leaves out
    has no price any more. Several books of one level are asked by name. The tier is taken by volume: all
    units cost what their number costs.
    """
    steps: list[Step] = []
    for level in levels:
        if level is Level.CLIENT and question.client_id is None:
            continue
        held = _held(books, question, level)
        if not held:
            steps.append(Step(level, Found.NO_BOOK))
        for book in held:
            entry, found = _look_up(book, question)
            steps.append(Step(level, found, book, entry))
            if entry is not None:
                return Answer(steps, entry, book)
    return Answer(steps)


def _held(books: Sequence[Book], question: Question, level: Level) -> list[Book]:
    """The version in force of each book of the level, by name."""
    latest: dict[str, Book] = {}
    for book in books:
        fits = (
            book.level is level
            and book.currency == question.currency
            and book.valid_from <= question.day
            and (level is not Level.CLIENT or book.client_id == question.client_id)
        )
        if fits and (book.name not in latest or latest[book.name].valid_from < book.valid_from):
            latest[book.name] = book
    return [latest[name] for name in sorted(latest)]


def _look_up(book: Book, question: Question) -> tuple[Entry | None, Found]:
    found = Found.NOT_LISTED
    for kind, key in question.item.names():
        for entry in book.entries:
            if (entry.item_kind, entry.item_key, entry.commercial_model, entry.component) != (
                kind,
                key,
                question.commercial_model,
                question.component,
            ):
                continue
            if entry.covers(question.quantity, question.term_months):
                return entry, Found.USED
            found = Found.OUTSIDE_TIERS
    return None, found


def overlapping(entries: Sequence[Entry]) -> tuple[Entry, Entry] | None:
    """Two entries of one item whose tiers meet in both quantity and term: a price would be two."""
    by_item: dict[tuple[str, str, str, str], list[int]] = {}
    for place, entry in enumerate(entries):
        key = (entry.item_kind, entry.item_key, entry.commercial_model, entry.component)
        by_item.setdefault(key, []).append(place)
    for places in by_item.values():
        both = _first_meeting(entries, places)
        if both is not None:
            earlier, later = sorted(both)
            return entries[earlier], entries[later]
    return None


def _first_meeting(entries: Sequence[Entry], places: Sequence[int]) -> tuple[int, int] | None:
    """Go up the quantities, with the terms that hold there in order: those never meet, or it would be over.

    So each is compared with its two neighbours alone, and a book of thousands of tiers is no matter.
    """
    held: list[tuple[int, float, int]] = []  # term from and until, place
    ending: list[tuple[float, tuple[int, float, int]]] = []
    for place in sorted(places, key=lambda each: entries[each].quantity_from):
        entry = entries[place]
        while ending and ending[0][0] <= entry.quantity_from:
            _until, over = heappop(ending)
            del held[bisect_left(held, over)]
        terms = (entry.term_from, _or_ever(entry.term_until), place)
        at = bisect_left(held, terms)
        for _from, until, other in held[max(at - 1, 0) : at]:
            if terms[0] < until:
                return other, place
        for starts, _until, other in held[at : at + 1]:
            if starts < terms[1]:
                return other, place
        held.insert(at, terms)
        heappush(ending, (_or_ever(entry.quantity_until), terms))
    return None


def _or_ever(until: int | None) -> float:
    return inf if until is None else until


def model_key(manufacturer: str, name: str) -> str:
    """One name for a hardware model in every house: makers and names as they are compared, "lenovo|x1"."""
    return f"{manufacturer}|{name}"


@dataclass(frozen=True, slots=True)
class Margin:
    """What is left of a price after what it costs to buy, a month and unit."""

    price: Decimal
    cost: Decimal

    @property
    def amount(self) -> Decimal:
        """Price less cost; negative where it is sold below."""
        return self.price - self.cost

    @property
    def pct(self) -> Decimal | None:
        """The margin in per cent of the price, to two places; none of nothing."""
        return round_places(Fraction(self.amount) / Fraction(self.price) * 100, 2) if self.price else None
