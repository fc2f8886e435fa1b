"""By which plan a client is reminded, where it is not the usual one."""

from __future__ import annotations

from alembic import op

from haas.migrations import ddl
from haas.migrations.tables import create_table, moment, text, texts

revision = "0059_dunning_choices"
down_revision = "0058_returned_refunds_checked"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """One row a client, taken away where the usual plan holds again."""
    create_table(
        "dunning_choice",
        *texts("client_id", "plan"),
        moment("chosen_at"),
        text("actor"),
        references={"client_id": "client"},
        checks={"plan_named": "plan <> ''"},
        uniques=[("partner_id", "client_id")],
    )
    ddl.protect("dunning_choice", client="hidden", rights="select, insert, delete")
    ddl.audited("dunning_choice")


def downgrade() -> None:
    """Drop what `upgrade` made."""
    op.drop_table("dunning_choice")
