"""Tables of rows that a partner owns, and their usual columns, as functions a migration calls.

What they make stays as it is, for it was made of them already: what must be otherwise is written out.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import sqlalchemy as sa
from alembic import op

from haas.db import UtcDateTime

AMOUNT = sa.Numeric(15, 3)


def create_table(
    table: str,
    *parts: sa.schema.SchemaItem,
    references: Mapping[str, str] | None = None,
    checks: Mapping[str, str] | None = None,
    uniques: Sequence[tuple[str, ...]] = (),
) -> None:
    """Create a table whose key is the partner and an id, with each constraint's name by the convention.

    :param parts: the columns behind the key, and whatever the other parameters cannot say.
    :param references: columns that hold an id of the same partner's, each with the table it is of.
    :param checks: rules by the name of each.
    :param uniques: columns that together stand once in the table.
    """
    op.create_table(
        table,
        *texts("partner_id", "id"),
        *parts,
        *(sa.CheckConstraint(rule, name=op.f(f"ck_{table}_{name}")) for name, rule in (checks or {}).items()),
        *(
            sa.ForeignKeyConstraint(
                ["partner_id", column],
                [f"{target}.partner_id", f"{target}.id"],
                name=op.f(f"fk_{table}_partner_id_{column}"),
            )
            for column, target in (references or {}).items()
        ),
        sa.ForeignKeyConstraint(["partner_id"], ["partner.id"], name=op.f(f"fk_{table}_partner_id")),
        sa.PrimaryKeyConstraint("partner_id", "id", name=op.f(f"pk_{table}")),
        *(sa.UniqueConstraint(*columns, name=op.f(f"uq_{table}_{'_'.join(columns)}")) for columns in uniques),
    )


def texts(*names: str) -> list[sa.Column[Any]]:
    """Columns of text, none of which may be null."""
    return [text(name) for name in names]


def text(name: str, *, null: bool = False) -> sa.Column[Any]:
    """A column of text."""
    return sa.Column(name, sa.Text(), nullable=null)


def whole(name: str, *, null: bool = False) -> sa.Column[Any]:
    """A column of whole numbers."""
    return sa.Column(name, sa.Integer(), nullable=null)


def amount(name: str, *, null: bool = False) -> sa.Column[Any]:
    """A column of money, whose currency another column says."""
    return sa.Column(name, AMOUNT, nullable=null)


def day(name: str, *, null: bool = False) -> sa.Column[Any]:
    """A column of days."""
    return sa.Column(name, sa.Date(), nullable=null)


def moment(name: str, *, null: bool = False) -> sa.Column[Any]:
    """A column of moments."""
    return sa.Column(name, UtcDateTime(timezone=True), nullable=null)
