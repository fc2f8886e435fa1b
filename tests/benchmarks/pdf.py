"""How many invoices of 12 lines become PDF/A-3b with Factur-X in a second, against WeasyPrint's plain way.

The reference is what a tutorial teaches: a page with flexbox, a grid and automatic tables, its style inside
it, `HTML(string=…).write_pdf(pdf_variant="pdf/a-3b", attachments=…)` in a warm process, in turns with ours.
It prints the same facts and embeds the same XML, made anew by each. With all cores busy both have as many
warm processes as there are cores.
"""

from __future__ import annotations

import base64
import io
import json
import os
import threading
import time
from collections.abc import Callable, Sequence
from concurrent.futures import ProcessPoolExecutor
from contextlib import ExitStack
from datetime import date
from decimal import Decimal
from functools import partial
from multiprocessing import get_context
from pathlib import Path
from statistics import median
from typing import Any

import psutil
import qrcode
from jinja2 import Environment, FileSystemLoader
from PIL import Image, ImageDraw
from qrcode.image.svg import SvgPathImage

from haas.documents.renderer import Renderer
from haas.tenancy.branding import Branding, Logo
from invoicing import paper
from invoicing.document import (
    Buyer,
    DocumentLine,
    InvoiceDocument,
    Party,
    Reference,
    SerialRow,
    TaxTotal,
)
from invoicing.einvoice import facturx
from invoicing.einvoice.cii import cii_xml
from invoicing.einvoice.facturx import FILE_NAME
from invoicing.paper import invoice_pdf
from tests.benchmarks.stages import Watch

DOCUMENTS = 24
LINES = 12
_CORES = os.cpu_count() or 1
EACH = 3  # documents a worker prints in one turn of all cores
WATCHED = 8  # documents for the shares of the stages


def run(settings: Any = None, *, documents: int = DOCUMENTS, all_cores: bool = True) -> dict[str, Any]:
    """Measure in turns, one document each; rates come from the median document.

    The machine may be busy with other things: `per_cpu_second` counts processor time only, of both
    processes, and is what one free core would do.
    """
    sample = invoice(LINES)
    naive = _naive_way(sample)
    with Renderer() as renderer, ExitStack() as ending:
        ours = partial(invoice_pdf, sample, render=renderer.render)
        taken: dict[str, list[tuple[float, float]]] = {"naive": [], "ours": []}
        workers = _workers(ending, sample) if all_cores else {}
        together: dict[str, list[float]] = {name: [] for name in workers}
        ways: list[Callable[[], object]] = [naive, ours, *workers.values()]
        for warm in ways:
            warm()
        started = time.perf_counter()
        for _ in range(documents):
            taken["naive"].append(_taken(naive, child=None))
            taken["ours"].append(_taken(ours, child=renderer.pid))
            for name, print_all in workers.items():
                together[name].append(_taken(print_all, child=None)[0])
        seconds = time.perf_counter() - started
    wall = {name: median(times for times, _ in pairs) for name, pairs in taken.items()}
    cpu = {name: median(times for _, times in pairs) for name, pairs in taken.items()}
    result = {
        "bench": "pdf",
        "size": documents,
        "seconds": round(seconds, 3),
        "items_per_second": round(1 / wall["ours"], 2),
        "reference": "naive WeasyPrint, one warm process",
        "reference_per_second": round(1 / wall["naive"], 2),
        "ratio": round(wall["naive"] / wall["ours"], 2),
        "per_cpu_second": round(1 / cpu["ours"], 2),
        "reference_per_cpu_second": round(1 / cpu["naive"], 2),
        "cpu_ratio": round(cpu["naive"] / cpu["ours"], 2),
    }
    if not all_cores:
        return result
    rates = {name: _CORES * EACH / median(times) for name, times in together.items()}
    return result | {
        "workers": _CORES,
        "all_cores_per_second": round(rates["ours"], 2),
        "all_cores_reference_per_second": round(rates["naive"], 2),
        "all_cores_ratio": round(rates["ours"] / rates["naive"], 2),
        "stages": _stages(sample),
    }


def _workers(ending: ExitStack, sample: InvoiceDocument) -> dict[str, Callable[[], object]]:
    """Both ways with a warm process for each core, all of them printing at the same time."""
    ours = [
        partial(invoice_pdf, sample, render=ending.enter_context(Renderer()).render) for _ in range(_CORES)
    ]
    pool = ending.enter_context(
        ProcessPoolExecutor(
            _CORES, mp_context=get_context("spawn"), initializer=_begin_naive, initargs=(sample,)
        )
    )
    return {
        "naive": lambda: list(pool.map(_print_naive, [EACH] * _CORES)),
        "ours": partial(_at_once, ours),
    }


_prints: list[Callable[[], bytes]] = []  # of a process that prints the naive way


def _begin_naive(sample: InvoiceDocument) -> None:
    _prints.append(_naive_way(sample))
    _prints[0]()


def _print_naive(times: int) -> None:
    for _ in range(times):
        _prints[0]()


