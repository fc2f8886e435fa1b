"""What the lines that leave cost: the policy of the agreement, the allowance, what each device is worth."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from typing import Any

import sqlalchemy as sa
from sqlalchemy.orm import Session

from devices.models import Asset
from haas.tenancy.scope import Tenant, scoped
from leases import queries
from leases.amendment_models import Amendment
from leases.amendments.allowance import Allowance, Given, Room, contract_year, room
from leases.amendments.early_return import Leaving, Policy, Rule, charge, rents_given_up
from leases.contract import terms_of
from leases.ends import values
from leases.ends.notices import policy_of
from leases.ends.places import values_of
from leases.models import Agreement, DepreciationBook, Lease, Line
from leases.terms import CommercialModel, LeaseTerms, LineKind

NOTHING = Decimal(0)


@dataclass(frozen=True, slots=True)
class Going:
    """A line that leaves or shrinks: its terms as they were, and as they are from then on."""

    line: Line
    before: LeaseTerms
    after: LeaseTerms
    line_end: date | None  # as it was


@dataclass(frozen=True, slots=True)
class LineCharge:
    """What one line costs to leave. `covered`: by the allowance; `free`: it needs none."""

    line: Line
    remaining: Decimal
    full: Decimal  # without the allowance
    covered: bool = False
    free: bool = False

    @property
    def charge(self) -> Decimal:
        """What is billed."""
        return NOTHING if self.covered or self.free else self.full


@dataclass(frozen=True, slots=True)
class Charges:
    """Line by line, with the room that the allowance had before."""

    lines: Sequence[LineCharge]
    room: Room
    policy: Policy

    @property
    def total(self) -> Decimal:
        """What is billed for all."""
        return sum((each.charge for each in self.lines), NOTHING)

    @property
    def covered(self) -> int:
        """How many lines the allowance bears."""
        return sum(1 for each in self.lines if each.covered)

    def shown(self) -> dict[str, Any]:
        """The figures of the page, as they are kept. Nothing in it is the partner's secret."""
        return {
            "policy": self.policy.value,
            "remaining": str(sum((each.remaining for each in self.lines), NOTHING)),
            "lines": [
                {
                    "id": each.line.id,
                    "description": each.line.description,
                    "remaining": str(each.remaining),
                    "charge": str(each.charge),
                    "covered": each.covered,
                    "free": each.free,
                }
                for each in self.lines
            ],
            "allowance": {
                "granted": self.room.granted,
                "used": self.room.used,
                "left": self.room.left,
                "notice_from": self.room.notice_from.isoformat(),
                "in_time": self.room.in_time,
            },
        }


def rule_of(agreement: Agreement) -> Rule:
    """The early-return policy as the agreement has it."""
    return Rule(
        policy=Policy(agreement.early_return_policy),
        pct=agreement.early_return_pct,
        discount_pct=agreement.early_return_discount_pct,
        steps=tuple((int(month), Decimal(str(pct))) for month, pct in agreement.early_return_steps),
    )


def allowance_of(agreement: Agreement) -> Allowance:
    """The flex-down allowance as the agreement has it."""
    return Allowance(
        pct=agreement.flex_down_pct,
        lines_a_quarter=agreement.flex_down_lines_a_quarter,
        notice_days=agreement.flex_down_notice_days,
    )


def charges_for(
    session: Session,
    tenant: Tenant,
    *,
    lease: Lease,
    agreement: Agreement,
    lines: Sequence[Line],
    going: Sequence[Going],
    on: date,
    asked_on: date,
    appraised: Decimal | None = None,
) -> Charges:
    """What these lines cost to leave on that day. The allowance bears the dearest of them first.

    :param lines: every line of the lease; the allowance is a share of them.
    :param appraised: what the one device is worth, where somebody has looked.
    """
    rule = rule_of(agreement)
    space = _room(session, tenant, lease=lease, agreement=agreement, lines=lines, on=on, asked_on=asked_on)
    worth = _Worth.none()
    if rule.policy is Policy.PRESENT_VALUE:
        worth = _Worth.of(session, tenant, lines=[each.line for each in going], on=on)
    found = []
    for each in going:
        left = Leaving(
            rents=rents_given_up(
                each.before,
                each.after,
                line_start=each.line.starts_on or on,
                line_end=each.line_end,
                on=on,
            ),
            commences_on=each.before.commences_on,
            ends_on=each.before.base_end,
            currency=lease.currency,
            residual_value=worth.residual(each.line),
            fair_market_value=worth.market(each.line) if appraised is None else appraised,
        )
        free = is_free(lease, each.line)
        full = NOTHING if free else charge(rule, left, on=on)
        found.append(LineCharge(each.line, left.remaining, full, free=free))
    return Charges(_cover(found, space.left), space, rule.policy)


