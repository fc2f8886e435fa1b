"""How the partner's own books name what ours holds: accounts, tax codes, contacts, cost centres. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from decimal import Decimal
from enum import StrEnum

from haas.errors import HaasError


class MapKind(StrEnum):
    """What a row of the mapping names."""

    ACCOUNT = "account"
    TAX = "tax"
    CONTACT = "contact"
    TRACKING = "tracking"


class ContactRule(StrEnum):
    """What a client is called in the books, where no row names it."""

    NAME = "name"
    LEGAL_NAME = "legal_name"
    NUMBER = "number"
    NUMBER_AND_NAME = "number_and_name"


# Accounts that an entry has beside those of its lines.
RECEIVABLES, BANK, TAX = "receivables", "bank", "tax"
BAD_DEBT = "bad_debt"  # what went back though it was given back before: a loss, not a claim
DEPOSIT = "deposit"  # a method that moves no bank account: its own account must be named
# Lines of the whole document, which no lease owes.
ALLOWANCE, CHARGE = "allowance", "charge"
ANY = "*"

Key = tuple[MapKind, str]


class Unmapped(HaasError):
    """The books have no name for something that the batch holds."""

    status = 422
    code = "unmapped"

    def __init__(self, missing: Iterable[Key]) -> None:
        self.missing = sorted(set(missing))
        told = ", ".join(f"{kind.value} {key}" for kind, key in self.missing)
        super().__init__(
            f"The mapping has no name for: {told}. Name each of them, then start again.",
            fields={f"{kind.value}:{key}": ["Name it in the mapping."] for kind, key in self.missing},
        )


def line_key(kind: str) -> str:
    """The key of the account of a kind of line."""
    return f"line:{kind}"


def bank_key(method: str) -> str:
    """The key of the account into which money of a method comes."""
    return f"{BANK}:{method}"


def tax_key(category: str, rate_pct: Decimal, country: str) -> str:
    """The key of a tax: category / rate in per cent / country, such as S/19/DE."""
    return f"{category}/{rate_pct.normalize():f}/{country}"


@dataclass(frozen=True, slots=True)
class Names:
    """The mapping of one profile. What is looked up most exactly wins."""

    rows: Mapping[Key, str] = field(default_factory=dict)
    contact_rule: ContactRule = ContactRule.NAME

    def account(self, key: str) -> str:
        """The account of a purpose; of `bank:card` that of `bank` if it has none of its own.

        :raises Unmapped: if there is none.
        """
        return self._first(MapKind.ACCOUNT, _account_keys(key))

    def tax_code(self, category: str, rate_pct: Decimal, country: str) -> str:
        """The tax code: of category, rate and country, of category and rate, or of the category alone.

        :raises Unmapped: if there is none.
        """
        return self._first(MapKind.TAX, _tax_keys(tax_key(category, rate_pct, country)))

    def contact(self, *, client_id: str, number: str, name: str, legal_name: str) -> str:
        """What a client is called."""
        own = self.rows.get((MapKind.CONTACT, client_id))
        if own:
            return own
        match self.contact_rule:
            case ContactRule.LEGAL_NAME:
                return legal_name or name
            case ContactRule.NUMBER:
                return number
            case ContactRule.NUMBER_AND_NAME:
                return f"{number} {name}"
            case _:
                return name

    def tracking(self, *, client_id: str, site: str = "") -> str:
        """The cost centre, class or department: of the site, else of the client, else of all; may be none."""
        keys = [f"site:{client_id}:{site}"] if site else []
        for key in (*keys, f"client:{client_id}", ANY):
            if found := self.rows.get((MapKind.TRACKING, key)):
                return found
        return ""

    def missing(self, wanted: Iterable[Key]) -> list[Key]:
        """Those of the keys that nothing names, sorted."""
        return sorted({key for key in wanted if not self._has(key)})

    def _has(self, key: Key) -> bool:
        kind, name = key
        ways = _tax_keys(name) if kind is MapKind.TAX else _account_keys(name)
        return any(self.rows.get((kind, way)) for way in ways)

    def _first(self, kind: MapKind, keys: list[str]) -> str:
        for key in keys:
            if found := self.rows.get((kind, key)):
                return found
        raise Unmapped([(kind, keys[0])])


def _account_keys(key: str) -> list[str]:
    return [key, BANK] if key.startswith(f"{BANK}:") and key != bank_key(DEPOSIT) else [key]


def _tax_keys(key: str) -> list[str]:
    category, rate, _country = key.split("/")
    return [key, f"{category}/{rate}/{ANY}", f"{category}/{ANY}/{ANY}"]
