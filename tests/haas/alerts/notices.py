"""A dull notice, for tests of channels."""

from __future__ import annotations

from datetime import UTC, datetime

from haas.alerts.channels import Notice
from haas.tenancy.branding import Branding


def a_notice() -> Notice:
    """Something opened."""
    return Notice(
        id="dvy_1",
        what="opened",
        alert_id="alr_1",
        severity="warning",
        title="NW-1: not heard from",
        detail="",
        resolution="",
        opened_at=datetime(2026, 11, 1, tzinfo=UTC),
        asset_id=None,
        device_id=None,
        asset_tag="NW-1",
        link="https://portal.example/alerts/alr_1",
        branding=Branding(display_name="Northwind", legal_name="Northwind Inc."),
        language="en",
        time_zone="UTC",
    )
