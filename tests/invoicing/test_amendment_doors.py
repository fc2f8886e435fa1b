"""The doors of amendments: what the page shows is what is then billed."""

from __future__ import annotations

import re
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

import pytest
from sqlalchemy.orm import Session

from haas.tenancy.models import Partner
from haas.tenancy.scope import scoped
from invoicing.amendments_preview import preview_amendment
from invoicing.previews import preview_client
from leases.amendment_models import Amendment
from leases.amendments import operations
from leases.amendments.wanted import Wanted
from tests.cast import Cast
from tests.invoicing.world import a_rate, bill
from tests.leases.fleet import InService, lease_in_service

ACCEPTED = datetime(2026, 1, 1, 15, 0, tzinfo=UTC)
FAR = "2027-06-01"


@pytest.fixture
def made(session: Session, cast: Cast) -> InService:
    """Two laptops at 100.00 a month for 24 months; half a year of them free, beyond it half of the rents."""
    a_rate(session, cast.tenant, pct="8.000")
    made = lease_in_service(
        session,
        cast.tenant,
        client_id=cast.acme.id,
        accepted_at=ACCEPTED,
        lines=2,
        term_months=24,
        flex_down_pct=Decimal(50),
        early_return_policy="remaining_rents",
        early_return_pct=Decimal(50),
    )
    session.commit()
    return made


class TestThePreview:
    @pytest.mark.parametrize("places", [1, 2])
    def test_is_what_is_billed(self, session, cast, made, places):
        on = datetime.fromisoformat(FAR).date()
        wanted = Wanted(line_ids=tuple(line.id for line in made.lines[:places]))
        asked: dict[str, Any] = {
            "lease_id": made.lease.id,
            "kind": "scale_down",
            "effective_on": on,
            "wanted": wanted,
            "at": datetime(2027, 4, 1, 15, 0, tzinfo=UTC),
        }
        # Seven rents of 100.00 remain of each; one is covered, the other costs 350.00.
        shown = preview_amendment(session, cast.tenant, **asked)
        assert (shown.charge, shown.covered_lines) == (Decimal(350) * (places - 1), 1)
        assert shown.bill_on == on
        # 18 months of 200.00 were due before; a rent of 100.00 less of each from June; 8 percent of tax.
        assert shown.difference == Decimal("1.08") * (Decimal(350) * (places - 1) - 100 * places)
        assert preview_client(session, cast.tenant, client_id=cast.acme.id, as_of=on) == shown.bill_before
        operations.amend(session, cast.tenant, **asked)
        assert preview_client(session, cast.tenant, client_id=cast.acme.id, as_of=on) == shown.bill_after
        issued = bill(session, cast.tenant, as_of=datetime(2026, 11, 1, tzinfo=UTC).date())
        assert sum(row.total for row in issued) == Decimal("1.08") * 11 * 200  # the charge is not due yet


class TestThePortal:
    def filled(self, made: InService, page: str, **more: str) -> dict[str, Any]:
        key = re.search(r'name="key" value="([^"]+)"', page)
        charge = re.search(r'name="shown_charge" value="([^"]+)"', page)
        assert key is not None
        return {
            "kind": "scale_down",
            "key": key.group(1),
            "effective_on": FAR,
            "line_ids": [made.lines[0].id],
            "recall_assets": "1",
            **({"shown_charge": charge.group(1)} if charge else {}),
            **more,
        }

    def test_shows_before_it_does(self, session, cast, made, web):
        person, address = web(cast.sam), f"/leases/{made.lease.id}/amendments/new/scale_down"
        page = person.get(address).get_data(as_text=True)
        seen = person.post(address, data=self.filled(made, page))
        page = seen.get_data(as_text=True)
        assert (seen.status_code, "No penalty" in page, "free: allowance" in page) == (200, True, True)
        assert session.scalars(scoped(Amendment, cast.tenant)).all() == []
        # Confirmed with a figure that was not on the page, it is only shown again.
        person.post(address, data=self.filled(made, page, confirmed="1", shown_charge="1.00"))
        assert session.scalars(scoped(Amendment, cast.tenant)).all() == []
        for _ in range(2):  # a second press finds what the first has done
            done = person.post(address, data=self.filled(made, page, confirmed="1"), follow_redirects=True)
        (amendment,) = session.scalars(scoped(Amendment, cast.tenant)).all()
        page = done.get_data(as_text=True)
        assert (amendment.state, amendment.number in page) == ("applied", True)
        tab = person.get(f"/leases/{made.lease.id}/amendments").get_data(as_text=True)
        assert amendment.number in tab
        assert "$1,200.00" in tab  # leaving at once: 24 rents of the one that stays, half

    def test_lets_a_client_ask_and_its_partner_decide(self, session, cast, made, web, api):
        asked = api(cast.ada).post(
            f"/v1/leases/{made.lease.id}/amendment-requests",
            json={"effective_on": FAR, "line_ids": [line.id for line in made.lines]},
        )
        assert (asked.status_code, asked.json["state"], asked.json["charge"]) == (201, "draft", "350.00")
        page = web(cast.ada).get(f"/leases/{made.lease.id}/amendments/ask").get_data(as_text=True)
        form = {**self.filled(made, page), "confirmed": ""}
        form = {name: value for name, value in form.items() if name not in ("kind", "recall_assets")}
        shown = web(cast.ada).post(f"/leases/{made.lease.id}/amendments/ask", data=form)
        assert "No penalty" in shown.get_data(as_text=True)
        approved = api(cast.sam).post(
            f"/v1/leases/{made.lease.id}/amendments/{asked.json['id']}/approve", json={}
        )
        assert (approved.status_code, approved.json["state"]) == (200, "applied")

    def test_waits_for_a_second_pair_of_eyes(self, session, cast, made, api):
        session.get_one(Partner, cast.tenant.partner_id).policies = {"amendment_four_eyes": True}
        session.commit()
        address = f"/v1/leases/{made.lease.id}/amendments"
        asked = api(cast.sam).post(
            address, json={"kind": "price_change", "effective_on": FAR, "change_pct": "3"}
        )
        own = api(cast.sam).post(f"{address}/{asked.json['id']}/approve", json={})
        other = api(cast.ana).post(f"{address}/{asked.json['id']}/approve", json={})
        assert (asked.json["state"], own.status_code, other.status_code) == ("draft", 403, 200)
        listed = api(cast.ada).get(address).json["items"]
        assert [(row["number"], row["state"]) for row in listed] == [(asked.json["number"], "applied")]
