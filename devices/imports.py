"""Import assets from a table: upload, dry run, commit. The whole file or nothing of it."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass
from datetime import date, datetime
from decimal import Decimal
from itertools import islice
from typing import Any

import sqlalchemy as sa
from sqlalchemy.dialects.postgresql import Range
from sqlalchemy.orm import Session

from devices import edits
from devices.identifiers import name_key, normalised
from devices.import_rows import DateOrder, Draft, Known, NewModel, Outcome, RowError, read_rows, taken
from devices.import_table import Table, read_table
from devices.label_tokens import new_label_token
from devices.models import Asset, AssetMove, Custody, HardwareModel, LabelToken
from devices.numbering import next_tags
from haas import clock, db, outbox, progress
from haas.crash import crashpoint
from haas.errors import Conflict, NotFound
from haas.files import StoredFile, get_file, store_file
from haas.ids import new_id
from haas.progress import LongJob
from haas.tenancy.models import Client, Partner, Site
from haas.tenancy.scope import Tenant, scoped

KIND = "asset_import"
CHUNK = 1000
_ERRORS_KEPT = 2000


@dataclass(frozen=True, slots=True)
class ImportOptions:
    """How the file is to be understood."""

    date_order: DateOrder = "day"
    create_models: bool = False


@dataclass(frozen=True, slots=True)
class ImportReport:
    """What a dry run found. With no errors, `rows` assets would be made."""

    file_id: str
    file_name: str
    rows: int
    errors: list[RowError]
    new_models: list[NewModel]
    columns: tuple[str, ...]
    ignored: tuple[str, ...]
    sample: list[Draft]

    @property
    def is_clean(self) -> bool:
        """Whether it may be committed."""
        return not self.errors


class NotClean(Conflict):
    """The file has errors: nothing was brought in."""

    code = "import_has_errors"


def upload(session: Session, tenant: Tenant, *, name: str, content: bytes) -> StoredFile:
    """Keep an uploaded table, if it is one.

    :raises UnreadableTable: if it cannot be read as a whole.
    """
    read_table(content)
    return store_file(
        session, tenant, kind=KIND, name=name[:120] or "assets.csv", media_type="text/csv", content=content
    )


def dry_run(
    session: Session, tenant: Tenant, *, file_id: str, options: ImportOptions, today: date
) -> ImportReport:
    """Read the whole file against what the partner has, and change nothing."""
    stored, table = _table(session, tenant, file_id=file_id)
    outcome = _read(session, tenant, table=table, options=options, today=today)
    return ImportReport(
        file_id=stored.id,
        file_name=stored.name,
        rows=len(table.rows),
        errors=sorted(outcome.errors, key=lambda error: (error.row, error.column)),
        new_models=list(outcome.new_models.values()),
        columns=table.columns,
        ignored=table.ignored,
        sample=outcome.drafts[:5],
    )


def commit(session: Session, tenant: Tenant, *, file_id: str, options: ImportOptions, today: date) -> LongJob:
    """Ask for the import; the job does it. Asking again answers the job that is under way or done.

    :raises NotClean: if the dry run finds errors now.
    """
    # One file is brought in once, however many windows it is open in.
    session.execute(sa.select(sa.func.pg_advisory_xact_lock(sa.func.hashtextextended(file_id, 0))))
    asked = find_job(session, tenant, file_id=file_id)
    if asked is not None and asked.state != "failed":
        return asked
    report = dry_run(session, tenant, file_id=file_id, options=options, today=today)
    if report.errors:
        raise NotClean(f"The file has {len(report.errors)} errors: correct them and upload it again.")
    job = progress.start(
        session,
        tenant,
        kind=KIND,
        title=f"Import of {report.file_name}",
        arguments={"file_id": file_id, **asdict(options), "today": today.isoformat()},
        total=report.rows,
    )
    outbox.publish(session, tenant, "asset_import.requested", job_id=job.id)
    session.flush()
    return job


def find_job(session: Session, tenant: Tenant, *, file_id: str) -> LongJob | None:
    """The newest job that brings this file in, if one was asked for."""
    return session.scalar(
        scoped(LongJob, tenant)
        .where(LongJob.kind == KIND, LongJob.arguments["file_id"].astext == file_id)
        .order_by(LongJob.created_at.desc(), LongJob.id.desc())
        .limit(1)
    )


def run_import(tenant: Tenant, *, job_id: str) -> None:
    """Do a committed import in one transaction. A second run finds it done and changes nothing."""
    with db.unit_of_work(tenant) as session:
        session.execute(sa.select(sa.func.pg_advisory_xact_lock(sa.func.hashtextextended(job_id, 0))))
        job = progress.get(session, tenant, job_id=job_id)
        if job.state in ("done", "failed"):
            return
        given = job.arguments
        options = ImportOptions(given["date_order"], given["create_models"])
        progress.advance(tenant, job_id=job_id, done=0, message="Reading the file")
        _, table = _table(session, tenant, file_id=given["file_id"])
        outcome = _read(
            session, tenant, table=table, options=options, today=date.fromisoformat(given["today"])
        )
        # The report was clean when it was asked for; meanwhile someone may have taken a serial.
        if outcome.errors:
            _fail(session, tenant, job_id=job_id, outcome=outcome)
            return

        def tell(done: int) -> None:
            progress.advance(tenant, job_id=job_id, done=done, message="Bringing in the assets")

        maker = Tenant(tenant.partner_id, actor=job.created_by, door="job", request_id=tenant.request_id)
        made = insert_assets(session, maker, outcome=outcome, at=clock.now(), tell=tell)
        crashpoint("asset_import.inserted")
        session.expire(job)
        progress.finish(
            session, tenant, job_id=job_id, result={"assets": made, "models": len(outcome.new_models)}
        )
        outbox.publish(session, tenant, "asset_import.finished", job_id=job_id)


def insert_assets(
    session: Session,
    tenant: Tenant,
    *,
    outcome: Outcome,
    at: datetime,
    tell: Callable[[int], None] = lambda _: None,
) -> int:
    """Write every draft: asset, first move, place and label, in statements of a thousand rows."""
    models = _make_models(session, tenant, outcome.new_models, at=at)
    untagged = [draft for draft in outcome.drafts if not draft.values["tag"]]
    for draft, tag in zip(
        untagged, next_tags(session, tenant, count=len(untagged)) if untagged else [], strict=True
    ):
        draft.values["tag"] = tag
    for start in range(0, len(outcome.drafts), CHUNK):
        chunk = outcome.drafts[start : start + CHUNK]
        assets = [_asset_row(tenant, draft, models, at) for draft in chunk]
        for table, rows in (
            (Asset, assets),
            (AssetMove, [_move_row(tenant, asset, at) for asset in assets]),
            (Custody, [_custody_row(tenant, asset, at) for asset in assets]),
            (LabelToken, [_label_row(tenant, asset, at) for asset in assets]),
        ):
            session.execute(sa.insert(table), rows)
        tell(start + len(chunk))
    return len(outcome.drafts)


def _table(session: Session, tenant: Tenant, *, file_id: str) -> tuple[StoredFile, Table]:
    stored = get_file(session, tenant, file_id=file_id)
    if stored.kind != KIND:
        raise NotFound(f"There is no import {file_id}.")
    return stored, read_table(stored.content)


def _read(session: Session, tenant: Tenant, *, table: Table, options: ImportOptions, today: date) -> Outcome:
    known = _known(session, tenant, today=today)
    outcome = read_rows(table, known, date_order=options.date_order, create_models=options.create_models)
    outcome.errors += taken(outcome.drafts, _worn(session, tenant, outcome.drafts))
    return outcome


def _known(session: Session, tenant: Tenant, *, today: date) -> Known:
    partner = session.get_one(Partner, tenant.partner_id)
    models = session.execute(
        sa.select(HardwareModel.manufacturer_norm, HardwareModel.name_norm, HardwareModel.id).where(
            HardwareModel.partner_id == tenant.partner_id, HardwareModel.archived_at.is_(None)
        )
    )
    clients: dict[str, str] = {}
    for client in session.scalars(scoped(Client, tenant).where(Client.archived_at.is_(None))):
        for name in {name_key(client.name), name_key(client.legal_name)}:
            clients[name] = "" if name in clients else client.id
        clients[name_key(client.number)] = client.id
    sites = session.scalars(scoped(Site, tenant).where(Site.archived_at.is_(None)))
    return Known(
        models={(maker, name): model_id for maker, name, model_id in models},
        clients=clients,
        sites={(site.client_id, name_key(site.name)): site.id for site in sites},
        currency=partner.currency,
        today=today,
    )


def _worn(session: Session, tenant: Tenant, drafts: Sequence[Draft]) -> Mapping[str, Mapping[str, str]]:
    """The serials and tags of the drafts that assets have already, in one question for each."""
    worn: dict[str, dict[str, str]] = {}
    for column, norm in (("serial", Asset.serial_norm), ("tag", Asset.tag_norm)):
        wanted = [normalised(draft.values[column]) for draft in drafts if draft.values[column]]
        found = session.execute(
            sa.select(norm, Asset.tag).where(
                Asset.partner_id == tenant.partner_id,
                norm == sa.any_(sa.cast(wanted, sa.ARRAY(sa.Text))),
            )
        )
        worn[column] = {str(row[0]): row[1] for row in found}
    return worn


def _make_models(
    session: Session, tenant: Tenant, new: Mapping[tuple[str, str], NewModel], *, at: datetime
) -> dict[tuple[str, str], str]:
    return {
        key: edits.create_model(
            session,
            tenant,
            manufacturer=model.manufacturer,
            name=model.name,
            category=model.category,
            list_cost=model.cost,
            currency=model.currency,
            residual_value_pct=Decimal(0),
            at=at,
        ).id
        for key, model in new.items()
    }


def _asset_row(
    tenant: Tenant, draft: Draft, models: Mapping[tuple[str, str], str], at: datetime
) -> dict[str, Any]:
    serial = draft.values["serial"]
    return {
        **draft.values,
        "partner_id": tenant.partner_id,
        "id": new_id("ast"),
        "tag_norm": normalised(draft.values["tag"]),
        "serial_norm": normalised(serial) if serial else None,
        "model_id": models[draft.model] if isinstance(draft.model, tuple) else draft.model,
        "client_id": draft.client_id,
        "site_id": draft.site_id,
        "created_at": at,
        "version": 1,
    }


def _move_row(tenant: Tenant, asset: Mapping[str, Any], at: datetime) -> dict[str, Any]:
    return {
        "partner_id": tenant.partner_id,
        "id": new_id("mov"),
        "asset_id": asset["id"],
        "position": 1,
        "verb": "register",
        "from_state": None,
        "to_state": asset["state"],
        "moved_at": at,
        "recorded_at": at,
        "actor": tenant.actor,
        "reason": "import",
        "details": {},
        "idempotency_key": None,
    }


def _custody_row(tenant: Tenant, asset: Mapping[str, Any], at: datetime) -> dict[str, Any]:
    return {
        "partner_id": tenant.partner_id,
        "id": new_id("cus"),
        "asset_id": asset["id"],
        "client_id": asset["client_id"],
        "site_id": asset["site_id"],
        "custodian": asset["custodian"],
        "during": Range(at, None),
        "actor": tenant.actor,
    }


def _label_row(tenant: Tenant, asset: Mapping[str, Any], at: datetime) -> dict[str, Any]:
    return {
        "partner_id": tenant.partner_id,
        "id": new_id("lab"),
        "asset_id": asset["id"],
        "token": new_label_token(),
        "issued_at": at,
        "revoked_at": None,
    }


def _fail(session: Session, tenant: Tenant, *, job_id: str, outcome: Outcome) -> None:
    session.expire_all()
    progress.finish(
        session,
        tenant,
        job_id=job_id,
        error=f"Nothing was brought in: the file has {len(outcome.errors)} errors now.",
        result={"errors": as_json(outcome.errors)},
    )


def as_json(errors: Iterable[RowError]) -> list[dict[str, Any]]:
    """Errors as they are kept and sent: row, field (the column, or empty for the row), message."""
    return [
        {"row": error.row, "field": error.column, "message": error.message}
        for error in islice(errors, _ERRORS_KEPT)
    ]
