"""The text of a QR code that a banking app reads as a SEPA transfer (EPC069-12, version 3.1)."""

from __future__ import annotations

from decimal import Decimal

from stdnum import iban as iban_number

_LONGEST_BYTES = 331  # EPC069-12, 4: what a code of version 13 with error correction M holds
_LONGEST_NAME = 70
_LONGEST_TEXT = 140


def epc_qr(
    *, name: str, iban: str, amount: Decimal, currency: str = "EUR", bic: str = "", reference: str = "",
    text: str = "",
) -> str:  # fmt: skip
    """What the code holds: the beneficiary, the amount, and a structured `reference` or a free `text`.

    Version 002, UTF-8, line feeds between the elements and none after the last one. Print it with error
    correction M. The BIC may be left out: accounts in the EEA need none.

    :raises ValueError: if the currency is not EUR, the amount not of 0.01 to 999,999,999.99 with whole cents,
        the IBAN wrong, the name empty, both or too long texts are given, or the whole exceeds 331 bytes.
    """
    if currency != "EUR":
        raise ValueError(f"a SEPA transfer is in EUR, not in {currency}")
    if not Decimal("0.01") <= amount <= Decimal("999999999.99") or amount != round(amount, 2):
        raise ValueError(f"{amount} is no amount of a SEPA transfer: 0.01 to 999999999.99, in cents")
    if not iban_number.is_valid(iban):
        raise ValueError("the IBAN of the beneficiary is wrong")
    if reference and text:
        raise ValueError("give a structured reference or a text, not both")
    if len(text) > _LONGEST_TEXT:
        raise ValueError(f"the text is longer than {_LONGEST_TEXT} characters")
    beneficiary = _one_line(name)[:_LONGEST_NAME].strip()
    if not beneficiary:
        raise ValueError("the beneficiary has no name")
    elements = [
        "BCD", "002", "1", "SCT", bic.replace(" ", "").upper(), beneficiary, iban_number.compact(iban),
        f"EUR{amount:.2f}", "", reference.replace(" ", ""), _one_line(text),
    ]  # fmt: skip
    payload = "\n".join(elements).rstrip("\n")
    if len(payload.encode()) > _LONGEST_BYTES:
        raise ValueError(f"the code would hold more than {_LONGEST_BYTES} bytes")
    return payload


def _one_line(text: str) -> str:
    """A line feed would begin the next element."""
    return " ".join(text.split())
