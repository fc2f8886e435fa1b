"""Every paper is PDF/A-3b, and invoices hold their own e-invoice: by judges that nobody here wrote."""

from __future__ import annotations

import io
from collections.abc import Callable, Iterator
from decimal import Decimal
from pathlib import Path

import pikepdf
import pytest
from jinja2 import Environment
from PIL import Image

from devices.paper import wipe_certificate_pdf
from haas.documents import formatting, pages
from haas.documents.logos import accept_logo
from haas.documents.rendering import render_pdf
from haas.tenancy.branding import Logo
from invoicing.document import InvoiceDocument
from invoicing.einvoice.cii import cii_xml
from invoicing.paper import invoice_pdf
from leases.amendment_paper import amendment_pdf
from leases.paper import hand_over_pdf, return_receipt_pdf
from tests import paper
from tests.archive.judges import broken_clauses, has_verapdf, text_of, xmp_of
from tests.archive.letters import letters
from tests.invoicing.einvoice.documents import document, everything, line
from tests.leases.test_amendment_paper import a_scale_down

PRINTED = (
    "mixed rates and periods", "allowances of lines and document", "credit note", "reverse charge",
    "foreign currency with tax in the own", "prepaid and rounded", "names of every script", "200 lines",
)  # fmt: skip
NOT_ARCHIVED = {"label_sheet.html"}  # stuck on a device, and kept by nobody
PROPERTIES = {
    "DocumentType": "INVOICE", "DocumentFileName": "factur-x.xml", "Version": "1.0",
    "ConformanceLevel": "EN 16931",
}  # fmt: skip


@pytest.fixture(scope="module")
def filled() -> Iterator[set[str]]:
    """The templates that the papers of this module are made from, as they are asked for."""
    asked: set[str] = set()
    get_template = Environment.get_template

    def get(self: Environment, name: str, *more: object, **named: object) -> object:
        asked.add(name)
        return get_template(self, name, *more, **named)  # type: ignore[arg-type]

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(Environment, "get_template", get)
        yield asked


@pytest.fixture(scope="module")
def documents() -> dict[str, InvoiceDocument]:
    made = everything()
    return {name: made[name] for name in PRINTED} | {"CMYK logo": document(line(), seller=cmyk_brand())}


@pytest.fixture(scope="module")
def invoices(filled: set[str], documents: dict[str, InvoiceDocument]) -> dict[str, bytes]:
    return {name: invoice_pdf(each, render=render_pdf) for name, each in documents.items()}


@pytest.fixture(scope="module")
def others(filled: set[str]) -> dict[str, bytes]:
    """Paper with nothing inside: certificates, letters, an invoice of before e-invoices, a pro-forma."""
    return letters() | {
        "hand-over": hand_over_pdf(paper.hand_over(), render=render_pdf),
        "return": return_receipt_pdf(paper.return_receipt(), render=render_pdf),
        "wiped": wipe_certificate_pdf(paper.wipe_certificate(), render=render_pdf),
        "amendment": amendment_pdf(a_scale_down(), render=render_pdf),
        "schema 1": invoice_pdf(paper.invoice(1, schema=1), render=render_pdf),
        "pro-forma": invoice_pdf(paper.invoice(1, kind="proforma"), render=render_pdf),
    }


@pytest.fixture(scope="module")
def verdicts(
    invoices: dict[str, bytes], others: dict[str, bytes], tmp_path_factory: pytest.TempPathFactory
) -> dict[str, set[str]]:
    if not has_verapdf():
        pytest.skip("veraPDF needs Java and Debian's libjaxb-java (haas/install.py --with-tests)")
    whole = invoices["mixed rates and periods"]
    spoilt = {name: spoil(whole, how) for name, (how, _clause) in SPOILT.items()}
    folder = tmp_path_factory.mktemp("archive")
    return broken_clauses(invoices | others | spoilt, folder)


def cmyk_brand() -> object:
    picture = io.BytesIO()
    Image.new("CMYK", (200, 80), (0, 200, 200, 10)).save(picture, format="JPEG")
    return paper.branding(logo=Logo.of(accept_logo(picture.getvalue())))


def spoil(pdf: bytes, how: Callable[[pikepdf.Pdf], None]) -> bytes:
    out = io.BytesIO()
    with pikepdf.open(io.BytesIO(pdf)) as opened:
        how(opened)
        opened.save(out, fix_metadata_version=False)
    return out.getvalue()


def _file_spec(pdf: pikepdf.Pdf) -> pikepdf.Dictionary:
    return pdf.Root.AF[0]  # type: ignore[return-value]


def _font(pdf: pikepdf.Pdf) -> pikepdf.Dictionary:
    fonts = pdf.pages[0].Resources.Font
    return next(iter(fonts.values())).DescendantFonts[0].FontDescriptor  # type: ignore[return-value]


def _forget_fonts(pdf: pikepdf.Pdf) -> None:
    descriptor = _font(pdf)
    for key in ("/FontFile2", "/FontFile3"):
        if key in descriptor:
            del descriptor[key]


