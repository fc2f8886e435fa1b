"""Charges made, voided and ended. Whoever bills a client and whoever takes a charge back lock the client."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import date, datetime
from decimal import Decimal

import sqlalchemy as sa
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session

from devices.models import Asset
from devices.tax_classes import TaxClass
from haas.errors import Conflict, InvalidInput, NotFound
from haas.ids import new_id
from haas.tenancy.models import Client, Site
from haas.tenancy.scope import Tenant, scoped
from invoicing.charges.models import CATEGORIES, Charge
from invoicing.charges.queries import billed_of, get_charge
from invoicing.charges.recurrence import MONTHLY, ONCE, RECURRENCES, ChargeTerms
from invoicing.document_parts import TAX_CATEGORIES
from invoicing.purchase_orders.operations import check_order
from leases.credit import demand_credit
from leases.models import Lease

AMOUNT_MAX = Decimal(10) ** 11


class ChargeBilled(Conflict):
    """What stands on an invoice is corrected there."""

    code = "charge_billed"


@dataclass(frozen=True, slots=True)
class NewCharge:
    """What is to be charged. Tax comes on top; `until` is exclusive and for monthly charges only."""

    client_id: str
    description: str
    unit_price: Decimal
    charged_on: date
    quantity: Decimal = Decimal(1)
    category: str = "other"
    tax_category: str = "S"
    tax_class: str = TaxClass.STANDARD
    recurs: str = ONCE
    until: date | None = None
    lease_id: str | None = None
    site_id: str | None = None
    asset_id: str | None = None
    purchase_order_id: str | None = None
    reference: str | None = None


def make_charge(session: Session, tenant: Tenant, *, wanted: NewCharge, at: datetime) -> Charge:
    """Charge a client something; the next run bills it. The same reference again answers the same charge.

    :raises NotFound: if the client is not this partner's.
    :raises InvalidInput: if lease, site, asset or order are not the client's, or it comes to nothing.
    """
    client = session.scalar(scoped(Client, tenant).where(Client.id == wanted.client_id))
    if client is None:
        raise NotFound(f"There is no client {wanted.client_id}.")
    reference = (wanted.reference or "").strip() or None
    if reference is not None and (known := _by_reference(session, tenant, reference)) is not None:
        return _same(known, wanted)
    lease = _lease_of(session, tenant, wanted)
    currency = lease.currency if lease else client.currency
    check_figures(wanted, currency=currency)
    if wanted.site_id is not None:
        _check_site(session, tenant, wanted)
    if wanted.purchase_order_id is not None:
        check_order(session, tenant, order_id=wanted.purchase_order_id, client_id=client.id)
    serial = _serial_of(session, tenant, wanted)
    charge = charge_of(tenant, replace(wanted, reference=reference), currency=currency, serial=serial, at=at)
    try:
        with session.begin_nested():
            session.add(charge)
            session.flush()
    except IntegrityError:
        # A rival with the same reference was first.
        if reference is None or (known := _by_reference(session, tenant, reference)) is None:
            raise
        return _same(known, wanted)
    return charge


def charge_client(
    session: Session, tenant: Tenant, *, wanted: NewCharge, at: datetime, over_limit_reason: str = ""
) -> Charge:
    """The same, if the client may owe that much more: what somebody at a desk does.

    :raises OverCreditLimit: if it may not, and there is no reason to let it.
    """
    reference = (wanted.reference or "").strip()
    is_repeat = bool(reference) and _by_reference(session, tenant, reference) is not None
    charge = make_charge(session, tenant, wanted=wanted, at=at)
    if is_repeat:
        return charge
    demand_credit(session, tenant, client_id=charge.client_id, at=at, reason=over_limit_reason)
    return charge


def charge_of(tenant: Tenant, wanted: NewCharge, *, currency: str, at: datetime, serial: str = "") -> Charge:
    """The row of a charge whose figures and belongings were checked; it is not in the session yet."""
    return Charge(
        partner_id=tenant.partner_id,
        id=new_id("chg"),
        client_id=wanted.client_id,
        lease_id=wanted.lease_id,
        site_id=wanted.site_id,
        asset_id=wanted.asset_id,
        serial=serial,
        purchase_order_id=wanted.purchase_order_id,
        category=wanted.category,
        description=wanted.description.strip(),
        quantity=wanted.quantity,
        unit_price=wanted.unit_price,
        currency=currency,
        tax_category=wanted.tax_category,
        tax_class=wanted.tax_class,
        recurs=wanted.recurs,
        charged_on=wanted.charged_on,
        until=wanted.until,
        reference=wanted.reference,
        created_at=at,
        created_by=tenant.actor,
    )


def void_charge(session: Session, tenant: Tenant, *, charge_id: str, reason: str, at: datetime) -> Charge:
    """Take back a charge that was never billed. A second call changes nothing.

    :raises ChargeBilled: if it stands on an invoice already.
    """
    charge = _locked(session, tenant, charge_id)
    if charge.voided_at is not None:
        return charge
    if not reason.strip():
        raise InvalidInput("Say why.", field="reason")
    if charge.id in billed_of(session, tenant, charge_ids=[charge.id]):
        raise ChargeBilled(
            "This is billed: credit the invoice instead"
            + (", or end the charge." if charge.recurs == MONTHLY else ".")
        )
    charge.voided_at, charge.void_reason = at, reason.strip()
    session.flush()
    return charge


def end_charge(session: Session, tenant: Tenant, *, charge_id: str, until: date) -> Charge:
    """Bill no month of a monthly charge that begins on `until` or later.

    :raises InvalidInput: if a month that begins then or later is billed.
    """
    charge = _locked(session, tenant, charge_id)
    if charge.recurs != MONTHLY or charge.voided_at is not None:
        raise Conflict("Only a monthly charge that was not voided has an end.")
    if until <= charge.charged_on:
        raise InvalidInput("It ends after it begins; void it instead.", field="until")
    billed = billed_of(session, tenant, charge_ids=[charge.id]).get(charge.id)
    if billed is not None and billed.last_start >= until:
        raise InvalidInput(
            f"The month from {billed.last_start:%d %B %Y} is billed: end it later, and credit the invoice.",
            field="until",
        )
    charge.until = until
    session.flush()
    return charge


def check_figures(wanted: NewCharge, *, currency: str) -> None:
    """Refuse what no invoice could print.

    :raises InvalidInput: naming the field.
    """
    if not wanted.description.strip():
        raise InvalidInput("Say what it is for; the invoice prints it.", field="description")
    if wanted.category not in CATEGORIES:
        raise InvalidInput(f"Use one of {', '.join(CATEGORIES)}.", field="category")
    if wanted.tax_category not in TAX_CATEGORIES:
        raise InvalidInput(f"Use one of {', '.join(TAX_CATEGORIES)}.", field="tax_category")
    if wanted.tax_class not in tuple(TaxClass):
        raise InvalidInput(f"Use one of {', '.join(TaxClass)}.", field="tax_class")
    if wanted.recurs not in RECURRENCES:
        raise InvalidInput(f"Use one of {', '.join(RECURRENCES)}.", field="recurs")
    if wanted.quantity <= 0:
        raise InvalidInput("The quantity is more than 0.", field="quantity")
    terms = ChargeTerms(
        wanted.recurs, wanted.charged_on, wanted.until, wanted.quantity, wanted.unit_price, currency
    )
    if not 0 < terms.amount < AMOUNT_MAX:
        raise InvalidInput("It comes to nothing, or to more than an invoice can hold.", field="unit_price")
    if wanted.until is not None and wanted.recurs == ONCE:
        raise InvalidInput("Only a monthly charge has an end.", field="until")
    if wanted.until is not None and wanted.until <= wanted.charged_on:
        raise InvalidInput("It ends after it begins.", field="until")


def _locked(session: Session, tenant: Tenant, charge_id: str) -> Charge:
    charge = get_charge(session, tenant, charge_id=charge_id)
    # The same row that a billing run locks: it has billed the charge by now, or finds it as we leave it.
    session.execute(
        sa.select(Client.id)
        .where(Client.partner_id == tenant.partner_id, Client.id == charge.client_id)
        .with_for_update(key_share=True)
    )
    session.refresh(charge)
    return charge


def _by_reference(session: Session, tenant: Tenant, reference: str) -> Charge | None:
    return session.scalar(scoped(Charge, tenant).where(Charge.reference == reference))


def _same(known: Charge, wanted: NewCharge) -> Charge:
    if (known.client_id, known.quantity, known.unit_price, known.charged_on) != (
        wanted.client_id,
        wanted.quantity,
        wanted.unit_price,
        wanted.charged_on,
    ):
        raise Conflict(f"Another charge has the reference {known.reference}.", field="reference")
    return known


def _lease_of(session: Session, tenant: Tenant, wanted: NewCharge) -> Lease | None:
    if wanted.lease_id is None:
        return None
    lease = session.scalar(
        scoped(Lease, tenant).where(Lease.id == wanted.lease_id, Lease.client_id == wanted.client_id)
    )
    if lease is None:
        raise InvalidInput("Choose a lease of this client.", field="lease_id")
    return lease


def _check_site(session: Session, tenant: Tenant, wanted: NewCharge) -> None:
    site = scoped(Site, tenant).where(Site.id == wanted.site_id, Site.client_id == wanted.client_id)
    if session.scalar(site) is None:
        raise InvalidInput("Choose a site of this client.", field="site_id")


def _serial_of(session: Session, tenant: Tenant, wanted: NewCharge) -> str:
    if wanted.asset_id is None:
        return ""
    asset = session.scalar(scoped(Asset, tenant).where(Asset.id == wanted.asset_id))
    if asset is None:
        raise InvalidInput("There is no such device.", field="asset_id")
    return asset.serial or ""
