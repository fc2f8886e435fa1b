"""MT940, SWIFT's statement, by the mt-940 library with all of its corrections on."""

from __future__ import annotations

import re
from datetime import date
from decimal import Decimal
from typing import Any

import mt940

from invoicing.bank.statement import Statement, StatementLine, UnreadableStatement, given

_MESSAGE = re.compile(r"(?m)^:20:")
# German and Austrian transaction codes (GVC) of direct debits and transfers that came back.
_COMES_BACK = frozenset({"108", "109", "159", "181", "183", "184"})
_REASON = re.compile(r"\b(A[CMG]\d\d|M[DS]\d\d|RR\d\d|SL01|BE05|FF05|CNOR|DNOR|TM01|RC01|ED05)\b")
_UNSTRUCTURED = re.compile(r"/(EREF|MARF|NAME|IBAN|REMI|USTD|CSID|PREF|RTRN|ORDP|BENM)/([^/]*)")


def read_mt940(content: bytes) -> list[Statement]:
    """Every statement of the file; several pages of a day are several statements that follow each other.

    :raises UnreadableStatement: if it is no MT940, or an entry cannot be read.
    """
    text = _decoded(content).replace("\r\n", "\n")
    starts = [match.start() for match in _MESSAGE.finditer(text)]
    if not starts:
        raise UnreadableStatement("The file has no :20: field: it is no MT940.")
    messages = [text[start:end] for start, end in zip(starts, [*starts[1:], len(text)], strict=True)]
    statements: list[Statement] = []
    entries = 0
    for message in messages:
        found = _statement(message, first=entries + 1)
        entries += len(found.lines)
        statements.append(found)
    return statements


def _decoded(content: bytes) -> str:
    try:
        return content.replace(b"\0", b"").decode("utf-8-sig")
    except UnicodeDecodeError:
        return content.decode("cp1252", errors="replace")  # what German banks send as MT940


def _statement(message: str, *, first: int) -> Statement:
    try:
        found = mt940.parse(message, options=mt940.Options.all())
    except (
        RuntimeError,
        ValueError,
        ArithmeticError,
        KeyError,
        IndexError,
        TypeError,
        AttributeError,
    ) as broken:
        raise UnreadableStatement(
            f"The statement from entry {first} on cannot be read as MT940: {str(broken)[:120]}."
        ) from broken
    data = found.data
    opening, closing = _balance(data, "opening"), _balance(data, "closing")
    if opening is None or closing is None:
        raise UnreadableStatement("The statement lacks its balance (:60: or :62:): it is no MT940.")
    number = str(data.get("statement_number") or "")
    page = str(data.get("sequence_number") or "")
    return Statement(
        kind="mt940",
        account="".join(str(data.get("account_identification") or "").split()),
        currency=opening.amount.currency,
        bank_id="/".join(filter(None, (str(opening.date.year), number, page))),
        opening=opening.amount.amount,
        closing=closing.amount.amount,
        opening_on=_day(opening.date),
        closing_on=_day(closing.date),
        lines=tuple(_line(each.data, entry=entry) for entry, each in enumerate(found, start=first)),
    )


def _balance(data: dict[str, Any], which: str) -> Any:
    for name in (f"final_{which}_balance", f"intermediate_{which}_balance"):
        if data.get(name) is not None:
            return data[name]
    return None


def _line(data: dict[str, Any], *, entry: int) -> StatementLine:
    amount: Decimal = data["amount"].amount
    code = str(data.get("transaction_code") or data.get("id") or "")
    told = dict(_UNSTRUCTURED.findall(str(data.get("transaction_details") or "").replace("\n", "")))
    text = " ".join(
        str(data.get(name) or "") for name in ("purpose", "additional_purpose", "extra_details")
    ).strip() or " ".join(str(data.get("transaction_details") or "").split())
    is_return = code in _COMES_BACK or str(data.get("status") or "").upper().startswith("R")
    value_on = _day(data.get("date"))
    booked_on = _day(data.get("guessed_entry_date") or data.get("entry_date")) or value_on
    if booked_on is None:
        raise UnreadableStatement(f"Entry {entry} has no date.")
    reason = _REASON.search(text) if is_return else None
    return StatementLine(
        entry=entry,
        booked_on=booked_on,
        value_on=value_on or booked_on,
        amount=amount,
        currency=data["amount"].currency or str(data.get("currency") or ""),
        counterparty_name=_tidy(data.get("applicant_name") or told.get("NAME")),
        counterparty_iban=_tidy(
            data.get("applicant_iban") or data.get("gvc_applicant_iban") or told.get("IBAN")
        ),
        end_to_end_id=given(data.get("end_to_end_reference") or told.get("EREF")),
        mandate=given(data.get("additional_position_reference") or told.get("MARF")),
        text=_tidy(text),
        bank_code=code,
        bank_id=given(data.get("bank_reference")),
        batch_id=given(data.get("customer_reference")),
        is_return=is_return,
        return_reason=reason.group(1) if reason else "",
        charges=_number(data.get("compensation_amount")),
    )


def _number(text: Any) -> Decimal:
    try:
        return Decimal(str(text).strip().replace(",", ".")) if text else Decimal(0)
    except ArithmeticError:
        return Decimal(0)  # a bank's own wording of its fee; the amount booked stands anyway


def _tidy(text: Any) -> str:
    return " ".join(str(text or "").split())


def _day(found: Any) -> date | None:
    """The library's own kind of date, which knows a currency day, as a plain one."""
    return date(found.year, found.month, found.day) if found is not None else None
