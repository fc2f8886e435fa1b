"""REST: the end of leases: notices, options and choices, buyouts, losses, holdover day by day."""

from __future__ import annotations

from typing import Any

from flask_smorest import Blueprint

from haas import clock
from haas.auth.caller import current_caller, requires
from haas.rest.openapi import page_of
from haas.rest.paging import Sort, fetch_page
from leases import client_requests, queries
from leases.end_schemas import (
    AgreeRequest,
    BuyoutListed,
    BuyoutPriceResource,
    BuyoutRequest,
    BuyoutResource,
    CarriedOutResource,
    ChoicesRequest,
    ChoicesResource,
    DamageNoteRequest,
    DamageNoteResource,
    DamageNotesResource,
    HoldoverAsked,
    HoldoverResource,
    LossListed,
    LossRequest,
    LossResource,
    LossTableResource,
    NoticesResource,
    OptionsResource,
    PriceAsked,
)
from leases.ends import buyouts, choices, disputes, losses, notices
from leases.ends.buyouts import BuyoutFilter
from leases.ends.choices import LeaseOptions, Wish
from leases.ends.holdover import holdover_days
from leases.ends.models import Buyout, DamageNote, LossCharge
from leases.ends.policy import Method, Option
from leases.ends.values import Price

ends_api = Blueprint("lease_ends_api", __name__, url_prefix="/v1/leases", description="Ends of leases")
buyouts_api = Blueprint("buyouts_api", __name__, url_prefix="/v1/buyouts", description="Buyouts")
notes_api = Blueprint("damage_notes_api", __name__, url_prefix="/v1/returns", description="Charges disputed")
losses_api = Blueprint("losses_api", __name__, url_prefix="/v1/losses", description="Losses")
prices_api = Blueprint("buyout_prices_api", __name__, url_prefix="/v1/assets", description="Buyout prices")
holdover_api = Blueprint("holdover_api", __name__, url_prefix="/v1/holdover-days", description="Holdover")

_NEWEST_BUYOUT = Sort(Buyout.id, Buyout.id, descending=True)
_NEWEST_LOSS = Sort(LossCharge.id, LossCharge.id, descending=True)


@ends_api.get("/<lease_id>/end-notices")
@requires("lease.read")
@ends_api.response(200, NoticesResource)
def list_notices(lease_id: str) -> dict[str, Any]:
    """The notice calendar: what was said of the end, and what is still to come."""
    caller = current_caller()
    lease = queries.get_lease(caller.session, caller.tenant, lease_id=lease_id)
    return {"items": notices.calendar_of(caller.session, caller.tenant, lease=lease)}


@ends_api.get("/<lease_id>/end-options")
@requires("lease.read")
@ends_api.response(200, OptionsResource)
def list_options(lease_id: str) -> LeaseOptions:
    """What may become of each device when the lease ends, and at what price."""
    caller = current_caller()
    lease = queries.get_lease(caller.session, caller.tenant, lease_id=lease_id)
    return choices.options_of(caller.session, caller.tenant, lease=lease)


@ends_api.post("/<lease_id>/end-choices")
@requires("lease.choose")
@ends_api.arguments(ChoicesRequest)
@ends_api.response(201, ChoicesResource)
def choose(wanted: dict[str, Any], lease_id: str) -> dict[str, Any]:
    """Choose for some devices, at the prices shown now. A client does so in time."""
    caller = current_caller()
    lease = queries.get_lease(caller.session, caller.tenant, lease_id=lease_id)
    made = client_requests.choose_end(
        caller.session,
        caller.tenant,
        lease_id=lease.id,
        wishes=[
            Wish(each["line_id"], Option(each["option"]), each["model_id"]) for each in wanted["choices"]
        ],
        today=clock.today(lease.time_zone),
        at=clock.now(),
    )
    return {"items": made}


@ends_api.post("/<lease_id>/end-choices/carry-out")
@requires("lease.end")
@ends_api.response(200, CarriedOutResource)
def carry_out(lease_id: str) -> dict[str, Any]:
    """Turn the choices into returns, purchases and a renewal; what waits for a person is said."""
    caller = current_caller()
    lease = queries.get_lease(caller.session, caller.tenant, lease_id=lease_id)
    outcome = choices.carry_out(
        caller.session,
        caller.tenant,
        lease_id=lease.id,
        today=clock.today(lease.time_zone),
        at=clock.now(),
    )
    waiting = [{"choice_id": row.id, "why": why} for row, why in outcome.waiting]
    return {"done": outcome.done, "waiting": waiting}


@ends_api.get("/<lease_id>/loss-values")
@requires("lease.read")
@ends_api.response(200, LossTableResource)
def list_loss_values(lease_id: str) -> dict[str, Any]:
    """The stipulated loss values, month by month, of all devices together."""
    caller = current_caller()
    lease = queries.get_lease(caller.session, caller.tenant, lease_id=lease_id)
    table = losses.table_of_lease(caller.session, caller.tenant, lease=lease)
    rows = [{"month": month, "start": start, "amount": amount} for month, start, amount in table.totals]
    return {"currency": table.currency, "rows": rows}


@prices_api.get("/<asset_id>/buyout-price")
@requires("lease.end")
@prices_api.arguments(PriceAsked, location="query")
@prices_api.response(200, BuyoutPriceResource)
def get_price(asked: dict[str, Any], asset_id: str) -> Price:
    """What the device would cost its client on a day, past or to come."""
    caller = current_caller()
    return buyouts.price_asset(
        caller.session,
        caller.tenant,
        asset_id=asset_id,
        as_of=asked.get("as_of") or clock.today(caller.partner.time_zone),
        method=Method(asked["method"]) if asked["method"] else None,
        appraised=asked["appraised"],
    )


