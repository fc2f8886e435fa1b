"""Rival runs on the real database: each period once, numbers without gaps, also when one is rolled back."""

from __future__ import annotations

import threading
from collections import Counter
from collections.abc import Callable, Sequence
from datetime import date, timedelta

import pytest
import sqlalchemy as sa
from sqlalchemy.orm import Session

from haas import db
from haas.outbox import OutboxEvent
from haas.tenancy.models import Client
from haas.tenancy.scope import Tenant, scoped
from invoicing import billing, queries
from invoicing.corrections import credit_invoice
from invoicing.models import Invoice, InvoiceLine
from tests.cast import Cast
from tests.invoicing.world import APRIL, NOW, PORTAL, a_lease, a_rate

MAY = date(2026, 5, 1)


class Stumbled(RuntimeError):
    """What a rival dies of after its numbers are taken."""


@pytest.fixture
def tenant(cast: Cast) -> Tenant:
    """Northwind with two clients and three leases in service, committed."""
    with db.unit_of_work(cast.tenant) as session:
        a_rate(session, cast.tenant)
        for client in (cast.acme, cast.acme, cast.globex):
            a_lease(session, cast.tenant, client_id=client.id, lines=2)
    return cast.tenant


def start_run(tenant: Tenant, *, as_of: date, chunk_leases: int = 500) -> list[str]:
    """A run that is cut into chunks; their ids."""
    with db.unit_of_work(tenant) as session:
        run = billing.start_run(session, tenant, as_of=as_of, at=NOW, chunk_leases=chunk_leases)
        return [chunk.id for chunk in queries.chunks_of(session, tenant, run_id=run.id)]


def bill_chunk(tenant: Tenant, chunk_id: str, *, stumble: bool = False) -> None:
    """What the job does, in a transaction of its own; it may die before it commits."""
    with db.unit_of_work(tenant) as session:
        billing.bill_chunk(session, tenant, chunk_id=chunk_id, at=NOW, portal_url=PORTAL)
        if stumble:
            raise Stumbled


def at_once(*acts: Callable[[], None]) -> list[BaseException]:
    """Run all of them at the same moment; what they died of."""
    start = threading.Barrier(len(acts))
    failures: list[BaseException] = []

    def run(act: Callable[[], None]) -> None:
        start.wait()
        try:
            act()
        except (Stumbled, sa.exc.SQLAlchemyError) as failure:
            failures.append(failure)

    threads = [threading.Thread(target=run, args=(act,)) for act in acts]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    assert not any(thread.is_alive() for thread in threads)
    return failures


def issued(tenant: Tenant) -> tuple[list[str], Counter[tuple[str, str, date | None]]]:
    """The numbers in order, and how often each period was billed."""
    with db.unit_of_work(tenant) as session:
        numbers = session.scalars(sa.select(Invoice.number).order_by(Invoice.number)).all()
        periods = session.execute(
            sa.select(InvoiceLine.source_id, InvoiceLine.kind, InvoiceLine.period_start)
        )
        return list(numbers), Counter((row[0], row[1], row[2]) for row in periods)


def expect(tenant: Tenant, *, numbers: Sequence[int]) -> None:
    found, periods = issued(tenant)
    assert found == [f"INV-2026-{number:05d}" for number in numbers]
    assert set(periods.values()) == {1}


class TestTwoWorkers:
    def test_with_the_same_chunk_bill_it_once(self, tenant: Tenant) -> None:
        (chunk,) = start_run(tenant, as_of=APRIL)
        failures = at_once(*[lambda: bill_chunk(tenant, chunk)] * 4)
        assert failures == []
        expect(tenant, numbers=[1, 2])

    def test_of_overlapping_runs_bill_each_period_once(self, tenant: Tenant) -> None:
        first = start_run(tenant, as_of=APRIL, chunk_leases=1)
        second = start_run(tenant, as_of=date(2026, 4, 2))  # another day, the same periods due
        assert (len(first), len(second)) == (2, 1)
        failures = at_once(*[lambda chunk=chunk: bill_chunk(tenant, chunk) for chunk in first + second])
        assert failures == []
        expect(tenant, numbers=[1, 2])

    def test_of_runs_for_two_days_leave_nothing_out_and_nothing_twice(self, tenant: Tenant) -> None:
        chunks = start_run(tenant, as_of=APRIL) + start_run(tenant, as_of=MAY)
        assert at_once(*[lambda chunk=chunk: bill_chunk(tenant, chunk) for chunk in chunks]) == []
        numbers, periods = issued(tenant)
        # Whichever came first: two invoices if the later day did, else four. No number is left out.
        assert numbers == [f"INV-2026-{number:05d}" for number in range(1, len(numbers) + 1)]
        assert set(periods.values()) == {1}
        # 6 lines: interim rent of March, rent of April and of May
        assert len(periods) == 6 * 3


