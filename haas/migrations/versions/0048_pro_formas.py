"""Pro-forma invoices, apart from what is issued."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects.postgresql import JSONB

from haas.migrations import ddl
from haas.migrations.tables import amount, create_table, day, moment, text

revision = "0048_pro_formas"
down_revision = "0047_frozen_documents"
branch_labels = None
depends_on = None

_TABLE = "pro_forma"


def upgrade() -> None:
    """The table; what a client was told stays as it is, a PDF and its mailing are added."""
    create_table(
        _TABLE,
        text("client_id"),
        sa.Column("number", sa.Text(collation="C"), nullable=False),
        sa.Column("currency", sa.String(3), nullable=False),
        day("issued_on"),
        day("as_of"),
        amount("net_total"),
        amount("tax_total"),
        amount("total"),
        sa.Column("document", JSONB(), nullable=False),
        sa.Column("document_hash", sa.String(64), nullable=False),
        sa.Column("contents_hash", sa.String(64), nullable=False),
        text("pdf_file_id", null=True),
        moment("sent_at", null=True),
        moment("created_at"),
        text("actor"),
        references={"client_id": "client", "pdf_file_id": "stored_file"},
        checks={
            "totals_add_up": "net_total + tax_total = total",
            "document_is_pro_forma": "document ->> 'kind' = 'proforma'",
        },
        uniques=[("partner_id", "number"), ("partner_id", "client_id", "contents_hash")],
    )
    op.create_index("ix_pro_forma_recent", _TABLE, ["partner_id", "issued_on", "id"])
    op.create_index("ix_pro_forma_client", _TABLE, ["partner_id", "client_id", "issued_on", "id"])
    ddl.protect(_TABLE, client="column", rights="select, insert, update (pdf_file_id, sent_at)")
    ddl.clients_only_read(_TABLE)
    ddl.audited(_TABLE, masked=("document",))


def downgrade() -> None:
    """Drop it."""
    op.drop_table(_TABLE)