def _smooth(pdf: pikepdf.Pdf) -> None:
    for each in pdf.objects:
        if isinstance(each, pikepdf.Stream) and each.get("/Subtype") == "/Image":
            each.Interpolate = True


def _rewrite(old: bytes, new: bytes) -> Callable[[pikepdf.Pdf], None]:
    def rewrite(pdf: pikepdf.Pdf) -> None:
        metadata = pdf.Root.Metadata.read_bytes()
        assert old in metadata
        pdf.Root.Metadata.write(metadata.replace(old, new))

    return rewrite


# How a good file is spoilt, and the clause that must be seen to break.
SPOILT: dict[str, tuple[Callable[[pikepdf.Pdf], None], str]] = {
    "no associated file": (lambda pdf: pdf.Root.__delitem__("/AF"), "6.8-4"),
    "no relationship": (lambda pdf: _file_spec(pdf).__delitem__("/AFRelationship"), "6.8-3"),
    "no type of the file": (lambda pdf: _file_spec(pdf).EF.F.__delitem__("/Subtype"), "6.8-1"),
    "no name of the file": (lambda pdf: _file_spec(pdf).__delitem__("/UF"), "6.8-2"),
    "no output intent": (lambda pdf: pdf.Root.__delitem__("/OutputIntents"), "6.2.4.3-2"),
    "a font outside": (_forget_fonts, "6.2.11.4.1-1"),
    "a script": (lambda pdf: pdf.Root.__setitem__(
        "/OpenAction", pikepdf.Dictionary(S=pikepdf.Name.JavaScript, JS=pikepdf.String("1"))), "6.5.1-1"),
    "no metadata": (lambda pdf: pdf.Root.__delitem__("/Metadata"), "6.6.2.1-1"),
    "another conformance": (_rewrite(b'conformance="B"', b'conformance="X"'), "6.6.4-3"),
    "properties without their schema": (
        _rewrite(b"namespaceURI>urn:factur-x", b"namespaceURI>urn:factur-y"), "6.6.2.3.1-1"),
    "smoothed pictures": (_smooth, "6.2.8-3"),
}  # fmt: skip


class TestArchive:
    def test_is_asked_about_every_template(
        self, invoices: dict[str, bytes], others: dict[str, bytes], filled: set[str]
    ) -> None:
        assert {path.name for path in pages.TEMPLATES.glob("*.html")} - filled == NOT_ARCHIVED

    def test_takes_every_paper(
        self, invoices: dict[str, bytes], others: dict[str, bytes], verdicts: dict[str, set[str]]
    ) -> None:
        assert {name: verdicts[name] for name in (*invoices, *others)} == {
            name: set() for name in (*invoices, *others)
        }

    @pytest.mark.parametrize("name", SPOILT)
    def test_refuses_a_spoilt_one(self, name: str, verdicts: dict[str, set[str]]) -> None:
        clause = SPOILT[name][1]

        assert clause in verdicts[name]


class TestInside:
    def test_lies_the_e_invoice_of_the_same_document(
        self, documents: dict[str, InvoiceDocument], invoices: dict[str, bytes]
    ) -> None:
        for name, pdf in invoices.items():
            with pikepdf.open(io.BytesIO(pdf)) as opened:
                assert len(opened.Root.AF) == 1, name
                spec = opened.Root.AF[0]
                assert spec.AFRelationship == "/Alternative", name
                assert str(spec.UF) == "factur-x.xml", name
                assert spec.EF.F.Subtype == "/text/xml", name
                assert spec.EF.F.read_bytes() == cii_xml(documents[name]), name
                assert opened.Root.Metadata.read_bytes().count(b"<rdf:RDF") == 1, name
                assert str(opened.Root.Lang) == documents[name].language, name

    def test_lies_nothing_where_there_is_no_e_invoice(self, others: dict[str, bytes]) -> None:
        for name, pdf in others.items():
            with pikepdf.open(io.BytesIO(pdf)) as opened:
                assert "/AF" not in opened.Root, name

    def test_is_the_same_a_second_time(
        self, documents: dict[str, InvoiceDocument], invoices: dict[str, bytes]
    ) -> None:
        for name in ("names of every script", "CMYK logo"):
            assert invoice_pdf(documents[name], render=render_pdf) == invoices[name]

    def test_is_seen_by_adobes_toolkit_and_printed_to_the_cent(
        self, documents: dict[str, InvoiceDocument], invoices: dict[str, bytes], tmp_path: Path
    ) -> None:
        for name, pdf in invoices.items():
            path = tmp_path / "x.pdf"
            path.write_bytes(pdf)
            said = xmp_of(path)
            for key, value in PROPERTIES.items():
                assert f"<fx:{key}>{value}</fx:{key}>" in said, name
            text, printed = text_of(path), documents[name]
            amounts = [printed.net_total, printed.tax_total, printed.total, printed.payable]
            amounts += [row.taxable for row in printed.tax_totals] + [row.tax for row in printed.tax_totals]
            for amount in filter(None, amounts):
                shown = formatting.figure(Decimal(amount), printed.currency, language=printed.language)
                assert shown in text, (name, amount)
