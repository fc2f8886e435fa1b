"""HardwareModel, Asset, and its histories: every move, every place, every label."""

from __future__ import annotations

from datetime import date, datetime
from typing import Any, ClassVar

import sqlalchemy as sa
from sqlalchemy.dialects.postgresql import TSTZRANGE, ExcludeConstraint, Range
from sqlalchemy.orm import Mapped, mapped_column, relationship

from devices.lifecycle import AssetState
from devices.tax_classes import TaxClass
from haas.db import Amount, Base, ByPrefix, ClientScope, PartnerOwned, one_of, owned_by_partner

# In place of what is not known, where a list is sorted by it: behind everything that is.
LAST_TEXT, LAST_DAY = "\uffff", date.max


class HardwareModel(PartnerOwned, Base):
    """What a partner buys and leases: a make, a name, and its defaults for price and life."""

    __tablename__ = "hardware_model"
    __client_scope__: ClassVar[ClientScope] = "shared"
    __table_args__ = (
        owned_by_partner("picture_file_id", "stored_file"),
        sa.UniqueConstraint("partner_id", "manufacturer_norm", "name_norm"),
        one_of("tax_class", TaxClass),
    )

    manufacturer: Mapped[str]
    manufacturer_norm: Mapped[str]
    name: Mapped[str]
    name_norm: Mapped[str]
    category: Mapped[str]  # laptop, desktop, workstation, server, network, printer, phone, tablet, pos, other
    sku: Mapped[str] = mapped_column(default="")
    specs: Mapped[dict[str, Any]] = mapped_column(default=dict)
    kit: Mapped[list[str]] = mapped_column(default=list)  # what is issued with it and expected back
    data_bearing: Mapped[bool] = mapped_column(default=True)
    list_cost: Mapped[Amount]
    currency: Mapped[str] = mapped_column(sa.String(3))
    useful_life_months: Mapped[int]
    residual_value_pct: Mapped[Amount]  # of cost, at the end of useful life
    created_at: Mapped[datetime]
    archived_at: Mapped[datetime | None]
    picture_file_id: Mapped[str | None]
    # By which rate its rent and its price are taxed, where a line says nothing else.
    tax_class: Mapped[str] = mapped_column(default="standard", server_default="standard")


class Asset(PartnerOwned, Base):
    """One piece of hardware from purchase order to write-off."""

    __tablename__ = "asset"
    __client_scope__: ClassVar[ClientScope] = "column"
    __table_args__ = (
        owned_by_partner("model_id", "hardware_model"),
        owned_by_partner("client_id", "client"),
        owned_by_partner("picture_file_id", "stored_file"),
        sa.ForeignKeyConstraint(
            ["partner_id", "client_id", "site_id"],
            ["site.partner_id", "site.client_id", "site.id"],
        ),
        sa.CheckConstraint("site_id is null or client_id is not null", name="site_needs_client"),
        sa.CheckConstraint("state = 'ordered' or serial is not null", name="received_has_serial"),
        sa.CheckConstraint("cost >= 0", name="cost_not_negative"),
        sa.CheckConstraint(
            "state <> 'disposed' or holds_data_of_client_id is null", name="disposed_holds_no_data"
        ),
        sa.CheckConstraint("grade is null or grade in ('A', 'B', 'C', 'D', 'X')", name="grade_known"),
        one_of("state", AssetState),
        # Serials and tags are searched by equality and prefix on these columns alone.
        sa.UniqueConstraint("partner_id", "serial_norm"),
        sa.UniqueConstraint("partner_id", "tag_norm"),
        # With the client, so that counting by state under its policy reads the index alone.
        sa.Index("ix_asset_state", "partner_id", "state", "id", postgresql_include=["client_id"]),
        sa.Index("ix_asset_client", "partner_id", "client_id", "id"),
        # What the fleet list is sorted by beside these; see `devices.columns`.
        sa.Index("ix_asset_by_cost", "partner_id", "cost", "id"),
        *(
            sa.Index(f"ix_asset_by_{column}", "partner_id", sa.text(f"coalesce({column}, '{last}')"), "id")
            for column, last in {
                "serial_norm": LAST_TEXT,
                "grade": LAST_TEXT,
                "warranty_until": LAST_DAY,
                "in_service_on": LAST_DAY,
            }.items()
        ),
    )

    tag: Mapped[str]  # the human-readable tag on the label: NOR-00042
    tag_norm: Mapped[str] = mapped_column(ByPrefix)
    serial: Mapped[str | None]
    serial_norm: Mapped[str | None] = mapped_column(ByPrefix)
    model_id: Mapped[str]
    state: Mapped[str] = mapped_column(default=AssetState.ORDERED)
    client_id: Mapped[str | None]  # whose site or hands it is in now; none: the partner's own
    site_id: Mapped[str | None]
    custodian: Mapped[str] = mapped_column(
        default=""
    )  # warehouse, a courier, a technician, a person at the client
    cost: Mapped[Amount]
    currency: Mapped[str] = mapped_column(sa.String(3))
    supplier: Mapped[str] = mapped_column(default="")
    purchase_reference: Mapped[str] = mapped_column(default="")
    purchased_on: Mapped[date | None]
    warranty_until: Mapped[date | None]
    in_service_on: Mapped[date | None]  # first acceptance: depreciation starts here
    grade: Mapped[str | None]
    fair_market_value: Mapped[Amount | None]
    # Set when it enters a client's service, cleared by a wipe certificate: guards redeployment and disposal.
    holds_data_of_client_id: Mapped[str | None]
    notes: Mapped[str] = mapped_column(default="")
    picture_file_id: Mapped[str | None]  # of this very one; else its model's is shown
    created_at: Mapped[datetime]
    version: Mapped[int] = mapped_column(default=1)

    model: Mapped[HardwareModel] = relationship(
        lazy="raise",
        viewonly=True,
        primaryjoin="and_(foreign(Asset.partner_id) == HardwareModel.partner_id,"
        " foreign(Asset.model_id) == HardwareModel.id)",
    )

    __mapper_args__ = {"version_id_col": version}  # noqa: RUF012 - SQLAlchemy declares it so


