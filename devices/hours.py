"""How many hours devices were powered on in a month, as their disks have counted them."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta
from decimal import Decimal

import sqlalchemy as sa
from sqlalchemy.orm import Session

from haas.tenancy.scope import Tenant

# How far back the last count before the month is looked for; a device that was silent for longer is counted
# from its first reading in the month.
_LOOK_BACK = timedelta(days=14)

_HOURS = sa.text("""
select asset_id, max(hours) as hours from (
  select d.asset_id, disk->>'id' as disk_id,
         max((disk->>'power_on_h')::numeric) filter (where t.ts_eff >= :since)
         - coalesce(max((disk->>'power_on_h')::numeric) filter (where t.ts_eff < :since),
                    min((disk->>'power_on_h')::numeric) filter (where t.ts_eff >= :since)) as hours
    from telemetry t
    join device d on d.partner_id = t.partner_id and d.id = t.device_id
    cross join lateral jsonb_array_elements(t.body->'disks') disk
   where t.partner_id = :partner and t.kind = 'health' and d.asset_id = any(:assets)
     and t.ts_eff >= :look_back and t.ts_eff < :until and disk->>'power_on_h' is not null
   group by d.asset_id, disk->>'id'
  having count(*) > 1) counted
 where hours is not null and hours >= 0
 group by asset_id
""")


def powered_hours(
    session: Session, tenant: Tenant, *, asset_ids: Sequence[str], since: datetime, until: datetime
) -> dict[str, Decimal]:
    """Hours by asset between two moments; an asset whose disks say nothing is left out. One query.

    The disk that counted most stands for its device: a device is on whenever one of its disks is. A count
    that fell (the disk was replaced) says nothing.
    """
    rows = session.execute(
        _HOURS,
        {
            "partner": tenant.partner_id,
            "assets": list(asset_ids),
            "look_back": since - _LOOK_BACK,
            "since": since,
            "until": until,
        },
    )
    return {row.asset_id: Decimal(row.hours) for row in rows}
