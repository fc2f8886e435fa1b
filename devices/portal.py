"""Portal pages: the fleet, one asset, its forms."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from flask import Blueprint, Response, flash, redirect, render_template, request, url_for
from flask_babel import gettext as _

from devices import asset_parts, edits, exports, moves, operations, queries, sanitisation
from devices.actions import actions_for
from devices.asset_tabs import TABS
from devices.choices import Choices, choices_of, names_of_places
from devices.columns import SORTS, chosen, offered, sorts_for
from devices.contract_links import contract_links
from devices.edits import CATEGORIES
from devices.filter_chips import chips_of
from devices.forms import AssetForm
from devices.lifecycle import AssetState
from devices.models import Asset
from devices.past import past_of
from devices.queries import AssetFilter, states_of_assets
from devices.shapes import guard_cost
from devices.views import FILTERS, FLEET, LISTED, VIEWS, count_views, shown, states_of
from haas import audit, clock
from haas.auth.caller import Caller, current_caller, requires
from haas.errors import HaasError
from haas.files import get_file
from haas.pages.downloads import Format, table_download
from haas.pages.forms import Form, blank_form, read_form
from haas.pages.lists import ListState, read_list
from haas.rest.paging import fetch_page
from haas.saved_views.lists import views_shown

blueprint = Blueprint("assets", __name__, url_prefix="/assets")

_WARRANTY_DAYS = {"over": 0, "30": 30, "90": 90}


@blueprint.get("")
@requires("asset.read")
def index() -> str:
    """The fleet: views as tabs, filters, one page of rows."""
    caller = current_caller()
    columns = offered(caller.may)
    shown_columns = chosen(columns, request.args.getlist("col"))
    listed = read_list(sorts=sorts_for(columns), default="tag", filters=FILTERS)
    fleet = queries.fleet(caller.tenant, _wanted(caller, listed))
    page = fetch_page(caller.session, fleet, sort=listed.sort, cursor=listed.cursor, limit=listed.limit)
    view = request.args.get("view", "")
    is_narrowed = listed.is_narrowed or bool(view)
    counts = count_views(caller.session, caller.tenant, listed=fleet if is_narrowed else None)
    keys = {column.key for column in shown_columns}
    choices = choices_of(caller.session, caller.tenant, sites="site" in keys or "site" in listed.filters)
    return render_template(
        "portal/fleet/index.html",
        page=page,
        listed=listed,
        columns=columns,
        shown_columns=shown_columns,
        count=shown(counts[LISTED]),
        chips=chips_of(listed, choices, dict(category_words())),
        choices=choices,
        clients=dict(choices.clients),
        sites=dict(choices.sites),
        devices=states_of_assets(caller.session, caller.tenant, asset_ids=[asset.id for asset in page.rows])
        if keys & {"health", "online"}
        else {},
        views=[(key, words, shown(counts.get(key, 0)), key == view) for key, (words, _s) in VIEWS.items()],
        any_assets=any(counts[view] for view in VIEWS),
        view=view,
        saved=views_shown(caller, FLEET),
        categories=category_words(),
        today=clock.today(caller.user.time_zone),
        may_select=any(map(caller.may, ("asset.label", "asset.move", "asset.export"))),
    )


@blueprint.get("/export.<any(csv, xlsx):file_format>")
@requires("asset.export")
def export(file_format: Format) -> Any:
    """Exactly what is filtered, or what was ticked; a long list becomes a job."""
    caller = current_caller()
    listed = read_list(sorts=SORTS, default="tag", filters=FILTERS)
    wanted = _wanted(caller, listed)
    with_cost = caller.may("asset.cost.read")
    today = clock.today(caller.user.time_zone)
    number = exports.count(caller.session, caller.tenant, wanted)
    audit.note(
        caller.session,
        action="exported",
        subject="asset",
        subject_id="",
        details={"rows": number, "format": file_format, "filter": exports.as_json(wanted)},
    )
    if number > exports.AT_ONCE_MAX:
        job = exports.start(
            caller.session,
            caller.tenant,
            wanted=wanted,
            file_format=file_format,
            with_cost=with_cost,
            today=today,
        )
        return redirect(url_for("jobs.show", job_id=job.id), 303)
    return table_download(
        file_format,
        name=f"assets-{today}",
        header=exports.header(with_cost=with_cost),
        rows=exports.rows(caller.session, caller.tenant, wanted, with_cost=with_cost),
    )


@blueprint.get("/new")
@requires("asset.manage")
def new() -> str:
    """An empty form for one asset."""
    caller = current_caller()
    form = blank_form(
        state="received", currency=caller.partner.currency, model_id=request.args.get("model_id", "")
    )
    return _asset_form(caller, form)


@blueprint.post("/new")
@requires("asset.manage")
def create() -> Any:
    """Add one asset."""
    caller = current_caller()
    form = read_form(AssetForm)
    if form.data is not None:
        values = {name: value for name, value in form.data.items() if name != "version"}
        model = None
        try:
            model = queries.get_model(caller.session, caller.tenant, model_id=values["model_id"])
            # Who may not see costs enters none: the model's list price stands until sales correct it.
            values.setdefault("cost", model.list_cost)
            values["currency"] = values.get("currency") or model.currency
            asset = operations.register_asset(caller.session, caller.tenant, at=clock.now(), **values)
        except HaasError as refusal:
            if model is None:
                form.refuse(_unknown_model())
            else:
                form.refuse(refusal)
        else:
            flash(_("%(tag)s is in the fleet. Print its label next.", tag=asset.tag), "success")
            return redirect(url_for(".show", asset_id=asset.id), 303)
    return _asset_form(caller, form), 422


@blueprint.get("/<asset_id>")
@requires("asset.read")
def show(asset_id: str) -> str:
    """One asset."""
    caller = current_caller()
    asset = queries.get_asset(caller.session, caller.tenant, asset_id=asset_id)
    tab = request.args.get("tab", "summary")
    tab = tab if tab in TABS else "summary"
    staff = caller.tenant.client_id is None
    known = past_of(caller.session, caller.tenant, asset_id=asset_id)
    contract = (
        moves.contract_of(caller.session, caller.tenant, asset=asset, known=known.moves) if staff else {}
    )
    ids = {asset.client_id, asset.site_id, asset.holds_data_of_client_id}
    ids |= {each for place in known.places for each in (place.client_id, place.site_id)}
    places = names_of_places(caller.session, caller.tenant, ids)
    return render_template(
        "portal/fleet/show.html",
        asset=asset,
        tab=tab,
        actions=actions_for(asset, permissions=caller.identity.permissions, contract=contract),
        contract=contract,
        # Above what the asset is and how it is doing; the long tabs are read by who looks for a row.
        notices=[tell(caller, asset) for tell in asset_parts.notices] if tab in ("summary", "health") else [],
        links=contract_links(caller, asset, contract),
        places=places,
        categories=dict(category_words()),
        wipeable=AssetState(asset.state) in sanitisation.WIPEABLE,
        needs_wipe=staff and sanitisation.needs_wipe(asset),
        today=clock.today(caller.user.time_zone),
        new_key=operations.new_key(),
        **TABS[tab](caller, asset, known, places),
    )


@blueprint.get("/<asset_id>/edit")
@requires("asset.manage")
def edit(asset_id: str) -> str:
    """The form with what was entered."""
    caller = current_caller()
    asset = queries.get_asset(caller.session, caller.tenant, asset_id=asset_id)
    names = [name for name in AssetForm().fields if hasattr(asset, name)]
    return _asset_form(caller, blank_form(**{name: getattr(asset, name) for name in names}), asset)


@blueprint.post("/<asset_id>/edit")
@requires("asset.manage")
def update(asset_id: str) -> Any:
    """Correct what was entered, unless someone else did meanwhile."""
    caller = current_caller()
    asset = queries.get_asset(caller.session, caller.tenant, asset_id=asset_id)
    form = read_form(AssetForm)
    if form.data is not None:
        version = form.data.pop("version")
        kept_apart = {"state", "custodian"}  # changed by moves and placements alone
        changes = {
            name: value
            for name, value in form.data.items()
            if name not in kept_apart and getattr(asset, name) != value
        }
        changes = {name: value for name, value in changes.items() if value or getattr(asset, name)}
        try:
            guard_cost(caller, changes)
            edits.update_asset(
                caller.session,
                caller.tenant,
                asset_id=asset_id,
                changes=changes,
                expected_version=version,
            )
        except HaasError as refusal:
            form.refuse(refusal)
        else:
            flash(_("Saved."), "success")
            return redirect(url_for(".show", asset_id=asset_id), 303)
    return _asset_form(caller, form, asset), 422


@blueprint.get("/<asset_id>/wipe-certificates/<certificate_id>.pdf")
@requires("asset.read")
def certificate(asset_id: str, certificate_id: str) -> Response:
    """The printed wipe certificate."""
    caller = current_caller()
    found = sanitisation.get_certificate(caller.session, caller.tenant, certificate_id=certificate_id)
    if found.asset_id != asset_id or found.file_id is None:
        raise queries.AssetNotFound(_("This certificate is not printed yet; look again in a moment."))
    get_file(caller.session, caller.tenant, file_id=found.file_id)
    return redirect(url_for("files.download", file_id=found.file_id, inline=1))  # type: ignore[return-value]


def category_words() -> list[tuple[str, str]]:
    """Categories with their words."""
    words = {
        "laptop": _("Laptop"),
        "desktop": _("Desktop"),
        "workstation": _("Workstation"),
        "server": _("Server"),
        "network": _("Network"),
        "printer": _("Printer"),
        "phone": _("Phone"),
        "tablet": _("Tablet"),
        "pos": _("Point of sale"),
        "other": _("Other"),
    }
    return [(key, words[key]) for key in CATEGORIES]


def _wanted(caller: Caller, listed: ListState) -> AssetFilter:
    filters = listed.filters
    states = [state for state in request.args.getlist("state") if state in set(AssetState)]
    days = _WARRANTY_DAYS.get(filters.get("warranty", ""))
    return AssetFilter(
        states=tuple(states) or states_of(request.args.get("view", "")),
        model_id=filters.get("model"),
        category=filters.get("category"),
        client_id=filters.get("client") if filters.get("client") != "none" else None,
        in_stock=filters.get("client") == "none",
        site_id=filters.get("site"),
        grade=filters.get("grade"),
        warranty_before=(
            clock.today(caller.user.time_zone) + timedelta(days=days) if days is not None else None
        ),
        text=listed.search,
        online=filters.get("online"),
        verdict=filters.get("health"),
        ids=tuple(request.args.getlist("id")[:2000]),
    )


def _asset_form(caller: Caller, form: Form, asset: Asset | None = None) -> str:
    choices: Choices = choices_of(caller.session, caller.tenant)
    if asset is not None and asset.model_id not in dict(choices.models):
        choices.models.append((asset.model_id, f"{asset.model.manufacturer} {asset.model.name}"))
    return render_template(
        "portal/fleet/asset_form.html",
        form=form,
        asset=asset,
        choices=choices,
        states=operations.REGISTRABLE,
        sees_cost=caller.may("asset.cost.read"),
    )


def _unknown_model() -> HaasError:
    return HaasError(_("Choose one of your hardware models."), field="model_id")
