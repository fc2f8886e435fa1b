"""An export asked for: at once where it is short, as a job with progress where it is long."""

from __future__ import annotations

import io
from collections.abc import Callable, Iterator, Mapping
from dataclasses import asdict, dataclass
from datetime import date
from typing import Any, Literal

from sqlalchemy.orm import Session

from haas import audit, db, outbox, progress
from haas.errors import NotFound, TooLarge
from haas.files import store_file
from haas.pages.downloads import CSV_TYPE, XLSX_TYPE, Cell
from haas.progress import LongJob
from haas.tenancy.scope import Tenant
from invoicing.exports.csv import csv_pieces
from invoicing.exports.rows import Content, count, header, rows, told
from invoicing.exports.xlsx import ROWS_MAX, write_xlsx
from invoicing.queries import InvoiceFilter

Format = Literal["csv", "csv_raw", "xlsx"]
FORMATS: tuple[Format, ...] = ("csv", "csv_raw", "xlsx")
KIND = "invoice_export"
AT_ONCE_MAX = 2_000  # rows that are written while the person waits
_TELL_EVERY = 1_000


@dataclass(frozen=True, slots=True)
class Export:
    """What is asked for: which documents, whole or line by line, in which format, as of which day."""

    where: InvoiceFilter
    content: Content
    file_format: Format
    today: date

    @property
    def name(self) -> str:
        """The file's name as downloaded."""
        what = "invoice-lines" if self.content == "lines" else "invoices"
        return f"{what}-{self.today.isoformat()}.{'xlsx' if self.file_format == 'xlsx' else 'csv'}"

    @property
    def media_type(self) -> str:
        """What the file is."""
        return XLSX_TYPE if self.file_format == "xlsx" else CSV_TYPE


def size(session: Session, tenant: Tenant, *, export: Export) -> int:
    """How many rows it will have.

    :raises TooLarge: if a sheet cannot hold them.
    """
    found = count(session, tenant, content=export.content, where=export.where, today=export.today)
    if export.file_format == "xlsx" and found > ROWS_MAX:
        raise TooLarge(f"A sheet holds {ROWS_MAX:,} rows, this has {found:,}. Choose CSV, or a shorter time.")
    return found


def write_now(session: Session, tenant: Tenant, *, export: Export) -> bytes:
    """The file's bytes, for what is short enough to wait for."""
    _note(session, export)
    return _written(session, tenant, export, tell=None)


def start(session: Session, tenant: Tenant, *, export: Export) -> LongJob:
    """Ask for the file; the job offers it when it is written."""
    job = progress.start(
        session,
        tenant,
        kind=KIND,
        title=f"Export of {'invoice lines' if export.content == 'lines' else 'invoices'}"
        f" ({export.file_format.partition('_')[0].upper()})",
        arguments=as_json(export),
        total=size(session, tenant, export=export),
    )
    outbox.publish(session, tenant, "invoice_export.requested", job_id=job.id)
    session.flush()
    _note(session, export)
    return job


def get(session: Session, tenant: Tenant, *, job_id: str) -> LongJob:
    """The export's job.

    :raises NotFound: if this tenant has no such export.
    """
    job = progress.get(session, tenant, job_id=job_id)
    if job.kind != KIND:
        raise NotFound(f"There is no export {job_id}.")
    return job


def run(tenant: Tenant, *, job_id: str) -> None:
    """Write the file that the job asks for. A second run finds it and changes nothing."""

    def tell(done: int) -> None:
        progress.advance(tenant, job_id=job_id, done=done)

    with db.unit_of_work(tenant) as session:
        job = progress.get(session, tenant, job_id=job_id)
        if job.state in ("done", "failed"):
            return
        export = from_json(job.arguments)
        stored = store_file(
            session,
            tenant,
            kind=KIND,
            name=export.name,
            media_type=export.media_type,
            content=_written(session, tenant, export, tell=tell),
            once_key=f"{KIND}:{job_id}",
        )
        session.expire(job)
        progress.finish(session, tenant, job_id=job_id, file_id=stored.id)


def as_json(export: Export) -> dict[str, Any]:
    """An export as it is kept with its job."""
    where = {
        name: value.isoformat() if isinstance(value, date) else value
        for name, value in asdict(export.where).items()
        if value is not None
    }
    return {
        "where": where,
        "content": export.content,
        "format": export.file_format,
        "today": export.today.isoformat(),
    }


def from_json(kept: Mapping[str, Any]) -> Export:
    """The export that `as_json` kept; filters of another release are left out."""
    known = {
        name: value for name, value in kept["where"].items() if name in InvoiceFilter.__dataclass_fields__
    }
    for name in ("issued_from", "issued_until"):
        if name in known:
            known[name] = date.fromisoformat(known[name])
    return Export(
        where=InvoiceFilter(**known),
        content=kept["content"],
        file_format=kept["format"],
        today=date.fromisoformat(kept["today"]),
    )


def _note(session: Session, export: Export) -> None:
    """Who took which figures out of the house stands in the audit trail."""
    audit.note(session, action="exported", subject="invoice", subject_id="", details=as_json(export))


def _written(
    session: Session, tenant: Tenant, export: Export, *, tell: Callable[[int], None] | None
) -> bytes:
    cells: Iterator[list[Cell]] = rows(
        session, tenant, content=export.content, where=export.where, today=export.today
    )
    if tell is not None:
        cells = told(cells, tell, every=_TELL_EVERY)
    head = header(export.content)
    if export.file_format == "xlsx":
        target = io.BytesIO()
        write_xlsx(target, title=export.name.partition(".")[0], header=head, rows=cells)
        return target.getvalue()
    return b"".join(csv_pieces(header=head, rows=cells, raw=export.file_format == "csv_raw"))
