"""Decide what kind of lease a lease is, from what it was agreed for and what its hardware costs."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from datetime import date, datetime
from decimal import Decimal
from fractions import Fraction
from typing import Protocol

import sqlalchemy as sa
from sqlalchemy.dialects.postgresql import distinct_on
from sqlalchemy.orm import Session

from devices.models import Asset, HardwareModel
from haas.calendar import local_day
from haas.errors import Conflict, InvalidInput
from haas.ids import new_id
from haas.money import round_minor
from haas.tenancy.models import Client, Partner
from haas.tenancy.scope import Tenant, scoped
from leases import queries
from leases.classification_models import LeaseClassification
from leases.contract import terms_on
from leases.ends.policy import EndPolicy, Method
from leases.finance.appraisal import (
    Offer,
    Place,
    classify_offer,
    expected_residual,
    plain_figure,
)
from leases.finance.classification import Classification, Thresholds
from leases.models import Assignment, Lease, Line
from leases.terms import Component, Timing


class TaxWithin(Protocol):
    """Asked for what of these lines' prices is tax on a day."""

    def __call__(
        self, session: Session, tenant: Tenant, *, lease: Lease, lines: Sequence[Line], day: date
    ) -> Mapping[str, Decimal]:
        """The rate that a price includes, in per cent, by line id; nothing where prices are without tax."""


# What the context that taxes has to say. It hangs itself here; this room knows it not.
taxes_within: list[TaxWithin] = []


class NotClassifiable(Conflict):
    """There is no hardware with a value in the lease's own currency to decide by."""

    code = "lease_not_classifiable"


def classify_lease(
    session: Session,
    tenant: Tenant,
    *,
    lease_id: str,
    at: datetime,
    as_of: date | None = None,
    by: str = "",
) -> list[LeaseClassification]:
    """Decide a lease's class by every framework and keep it with its figures, after what was decided before.

    A decision that comes to what holds already, by the same figures, leaves nothing.

    :param as_of: the day on which the lease was modified: what counts is what is left of its term and of
        the lives of what stands there then. By default the day of the last decision; at first, that on which
        it commenced, by what stood there first: time alone changes no class (ASC 842-10-25-1, IFRS 16.66).
    :param by: the number of the amendment that modified it.
    :raises NotClassifiable: for a lease of services alone, or whose hardware was bought in another currency.
    :raises InvalidInput: for a day outside the term.
    """
    lease = queries.get_lease(session, tenant, lease_id=lease_id, lock=True)
    standing = {row.framework: row for row in classifications_of(session, tenant, lease_id=lease_id)}
    if as_of is not None:
        _require_within_term(lease, as_of)
    else:
        as_of, by = _last_modified(lease, standing.values())
    on = as_of or lease.commences_on or local_day(at, lease.time_zone)
    offer = offer_of(session, tenant, lease, on=on, modified=as_of is not None)
    if not any(place.fair_value > 0 for place in offer.places):
        raise NotClassifiable(
            f"Lease {lease.number} has no hardware whose value in {lease.currency} is known."
        )
    appraisal, results = classify_offer(offer, thresholds=thresholds_of(session, tenant))
    inputs = {
        **appraisal.inputs(),
        "as_of": on.isoformat(),
        "end_option": lease.end_option,
        "currency": lease.currency,
        **({"amendment": by} if by else {}),
    }
    for framework, result in results.items():
        made = LeaseClassification(
            partner_id=tenant.partner_id,
            id=new_id("cls"),
            lease_id=lease.id,
            framework=framework.value,
            result=result.result.value,
            inputs=inputs,
            tests=_tests(result),
            cautions=[caution.value for caution in result.cautions],
            decided_at=at,
        )
        held = standing.get(framework.value)
        if held is not None and _says_the_same(held, made):
            continue
        made.position = 0 if held is None else held.position + 1
        session.add(made)
        standing[framework.value] = made
    session.flush()
    return [standing[framework] for framework in sorted(standing)]


def _last_modified(lease: Lease, held: Iterable[LeaseClassification]) -> tuple[date | None, str]:
    """The day and the amendment by which the class that holds was decided; none for commencement."""
    for row in held:
        day = row.inputs.get("as_of")
        if day and lease.commences_on and date.fromisoformat(day) != lease.commences_on:
            return date.fromisoformat(day), str(row.inputs.get("amendment", ""))
    return None, ""


def _says_the_same(one: LeaseClassification, two: LeaseClassification) -> bool:
    return all(getattr(one, name) == getattr(two, name) for name in ("result", "inputs", "tests", "cautions"))


def classify_at_commencement(session: Session, tenant: Tenant, *, lease: Lease, at: datetime) -> None:
    """The same where it can be decided. A hand-over never waits for somebody's books."""
    try:
        classify_lease(session, tenant, lease_id=lease.id, at=at)
    except NotClassifiable:
        return


def classifications_of(session: Session, tenant: Tenant, *, lease_id: str) -> Sequence[LeaseClassification]:
    """What holds for a lease, by framework: the last decision of each."""
    return session.scalars(
        scoped(LeaseClassification, tenant)
        .where(LeaseClassification.lease_id == lease_id)
        .ext(distinct_on(LeaseClassification.framework))
        .order_by(LeaseClassification.framework, LeaseClassification.position.desc())
        .execution_options(populate_existing=True)
    ).all()


def decisions_of(session: Session, tenant: Tenant, *, lease_id: str) -> Sequence[LeaseClassification]:
    """The latest hundred decisions on a lease, newest first."""
    return session.scalars(
        scoped(LeaseClassification, tenant)
        .where(LeaseClassification.lease_id == lease_id)
        .order_by(LeaseClassification.position.desc(), LeaseClassification.framework)
        .limit(100)
    ).all()


