"""Place of supply and category: each test reads as an article of the law."""

from __future__ import annotations

from dataclasses import replace
from datetime import date
from decimal import Decimal

import pytest

from haas.tenancy.models import Client, Site
from invoicing.codes import EXEMPTIONS
from invoicing.document import Party
from invoicing.tax.parties import Seller, TaxNumberMissing
from invoicing.tax.supplies import Place, Supply, agreed, decide
from invoicing.tax.taxation import ExchangeRate, NoExchangeRate, Taxation
from invoicing.tax.texts import REASONS, reason_text
from invoicing.taxes import DatedRate, NoTaxRate

GERMANY, FRANCE, AMERICA = Place("DE"), Place("FR"), Place("US", "NY")
DAY = date(2026, 11, 1)
NUMBERS = Party(tax_id="DE136695976")


def client(**facts: object) -> Client:
    """A German client without a tax id."""
    named = {"name": "Acme", "country": "DE", "region": "", "tax_id": "", "tax_treatment": ""}
    return Client(**{**named, "exemption_valid_until": None, **facts})


def taxation(party: Party = NUMBERS, **facts: object) -> Taxation:
    """A German seller, 19 % at home."""
    rates = [DatedRate("DE", "S", Decimal(19), date(2020, 1, 1), "MwSt.")]
    seller = Seller(GERMANY, party, tax_currency="EUR")
    return Taxation(**{"seller": seller, "rates": rates, **facts})  # type: ignore[arg-type]


class TestVatDirective:
    @pytest.mark.parametrize(
        ("article", "supply", "buyer", "is_business", "category", "taxed_in", "code"),
        [
            ("44: at home", Supply.SERVICE, GERMANY, True, "S", "DE", ""),
            ("45: at home, a consumer", Supply.SERVICE, GERMANY, False, "S", "DE", ""),
            ("44, 196: leased to a business in France", Supply.SERVICE, FRANCE, True, "AE", "FR",
             "VATEX-EU-AE"),
            ("45: leased to a consumer in France", Supply.SERVICE, FRANCE, False, "S", "DE", ""),
            ("31: sold at home", Supply.GOODS, GERMANY, True, "S", "DE", ""),
            ("138: sold to a business in France", Supply.GOODS, FRANCE, True, "K", "FR", "VATEX-EU-IC"),
            ("59c: sold to a consumer in France", Supply.GOODS, FRANCE, False, "S", "DE", ""),
            ("146: sold to America", Supply.GOODS, AMERICA, True, "G", "US", "VATEX-EU-G"),
            ("44: leased to a business in America", Supply.SERVICE, AMERICA, True, "O", "US", "VATEX-EU-O"),
            ("59(g): leased to a consumer in America", Supply.SERVICE, AMERICA, False, "O", "US",
             "VATEX-EU-O"),
        ],
    )  # fmt: skip
    def test_article(self, article, supply, buyer, is_business, category, taxed_in, code):
        decision = decide(supply=supply, seller=GERMANY, buyer=buyer, site=None, is_business=is_business)

        assert (decision.category, decision.place.country, decision.reason_code) == (
            category, taxed_in, code
        ), article  # fmt: skip

    def test_article_31_takes_goods_by_where_they_stand(self):
        # A French client buys what stands at its German site: it never left Germany.
        decision = decide(supply=Supply.GOODS, seller=GERMANY, buyer=FRANCE, site=GERMANY, is_business=True)

        assert (decision.category, decision.place) == ("S", GERMANY)

    @pytest.mark.parametrize(("is_outside", "category"), [(False, "S"), (True, "O")])
    def test_damage_is_taxed_or_compensation_as_the_partner_has_it(self, is_outside, category):
        decision = decide(
            supply=Supply.COMPENSATION, seller=GERMANY, buyer=GERMANY, site=None, is_business=True,
            compensation_is_outside=is_outside,
        )  # fmt: skip

        assert decision.category == category

    def test_sales_tax_goes_by_the_region_of_the_site(self):
        decision = decide(
            supply=Supply.SERVICE, seller=Place("US", "CA"), buyer=AMERICA, site=Place("US", "ME"),
            is_business=True,
        )  # fmt: skip

        assert decision.place == Place("US", "ME")


