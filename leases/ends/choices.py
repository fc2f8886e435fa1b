"""What may become of each device at the end of its lease, at what price; choices, and what comes of them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime
from decimal import Decimal

from sqlalchemy.orm import Session

from devices.models import HardwareModel
from haas import outbox
from haas.errors import Conflict, InvalidInput, NotFound
from haas.ids import new_id
from haas.money import round_price
from haas.tenancy.scope import Tenant, scoped
from leases import queries, returns
from leases.amendments import operations as amendments
from leases.amendments.wanted import Wanted
from leases.ends import buyouts
from leases.ends.models import EndChoice
from leases.ends.notices import choose_until, policy_of
from leases.ends.places import EndPlace, places_on, values_of
from leases.ends.policy import EndPolicy, Method, Option
from leases.ends.values import Price, Valued, buyout_price
from leases.lifecycle import RUNNING
from leases.models import Lease


@dataclass(frozen=True, slots=True)
class DeviceOptions:
    """One device with everything that may become of it, as of the end of its lease.

    `price` is none where it was bought in another currency: then the partner offers it by an appraisal.
    """

    place: EndPlace
    months: int
    rent: Decimal  # of a renewal, a full period's
    price: Price | None
    chosen: EndChoice | None


@dataclass(frozen=True, slots=True)
class LeaseOptions:
    """The options of a lease's devices; a client may choose up to `choose_until`, the last day included."""

    lease: Lease
    choose_until: date | None
    devices: Sequence[DeviceOptions]

    @property
    def undecided(self) -> int:
        """How many devices nobody has decided on."""
        return sum(1 for device in self.devices if device.chosen is None)


@dataclass(frozen=True, slots=True)
class Wish:
    """What somebody wants for one line; a refresh may name the model."""

    line_id: str
    option: Option
    model_id: str | None = None


@dataclass(frozen=True, slots=True)
class CarriedOut:
    """What was done, and which choices still wait for a person and why."""

    done: list[EndChoice] = field(default_factory=list)
    waiting: list[tuple[EndChoice, str]] = field(default_factory=list)


def options_of(session: Session, tenant: Tenant, *, lease: Lease) -> LeaseOptions:
    """Every device that stands on the lease with its options; a fixed number of queries.

    Prices are those of the day on which the lease ends. Before it has commenced there are none.
    """
    if lease.ends_on is None or lease.state not in RUNNING:
        return LeaseOptions(lease, None, [])
    policy = policy_of(session, tenant)
    places = places_on(session, tenant, lease_ids=[lease.id])
    known = values_of(
        session,
        tenant,
        assets=[place.asset for place in places],
        as_of=lease.ends_on,
        with_books=policy.buyout_method == Method.BOOK,
    )
    chosen = {row.line_id: row for row in standing_choices(session, tenant, lease_id=lease.id)}
    devices = []
    for place in places:
        device = known[place.asset.id]
        price = _price(device, lease, policy)
        devices.append(
            DeviceOptions(
                place, policy.renewal_months, _renewal_rent(place, policy), price, chosen.get(place.line.id)
            )
        )
    return LeaseOptions(lease, choose_until(lease.ends_on, policy), devices)


def choose(
    session: Session,
    tenant: Tenant,
    *,
    lease_id: str,
    wishes: Sequence[Wish],
    today: date,
    at: datetime,
    is_client: bool = False,
) -> list[EndChoice]:
    """Note what is to become of devices, at the prices shown now; a later choice replaces an earlier one.

    :param is_client: a client is held to the last day; its partner may write down a decision at any time.
    :raises Conflict: when that day has passed.
    :raises InvalidInput: for a line without a device, or a purchase that has no price.
    """
    lease = queries.lock_lease(session, tenant, lease_id)
    offered = options_of(session, tenant, lease=lease)
    if offered.choose_until is None or lease.ends_on is None:
        raise Conflict(f"Lease {lease.number} is {lease.state}: there is nothing to choose.")
    if is_client and today > offered.choose_until:
        raise Conflict(f"You could choose until {offered.choose_until}. Ask us: we can still note it.")
    if not wishes:
        raise InvalidInput("Choose for at least one device.", field="choices")
    by_line = {device.place.line.id: device for device in offered.devices}
    made = []
    for wish in wishes:
        device = by_line.get(wish.line_id)
        if device is None:
            raise InvalidInput(f"No device stands on line {wish.line_id}.", field="choices")
        if device.chosen is not None:
            device.chosen.state = "replaced"
            session.flush()
        made.append(_choice(session, tenant, device, wish, ends_on=lease.ends_on, at=at))
    session.flush()
    outbox.publish(session, tenant, "lease.end_chosen", lease_id=lease.id)
    return made


def carry_out(session: Session, tenant: Tenant, *, lease_id: str, today: date, at: datetime) -> CarriedOut:
    """Turn the standing choices into returns, purchases and a renewal; what needs a person is said.

    Returns are due on the lease's last day and purchases count from the day after; a lease is renewed once
    nothing else stands on it but what goes on. A second call does what is left.
    """
    lease = queries.lock_lease(session, tenant, lease_id)
    places = {place.line.id: place for place in places_on(session, tenant, lease_ids=[lease.id])}
    policy = policy_of(session, tenant)
    outcome = CarriedOut()
    renewals = []
    for row in standing_choices(session, tenant, lease_id=lease.id):
        place = places.get(row.line_id)
        if place is None or place.asset.id != row.asset_id:
            outcome.waiting.append((row, "moved"))
        elif row.option == Option.RETURN:
            _order_back(session, tenant, row, today=today, at=at)
            _done(outcome, row, at)
        elif row.option == Option.BUY:
            _sell(session, tenant, row, place, policy, today=today, at=at)
            _done(outcome, row, at)
        elif row.option == Option.RENEW:
            renewals.append((row, place))
        else:
            outcome.waiting.append((row, "refresh"))
    _renew(
        session,
        tenant,
        lease,
        renewals,
        undecided=_undecided(places, renewals, outcome),
        outcome=outcome,
        at=at,
    )
    session.flush()
    return outcome


