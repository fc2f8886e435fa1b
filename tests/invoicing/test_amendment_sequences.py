"""Random amendments through the real operations: the page's figures are the bill's, on a real database."""

from __future__ import annotations

from datetime import UTC, date, datetime, time, timedelta
from decimal import Decimal
from random import Random
from typing import Any

import pytest
from sqlalchemy.orm import Session

from haas.errors import HaasError
from haas.tenancy.scope import Tenant
from invoicing import billing
from invoicing.amendments_preview import preview_amendment
from invoicing.previews import preview_client
from leases import operations
from leases.amendments import operations as amendments
from leases.amendments.wanted import Wanted
from tests.invoicing.world import PORTAL, a_rate

JANUARY = date(2026, 1, 1)
SEQUENCES = 40


def a_pool(session: Session, tenant: Tenant, *, client_id: str, random: Random) -> tuple[str, list[str]]:
    """A lease with a pool and a service, which needs no device and so is quickly made."""
    at = _noon(JANUARY)
    agreement = operations.create_agreement(
        session,
        tenant,
        client_id=client_id,
        at=at,
        early_return_policy="remaining_rents",
        early_return_pct=Decimal(50),
        proration=random.choice(("actual_period", "thirty_day", "whole", "none")),
    )
    lease = operations.draft_lease(session, tenant, agreement_id=agreement.id, term_months=12, at=at)
    lines = [
        operations.add_line(
            session,
            tenant,
            lease_id=lease.id,
            at=at,
            kind=kind,
            description=kind,
            quantity=Decimal(10),
            unit_price=Decimal("7.77"),
        ).id
        for kind in ("pooled", "service")
    ]
    operations.quote(session, tenant, lease_id=lease.id, valid_until=date(2026, 12, 1), at=at)
    operations.accept(session, tenant, lease_id=lease.id, signer="Ada", accepted_on=JANUARY, at=at)
    operations.activate(session, tenant, lease_id=lease.id, first_day=JANUARY, at=at)
    return lease.id, lines


def a_wish(random: Random, lines: list[str], on: date) -> dict[str, Any]:
    """Something to ask for; not all of it can be."""
    line, quantity = random.choice(lines), Decimal(random.randrange(1, 20))
    kind = random.choice(("scale_up", "scale_down", "price_change", "abate", "renew", "terminate"))
    wanted = {
        "scale_up": Wanted(line_ids=(line,), quantity=quantity),
        "scale_down": Wanted(line_ids=(line,), quantity=quantity),
        "price_change": Wanted(line_ids=(line,), unit_price=Decimal(random.randrange(0, 2000)) / 100),
        "abate": Wanted(line_ids=(line,), last_day=on + timedelta(days=random.randrange(20))),
        "renew": Wanted(months=random.randrange(1, 4)),
        "terminate": Wanted(),
    }[kind]
    return {"kind": kind, "effective_on": on, "wanted": wanted}


@pytest.mark.parametrize("chunk", range(4))
def test_what_is_shown_is_what_is_billed(session, cast, chunk):
    tenant, client = cast.tenant, cast.acme.id
    a_rate(session, tenant)
    for seed in range(chunk, SEQUENCES, 4):
        random = Random(seed)  # noqa: S311 - the same every time
        savepoint = session.begin_nested()
        lease_id, lines = a_pool(session, tenant, client_id=client, random=random)
        today = JANUARY
        for _ in range(2):
            today += timedelta(days=random.randrange(1, 60))
            wish = a_wish(random, lines, max(JANUARY, today + timedelta(days=random.randrange(-20, 30))))
            asked = {"lease_id": lease_id, "at": _noon(today), **wish}
            try:
                shown = preview_amendment(session, tenant, **asked)
            except HaasError:
                with pytest.raises(HaasError), session.begin_nested():
                    amendments.amend(session, tenant, **asked)
                session.expire_all()
                continue
            done = amendments.amend(session, tenant, **asked)
            assert (done.charge, done.before, done.after) == (shown.charge, shown.before, shown.after), seed
            issued = billing.bill_clients(
                session,
                tenant,
                first_client_id=client,
                last_client_id=client,
                as_of=shown.bill_on,
                at=_noon(today),
                portal_url=PORTAL,
            )
            assert issued.total == shown.bill_after.total, seed
            assert preview_client(session, tenant, client_id=client, as_of=shown.bill_on).papers == [], seed
            today = shown.bill_on
        savepoint.rollback()
        session.expire_all()


def _noon(day: date) -> datetime:
    return datetime.combine(day, time(15), UTC)
