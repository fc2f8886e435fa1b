"""Pro-formas made from what would be billed: once, by the rules that bill, and outside all books."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from datetime import date
from decimal import Decimal
from pathlib import Path

import pytest
import sqlalchemy as sa
from sqlalchemy.exc import DBAPIError
from sqlalchemy.orm import Session

from haas import db
from haas.db import Base
from haas.errors import InvalidInput, NotFound
from haas.files import get_file
from haas.outbox import OutboxEvent
from haas.settings import Settings
from haas.settings import use as use_settings
from haas.tenancy.models import Client
from invoicing import queries
from invoicing.charges.operations import NewCharge, make_charge
from invoicing.models import Invoice
from invoicing.open_on import open_on
from invoicing.paper import invoice_pdf
from invoicing.pay_link_models import PayLink
from invoicing.pro_forma import jobs, operations, sending
from invoicing.pro_forma.models import ProForma
from invoicing.pro_forma.queries import document_of, get_pro_forma
from invoicing.queries import InvoiceFilter, open_items
from invoicing.sending import CannotSend, NotReady
from invoicing.statements import statements_of
from tests.cast import Cast
from tests.invoicing.test_ledger_posting import post_until, sums
from tests.invoicing.test_sending import mails, text_of
from tests.invoicing.world import APRIL, NOW, PORTAL, a_lease, a_rate, bill

TODAY = date(2026, 4, 1)


def make(session: Session, cast: Cast, *, as_of: date = APRIL, **wanted: object) -> list[ProForma]:
    """Acme's, of what is due by the first of April: 63.00 and 93.00 of rent with 8 %, 168.48."""
    given = {"client_id": cast.acme.id, "issued_on": TODAY, "at": NOW, "portal_url": PORTAL, **wanted}
    return operations.make(session, cast.tenant, as_of=as_of, **given)  # type: ignore[arg-type]


@pytest.fixture
def leased(session: Session, cast: Cast) -> None:
    """Acme has a laptop in service, of which nothing is billed."""
    a_rate(session, cast.tenant)
    a_lease(session, cast.tenant, client_id=cast.acme.id)


def a_charge(session: Session, cast: Cast, price: str) -> str:
    wanted = NewCharge(
        client_id=cast.acme.id, description=f"Set-up {price}", unit_price=Decimal(price), charged_on=APRIL
    )
    return make_charge(session, cast.tenant, wanted=wanted, at=NOW).id


def everything(session: Session) -> dict[str, str]:
    """What stands in each table of the partner, as one text."""
    said = {}
    for name in Base.metadata.tables:
        rows = sa.text(f"select coalesce(md5(string_agg(t::text, '' order by t::text)), '') from {name} t")
        said[name] = str(session.scalar(rows))
    return said


class TestMakingOne:
    def test_says_what_the_next_run_would_bill(self, session: Session, cast: Cast, leased: None) -> None:
        (made,) = make(session, cast)

        assert (made.number, made.currency) == ("PF-2026-00001", "USD")
        assert (made.net_total, made.tax_total, made.total) == (
            Decimal(156),
            Decimal("12.48"),
            Decimal("168.48"),
        )
        document = document_of(made)
        assert (document.kind, document.number, document.portal_url) == (
            "proforma", "PF-2026-00001", f"{PORTAL}/pro-formas/{made.id}",
        )  # fmt: skip
        assert document.content_hash() == made.document_hash
        (invoice,) = bill(session, cast.tenant)
        assert (invoice.number, invoice.total) == ("INV-2026-00001", made.total)

    def test_is_done_once_however_often_it_is_asked_for(
        self, session: Session, cast: Cast, leased: None
    ) -> None:
        first, again = make(session, cast), make(session, cast)

        assert [row.id for row in first] == [row.id for row in again]
        (later,) = make(session, cast, issued_on=date(2026, 4, 2))
        assert later.number == "PF-2026-00002"

    def test_of_waiting_charges_leaves_the_rest_out(self, session: Session, cast: Cast, leased: None) -> None:
        chosen, _other = a_charge(session, cast, "120.00"), a_charge(session, cast, "45.00")

        (made,) = make(session, cast, charge_ids=[chosen])

        # 120.00 with 8 %
        assert (made.total, [line.description for line in document_of(made).lines]) == (
            Decimal("129.60"), ["Set-up 120.00"],
        )  # fmt: skip

    def test_is_refused_where_nothing_is_due_and_says_what_to_do(self, session: Session, cast: Cast) -> None:
        with pytest.raises(InvalidInput, match="Nothing is due by 2026-04-01: choose a later day"):
            make(session, cast)
        with pytest.raises(InvalidInput, match="at most a year ahead"):
            make(session, cast, as_of=date(2027, 6, 1))
        with pytest.raises(InvalidInput, match="Nothing of charge chg_none waits for billing"):
            make(session, cast, charge_ids=["chg_none"])
        with pytest.raises(NotFound):
            make(session, cast, client_id=cast.initech.id)
        assert session.scalar(sa.select(sa.func.count()).select_from(ProForma)) == 0


