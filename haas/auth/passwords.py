"""Passwords: which are taken, how they are kept (Argon2id); checking one never reveals who exists."""

from __future__ import annotations

import re
import threading
import unicodedata
from collections.abc import Iterable
from functools import cache

from argon2 import PasswordHasher
from argon2.exceptions import InvalidHashError, VerificationError

from haas.errors import InvalidInput, TooManyRequests

LEAST_LENGTH = 12
MOST_LENGTH = 256

# A hash takes 64 MiB and a core for about 0.15 s: more than two at once would starve the pages.
_SLOTS = threading.BoundedSemaphore(2)
_WAIT_SECONDS = 10

_LEAST_PIECES = 7

# What guessing programs try first, by far. A password may contain such a word; each counts as one character.
_COMMON_TEXT = """
password passwort passwords pass secret secrets geheim qwerty qwertz qwertyuiop qwertzuiop asdf asdfgh
asdfghjkl zxcvbnm yxcvbnm letmein welcome willkommen admin administrator root login logon access master
monkey dragon football baseball soccer hockey iloveyou sunshine princess superman batman trustno hello
hallo default changeme change guest user test testing demo temp temporary computer internet server spring
summer autumn winter fruehling sommer herbst january february march april june july august september
october november december monday tuesday wednesday thursday friday saturday sunday company office
business support service lease leasing hardware haas money freedom whatever shadow michael jordan
jennifer charlie thomas andrew daniel jessica ashley love baby angel flower london berlin madrid paris
abc abcd abcdef samsung apple google microsoft windows
"""
_COMMON = frozenset(_COMMON_TEXT.split())
_SWAPS = str.maketrans(
    {"@": "a", "4": "a", "3": "e", "1": "l", "0": "o", "$": "s", "5": "s", "7": "t", "!": "i"}
)
_ROWS = (
    "abcdefghijklmnopqrstuvwxyz",
    "01234567890",
    "qwertyuiop",
    "qwertzuiop",
    "asdfghjkl",
    "zxcvbnm",
    "yxcvbnm",
)


def check_strength(password: str, *, about: Iterable[str] = ()) -> None:
    """Refuse a password that is short or easily guessed; nothing is asked about kinds of characters.

    Common words, keyboard rows, runs, repeats, years and the person's own names count as one character
    each; what is left must still be seven pieces.

    :param about: names and addresses of the person and the company.
    :raises InvalidInput: with the remedy.
    """
    if len(password) < LEAST_LENGTH:
        raise InvalidInput(f"Use at least {LEAST_LENGTH} characters; a few words do well.", field="password")
    if len(password) > MOST_LENGTH:
        raise InvalidInput(f"Use at most {MOST_LENGTH} characters.", field="password")
    if pieces(password, about=about) < _LEAST_PIECES:
        raise InvalidInput(
            "This is easily guessed: it is mostly common words, runs or your own names."
            " Three or four unrelated words are better.",
            field="password",
        )


def pieces(password: str, *, about: Iterable[str] = ()) -> int:
    """How many independent pieces a guesser must put together."""
    text = unicodedata.normalize("NFKC", password).casefold()
    words = _COMMON | {
        part for name in about for part in re.split(r"[^\w]+", name.casefold()) if len(part) >= 3
    }
    longest = max(map(len, words))
    swapped = text.translate(_SWAPS)
    place, count, seen = 0, 0, set[str]()
    while place < len(text):
        length = max(_word_at(swapped, place, words, longest), _word_at(text, place, words, longest))
        length = max(length, _run_at(text, place), _repeat_at(text, place), _year_at(text, place), 1)
        piece = text[place : place + length]
        count += piece not in seen  # the same piece again adds nothing to guess
        seen.add(piece)
        place += length
    return count


def hash_password(password: str) -> str:
    """Argon2id with the library's parameters (RFC 9106, low memory), salt inside."""
    with _slot():
        return _hasher().hash(_prepared(password))


def verify_password(password: str, hashed: str | None) -> bool:
    """Whether the password fits; without a hash the same work is done, and the answer is no."""
    with _slot():
        try:
            _hasher().verify(hashed or _nobodys_hash(), _prepared(password))
        except (VerificationError, InvalidHashError):
            return False
    return hashed is not None


def is_outdated(hashed: str) -> bool:
    """Whether the hash was made with other parameters than today's and should be renewed."""
    return _hasher().check_needs_rehash(hashed)


class _Slot:
    def __enter__(self) -> None:
        if not _SLOTS.acquire(timeout=_WAIT_SECONDS):
            raise TooManyRequests("Many people are signing in; try again in a moment.")

    def __exit__(self, *_: object) -> None:
        _SLOTS.release()


def _slot() -> _Slot:
    return _Slot()


@cache
def _hasher() -> PasswordHasher:
    return PasswordHasher()


@cache
def _nobodys_hash() -> str:
    return _hasher().hash("nobody has this password")


def _prepared(password: str) -> str:
    # The same characters typed on another keyboard may arrive composed differently.
    return unicodedata.normalize("NFKC", password)[: MOST_LENGTH * 4]


def _word_at(text: str, place: int, words: frozenset[str] | set[str], longest: int) -> int:
    for length in range(min(longest, len(text) - place), 2, -1):
        if text[place : place + length] in words:
            return length
    return 0


def _run_at(text: str, place: int) -> int:
    longest = 0
    for row in (*_ROWS, *(row[::-1] for row in _ROWS)):
        length = 0
        start = row.find(text[place])
        while (
            start >= 0
            and place + length < len(text)
            and start + length < len(row)
            and text[place + length] == row[start + length]
        ):
            length += 1
        longest = max(longest, length)
    return longest if longest >= 3 else 0


def _repeat_at(text: str, place: int) -> int:
    length = 1
    while place + length < len(text) and text[place + length] == text[place]:
        length += 1
    return length if length >= 2 else 0


def _year_at(text: str, place: int) -> int:
    return 4 if re.match(r"(19|20)\d\d", text[place:]) else 0
