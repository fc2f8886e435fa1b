"""Who sells and who buys, as tax offices and e-invoices know them; tax rates by region and class."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects.postgresql import JSONB

from haas.migrations import ddl

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
    op.create_table(
        "company",
        sa.Column("partner_id", sa.Text(), nullable=False),
        sa.Column("id", sa.Text(), nullable=False),
        sa.Column("address", JSONB(), nullable=False),
        *(sa.Column(name, sa.Text(), nullable=False) for name in _COMPANY_TEXTS),
        sa.Column("tax_currency", sa.String(3), nullable=False),
        sa.Column("accounts", JSONB(), nullable=False),
        sa.Column("damages", sa.Text(), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.CheckConstraint("id = 'company'", name=op.f("ck_company_one_a_partner")),
        sa.CheckConstraint(
            "(endpoint_scheme = '') = (endpoint_id = '')", name=op.f("ck_company_endpoint_whole")
        ),
        sa.CheckConstraint("damages in ('taxed', 'outside')", name=op.f("ck_company_damages_known")),
        sa.ForeignKeyConstraint(["partner_id"], ["partner.id"], name=op.f("fk_company_partner_id")),
        sa.PrimaryKeyConstraint("partner_id", "id", name=op.f("pk_company")),
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
