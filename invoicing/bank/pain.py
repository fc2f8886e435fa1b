"""Order files for the bank (ISO 20022 pain) by sepaxml: the same order always gives the same bytes."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal

from lxml import etree
from sepaxml import SepaDD, SepaTransfer
from sepaxml.validation import ValidationError, try_valid_xml

from haas.errors import InvalidInput

DEBIT_FORMATS = ("pain.008.001.08", "pain.008.001.02")
TRANSFER_FORMAT = "pain.001.001.09"
_AMOUNT_MOST = Decimal("999999999.99")
_UMLAUTS = str.maketrans({"ä": "ae", "ö": "oe", "ü": "ue", "Ä": "Ae", "Ö": "Oe", "Ü": "Ue", "ß": "ss"})
_ALLOWED = re.compile(r"[^A-Za-z0-9/\-?:().,'+ ]")  # EPC217-08: the basic set every bank takes


@dataclass(frozen=True, slots=True, kw_only=True)
class OwnSide:
    """The partner as the bank knows it."""

    name: str
    iban: str
    bic: str = ""
    creditor_id: str = ""  # for debits


@dataclass(frozen=True, slots=True, kw_only=True)
class Debit:
    """One collection of a client's money by its mandate."""

    end_to_end_id: str  # at most 35 characters; comes back on the statement
    name: str
    iban: str
    bic: str = ""
    amount: Decimal
    mandate: str
    signed_on: date
    sequence: str  # FRST | RCUR | OOFF | FNAL
    text: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Transfer:
    """One payment to a client."""

    end_to_end_id: str
    name: str
    iban: str
    bic: str = ""
    amount: Decimal
    text: str


def direct_debits(
    debits: Sequence[Debit],
    *,
    own: OwnSide,
    message_id: str,
    scheme: str,
    collect_on: date,
    created_at: datetime,
    file_format: str = DEBIT_FORMATS[0],
) -> bytes:
    """A pain.008 of EUR debits of one scheme (CORE or B2B), checked against its schema.

    :raises InvalidInput: if it has none, or an amount or text no bank takes.
    """
    config = {
        "name": tidy(own.name, most=70),
        "IBAN": own.iban,
        "batch": True,
        "creditor_id": own.creditor_id,
        "currency": "EUR",
        "instrument": scheme,
        **({"BIC": own.bic} if own.bic else {}),
    }
    if file_format.endswith(".02") and not own.bic:
        raise InvalidInput("pain.008.001.02 needs the BIC of the account.", field="bic")
    order = SepaDD(config, schema=file_format, clean=False)
    for debit in debits:
        order.add_payment(
            {
                "name": tidy(debit.name, most=70),
                "IBAN": debit.iban,
                "amount": _cents(debit.amount),
                "type": debit.sequence,
                "collection_date": collect_on,
                "mandate_id": debit.mandate,
                "mandate_date": debit.signed_on,
                "description": tidy(debit.text, most=140),
                "endtoend_id": debit.end_to_end_id,
                **({"BIC": debit.bic} if debit.bic else {}),
            }
        )
    return _finished(order, count=len(debits), message_id=message_id, created_at=created_at)


def transfers(
    payments: Sequence[Transfer],
    *,
    own: OwnSide,
    message_id: str,
    pay_on: date,
    created_at: datetime,
    file_format: str = TRANSFER_FORMAT,
) -> bytes:
    """A pain.001 of EUR transfers, checked against its schema.

    :raises InvalidInput: if it has none, or an amount or text no bank takes.
    """
    config = {
        "name": tidy(own.name, most=70),
        "IBAN": own.iban,
        "batch": True,
        "currency": "EUR",
        **({"BIC": own.bic} if own.bic else {}),
    }
    order = SepaTransfer(config, schema=file_format, clean=False)
    for payment in payments:
        order.add_payment(
            {
                "name": tidy(payment.name, most=70),
                "IBAN": payment.iban,
                "amount": _cents(payment.amount),
                "execution_date": pay_on,
                "description": tidy(payment.text, most=140),
                "endtoend_id": payment.end_to_end_id,
                **({"BIC": payment.bic} if payment.bic else {}),
            }
        )
    return _finished(order, count=len(payments), message_id=message_id, created_at=created_at)


def tidy(text: str, *, most: int) -> str:
    """A text in the letters that every bank takes (EPC217-08): ü is ue, what is left over a full stop."""
    plain = unicodedata.normalize("NFKD", text.translate(_UMLAUTS))
    plain = "".join(sign for sign in plain if not unicodedata.combining(sign))
    return " ".join(_ALLOWED.sub(".", plain).split())[:most].strip() or "."


def _cents(amount: Decimal) -> int:
    if not 0 < amount <= _AMOUNT_MOST or amount != round(amount, 2):
        raise InvalidInput(f"{amount} EUR is no amount of a SEPA order.", field="amount")
    return int(amount * 100)


def _finished(order: SepaDD | SepaTransfer, *, count: int, message_id: str, created_at: datetime) -> bytes:
    """The file with our ids and moment in the place of sepaxml's random ones, then held to its schema."""
    if not count:
        raise InvalidInput("There is nothing to order.", field="items")
    root = etree.fromstring(order.export(validate=False))
    space = {"p": etree.QName(root).namespace or ""}

    def say(path: str, texts: Sequence[str]) -> None:
        for element, text in zip(root.iterfind(path, space), texts, strict=False):
            element.text = text

    say(".//p:GrpHdr/p:MsgId", [message_id])
    say(".//p:GrpHdr/p:CreDtTm", [created_at.strftime("%Y-%m-%dT%H:%M:%S")])
    say(".//p:PmtInf/p:PmtInfId", [f"{message_id}-{place}" for place in range(1, count + 1)])
    content = etree.tostring(root, xml_declaration=True, encoding="UTF-8")
    try:
        try_valid_xml(content, order.schema)
    except ValidationError as wrong:
        raise InvalidInput(f"The bank would refuse this order: {str(wrong.__cause__)[:200]}") from wrong
    return content
