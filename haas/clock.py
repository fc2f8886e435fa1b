"""now() and today(): the only reads of the system clock."""

from __future__ import annotations

from datetime import UTC, date, datetime
from zoneinfo import ZoneInfo


def now() -> datetime:
    """The present moment, aware, in UTC."""
    return datetime.now(UTC)


def today(zone: str = "UTC") -> date:
    """The calendar day it is now in `zone` (an IANA name)."""
    return now().astimezone(ZoneInfo(zone)).date()