class AssetMove(PartnerOwned, Base):
    """One move of the state machine: who, when, why. Never changed; the state at any date is read here."""

    __tablename__ = "asset_move"
    __table_args__ = (
        owned_by_partner("asset_id", "asset"),
        one_of("to_state", AssetState),
        # A phone that was offline may send the same scan twice.
        sa.UniqueConstraint("partner_id", "idempotency_key"),
        # Two moves may bear the same moment; their order never is in doubt.
        sa.UniqueConstraint("partner_id", "asset_id", "position"),
        sa.Index("ix_asset_move_as_of", "partner_id", "asset_id", "moved_at", "position"),
    )

    asset_id: Mapped[str]
    position: Mapped[int]  # 1, 2, 3 … of this asset
    verb: Mapped[str]
    from_state: Mapped[str | None]  # none: it came into being
    to_state: Mapped[str]
    moved_at: Mapped[datetime]  # when it happened; may lie before `recorded_at`
    recorded_at: Mapped[datetime]
    actor: Mapped[str]
    reason: Mapped[str] = mapped_column(default="")
    details: Mapped[dict[str, Any]] = mapped_column(default=dict)
    idempotency_key: Mapped[str | None]


class Custody(PartnerOwned, Base):
    """Where an asset is and who answers for it, as half-open spans that never overlap."""

    __tablename__ = "custody"
    __client_scope__: ClassVar[ClientScope] = "column"
    __table_args__ = (
        owned_by_partner("asset_id", "asset"),
        owned_by_partner("client_id", "client"),
        sa.ForeignKeyConstraint(
            ["partner_id", "client_id", "site_id"],
            ["site.partner_id", "site.client_id", "site.id"],
        ),
        ExcludeConstraint(
            ("partner_id", "="),
            ("asset_id", "="),
            ("during", "&&"),
            name="ex_custody_one_place",
            using="gist",
        ),
        sa.Index("ix_custody_asset", "partner_id", "asset_id"),
    )

    asset_id: Mapped[str]
    client_id: Mapped[str | None]
    site_id: Mapped[str | None]
    custodian: Mapped[str] = mapped_column(default="")
    during: Mapped[Range[datetime]] = mapped_column(TSTZRANGE)
    actor: Mapped[str]


class LabelToken(PartnerOwned, Base):
    """The opaque token on a QR label. A label can be replaced: the old token is revoked."""

    __tablename__ = "label_token"
    __table_args__ = (
        owned_by_partner("asset_id", "asset"),
        sa.UniqueConstraint("token"),
    )

    asset_id: Mapped[str]
    token: Mapped[str]  # 128 random bits; says nothing
    issued_at: Mapped[datetime]
    revoked_at: Mapped[datetime | None]


class WipeCertificate(PartnerOwned, Base):
    """Proof of sanitisation (NIST SP 800-88). Never changed."""

    __tablename__ = "wipe_certificate"
    __client_scope__: ClassVar[ClientScope] = "column"
    __table_args__ = (
        owned_by_partner("asset_id", "asset"),
        owned_by_partner("client_id", "client"),
        owned_by_partner("file_id", "stored_file"),
        sa.CheckConstraint("method in ('clear', 'purge', 'destroy')", name="method_known"),
        sa.UniqueConstraint("partner_id", "number"),
    )

    number: Mapped[str]
    asset_id: Mapped[str]
    client_id: Mapped[str | None]  # whose data it was
    method: Mapped[str]
    destination: Mapped[str]  # where it goes next; decides which method is enough
    technique: Mapped[str]
    tool: Mapped[str]
    media: Mapped[list[Any]]  # one entry a medium: kind, make, model, serial
    verification: Mapped[str]  # full | sample
    verified_by: Mapped[str]
    performed_by: Mapped[str]
    performed_at: Mapped[datetime]
    place: Mapped[str] = mapped_column(default="")
    notes: Mapped[str] = mapped_column(default="")
    file_id: Mapped[str | None]
