"""The demo's operator as a seller: a house of its own that bills the partners for what they use."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, date, datetime, time, timedelta
from decimal import Decimal

import sqlalchemy as sa
from sqlalchemy.orm import Session

from haas import clock, db
from haas.accounts.branding import edit_branding
from haas.accounts.company import edit_company
from haas.calendar import add_months
from haas.demo.billed import bill
from haas.demo.houses import CLI
from haas.demo.prices import tiers_of
from haas.demo.scenery import MODELS, PartnerScene
from haas.ids import new_id
from haas.money import round_minor
from haas.settings import Settings
from haas.tenancy.models import Partner
from haas.tenancy.scope import Tenant, scoped
from invoicing import corrections, queries
from invoicing.models import Invoice, TaxRate
from leases.pricing import house as houses
from leases.pricing import operations, wholesale
from leases.pricing.entries import NewEntry

BOOK = "Standard"
ZONE = "Europe/Dublin"
_SHARE = Decimal("0.62")  # of a partner's own rent
_FOR_MANY = Decimal("0.94")  # of that, from so many on as with a partner's own prices
_MONTHS = 3  # that were billed so far
# An Irish house: tax at home, reverse charge within the Union, none abroad.
_TAXES = (("IE", "23", "VAT"),)


def open_operators_house(settings: Settings, scenes: Sequence[PartnerScene]) -> None:
    """House, prices and an account for each partner; a house that is there is left alone."""
    today = clock.today(ZONE)
    since = add_months(today.replace(day=1), -_MONTHS)
    with db.unit_of_work(CLI) as session:
        if houses.find_house(session) is not None:
            return
        house = houses.open_house(
            session,
            name="Cirrus Hardware",
            legal_name="Cirrus Hardware DAC",
            country="IE",
            currency="EUR",
            language="en",
            time_zone=ZONE,
        )
        partners = {
            partner.slug: partner
            for partner in session.scalars(
                sa.select(Partner).where(Partner.slug.in_([scene.slug for scene in scenes]))
            )
        }
    tenant = Tenant(house.id, actor="demo", door="cli")
    with db.unit_of_work(tenant) as session:
        _furnish(session, tenant)
        for scene in scenes:
            _price(session, tenant, scene, since=since)
        for scene in scenes:
            houses.open_account(
                session,
                tenant,
                buyer=partners[scene.slug],
                book_name=BOOK,
                currency=scene.currency,
                email=f"accounts@{scene.domain}",
                address=list(scene.address),
                tax_id=str(scene.company.get("tax_id", "")),
                at=_morning(since),
                billed_from=since,
            )
    wholesale.sync_everyone(as_of=today, actor="demo")
    with db.unit_of_work(tenant) as session:
        for months in range(1, _MONTHS + 1):
            day = add_months(since, months)
            bill(session, tenant, as_of=day, at=_morning(day), portal_url=settings.base_url)
            if months < _MONTHS:
                _collect(session, tenant, on=day + timedelta(days=10))


def _collect(session: Session, tenant: Tenant, *, on: date) -> None:
    """The partners pay what is open."""
    unpaid = session.scalars(
        scoped(Invoice, tenant).where(Invoice.kind == "invoice", Invoice.state == "issued")
    ).all()
    still_open = queries.open_amounts(session, tenant, invoices=unpaid)
    for invoice in unpaid:
        if still_open[invoice.id] > 0:
            corrections.record_payment(
                session,
                tenant,
                invoice_id=invoice.id,
                amount=still_open[invoice.id],
                received_on=on,
                method="transfer",
                reference=f"TRF-{invoice.number}",
                at=_morning(on),
            )


def _furnish(session: Session, tenant: Tenant) -> None:
    edit_branding(
        session,
        tenant,
        changes={
            "display_name": "Cirrus Hardware",
            "legal_name": "Cirrus Hardware DAC",
            "address_lines": ["6 Quay Row", "Dublin 2"],
            "footer_lines": ["Cirrus Hardware DAC · Registered in Ireland 000000"],
            "accent_colour": "#1e3a8a",
            "support_contact": "partners@cirrus.example",
            "sender_name": "Cirrus Hardware",
            "sender_email": "billing@cirrus.example",
            "time_zone": ZONE,
        },
        logo=None,
    )
    edit_company(
        session,
        tenant,
        changes={
            "address": ["6 Quay Row"],
            "city": "Dublin 2",
            "tax_id": "IE9999990U",
            "email": "billing@cirrus.example",
            "accounts": [
                {"currency": "EUR", "iban": "IE28TEST99999900000001"},
                {"currency": "USD", "iban": "IE28TEST99999900000001"},
            ],
        },
    )
    session.add_all(
        TaxRate(
            partner_id=tenant.partner_id,
            id=new_id("tax"),
            country=country,
            category="S",
            rate_pct=Decimal(rate),
            name=name,
            valid_from=date(2020, 1, 1),
        )
        for country, rate, name in _TAXES
    )
    session.flush()


def _price(session: Session, tenant: Tenant, scene: PartnerScene, *, since: date) -> None:
    """The wholesale book in a partner's currency, dearer for few."""
    book = operations.draft_book(
        session,
        tenant,
        level="wholesale",
        name=BOOK,
        currency=scene.currency,
        valid_from=since,
        at=_morning(since),
    )
    entries: list[NewEntry] = []
    for model in MODELS:
        price = Decimal(model.rent) * scene.price_factor * _SHARE
        few, many = (round_minor(price * share, scene.currency) for share in (1, _FOR_MANY))
        entries += tiers_of(model, for_few=few, for_many=many)
    operations.add_entries(session, tenant, book_id=book.id, entries=entries)
    operations.publish_book(session, tenant, book_id=book.id, today=since, at=_morning(since))


def _morning(day: date) -> datetime:
    return datetime.combine(day, time(9), UTC)
