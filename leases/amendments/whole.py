"""Amendments of a whole lease that cost nothing by themselves: another place, a longer term."""

from __future__ import annotations

from devices.operations import place_asset
from haas.errors import InvalidInput
from leases import operations, queries
from leases.amendments.lines import Outcome, Work


def move(work: Work) -> Outcome:
    """The lease is at home at another site of the client, and so are the devices on it."""
    site_id = work.wanted.site_id
    if site_id is None or site_id == work.lease.site_id:
        raise InvalidInput("Choose the site that it moves to.", field="site_id")
    queries.check_site(work.session, work.tenant, site_id=site_id, client_id=work.lease.client_id)
    if work.on > work.today:
        raise InvalidInput(
            "Devices are where they are: record the move when it was made.", field="effective_on"
        )
    chosen = [line.id for line in work.chosen()] if work.wanted.line_ids else [line.id for line in work.lines]
    standing = queries.assignments_by_line(work.session, work.tenant, line_ids=chosen)
    for rows in standing.values():
        for row in rows:
            if row.during.upper is None and row.during.lower is not None:
                place_asset(
                    work.session,
                    work.tenant,
                    asset_id=row.asset_id,
                    client_id=work.lease.client_id,
                    site_id=site_id,
                    custodian="client",
                    at=work.at,
                )
    if not work.wanted.line_ids:
        work.lease.site_id = site_id
    work.session.flush()
    return Outcome(list(work.wanted.line_ids))


def renew(work: Work) -> Outcome:
    """Go on for some months more from where the term ends, at the same rent."""
    if work.wanted.months is None:
        raise InvalidInput("Renew for 1 to 120 months.", field="months")
    operations.extend(work.session, work.tenant, lease=work.lease, months=work.wanted.months, at=work.at)
    return Outcome([])