@buyouts_api.get("")
@requires("lease.read")
@buyouts_api.arguments(BuyoutListed, location="query")
@buyouts_api.response(200, page_of(BuyoutResource))
def list_buyouts(query: dict[str, Any]) -> dict[str, Any]:
    """Buyouts, newest first."""
    caller = current_caller()
    wanted = BuyoutFilter(
        states=(query["state"],) if query.get("state") else (),
        client_id=query.get("client_id"),
        lease_id=query.get("lease_id"),
        asset_id=query.get("asset_id"),
    )
    page = fetch_page(
        caller.session,
        buyouts.list_buyouts(caller.tenant, where=wanted),
        sort=_NEWEST_BUYOUT,
        cursor=query.get("cursor"),
        limit=query["limit"],
    )
    return {"items": page.rows, "next": page.older}


@buyouts_api.post("")
@requires("lease.end")
@buyouts_api.arguments(BuyoutRequest)
@buyouts_api.response(201, BuyoutResource)
def create_buyout(wanted: dict[str, Any]) -> Any:
    """Offer a device to the client that has it; the price is frozen and the offer printed."""
    caller = current_caller()
    method = Method(wanted.pop("method")) if wanted.get("method") else None
    bought = buyouts.offer(
        caller.session,
        caller.tenant,
        today=clock.today(caller.partner.time_zone),
        at=clock.now(),
        **{**wanted, "method": method},
    )
    return bought, 201, {"Location": f"/v1/buyouts/{bought.id}"}


@buyouts_api.get("/<buyout_id>")
@requires("lease.read")
@buyouts_api.response(200, BuyoutResource)
def get_buyout(buyout_id: str) -> Buyout:
    """One buyout."""
    caller = current_caller()
    return buyouts.get_buyout(caller.session, caller.tenant, buyout_id=buyout_id)


@buyouts_api.post("/<buyout_id>/agree")
@requires("lease.choose")
@buyouts_api.arguments(AgreeRequest)
@buyouts_api.response(200, BuyoutResource)
def agree(taken: dict[str, Any], buyout_id: str) -> Buyout:
    """Take the offer: the rent ends, and the price is billed with the next run from its day on."""
    caller = current_caller()
    return client_requests.agree_buyout(
        caller.session,
        caller.tenant,
        buyout_id=buyout_id,
        agreed_by=taken["agreed_by"],
        today=clock.today(caller.partner.time_zone),
        at=clock.now(),
    )


@buyouts_api.post("/<buyout_id>/withdraw")
@requires("lease.end")
@buyouts_api.response(200, BuyoutResource)
def withdraw(buyout_id: str) -> Buyout:
    """Take an offer back that nobody has agreed to."""
    caller = current_caller()
    return buyouts.withdraw(caller.session, caller.tenant, buyout_id=buyout_id)


@notes_api.get("/<return_id>/notes")
@requires("lease.read")
@notes_api.response(200, DamageNotesResource)
def list_notes(return_id: str) -> dict[str, Any]:
    """What was said of a charge for damage, oldest first."""
    caller = current_caller()
    order = queries.get_return(caller.session, caller.tenant, return_id=return_id)
    return {"items": disputes.notes_of(caller.session, caller.tenant, return_id=order.id)}


@notes_api.post("/<return_id>/notes")
@requires("lease.dispute")
@notes_api.arguments(DamageNoteRequest)
@notes_api.response(201, DamageNoteResource)
def write_note(said: dict[str, Any], return_id: str) -> DamageNote:
    """Say something of the charge; a client's first word in time is its objection."""
    caller = current_caller()
    return disputes.write_note(
        caller.session, caller.tenant, return_id=return_id, text=said["text"], at=clock.now()
    )


@losses_api.get("")
@requires("lease.read")
@losses_api.arguments(LossListed, location="query")
@losses_api.response(200, page_of(LossResource))
def list_losses(query: dict[str, Any]) -> dict[str, Any]:
    """Losses, newest first."""
    caller = current_caller()
    page = fetch_page(
        caller.session,
        losses.list_losses(caller.tenant, client_id=query.get("client_id"), asset_id=query.get("asset_id")),
        sort=_NEWEST_LOSS,
        cursor=query.get("cursor"),
        limit=query["limit"],
    )
    return {"items": page.rows, "next": page.older}


@losses_api.post("")
@requires("lease.end")
@losses_api.arguments(LossRequest)
@losses_api.response(201, LossResource)
def create_loss(found: dict[str, Any]) -> Any:
    """Confirm that a device will not come back: its loss value is billed with the next run."""
    caller = current_caller()
    charge = losses.confirm_loss(caller.session, caller.tenant, at=clock.now(), **found)
    return charge, 201, {"Location": f"/v1/losses/{charge.id}"}


@losses_api.get("/<loss_id>")
@requires("lease.read")
@losses_api.response(200, LossResource)
def get_loss(loss_id: str) -> LossCharge:
    """One loss."""
    caller = current_caller()
    return losses.get_loss(caller.session, caller.tenant, loss_id=loss_id)


@holdover_api.get("")
@requires("lease.read")
@holdover_api.arguments(HoldoverAsked, location="query")
@holdover_api.response(200, HoldoverResource)
def list_holdover_days(span: dict[str, Any]) -> dict[str, Any]:
    """Every day after the end of a term that cost rent: at which rate, for which device."""
    caller = current_caller()
    return {"items": holdover_days(caller.session, caller.tenant, start=span["start"], until=span["until"])}
