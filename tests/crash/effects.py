"""All that a chapter has left behind, counted and added up: two tellings of it must leave the same."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping
from email import message_from_bytes
from functools import cache
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import sqlalchemy as sa
from sqlalchemy.orm import Session

from haas.db import Base
from haas.settings import Settings
from invoicing.payments.local_server.engine import Engine
from tests.invoicing.exports.sftp_server import Server

Effects = Mapping[str, Any]

# What says how the work was done, and not what came of it.
_NOT_COUNTED = ("audit", "outbox_delivery", "long_job")


def effects(session: Session, settings: Settings, *, engine: Engine, server: Server) -> Effects:
    """Rows, sums and states of every table, events by name, mails by kind, what provider and server hold."""
    folder = Path(urlsplit(settings.mail_url).path)
    mails = Counter(message_from_bytes(path.read_bytes())["X-Haas-Message"] for path in folder.glob("*.eml"))
    with engine.lock:
        told = Counter((event["type"], event["data"].get("amount")) for event in engine.events)
    return {
        **{row[0]: tuple(row[1:]) for row in session.execute(sa.text(_everything()))},
        "events": {row[0]: row[1] for row in session.execute(sa.text(_EVENTS))},
        "mails": dict(mails),
        "provider": dict(told),
        "server": [name for name in server.names() if not name.endswith(".part")],
    }


def differences(expected: Effects, found: Effects) -> Iterator[str]:
    """What is there more or less often, or with another sum, than where nobody died."""
    for name in sorted({*expected, *found}):
        if expected.get(name) != found.get(name):
            yield f"{name} is {found.get(name)}, not {expected.get(name)}"


_EVENTS = "select name, count(*) from outbox_event group by name"


@cache
def _everything() -> str:
    """One statement for all tables of a partner."""
    return " union all ".join(
        _summary(table)
        for table in Base.metadata.sorted_tables
        if "partner_id" in table.columns and not table.name.startswith(_NOT_COUNTED)
    )


def _summary(table: sa.Table) -> str:
    sums = [
        f"'{column.name}', sum({column.name})"
        for column in table.columns
        if isinstance(column.type, sa.Numeric)
    ]
    states = "null::jsonb"
    if "state" in table.columns:
        counted = f"select state, count(*) as n from {table.name} group by state"
        states = f"(select jsonb_object_agg(state, n) from ({counted}) s)"
    return (
        f"select '{table.name}', count(*), jsonb_build_object({', '.join(sums)}), {states} from {table.name}"
    )
