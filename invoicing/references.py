"""The reference that money comes back with: ISO 11649 of a document's number, and numbers in free text."""

from __future__ import annotations

import re
import string
from dataclasses import dataclass

from stdnum import iso11649
from stdnum.iso7064 import mod_97_10

_LONGEST_KEY = 21  # ISO 11649: RF, two check digits, then at most 21 letters and digits
_APART = r"[\s./:_-]*"  # how people and banks part the pieces of a number, a broken line included
_RF = re.compile(rf"RF\d\d(?:{_APART}[0-9A-Z]){{1,{_LONGEST_KEY}}}")
# INV-2026-00042, INV 2026/42, inv202600042, and 2026-00042 by those who leave the letters out.
_NUMBER = re.compile(rf"(?<![0-9A-Z])(?:([A-Z]{{2,6}}){_APART})?(20\d\d)(?:{_APART})(\d{{1,7}})(?![0-9])")
_DIGITS = 5  # invoicing.numbering pads to as many


@dataclass(frozen=True, slots=True)
class FoundNumber:
    """What a text may name: `key` is the letters and digits of a document's number.

    `is_checked` says that ISO 11649 check digits vouch for it. Letters before a plain number may be any
    word ("Rg 2026-00042"): who knows the open documents also compares `digits`.
    """

    key: str
    is_checked: bool

    @property
    def digits(self) -> str:
        """Year and number without the letters of a series."""
        return self.key.lstrip(string.ascii_uppercase)


def reference_key(number: str) -> str:
    """The letters and digits of a document's number, upper case: INV-2026-00042 is INV202600042."""
    return "".join(sign for sign in number.upper() if sign.isascii() and sign.isalnum())


def creditor_reference(number: str) -> str:
    """The structured creditor reference (ISO 11649) of a document's number: RF, check digits, its key.

    INV-2026-00042 is RF36INV202600042. Electronic form, without spaces; `shown` groups it for people.

    :raises ValueError: if nothing of the number, or more than 21 letters and digits, would be in it.
    """
    key = reference_key(number)
    if not 1 <= len(key) <= _LONGEST_KEY:
        raise ValueError(f"{number!r} has {len(key)} letters and digits; a creditor reference has 1 to 21")
    return f"RF{mod_97_10.calc_check_digits(key + 'RF')}{key}"


def shown(reference: str) -> str:
    """In groups of four, as it is printed: RF36 INV2 0260 0042."""
    return str(iso11649.format(reference))


def numbers_in(text: str) -> tuple[FoundNumber, ...]:
    """Every document that the text may name, those with check digits first; each key once.

    Words behind a reference run into it where banks drop spaces, so each length whose check digits hold
    is told: compare them with what is open. Numbers are told padded, however they were written.
    """
    upper = text.upper()
    found: dict[str, FoundNumber] = {}
    for match in _RF.finditer(upper):
        whole = reference_key(match.group())
        for end in range(len(whole), 4, -1):
            if iso11649.is_valid(whole[:end]):
                found.setdefault(whole[4:end], FoundNumber(whole[4:end], is_checked=True))
    for match in _NUMBER.finditer(upper):
        series, year, digits = match.groups()
        key = f"{series or ''}{year}{int(digits):0{_DIGITS}d}"
        found.setdefault(key, FoundNumber(key, is_checked=False))
    return tuple(found.values())
