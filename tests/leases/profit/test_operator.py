"""What the operator sees of its partners' fleets: sums, and no row of theirs."""

from __future__ import annotations

from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

import sqlalchemy as sa

from devices.models import Asset
from haas import db
from haas.tenancy.models import Partner
from haas.tenancy.scope import Platform
from leases.profit.partners import view_partners
from tests.cast import Cast
from tests.leases.fleet import day, lease_in_service

SIGNED = datetime(2026, 3, 1, 15, 0, tzinfo=UTC)


class TestViewPartners:
    def test_adds_each_fleet_up_in_its_partners_name_and_goes_on_in_its_own(self, cast: Cast) -> None:
        with db.unit_of_work(cast.tenant) as session:
            lease_in_service(session, cast.tenant, client_id=cast.acme.id, accepted_at=SIGNED)
        desk = Platform("operator", actor=cast.olga.id, door="portal")
        with db.unit_of_work(desk) as session:
            names = (cast.northwind.id, cast.contoso.id)
            partners = session.scalars(sa.select(Partner).where(Partner.id.in_(names))).all()

            found = view_partners(session, desk, partners=partners, since=None, as_of=day("2026-05-31"))

            sums = {each.partner.id: each.sums for each in found}
            assert [row.margin for row in sums[cast.northwind.id]] == [Decimal("210.00")]  # 3 x (100 - 30)
            assert sums[cast.contoso.id] == []
            assert session.scalar(sa.select(sa.func.count()).select_from(Asset)) == 0


class TestPage:
    def test_is_the_operators_alone(self, cast: Cast, web: Any) -> None:
        page = web(cast.olga).get(f"/operator/profit?q={cast.northwind.slug}")

        assert page.status_code == 200
        assert cast.northwind.name in page.get_data(as_text=True)
        for user in (cast.ana, cast.ada):
            assert web(user).get("/operator/profit").status_code == 403
