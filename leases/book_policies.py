"""How a partner keeps its books: conventions for each book, and others for single hardware models."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from typing import Any

from sqlalchemy.orm import Session

from devices.models import HardwareModel
from haas.errors import InvalidInput, NotFound
from haas.money import round_minor
from haas.tenancy.models import Partner
from haas.tenancy.partners import lock_partner
from haas.tenancy.scope import Tenant, scoped
from leases.book_records import BOOK_NAMES
from leases.depreciation import (
    DayBasis,
    DepreciationTerms,
    FirstMonth,
    LastMonth,
    Method,
    depreciation_schedule,
)
from leases.depreciation.events import read_conventions

_POLICY, _BOOKS, _MODELS, _REPAIRS = "depreciation", "books", "models", "repairs"
FINANCIAL = BOOK_NAMES[0]

# What a partner's books follow until its settings (`policies.depreciation`) say otherwise. A life and a
# residual percentage that are not said are the hardware model's.
DEFAULT_POLICY: dict[str, Any] = {
    "method": Method.STRAIGHT_LINE.value,
    "first_month": FirstMonth.FULL.value,
    "last_month": LastMonth.NONE.value,
    "day_basis": DayBasis.MONTHS.value,
    "factor": "2",
    "switch": True,
    "rate_pct": None,
    "recovery_years": None,
    "year_end_month": 12,
    "life_months": None,
    "residual_pct": None,
    "total_units": None,
}
DEFAULT_REPAIRS: dict[str, Any] = {
    "capitalise_from": None,  # a repair of this much that no warranty paid adds to the cost; none: never
    "capitalise_upgrades": True,
}


@dataclass(frozen=True, slots=True)
class RepairPolicy:
    """When a later cost adds to an asset's cost in the books (IAS 16.12-14), instead of being an expense."""

    capitalise_from: Decimal | None
    capitalise_upgrades: bool

    def capitalises(self, *, kind: str, net: Decimal) -> bool:
        """Whether a cost of this kind is capitalised; `net` is what the warranty has not paid.

        Freight belongs to the cost of bringing an asset to where it is used (IAS 16.16).
        """
        if net <= 0:
            return False
        if kind == "repair":
            return self.capitalise_from is not None and net >= self.capitalise_from
        return kind == "freight" or self.capitalise_upgrades


def kept_books(partner: Partner) -> list[str]:
    """The names of the books that are opened for each asset; the financial one always is."""
    others = _settings(partner).get(_BOOKS, {})
    return [name for name in BOOK_NAMES if name == FINANCIAL or name in others]


def policy_of(partner: Partner, name: str, *, model_id: str | None = None) -> dict[str, Any]:
    """The conventions of one book, with what differs for a hardware model."""
    settings = _settings(partner)
    flat = {key: value for key, value in settings.items() if key in DEFAULT_POLICY}
    own = flat if name == FINANCIAL else settings.get(_BOOKS, {}).get(name, {})
    differing = settings.get(_MODELS, {}).get(model_id, {}).get(name, {}) if model_id else {}
    return {**DEFAULT_POLICY, **own, **differing}


def repair_policy(partner: Partner) -> RepairPolicy:
    """When the partner capitalises."""
    told = {**DEFAULT_REPAIRS, **_settings(partner).get(_REPAIRS, {})}
    least = told["capitalise_from"]
    return RepairPolicy(None if least is None else Decimal(str(least)), bool(told["capitalise_upgrades"]))


def opening_terms(
    policy: Mapping[str, Any],
    *,
    cost: Decimal,
    currency: str,
    in_service_on: date,
    useful_life_months: int,
    residual_value_pct: Decimal,
) -> DepreciationTerms:
    """The terms of a book that opens; life and residual percentage are the model's unless the policy says.

    :raises ValueError: for conventions that do not go together.
    """
    conventions = {name: policy[name] for name in policy if name not in ("life_months", "residual_pct")}
    percent = residual_value_pct if policy["residual_pct"] is None else Decimal(str(policy["residual_pct"]))
    if policy["method"] == Method.MACRS:
        percent = Decimal(0)  # the whole basis is recovered (IRC 168(b)(4))
    return DepreciationTerms(
        cost=cost,
        residual_value=round_minor(cost * percent / 100, currency),
        in_service_on=in_service_on,
        useful_life_months=policy["life_months"] or useful_life_months,
        currency=currency,
        **read_conventions(conventions),
    )