class TestARivalThatRollsBack:
    def test_gives_its_numbers_and_periods_back(self, tenant: Tenant) -> None:
        chunks = [*start_run(tenant, as_of=APRIL), *start_run(tenant, as_of=APRIL)]
        failures = at_once(
            lambda: bill_chunk(tenant, chunks[0], stumble=True), lambda: bill_chunk(tenant, chunks[1])
        )
        assert [type(failure) for failure in failures] == [Stumbled]
        expect(tenant, numbers=[1, 2])

        bill_chunk(tenant, chunks[0])  # tried again, it finds nothing left to bill
        expect(tenant, numbers=[1, 2])

    def test_leaves_no_gap_in_the_next_run(self, tenant: Tenant) -> None:
        (chunk,) = start_run(tenant, as_of=APRIL)
        with pytest.raises(Stumbled):
            bill_chunk(tenant, chunk, stumble=True)
        assert issued(tenant)[0] == []
        (later,) = start_run(tenant, as_of=MAY)
        bill_chunk(tenant, later)
        expect(tenant, numbers=[1, 2])


class TestACreditInTheMidst:
    def test_of_a_run_takes_a_number_of_its_own_series(self, cast: Cast, tenant: Tenant) -> None:
        for chunk in start_run(tenant, as_of=APRIL):
            bill_chunk(tenant, chunk)
        with db.unit_of_work(tenant) as session:
            ids = list(session.scalars(sa.select(Invoice.id).order_by(Invoice.id)))
            assert session.scalar(sa.select(sa.func.count()).select_from(Client)) == 2
        (may,) = start_run(tenant, as_of=MAY)

        def credit(invoice_id: str) -> None:
            with db.unit_of_work(tenant) as session:
                credit_invoice(
                    session,
                    tenant,
                    invoice_id=invoice_id,
                    reason="Goodwill",
                    issued_on=MAY,
                    at=NOW,
                    portal_url=PORTAL,
                )

        failures = at_once(lambda: bill_chunk(tenant, may), lambda: credit(ids[0]), lambda: credit(ids[1]))
        assert failures == []
        numbers, _ = issued(tenant)
        assert numbers == [
            "CRN-2026-00001",
            "CRN-2026-00002",
            *(f"INV-2026-{number:05d}" for number in (1, 2, 3, 4)),
        ]


class TestASecondStart:
    def test_is_led_to_the_run_that_is_under_way(self, tenant: Tenant) -> None:
        seen: list[list[str]] = []
        assert at_once(*[lambda: seen.append(start_run(tenant, as_of=APRIL))] * 3) == []
        assert seen[0] == seen[1] == seen[2]

    def test_hands_out_again_what_a_stalled_run_has_left(self, tenant: Tenant) -> None:
        first, second = start_run(tenant, as_of=APRIL, chunk_leases=1)
        bill_chunk(tenant, first)
        for minutes, handed_out in ((9, []), (10, [second])):
            with db.unit_of_work(tenant) as session:
                before = set(due_chunks(session, tenant))
                billing.start_run(session, tenant, as_of=APRIL, at=NOW + timedelta(minutes=minutes))
                again = [
                    chunk for event, chunk in due_chunks(session, tenant) if (event, chunk) not in before
                ]
            assert again == handed_out

    def test_of_a_day_that_is_over_is_a_run_of_its_own(self, tenant: Tenant) -> None:
        (chunk,) = start_run(tenant, as_of=APRIL)
        bill_chunk(tenant, chunk)
        with db.unit_of_work(tenant) as session:
            billing.note_progress(session, tenant, chunk_id=chunk, at=NOW)
        assert start_run(tenant, as_of=APRIL) != [chunk]


def due_chunks(session: Session, tenant: Tenant) -> list[tuple[str, str]]:
    """Each event that hands out a chunk, and the chunk."""
    events = session.scalars(scoped(OutboxEvent, tenant).where(OutboxEvent.name == "billing.chunk_due"))
    return [(event.id, event.payload["chunk_id"]) for event in events]
