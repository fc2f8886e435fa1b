"""Whatever changes a line in service, an amendment says so: each operation, and all of them in turn."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, date, datetime
from decimal import Decimal
from typing import Any

import pytest
from sqlalchemy.orm import Session

from haas.errors import InvalidInput
from haas.tenancy.models import Partner
from haas.tenancy.scope import scoped
from leases import operations, returns, swaps
from leases.amendment_models import Amendment
from leases.amendments import operations as amendments
from leases.amendments.closed_books import LOCKED_UNTIL
from leases.amendments.wanted import Wanted
from leases.ends import buyouts, choices, losses
from leases.ends.choices import Wish
from leases.ends.policy import Method, Option
from leases.models import Line
from tests.cast import Cast
from tests.leases.fleet import InService, a_spare, day, lease_in_service

AT = datetime(2026, 1, 1, 15, 0, tzinfo=UTC)
NOW = datetime(2026, 2, 10, 15, 0, tzinfo=UTC)
OVER = datetime(2026, 4, 20, 15, 0, tzinfo=UTC)
MARCH_1 = day("2026-03-01")

Operation = Callable[[Session, Cast, InService], object]
State = dict[str, dict[str, Any]]


@pytest.fixture
def made(session: Session, cast: Cast) -> InService:
    """Nine laptops at 100.00 from January to April 2026."""
    return lease_in_service(
        session, cast.tenant, client_id=cast.acme.id, accepted_at=AT, lines=9, term_months=4
    )


def amend(kind: str, at: int | None, on: date = MARCH_1, **wanted: Any) -> Operation:
    """An amendment of one line, or of the lease."""

    def change(session: Session, cast: Cast, made: InService) -> None:
        ids = () if at is None else (made.lines[at].id,)
        amendments.amend(
            session,
            cast.tenant,
            lease_id=made.lease.id,
            kind=kind,
            effective_on=on,
            wanted=Wanted(line_ids=ids, **wanted),
            at=NOW,
            reason="agreed",
        )

    return change


def buy(session: Session, cast: Cast, made: InService) -> None:
    """The client takes an offer."""
    tenant, asset_id = cast.tenant, made.assets[2].id
    offered = buyouts.offer(
        session, tenant, asset_id=asset_id, priced_on=MARCH_1, today=NOW.date(), at=NOW, method=Method.FIXED
    )
    buyouts.agree(session, tenant, buyout_id=offered.id, agreed_by="Ada", agreed_on=NOW.date(), at=NOW)


def lose(session: Session, cast: Cast, made: InService) -> None:
    """A device will not come back."""
    losses.confirm_loss(
        session, cast.tenant, asset_id=made.assets[3].id, cause="lost", lost_on=day("2026-02-09"), at=NOW
    )


def give_back(session: Session, cast: Cast, made: InService, *, index: int = 4, at: datetime = NOW) -> None:
    """A device comes back."""
    asset = made.assets[index]
    order = returns.request_return(
        session,
        cast.tenant,
        asset_id=asset.id,
        reason="spare",
        notice_on=NOW.date(),
        due_on=NOW.date(),
        at=at,
    )
    returns.collect(session, cast.tenant, return_id=order.id, at=at)
    returns.receive(session, cast.tenant, return_id=order.id, at=at, serial_seen=asset.serial or "")


def swap(session: Session, cast: Cast, made: InService) -> None:
    """Another device takes a place."""
    spare = a_spare(session, cast.tenant, model=made.model, at=NOW)
    swaps.swap_asset(
        session, cast.tenant, outgoing_id=made.assets[5].id, incoming_id=spare.id, reason="fault", at=NOW
    )


def carry_out_choices(session: Session, cast: Cast, made: InService) -> None:
    """What was chosen for the end of the lease is carried out: two are bought, what is left goes on."""
    open_lines = [
        line.id
        for line in session.scalars(
            scoped(Line, cast.tenant).where(Line.lease_id == made.lease.id, Line.ends_on.is_(None))
        )
        if line.kind == "asset" and line.starts_on is not None
    ]
    wishes = [
        Wish(line_id, Option.BUY if number < 2 else Option.RENEW)
        for number, line_id in enumerate(sorted(open_lines))
    ]
    today = NOW.date()
    choices.choose(session, cast.tenant, lease_id=made.lease.id, wishes=wishes, today=today, at=NOW)
    choices.carry_out(session, cast.tenant, lease_id=made.lease.id, today=today, at=NOW)


def notice(session: Session, cast: Cast, made: InService) -> None:
    """The lease is to end."""
    operations.give_notice(session, cast.tenant, lease_id=made.lease.id, noticed_on=NOW.date(), at=NOW)


OPERATIONS: dict[str, Operation] = {
    "price_change": amend("price_change", 0, unit_price=Decimal(90)),
    "percentage": amend("price_change", None, change_pct=Decimal(3)),
    "scale_down": amend("scale_down", 1),
    "abate": amend("abate", 6, last_day=day("2026-03-05")),
    "buy": buy,
    "lose": lose,
    "give_back": give_back,
    "swap": swap,
    "co_term": amend("co_term", None, last_day=day("2026-05-31")),
    "choices": carry_out_choices,
    "renew": amend("renew", None, months=2),
    "notice": notice,
    "terminate": amend("terminate", None, on=day("2026-03-15")),
}
# fmt: off
ONE_AFTER_THE_OTHER = [
    "price_change", "percentage", "abate", "scale_down", "buy", "lose", "give_back", "swap", "renew",
    "choices", "terminate",
]
# fmt: on


def state_of(session: Session, cast: Cast, made: InService) -> State:
    """The lines in service and the lease itself, as the database has them."""
    session.expire_all()
    found: State = {
        "lease": {"ends_on": made.lease.ends_on, "term_months": made.lease.term_months},
    }
    for line in session.scalars(scoped(Line, cast.tenant).where(Line.lease_id == made.lease.id)):
        if line.starts_on is not None:
            terms = [(row.effective_from, row.quantity, row.unit_price) for row in line.terms_over_time]
            found[line.id] = {
                "ends_on": line.ends_on,
                "quantity": line.quantity,
                "price": terms or line.unit_price,
                "abated": len(line.abatements),
            }
    return found


def amended(session: Session, cast: Cast, made: InService) -> dict[str, set[str]]:
    """Which lines (or the lease) the amendments of the lease say they changed, by amendment."""
    rows = session.scalars(scoped(Amendment, cast.tenant).where(Amendment.lease_id == made.lease.id))
    return {row.id: set(row.after) | set(row.line_ids) for row in rows if row.state == "applied"}


def changed_without_a_word(session: Session, cast: Cast, made: InService, operation: Operation) -> set[str]:
    """What an operation changed and no amendment of its own names."""
    before, known = state_of(session, cast, made), amended(session, cast, made)
    operation(session, cast, made)
    session.flush()
    after, rows = state_of(session, cast, made), amended(session, cast, made)
    said = set().union(*(named for row, named in rows.items() if row not in known))
    changed = {name for name, fields in after.items() if fields != before.get(name)}
    assert changed or operation is swap, "the operation did nothing"
    return changed - said


class TestEveryChange:
    @pytest.mark.parametrize("name", ["co_term", "notice"])  # the others come one after the other
    def test_leaves_an_amendment(self, session: Session, cast: Cast, made: InService, name: str) -> None:
        assert changed_without_a_word(session, cast, made, OPERATIONS[name]) == set()

    def test_leaves_one_after_whatever_came_before(
        self, session: Session, cast: Cast, made: InService
    ) -> None:
        for name in ONE_AFTER_THE_OTHER:
            assert changed_without_a_word(session, cast, made, OPERATIONS[name]) == set(), name

    def test_leaves_one_where_a_service_ends_with_the_last_device(self, session: Session, cast: Cast) -> None:
        made = lease_in_service(session, cast.tenant, client_id=cast.acme.id, accepted_at=AT, term_months=4)
        service = operations.make_line(
            session, cast.tenant, lease=made.lease, at=AT, kind="service", description="Care",
            unit_price=Decimal(10), model_id=None,
        )  # fmt: skip
        service.starts_on = made.lines[0].starts_on
        session.flush()
        assert (
            changed_without_a_word(session, cast, made, lambda *about: give_back(*about, index=0, at=OVER))
            == set()
        )
        assert made.lease.state == "closed"
        last = session.scalars(scoped(Amendment, cast.tenant).where(Amendment.kind == "terminate")).one()
        assert last.after[service.id]["ends_on"] == "2026-04-21"

    def test_of_a_purchase_says_the_price_and_is_billed_by_the_purchase_alone(
        self, session: Session, cast: Cast, made: InService
    ) -> None:
        buy(session, cast, made)
        row = session.scalars(scoped(Amendment, cast.tenant).where(Amendment.kind == "buy_out")).one()
        assert (row.charge, row.charge_kind) == (Decimal("120.00"), "buy_out")  # 10 percent of 1,200
        assert row.after[made.lines[2].id]["ends_on"] == "2026-03-01"


class TestClosedBooks:
    @pytest.mark.parametrize(
        "operation",
        [
            amend("price_change", 0, on=day("2026-01-31"), unit_price=Decimal(90)),
            amend("scale_down", 1, on=day("2026-01-20")),
        ],
    )
    def test_take_no_change_that_is_dated_back(
        self, session: Session, cast: Cast, made: InService, operation: Operation
    ) -> None:
        closed(session, cast, "2026-01-31")
        before = state_of(session, cast, made)
        with pytest.raises(InvalidInput, match="closed up to 2026-01-31: choose a later day"):
            operation(session, cast, made)
        assert state_of(session, cast, made) == before

    def test_take_no_purchase_that_is_dated_back(self, session: Session, cast: Cast, made: InService) -> None:
        closed(session, cast, "2026-03-01")
        with pytest.raises(InvalidInput, match="choose a later day"):
            buy(session, cast, made)

    def test_do_not_hinder_what_happened(self, session: Session, cast: Cast, made: InService) -> None:
        closed(session, cast, "2026-02-28")
        give_back(session, cast, made)
        lose(session, cast, made)


def closed(session: Session, cast: Cast, until: str) -> None:
    """As the ledger writes it when a month is locked."""
    partner = session.get_one(Partner, cast.tenant.partner_id)
    partner.policies = {**partner.policies, LOCKED_UNTIL: until}
    session.flush()
