"""A claimed batch -> its file: read, written and packed without a transaction held open, then kept in one."""

from __future__ import annotations

import io
import tempfile
import zipfile
from collections.abc import Iterator, Sequence
from datetime import datetime

import msgspec
import sqlalchemy as sa
from sqlalchemy.orm import Session, undefer

from haas import clock, db, progress
from haas.crash import crashpoint
from haas.errors import HaasError
from haas.files import StoredFile
from haas.tenancy.models import Partner
from haas.tenancy.scope import Tenant
from invoicing.bulk import among
from invoicing.document import InvoiceDocument
from invoicing.einvoice.cii import cii_xml
from invoicing.einvoice.missing import for_cii
from invoicing.exports import batches
from invoicing.exports.contents import Batch, Content, File, Paper
from invoicing.exports.dry_run import values_of
from invoicing.exports.formats import FORMATS
from invoicing.exports.formats.archive import Piece, write_archive, zip_entry
from invoicing.exports.mapping import ContactRule, MapKind, Names
from invoicing.exports.models import ExportBatch
from invoicing.models import Invoice

ZIP = "application/zip"
_DOCUMENTS_AT_ONCE = 50
_IN_MEMORY_BYTES = 8 * 1024 * 1024


def write_batch(tenant: Tenant, *, batch_id: str) -> None:
    """Write the file of a claimed batch. A second run finds it done and changes nothing."""
    with db.unit_of_work(tenant) as session:
        batch = batches.get_batch(session, tenant, batch_id=batch_id)
        if batch.state != "claimed":
            return
        crashpoint("export.claimed")
        whole = _values(session, tenant, batch)
    progress.advance(tenant, job_id=batch.long_job_id, done=0, message="Writing the file")
    try:
        name, media_type, content = _packed(tenant, batch, whole)
    except HaasError as refusal:
        with db.unit_of_work(tenant) as session:
            batches.fail(session, tenant, batch_id=batch_id, refusal=refusal, at=clock.now())
        return
    crashpoint("export.after_render")
    with db.unit_of_work(tenant) as session:
        batches.finish(
            session,
            tenant,
            batch_id=batch_id,
            name=name,
            media_type=media_type,
            content=content,
            at=clock.now(),
        )
        crashpoint("export.before_commit")


def rendered(session: Session, tenant: Tenant, *, batch: ExportBatch) -> tuple[str, str, bytes]:
    """(name, media type, bytes) of a batch that is text, within the caller's own transaction."""
    whole = _values(session, tenant, batch)
    return pack(batch.number, FORMATS[batch.format].write(whole), made_at=batch.created_at)


def pack(number: str, files: Sequence[File], *, made_at: datetime) -> tuple[str, str, bytes]:
    """(name, media type, bytes): one file as it is, several as a ZIP with a fixed date."""
    if len(files) == 1:
        return files[0].name_in(number), files[0].media_type, files[0].content
    target = io.BytesIO()
    with zipfile.ZipFile(target, "w", zipfile.ZIP_DEFLATED) as archive:
        for each in files:
            archive.writestr(zip_entry(each.name_in(number), made_at), each.content)
    return f"{number}.zip", ZIP, target.getvalue()


def _values(session: Session, tenant: Tenant, batch: ExportBatch) -> Batch:
    """All that the file is made of, as it was when the batch was claimed."""
    turned, partner = batch.reverses_batch_id, session.get_one(Partner, tenant.partner_id)
    empty = Batch(
        number=batch.number,
        content=Content(batch.content),
        seller=partner.name,
        language=partner.language,
        currency=partner.currency,
        made_at=batch.created_at,
        names=Names(
            {(MapKind(kind), key): value for kind, key, value in batch.mapping},
            ContactRule(batch.contact_rule),
        ),
        reverses=batches.get_batch(session, tenant, batch_id=turned).number if turned else "",
        options=batch.options,
    )
    ids = batches.ids_in(session, tenant, batch_id=batch.id)
    return values_of(session, tenant, batch=empty, ids=ids, turned=turned is not None)


def _packed(tenant: Tenant, batch: ExportBatch, whole: Batch) -> tuple[str, str, bytes]:
    if batch.format != "archive":
        return pack(batch.number, FORMATS[batch.format].write(whole), made_at=batch.created_at)
    with tempfile.SpooledTemporaryFile(max_size=_IN_MEMORY_BYTES) as target:
        pieces = () if whole.reverses else _documents(tenant, batch, whole.papers)
        write_archive(target, batch=whole, pieces=pieces)
        target.seek(0)
        return f"{batch.number}.zip", ZIP, target.read()


def _documents(tenant: Tenant, batch: ExportBatch, papers: Sequence[Paper]) -> Iterator[Piece]:
    """PDFs, and e-invoices of what can be one, a few documents at a time; how far it is shows meanwhile."""
    for first in range(0, len(papers), _DOCUMENTS_AT_ONCE):
        portion = papers[first : first + _DOCUMENTS_AT_ONCE]
        with db.unit_of_work(tenant) as session:
            found = session.execute(
                sa.select(Invoice, StoredFile)
                .join(
                    StoredFile,
                    sa.and_(
                        StoredFile.partner_id == Invoice.partner_id, StoredFile.id == Invoice.pdf_file_id
                    ),
                )
                .where(
                    Invoice.partner_id == tenant.partner_id,
                    among(Invoice.id, [paper.item_id for paper in portion]),
                )
                .options(undefer(StoredFile.content))
            )
            files = {invoice.id: (invoice.document, stored) for invoice, stored in found}
        for paper in portion:
            frozen, stored = files[paper.item_id]
            folder = f"{paper.issued_on:%Y-%m}"
            yield paper, f"{folder}/{stored.name}", stored.content
            document = msgspec.convert(frozen, type=InvoiceDocument)
            if not for_cii(document):  # an XML that lacks what the norm demands is none
                yield paper, f"{folder}/{document.number}.xml", cii_xml(document)
        progress.advance(tenant, job_id=batch.long_job_id, done=first + len(portion))
