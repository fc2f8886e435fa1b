"""Pages of charges and billing terms: what waits, what would be issued and why papers are parted."""

from __future__ import annotations

from collections.abc import Callable
from decimal import Decimal

from flask.testing import FlaskClient

from haas import db
from invoicing import arrangements
from invoicing.allowances.operations import NewRule, agree_rule
from invoicing.charges.operations import NewCharge, make_charge
from invoicing.grouping import Grouping
from invoicing.purchase_orders.operations import add_order
from tests.cast import Cast
from tests.invoicing.test_portal import text_of
from tests.invoicing.world import NOW, a_lease, a_rate
from tests.leases.fleet import day

Web = Callable[..., FlaskClient]


class TestPagesOfCharges:
    def test_show_what_waits_and_what_would_be_issued(self, cast: Cast, web: Web) -> None:
        with db.unit_of_work(cast.tenant) as session:
            a_rate(session, cast.tenant)
            wanted = NewCharge(
                client_id=cast.acme.id,
                description="Set-up <b>fee</b>",
                unit_price=Decimal(120),
                charged_on=day("2026-04-01"),
                site_id=cast.acme_site.id,
            )
            charge_id = make_charge(session, cast.tenant, wanted=wanted, at=NOW).id
            a_lease(session, cast.tenant, client_id=cast.acme.id)
            arrangements.part_by(session, cast.tenant, client_id=cast.acme.id, grouping=Grouping.SITE)
            loyal = NewRule(
                client_id=cast.acme.id,
                reason="Loyalty",
                percent=Decimal(10),
                valid_from=day("2026-01-01"),
            )
            agree_rule(session, cast.tenant, wanted=loyal, at=NOW)
            add_order(session, cast.tenant, client_id=cast.acme.id, number="4500017", at=NOW)
        ana = web(cast.ana)
        told = {
            f"/charges?client={cast.acme.id}&state=waiting": [
                "Set-up &lt;b&gt;fee",
                "Waits for billing",
                "$120.00",
            ],
            f"/charges/{charge_id}": ["Set-up &lt;b&gt;fee", "Bill it now", "Take it back"],
            f"/charges/{charge_id}/bill": ["$108.00", "$8.64", "Loyalty: -$12.00"],  # 120 less 10 %, 8 %
            f"/charges/new?client={cast.acme.id}": ["Acme Dental", "4500017", "Main Street"],
            "/charges/new": ["Choose a client"],
            "/charges/import": ["CSV file", "unit price"],
            f"/clients/{cast.acme.id}/billing": ["One for each site", "4500017", "Loyalty"],
            f"/clients/{cast.acme.id}": ["Billing terms", "Charges"],
            "/billing?as_of=2026-04-01": ["Site: Main Street", "Loyalty -$12.00"],
        }
        for path, words in told.items():
            answer = ana.get(path)
            said = text_of(answer)
            assert answer.status_code == 200, path
            assert [each for each in words if each not in said] == [], f"{path}: {said}"
        # A technician sees none of it, and a refused form says at its field what is wrong.
        assert web(cast.ben).get("/charges").status_code == 403
        refused = ana.post(f"/clients/{cast.acme.id}/billing/orders", data={"number": "4500017"})
        assert (refused.status_code, "has an order 4500017 already" in text_of(refused)) == (422, True)
