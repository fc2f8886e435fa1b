"""What the crash matrix does, and what must be true when all of it is done, whoever died meanwhile."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from email import message_from_bytes
from pathlib import Path
from urllib.parse import urlsplit

import sqlalchemy as sa
from sqlalchemy.orm import Session

from devices import imports
from devices.models import Asset
from haas import clock, db
from haas.files import StoredFile
from haas.outbox import OutboxDelivery
from haas.settings import Settings
from haas.tenancy.models import Partner
from haas.tenancy.scope import Tenant
from invoicing import billing, corrections
from invoicing.charges.models import Charge
from invoicing.dunning import reminding
from invoicing.dunning.models import Reminder
from invoicing.dunning.policy import POLICY, DunningPolicy
from invoicing.exports import batches, destinations, profiles
from invoicing.exports.models import ExportBatch, ExportDelivery, ExportItem
from invoicing.models import BillingRun, Invoice, InvoiceLine
from tests import cast as casting
from tests.cast import Cast
from tests.crash.payments import Till
from tests.crash.process import Act
from tests.invoicing.world import PORTAL, a_rate
from tests.leases.fleet import lease_in_service

SERIALS = 3
TABLE = "serial,manufacturer,model,category,cost\n" + "".join(
    f"CRASH-{number},Lenovo,ThinkPad X1,laptop,900\n" for number in range(SERIALS)
)


class Matrix:
    """Northwind with four leases at two clients, and everything that is done with them."""

    def __init__(self, settings: Settings) -> None:
        self.cast: Cast = casting.make_cast()
        self.today = clock.today(self.cast.northwind.time_zone)
        accepted = datetime.combine(self.today - timedelta(days=75), datetime.min.time(), UTC)
        with db.unit_of_work(self.tenant) as session:
            a_rate(session, self.tenant)
            model = None
            for client in (self.cast.acme, self.cast.acme, self.cast.globex, self.cast.globex):
                made = lease_in_service(
                    session, self.tenant, client_id=client.id, accepted_at=accepted, model=model
                )
                model = made.model
            stored = imports.upload(session, self.tenant, name="fleet.csv", content=TABLE.encode())
            self.file_id = stored.id
            self.profile_id = self._profile(session)
            partner = session.get_one(Partner, self.cast.northwind.id)
            partner.policies = {**partner.policies, POLICY: DunningPolicy(is_on=True).check().kept()}
            self.assets_before = self._count(session, Asset.id)
        self.till = Till(self.tenant, self.cast.acme, settings)

    @property
    def tenant(self) -> Tenant:
        """In whose name all of it is done."""
        return self.cast.tenant

    # What is done, in this order.

    def import_assets(self, _: Settings) -> None:
        """Ask for the import of a table."""
        options = imports.ImportOptions(create_models=True)
        with db.unit_of_work(self.tenant) as session:
            imports.commit(session, self.tenant, file_id=self.file_id, options=options, today=self.today)

    def bill(self, _: Settings) -> None:
        """Start today's run, as the timetable does: unless there was one."""
        with db.unit_of_work(self.tenant) as session:
            if session.scalar(sa.select(BillingRun.id)) is None:
                billing.start_run(session, self.tenant, as_of=self.today, at=clock.now(), chunk_leases=2)

    def remind(self, _: Settings) -> None:
        """Two months on, on a Monday: the last letter of the plan to whoever has not paid."""
        late = self.today + timedelta(days=60 - (self.today + timedelta(days=60)).weekday())
        with db.unit_of_work(self.tenant) as session:
            reminding.remind(session, self.tenant, today=late, at=clock.now())

    def credit(self, _: Settings) -> None:
        """Give back all of Globex's invoice, unless that is done."""
        with db.unit_of_work(self.tenant) as session:
            invoice = session.scalars(
                sa.select(Invoice).where(Invoice.client_id == self.cast.globex.id, Invoice.kind == "invoice")
            ).one()
            if invoice.state == "issued":
                corrections.credit_invoice(
                    session,
                    self.tenant,
                    invoice_id=invoice.id,
                    reason="Billed to the wrong company",
                    issued_on=self.today,
                    at=clock.now(),
                    portal_url=PORTAL,
                )

    def export(self, _: Settings) -> None:
        """Take out what stands in no batch yet, as a schedule does, and have it mailed."""
        with db.unit_of_work(self.tenant) as session, suppress(batches.NothingWaits):
            batches.start(session, self.tenant, profile_id=self.profile_id, at=clock.now())

    @property
    def acts(self) -> list[Act]:
        """Everything that is done."""
        till = self.till
        return [
            self.import_assets, self.bill, self.remind, self.credit, self.export,
            till.charge, till.give_back, till.hear,
        ]  # fmt: skip

    # What must be true in the end.

    def problems(self, settings: Settings) -> list[str]:
        """What is not as it must be; empty when all is."""
        folder = Path(urlsplit(settings.mail_url).path)
        sent = [message_from_bytes(path.read_bytes())["Message-ID"] for path in folder.glob("*.eml")]
        with db.unit_of_work(self.tenant) as session:
            return [
                *self._undone(session),
                *self._numbers(session),
                *self._periods(session),
                *self._papers(session),
                *self._mails(session, sent),
                *self._exports(session, folder),
                *self._reminders(session, sent),
                *self._fleet(session),
                *self.till.problems(session, settings),
            ]

    def _undone(self, session: Session) -> Iterator[str]:
        """Work that was lost, or given up."""
        rows = session.execute(
            sa.select(OutboxDelivery.reaction, OutboxDelivery.state, OutboxDelivery.error).where(
                OutboxDelivery.state != "done"
            )
        )
        yield from (f"{row.reaction} is {row.state}: {row.error}" for row in rows)

    def _numbers(self, session: Session) -> Iterator[str]:
        """A gap or a number too many."""
        year = self.today.year
        numbers = session.scalars(
            sa.select(Invoice.number).order_by(Invoice.kind.desc(), Invoice.number)
        ).all()
        expected = [f"INV-{year}-00001", f"INV-{year}-00002", f"CRN-{year}-00001"]
        if list(numbers) != expected:
            yield f"numbers are {numbers}, not {expected}"

    def _periods(self, session: Session) -> Iterator[str]:
        """A period that was billed twice, or not at all; a cent that is in no line."""
        key = (InvoiceLine.source_id, InvoiceLine.kind, InvoiceLine.period_start, InvoiceLine.revision)
        for row in session.execute(sa.select(*key).group_by(*key).having(sa.func.count() > 1)):
            yield f"billed twice: {row}"
        lines = session.scalar(sa.select(sa.func.sum(InvoiceLine.net + InvoiceLine.tax)))
        totals = session.scalar(sa.select(sa.func.sum(Invoice.total)))
        if lines != totals:
            yield f"lines come to {lines}, invoices to {totals}"
        if billing.preview(session, self.tenant, as_of=self.today):
            yield "something is left to bill"

    def _papers(self, session: Session) -> Iterator[str]:
        """A document without its PDF, or with two."""
        invoices = session.scalars(sa.select(Invoice)).all()
        yield from (f"{row.number} has no PDF" for row in invoices if row.pdf_file_id is None)
        stored = session.scalars(sa.select(StoredFile.name).where(StoredFile.kind == "invoice_pdf")).all()
        if sorted(stored) != sorted(f"{row.number}.pdf" for row in invoices):
            yield f"files are {sorted(stored)}"

    def _mails(self, session: Session, sent: list[str]) -> Iterator[str]:
        """A document that was not mailed, or more than once."""
        for invoice_id, number in session.execute(sa.select(Invoice.id, Invoice.number)):
            if (times := _times_sent(sent, invoice_id)) != 1:
                yield f"{number} was mailed {times} times"

    def _exports(self, session: Session, folder: Path) -> Iterator[str]:
        """A document in two batches or in none; a batch without its file; a file mailed more than once."""
        live = session.scalars(sa.select(ExportItem.item_id).where(ExportItem.released_by_id.is_(None))).all()
        if sorted(live) != sorted(session.scalars(sa.select(Invoice.id))):
            yield f"{len(live)} documents stand in batches"
        made = session.scalars(sa.select(ExportBatch).order_by(ExportBatch.number)).all()
        year = clock.now().year
        if [row.number for row in made] != [f"EXP-{year}-{at + 1:05d}" for at in range(len(made))]:
            yield f"batches are {[row.number for row in made]}"
        yield from (f"{row.number} is {row.state}" for row in made if row.state != "done")
        if self._count(session, ExportDelivery.id) != len(made):
            yield "a batch is sent more or less often than once"
        for row in session.scalars(sa.select(ExportDelivery)):
            if row.state != "sent" or len(list(folder.glob(f"*{row.id}*.eml"))) != 1:
                yield f"{row.target} has {row.state}"

    def _profile(self, session: Session) -> str:
        """A journal of invoices, mailed to the accountant."""
        profile = profiles.create_profile(
            session, self.tenant, name="Books", format="journal_csv", content="invoices", at=clock.now()
        )
        names = ("receivables", "tax", "line:rent", "line:interim_rent")
        rows = [("account", name, "4000") for name in names]
        profiles.set_names(session, self.tenant, profile_id=profile.id, rows=rows)
        destinations.send_by_mail(
            session, self.tenant, profile_id=profile.id, address="books@accountant.example"
        )
        return profile.id

    def _reminders(self, session: Session, sent: list[str]) -> Iterator[str]:
        """A client who was not reminded, or twice; a letter without its fee, its PDF or its mail."""
        found = session.execute(
            sa.select(Reminder.id, Reminder.client_id, Reminder.charge_id, Reminder.letter_file_id)
        ).all()
        if sorted(row.client_id for row in found) != sorted((self.cast.acme.id, self.cast.globex.id)):
            yield f"{len(found)} reminders were recorded, not one a client"
        charges = session.scalars(sa.select(Charge.id)).all()
        if sorted(charges) != sorted(row.charge_id or "" for row in found):
            yield f"{len(charges)} fees were charged"
        yield from (f"{row.id} has no letter" for row in found if row.letter_file_id is None)
        for row in found:
            if (times := _times_sent(sent, row.id)) != 1:
                yield f"reminder {row.id} was mailed {times} times"

    def _fleet(self, session: Session) -> Iterator[str]:
        """An asset of the table too many or too few."""
        if (made := self._count(session, Asset.id) - self.assets_before) != SERIALS:
            yield f"{made} assets were brought in, not {SERIALS}"

    @staticmethod
    def _count(session: Session, column: sa.orm.InstrumentedAttribute[str]) -> int:
        return session.scalar(sa.select(sa.func.count(column))) or 0


def _times_sent(sent: list[str], subject_id: str) -> int:
    """How many of the mails' ids say that they are of this row."""
    return sum(1 for message_id in sent if message_id.startswith(f"<{subject_id}@"))