def change_policy(
    session: Session,
    tenant: Tenant,
    *,
    name: str,
    conventions: Mapping[str, Any] | None,
    model_id: str | None = None,
) -> Partner:
    """Keep a book by these conventions from now on; books that are open keep theirs.

    Without conventions the book is no longer opened, or the model goes by the book's own again.

    :raises InvalidInput: for conventions that do not go together.
    """
    if name not in BOOK_NAMES:
        raise InvalidInput(f"Choose one of {', '.join(BOOK_NAMES)}.", field="name")
    partner = lock_partner(session, tenant)
    settings = dict(_settings(partner))
    if conventions is not None:
        conventions = _checked({**DEFAULT_POLICY, **conventions})
    if model_id is not None:
        _settle_model(session, tenant, settings, name=name, conventions=conventions, model_id=model_id)
    elif name == FINANCIAL:
        settings = {key: value for key, value in settings.items() if key not in DEFAULT_POLICY}
        settings |= conventions or {}
    else:
        books = {key: value for key, value in settings.get(_BOOKS, {}).items() if key != name}
        settings[_BOOKS] = books if conventions is None else {**books, name: conventions}
    partner.policies = {**partner.policies, _POLICY: settings}
    session.flush()
    return partner


def change_repair_policy(
    session: Session, tenant: Tenant, *, capitalise_from: Decimal | None, capitalise_upgrades: bool
) -> Partner:
    """Capitalise by this rule from now on."""
    partner = lock_partner(session, tenant)
    rule = {
        "capitalise_from": None if capitalise_from is None else str(capitalise_from),
        "capitalise_upgrades": capitalise_upgrades,
    }
    partner.policies = {**partner.policies, _POLICY: {**_settings(partner), _REPAIRS: rule}}
    session.flush()
    return partner


def model_overrides(partner: Partner) -> dict[str, dict[str, dict[str, Any]]]:
    """What differs by hardware model: its id -> book -> conventions."""
    return dict(_settings(partner).get(_MODELS, {}))


def _settle_model(
    session: Session,
    tenant: Tenant,
    settings: dict[str, Any],
    *,
    name: str,
    conventions: Mapping[str, Any] | None,
    model_id: str,
) -> None:
    if session.scalar(scoped(HardwareModel, tenant).where(HardwareModel.id == model_id)) is None:
        raise NotFound(f"There is no hardware model {model_id}.")
    models = {key: dict(value) for key, value in settings.get(_MODELS, {}).items()}
    own = {key: value for key, value in models.get(model_id, {}).items() if key != name}
    if conventions is not None:
        own[name] = conventions
    models[model_id] = own
    settings[_MODELS] = {key: value for key, value in models.items() if value}


def _checked(policy: dict[str, Any]) -> dict[str, Any]:
    """The policy as JSON keeps it, after a book was opened by it for trial."""
    unknown = set(policy) - set(DEFAULT_POLICY)
    if unknown:
        raise InvalidInput(f"There is no convention {', '.join(sorted(unknown))}.", field="method")
    plain = {key: str(value) if isinstance(value, Decimal) else value for key, value in policy.items()}
    if (plain["method"] == Method.UNITS) != (plain["total_units"] is not None):
        raise InvalidInput(
            "Say how many units a life has if it is written off by units, and only then.", field="total_units"
        )
    try:
        for residual_value_pct in (Decimal(0), Decimal(10)):  # a hand-over must never fail on a book
            terms = opening_terms(
                plain,
                cost=Decimal(1000),
                currency="USD",
                in_service_on=date(2026, 1, 15),
                useful_life_months=36,
                residual_value_pct=residual_value_pct,
            )
            depreciation_schedule(terms)
    except (ValueError, ArithmeticError) as wrong:
        raise InvalidInput(f"These conventions do not go together: {wrong}.", field="method") from wrong
    return plain


def _settings(partner: Partner) -> dict[str, Any]:
    found = partner.policies.get(_POLICY, {})
    return found if isinstance(found, dict) else {}
