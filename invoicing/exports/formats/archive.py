"""ZIP of the documents themselves with a manifest: written to disk a document at a time, never held whole."""

from __future__ import annotations

import hashlib
import zipfile
from collections.abc import Iterable, Sequence
from datetime import datetime
from typing import IO

from invoicing.exports.contents import Batch, Content, File, Paper
from invoicing.exports.formats.spec import CSV, Figure, Format, csv_content, money

MANIFEST = ("file", "document", "kind", "issued on", "client", "currency", "total", "bytes", "sha256")

Piece = tuple[Paper, str, bytes]  # whose, under which name, what


def write_archive(target: IO[bytes], *, batch: Batch, pieces: Iterable[Piece]) -> None:
    """Every piece as it comes, then `manifest.csv` with their hashes. The same pieces give the same bytes."""
    rows: list[Sequence[str]] = []
    with zipfile.ZipFile(target, "w", zipfile.ZIP_DEFLATED, compresslevel=1) as archive:
        for paper, name, content in pieces:
            archive.writestr(zip_entry(name, batch.made_at), content)
            rows.append(_row(paper, name, content))
        if batch.reverses:
            rows = [_row(paper, "", b"") for paper in batch.papers]
        archive.writestr(zip_entry("manifest.csv", batch.made_at), csv_content(MANIFEST, rows))


def write(batch: Batch) -> list[File]:
    """The manifest alone: what a test run shows, and what a reversal says to put away."""
    rows = [_row(paper, "", b"") for paper in batch.papers]
    return [File("manifest", "csv", CSV, csv_content(MANIFEST, rows))]


def zip_entry(name: str, at: datetime) -> zipfile.ZipInfo:
    """A file of a ZIP with the date of its batch, so that the same content gives the same bytes."""
    entry = zipfile.ZipInfo(name, date_time=(at.year, at.month, at.day, at.hour, at.minute, at.second))
    entry.compress_type = zipfile.ZIP_DEFLATED
    entry.external_attr = 0o644 << 16
    return entry


def _row(paper: Paper, name: str, content: bytes) -> Sequence[str]:
    return (
        name,
        paper.number,
        "credit_note" if paper.is_credit else "invoice",
        Figure(paper.issued_on.isoformat()),
        paper.party.name,
        paper.currency,
        Figure(money(paper.total, paper.currency)),
        Figure(len(content)) if name else "",
        hashlib.sha256(content).hexdigest() if name else "",
    )


FORMAT = Format(
    name="archive",
    title="PDFs and XMLs (ZIP)",
    contents=(Content.INVOICES,),
    write=write,
    reversal="A ZIP with the manifest of what is to be put away: documents themselves are never taken back.",
    items_max=2_000,
)
