"""/buyouts and /assets/<id>/buyout, /assets/<id>/loss: a device is sold to its client, or lost."""

from __future__ import annotations

from typing import Any

from flask import Blueprint, flash, redirect, render_template, request, url_for
from flask_babel import gettext as _

from devices.queries import get_asset
from haas import clock
from haas.auth.caller import Caller, current_caller, requires
from haas.errors import HaasError
from haas.pages.forms import Form, blank_form, read_form
from haas.pages.lists import read_list
from haas.rest.paging import Sort, fetch_page
from leases import client_requests, summaries
from leases.end_schemas import AgreeRequest, LossForm, OfferForm
from leases.ends import buyouts, losses, notices
from leases.ends.buyouts import BuyoutFilter
from leases.ends.models import Buyout
from leases.ends.places import place_of
from leases.ends.policy import Method
from leases.ends.stipulated import LossValue
from leases.ends.values import Price
from leases.portal import end_words as words
from leases.portal.doors import attempt, attempt_or_flash

blueprint = Blueprint("buyouts", __name__)

_SORTS = {"number": Sort(Buyout.number, Buyout.id)}
TABS: dict[str, tuple[str, ...]] = {
    "offered": ("offered",),
    "agreed": ("agreed",),
    "passed": ("passed",),
    "withdrawn": ("withdrawn",),
}


@blueprint.get("/buyouts")
@requires("lease.read")
def index() -> str:
    """Offers to buy by state, newest first."""
    caller = current_caller()
    listed = read_list(sorts=_SORTS, default="-number", filters=("state",))
    tab = listed.filters.get("state", "offered")
    page = fetch_page(
        caller.session,
        buyouts.list_buyouts(caller.tenant, where=BuyoutFilter(states=TABS.get(tab, ()))),
        sort=listed.sort,
        cursor=listed.cursor,
        limit=listed.limit,
    )
    return render_template(
        "portal/buyouts/index.html",
        page=page,
        tab=tab,
        tabs=[
            ("offered", _("Offered")),
            ("agreed", _("Agreed")),
            ("passed", _("Sold")),
            ("withdrawn", _("Withdrawn")),
        ],
        names=summaries.client_names(caller.session, caller.tenant, (row.client_id for row in page.rows)),
    )


@blueprint.get("/buyouts/<buyout_id>")
@requires("lease.read")
def show(buyout_id: str) -> str:
    """One offer: its price, its papers, and the next step."""
    caller = current_caller()
    bought = buyouts.get_buyout(caller.session, caller.tenant, buyout_id=buyout_id)
    signer = caller.user.name if caller.tenant.client_id else ""
    return _page(caller, bought, blank_form(agreed_by=signer))


@blueprint.post("/buyouts/<buyout_id>/agree")
@requires("lease.choose")
def agree(buyout_id: str) -> Any:
    """Take the offer."""
    caller = current_caller()
    form = read_form(AgreeRequest)
    if form.data is not None:
        name = form.data["agreed_by"]
        if attempt(
            form,
            lambda: client_requests.agree_buyout(
                caller.session,
                caller.tenant,
                buyout_id=buyout_id,
                agreed_by=name,
                today=clock.today(caller.partner.time_zone),
                at=clock.now(),
            ),
        ):
            flash(_("Agreed. The price is billed with the next run from its day on."), "success")
            return redirect(url_for(".show", buyout_id=buyout_id), 303)
    bought = buyouts.get_buyout(caller.session, caller.tenant, buyout_id=buyout_id)
    return _page(caller, bought, form), 422


@blueprint.post("/buyouts/<buyout_id>/withdraw")
@requires("lease.end")
def withdraw(buyout_id: str) -> Any:
    """Take the offer back."""
    caller = current_caller()
    if attempt_or_flash(lambda: buyouts.withdraw(caller.session, caller.tenant, buyout_id=buyout_id)):
        flash(_("The offer is withdrawn."), "success")
    return redirect(url_for(".show", buyout_id=buyout_id), 303)


