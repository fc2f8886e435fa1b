"""Portal pages: the fleet, one asset, its forms."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import timedelta
from typing import Any
from zoneinfo import ZoneInfo

from flask import Blueprint, Response, flash, redirect, render_template, request, url_for
from flask_babel import gettext as _

from devices import asset_parts, edits, exports, moves, operations, queries, sanitisation
from devices.actions import actions_for
from devices.asset_history import (
    TRACK_WORDS,
    custody_track,
    health_items,
    health_track,
    state_track,
    title_track,
)
from devices.choices import Choices, choices_of, names_of_people, names_of_places
from devices.contract_links import contract_links
from devices.edits import CATEGORIES
from devices.forms import AssetForm
from devices.lifecycle import AssetState
from devices.models import Asset
from devices.moves import GRADES
from devices.past import Past, TimelineItem, health_changes_of, past_of
from devices.queries import AssetFilter
from devices.shapes import guard_cost
from devices.telemetry_models import HealthChange
from devices.timeline_words import timeline_items
from devices.tracks import draw
from devices.views import VIEWS, count_views, shown, states_of
from haas import audit, clock
from haas.auth.caller import Caller, current_caller, requires
from haas.errors import HaasError
from haas.files import get_file
from haas.pages.downloads import Format, table_download
from haas.pages.forms import Form, blank_form, read_form
from haas.pages.lists import ListState, read_list
from haas.rest.paging import Sort, fetch_page

blueprint = Blueprint("assets", __name__, url_prefix="/assets")

_SORTS = {"tag": Sort(Asset.tag_norm, Asset.id), "added": Sort(Asset.id, Asset.id)}
_FILTERS = ("model", "client", "category", "grade", "warranty", "state", "site", "online", "health")
_WARRANTY_DAYS = {"over": 0, "30": 30, "90": 90}


@blueprint.get("")
@requires("asset.read")
def index() -> str:
    """The fleet: views as tabs, filters, one page of rows."""
    caller = current_caller()
    listed = read_list(sorts=_SORTS, default="tag", filters=_FILTERS)
    page = fetch_page(
        caller.session,
        queries.fleet(caller.tenant, _wanted(caller, listed)),
        sort=listed.sort,
        cursor=listed.cursor,
        limit=listed.limit,
    )
    choices = choices_of(caller.session, caller.tenant)
    counts = count_views(caller.session, caller.tenant)
    view = request.args.get("view", "")
    return render_template(
        "portal/fleet/index.html",
        page=page,
        listed=listed,
        choices=choices,
        clients=dict(choices.clients),
        views=[(key, words, shown(counts.get(key, 0)), key == view) for key, (words, _s) in VIEWS.items()],
        any_assets=any(counts.values()),
        view=view,
        grades=GRADES,
        categories=category_words(),
        today=clock.today(caller.user.time_zone),
        may_select=any(map(caller.may, ("asset.label", "asset.move", "asset.export"))),
    )


@blueprint.get("/export.<any(csv, xlsx):file_format>")
@requires("asset.export")
def export(file_format: Format) -> Any:
    """Exactly what is filtered, or what was ticked; a long list becomes a job."""
    caller = current_caller()
    listed = read_list(sorts=_SORTS, default="tag", filters=_FILTERS)
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
    tab = tab if tab in _TABS else "summary"
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
        **_TABS[tab](caller, asset, known, places),
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


def _summary(caller: Caller, asset: Asset, known: Past, places: dict[str, str]) -> dict[str, Any]:  # noqa: ARG001 - one shape for all tabs
    return {"timeline": _events(caller, known.items()[:6], places), "wipes": known.wipes[::-1]}


def _health(caller: Caller, asset: Asset, known: Past, places: dict[str, str]) -> dict[str, Any]:  # noqa: ARG001 - one shape for all tabs
    return {}


def _money(caller: Caller, asset: Asset, known: Past, places: dict[str, str]) -> dict[str, Any]:  # noqa: ARG001 - one shape for all tabs
    return {"parts": [tell(caller, asset) for tell in asset_parts.money]}


def _documents(caller: Caller, asset: Asset, known: Past, places: dict[str, str]) -> dict[str, Any]:  # noqa: ARG001 - one shape for all tabs
    papers = [
        asset_parts.Paper(
            wipe.performed_at,
            "wipe",
            _("Wipe certificate %(number)s", number=wipe.number),
            wipe.technique,
            url_for(".certificate", asset_id=asset.id, certificate_id=wipe.id) if wipe.file_id else None,
        )
        for wipe in known.wipes
    ]
    papers += asset_parts.papers_of(caller, asset)
    return {"papers": sorted(papers, key=lambda paper: paper.at, reverse=True)}


def _history(caller: Caller, asset: Asset, known: Past, places: dict[str, str]) -> dict[str, Any]:
    told = asset_parts.history_of(caller, asset)
    tracks = [custody_track(known.places, names=places), *told.tracks]
    if caller.tenant.client_id is None:  # a client sees no moves
        tracks += [state_track(known.moves), title_track(known.moves)]
    verdicts: Sequence[HealthChange] = ()
    if caller.may("device.read"):
        verdicts = health_changes_of(caller.session, caller.tenant, asset_id=asset.id)
        tracks.append(health_track(verdicts))
    items = [*_events(caller, known.items(), places), *told.items, *health_items(verdicts)]
    return {
        "drawing": draw(tracks, now=clock.now(), zone=ZoneInfo(caller.user.time_zone)),
        "track_words": TRACK_WORDS,
        "timeline": sorted(items, key=lambda item: item["at"], reverse=True),
    }


def _events(caller: Caller, items: Sequence[TimelineItem], places: dict[str, str]) -> list[dict[str, Any]]:
    return timeline_items(
        items, people=names_of_people(caller.session, [item.actor for item in items]), places=places
    )


_TABS: dict[str, Callable[[Caller, Asset, Past, dict[str, str]], dict[str, Any]]] = {
    "summary": _summary,
    "health": _health,
    "money": _money,
    "documents": _documents,
    "history": _history,
}


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
