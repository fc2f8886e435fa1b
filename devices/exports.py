"""The fleet list as CSV or XLSX: exactly what was filtered, texts as texts; long lists as a job."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import asdict
from datetime import date
from typing import Any

import sqlalchemy as sa
from sqlalchemy.orm import Session

from devices.lifecycle import AssetState
from devices.models import Asset
from devices.queries import AssetFilter, fleet
from haas import db, outbox, progress
from haas.files import store_file
from haas.money import round_minor
from haas.pages.downloads import CSV_TYPE, XLSX_TYPE, Cell, Format, csv_bytes, xlsx_bytes
from haas.progress import LongJob
from haas.tenancy.models import Client, Site
from haas.tenancy.scope import Tenant

KIND = "asset_export"
AT_ONCE_MAX = 5_000  # rows that are written while the person waits
_TELL_EVERY = 2_000

# The headings of an import, so that what was exported can be brought in elsewhere.
_HEAD = ("tag", "serial", "manufacturer", "model", "category", "state", "client", "site", "custodian")
_MONEY = ("cost", "currency", "supplier", "purchase reference")
_TAIL = ("purchased on", "warranty until", "in service on", "grade", "notes")


def header(*, with_cost: bool) -> list[str]:
    """The headings; cost and supplier only for those who may see them."""
    return [*_HEAD, *(_MONEY if with_cost else ()), *_TAIL]


def rows(session: Session, tenant: Tenant, wanted: AssetFilter, *, with_cost: bool) -> Iterator[list[Cell]]:
    """One list of cells an asset, by tag; read in portions, so that a long fleet fits in memory."""
    clients = _names(session, tenant, Client)
    sites = _names(session, tenant, Site)
    statement = fleet(tenant, wanted).order_by(Asset.tag_norm).execution_options(yield_per=1000)
    for asset in session.scalars(statement):
        money: list[Cell] = [
            round_minor(asset.cost, asset.currency),
            asset.currency,
            asset.supplier,
            asset.purchase_reference,
        ]
        yield [
            asset.tag,
            asset.serial,
            asset.model.manufacturer,
            asset.model.name,
            asset.model.category,
            asset.state,
            clients.get(asset.client_id or ""),
            sites.get(asset.site_id or ""),
            asset.custodian,
            *(money if with_cost else []),
            asset.purchased_on,
            asset.warranty_until,
            asset.in_service_on,
            asset.grade,
            asset.notes,
        ]


def count(session: Session, tenant: Tenant, wanted: AssetFilter) -> int:
    """How many rows the list has."""
    inner = fleet(tenant, wanted).with_only_columns(Asset.id).options().subquery()
    return session.scalar(sa.select(sa.func.count()).select_from(inner)) or 0


def start(
    session: Session,
    tenant: Tenant,
    *,
    wanted: AssetFilter,
    file_format: Format,
    with_cost: bool,
    today: date,
) -> LongJob:
    """Ask for the list as a file; the job's page offers it when it is written."""
    job = progress.start(
        session,
        tenant,
        kind=KIND,
        title=f"Export of assets ({file_format.upper()})",
        arguments={
            "wanted": as_json(wanted),
            "format": file_format,
            "with_cost": with_cost,
            "today": today.isoformat(),
        },
        total=count(session, tenant, wanted),
    )
    outbox.publish(session, tenant, "asset_export.requested", job_id=job.id)
    return job


def run_export(tenant: Tenant, *, job_id: str) -> None:
    """Write the file. A second run finds it and changes nothing."""
    with db.unit_of_work(tenant) as session:
        job = progress.get(session, tenant, job_id=job_id)
        if job.state in ("done", "failed"):
            return
        given = job.arguments
        with_cost = bool(given["with_cost"])
        cells = rows(session, tenant, from_json(given["wanted"]), with_cost=with_cost)
        content = write(
            given["format"],
            head=header(with_cost=with_cost),
            cells=_told(tenant, job_id, cells),
        )
        stored = store_file(
            session,
            tenant,
            # Whoever may not see costs cannot fetch a file that someone else made with them.
            kind="asset_cost_export" if with_cost else KIND,
            name=f"assets-{given['today']}.{given['format']}",
            media_type=XLSX_TYPE if given["format"] == "xlsx" else CSV_TYPE,
            content=content,
            once_key=f"{KIND}:{job_id}",
        )
        session.expire(job)
        progress.finish(session, tenant, job_id=job_id, file_id=stored.id)


def write(file_format: Format, *, head: list[str], cells: Iterator[list[Cell]]) -> bytes:
    """The table in the format that was asked for."""
    if file_format == "xlsx":
        return xlsx_bytes(title="Assets", header=head, rows=cells)
    return csv_bytes(header=head, rows=cells)


def as_json(wanted: AssetFilter) -> dict[str, Any]:
    """A filter as it is kept with a job."""
    kept = asdict(wanted)
    kept["warranty_before"] = wanted.warranty_before.isoformat() if wanted.warranty_before else None
    return kept


def from_json(kept: Mapping[str, Any]) -> AssetFilter:
    """The filter that `as_json` wrote; fields of another release are left out."""
    known = {name: value for name, value in kept.items() if name in AssetFilter.__dataclass_fields__}
    day = known.get("warranty_before")
    known["warranty_before"] = date.fromisoformat(day) if day else None
    for name in ("states", "ids"):
        known[name] = tuple(known.get(name) or ())
    known["states"] = tuple(AssetState(state) for state in known["states"])
    return AssetFilter(**known)


def _told(tenant: Tenant, job_id: str, cells: Iterator[list[Cell]]) -> Iterator[list[Cell]]:
    for number, row in enumerate(cells):
        if number % _TELL_EVERY == 0:
            progress.advance(tenant, job_id=job_id, done=number)
        yield row


def _names(session: Session, tenant: Tenant, kind: type[Client | Site]) -> dict[str, str]:
    found = session.execute(sa.select(kind.id, kind.name).where(kind.partner_id == tenant.partner_id))
    return {row[0]: row[1] for row in found}
