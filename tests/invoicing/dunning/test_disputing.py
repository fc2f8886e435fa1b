"""What becomes of a dispute, on the real database."""

from __future__ import annotations

import pytest
from sqlalchemy.orm import Session

from haas import db
from haas.errors import Conflict
from invoicing.dunning import disputing
from tests.architecture.examples.dunning import disputed
from tests.cast import Cast
from tests.invoicing.world import NOW, PORTAL
from tests.leases.fleet import day


class TestADispute:
    def test_is_decided_once_by_two_who_both_saw_it_open(self, cast: Cast) -> None:
        with db.unit_of_work(cast.tenant) as session:
            dispute_id = disputed(session, cast)["dispute_id"]

        def reject(session: Session, words: str) -> None:
            disputing.decide(
                session,
                cast.tenant,
                dispute_id=dispute_id,
                state="rejected",
                decision=words,
                today=day("2026-10-01"),
                at=NOW,
                portal_url=PORTAL,
            )

        with db.unit_of_work(cast.tenant) as session:
            assert disputing.get_dispute(session, cast.tenant, dispute_id=dispute_id).state == "open"
            with db.unit_of_work(cast.tenant) as rival:
                reject(rival, "It worked on delivery.")
            with pytest.raises(Conflict):
                reject(session, "It works.")
        with db.unit_of_work(cast.tenant) as session:
            kept = disputing.get_dispute(session, cast.tenant, dispute_id=dispute_id)
            assert kept.decision == "It worked on delivery."