class TestTheBooks:
    def test_know_nothing_of_it(self, session: Session, cast: Cast, leased: None) -> None:
        before = everything(session)
        make(session, cast)
        session.flush()

        changed = {name for name, said in everything(session).items() if said != before[name]}
        assert changed - {"audit_entry"} == {"pro_forma", "number_series", "outbox_event"}
        assert {event.name for event in session.scalars(sa.select(OutboxEvent))} >= {"pro_forma.made"}

    def test_and_no_list_statement_export_reminder_or_link_shows_it(
        self, session: Session, cast: Cast, leased: None
    ) -> None:
        make(session, cast)

        tenant, client_id = cast.tenant, cast.acme.id
        listed = queries.list_invoices(tenant, where=InvoiceFilter(), today=TODAY)
        assert session.scalars(listed).all() == []
        assert queries.sum_up(session, tenant, where=InvoiceFilter(), today=TODAY) == []
        assert open_items(session, tenant) == []
        assert open_on(session, tenant, as_of=TODAY) == []
        year = {"start": date(2026, 1, 1), "until": date(2027, 1, 1)}
        assert statements_of(session, tenant, client_id=client_id, **year) == []
        assert session.scalars(sa.select(PayLink)).all() == []
        post_until(session, cast, APRIL)
        assert not {"receivables", "tax_payable"} & set(sums(session))


class TestAPaper:
    def test_stays_as_it_was_made(self, session: Session, cast: Cast, leased: None) -> None:
        (made,) = make(session, cast)
        session.flush()

        for change in ("total = 1", "number = 'PF-1'", "document = '{}'"):
            with pytest.raises(DBAPIError, match="permission denied"), session.begin_nested():
                session.execute(sa.text(f"update pro_forma set {change}"))
        with pytest.raises(DBAPIError, match="permission denied"), session.begin_nested():
            session.execute(sa.delete(ProForma))
        assert document_of(made).total == made.total

    def test_is_seen_by_its_client_alone(self, cast: Cast) -> None:
        with db.unit_of_work(cast.tenant) as session:
            a_rate(session, cast.tenant)
            a_lease(session, cast.tenant, client_id=cast.acme.id)
            (made,) = make(session, cast)
        others = replace(cast.acme_tenant, client_id=cast.globex.id)
        with db.unit_of_work(cast.acme_tenant) as session:
            assert get_pro_forma(session, cast.acme_tenant, pro_forma_id=made.id).number == made.number
        for tenant in (others, cast.stranger):
            with db.unit_of_work(tenant) as session, pytest.raises(NotFound):
                get_pro_forma(session, tenant, pro_forma_id=made.id)


class TestItsJobs:
    @pytest.fixture
    def mailbox(self, settings: Settings, tmp_path: Path) -> Iterator[Path]:
        use_settings(replace(settings, mail_url=f"folder://{tmp_path}"))
        yield tmp_path
        use_settings(settings)

    def test_print_it_once_and_mail_it_when_asked(self, cast: Cast, mailbox: Path) -> None:
        with db.unit_of_work(cast.tenant) as session:
            a_rate(session, cast.tenant)
            a_lease(session, cast.tenant, client_id=cast.acme.id)
            (made,) = make(session, cast)
            with pytest.raises(NotReady):
                sending.request(session, cast.tenant, pro_forma_id=made.id)
        given = {"partner_id": cast.northwind.id, "event_id": "evt_1", "pro_forma_id": made.id}

        for _ in range(2):
            jobs.render_pdf(**given)
        for _ in range(2):
            jobs.mail_pro_forma(**given)

        with db.unit_of_work(cast.tenant) as session:
            printed = get_pro_forma(session, cast.tenant, pro_forma_id=made.id)
            assert printed.pdf_file_id is not None
            assert printed.sent_at is not None
            stored = get_file(session, cast.tenant, file_id=printed.pdf_file_id)
            assert stored.content == invoice_pdf(document_of(printed))
            assert (stored.name, stored.client_id) == ("PF-2026-00001.pdf", cast.acme.id)
            session.execute(sa.update(Client).where(Client.id == cast.acme.id).values(email=""))
            with pytest.raises(CannotSend, match="has no e-mail address"):
                sending.request(session, cast.tenant, pro_forma_id=made.id)
            assert session.scalars(sa.select(Invoice)).all() == []
        (mail,) = mails(mailbox)  # the repeat is the same message
        assert mail["Subject"] == "Pro-forma invoice PF-2026-00001 from Northwind IT"
        assert mail["To"] == "Acme Dental <ap@c-0001.example>"
        assert "$168.48 is attached. It is not a demand for payment" in text_of(mail)
        (attached,) = mail.iter_attachments()
        assert attached.get_filename() == "PF-2026-00001.pdf"
