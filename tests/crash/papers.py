"""The part of the story in which assets come, leases are billed, clients reminded and one is credited."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta

import sqlalchemy as sa
from sqlalchemy.orm import Session

from devices import imports
from haas import clock, db
from haas.files import StoredFile
from haas.settings import Settings
from haas.tenancy.models import Partner
from haas.tenancy.scope import Tenant
from invoicing import billing, corrections
from invoicing.dunning import reminding
from invoicing.dunning.policy import POLICY, DunningPolicy
from invoicing.models import BillingRun, Invoice, InvoiceLine
from tests.cast import Cast
from tests.invoicing.world import PORTAL, a_rate
from tests.leases.fleet import lease_in_service

SERIALS = 3
TABLE = "serial,manufacturer,model,category,cost\n" + "".join(
    f"CRASH-{number},Lenovo,ThinkPad X1,laptop,900\n" for number in range(SERIALS)
)


class Papers:
    """Northwind with four leases at two clients, a table of assets and a plan of reminders."""

    def __init__(self, session: Session, cast: Cast) -> None:
        self.tenant: Tenant = cast.tenant
        self.acme, self.globex = cast.acme, cast.globex
        self.today = clock.today(cast.northwind.time_zone)
        accepted = datetime.combine(self.today - timedelta(days=75), datetime.min.time(), UTC)
        a_rate(session, self.tenant)
        model = None
        for client in (self.acme, self.acme, self.globex, self.globex):
            made = lease_in_service(
                session, self.tenant, client_id=client.id, accepted_at=accepted, model=model
            )
            model = made.model
        stored = imports.upload(session, self.tenant, name="fleet.csv", content=TABLE.encode())
        self.file_id = stored.id
        partner = session.get_one(Partner, self.tenant.partner_id)
        partner.policies = {**partner.policies, POLICY: DunningPolicy(is_on=True).check().kept()}

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
            invoice = invoice_of(session, self.globex.id)
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

    def problems(self, session: Session) -> Iterator[str]:
        """What is wrong with documents, at any time when all work is done."""
        yield from self._numbers(session)
        yield from self._periods(session)
        yield from self._files(session)

    def _numbers(self, session: Session) -> Iterator[str]:
        """A gap or a number too many in any series."""
        found: defaultdict[str, list[int]] = defaultdict(list)
        for number in session.scalars(sa.select(Invoice.number)):
            series, _, place = number.rpartition("-")
            found[series].append(int(place))
        for series, places in found.items():
            if sorted(places) != list(range(1, len(places) + 1)):
                yield f"the numbers of {series} are {sorted(places)}"

    def _periods(self, session: Session) -> Iterator[str]:
        """A period that was billed twice, or not at all; a cent that is in no line."""
        key = (InvoiceLine.source_id, InvoiceLine.kind, InvoiceLine.period_start, InvoiceLine.revision)
        for row in session.execute(sa.select(*key).group_by(*key).having(sa.func.count() > 1)):
            yield f"billed twice: {row}"
        lines = session.scalar(sa.select(sa.func.sum(InvoiceLine.net + InvoiceLine.tax)))
        totals = session.scalar(sa.select(sa.func.sum(Invoice.total)))
        if lines != totals:
            yield f"lines come to {lines}, invoices to {totals}"

    def _files(self, session: Session) -> Iterator[str]:
        """A document without its PDF, or with two."""
        invoices = session.scalars(sa.select(Invoice)).all()
        yield from (f"{row.number} has no PDF" for row in invoices if row.pdf_file_id is None)
        stored = session.scalars(sa.select(StoredFile.name).where(StoredFile.kind == "invoice_pdf")).all()
        if sorted(stored) != sorted(f"{row.number}.pdf" for row in invoices):
            yield f"files are {sorted(stored)}"


def invoice_of(session: Session, client_id: str) -> Invoice:
    """The one invoice of a client."""
    return session.scalars(
        sa.select(Invoice).where(Invoice.client_id == client_id, Invoice.kind == "invoice")
    ).one()
