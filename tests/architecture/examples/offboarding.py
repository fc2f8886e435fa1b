"""Examples of the changing routes of off-boarding."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime

from sqlalchemy.orm import Session

from invoicing import offboarding
from tests.architecture.examples import Example
from tests.architecture.examples.leases import a_draft, in_service
from tests.cast import Cast


def leaving(session: Session, cast: Cast) -> Mapping[str, str]:
    """Acme has a device in service."""
    return {**in_service(session, cast), "client_id": cast.acme.id}


def left(session: Session, cast: Cast) -> Mapping[str, str]:
    """Acme had an offer alone, which is dropped: nothing is left to wait for."""
    a_draft(session, cast)
    now = datetime.now(UTC)
    work = offboarding.start_offboarding(
        session, cast.tenant, client_id=cast.acme.id, noticed_on=now.date(), reason="", at=now
    )
    for lease_id in offboarding.leases_to_end(session, cast.tenant, offboarding_id=work.id):
        offboarding.end_one(session, cast.tenant, offboarding_id=work.id, lease_id=lease_id, at=now)
    offboarding.note_ended(session, cast.tenant, offboarding_id=work.id, problems=[])
    return {"client_id": cast.acme.id, "offboarding_id": work.id}


EXAMPLES: dict[str, Example | list[Example]] = {
    "offboarding_api.start": Example(leaving, json={"reason": "moves house"}, status=202),
    "offboardings_api.finish": Example(left),
    "offboarding.start": Example(leaving, form={"noticed_on": "2026-11-30", "reason": ""}, status=303),
    "offboarding.finish": Example(left, form={}, status=303),
}