class TestTaxation:
    def test_takes_the_rate_of_the_region_before_that_of_the_country(self):
        rates = [
            DatedRate("US", "S", Decimal(5), date(2020, 1, 1)),
            DatedRate("US", "S", Decimal("8.875"), date(2019, 1, 1), region="NY"),
        ]
        taxed = taxation(
            seller=Seller(AMERICA, Party(tax_registration="91-1144442"), tax_currency="USD"),
            rates=rates,
            sites={"here": Site(country="US", region="NY"), "there": Site(country="US", region="ME")},
        )
        found = []
        for site_id in ("here", "there"):
            decision = taxed.decide(client(country="US"), kind="rent", category="S", site_id=site_id, day=DAY)
            found.append(taxed.rate(decision, day=DAY))

        assert found == [Decimal("8.875"), Decimal(5)]

    @pytest.mark.parametrize(
        ("tax_class", "category", "rate"),
        [("standard", "S", 19), ("reduced", "S", 7), ("zero", "Z", 0), ("exempt", "E", 0)],
    )
    def test_takes_the_rate_of_the_class_where_tax_is_added(self, tax_class, category, rate):
        rates = [
            DatedRate("DE", "S", Decimal(19), date(2020, 1, 1)),
            DatedRate("DE", "S", Decimal(7), date(2020, 1, 1), tax_class="reduced"),
        ]
        facts = {"kind": "charge", "category": "S", "site_id": None, "day": DAY, "tax_class": tax_class}

        decision = taxation(rates=rates).decide(client(), **facts)
        abroad = taxation(rates=rates).decide(client(country="FR", tax_id="FR40303265045"), **facts)

        assert (decision.category, taxation(rates=rates).rate(decision, day=DAY)) == (category, rate)
        assert abroad.category == "AE"  # in France the buyer owes it, by whatever rate
        super_reduced = replace(decision, category="S", tax_class="super_reduced")
        with pytest.raises(NoTaxRate, match="class super reduced, in DE"):
            taxation(rates=rates).rate(super_reduced, day=DAY)

    def test_exempts_by_a_certificate_until_its_day(self):
        exempt = client(tax_treatment="exempt", exemption_valid_until=date(2026, 11, 2))
        decided = [
            taxation().decide(exempt, kind="rent", category="S", site_id=None, day=day).category
            for day in (date(2026, 11, 1), date(2026, 11, 2))
        ]

        assert decided == ["E", "S"]

    def test_takes_a_wrong_tax_id_for_a_consumers(self):
        # Article 18 of Regulation 282/2011: the number shows the taxable person.
        right, wrong = (
            taxation().decide(
                client(country="FR", tax_id=number), kind="rent", category="S", site_id=None, day=DAY
            )
            for number in ("FR40303265045", "FR40303265046")
        )

        assert (right.category, wrong.category) == ("AE", "S")

    @pytest.mark.parametrize(
        ("party", "buyer", "category", "words"),
        [
            (Party(), client(), "S", "Settings, Company"),
            (Party(), client(), "E", "Settings, Company"),
            (Party(tax_registration="27/123"), client(tax_id="DE136695976"), "AE", "your VAT number"),
            (NUMBERS, client(), "AE", "tax id of Acme"),
        ],
    )
    def test_says_whose_number_is_missing(self, party, buyer, category, words):
        with pytest.raises(TaxNumberMissing, match=words):
            taxation(party).decide(buyer, kind="rent", category=category, site_id=None, day=DAY)

    def test_needs_no_number_outside_the_scope(self):
        decision = taxation(Party()).decide(client(), kind="rent", category="O", site_id=None, day=DAY)

        assert decision.reason == "outside"

    def test_states_the_tax_in_the_sellers_currency(self):
        # Article 230: 10.00 USD at 0.8635 are 8.64 EUR
        rate = ExchangeRate(Decimal("0.8635"), date(2026, 10, 30), "ECB")
        found = taxation(find_exchange=lambda *_: rate).in_own_currency(Decimal(10), currency="USD", day=DAY)

        assert found is not None
        assert (found.currency, found.tax_total) == ("EUR", Decimal("8.64"))

    def test_refuses_to_state_it_without_a_rate_and_need_not_without_tax(self):
        assert taxation().in_own_currency(Decimal(0), currency="USD", day=DAY) is None
        assert taxation().in_own_currency(Decimal(5), currency="EUR", day=DAY) is None
        with pytest.raises(
            NoExchangeRate, match=r"exchange rate of USD for .* under Settings, Exchange rates"
        ):
            taxation().in_own_currency(Decimal(5), currency="USD", day=DAY)


class TestTexts:
    def test_are_there_for_each_reason_in_each_language(self):
        assert all(set(texts) == {"en", "de", "es"} for texts in REASONS.values())

    def test_name_the_certificate_of_an_exemption(self):
        assert reason_text("exempt", language="de", certificate="B-7") == (
            "Steuerbefreit. Befreiungsbescheinigung B-7."
        )

    @pytest.mark.parametrize("category", ["Z", "E", "AE", "K", "G", "O"])
    def test_have_codes_that_the_list_knows(self, category):
        assert agreed(category, place=GERMANY).reason_code in EXEMPTIONS | {""}
