"""REST: /v1/export-profiles, /v1/export-batches."""

from __future__ import annotations

from typing import Any

from flask import Response, current_app
from flask_smorest import Blueprint

from haas import clock
from haas.auth.caller import current_caller, requires
from haas.errors import Conflict
from haas.files import get_file
from haas.pages.downloads import download
from haas.rest.limits import EXPENSIVE, limiter
from haas.rest.openapi import Paged, page_of
from haas.rest.paging import Sort, fetch_page
from invoicing.exports import batches, deliveries, destinations, profiles
from invoicing.exports.dry_run import dry_run
from invoicing.exports.models import ExportBatch, ExportItem
from invoicing.exports.schemas import (
    BatchesListed,
    BatchRequest,
    BatchReversalRequest,
    DeliveryResource,
    DestinationRequest,
    DryRunResource,
    ExportBatchResource,
    ExportBatchWhole,
    ExportItemResource,
    FingerprintResource,
    KeyConfirmation,
    NamesChange,
    NamesResource,
    ProfileChange,
    ProfileRequest,
    ProfileResource,
    Profiles,
)
from invoicing.ledger.accounts import ensure_chart

profiles_api = Blueprint(
    "export_profiles_api", __name__, url_prefix="/v1/export-profiles", description="Exports to the books"
)
batches_api = Blueprint(
    "export_batches_api", __name__, url_prefix="/v1/export-batches", description="Batches of exports"
)

Answer = dict[str, Any]


@profiles_api.get("")
@requires("invoice.export")
@profiles_api.response(200, Profiles)
def list_profiles() -> Answer:
    """Every profile in use."""
    caller = current_caller()
    return {"items": profiles.list_profiles(caller.session, caller.tenant)}


@profiles_api.post("")
@requires("export.manage")
@profiles_api.arguments(ProfileRequest)
@profiles_api.response(201, ProfileResource)
def create_profile(profile: dict[str, Any]) -> Any:
    """A profile; its mapping begins with the chart of accounts, as far as the format takes its codes."""
    caller = current_caller()
    ensure_chart(caller.session, caller.tenant)  # a partner may export before it has opened its books
    made = profiles.create_profile(caller.session, caller.tenant, at=clock.now(), **profile)
    return made, 201, {"Location": f"/v1/export-profiles/{made.id}"}


@profiles_api.get("/<profile_id>")
@requires("invoice.export")
@profiles_api.response(200, ProfileResource)
def get_profile(profile_id: str) -> Any:
    """One profile."""
    caller = current_caller()
    return profiles.get_profile(caller.session, caller.tenant, profile_id=profile_id)


@profiles_api.put("/<profile_id>")
@requires("export.manage")
@profiles_api.arguments(ProfileChange)
@profiles_api.response(200, ProfileResource)
def change_profile(change: dict[str, Any], profile_id: str) -> Any:
    """Another name, rule or rhythm. Format, content and books stay."""
    caller = current_caller()
    return profiles.change_profile(
        caller.session, caller.tenant, profile_id=profile_id, now=clock.now(), **change
    )


@profiles_api.delete("/<profile_id>")
@requires("export.manage")
@profiles_api.response(200, ProfileResource)
def archive_profile(profile_id: str) -> Any:
    """Put it away: no more batches of it are made."""
    caller = current_caller()
    return profiles.archive_profile(caller.session, caller.tenant, profile_id=profile_id, at=clock.now())


@profiles_api.get("/<profile_id>/mapping")
@requires("invoice.export")
@profiles_api.response(200, NamesResource)
def get_mapping(profile_id: str) -> Answer:
    """How the books call accounts, taxes, clients and cost centres."""
    caller = current_caller()
    profile = profiles.get_profile(caller.session, caller.tenant, profile_id=profile_id)
    return {"rows": profiles.rows_of(caller.session, caller.tenant, profile_id=profile.id)}


@profiles_api.put("/<profile_id>/mapping")
@requires("export.manage")
@profiles_api.arguments(NamesChange)
@profiles_api.response(200, NamesResource)
def set_mapping(change: dict[str, Any], profile_id: str) -> Answer:
    """Set the names that are sent, all or none; an empty value takes one away, what is not sent stays."""
    caller = current_caller()
    rows = [(row["kind"], row["key"], row["value"]) for row in change["rows"]]
    profiles.set_names(caller.session, caller.tenant, profile_id=profile_id, rows=rows)
    return {"rows": profiles.rows_of(caller.session, caller.tenant, profile_id=profile_id)}


@profiles_api.put("/<profile_id>/destination")
@requires("export.manage")
@profiles_api.arguments(DestinationRequest)
@profiles_api.response(200, ProfileResource)
def set_destination(wanted: dict[str, Any], profile_id: str) -> Any:
    """Send files by mail, by SFTP or nowhere."""
    caller = current_caller()
    return destinations.send_to(
        caller.session,
        caller.tenant,
        profile_id=profile_id,
        secret_key=current_app.config["HAAS"].secret_key,
        **wanted,
    )


@profiles_api.post("/<profile_id>/host-key")
@limiter.limit(EXPENSIVE)
@requires("export.manage")
@profiles_api.response(200, FingerprintResource)
def ask_host_key(profile_id: str) -> Answer:
    """Ask the SFTP server for its key; compare the fingerprint with what its operator says, then confirm."""
    caller, own = current_caller(), current_app.config["HAAS"]
    shown = destinations.ask_host_key(
        caller.session,
        caller.tenant,
        profile_id=profile_id,
        secret_key=own.secret_key,
        allow_private=own.sftp_private_hosts,
    )
    return {"fingerprint": shown}


