"""Examples of the doors of amendments: shown, made, asked for, approved, turned down."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, date, datetime
from decimal import Decimal
from typing import Any

from sqlalchemy.orm import Session

from leases.amendments import operations
from leases.amendments.wanted import Wanted
from tests.architecture.examples import Example
from tests.cast import Cast
from tests.invoicing.world import a_rate
from tests.leases.fleet import lease_in_service

ACCEPTED = datetime(2026, 3, 1, 15, 0, tzinfo=UTC)
DEAR = {"kind": "price_change", "effective_on": "2027-06-01", "change_pct": "3", "reason": "index"}
BACK_ON = "2027-06-01"
OWN = "asked for by the client's own people: a partner's user has no such permission"


def in_service(session: Session, cast: Cast) -> Mapping[str, str]:
    """Two laptops in service at Acme."""
    a_rate(session, cast.tenant)
    made = lease_in_service(session, cast.tenant, client_id=cast.acme.id, accepted_at=ACCEPTED, lines=2)
    return {"lease_id": made.lease.id, "line_id": made.lines[0].id}


def asked(session: Session, cast: Cast) -> Mapping[str, str]:
    """A change of price that waits."""
    made = in_service(session, cast)
    waiting = operations.request_amendment(
        session,
        cast.tenant,
        lease_id=made["lease_id"],
        kind="price_change",
        effective_on=date(2027, 6, 1),
        wanted=Wanted(change_pct=Decimal(3)),
        at=ACCEPTED,
    )
    return {"lease_id": made["lease_id"], "amendment_id": waiting.id}


def _down(_cast: Cast, values: Mapping[str, str]) -> dict[str, Any]:
    return {"effective_on": BACK_ON, "line_ids": [values["line_id"]]}


def _form(kind: str) -> Any:
    def filled(cast: Cast, values: Mapping[str, str]) -> dict[str, Any]:
        form = {**_down(cast, values), "key": "k1", "confirmed": "1", "shown_charge": "0"}
        return form if kind == "ask" else {**form, "kind": kind}

    return filled


EXAMPLES: dict[str, Example | list[Example]] = {
    "amendments_api.preview": Example(
        in_service, json=DEAR, audited=False, unaudited_because="it shows, and takes back what it did"
    ),
    "amendments_api.create": Example(in_service, json=DEAR),
    "amendments_api.ask": Example(in_service, json=_down, user="ada", cleo=403, cleo_because=OWN),
    "amendments_api.approve": Example(asked),
    "amendments_api.reject": Example(asked, json={"reason": "not now"}),
    "amendments_api.withdraw": Example(asked),
    "amendments.new": Example(
        lambda session, cast: {**in_service(session, cast), "kind": "scale_down"}, form=_form("scale_down")
    ),
    "amendments.ask": Example(in_service, form=_form("ask"), user="ada", cleo=403, cleo_because=OWN),
    "amendments.approve": Example(asked),
    "amendments.reject": Example(asked, form={"reason": "not now"}),
}
