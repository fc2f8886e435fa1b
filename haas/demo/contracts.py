"""The demo's leases: sold, packed, handed over by the product's own operations."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from decimal import Decimal

from sqlalchemy.orm import Session

from devices.models import Asset
from haas.demo.houses import House
from leases import handover, operations
from leases.models import Agreement, Lease, Line

SIGNERS = ("Ada Moreau", "Ruth Calder", "Miles Okafor")


@dataclass(slots=True)
class Contract:
    """A lease as it is planned, and what became of it."""

    key: str
    client: int
    site: int
    term: int
    lines: Sequence[str]
    at: datetime
    timing: str
    interval: int
    lease: Lease | None = None
    placed: list[Line] = field(default_factory=list)
    assets: list[Asset] = field(default_factory=list)


class Contracts:
    """All leases of one house."""

    def __init__(self, house: House) -> None:
        self.house = house
        self.plans: dict[str, Contract] = {}
        self._agreements: dict[int, Agreement] = {}

    def add(
        self,
        key: str,
        *,
        client: int,
        site: int,
        term: int,
        lines: Sequence[str],
        at: datetime,
        timing: str = "advance",
        interval: int = 1,
    ) -> Contract:
        """Plan a lease; nothing is written yet."""
        plan = Contract(key, client, site, term, lines, at, timing, interval)
        self.plans[key] = plan
        return plan

    def lease_of(self, key: str) -> Lease:
        """The lease that came of a plan."""
        lease = self.plans[key].lease
        if lease is None:
            raise RuntimeError(f"{key} was not sold yet")
        return lease

    def sell(self, session: Session, plan: Contract, *, until: str = "accepted") -> None:
        """Draft, quote and let the client accept, as far as `until`."""
        tenant, at = self.house.tenant, plan.at - timedelta(days=9)
        client = self.house.clients[plan.client]
        agreement = self._agreement(session, plan.client, at=at)
        plan.lease = operations.draft_lease(
            session,
            tenant,
            agreement_id=agreement.id,
            site_id=self.house.sites[client.id][plan.site].id,
            title=_title(len(plan.lines), plan.term, language=self.house.scene.language),
            term_months=plan.term,
            timing=plan.timing,
            interval_months=plan.interval,
            at=at,
        )
        for model in plan.lines:
            hardware = self.house.models[model]
            plan.placed.append(
                operations.add_line(
                    session,
                    tenant,
                    lease_id=plan.lease.id,
                    at=at,
                    description=f"{hardware.manufacturer} {hardware.name}",
                    unit_price=self.house.rents[model] * plan.interval,
                    model_id=hardware.id,
                )
            )
        if until == "draft":
            return
        operations.quote(
            session, tenant, lease_id=plan.lease.id, valid_until=(at + timedelta(days=30)).date(), at=at
        )
        if until == "quoted":
            return
        operations.accept(
            session,
            tenant,
            lease_id=plan.lease.id,
            signer=SIGNERS[plan.client],
            accepted_on=(at + timedelta(days=2)).date(),
            at=at + timedelta(days=2),
        )
        if until == "cancelled":
            operations.cancel(
                session,
                tenant,
                lease_id=plan.lease.id,
                reason="The client moved the project",
                at=at + timedelta(days=3),
            )

    def pack(self, session: Session, plan: Contract, number: int, asset: Asset) -> None:
        """Pick an asset for a line and send it off."""
        at = plan.at - timedelta(days=4)
        self.reserve(session, plan, number, asset, at=at)
        self.ship(session, asset, at=at + timedelta(days=1))
        plan.assets.append(asset)

    def reserve(self, session: Session, plan: Contract, number: int, asset: Asset, *, at: datetime) -> None:
        """Pick an asset for a line."""
        handover.reserve(
            session,
            self.house.tenant,
            lease_id=self.lease_of(plan.key).id,
            line_id=plan.placed[number].id,
            asset_id=asset.id,
            at=at,
        )

    def ship(self, session: Session, asset: Asset, *, at: datetime) -> None:
        """Hand it to the courier."""
        handover.ship(
            session,
            self.house.tenant,
            asset_id=asset.id,
            at=at,
            carrier="Parcel courier",
            tracking=f"PC{asset.tag[-5:]}77",
        )

    def hand_over(self, session: Session, plan: Contract) -> None:
        """The client signs for everything of the lease."""
        for asset in plan.assets:
            handover.accept_asset(
                session,
                self.house.tenant,
                asset_id=asset.id,
                at=plan.at,
                signer_name=SIGNERS[plan.client],
                condition="As new",
            )

    def _agreement(self, session: Session, client: int, *, at: datetime) -> Agreement:
        if client not in self._agreements:
            self._agreements[client] = operations.create_agreement(
                session,
                self.house.tenant,
                client_id=self.house.clients[client].id,
                at=at,
                signed_on=at.date(),
                notice_days=60,
                flex_down_pct=Decimal(10),
                early_return_policy="remaining_rents",
                early_return_pct=Decimal(40),
                service_level_days=5,
            )
        return self._agreements[client]


def _title(devices: int, months: int, *, language: str) -> str:
    if language == "de":
        return f"{devices} {'Gerät' if devices == 1 else 'Geräte'}, {months} Monate"
    return f"{devices} {'device' if devices == 1 else 'devices'}, {months} months"