def is_free(lease: Lease, line: Line) -> bool:
    """Whether the line leaves to the day without a charge: flexible ones, pools, and all of a rental."""
    return line.flexible or line.kind == LineKind.POOLED or lease.commercial_model == CommercialModel.RENTAL


def _cover(found: Sequence[LineCharge], left: int) -> list[LineCharge]:
    devices = [each for each in found if each.full and each.line.kind == LineKind.ASSET]
    dearest = sorted(devices, key=lambda each: (-each.full, each.line.id))[:left]
    covered = {each.line.id for each in dearest}
    return [
        LineCharge(each.line, each.remaining, each.full, each.line.id in covered, each.free) for each in found
    ]


def _room(
    session: Session,
    tenant: Tenant,
    *,
    lease: Lease,
    agreement: Agreement,
    lines: Sequence[Line],
    on: date,
    asked_on: date,
) -> Room:
    commences_on = lease.commences_on or on
    year = contract_year(commences_on, on)
    places = [
        line
        for line in lines
        if line.kind == LineKind.ASSET
        and line.starts_on is not None
        and line.starts_on <= on
        and (line.ends_on is None or line.ends_on > year.start)
    ]
    rows = session.execute(
        sa.select(Amendment.effective_on, Amendment.covered_lines).where(
            Amendment.partner_id == tenant.partner_id,
            Amendment.lease_id == lease.id,
            Amendment.state == "applied",
            Amendment.covered_lines > 0,
        )
    )
    return room(
        allowance_of(agreement),
        lines=len(places),
        commences_on=commences_on,
        asked_on=asked_on,
        on=on,
        given=[Given(day, count) for day, count in rows],
    )


@dataclass(frozen=True, slots=True)
class _Worth:
    """What the devices on some lines are worth, and are to be worth at the end."""

    assets: dict[str, Asset]  # by line
    residuals: dict[str, Decimal]  # by asset
    markets: dict[str, Decimal]  # by asset

    @classmethod
    def none(cls) -> _Worth:
        return cls({}, {}, {})

    @classmethod
    def of(cls, session: Session, tenant: Tenant, *, lines: Sequence[Line], on: date) -> _Worth:
        """Read by a fixed number of statements, however many lines leave."""
        standing = queries.assignments_by_line(session, tenant, line_ids=[line.id for line in lines])
        last = {line_id: rows[-1].asset_id for line_id, rows in standing.items() if rows}
        assets = queries.assets_by_id(session, tenant, asset_ids=list(last.values()))
        books = session.scalars(
            scoped(DepreciationBook, tenant).where(
                DepreciationBook.asset_id.in_(last.values()), DepreciationBook.name == "book"
            )
        )
        policy = policy_of(session, tenant)
        known = values_of(session, tenant, assets=list(assets.values()), as_of=on, with_books=False)
        return cls(
            {line_id: assets[asset_id] for line_id, asset_id in last.items()},
            {book.asset_id: book.residual_value for book in books},
            {
                asset_id: values.fair_market_value(device, as_of=on, policy=policy)
                for asset_id, device in known.items()
            },
        )

    def residual(self, line: Line) -> Decimal:
        if line.residual_value is not None:
            return line.residual_value
        asset = self.assets.get(line.id)
        return self.residuals.get(asset.id, NOTHING) if asset else NOTHING

    def market(self, line: Line) -> Decimal:
        asset = self.assets.get(line.id)
        return self.markets.get(asset.id, NOTHING) if asset else NOTHING


def terms_before(lease: Lease, agreement: Agreement, lines: Sequence[Line]) -> dict[str, LeaseTerms]:
    """The terms of lines as they are now, before an amendment changes them."""
    return {line.id: terms_of(lease, line, agreement) for line in lines}
