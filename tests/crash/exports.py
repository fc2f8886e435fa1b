"""The part of the story in which books are exported: documents by mail, money by SFTP."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from urllib.parse import urlsplit

import sqlalchemy as sa
from sqlalchemy.orm import Session

from haas import clock, db
from haas.settings import Settings
from haas.tenancy.scope import Tenant
from invoicing.exports import batches, destinations, profiles
from invoicing.exports.models import ExportBatch, ExportDelivery
from tests.cast import Cast
from tests.invoicing.exports.sftp_server import Server

ACCOUNTS = (
    "receivables", "tax", "bank", "credit", "line:rent", "line:interim_rent",
)  # fmt: skip


class Exports:
    """A journal of documents for the accountant, and one of payments for a server."""

    def __init__(self, session: Session, cast: Cast, settings: Settings, server: Server) -> None:
        self.tenant: Tenant = cast.tenant
        self.server = server
        self.by_mail_id = self._profile(session, "Books", "invoices")
        destinations.send_by_mail(
            session, self.tenant, profile_id=self.by_mail_id, address="books@accountant.example"
        )
        self.by_sftp_id = self._profile(session, "Bank book", "payments")
        place = server.place()
        profile = destinations.send_by_sftp(
            session, self.tenant, profile_id=self.by_sftp_id, host=place.host, port=place.port,
            user=place.user, folder=place.folder, secret=place.secret, secret_key=settings.secret_key,
        )  # fmt: skip
        profile.destination = {**profile.destination, "host_key": server.public_key}

    def by_mail(self, _: Settings) -> None:
        """Take out what stands in no batch yet, as a schedule does, and have it mailed."""
        self._start(self.by_mail_id)

    def by_sftp(self, _: Settings) -> None:
        """The same, put on a server."""
        self._start(self.by_sftp_id)

    def problems(self, session: Session, settings: Settings) -> Iterator[str]:
        """A batch without its file, or sent more or less often than once; a number that is missing."""
        folder = Path(urlsplit(settings.mail_url).path)
        made = session.scalars(sa.select(ExportBatch).order_by(ExportBatch.number)).all()
        year = clock.now().year
        if [row.number for row in made] != [f"EXP-{year}-{at + 1:05d}" for at in range(len(made))]:
            yield f"batches are {[row.number for row in made]}"
        yield from (f"{row.number} is {row.state}" for row in made if row.state != "done")
        sent = {row.batch_id: row for row in session.scalars(sa.select(ExportDelivery))}
        if len(sent) != len(made):
            yield "a batch is sent more or less often than once"
        for batch in made:
            delivery = sent[batch.id]
            if delivery.channel == "mail":
                arrived = len(list(folder.glob(f"*{delivery.id}*.eml")))
            else:
                arrived = self.server.names().count(batch.file_name)
            if delivery.state != "sent" or arrived != 1:
                yield f"{delivery.target} has {delivery.state}, {arrived} arrived: {delivery.error}"

    def _profile(self, session: Session, name: str, content: str) -> str:
        profile = profiles.create_profile(
            session, self.tenant, name=name, format="journal_csv", content=content, at=clock.now()
        )
        rows = [("account", account, "4000") for account in ACCOUNTS]
        profiles.set_names(session, self.tenant, profile_id=profile.id, rows=rows)
        return profile.id

    def _start(self, profile_id: str) -> None:
        with db.unit_of_work(self.tenant) as session, suppress(batches.NothingWaits):
            batches.start(session, self.tenant, profile_id=profile_id, at=clock.now())