def standing_choices(session: Session, tenant: Tenant, *, lease_id: str) -> Sequence[EndChoice]:
    """What stands for the lease's devices and was not carried out yet, by line."""
    return session.scalars(
        scoped(EndChoice, tenant)
        .where(EndChoice.lease_id == lease_id, EndChoice.state == "chosen")
        .order_by(EndChoice.line_id)
    ).all()


def _renewal_rent(place: EndPlace, policy: EndPolicy) -> Decimal:
    price = place.line.unit_price
    return round_price(price * policy.renewal_pct / 100, like=price, currency=place.lease.currency)


def _price(device: Valued, lease: Lease, policy: EndPolicy) -> Price | None:
    if device.currency != lease.currency or lease.ends_on is None or policy.buyout_method == Method.APPRAISAL:
        return None
    return buyout_price(device, as_of=lease.ends_on, policy=policy)


def _choice(
    session: Session, tenant: Tenant, device: DeviceOptions, wish: Wish, *, ends_on: date, at: datetime
) -> EndChoice:
    place = device.place
    if wish.option == Option.BUY and device.price is None:
        raise InvalidInput(f"{place.asset.tag} has no price yet: ask for an offer.", field="choices")
    if wish.model_id is not None:
        _check_model(session, tenant, model_id=wish.model_id)
    row = EndChoice(
        partner_id=tenant.partner_id,
        id=new_id("cho"),
        lease_id=place.lease.id,
        line_id=place.line.id,
        asset_id=place.asset.id,
        client_id=place.line.client_id,
        ends_on=ends_on,
        option=wish.option.value,
        chosen_at=at,
        chosen_by=tenant.actor,
    )
    if wish.option == Option.BUY and device.price is not None:
        row.price, row.method = device.price.amount, device.price.method.value
    elif wish.option == Option.RENEW:
        row.months, row.rent = device.months, device.rent
    elif wish.option == Option.REFRESH:
        row.model_id = wish.model_id
    session.add(row)
    return row


def _check_model(session: Session, tenant: Tenant, *, model_id: str) -> None:
    if session.scalar(scoped(HardwareModel, tenant).where(HardwareModel.id == model_id)) is None:
        raise NotFound(f"There is no hardware model {model_id}.", field="model_id")


def _done(outcome: CarriedOut, row: EndChoice, at: datetime) -> None:
    row.state, row.carried_out_at = "carried_out", at
    outcome.done.append(row)


def _order_back(session: Session, tenant: Tenant, row: EndChoice, *, today: date, at: datetime) -> None:
    returns.ask_back(
        session,
        tenant,
        asset_id=row.asset_id,
        reason="chosen at the end of the lease",
        notice_on=today,
        due_on=row.ends_on,
        at=at,
    )


def _sell(
    session: Session,
    tenant: Tenant,
    row: EndChoice,
    place: EndPlace,
    policy: EndPolicy,
    *,
    today: date,
    at: datetime,
) -> None:
    """At the price that was shown when it was chosen, from the day after the lease's last."""
    price = Price(
        Method(row.method or policy.buyout_method), row.price or Decimal(0), place.lease.currency, row.ends_on
    )
    offer = buyouts.freeze(
        session, tenant, place=place, price=price, policy=policy, valid_until=max(today, row.ends_on), at=at
    )
    buyouts.agree(
        session,
        tenant,
        buyout_id=offer.id,
        agreed_by=row.chosen_by,
        agreed_on=today,
        effective_on=row.ends_on,
        at=at,
    )


def _undecided(
    places: Mapping[str, EndPlace], renewals: Sequence[tuple[EndChoice, EndPlace]], outcome: CarriedOut
) -> bool:
    """Whether something stands on the lease of which nobody knows what becomes of it."""
    known = {row.line_id for row, _ in renewals} | {row.line_id for row in outcome.done}
    return bool(set(places) - known)


def _renew(
    session: Session,
    tenant: Tenant,
    lease: Lease,
    renewals: Sequence[tuple[EndChoice, EndPlace]],
    *,
    undecided: bool,
    outcome: CarriedOut,
    at: datetime,
) -> None:
    if not renewals:
        return
    if undecided:
        outcome.waiting.extend((row, "undecided") for row, _ in renewals)
        return
    wanted = Wanted(months=max(row.months or 1 for row, _ in renewals))
    _amend(session, tenant, lease, "renew", wanted, on=renewals[0][0].ends_on, at=at)
    for row, place in renewals:
        if row.rent is not None and row.rent != place.line.unit_price:
            wanted = Wanted(line_ids=(place.line.id,), unit_price=row.rent)
            _amend(session, tenant, lease, "price_change", wanted, on=row.ends_on, at=at)
    for row, _ in renewals:
        _done(outcome, row, at)


def _amend(
    session: Session, tenant: Tenant, lease: Lease, kind: str, wanted: Wanted, *, on: date, at: datetime
) -> None:
    """As an amendment that both sides can read; it was decided by whoever chose."""
    amendments.carry_out(
        session,
        tenant,
        lease_id=lease.id,
        kind=kind,
        effective_on=on,
        wanted=wanted,
        at=at,
        reason="chosen at the end of the lease",
    )
