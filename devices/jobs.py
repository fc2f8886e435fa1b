"""Jobs of the fleet: doors that reactions call. Safe to run twice."""

from __future__ import annotations

from typing import Any

from haas import db
from haas.tenancy.scope import Tenant


def render_wipe_certificate(*, partner_id: str, event_id: str, certificate_id: str, **_: Any) -> None:
    """Print a wipe certificate and keep the PDF. A second run finds the file and changes nothing."""
    from devices.wipe_paper import store_wipe_certificate

    tenant = Tenant(partner_id, actor="job:wipe_certificate", door="job", request_id=event_id)
    with db.unit_of_work(tenant) as session:
        store_wipe_certificate(session, tenant, certificate_id=certificate_id)


def import_assets(*, partner_id: str, event_id: str, job_id: str, **_: Any) -> None:
    """Bring in the assets of an uploaded table: all of them or none."""
    from devices.imports import run_import

    run_import(Tenant(partner_id, actor="job:asset_import", door="job", request_id=event_id), job_id=job_id)


def export_assets(*, partner_id: str, event_id: str, job_id: str, **_: Any) -> None:
    """Write the list that was asked for into a file."""
    from devices.exports import run_export

    run_export(Tenant(partner_id, actor="job:asset_export", door="job", request_id=event_id), job_id=job_id)