def thresholds_of(session: Session, tenant: Tenant) -> Thresholds:
    """Where this partner draws the lines."""
    return Thresholds.of_policies(session.get_one(Partner, tenant.partner_id).policies)


def _require_within_term(lease: Lease, day: date) -> None:
    if lease.commences_on is None or lease.ends_on is None or not lease.commences_on <= day < lease.ends_on:
        raise InvalidInput(f"Choose a day within the term of lease {lease.number}.", field="as_of")


def offer_of(session: Session, tenant: Tenant, lease: Lease, *, on: date, modified: bool = False) -> Offer:
    """The hardware of a lease with its rents, as of a day: what stands there at its cost, else the model's.

    Hardware bought in another currency than the lease's is left out: no rate of the day belongs in a
    decision that must come out the same next year.

    :param modified: for what is left of the term from that day, instead of the whole of it.
    """
    lines = [
        line
        for line in lease.lines
        if line.component == Component.HARDWARE
        and line.model_id
        and (line.ends_on is None or line.ends_on > on)
    ]
    term_months = lease.term_months
    if modified and lease.ends_on is not None:
        term_months = max(1, _whole_months(on, lease.ends_on))
    includes_tax = sa.select(Client.prices_include_tax).where(
        Client.partner_id == tenant.partner_id, Client.id == lease.client_id
    )
    rows = session.execute(
        scoped(HardwareModel, tenant)
        .where(HardwareModel.id.in_([line.model_id for line in lines]))
        .add_columns(includes_tax.scalar_subquery())
    ).all()
    models = {model.id: model for model, _ in rows}
    standing = _standing(session, tenant, lines, first=not modified)
    # Tax is never earned nor lent: a class is decided by what is left without it.
    within = {
        line_id: rate
        for ask in (taxes_within if any(included for _, included in rows) else ())
        for line_id, rate in ask(session, tenant, lease=lease, lines=lines, day=on).items()
    }
    places = []
    for line in lines:
        model, asset = models[str(line.model_id)], standing.get(line.id)
        currency = model.currency if asset is None else asset.currency
        if currency != lease.currency:
            continue
        place = place_of(line, model, asset, term_months=term_months, on=on)
        net = without_tax(place.rent, within.get(line.id, Decimal(0)), currency=lease.currency)
        places.append(replace(place, rent=net))
    return Offer(
        places=places,
        term_months=term_months,
        interval_months=lease.interval_months,
        timing=Timing(lease.timing),
        option_price=_option_price(session, tenant, lease, places),
    )


def _option_price(session: Session, tenant: Tenant, lease: Lease, places: Sequence[Place]) -> Decimal | None:
    """What the client may buy all of it for at the end, if that is agreed beforehand."""
    if lease.end_option != "buyout_fixed":
        return None
    policy = EndPolicy.of_policies(session.get_one(Partner, tenant.partner_id).policies)
    if policy.buyout_method == Method.NOMINAL:
        return policy.nominal_amount
    return sum((place.fair_value for place in places), Decimal(0)) * policy.fixed_pct / 100


def place_of(line: Line, model: HardwareModel, asset: Asset | None, *, term_months: int, on: date) -> Place:
    """What one line's hardware is worth on a day, and is expected to be after the term."""
    quantity, unit_price = terms_on(line, on)
    cost = (model.list_cost if asset is None else asset.cost) * quantity
    age = 0
    if asset is not None and asset.in_service_on is not None:
        age = max(0, _whole_months(asset.in_service_on, on))
    at_life_end = cost * model.residual_value_pct / 100
    fair_value = expected_residual(
        cost=cost, residual_at_end_of_life=at_life_end, life_months=model.useful_life_months, age_months=age
    )
    residual = (
        line.residual_value * quantity
        if line.residual_value is not None
        else expected_residual(
            cost=cost,
            residual_at_end_of_life=at_life_end,
            life_months=model.useful_life_months,
            age_months=age + term_months,
        )
    )
    return Place(
        fair_value=fair_value,
        rent=unit_price * quantity,
        residual=residual,
        life_months=model.useful_life_months,
        age_months=age,
    )


def without_tax(amount: Decimal, rate_pct: Decimal, *, currency: str) -> Decimal:
    """What is left of an amount that includes tax by this rate, to the cent; all of it by a rate of 0."""
    if not rate_pct:
        return amount
    return round_minor(Fraction(amount) * 100 / (100 + Fraction(rate_pct)), currency)


def _whole_months(start: date, end: date) -> int:
    return (end.year - start.year) * 12 + end.month - start.month - (end.day < start.day)


def _standing(session: Session, tenant: Tenant, lines: Sequence[Line], *, first: bool) -> dict[str, Asset]:
    """Who stood on each line first, or who stands there now."""
    rows = session.execute(
        sa.select(Assignment.line_id, Asset)
        .join(Asset, sa.and_(Asset.partner_id == Assignment.partner_id, Asset.id == Assignment.asset_id))
        .where(
            Assignment.partner_id == tenant.partner_id,
            Assignment.line_id.in_([line.id for line in lines]),
        )
        .order_by(sa.func.lower(Assignment.during), Assignment.id)
    ).all()
    # The last one of a line wins: the latest in the order of time, the first in its reverse.
    return {row[0]: row[1] for row in (reversed(rows) if first else rows)}


def _tests(result: Classification) -> list[dict[str, object]]:
    return [
        {
            "test": tested.test.value,
            "is_met": tested.is_met,
            "figure": plain_figure(tested.figure),
            "threshold": plain_figure(tested.threshold),
        }
        for tested in result.tests
    ]
