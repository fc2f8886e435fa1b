"""Names of payers beside names of clients: how companies and banks write the same name differently."""

from __future__ import annotations

import unicodedata
from collections.abc import Mapping
from difflib import SequenceMatcher

_ALIKE = 0.86  # of 1; "Contoso Handels GmbH" and "CONTOSO HANDELSGES. MBH" are 0.87
_CLIENTS_MOST = 3
_TOKEN_LEAST = 3

# Legal forms and fillers say nothing about who it is.
_SAY_NOTHING = frozenset({
    "ag", "and", "bv", "co", "company", "corp", "corporation", "das", "der", "die", "e", "eg", "ek", "et",
    "ev", "gbr", "gesellschaft", "gmbh", "inc", "kg", "kgaa", "limited", "llc", "llp", "lp", "ltd", "mbh",
    "nv", "ohg", "oy", "plc", "pty", "sa", "sarl", "sas", "se", "sl", "slu", "srl", "ss", "the", "ug", "und",
    "y",
})  # fmt: skip
_UMLAUTS = str.maketrans({"ä": "ae", "ö": "oe", "ü": "ue", "ß": "ss", "ø": "oe", "å": "aa", "æ": "ae"})


class Names:
    """The names of a partner's clients, to be asked which are like a payer's."""

    def __init__(self, clients: Mapping[str, tuple[str, ...]]) -> None:
        """`clients`: client id -> its names (as it is called, as it is registered)."""
        self._keys = {
            client_id: {key for name in names if (key := self.key(name))}
            for client_id, names in clients.items()
        }
        self._by_token: dict[str, set[str]] = {}
        for client_id, keys in self._keys.items():
            for token in {token for key in keys for token in key.split()}:
                self._by_token.setdefault(token[:_TOKEN_LEAST], set()).add(client_id)

    @staticmethod
    def key(name: str) -> str:
        """A name without case, accents, signs and legal form: "Müller & Söhne GmbH" is mueller soehne."""
        plain = unicodedata.normalize("NFKD", name.casefold().translate(_UMLAUTS))
        letters = "".join(
            sign if sign.isalnum() else " " for sign in plain if not unicodedata.combining(sign)
        )
        return " ".join(token for token in letters.split() if token not in _SAY_NOTHING)

    def like(self, name: str) -> list[str]:
        """The clients whose name is much like this one, the likest first, at most three."""
        wanted = self.key(name)
        if len(wanted) < _TOKEN_LEAST:
            return []
        near: set[str] = set()
        for token in wanted.split():
            near |= self._by_token.get(token[:_TOKEN_LEAST], set())
        ranked = sorted(
            ((max(_likeness(wanted, key) for key in self._keys[one]), one) for one in near),
            key=lambda pair: (-pair[0], pair[1]),
        )
        return [client_id for likeness, client_id in ranked if likeness >= _ALIKE][:_CLIENTS_MOST]


def _likeness(one: str, other: str) -> float:
    """1 for the same words in any order, or for a name that banks have cut off."""
    if set(one.split()) == set(other.split()):
        return 1.0
    short, long = sorted((one.replace(" ", ""), other.replace(" ", "")), key=len)
    if len(short) >= 10 and long.startswith(short):
        return 0.95
    return SequenceMatcher(None, one, other, autojunk=False).ratio()
