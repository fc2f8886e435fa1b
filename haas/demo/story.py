"""What happened at a partner in the last year, told by the product's own operations, in the order of time."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from decimal import Decimal
from functools import partial
from zoneinfo import ZoneInfo

from sqlalchemy.orm import Session

from devices.models import Asset
from devices.operations import move_asset, register_asset
from haas.calendar import add_months, local_day
from haas.demo.billed import bill
from haas.demo.books_told import tell_books
from haas.demo.changes_told import tell_changes
from haas.demo.charges_told import tell_charges
from haas.demo.contracts import Contract, Contracts
from haas.demo.dunning_told import tell_dunning
from haas.demo.ends_told import tell_ends
from haas.demo.fundings_told import tell_fundings
from haas.demo.host import Host
from haas.demo.houses import House
from haas.demo.money_told import tell_money
from haas.demo.quotes_told import tell_quotes
from haas.demo.returns_told import tell_returns
from haas.tenancy.scope import scoped
from invoicing import corrections, queries
from invoicing.models import Invoice

Act = Callable[[Session], None]


@dataclass(frozen=True, slots=True)
class Scene:
    """One act at one moment."""

    at: datetime
    order: int
    act: Act


class Story:
    """A partner's year: a list of acts, sorted by time and played."""

    def __init__(self, house: House, *, today: date, portal_url: str, host: Host | None = None) -> None:
        self.house = house
        self.host = host
        self.today = today
        self.portal_url = portal_url
        self.contracts = Contracts(house)
        self.stock: dict[str, list[Asset]] = {}
        self._scenes: list[Scene] = []
        self.begins = self.moment(13, day=3)

    def moment(self, months_ago: int, *, day: int = 1, hour: int = 10) -> datetime:
        """A working hour of the partner's, some months ago; never in the future."""
        first = add_months(self.today.replace(day=1), -months_ago)
        local = datetime.combine(
            first.replace(day=min(day, 28)), time(hour), ZoneInfo(self.house.scene.time_zone)
        )
        yesterday = datetime.combine(
            self.today - timedelta(days=1), time(hour), ZoneInfo(self.house.scene.time_zone)
        )
        return min(local, yesterday).astimezone(UTC)

    def day_of(self, at: datetime) -> date:
        """Which day that moment is where the partner lives."""
        return local_day(at, self.house.scene.time_zone)

    def tell(self, at: datetime, act: Act) -> None:
        """Add an act."""
        self._scenes.append(Scene(at, len(self._scenes), act))

    def play(self, session: Session, report: Callable[[int, int], None]) -> None:
        """Play everything, oldest first."""
        self._tell_stock()
        self._tell_contracts()
        tell_returns(self)
        tell_changes(self)
        tell_ends(self)
        tell_charges(self)
        tell_dunning(self)
        tell_fundings(self)
        tell_quotes(self)
        tell_books(self)
        self._tell_stragglers()
        self._tell_billing()
        tell_money(self)
        scenes = sorted(self._scenes, key=lambda scene: (scene.at, scene.order))
        for number, scene in enumerate(scenes, start=1):
            scene.act(session)
            report(number, len(scenes))

    def take(self, model: str) -> Asset:
        """The next asset of that model from the shelf."""
        return self.stock[model].pop(0)

    def _tell_stock(self) -> None:
        """Sixty assets: bought a year ago, staged and ready; a few still on the way in."""
        counts = {
            "laptop": 24,
            "premium": 7,
            "workstation": 11,
            "server": 3,
            "tablet": 5,
            "monitor": 3,
            "firewall": 2,
        }
        if self.host is not None:
            counts = {**counts, "laptop": counts["laptop"] - 1, "host": 1}
        for model, count in counts.items():
            self.stock[model] = []
            for number in range(count):
                self._buy(model, number)
        self.tell(self.moment(0, day=2), partial(self._buy_lately, state="ordered", count=2))
        self.tell(self.moment(0, day=2, hour=11), partial(self._buy_lately, state="received", count=3))

    def _buy(self, model: str, number: int) -> None:
        def act(session: Session) -> None:
            hardware = self.house.models[model]
            maker, house = hardware.manufacturer[:2].upper(), self.house.scene.initials
            serial = f"{maker}{house}{model[:1].upper()}{4100 + number * 37}"
            if model == "host" and self.host is not None:
                serial = self.host.serial
            asset = register_asset(
                session,
                self.house.tenant,
                model_id=hardware.id,
                serial=serial,
                cost=hardware.list_cost,
                currency=hardware.currency,
                supplier="Ingram Wholesale",
                purchase_reference=f"PO-{self.begins.year}-{31 + number // 8:03d}",
                purchased_on=self.begins.date(),
                warranty_until=add_months(self.begins.date(), 36),
                state="received",
                at=self.begins,
            )
            for verb, hours in (("stage", 26), ("make_ready", 52)):
                move_asset(
                    session,
                    self.house.tenant,
                    asset_id=asset.id,
                    verb=verb,
                    at=self.begins + timedelta(hours=hours),
                )
            self.stock[model].append(asset)

        self.tell(self.begins, act)

    def _buy_lately(self, session: Session, state: str, count: int) -> None:
        hardware = self.house.models["laptop"]
        at = self.moment(0, day=2, hour=11)
        for number in range(count):
            asset = register_asset(
                session,
                self.house.tenant,
                model_id=hardware.id,
                serial=None if state == "ordered" else f"LE{self.house.scene.initials}N{8800 + number * 13}",
                cost=hardware.list_cost,
                currency=hardware.currency,
                supplier="Ingram Wholesale",
                purchase_reference=f"PO-{at.year}-118",
                state=state,
                at=at,
            )
            if state == "received" and number == 0:
                move_asset(session, self.house.tenant, asset_id=asset.id, verb="stage", at=at)

    def _tell_contracts(self) -> None:
        """A lease in every state of the lifecycle."""
        moment, add = self.moment, self.contracts.add
        plans = [
            add("office", client=0, site=0, term=36, lines=["laptop"] * 12 + ["firewall"],
                at=moment(12, day=11)),
            add("servers", client=0, site=1, term=60, lines=["server", "server"], at=moment(9, day=20),
                timing="arrears", interval=3),
            add("studio", client=1, site=0, term=24, lines=["workstation"] * 8, at=moment(10, day=5)),
            add("field", client=1, site=0, term=12, lines=["tablet"] * 3, at=moment(11, day=14)),
            add("project", client=2, site=0, term=6, lines=["laptop"] * 4, at=moment(10, day=18)),
            add("season", client=2, site=1, term=6, lines=["premium", "premium"], at=moment(11, day=8)),
            # Billed in arrears, so that a swap of this month is split by days on the next invoice.
            add("partners", client=1, site=0, term=36, lines=["premium"] * 2, at=moment(4, day=16),
                timing="arrears"),
            # Two months before its end: notices are out, and the client has yet to choose.
            add("screens", client=0, site=1, term=12, lines=["monitor"] * 3, at=moment(10, day=24)),
        ]  # fmt: skip
        if self.host is not None:
            plans.append(add("host", client=0, site=0, term=36, lines=["host"], at=moment(2, day=12)))
        for plan in plans:
            self.tell(plan.at - timedelta(days=9), partial(self.contracts.sell, plan=plan))
            self.tell(plan.at - timedelta(days=4), partial(self._prepare, plan=plan))
            self.tell(plan.at, partial(self.contracts.hand_over, plan=plan))
        open_plans = (
            (add("draft", client=0, site=1, term=36, lines=["laptop"] * 3, at=moment(0, day=4)), "draft"),
            (
                add("quoted", client=1, site=0, term=36, lines=["workstation"] * 2, at=moment(0, day=4)),
                "quoted",
            ),
            (
                add("accepted", client=2, site=0, term=24, lines=["laptop", "laptop"], at=moment(0, day=5)),
                "accepted",
            ),
            (add("cancelled", client=2, site=1, term=24, lines=["tablet"], at=moment(3, day=9)), "cancelled"),
        )
        for plan, until in open_plans:
            self.tell(
                plan.at,
                partial(self.contracts.sell, plan=plan, until=until),
            )
        self.tell(moment(0, day=28), self._reserve_and_ship)

    def _prepare(self, session: Session, plan: Contract) -> None:
        for number, model in enumerate(plan.lines):
            self.contracts.pack(session, plan, number, self.take(model))

    def _reserve_and_ship(self, session: Session) -> None:
        """One asset of the accepted lease is picked, the other is with the courier.

        So lately that the client's silence does not count as its acceptance yet.
        """
        plan = self.contracts.plans["accepted"]
        at = self.moment(0, day=28)
        first, second = self.take("laptop"), self.take("laptop")
        self.contracts.reserve(session, plan, 0, first, at=at)
        self.contracts.reserve(session, plan, 1, second, at=at)
        self.contracts.ship(session, second, at=at + timedelta(hours=2))

    def _tell_stragglers(self) -> None:
        """One on the bench, one that nobody can find."""

        def to_repair(session: Session) -> None:
            asset = self.contracts.plans["office"].assets[10]
            move_asset(
                session,
                self.house.tenant,
                asset_id=asset.id,
                verb="send_to_repair",
                at=self.moment(0, day=3),
                reason="Hinge broken",
            )

        def lose(session: Session) -> None:
            move_asset(
                session,
                self.house.tenant,
                asset_id=self.take("tablet").id,
                verb="report_lost",
                at=self.moment(2, day=7),
                reason="Missing at two stock-takes",
            )

        self.tell(self.moment(0, day=3), to_repair)
        self.tell(self.moment(2, day=7), lose)

    def _tell_billing(self) -> None:
        """Billed on the first of every month for a year; most clients pay, one is late."""
        for months_ago in range(12, -1, -1):
            day = add_months(self.today.replace(day=1), -months_ago)
            at = self.moment(months_ago, day=1, hour=3)
            self.tell(at, partial(self._bill, day=day, at=at))
            self.tell(self.moment(months_ago, day=13), partial(self._collect, months_ago=months_ago))

    def _bill(self, session: Session, day: date, at: datetime) -> None:
        if day > self.today:
            return
        bill(session, self.house.tenant, as_of=day, at=at, portal_url=self.portal_url)

    def _collect(self, session: Session, months_ago: int) -> None:
        """Money comes in for what was billed this month; the last client is two months behind."""
        slow = self.house.clients[2].id
        day = self.moment(months_ago, day=13).date()
        rows = session.scalars(
            scoped(Invoice, self.house.tenant).where(Invoice.state == "issued", Invoice.kind == "invoice")
        ).all()
        for invoice in rows:
            late = invoice.client_id == slow and invoice.issued_on > add_months(day, -2)
            if late or months_ago == 0:
                continue
            amount = queries.open_amount(session, self.house.tenant, invoice=invoice)
            if amount > Decimal(0):
                corrections.record_payment(
                    session,
                    self.house.tenant,
                    invoice_id=invoice.id,
                    amount=amount,
                    received_on=day,
                    method="transfer",
                    reference=f"TRF-{invoice.number}",
                    at=self.moment(months_ago, day=13),
                )
