"""How a bank writes its CSV: where the heading is, what columns mean, how dates and numbers are written."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime

from devices.identifiers import name_key
from devices.import_table import SEPARATORS, UnreadableTable, decode, records
from invoicing.bank.statement import UnreadableStatement

LINES_MAX = 20_000
COLUMNS_MAX = 200
HEADING_WITHIN = 40  # rows: banks put account, period and balances above the table
_SAMPLE = 5

# Field of a line -> the headings it is known by, as `name_key` writes them.
HEADINGS: dict[str, tuple[str, ...]] = {
    "booked_on": ("buchungstag", "buchungsdatum", "buchung", "datum", "date", "booking date", "posting date",
                  "posted date", "transaction date", "fecha", "fecha operación", "fecha contable",
                  "date de comptabilisation", "started date"),
    "value_on": ("valuta", "valutadatum", "wertstellung", "value date", "fecha valor", "date de valeur",
                 "completed date"),
    "amount": ("betrag", "betrag (eur)", "betrag (€)", "umsatz", "amount", "amount (eur)", "importe",
               "montant", "transaction amount"),
    "credit": ("haben", "gutschrift", "credit", "credit amount", "paid in", "money in", "abono", "haber",
               "deposits", "einzahlung"),
    "debit": ("soll", "lastschrift", "debit", "debit amount", "paid out", "money out", "cargo", "debe",
              "withdrawals", "auszahlung"),
    "sign": ("soll/haben", "s/h", "debit/credit", "credit/debit", "dc", "af bij", "cr/dr", "debit credit"),
    "currency": ("währung", "currency", "moneda", "divisa", "devise"),
    "counterparty_name": ("name zahlungsbeteiligter", "beguenstigter/zahlungspflichtiger",
                          "begünstigter/zahlungspflichtiger", "auftraggeber/empfänger",
                          "zahlungspflichtige*r", "auftraggeber", "name", "payee", "counterparty",
                          "counter party", "merchant", "payer", "partner name", "beneficiario", "ordenante",
                          "nombre"),
    "counterparty_iban": ("iban zahlungsbeteiligter", "kontonummer/iban", "iban", "iban counterparty",
                          "counterparty iban", "partner iban", "account number", "kontonummer"),
    "reference": ("reference", "referenz", "referencia", "payment reference", "zahlungsreferenz"),
    "end_to_end_id": ("kundenreferenz (end-to-end)", "end-to-end-referenz", "end to end id", "end-to-end id",
                      "kundenreferenz"),
    "mandate": ("mandatsreferenz", "mandate", "mandate reference", "mandate id"),
    "text": ("verwendungszweck", "buchungstext", "description", "details", "memo", "concepto", "narrative",
             "transaction description", "payment details", "libellé"),
    "bank_id": ("transaction id", "transaktions-id", "bank reference", "bankreferenz", "id", "unique id"),
    "balance": ("saldo", "saldo nach buchung", "balance", "running balance", "solde", "account balance"),
}  # fmt: skip
FIELDS = tuple(HEADINGS)

# Name as people read it -> what `strptime` reads.
DATE_FORMATS = {
    "YYYY-MM-DD": "%Y-%m-%d",
    "DD.MM.YYYY": "%d.%m.%Y",
    "DD.MM.YY": "%d.%m.%y",
    "DD/MM/YYYY": "%d/%m/%Y",
    "MM/DD/YYYY": "%m/%d/%Y",
    "DD/MM/YY": "%d/%m/%y",
    "MM/DD/YY": "%m/%d/%y",
    "DD-MM-YYYY": "%d-%m-%Y",
    "MM-DD-YYYY": "%m-%d-%Y",
    "YYYYMMDD": "%Y%m%d",
    "YYYY/MM/DD": "%Y/%m/%d",
    "DD MMM YYYY": "%d %b %Y",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Layout:
    """How one bank writes its CSV; kept with the account once somebody has confirmed it."""

    encoding: str
    separator: str
    heading_row: int  # from 1, as the spreadsheet counts
    columns: Mapping[str, str]  # field of a line -> heading
    date_format: str  # a key of DATE_FORMATS
    decimal_sign: str  # "." or ","


@dataclass(frozen=True, slots=True, kw_only=True)
class Sniffed:
    """What was guessed, what it was guessed from, and what a person should look at."""

    layout: Layout
    headings: tuple[str, ...]
    sample: tuple[tuple[str, ...], ...]
    doubts: tuple[str, ...] = ()  # fields of the layout that could be otherwise


def sniff(content: bytes) -> Sniffed:
    """Guess how the file is written. A guess is to be shown before it is used.

    :raises UnreadableStatement: if it is no table of text.
    """
    encoding, separator, rows = rows_of(content, separator=None)
    number, heading = _heading(rows)
    body = [cells for at, cells in rows if at > number and any(cell.strip() for cell in cells)]
    columns = _columns(heading)
    dates = [cell_of(cells, heading, columns.get("booked_on")) for cells in body]
    amounts = [
        cell_of(cells, heading, columns.get(name)) for cells in body for name in ("amount", "credit", "debit")
    ]
    fitting = [name for name in DATE_FORMATS if _all_dates(dates, name)]
    sign, is_sure = _decimal_sign(amounts)
    doubts = [] if len(fitting) == 1 else ["date_format"]
    if not is_sure:
        doubts.append("decimal_sign")
    if "booked_on" not in columns or not {"amount", "credit", "debit"} & set(columns):
        doubts.append("columns")
    return Sniffed(
        layout=Layout(
            encoding=encoding,
            separator=separator,
            heading_row=number,
            columns=columns,
            date_format=fitting[0] if fitting else "YYYY-MM-DD",
            decimal_sign=sign,
        ),
        headings=tuple(cell.strip() for cell in heading if cell.strip()),
        sample=tuple(tuple(cells) for cells in body[:_SAMPLE]),
        doubts=tuple(doubts),
    )


def fits(layout: Layout, sniffed: Sniffed) -> bool:
    """Whether a file can be read as one before it was: it has every column that is read."""
    return set(layout.columns.values()) <= set(sniffed.headings)


def rows_of(content: bytes, *, separator: str | None) -> tuple[str, str, list[tuple[int, list[str]]]]:
    """Encoding, separator and the rows with their numbers.

    :raises UnreadableStatement: if it is no table, empty, or longer than is taken at once.
    """
    try:
        text, encoding = decode(content)
        separator = separator or _separator(text)
        rows = []
        for number, cells in records(text, separator):
            if number > LINES_MAX + HEADING_WITHIN:
                raise UnreadableStatement(f"The file has more than {LINES_MAX} rows: split it.")
            if len(cells) > COLUMNS_MAX:
                raise UnreadableStatement(f"Row {number} has more than {COLUMNS_MAX} columns.")
            rows.append((number, cells))
    except UnreadableTable as broken:
        raise UnreadableStatement(broken.message) from broken
    if not any(any(cell.strip() for cell in cells) for _, cells in rows):
        raise UnreadableStatement("The file is empty.")
    return encoding, separator, rows


def _separator(text: str) -> str:
    """The one that parts most rows into the same number of cells; preambles have none."""
    lines = text.splitlines()[: HEADING_WITHIN * 2]

    def worth(separator: str) -> int:
        counts = [line.count(separator) for line in lines]
        return max((counts.count(count) * count for count in set(counts) if count), default=0)

    return max(SEPARATORS, key=worth)


def _heading(rows: Sequence[tuple[int, list[str]]]) -> tuple[int, list[str]]:
    first = [row for row in rows if row[0] <= HEADING_WITHIN]
    return max(first, key=lambda row: (len(_columns(row[1])), -row[0]))


def _columns(heading: Sequence[str]) -> dict[str, str]:
    """Field -> heading, by the names that banks are known to use; each heading once."""
    by_key = {name_key(cell.strip().strip('*:"')): cell.strip() for cell in reversed(heading) if cell.strip()}
    found: dict[str, str] = {}
    for field, names in HEADINGS.items():
        known = next((by_key[name] for name in names if name in by_key), None)
        if known is not None and known not in found.values():
            found[field] = known
    return found


def cell_of(cells: Sequence[str], heading: Sequence[str], name: str | None) -> str:
    """The cell below a heading; empty where the row is too short."""
    for place, title in enumerate(heading):
        if name is not None and title.strip() == name:
            return cells[place].strip() if place < len(cells) else ""
    return ""


def date_of(text: str, name: str) -> date | None:
    """The day that is written so, if it is; a time of day behind it is left off."""
    if "MMM" not in name:
        text = text.partition(" ")[0]
    try:
        return datetime.strptime(text, DATE_FORMATS[name]).date()  # noqa: DTZ007 - a day has no zone
    except ValueError:
        return None


def _all_dates(texts: Sequence[str], name: str) -> bool:
    filled = [text for text in texts if text]
    return bool(filled) and all(date_of(text, name) is not None for text in filled)


def _decimal_sign(texts: Sequence[str]) -> tuple[str, bool]:
    """The sign before one or two last digits; not sure if both or neither are seen."""
    ends = {sign: sum(bool(re.search(rf"\{sign}\d{{1,2}}\D*$", text)) for text in texts) for sign in ".,"}
    sign = "," if ends[","] > ends["."] else "."
    return sign, bool(ends["."]) != bool(ends[","])
