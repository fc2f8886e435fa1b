"""What the crash matrix does, chapter by chapter, and what must be true at each end, whoever died in it."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import sqlalchemy as sa
from sqlalchemy.orm import Session

from haas import db
from haas.outbox import OutboxDelivery
from haas.settings import Settings
from haas.tenancy.scope import Tenant
from invoicing.payments.local_server.engine import Engine
from tests import cast as casting
from tests.crash.effects import Effects, effects
from tests.crash.exports import Exports
from tests.crash.money import Bank, Purse
from tests.crash.papers import Papers
from tests.crash.payments import Till
from tests.crash.process import Act
from tests.invoicing.exports.sftp_server import Server


@dataclass(frozen=True, slots=True)
class Chapter:
    """A part of the story that begins when all that came before is done."""

    name: str
    acts: tuple[Act, ...]


class Story:
    """A month of Northwind's, from the import of its assets to the export of its books."""

    def __init__(self, settings: Settings, *, engine: Engine, server: Server) -> None:
        cast = casting.make_cast()
        self.tenant: Tenant = cast.tenant
        self._engine, self._server = engine, server
        with db.unit_of_work(self.tenant) as session:
            self._papers = Papers(session, cast)
            self._bank = Bank(session, cast)
            self._exports = Exports(session, cast, settings, server)
        self._purse = Purse(cast)
        self._till = Till(self.tenant, cast.acme, settings)

    @property
    def chapters(self) -> tuple[Chapter, ...]:
        """Everything that is done, in this order."""
        papers, till, purse = self._papers, self._till, self._purse
        return (
            Chapter("assets", (papers.import_assets,)),
            Chapter("billing", (papers.bill,)),
            Chapter("reminders", (papers.remind,)),
            Chapter("charge", (till.charge, till.hear)),
            Chapter("refund", (till.give_back, till.hear)),
            Chapter("receipts", (purse.receive_part, purse.receive_too_much, purse.take_back)),
            Chapter("credit", (purse.refund_by_bank, purse.refund_by_provider, till.hear)),
            Chapter("bank", (self._bank.bring_in, self._bank.book_by_hand)),
            Chapter("credit note", (papers.credit,)),
            Chapter("exports", (self._exports.by_mail, self._exports.by_sftp)),
        )

    def problems(self, settings: Settings) -> list[str]:
        """What is not as it must be, whichever chapter has just ended; empty when all is."""
        with db.unit_of_work(self.tenant) as session:
            return [
                *_undone(session),
                *self._papers.problems(session),
                *self._exports.problems(session, settings),
                *self._till.problems(session, settings),
            ]

    def effects(self, settings: Settings) -> Effects:
        """What has been done so far."""
        with db.unit_of_work(self.tenant) as session:
            return effects(session, settings, engine=self._engine, server=self._server)


def _undone(session: Session) -> Iterator[str]:
    """Work that was lost, or given up."""
    rows = session.execute(
        sa.select(OutboxDelivery.reaction, OutboxDelivery.state, OutboxDelivery.error).where(
            OutboxDelivery.state != "done"
        )
    )
    yield from (f"{row.reaction} is {row.state}: {row.error}" for row in rows)
