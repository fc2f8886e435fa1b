"""The operator's house with a wholesale book and accounts: dull defaults for tests of what comes after."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import UTC, datetime
from decimal import Decimal

from sqlalchemy.orm import Session

from haas import db
from haas.accounts.branding import edit_branding
from haas.accounts.company import edit_company
from haas.tenancy.models import Partner
from haas.tenancy.scope import Platform, Tenant
from leases.pricing import house as houses
from leases.pricing import operations
from leases.pricing.entries import NewEntry
from leases.pricing.wholesale_models import WholesaleAccount
from tests.invoicing.world import a_rate
from tests.leases.fleet import day

AT = datetime(2026, 3, 1, 9, 0, tzinfo=UTC)
DESK = Platform("operator", actor="test", door="cli")


@dataclass(frozen=True, slots=True)
class OperatorsHouse:
    """The operator's house in Ireland, which bills in euros and dollars."""

    partner: Partner
    tenant: Tenant


def the_house() -> OperatorsHouse:
    """The house, made and committed by whoever asks first."""
    with db.unit_of_work(DESK) as session:
        house = houses.find_house(session) or houses.open_house(
            session,
            name="Cirrus Hardware",
            legal_name="Cirrus Hardware DAC",
            country="IE",
            currency="EUR",
            language="en",
            time_zone="Europe/Dublin",
        )
    tenant = Tenant(house.id, actor="test", door="cli")
    with db.unit_of_work(tenant) as session:
        if "Standard" not in houses.book_names(session, tenant):
            _furnish(session, tenant)
    return OperatorsHouse(house, tenant)


def _furnish(session: Session, tenant: Tenant) -> None:
    """Brand, taxes, and a book by which three cost 3 less each."""
    edit_branding(session, tenant, changes={"display_name": "Cirrus"}, logo=None)
    edit_company(session, tenant, changes={"tax_id": "IE6433435F"})
    for country, pct in (("US", "0"), ("DE", "19"), ("IE", "23")):
        a_rate(session, tenant, pct=pct, country=country)
    for currency, price in (("USD", "30.00"), ("EUR", "28.00")):
        book = operations.draft_book(
            session,
            tenant,
            level="wholesale",
            name="Standard",
            currency=currency,
            valid_from=day("2026-01-01"),
            at=AT,
        )
        few = NewEntry("model", "ThinkPad T14", Decimal(price), manufacturer="Lenovo", quantity_until=3)
        many = replace(few, price=few.price - 3, quantity_from=3, quantity_until=None)
        operations.add_entries(session, tenant, book_id=book.id, entries=[few, many])
        operations.publish_book(session, tenant, book_id=book.id, today=day("2026-03-01"), at=AT)


def an_account(house: OperatorsHouse, buyer: Partner, *, book_name: str = "Standard") -> WholesaleAccount:
    """The partner as a client of the house, committed."""
    with db.unit_of_work(house.tenant) as session:
        return houses.open_account(
            session,
            house.tenant,
            buyer=buyer,
            book_name=book_name,
            currency=buyer.currency,
            email="ap@partner.example",
            tax_id="DE136695976" if buyer.country == "DE" else "",
            at=AT,
        )
