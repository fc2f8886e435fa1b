"""One laptop, told with dates: ordered, leased, billed, swapped, returned, charged, wiped, leased again."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, date, datetime
from decimal import Decimal

import pytest
from flask.testing import FlaskClient
from sqlalchemy.orm import Session

from devices import operations as fleet
from devices.models import Asset
from devices.moves import WipeRequired
from devices.queries import get_asset
from devices.sanitisation import certify_wipe
from haas import db, reactions
from haas.auth.models import User
from haas.files import StoredFile
from haas.outbox import OutboxEvent
from haas.settings import Settings
from haas.tenancy.scope import scoped
from invoicing.models import Invoice
from invoicing.queries import lines_of
from leases import books, client_requests, handover, operations, queries, returns, sweeps
from leases.lifecycle import LeaseState
from leases.models import Lease, Line
from leases.swaps import swap_asset
from tests.cast import Cast
from tests.invoicing.world import a_rate, bill
from tests.leases.fleet import a_model
from tests.paper import text_of


def at(text: str) -> datetime:
    """A moment of 2026 in UTC: "03-17 15:00"."""
    return datetime.fromisoformat(f"2026-{text}").replace(tzinfo=UTC)


def ordered(session: Session, cast: Cast, *, serial: str) -> Asset:
    """Ordered on 12 January, unpacked and ready two days later."""
    model = a_model(session, cast.tenant, at=at("01-05 09:00"))
    asset = fleet.register_asset(
        session,
        cast.tenant,
        model_id=model.id,
        cost=Decimal(1200),
        currency="USD",
        purchase_reference="PO-7",
        at=at("01-12 15:00"),
    )
    for verb, details in (("receive", {"serial": serial}), ("stage", {}), ("make_ready", {})):
        fleet.move_asset(
            session, cast.tenant, asset_id=asset.id, verb=verb, at=at("01-14 15:00"), details=details
        )
    return asset


def offered(session: Session, cast: Cast, *, client_id: str, model_id: str) -> tuple[Lease, Line]:
    """A laptop at 40.00 and a care pack at 5.00 a month for 24 months, offered on 20 January."""
    moment = at("01-20 15:00")
    agreement = operations.create_agreement(session, cast.tenant, client_id=client_id, at=moment)
    lease = operations.draft_lease(session, cast.tenant, agreement_id=agreement.id, term_months=24, at=moment)
    line = operations.add_line(
        session,
        cast.tenant,
        lease_id=lease.id,
        at=moment,
        description="ThinkPad T14",
        unit_price=Decimal(40),
        model_id=model_id,
    )
    operations.add_line(
        session,
        cast.tenant,
        lease_id=lease.id,
        at=moment,
        kind="service",
        description="Care pack",
        unit_price=Decimal(5),
    )
    operations.quote(session, cast.tenant, lease_id=lease.id, valid_until=date(2026, 2, 28), at=moment)
    return lease, line


def billed(cast: Cast, as_of: str) -> list[tuple[str, Decimal]]:
    """Run the billing as of a day of 2026: (kind, net) of each paper, invoices first."""
    with db.unit_of_work(cast.tenant) as session:
        found = bill(session, cast.tenant, date.fromisoformat(f"2026-{as_of}"))
        return [(row.kind, row.net_total) for row in found]


def react(cast: Cast) -> None:
    """Do what follows the lease events so far, twice: a worker may die after its effect."""
    with db.unit_of_work(cast.tenant) as session:
        events = session.scalars(scoped(OutboxEvent, cast.tenant).order_by(OutboxEvent.id)).all()
    for event in events:
        for name, _queue in reactions.REACTIONS.get(event.name, []):
            if name.startswith("leases."):
                for _ in range(2):
                    reactions.find(name)(partner_id=cast.northwind.id, event_id=event.id, **event.payload)


@pytest.mark.timeout(300)
def test_lease_to_return(cast: Cast, settings: Settings, web: Callable[[User | None], FlaskClient]) -> None:
    tenant = cast.tenant
    with db.unit_of_work(tenant) as session:
        a_rate(session, tenant)
        laptop = ordered(session, cast, serial="SN-A")
        spare = ordered(session, cast, serial="SN-B")
        lease, line = offered(session, cast, client_id=cast.acme.id, model_id=laptop.model_id)

    # 21 January: the client itself accepts; the laptop is reserved, shipped and, on the 26th, signed for.
    with db.unit_of_work(cast.acme_tenant) as session:
        client_requests.accept_quote(
            session,
            cast.acme_tenant,
            lease_id=lease.id,
            signer="Ada Client",
            accepted_on=date(2026, 1, 21),
            at=at("01-21 15:00"),
        )
    with db.unit_of_work(tenant) as session:
        handover.reserve(
            session,
            tenant,
            lease_id=lease.id,
            line_id=line.id,
            asset_id=laptop.id,
            at=at("01-22 15:00"),
        )
        handover.ship(session, tenant, asset_id=laptop.id, at=at("01-23 15:00"), carrier="Courier")
        handover.accept_asset(
            session, tenant, asset_id=laptop.id, at=at("01-26 15:00"), signer_name="Ada Client"
        )
        found = queries.get_lease(session, tenant, lease_id=lease.id)
        assert (found.state, found.commences_on) == (LeaseState.ACTIVE, date(2026, 2, 1))

    # 1 February: six days of interim rent, 40 x 6/31 = 7.74 and 5 x 6/31 = 0.97; February 45.00. 53.71.
    assert billed(cast, "02-01") == [("invoice", Decimal("53.71"))]
    assert billed(cast, "02-01") == []  # a second run finds nothing left

    # 17 March: the disk fails, the spare takes its place. The run of March is late and comes on the 20th.
    with db.unit_of_work(tenant) as session:
        swap = swap_asset(
            session,
            tenant,
            outgoing_id=laptop.id,
            incoming_id=spare.id,
            reason="fault",
            at=at("03-17 15:00"),
            condition="Disk failing",
        )
    assert billed(cast, "03-20") == [("invoice", Decimal("45.00"))]
    with db.unit_of_work(tenant) as session:
        march = session.scalars(scoped(Invoice, tenant).order_by(Invoice.id.desc())).first()
        assert march is not None
        rents = lines_of(session, tenant, invoice_id=march.id)
        split = next(row.serials for row in rents if row.description == "ThinkPad T14")
    # 1 to 16 March and 17 to 31 March: 40 x 16/31 = 20.65 and 40 x 15/31 = 19.35.
    assert [(row["serial"], row["days"], Decimal(row["amount"])) for row in split] == [
        ("SN-A", 16, Decimal("20.65")),
        ("SN-B", 15, Decimal("19.35")),
    ]

    # 1 April is billed in advance; the client gives the laptop back, received on the 10th.
    assert billed(cast, "04-01") == [("invoice", Decimal("45.00"))]
    with db.unit_of_work(cast.acme_tenant) as session:
        back = client_requests.ask_return(
            session,
            cast.acme_tenant,
            asset_id=spare.id,
            reason="Office closes",
            due_on=date(2026, 4, 15),
            today=date(2026, 4, 6),
            at=at("04-06 15:00"),
        )
    with db.unit_of_work(tenant) as session:
        returns.collect(session, tenant, return_id=back.id, at=at("04-09 15:00"), carrier="Courier")
        returns.receive(session, tenant, return_id=back.id, at=at("04-10 15:00"), serial_seen="SN-B")
        assert queries.get_lease(session, tenant, lease_id=lease.id).state == LeaseState.CLOSED

    # Owed for 1 to 10 April: 40 x 10/30 = 13.33 and 5 x 10/30 = 1.67. Back go 26.67 and 3.33: 30.00.
    assert billed(cast, "04-15") == [("credit_note", Decimal("-30.00"))]

    # 16 April: the lid is cracked. 480 to repair, but it is worth 310. Nobody objects for 14 days.
    with db.unit_of_work(tenant) as session:
        inspected = returns.inspect(
            session,
            tenant,
            return_id=back.id,
            at=at("04-16 15:00"),
            grade="C",
            fair_market_value=Decimal(310),
            repair_cost=Decimal(480),
            damage_notes="Cracked lid",
        )
        assert inspected.dispute_until == date(2026, 4, 30)
    sweeps.close_undisputed(settings, at("04-30 15:00"))
    assert billed(cast, "04-30") == []
    sweeps.close_undisputed(settings, at("05-01 15:00"))
    assert billed(cast, "05-01") == [("invoice", Decimal("310.00"))]

    # All of it: 53.71 + 45 + 45 - 30 + 310 = 423.71, and 8 percent of tax on it, to the cent of each line.
    with db.unit_of_work(tenant) as session:
        papers = session.scalars(scoped(Invoice, tenant)).all()
        assert sum(row.net_total for row in papers) == Decimal("423.71")
        assert all(row.total == row.net_total + row.tax_total for row in papers)

    # Nobody else gets it while Acme's data may be on it; wiped, it goes to Globex.
    with db.unit_of_work(tenant) as session:
        fleet.move_asset(session, tenant, asset_id=spare.id, verb="refurbish", at=at("05-04 15:00"))
        with pytest.raises(WipeRequired):
            fleet.move_asset(session, tenant, asset_id=spare.id, verb="restock", at=at("05-05 15:00"))
        certify_wipe(
            session,
            tenant,
            asset_id=spare.id,
            method="purge",
            destination="redeploy",
            technique="NVMe sanitize, crypto erase",
            media=[{"media_type": "NVMe SSD"}],
            performed_by="Ben Technician",
            verified_by="Ana Owner",
            performed_at=at("05-05 15:00"),
        )
        fleet.move_asset(session, tenant, asset_id=spare.id, verb="restock", at=at("05-05 16:00"))
        second, second_line = offered(session, cast, client_id=cast.globex.id, model_id=spare.model_id)
        operations.accept(
            session,
            tenant,
            lease_id=second.id,
            signer="Gil Globex",
            accepted_on=date(2026, 2, 20),
            at=at("05-06 15:00"),
        )
        handover.reserve(
            session,
            tenant,
            lease_id=second.id,
            line_id=second_line.id,
            asset_id=spare.id,
            at=at("05-06 16:00"),
        )
        assert get_asset(session, tenant, asset_id=spare.id).state == "reserved"

    # The first laptop comes back too, is destroyed and leaves the books.
    with db.unit_of_work(tenant) as session:
        old = queries.find_open_return(session, tenant, asset_id=laptop.id)
        assert old is not None
        returns.receive(session, tenant, return_id=old.id, at=at("03-18 15:00"), serial_seen="SN-A")
        returns.inspect(
            session,
            tenant,
            return_id=old.id,
            at=at("03-19 15:00"),
            grade="D",
            fair_market_value=Decimal(0),
        )
        certify_wipe(
            session,
            tenant,
            asset_id=laptop.id,
            method="destroy",
            destination="recycling",
            technique="shredded",
            media=[{"media_type": "NVMe SSD"}],
            performed_by="Ben Technician",
            verified_by="Ana Owner",
            performed_at=at("03-20 15:00"),
        )
        for verb, details in (("retire", {}), ("dispose", {"proceeds": "15.00"})):
            fleet.move_asset(
                session, tenant, asset_id=laptop.id, verb=verb, at=at("05-12 15:00"), details=details
            )
    react(cast)
    with db.unit_of_work(tenant) as session:
        # January to March whole: 3 x 30.00 before the swap; April and its own month are the spare's.
        kept = books.view_book(session, tenant, asset_id=spare.id, as_of=date(2026, 5, 31))
        assert kept.value == Decimal("1110.00")  # 1,200 less March, April and May at 30.00
        gone = books.view_book(session, tenant, asset_id=laptop.id, as_of=date(2026, 5, 12))
        assert (gone.book.disposed_on, gone.book.proceeds) == (date(2026, 5, 12), Decimal(15))
        assert gone.value == 0

    # The papers: an acceptance, a swap, two receipts, each once; and the client's people can fetch theirs.
    with db.unit_of_work(tenant) as session:
        printed = session.scalars(
            scoped(StoredFile, tenant)
            .where(StoredFile.kind.in_(["hand_over", "return_receipt"]))
            .order_by(StoredFile.name)
        ).all()
        names = [paper.name for paper in printed]
        assert names == [
            f"{lease.number}-A01.pdf",
            f"{lease.number}-S01.pdf",
            f"{old.number}.pdf",
            f"{back.number}.pdf",
        ]
        assert "SN-B" in text_of(printed[1].content)
        swap_file = queries.get_swap(session, tenant, swap_id=swap.id).file_id
    ada = web(cast.ada)
    assert ada.get(f"/files/{swap_file}").status_code == 200
    page = ada.get(f"/leases/{lease.id}?tab=documents").get_data(as_text=True)
    assert "SN-B" in page
    assert "Hand-over of a swap" in page
