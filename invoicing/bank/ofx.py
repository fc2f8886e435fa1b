"""OFX 1 (SGML) and 2 (XML) by ofxparse: what American and many other banks call "Web Connect" or QFX."""

from __future__ import annotations

import io
import warnings
from datetime import date, datetime
from decimal import Decimal
from typing import Any

from ofxparse import OfxParser
from ofxparse.ofxparse import OfxParserException

from invoicing.bank.statement import Statement, StatementLine, UnreadableStatement, given


def read_ofx(content: bytes) -> list[Statement]:
    """Every bank account's statement in the file. OFX tells the closing balance alone.

    :raises UnreadableStatement: if it is no OFX, declares a document type, or an entry cannot be read.
    """
    if b"<!DOCTYPE" in content.upper() or b"<!ENTITY" in content.upper():
        raise UnreadableStatement("The file has a document type definition, which no statement needs.")
    content = content.replace(b"\0", b"")
    if content.lstrip(b"\xef\xbb\xbf \r\n").startswith(b"<"):
        # ofxparse does not read the XML declaration of OFX 2; UTF-8 is what banks use there.
        content = b"OFXHEADER:100\nENCODING:UTF-8\n\n" + content.lstrip(b"\xef\xbb\xbf \r\n")
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", DeprecationWarning)  # it calls bs4 by its older names
            found = OfxParser.parse(io.BytesIO(content), fail_fast=True)
    except (
        OfxParserException,
        ValueError,
        ArithmeticError,
        LookupError,
        TypeError,
        AttributeError,
    ) as broken:
        raise UnreadableStatement(f"The file cannot be read as OFX: {str(broken)[:120]}.") from broken
    accounts = [account for account in getattr(found, "accounts", []) if hasattr(account, "statement")]
    if not accounts:
        raise UnreadableStatement("The OFX file holds no account.")
    return [_statement(account) for account in accounts]


def _statement(account: Any) -> Statement:
    statement = account.statement
    currency = str(statement.currency or account.curdef or "").upper()
    closing = getattr(statement, "balance", None)
    entries = enumerate(getattr(statement, "transactions", []), start=1)
    return Statement(
        kind="ofx",
        account=f"{account.routing_number or ''}/{account.account_id}".strip("/"),
        currency=currency,
        closing=closing if isinstance(closing, Decimal) else None,
        closing_on=_day(getattr(statement, "balance_date", None)),
        lines=tuple(_line(each, entry=entry, currency=currency) for entry, each in entries),
    )


def _line(found: Any, *, entry: int, currency: str) -> StatementLine:
    booked_on = _day(found.date)
    if booked_on is None or not isinstance(found.amount, Decimal) or not found.amount.is_finite():
        raise UnreadableStatement(f"Entry {entry} lacks its date or its amount.")
    return StatementLine(
        entry=entry,
        booked_on=booked_on,
        value_on=_day(found.user_date) or booked_on,
        amount=found.amount,
        currency=currency,
        counterparty_name=" ".join(str(found.payee or "").split()),
        end_to_end_id=given(found.checknum),
        text=" ".join(str(found.memo or "").split()),
        bank_code=str(found.type or "").upper(),
        bank_id=given(found.id),
    )


def _day(found: Any) -> date | None:
    return found.date() if isinstance(found, datetime) else None
