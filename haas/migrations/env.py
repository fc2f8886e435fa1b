"""Alembic's entry: every table of the product, one transaction for each migration."""

from __future__ import annotations

from typing import Any

import sqlalchemy as sa
from alembic import context

from haas.db import Base
from haas.models import EVERY_TABLE

LOCK_TIMEOUT = "2s"  # a migration that would wait behind traffic gives up and can be tried again


def _include(_thing: Any, name: str | None, kind: str, *_: Any) -> bool:
    """Day partitions are made at run time; the parent is what the models describe."""
    return not (kind == "table" and name is not None and name.startswith("telemetry_2"))


def _migrate(connection: sa.Connection) -> None:
    connection.execute(sa.text(f"set lock_timeout = '{LOCK_TIMEOUT}'"))
    connection.commit()
    context.configure(
        connection=connection,
        target_metadata=Base.metadata,
        include_object=_include,
        transaction_per_migration=True,
        compare_type=True,
    )
    with context.begin_transaction():
        context.run_migrations()


def _offline() -> None:
    context.configure(dialect_name="postgresql", target_metadata=Base.metadata, literal_binds=True)
    with context.begin_transaction():
        context.execute(f"set lock_timeout = '{LOCK_TIMEOUT}'")
        context.run_migrations()


if not EVERY_TABLE:
    raise RuntimeError("no models were loaded")
if context.is_offline_mode():
    _offline()
elif (given := context.config.attributes.get("connection")) is not None:
    _migrate(given)
else:
    with sa.create_engine(context.config.attributes["url"]).connect() as opened:
        _migrate(opened)