def _stages(sample: InvoiceDocument) -> dict[str, float]:
    """What each step takes of our way's time, rendered in this process for once."""
    import pydyf  # type: ignore[import-untyped]
    from weasyprint import css, draw, layout
    from weasyprint.formatting_structure import build
    from weasyprint.pdf import fonts

    from haas.documents import rendering

    watch = Watch(
        {
            paper.invoice_html: "filling the template",
            facturx.attachment_of: "the e-invoice",
            css.get_all_computed_styles: "styles",
            build.build_formatting_structure: "boxes",
            layout.layout_document: "layout",
            draw.draw_page: "drawing",
            fonts.build_fonts_dictionary: "fonts",
            pydyf.PDF.write: "writing",
        }
    )
    invoice_pdf(sample, render=rendering.render_pdf)
    with watch.look():
        for _ in range(WATCHED):
            invoice_pdf(sample, render=rendering.render_pdf)
    return watch.shares()


def invoice(lines: int) -> InvoiceDocument:
    """A believable month: one device a line, its serial and its days."""
    price = Decimal("29.90")
    start, until = date(2026, 11, 1), date(2026, 12, 1)
    net = price * lines
    tax = (net * Decimal("0.19")).quantize(Decimal("0.01"))
    return InvoiceDocument(
        number="NW-2026-00123",
        seller=Branding(
            display_name="Northwind IT",
            legal_name="Northwind IT GmbH",
            address_lines=("Hafenstraße 12", "20457 Hamburg"),
            accent_colour="#1f7a5c",
            logo=Logo.of(_logo()),
            footer_lines=("Registered in Hamburg, HRB 123456", "VAT ID DE123456789"),
            payment_lines=("IBAN: DE02 1203 0000 0000 2020 51", "BIC: BYLADEM1001"),
            website="northwind.example",
            support_contact="+49 40 5550 100",
        ),
        supplier=Party(
            country="DE", postcode="20457", city="Hamburg", tax_id="DE123456789", legal_id="HRB 123456"
        ),
        buyer=Buyer(
            name="Contoso Logistics SE",
            address_lines=("Speicherweg 4", "20097 Hamburg"),
            customer_number="C-1042",
            country="DE",
            postcode="20097",
            city="Hamburg",
        ),
        issued_on=until,
        due_on=date(2026, 12, 15),
        start=start,
        until=until,
        currency="EUR",
        lines=tuple(
            DocumentLine(
                description="HP EliteBook 840 G11",
                details="Rent, 36 months",
                start=start,
                until=until,
                unit_price=price,
                net=price,
                tax_rate_pct=Decimal(19),
                serials=(
                    SerialRow(
                        serial=f"5CG{number:04}ABC", tag=f"NW-{number:04}",
                        start=start, until=until, days=30, amount=price,
                    ),
                ),
            )
            for number in range(lines)
        ),
        tax_totals=(TaxTotal(rate_pct=Decimal(19), taxable=net, tax=tax),),
        net_total=net,
        tax_total=tax,
        total=net + tax,
        payable=net + tax,
        references=(Reference(kind="lease", number="L-2026-014"),),
        payment_terms="Payable within 14 days without deduction.",
        portal_url="https://portal.northwind.example/i/7Q2MZ4K9T1",
    )  # fmt: skip


def _naive_way(document: InvoiceDocument) -> Callable[[], bytes]:
    # Imported here alone: the product's own process never loads WeasyPrint, its child does.
    from weasyprint import HTML, Attachment

    template = Environment(loader=FileSystemLoader(Path(__file__).parent), autoescape=True).get_template(
        "naive_invoice.html"
    )
    logo = document.seller.logo
    uri = "data:image/png;base64," + base64.b64encode((logo and logo.png) or b"").decode()

    def render() -> bytes:
        code = qrcode.QRCode(error_correction=qrcode.constants.ERROR_CORRECT_M)
        code.add_data(document.portal_url)
        svg = code.make_image(image_factory=SvgPathImage).to_string(encoding="unicode")
        html = template.render(document=document, logo_uri=uri, qr_svg=svg)
        xml = Attachment(string=cii_xml(document), name=FILE_NAME, relationship="Alternative")
        pdf: bytes = HTML(string=html).write_pdf(pdf_variant="pdf/a-3b", attachments=[xml])
        return pdf

    return render


def _taken(once: Callable[[], object], *, child: int | None) -> tuple[float, float]:
    """Seconds on the clock, and seconds of processor time in this process and its child."""
    clock, processor = time.perf_counter(), _processor_seconds(child)
    once()
    return time.perf_counter() - clock, _processor_seconds(child) - processor


def _processor_seconds(child: int | None) -> float:
    used = time.process_time()
    if child is not None:
        times = psutil.Process(child).cpu_times()
        used += times.user + times.system
    return used


def _at_once(workers: Sequence[Callable[[], bytes]]) -> None:
    """Each worker prints a few documents, all at the same time."""
    threads = [threading.Thread(target=_several, args=(once,)) for once in workers]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()


def _several(once: Callable[[], bytes]) -> None:
    for _ in range(EACH):
        once()


def _logo() -> bytes:
    picture = Image.new("RGBA", (480, 140), (0, 0, 0, 0))
    ImageDraw.Draw(picture).polygon([(10, 130), (75, 10), (140, 130)], fill=(31, 122, 92, 255))
    encoded = io.BytesIO()
    picture.save(encoded, format="PNG")
    return encoded.getvalue()


if __name__ == "__main__":
    print(json.dumps(run()))
