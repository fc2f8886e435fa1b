"""What the shell counts on every page, in one query: jobs that run, alerts that are open."""

from __future__ import annotations

from dataclasses import dataclass

import sqlalchemy as sa

from haas.alerts.models import Alert
from haas.auth.caller import Caller
from haas.progress import LongJob
from haas.tenancy.scope import scoped


@dataclass(frozen=True, slots=True)
class Counts:
    """Numbers beside the menu."""

    running_jobs: int = 0
    open_alerts: int = 0


NOTHING = Counts()


def count(caller: Caller) -> Counts:
    """Zero for what the caller's role may not see."""
    if not caller.may("job.read") and not caller.may("alert.read"):
        return NOTHING
    jobs = scoped(LongJob, caller.tenant).where(LongJob.state.in_(("queued", "running")))
    alerts = scoped(Alert, caller.tenant).where(Alert.state == "open")
    running, opened = caller.session.execute(
        sa.select(
            sa.select(sa.func.count()).select_from(jobs.subquery()).scalar_subquery(),
            sa.select(sa.func.count()).select_from(alerts.subquery()).scalar_subquery(),
        )
    ).one()
    return Counts(
        running_jobs=running if caller.may("job.read") else 0,
        open_alerts=opened if caller.may("alert.read") else 0,
    )
