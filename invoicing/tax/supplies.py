"""What a line is to the tax office, where it is taxed and under which category: the law as a table. Pure.

Sources: Council Directive 2006/112/EC (the VAT Directive) for sellers in the European Union; for others
the same in outline, with no tax on what leaves the country. Categories are those of EN 16931 (UNCL 5305).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from enum import StrEnum

from devices.tax_classes import TaxClass
from haas.accounts.registered_numbers import EU


class Supply(StrEnum):
    """What is supplied: use of hardware and work, hardware itself, or a loss made good."""

    SERVICE = "service"
    GOODS = "goods"
    COMPENSATION = "compensation"


class Where(StrEnum):
    """Where the customer is, as the seller sees it."""

    HOME = "home"
    UNION = "union"  # another member state, of a seller in one
    ABROAD = "abroad"


# By kind of line; what is not named is a service.
SUPPLY_OF_KIND: Mapping[str, Supply] = {
    "buy_out": Supply.GOODS,
    "damage": Supply.COMPENSATION,
    "loss": Supply.COMPENSATION,
}


@dataclass(frozen=True, slots=True)
class Place:
    """A country, and its region where taxes differ by it."""

    country: str
    region: str = ""


@dataclass(frozen=True, slots=True)
class TaxDecision:
    """Under which category a line is taxed, by the rates of which place, and why if nothing is added.

    `reason` is a key of `invoicing.tax.texts`; `needs_both_ids` says that seller and buyer must both have
    a VAT number.
    """

    category: str
    place: Place
    reason: str = ""
    reason_code: str = ""  # VATEX
    needs_both_ids: bool = False
    tax_class: str = "standard"  # whose rate holds, where tax is added


@dataclass(frozen=True, slots=True)
class _Rule:
    supply: Supply
    where: Where
    buyer: str  # business | consumer | anyone
    category: str
    is_taxed_at: str = "customer"  # whose rates hold, where there is a rate: customer | seller
    reason: str = ""
    needs_both_ids: bool = False


S, G = Supply.SERVICE, Supply.GOODS
BUSINESS, CONSUMER, ANYONE = "business", "consumer", "anyone"

# fmt: off
_RULES = (
    # At home, whoever buys: art. 31 and 32 (goods), 44, 45 (services).
    _Rule(S, Where.HOME, ANYONE, "S"),
    _Rule(G, Where.HOME, ANYONE, "S"),
    # Use of hardware by a business in another member state is taxed there (art. 44), by the buyer (art. 196).
    _Rule(S, Where.UNION, BUSINESS, "AE", reason="reverse_charge", needs_both_ids=True),
    # To a consumer it is taxed where the lessor is (art. 45; 56(2) is about means of transport).
    _Rule(S, Where.UNION, CONSUMER, "S", is_taxed_at="seller"),
    # Goods that go to a business in another member state (art. 138).
    _Rule(G, Where.UNION, BUSINESS, "K", reason="intra_community", needs_both_ids=True),
    # Distance sales to consumers, below the threshold of art. 59c.
    _Rule(G, Where.UNION, CONSUMER, "S", is_taxed_at="seller"),
    # Goods that leave the Union, or the country of a seller outside it (art. 146).
    _Rule(G, Where.ABROAD, ANYONE, "G", reason="export"),
    # Use of hardware outside: by a business art. 44, by a consumer art. 59(g).
    _Rule(S, Where.ABROAD, ANYONE, "O", reason="place_abroad"),
)
# fmt: on

# What is agreed for a line or a client, whatever the rules say: category -> reason, and both ids or not.
_AGREED: Mapping[str, tuple[str, bool]] = {
    "Z": ("", False),
    "E": ("exempt", False),
    "AE": ("reverse_charge", True),
    "K": ("intra_community", True),
    "G": ("export", False),
    "O": ("outside", False),
}

# VATEX says why; of an exemption by certificate only its text does.
_CODES: Mapping[str, str] = {
    "reverse_charge": "VATEX-EU-AE",
    "intra_community": "VATEX-EU-IC",
    "export": "VATEX-EU-G",
    "place_abroad": "VATEX-EU-O",
    "outside": "VATEX-EU-O",
    "compensation": "VATEX-EU-O",
}


def decide(
    *,
    supply: Supply,
    seller: Place,
    buyer: Place,
    site: Place | None,
    is_business: bool,
    compensation_is_outside: bool = False,
) -> TaxDecision:
    """The tax of a supply by the law's rules.

    A service is taken by where the buyer is established, goods by where they stand (`site`); the region
    is the site's in both, for there the hardware is used.

    :param is_business: whether the buyer is a taxable person, as its valid tax id says (art. 18 of
        Regulation 282/2011).
    """
    if supply is Supply.COMPENSATION and compensation_is_outside:
        return agreed("O", place=buyer, reason="compensation")
    kind = Supply.SERVICE if supply is Supply.COMPENSATION else supply
    at = (site or buyer) if kind is Supply.GOODS else buyer
    where = _where(seller, at)
    status = BUSINESS if is_business else CONSUMER
    rule = next(
        rule
        for rule in _RULES
        if rule.supply is kind and rule.where is where and rule.buyer in (ANYONE, status)
    )
    if site is not None and site.country == at.country:
        at = site
    return TaxDecision(
        category=rule.category,
        place=seller if rule.is_taxed_at == "seller" else at,
        reason=rule.reason,
        reason_code=_CODES.get(rule.reason, ""),
        needs_both_ids=rule.needs_both_ids,
    )


def agreed(category: str, *, place: Place, reason: str = "") -> TaxDecision:
    """The decision where a category was agreed, or stands on the invoice that is corrected."""
    if category == "S":
        return TaxDecision("S", place)
    why, needs_both_ids = _AGREED[category]
    why = reason or why
    return TaxDecision(category, place, why, _CODES.get(why, ""), needs_both_ids)


def in_class(decision: TaxDecision, tax_class: str) -> TaxDecision:
    """The decision for something that is taxed by a class of its own (art. 98 and 132 of the Directive).

    Where the law adds no tax anyway, the class says nothing. A rate of zero is the category Z (BR-S-05).
    """
    if decision.category != "S" or tax_class == TaxClass.STANDARD:
        return decision
    if tax_class == TaxClass.ZERO:
        return agreed("Z", place=decision.place)
    if tax_class == TaxClass.EXEMPT:
        return agreed("E", place=decision.place)
    return replace(decision, tax_class=tax_class)


def _where(seller: Place, buyer: Place) -> Where:
    if seller.country == buyer.country:
        return Where.HOME
    return Where.UNION if {seller.country, buyer.country} <= EU else Where.ABROAD
