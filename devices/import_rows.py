"""Rows of text -> assets to be, or the reasons why not, each with its row and column. Pure."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date
from decimal import Decimal, InvalidOperation
from typing import Any, Literal

from devices.amounts import checked_amount
from devices.edits import CATEGORIES
from devices.identifiers import name_key, normalised, tidy
from devices.import_table import Table
from devices.operations import REGISTRABLE
from haas.errors import InvalidInput

DateOrder = Literal["day", "month"]

_LENGTHS = {"tag": 40, "serial": 80, "notes": 2000}
_LENGTH_MAX = 200
_STATE_WORDS = {
    "": "",
    "in stock": "ready",
    "lager": "ready",
    "stock": "ready",
    "on order": "ordered",
    "bestellt": "ordered",
    "delivered": "received",
    "erhalten": "received",
}
_SHORTENED = re.compile(r"\d[.,]?\d*E[+-]?\d+", re.IGNORECASE)
_SPACED = "'\\s\N{RIGHT SINGLE QUOTATION MARK}"  # how thousands are set apart beside points and commas
_NUMBER = re.compile(rf"[+-]?[\d.,{_SPACED}]+")
_SIGN = r"(?:[A-Za-z]{3}|[$\N{EURO SIGN}\N{POUND SIGN}\N{YEN SIGN}]|kr\.?|Fr\.?)?"
_AMOUNT = re.compile(rf"\s*{_SIGN}\s*([+-]?[\d.,{_SPACED}]*\d)\s*{_SIGN}\s*")
_FORMULA_STARTS = "=@\N{FULLWIDTH EQUALS SIGN}\N{FULLWIDTH COMMERCIAL AT}"
_SIGNED_STARTS = "+-\N{FULLWIDTH PLUS SIGN}\N{FULLWIDTH HYPHEN-MINUS}"
_KEPT_AS_TEXT = re.compile(r'="([^"]*)"')  # ="00123": how Excel is told to keep leading zeros
_CONTROL = re.compile(r"[\x00-\x08\x0b-\x1f\x7f]")


@dataclass(frozen=True, slots=True)
class RowError:
    """What is wrong in one cell (`column`), or with one row (`column` is empty)."""

    row: int
    column: str
    message: str


@dataclass(frozen=True, slots=True)
class Known:
    """What the partner has: what a row may name."""

    models: Mapping[tuple[str, str], str]  # (maker, name) -> id
    clients: Mapping[str, str]  # number or name -> id; an ambiguous name -> ""
    sites: Mapping[tuple[str, str], str]  # (client id, name) -> id
    currency: str
    today: date


@dataclass(frozen=True, slots=True)
class NewModel:
    """A model that the file names and the partner does not have."""

    manufacturer: str
    name: str
    category: str
    cost: Decimal
    currency: str

    @property
    def key(self) -> tuple[str, str]:
        """How it is found again."""
        return name_key(self.manufacturer), name_key(self.name)


@dataclass(slots=True)
class Draft:
    """An asset as the file describes it; `model` is an id, or the key of a new model."""

    row: int
    values: dict[str, Any]
    model: str | tuple[str, str]
    client_id: str | None
    site_id: str | None


@dataclass(slots=True)
class Outcome:
    """All that was read, and all that is wrong."""

    drafts: list[Draft] = field(default_factory=list)
    errors: list[RowError] = field(default_factory=list)
    new_models: dict[tuple[str, str], NewModel] = field(default_factory=dict)


def read_rows(
    table: Table, known: Known, *, date_order: DateOrder = "day", create_models: bool = False
) -> Outcome:
    """Every row as a draft; nothing is skipped, so the report names every error at once.

    :param date_order: which comes first in 03/04/2026; ISO dates are always understood.
    :param create_models: take models that the partner does not have as new ones.
    """
    outcome = Outcome()
    seen: dict[tuple[str, str], int] = {}
    for number, cells in table.rows:
        reading = _Reading(number, cells, known, date_order, comma=table.separator == ";")
        draft = reading.draft(outcome.new_models, create_models=create_models)
        _refuse_twins(reading, draft, seen)
        outcome.errors += reading.errors
        if not reading.errors:
            outcome.drafts.append(draft)
    return outcome


def read_amount(text: str, *, comma: bool) -> Decimal:
    """1,234.56 or 1.234,56 or 1234,5, with a currency sign or not.

    :param comma: what a single mark before three digits is: a decimal comma rather than a point.
    :raises ValueError: if it is no number.
    """
    found = _AMOUNT.fullmatch(text)
    if found is None:
        raise ValueError(text)
    digits = re.sub(rf"[{_SPACED}]", "", found[1])
    marks = [mark for mark in digits if mark in ".,"]
    if len(set(marks)) == 2:
        decimal_mark = marks[-1]
    elif len(marks) == 1:
        before, after = re.split(r"[.,]", digits)
        grouped = len(after) == 3 and 1 <= len(before.lstrip("+-")) <= 3 and before.lstrip("+-") != "0"
        decimal_mark = ("," if comma else ".") if grouped else marks[0]
    else:
        decimal_mark = ""
    other = {",": ".", ".": ","}.get(decimal_mark, "")
    for mark in (other,) if decimal_mark else (",", "."):
        digits = digits.replace(mark, "") if mark else digits
    if decimal_mark and digits.count(decimal_mark) > 1:
        raise ValueError(text)
    try:
        return Decimal(digits.replace(",", "."))
    except InvalidOperation as broken:
        raise ValueError(text) from broken


def read_date(text: str, *, order: DateOrder) -> date:
    """2026-11-23, 23.11.2026, 23/11/2026 or 11/23/2026, by `order`; a day with a time loses the time.

    :raises ValueError: if it is no date with a year of four digits.
    """
    day_part = text.strip().split("T")[0].split(" ")[0]
    if found := re.fullmatch(r"(\d{4})[-/.](\d{1,2})[-/.](\d{1,2})", day_part):
        year, month, day = (int(part) for part in found.groups())
    elif found := re.fullmatch(r"(\d{1,2})([-/.])(\d{1,2})\2(\d{4})", day_part):
        first, second, year = int(found[1]), int(found[3]), int(found[4])
        # Points are only ever written day first.
        day, month = (first, second) if order == "day" or found[2] == "." else (second, first)
    else:
        raise ValueError(text)
    return date(year, month, day)


class _Reading:
    """One row while it is read; collects what is wrong with it."""

    def __init__(
        self, number: int, cells: Mapping[str, str], known: Known, date_order: DateOrder, *, comma: bool
    ) -> None:
        self.number = number
        self.cells = cells
        self.known = known
        self.date_order = date_order
        self.comma = comma
        self.errors: list[RowError] = []

    def refuse(self, column: str, message: str) -> None:
        self.errors.append(RowError(self.number, column, message))

    def draft(self, new_models: dict[tuple[str, str], NewModel], *, create_models: bool) -> Draft:
        if "" in self.cells:
            self.refuse("", f"This row has {self.cells['']} cells, which does not fit the heading.")
        currency = (self.text("currency") or self.known.currency).upper()
        cost = self._amount("cost", currency)
        state = self._state()
        serial = self._serial(state)
        values: dict[str, Any] = {
            "tag": self.text("tag") or None,
            "serial": serial,
            "state": state,
            "cost": cost,
            "currency": currency,
            "supplier": self.text("supplier"),
            "purchase_reference": self.text("purchase_reference"),
            "purchased_on": self._date("purchased_on"),
            "warranty_until": self._date("warranty_until"),
            "custodian": self.text("custodian"),
            "notes": self.text("notes"),
        }
        model = self._model(new_models, cost, currency, create=create_models)
        client_id, site_id = self._place()
        return Draft(self.number, values, model, client_id, site_id)

    def text(self, column: str) -> str:
        raw = self.cells.get(column, "")
        if kept := _KEPT_AS_TEXT.fullmatch(raw):
            raw = kept[1]
        elif raw[:1] == "'" and raw[1:2] and not raw[1].isalnum():
            raw = raw[1:]  # how exports keep a text from becoming a formula
        elif raw and (raw[0] in _FORMULA_STARTS or (raw[0] in _SIGNED_STARTS and not _NUMBER.fullmatch(raw))):
            self.refuse(column, "This looks like a formula: write its value instead.")
            return ""
        if _CONTROL.search(raw):
            self.refuse(column, "This holds control characters.")
            return ""
        value = raw.strip() if column == "notes" else tidy(raw)
        longest = _LENGTHS.get(column, _LENGTH_MAX)
        if len(value) > longest:
            self.refuse(column, f"This is longer than {longest} characters.")
        return value

    def _serial(self, state: str) -> str | None:
        serial = self.text("serial")
        if _SHORTENED.fullmatch(serial):
            self.refuse("serial", f"A spreadsheet has shortened this number ({serial}): format it as text.")
        elif not serial and state != "ordered" and not self._refused("serial"):
            self.refuse("serial", "Give the serial number; only what is on order may go without.")
        return serial or None

    def _state(self) -> str:
        typed = name_key(self.text("state"))
        state = _STATE_WORDS.get(typed, typed.replace(" ", "_"))
        if not state:
            return "received" if self.cells.get("serial", "").strip() else "ordered"
        if state not in REGISTRABLE:
            self.refuse("state", f"Choose one of: {', '.join(REGISTRABLE)}.")
        return state

    def _amount(self, column: str, currency: str) -> Decimal:
        typed = self.cells.get(column, "")
        if not typed:
            self.refuse(column, "Fill this in.")
            return Decimal(0)
        try:
            return checked_amount(read_amount(typed, comma=self.comma), currency, field=column)
        except ValueError:
            self.refuse(column, f"{typed[:40]} is not an amount, such as 1234.50.")
        except InvalidInput as refusal:
            self.refuse("currency" if "currency" in refusal.fields else column, refusal.message)
        return Decimal(0)

    def _date(self, column: str) -> date | None:
        typed = self.cells.get(column, "")
        if not typed:
            return None
        try:
            found = read_date(typed, order=self.date_order)
        except ValueError:
            self.refuse(column, f"{typed[:40]} is not a date, such as 2026-11-23.")
            return None
        if not 1990 <= found.year <= 2100:
            self.refuse(column, f"{found} cannot be right.")
        if column == "purchased_on" and found > self.known.today:
            self.refuse(column, f"{found} is in the future.")
        return found

    def _model(
        self, new_models: dict[tuple[str, str], NewModel], cost: Decimal, currency: str, *, create: bool
    ) -> str | tuple[str, str]:
        maker, name = self.text("manufacturer"), self.text("model")
        if not name:
            if not self._refused("model"):
                self.refuse("model", "Fill this in.")
            return ""
        key = (name_key(maker), name_key(name))
        if key in self.known.models:
            return self.known.models[key]
        if not maker:
            named = {model for (_, other), model in self.known.models.items() if other == key[1]}
            whole = {model for both, model in self.known.models.items() if " ".join(both) == key[1]}
            if len(found := named or whole) == 1:
                return found.pop()
            if len(found) > 1:
                self.refuse("model", f"Several makers have a {name}: add the column manufacturer.")
                return ""
        category = name_key(self.text("category")) or "other"
        if not create:
            self.refuse("model", f"{tidy(f'{maker} {name}')} is not among your hardware models.")
        elif not maker:
            self.refuse("manufacturer", "A new model needs its maker.")
        elif category not in CATEGORIES:
            self.refuse("category", f"Choose one of: {', '.join(CATEGORIES)}.")
        else:
            new_models.setdefault(key, NewModel(maker, name, category, cost, currency))
        return key

    def _place(self) -> tuple[str | None, str | None]:
        client, site = name_key(self.text("client")), name_key(self.text("site"))
        if not client:
            if site:
                self.refuse("client", "A site belongs to a client: name the client too.")
            return None, None
        client_id = self.known.clients.get(client)
        if not client_id:
            words = (
                "is the name of several clients: give the number"
                if client_id == ""
                else "is no client of yours"
            )
            self.refuse("client", f"{self.cells['client']} {words}.")
            return None, None
        if not site:
            return client_id, None
        site_id = self.known.sites.get((client_id, site))
        if site_id is None:
            self.refuse("site", f"The client has no site {self.cells['site']}.")
        return client_id, site_id

    def _refused(self, column: str) -> bool:
        return any(error.column == column for error in self.errors)


def _refuse_twins(reading: _Reading, draft: Draft, seen: dict[tuple[str, str], int]) -> None:
    for column in ("serial", "tag"):
        value = draft.values[column]
        if not value:
            continue
        first = seen.setdefault((column, normalised(value)), draft.row)
        if first != draft.row:
            reading.refuse(column, f"{value} is in row {first} already.")


def taken(drafts: Sequence[Draft], worn: Mapping[str, Mapping[str, str]]) -> list[RowError]:
    """The drafts whose serial or tag an asset of the partner has: column -> compared form -> its tag."""
    return [
        RowError(draft.row, column, f"Asset {worn[column][norm]} already has this {column}.")
        for draft in drafts
        for column in ("serial", "tag")
        if draft.values[column] and (norm := normalised(draft.values[column])) in worn[column]
    ]
