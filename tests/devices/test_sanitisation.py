"""No redeployment to another client and no disposal without a wipe certificate, through any verb."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
import sqlalchemy as sa

from devices import moves, operations
from devices.sanitisation import NotEnough, certify_wipe
from tests.devices.fleet import START, bring, make_asset, make_model

HOUR = timedelta(hours=1)
PURGE: dict[str, Any] = {
    "method": "purge",
    "destination": "redeploy",
    "technique": "NVMe sanitize, crypto erase",
    "media": [{"media_type": "NVMe SSD", "serial": "S1"}],
    "performed_by": "Ben Technician",
    "verified_by": "Ana Owner",
}


class TestDataGuard:
    """What may hold a client's data goes to nobody else, through no verb."""

    @pytest.fixture
    def returned(self, session, cast):
        asset = make_asset(session, cast.tenant)
        return bring(session, cast.tenant, asset, to="refurbishing", client_id=cast.acme.id)

    def test_keeps_it_off_the_shelf(self, session, cast, returned):
        with pytest.raises(moves.WipeRequired):
            operations.move_asset(
                session, cast.tenant, asset_id=returned.id, verb="restock", at=START + 20 * HOUR
            )

    def test_lets_it_go_back_to_the_same_client(self, session, cast, returned):
        for hour, verb in ((20, "restock"), (21, "reserve"), (22, "ship")):
            operations.move_asset(
                session,
                cast.tenant,
                asset_id=returned.id,
                verb=verb,
                at=START + hour * HOUR,
                details={"client_id": cast.acme.id} if verb != "ship" else {},
            )

        assert returned.state == "in_transit_out"

    def test_stops_a_reservation_for_another_client(self, session, cast, returned):
        operations.move_asset(
            session,
            cast.tenant,
            asset_id=returned.id,
            verb="restock",
            at=START + 20 * HOUR,
            details={"client_id": cast.acme.id},
        )

        for details in ({"client_id": cast.globex.id}, {}):
            with pytest.raises(moves.WipeRequired):
                operations.move_asset(
                    session,
                    cast.tenant,
                    asset_id=returned.id,
                    verb="reserve",
                    at=START + 21 * HOUR,
                    details=details,
                )

    def test_stops_a_placement_at_another_client(self, session, cast, returned):
        with pytest.raises(moves.WipeRequired):
            operations.place_asset(
                session,
                cast.tenant,
                asset_id=returned.id,
                client_id=cast.globex.id,
                at=START + 20 * HOUR,
            )

    def test_stops_the_disposal(self, session, cast, returned):
        operations.move_asset(session, cast.tenant, asset_id=returned.id, verb="retire", at=START + 20 * HOUR)

        with pytest.raises(moves.WipeRequired):
            operations.move_asset(
                session, cast.tenant, asset_id=returned.id, verb="dispose", at=START + 21 * HOUR
            )

    def test_stops_it_in_the_database_too(self, session, cast, returned):
        with pytest.raises(sa.exc.IntegrityError, match="disposed_holds_no_data"):
            session.execute(
                sa.text("update asset set state = 'disposed' where partner_id = :partner and id = :id"),
                {"partner": cast.northwind.id, "id": returned.id},
            )

    def test_asks_nothing_of_what_holds_no_data(self, session, cast):
        model = make_model(session, cast.tenant, category="other", name="Monitor", data_bearing=False)
        asset = make_asset(session, cast.tenant, model_id=model.id)
        bring(session, cast.tenant, asset, to="refurbishing", client_id=cast.acme.id)

        operations.move_asset(session, cast.tenant, asset_id=asset.id, verb="restock", at=START + 20 * HOUR)

        assert asset.state == "ready"

    def test_is_lifted_by_a_purge(self, session, cast, returned):
        certify_wipe(session, cast.tenant, asset_id=returned.id, performed_at=START + 20 * HOUR, **PURGE)

        operations.move_asset(
            session, cast.tenant, asset_id=returned.id, verb="restock", at=START + 21 * HOUR
        )

        assert returned.state == "ready"

    def test_is_not_lifted_by_a_mere_clear(self, session, cast, returned):
        certificate = certify_wipe(
            session,
            cast.tenant,
            asset_id=returned.id,
            performed_at=START + 20 * HOUR,
            **{**PURGE, "method": "clear", "destination": "same_client"},
        )

        assert certificate.client_id == cast.acme.id
        assert returned.holds_data_of_client_id == cast.acme.id

    def test_is_not_lifted_by_a_wipe_before_the_last_service(self, session, cast, returned):
        with pytest.raises(moves.TooEarly):
            certify_wipe(session, cast.tenant, asset_id=returned.id, performed_at=START, **PURGE)

    def test_asks_for_destruction_before_recycling(self, session, cast, returned):
        with pytest.raises(NotEnough):
            certify_wipe(
                session,
                cast.tenant,
                asset_id=returned.id,
                performed_at=START + 20 * HOUR,
                **{**PURGE, "destination": "recycling"},
            )

    def test_comes_back_when_it_serves_again(self, session, cast, returned):
        certify_wipe(session, cast.tenant, asset_id=returned.id, performed_at=START + 20 * HOUR, **PURGE)
        globex = {"client_id": cast.globex.id}
        for hour, verb in ((21, "restock"), (22, "reserve"), (23, "ship"), (24, "accept")):
            operations.move_asset(
                session,
                cast.tenant,
                asset_id=returned.id,
                verb=verb,
                at=START + hour * HOUR,
                details=globex,
            )

        assert returned.holds_data_of_client_id == cast.globex.id
