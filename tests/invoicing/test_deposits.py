"""Deposits: asked, held, applied, refunded; never below nothing, whoever comes first."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, date, datetime
from decimal import Decimal

import pytest
import sqlalchemy as sa
from flask.testing import FlaskClient
from sqlalchemy.orm import Session

from haas import db
from haas.auth.models import User
from haas.errors import Conflict, InvalidInput, NotFound
from haas.tenancy.scope import scoped
from invoicing import deposits, queries
from invoicing.deposit_models import Deposit, DepositEntry
from leases.models import Lease
from tests.cast import Cast
from tests.invoicing.world import an_invoice

AT = datetime(2026, 5, 1, 12, 0, tzinfo=UTC)
DAY = date(2026, 5, 1)


def asked(session: Session, cast: Cast) -> Deposit:
    """500.00 on the lease of an invoice of 168.48."""
    an_invoice(session, cast.tenant, client_id=cast.acme.id)
    lease = session.scalars(scoped(Lease, cast.tenant)).one()
    return deposits.ask_deposit(
        session, cast.tenant, lease_id=lease.id, amount=Decimal(500), asked_on=DAY, at=AT
    )


def received(session: Session, cast: Cast, *, amount: str = "500.00", reference: str = "T-1") -> Deposit:
    """The same, paid."""
    deposit = session.scalar(scoped(Deposit, cast.tenant)) or asked(session, cast)
    deposits.receive(
        session,
        cast.tenant,
        deposit_id=deposit.id,
        amount=Decimal(amount),
        on=DAY,
        reference=reference,
        at=AT,
    )
    return deposit


def held(session: Session, cast: Cast, deposit: Deposit) -> Decimal:
    """What it holds."""
    (row,) = deposits.with_balances(session, cast.tenant, [deposit])
    return row.balance


class TestDeposit:
    def test_pays_an_invoice_and_goes_back_with_the_rest(self, session: Session, cast: Cast) -> None:
        deposit = received(session, cast)
        (invoice,) = session.scalars(
            queries.list_invoices(cast.tenant, where=queries.InvoiceFilter(), today=DAY)
        )
        deposits.apply(
            session,
            cast.tenant,
            deposit_id=deposit.id,
            invoice_id=invoice.id,
            amount=Decimal("168.48"),
            on=DAY,
            at=AT,
        )
        assert (invoice.state, held(session, cast, deposit)) == ("paid", Decimal("331.52"))  # 500 - 168.48
        deposits.refund(
            session,
            cast.tenant,
            deposit_id=deposit.id,
            amount=Decimal("331.52"),
            on=DAY,
            reference="R-1",
            at=AT,
        )
        ledger = deposits.entries_of(session, cast.tenant, deposit_id=deposit.id)
        assert [(row.kind, row.amount, row.balance_after) for row in ledger] == [
            ("received", Decimal(500), Decimal(500)),
            ("applied", Decimal("-168.48"), Decimal("331.52")),
            ("refunded", Decimal("-331.52"), Decimal(0)),
        ]
        assert deposits.held_of_client(session, cast.tenant, client_id=cast.acme.id) == {}

    def test_gives_no_more_than_it_holds(self, session: Session, cast: Cast) -> None:
        deposit = received(session, cast)
        with pytest.raises(deposits.NotEnoughHeld, match=r"Only 500"):
            deposits.refund(
                session,
                cast.tenant,
                deposit_id=deposit.id,
                amount=Decimal("500.01"),
                on=DAY,
                reference="R",
                at=AT,
            )
        assert held(session, cast, deposit) == Decimal(500)

    def test_counts_the_same_money_once(self, session: Session, cast: Cast) -> None:
        received(session, cast, amount="250.00")
        with pytest.raises(Conflict, match="before"):
            received(session, cast, amount="250.00")

    def test_applies_to_its_own_client_alone(self, session: Session, cast: Cast) -> None:
        deposit = received(session, cast)
        other = an_invoice(session, cast.tenant, client_id=cast.globex.id)
        with pytest.raises(InvalidInput):
            deposits.apply(
                session,
                cast.tenant,
                deposit_id=deposit.id,
                invoice_id=other.id,
                amount=Decimal(1),
                on=DAY,
                at=AT,
            )

    def test_of_another_partner_is_not_found(self, session: Session, cast: Cast) -> None:
        deposit = received(session, cast)
        with pytest.raises(NotFound):
            deposits.get_deposit(session, cast.stranger, deposit_id=deposit.id)


class TestTheTable:
    def row(self, session: Session, cast: Cast, deposit: Deposit, **changes: object) -> None:
        values = {
            "partner_id": cast.northwind.id, "id": "den_x", "deposit_id": deposit.id,
            "client_id": deposit.client_id, "position": 2, "position_before": 1, "kind": "refunded",
            "amount": Decimal(-1), "balance_before": Decimal(500), "balance_after": Decimal(499), "on": DAY,
            "reference": "x", "recorded_at": AT, "actor": "test", **changes,
        }  # fmt: skip
        session.add(DepositEntry(**values))
        session.flush()

    @pytest.mark.parametrize(
        "wrong",
        [
            {"amount": Decimal(-501), "balance_after": Decimal(-1)},  # below nothing
            {"balance_after": Decimal(500)},  # does not add up
            {"balance_before": Decimal(600), "balance_after": Decimal(599)},  # stands on no row
            {"position": 3, "position_before": 2},  # leaves one out
            {
                "position": 1,
                "position_before": None,
                "balance_before": Decimal(0),
                "balance_after": Decimal(-1),
            },
            {"kind": "received"},  # a wrong sign
            {"kind": "applied"},  # without an invoice
        ],
    )
    def test_refuses_what_does_not_follow(
        self, session: Session, cast: Cast, wrong: dict[str, object]
    ) -> None:
        deposit = received(session, cast)
        with pytest.raises(sa.exc.IntegrityError):
            self.row(session, cast, deposit, **wrong)

    def test_takes_what_follows_and_never_changes_it(self, session: Session, cast: Cast) -> None:
        deposit = received(session, cast)
        self.row(session, cast, deposit)
        with pytest.raises(sa.exc.ProgrammingError):
            session.execute(sa.update(DepositEntry).values(reference="y"))


def test_stands_on_the_clients_statement(cast: Cast, web: Callable[[User | None], FlaskClient]) -> None:
    with db.unit_of_work(cast.tenant) as session:
        deposit = received(session, cast)
    for user in (cast.fay, cast.ada):
        page = web(user).get(f"/invoices/statement/{cast.acme.id}").get_data(as_text=True)
        assert "Deposit held" in page
        assert "$500.00" in page
    shown = web(cast.ada).get(f"/deposits/{deposit.id}").get_data(as_text=True)
    assert "T-1" in shown
    assert "Give it back" not in shown
    assert web(cast.cleo).get(f"/deposits/{deposit.id}").status_code == 404
