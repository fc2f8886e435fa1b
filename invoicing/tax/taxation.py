"""Everything that decides the tax of a partner's lines, loaded once; and the decision for one line. Pure."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date
from decimal import Decimal
from fractions import Fraction

import msgspec

from devices.tax_classes import TaxClass
from haas.errors import HaasError
from haas.money import exponent, round_places
from haas.tenancy.models import Client, Site
from invoicing.document_parts import TaxInOwnCurrency
from invoicing.tax.parties import Seller, demand_numbers, has_exemption, is_business
from invoicing.tax.supplies import SUPPLY_OF_KIND, Place, Supply, TaxDecision, agreed, decide, in_class
from invoicing.taxes import DatedRate, find_rate, rate_on


class NoExchangeRate(HaasError):
    """Something is to be told in another currency, and no rate of the day is on file."""

    status = 422
    code = "no_exchange_rate"


@dataclass(frozen=True, slots=True)
class ExchangeRate:
    """What one unit of a currency is worth in another, as a source said on a day."""

    rate: Decimal
    day: date
    source: str


def at_its_rate(stated: TaxInOwnCurrency | None, *, tax: Decimal) -> TaxInOwnCurrency | None:
    """Tax that goes back, in the own currency at the rate that the credited document states; none if none."""
    if stated is None or not tax:
        return None
    own = round_places(Fraction(tax) * Fraction(stated.rate), exponent(stated.currency))
    return msgspec.structs.replace(stated, tax_total=own)


FindRate = Callable[[str, str, date], ExchangeRate | None]  # base, quote, day


def _no_rate(_base: str, _quote: str, _day: date) -> ExchangeRate | None:
    return None


@dataclass(frozen=True, slots=True)
class Taxation:
    """Rates, the seller, and the sites by id."""

    seller: Seller
    rates: Sequence[DatedRate]
    sites: Mapping[str, Site] = field(default_factory=dict)
    find_exchange: FindRate = _no_rate

    def decide(
        self,
        client: Client,
        *,
        kind: str,
        category: str,
        site_id: str | None,
        day: date,
        tax_class: str = TaxClass.STANDARD,
    ) -> TaxDecision:
        """How a line is taxed: as it was agreed, as the client is treated, or by the law's rules.

        :param category: the line's own; "S" leaves it to client and rules.
        :param tax_class: by which rate of the place it is taxed, if it is.
        :raises TaxNumberMissing: if the law wants a number that is missing.
        """
        decision = self._decide(client, kind=kind, category=category, site_id=site_id, day=day)
        decision = in_class(decision, tax_class)
        demand_numbers(decision, seller=self.seller.party, client=client)
        return decision

    def _decide(
        self, client: Client, *, kind: str, category: str, site_id: str | None, day: date
    ) -> TaxDecision:
        buyer = Place(client.country, client.region)
        supply = SUPPLY_OF_KIND.get(kind, Supply.SERVICE)
        if supply is Supply.COMPENSATION and self.seller.compensation_is_outside:
            return agreed("O", place=buyer, reason="compensation")
        if category != "S":
            return agreed(category, place=buyer)
        if has_exemption(client, day=day):
            return agreed("E", place=buyer)
        if client.tax_treatment == "reverse_charge":
            return agreed("AE", place=buyer)
        if client.tax_treatment == "outside":
            return agreed("O", place=buyer)
        site = self.sites.get(site_id or "")
        return decide(
            supply=supply,
            seller=self.seller.place,
            buyer=buyer,
            site=None if site is None else Place(site.country, site.region or buyer.region),
            is_business=is_business(client),
        )

    def rate(self, decision: TaxDecision, *, day: date) -> Decimal:
        """In per cent, as it holds on `day` at the decision's place.

        :raises NoTaxRate: if the category is taxed and no rate is on file.
        """
        place = decision.place
        return rate_on(
            self.rates,
            country=place.country,
            region=place.region,
            category=decision.category,
            tax_class=decision.tax_class,
            day=day,
        )

    def tax_name(self, decision: TaxDecision, *, day: date) -> str:
        """As the tax is called there; nothing where the name says the rate, which is printed beside it."""
        place = decision.place
        found = find_rate(self.rates, country=place.country, region=place.region, category="S", day=day)
        return "" if found is None or any(sign.isdigit() for sign in found.name) else found.name

    def in_own_currency(self, tax: Decimal, *, currency: str, day: date) -> TaxInOwnCurrency | None:
        """The tax in the currency the seller accounts for it in (art. 230); none where it is in it already.

        :raises NoExchangeRate: if there is tax to state and no rate for the day.
        """
        own = self.seller.tax_currency
        if not tax or currency == own:
            return None
        found = self.find_exchange(currency, own, day)
        if found is None:
            raise NoExchangeRate(
                f"The tax must be stated in {own}, too: add the exchange rate of {currency} for"
                f" {day:%d %B %Y} under Settings, Exchange rates."
            )
        return TaxInOwnCurrency(
            currency=own,
            rate=found.rate,
            rate_on=found.day,
            source=found.source,
            tax_total=round_places(Fraction(tax) * Fraction(found.rate), exponent(own)),
        )
