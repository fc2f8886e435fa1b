"""E-invoices as files: what lies in the PDF, what was kept for Peppol, and what says why there is none."""

from __future__ import annotations

import email
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import msgspec
import pytest
import sqlalchemy as sa
from click.testing import CliRunner

from haas import db
from haas.commands.einvoice import einvoice
from haas.documents.pictures import attached_file
from haas.files import get_file
from haas.ids import new_id
from haas.settings import Settings
from haas.settings import use as use_settings
from haas.tenancy.models import Client
from invoicing import jobs
from invoicing.document import InvoiceDocument, hash_of
from invoicing.einvoice.cii import cii_xml
from invoicing.einvoice.ubl import ubl_xml
from invoicing.models import Invoice
from tests.cast import Cast
from tests.invoicing.einvoice.documents import BUYER, SELLER, TRANSFER, document, line
from tests.invoicing.world import an_invoice

Api = Callable[..., Any]


@pytest.fixture
def issued(cast: Cast) -> tuple[str, InvoiceDocument]:
    """An invoice to Acme with all that an e-invoice wants, committed, not yet rendered."""
    with db.unit_of_work(cast.tenant) as session:
        like = an_invoice(session, cast.tenant, client_id=cast.acme.id)
        printed = msgspec.structs.replace(
            msgspec.convert(like.document, type=InvoiceDocument),
            number="NW-E-1",
            supplier=SELLER,
            payment_means=(TRANSFER,),
            buyer=BUYER,
            schema=2,
        )
        facts = {column.key: getattr(like, column.key) for column in sa.inspect(Invoice).column_attrs}
        canonical = printed.to_json()
        facts |= {"id": new_id("inv"), "number": printed.number, "document": msgspec.json.decode(canonical)}
        session.add(Invoice(**facts | {"document_hash": hash_of(canonical)}))
        return facts["id"], printed


def render(cast: Cast, invoice_id: str) -> bytes:
    jobs.render_pdf(partner_id=cast.northwind.id, event_id="evt_1", invoice_id=invoice_id)
    with db.unit_of_work(cast.tenant) as session:
        invoice = session.scalars(sa.select(Invoice).where(Invoice.id == invoice_id)).one()
        return get_file(session, cast.tenant, file_id=invoice.pdf_file_id or "").content


class TestDownloads:
    def test_give_what_lies_in_the_pdf_and_the_same_each_time(
        self, cast: Cast, api: Api, issued: tuple[str, InvoiceDocument]
    ) -> None:
        invoice_id, printed = issued
        before = api(cast.fay).get(f"/v1/invoices/{invoice_id}/factur-x.xml")
        pdf = render(cast, invoice_id)

        answer = api(cast.fay).get(f"/v1/invoices/{invoice_id}/factur-x.xml")
        ubl = api(cast.fay).get(f"/v1/invoices/{invoice_id}/ubl.xml")

        assert answer.data == before.data == cii_xml(printed) == attached_file(pdf, name="factur-x.xml")
        assert answer.headers["Content-Type"] == "application/xml"
        assert f"{printed.number}-factur-x.xml" in answer.headers["Content-Disposition"]
        assert ubl.data == ubl_xml(printed)

    def test_say_what_is_missing_term_by_term(self, cast: Cast, api: Api) -> None:
        with db.unit_of_work(cast.tenant) as session:
            invoice = an_invoice(session, cast.tenant, client_id=cast.acme.id)
            invoice_id = invoice.id

        answer = api(cast.fay).get(f"/v1/invoices/{invoice_id}/ubl.xml")

        assert answer.status_code == 422
        assert answer.json["code"] == "e_invoice_incomplete"
        assert "electronic address" in answer.json["errors"]["BT-49"][0]


class TestMail:
    def test_carries_the_ubl_file_for_a_client_that_wants_it(
        self, cast: Cast, issued: tuple[str, InvoiceDocument], settings: Settings, tmp_path: Path
    ) -> None:
        invoice_id, printed = issued
        render(cast, invoice_id)
        use_settings(replace(settings, mail_url=f"folder://{tmp_path}"))
        try:
            jobs.mail_invoice(partner_id=cast.northwind.id, event_id="evt_2", invoice_id=invoice_id)
            with db.unit_of_work(cast.tenant) as session:
                session.execute(sa.update(Client).where(Client.id == cast.acme.id).values(wants_ubl=True))
            jobs.mail_invoice_again(partner_id=cast.northwind.id, event_id="evt_3", invoice_id=invoice_id)
        finally:
            use_settings(settings)

        mails = [email.message_from_bytes(path.read_bytes()) for path in sorted(tmp_path.glob("*.eml"))]
        names = sorted([part.get_filename() for part in mail.walk() if part.get_filename()] for mail in mails)
        assert names == [[f"{printed.number}.pdf"], [f"{printed.number}.pdf", f"{printed.number}-ubl.xml"]]


class TestCommand:
    def test_checks_files_to_the_cent(self, tmp_path: Path) -> None:
        good, bad = tmp_path / "good.xml", tmp_path / "bad.xml"
        xml = cii_xml(document(line("100")))
        good.write_bytes(xml)
        bad.write_bytes(xml.replace(b"CalculatedAmount>19.00<", b"CalculatedAmount>19.01<"))

        answer = CliRunner().invoke(einvoice, ["check", str(good), str(bad)])

        assert answer.exit_code == 1
        assert f"{good}: right" in answer.output
        assert "BT-117 of S 19 %: 19.01 is stated, 19.00 is what it comes to" in answer.output
