"""Who sells and who buys, as tax offices and e-invoices know them; tax rates by region and class."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects.postgresql import JSONB

from haas.migrations import ddl
from haas.migrations.tables import create_table, text, texts, whole

revision = "0033_companies"
down_revision = "0032_purchase_orders_checked"
branch_labels = None
depends_on = None

_COMPANY_TEXTS = (
    "postcode", "city", "region", "tax_id", "tax_registration", "legal_id", "contact_name", "phone", "email",
    "endpoint_scheme", "endpoint_id", "creditor_id",
)  # fmt: skip
_CLIENT_TEXTS = (
    "postcode", "city", "region", "legal_id", "buyer_reference", "endpoint_scheme", "endpoint_id",
    "tax_treatment", "exemption_number", "exemption_text",
)  # fmt: skip
_CLIENT_DAYS = ("tax_id_checked_on", "exemption_valid_until")
_SITE_TEXTS = ("postcode", "city", "region")


def upgrade() -> None:
    """The company's table; then columns with defaults, which the release before does not see."""
    create_table(
        "company",
        sa.Column("address", JSONB(), nullable=False),
        *texts(*_COMPANY_TEXTS),
        sa.Column("tax_currency", sa.String(3), nullable=False),
        sa.Column("accounts", JSONB(), nullable=False),
        text("damages"),
        whole("version"),
        checks={
            "one_a_partner": "id = 'company'",
            "endpoint_whole": "(endpoint_scheme = '') = (endpoint_id = '')",
            "damages_known": "damages in ('taxed', 'outside')",
        },
    )
    ddl.protect("company", rights="select, insert, update")
    ddl.audited("company")
    for table, names in (("client", _CLIENT_TEXTS), ("site", _SITE_TEXTS)):
        for name in names:
            op.add_column(table, sa.Column(name, sa.Text(), nullable=False, server_default=""))
    for name in _CLIENT_DAYS:
        op.add_column("client", sa.Column(name, sa.Date(), nullable=True))
    op.add_column(
        "client", sa.Column("prices_include_tax", sa.Boolean(), nullable=False, server_default=sa.false())
    )
    op.add_column("tax_rate", sa.Column("region", sa.Text(), nullable=False, server_default=""))
    op.add_column("tax_rate", sa.Column("tax_class", sa.Text(), nullable=False, server_default="standard"))
    # The new key holds the old one's columns: the release before finds its own rows twice as before.
    op.execute(
        "-- squawk-ignore ban-drop-constraint\n"
        "alter table tax_rate drop constraint uq_tax_rate_partner_id_country_category_valid_from"
    )
    op.create_unique_constraint(
        "uq_tax_rate_place", "tax_rate",
        ["partner_id", "country", "region", "category", "tax_class", "valid_from"],
    )  # fmt: skip


def downgrade() -> None:
    """Take all of it away; rates of a region or class, which the release before cannot tell apart, too."""
    op.execute("alter table tax_rate disable trigger user")
    op.execute("alter table tax_rate no force row level security")
    op.execute("delete from tax_rate where region <> '' or tax_class <> 'standard'")
    op.execute("alter table tax_rate force row level security")
    op.execute("alter table tax_rate enable trigger user")
    op.drop_constraint("uq_tax_rate_place", "tax_rate")
    op.create_unique_constraint(
        "uq_tax_rate_partner_id_country_category_valid_from", "tax_rate",
        ["partner_id", "country", "category", "valid_from"],
    )  # fmt: skip
    op.drop_column("tax_rate", "tax_class")
    op.drop_column("tax_rate", "region")
    for name in ("prices_include_tax", *_CLIENT_DAYS, *_CLIENT_TEXTS):
        op.drop_column("client", name)
    for name in _SITE_TEXTS:
        op.drop_column("site", name)
    op.drop_table("company")
