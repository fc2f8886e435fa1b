"""Partners' own rows, which several people and sweeps change or read at once."""

from __future__ import annotations

from haas import db
from haas.tenancy.models import Partner
from haas.tenancy.partners import lock_partner
from tests.cast import Cast


class TestAPartnersPolicies:
    def test_keep_what_a_rival_set_since_the_request_began(self, cast: Cast) -> None:
        with db.unit_of_work(cast.tenant) as session:
            session.get_one(Partner, cast.northwind.id)  # as each request does to know who asks
            with db.unit_of_work(cast.tenant) as rival:
                theirs = lock_partner(rival, cast.tenant)
                theirs.policies = {**theirs.policies, "their_rule": 1}
            ours = lock_partner(session, cast.tenant)
            ours.policies = {**ours.policies, "our_rule": 2}
        with db.unit_of_work(cast.tenant) as session:
            kept = session.get_one(Partner, cast.northwind.id).policies
        assert (kept["their_rule"], kept["our_rule"]) == (1, 2)
