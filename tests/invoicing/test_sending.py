"""Mail of issued documents: in the partner's name and the client's language, once, and again when asked."""

from __future__ import annotations

import email
import email.policy
from collections.abc import Callable, Iterator
from dataclasses import replace
from email.message import EmailMessage
from pathlib import Path

import pytest
import sqlalchemy as sa
from flask.testing import FlaskClient

from haas import clock, db
from haas.outbox import OutboxEvent
from haas.reactions import REACTIONS
from haas.settings import Settings
from haas.settings import use as use_settings
from haas.tenancy.models import Client, Partner
from haas.tenancy.scope import Platform
from invoicing import jobs, sending
from invoicing.corrections import credit_invoice
from invoicing.models import Invoice
from tests.cast import Cast
from tests.invoicing.world import APRIL, PDF, PORTAL, an_invoice, pretend_rendered


@pytest.fixture
def mailbox(settings: Settings, tmp_path: Path) -> Iterator[Path]:
    """A folder of this test's own in the place of a mail server."""
    use_settings(replace(settings, mail_url=f"folder://{tmp_path}"))
    yield tmp_path
    use_settings(settings)


@pytest.fixture
def invoice_id(cast: Cast) -> str:
    """A rendered invoice to Acme, committed."""
    with db.unit_of_work(cast.tenant) as session:
        invoice = an_invoice(session, cast.tenant, client_id=cast.acme.id)
        pretend_rendered(session, cast.tenant, invoice)
        return invoice.id


def mails(folder: Path) -> list[EmailMessage]:
    found = []
    for path in sorted(folder.glob("*.eml")):
        message = email.message_from_bytes(path.read_bytes(), policy=email.policy.default)
        assert isinstance(message, EmailMessage)
        found.append(message)
    return found


def mail_it(cast: Cast, invoice_id: str) -> None:
    jobs.mail_invoice(partner_id=cast.northwind.id, event_id="evt_1", invoice_id=invoice_id)


def sent_at(cast: Cast, invoice_id: str) -> object:
    with db.unit_of_work(cast.tenant) as session:
        return session.scalar(sa.select(Invoice.sent_at).where(Invoice.id == invoice_id))


def text_of(mail: EmailMessage) -> str:
    part = mail.get_body(("plain",))
    assert part is not None
    return str(part.get_content())


class TestMailOfAnInvoice:
    def test_follows_its_rendering(self) -> None:
        assert ("invoicing.jobs:mail_invoice", "default") in REACTIONS["invoice.rendered"]

    def test_carries_the_pdf_in_the_partners_name(self, cast: Cast, invoice_id: str, mailbox: Path) -> None:
        mail_it(cast, invoice_id)

        (mail,) = mails(mailbox)
        assert mail["Subject"] == "Invoice INV-2026-00001 from Northwind IT"
        assert mail["From"].startswith("Northwind IT <")
        assert mail["To"] == "Acme Dental <ap@c-0001.example>"
        assert mail["Message-ID"] == f"<{invoice_id}@localhost>"
        assert "$168.48 is attached. It is due on April 15, 2026." in text_of(mail)
        assert f"http://localhost/invoices/{invoice_id}" in text_of(mail)
        assert "haas" not in text_of(mail)
        (attached,) = mail.iter_attachments()
        assert attached.get_filename() == "INV-2026-00001.pdf"
        assert attached.get_content() == PDF
        assert sent_at(cast, invoice_id) is not None

    @pytest.mark.parametrize(
        ("language", "subject", "words"),
        [
            ("de", "Rechnung INV-2026-00001 von Northwind IT", "über 168,48 $"),
            ("es", "Factura INV-2026-00001 de Northwind IT", "por 168,48 US$"),
        ],
    )
    def test_speaks_the_clients_language(
        self, cast: Cast, invoice_id: str, mailbox: Path, language: str, subject: str, words: str
    ) -> None:
        with db.unit_of_work(cast.tenant) as session:
            session.execute(sa.update(Client).where(Client.id == cast.acme.id).values(language=language))
        mail_it(cast, invoice_id)
        (mail,) = mails(mailbox)
        assert mail["Subject"] == subject
        assert words in text_of(mail).replace("\xa0", " ")

    def test_is_one_message_however_often_the_job_runs(
        self, cast: Cast, invoice_id: str, mailbox: Path
    ) -> None:
        mail_it(cast, invoice_id)
        first = sent_at(cast, invoice_id)
        mail_it(cast, invoice_id)
        assert len(mails(mailbox)) == 1
        assert sent_at(cast, invoice_id) == first

    def test_is_the_same_message_after_a_kill_between_sending_and_noting_it(
        self, cast: Cast, invoice_id: str, mailbox: Path
    ) -> None:
        mail_it(cast, invoice_id)
        with db.unit_of_work(cast.tenant) as session:
            session.execute(sa.update(Invoice).values(sent_at=None))
        mail_it(cast, invoice_id)
        assert [mail["Message-ID"] for mail in mails(mailbox)] == [f"<{invoice_id}@localhost>"]

    def test_never_leaves_for_a_suspended_partner(self, cast: Cast, invoice_id: str, mailbox: Path) -> None:
        with db.unit_of_work(Platform("operator")) as session:
            session.execute(
                sa.update(Partner).where(Partner.id == cast.northwind.id).values(suspended_at=clock.now())
            )
        mail_it(cast, invoice_id)
        jobs.mail_invoice_again(partner_id=cast.northwind.id, event_id="evt_2", invoice_id=invoice_id)
        assert mails(mailbox) == []
        assert sent_at(cast, invoice_id) is None

    def test_waits_while_the_partner_holds_documents_back(
        self, cast: Cast, invoice_id: str, mailbox: Path
    ) -> None:
        with db.unit_of_work(cast.tenant) as session:
            sending.hold(session, cast.tenant, held=True)
        mail_it(cast, invoice_id)
        assert mails(mailbox) == []

        with db.unit_of_work(cast.tenant) as session:
            assert sending.count_waiting(session, cast.tenant) == 1
            assert sending.request_waiting(session, cast.tenant) == 1
            (event,) = session.scalars(
                sa.select(OutboxEvent).where(OutboxEvent.name == "invoice.send_requested")
            )
        jobs.mail_invoice_again(partner_id=cast.northwind.id, event_id=event.id, **event.payload)
        assert len(mails(mailbox)) == 1
        with db.unit_of_work(cast.tenant) as session:
            assert sending.count_waiting(session, cast.tenant) == 0


