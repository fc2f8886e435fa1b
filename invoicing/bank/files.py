"""Which kind of statement a file is, told by what is in it; then every statement of it, checked."""

from __future__ import annotations

from haas.errors import TooLarge
from invoicing.bank.camt import read_camt
from invoicing.bank.layouts import LINES_MAX, Layout
from invoicing.bank.ofx import read_ofx
from invoicing.bank.statement import Statement, UnreadableStatement, check
from invoicing.bank.swift import read_mt940
from invoicing.bank.table import read_csv

BYTES_MAX = 12 * 1024 * 1024


def kind_of(content: bytes) -> str:
    """camt, mt940, ofx or csv; a file's name says too little.

    :raises UnreadableStatement: for what is none of them: archives, workbooks, PDF, pictures.
    :raises TooLarge: for more bytes than are taken at once.
    """
    if len(content) > BYTES_MAX:
        raise TooLarge(f"The file is larger than {BYTES_MAX >> 20} MB: split it.", field="file")
    head = content[:4096].lstrip(b"\xef\xbb\xbf\xff\xfe \t\r\n")
    if head.startswith((b"PK\x03\x04", b"\x1f\x8b", b"7z\xbc\xaf", b"Rar!")):
        raise UnreadableStatement("This is an archive or a workbook: unpack it, or save it as CSV.")
    if head.startswith(b"%PDF"):
        raise UnreadableStatement("This is a PDF: download CAMT.053, OFX, MT940 or CSV from your bank.")
    wide = head.replace(b"\0", b"")  # UTF-16 of plain letters
    if b"OFXHEADER" in wide[:512].upper() or b"<OFX>" in wide.upper():
        return "ofx"
    if wide.startswith(b"<"):
        return "camt"
    if wide.startswith((b":20:", b"{1:")) or (b"\n:20:" in wide and b"\n:60" in wide):
        return "mt940"
    if b"\0" in head and not content.startswith((b"\xff\xfe", b"\xfe\xff")):
        raise UnreadableStatement("This is no text: choose CAMT.053, OFX, MT940 or CSV.")
    return "csv"


def read_file(content: bytes, *, layout: Layout | None = None, currency: str = "") -> list[Statement]:
    """Every statement of the file, each of which adds up.

    :param layout: how a CSV is to be read; needed for CSV alone.
    :raises UnreadableStatement: naming the entry or the row; then nothing of the file is taken.
    """
    kind = kind_of(content)
    if kind == "csv":
        if layout is None:
            raise UnreadableStatement("Say how the CSV is to be read: its columns, dates and decimals.")
        found = [read_csv(content, layout=layout, currency=currency)]
    else:
        found = {"camt": read_camt, "mt940": read_mt940, "ofx": read_ofx}[kind](content)
    if sum(len(statement.lines) for statement in found) > LINES_MAX:
        raise UnreadableStatement(f"The file has more than {LINES_MAX} entries: split it by day or month.")
    return [check(statement) for statement in found]