@blueprint.route("/assets/<asset_id>/buyout", methods=["GET", "POST"])
@requires("lease.end")
def offer(asset_id: str) -> Any:
    """The price of any day; confirmed, it is offered and frozen."""
    caller = current_caller()
    today = clock.today(caller.partner.time_zone)
    if request.method == "GET":
        policy = notices.policy_of(caller.session, caller.tenant)
        form = blank_form(priced_on=today.isoformat(), method=policy.buyout_method, appraised=None)
        return _offer_page(caller, asset_id, form)
    form = read_form(OfferForm)
    if form.data is None:
        return _offer_page(caller, asset_id, form), 422
    data = dict(form.data)
    confirmed, method = data.pop("confirmed"), Method(data.pop("method"))
    shown: list[Price] = []
    made: list[Buyout] = []
    if not confirmed:
        attempt(
            form,
            lambda: shown.append(
                buyouts.price_asset(
                    caller.session,
                    caller.tenant,
                    asset_id=asset_id,
                    as_of=data["priced_on"],
                    method=method,
                    appraised=data["appraised"],
                )
            ),
        )
        page = _offer_page(caller, asset_id, form, price=shown[0] if shown else None)
        return page, 200 if shown else 422
    if attempt(
        form,
        lambda: made.append(
            buyouts.offer(
                caller.session,
                caller.tenant,
                asset_id=asset_id,
                method=method,
                today=today,
                at=clock.now(),
                **data,
            )
        ),
    ):
        flash(_("%(number)s is offered. Its paper is being printed.", number=made[0].number), "success")
        return redirect(url_for(".show", buyout_id=made[0].id), 303)
    return _offer_page(caller, asset_id, form), 422


@blueprint.route("/assets/<asset_id>/loss", methods=["GET", "POST"])
@requires("lease.end")
def loss(asset_id: str) -> Any:
    """What the loss costs; confirmed, it is billed and the lease goes on without the device."""
    caller = current_caller()
    if request.method == "GET":
        today = clock.today(caller.partner.time_zone)
        return _loss_page(caller, asset_id, blank_form(cause="lost", lost_on=today.isoformat(), reference=""))
    form = read_form(LossForm)
    if form.data is None:
        return _loss_page(caller, asset_id, form), 422
    data = dict(form.data)
    if not data.pop("confirmed"):
        shown: list[LossValue] = []
        attempt(
            form,
            lambda: shown.append(
                losses.preview_loss(caller.session, caller.tenant, asset_id=asset_id, lost_on=data["lost_on"])
            ),
        )
        page = _loss_page(caller, asset_id, form, value=shown[0] if shown else None)
        return page, 200 if shown else 422
    if attempt(
        form,
        lambda: losses.confirm_loss(caller.session, caller.tenant, asset_id=asset_id, at=clock.now(), **data),
    ):
        flash(_("The loss is confirmed. Its value is billed with the next run."), "success")
        return redirect(url_for("assets.show", asset_id=asset_id), 303)
    return _loss_page(caller, asset_id, form), 422


def _page(caller: Caller, bought: Buyout, form: Form) -> str:
    today = clock.today(caller.partner.time_zone)
    return render_template(
        "portal/buyouts/show.html",
        bought=bought,
        form=form,
        client=summaries.find_client(caller.session, caller.tenant, client_id=bought.client_id),
        has_run_out=bought.state == "offered" and bought.valid_until < today,
        is_staff=caller.tenant.client_id is None,
        sees_cost=caller.may("asset.cost.read"),
        words=words,
    )


def _offer_page(caller: Caller, asset_id: str, form: Form, *, price: Price | None = None) -> str:
    return render_template(
        "portal/buyouts/offer.html",
        asset=get_asset(caller.session, caller.tenant, asset_id=asset_id),
        place=_find_place(caller, asset_id),
        form=form,
        price=price,
        words=words,
    )


def _loss_page(caller: Caller, asset_id: str, form: Form, *, value: LossValue | None = None) -> str:
    return render_template(
        "portal/buyouts/loss.html",
        asset=get_asset(caller.session, caller.tenant, asset_id=asset_id),
        place=_find_place(caller, asset_id),
        form=form,
        value=value,
        words=words,
    )


def _find_place(caller: Caller, asset_id: str) -> Any:
    """Where it stands; none where nothing can be offered, which the page says."""
    try:
        return place_of(caller.session, caller.tenant, asset_id=asset_id)
    except HaasError:
        return None