@profiles_api.put("/<profile_id>/host-key")
@requires("export.manage")
@profiles_api.arguments(KeyConfirmation)
@profiles_api.response(200, ProfileResource)
def confirm_host_key(confirmation: dict[str, Any], profile_id: str) -> Any:
    """Pin the key: files go only to a server that has it."""
    caller = current_caller()
    return destinations.confirm_host_key(
        caller.session, caller.tenant, profile_id=profile_id, shown=confirmation["fingerprint"]
    )


@profiles_api.get("/<profile_id>/test-run")
@limiter.limit(EXPENSIVE)
@requires("invoice.export")
@profiles_api.response(200, DryRunResource)
def test_run(profile_id: str) -> Any:
    """The next batch before it is made: sums, what has no name, the head of the file. Nothing is kept."""
    caller = current_caller()
    return dry_run(caller.session, caller.tenant, profile_id=profile_id, at=clock.now())


@batches_api.get("")
@requires("invoice.export")
@batches_api.arguments(BatchesListed, location="query")
@batches_api.response(200, page_of(ExportBatchResource))
def list_batches(query: dict[str, Any]) -> Answer:
    """Batches, the newest first."""
    caller = current_caller()
    page = fetch_page(
        caller.session,
        batches.list_batches(caller.tenant, profile_id=query.get("profile_id"), state=query.get("state")),
        sort=Sort(ExportBatch.created_at, ExportBatch.id, descending=True),
        cursor=query.get("cursor"),
        limit=query["limit"],
    )
    return {"items": page.rows, "next": page.older}


@batches_api.post("")
@limiter.limit(EXPENSIVE)
@requires("invoice.export")
@batches_api.arguments(BatchRequest)
@batches_api.response(202, ExportBatchResource)
def start_batch(wanted: dict[str, Any]) -> Any:
    """Take all that waits; 422 names every key without a name, 409 says that nothing waits."""
    caller = current_caller()
    batch = batches.start(caller.session, caller.tenant, at=clock.now(), **wanted)
    return batch, 202, {"Location": f"/v1/export-batches/{batch.id}"}


@batches_api.get("/<batch_id>")
@requires("invoice.export")
@batches_api.response(200, ExportBatchWhole)
def get_batch(batch_id: str) -> Answer:
    """One batch, and where its file was sent."""
    caller = current_caller()
    batch = batches.get_batch(caller.session, caller.tenant, batch_id=batch_id)
    sent = deliveries.of_batches(caller.session, caller.tenant, batch_ids=[batch_id])[batch_id]
    return {**{name: getattr(batch, name) for name in ExportBatchResource().fields}, "deliveries": sent}


@batches_api.get("/<batch_id>/items")
@requires("invoice.export")
@batches_api.arguments(Paged, location="query")
@batches_api.response(200, page_of(ExportItemResource))
def list_items(query: dict[str, Any], batch_id: str) -> Answer:
    """What stands in a batch, in its order."""
    caller = current_caller()
    batches.get_batch(caller.session, caller.tenant, batch_id=batch_id)
    page = fetch_page(
        caller.session,
        batches.list_items(caller.tenant, batch_id=batch_id),
        sort=Sort(ExportItem.position, ExportItem.id),
        cursor=query.get("cursor"),
        limit=query["limit"],
    )
    return {"items": page.rows, "next": page.older}


@batches_api.get("/<batch_id>/file")
@requires("invoice.export")
@batches_api.response(
    200,
    {"type": "string", "format": "binary"},
    content_type="application/octet-stream",
    description="The file, the same bytes each time",
)
def get_batch_file(batch_id: str) -> Response:
    """The file as it was written; 409 before."""
    caller = current_caller()
    batch = batches.get_batch(caller.session, caller.tenant, batch_id=batch_id)
    if batch.file_id is None:
        raise Conflict(f"{batch.number} has no file: its state is {batch.state}.")
    stored = get_file(caller.session, caller.tenant, file_id=batch.file_id)
    answer = download(stored.content, name=stored.name, media_type=stored.media_type)
    answer.headers["ETag"] = f'"{stored.sha256}"'
    return answer


@batches_api.post("/<batch_id>/reversal")
@requires("export.manage")
@batches_api.arguments(BatchReversalRequest)
@batches_api.response(202, ExportBatchResource)
def reverse_batch(wanted: dict[str, Any], batch_id: str) -> Any:
    """Take it back by a batch of its own; once that is written, what stood in it waits again."""
    caller = current_caller()
    batch = batches.reverse(caller.session, caller.tenant, batch_id=batch_id, at=clock.now(), **wanted)
    return batch, 202, {"Location": f"/v1/export-batches/{batch.id}"}


@batches_api.post("/<batch_id>/deliveries")
@requires("invoice.export")
@batches_api.response(202, DeliveryResource)
def send_batch(batch_id: str) -> Any:
    """Send the file to where its profile says now, also if it was sent before."""
    caller = current_caller()
    batch = batches.get_batch(caller.session, caller.tenant, batch_id=batch_id)
    profile = profiles.get_profile(caller.session, caller.tenant, profile_id=batch.profile_id)
    return deliveries.request(caller.session, caller.tenant, batch=batch, profile=profile, at=clock.now())