class TestSendingAgain:
    def test_is_a_message_of_its_own(
        self, cast: Cast, invoice_id: str, mailbox: Path, web: Callable[..., FlaskClient]
    ) -> None:
        mail_it(cast, invoice_id)
        answer = web(cast.fay).post(f"/invoices/{invoice_id}/send")
        assert answer.status_code == 303
        with db.unit_of_work(cast.tenant) as session:
            (event,) = session.scalars(
                sa.select(OutboxEvent).where(OutboxEvent.name == "invoice.send_requested")
            )
        for _ in range(2):
            jobs.mail_invoice_again(partner_id=cast.northwind.id, event_id=event.id, **event.payload)
        assert {mail["Message-ID"] for mail in mails(mailbox)} == {
            f"<{invoice_id}@localhost>",
            f"<{event.id}@localhost>",
        }

    def test_is_refused_before_the_pdf_is_there(self, cast: Cast) -> None:
        with db.unit_of_work(cast.tenant) as session:
            invoice = an_invoice(session, cast.tenant, client_id=cast.acme.id)
            with pytest.raises(sending.NotReady, match="still being rendered"):
                sending.request(session, cast.tenant, invoice_id=invoice.id)

    def test_is_refused_where_the_client_has_no_address(self, cast: Cast, invoice_id: str) -> None:
        with db.unit_of_work(cast.tenant) as session:
            session.execute(sa.update(Client).where(Client.id == cast.acme.id).values(email=""))
        with (
            db.unit_of_work(cast.tenant) as session,
            pytest.raises(sending.CannotSend, match="Add one to the client"),
        ):
            sending.request(session, cast.tenant, invoice_id=invoice_id)

    def test_says_a_credit_note_is_nothing_to_pay(self, cast: Cast, mailbox: Path, invoice_id: str) -> None:
        with db.unit_of_work(cast.tenant) as session:
            credit = credit_invoice(
                session,
                cast.tenant,
                invoice_id=invoice_id,
                reason="Wrong client",
                issued_on=APRIL,
                at=clock.now(),
                portal_url=PORTAL,
            )
            pretend_rendered(session, cast.tenant, credit)
        mail_it(cast, credit.id)
        (mail,) = mails(mailbox)
        assert mail["Subject"] == "Credit note CRN-2026-00001 from Northwind IT"
        assert "It corrects invoice INV-2026-00001; there is nothing to pay." in text_of(mail)
