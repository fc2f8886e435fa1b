"""Profiles of exports with their mappings; batches with what stands in them, and where they were sent."""

from __future__ import annotations

from datetime import date, datetime
from decimal import Decimal
from typing import Any

import sqlalchemy as sa
from sqlalchemy.orm import Mapped, mapped_column

from haas.calendar import ONE_DAY
from haas.db import Amount, Base, ByPrefix, PartnerOwned, one_of, owned_by_partner
from invoicing.exports.contents import Content, ItemKind
from invoicing.exports.mapping import ContactRule, MapKind
from invoicing.exports.schedule import Cut, Rhythm

CHANNELS = ("none", "mail", "sftp")


class ExportProfile(PartnerOwned, Base):
    """What goes to which books, in which format, when and where to."""

    __tablename__ = "export_profile"
    __table_args__ = (
        sa.UniqueConstraint("partner_id", "name"),
        one_of("content", tuple(Content)),
        one_of("contact_rule", tuple(ContactRule)),
        one_of("rhythm", tuple(Rhythm)),
        one_of("cut", tuple(Cut)),
        one_of("channel", CHANNELS),
        sa.CheckConstraint("weekday between 0 and 6", name="weekday_sane"),
        sa.CheckConstraint("month_day between 1 and 28", name="month_day_sane"),
        sa.Index(
            "ix_export_profile_due",
            "partner_id",
            "next_at",
            postgresql_where=sa.text("next_at is not null"),
        ),
    )

    name: Mapped[str]
    format: Mapped[str]  # invoicing.exports.formats.FORMATS
    content: Mapped[str]
    family: Mapped[str]  # the books it feeds: what is in them goes there once, whatever the format
    contact_rule: Mapped[str]
    begins_on: Mapped[date | None]  # what is dated before was booked otherwise, and never goes
    options: Mapped[dict[str, Any]] = mapped_column(default=dict)  # of the format
    rhythm: Mapped[str] = mapped_column(default=Rhythm.NEVER.value)
    at_minute: Mapped[int] = mapped_column(default=360)  # of the partner's day: 360 is 06:00
    weekday: Mapped[int] = mapped_column(default=0)  # 0 is Monday
    month_day: Mapped[int] = mapped_column(default=1)
    cut: Mapped[str] = mapped_column(default=Cut.EVERYTHING.value)
    next_at: Mapped[datetime | None]
    channel: Mapped[str] = mapped_column(default="none")
    # mail: address; sftp: host, port, user, folder, host_key (pinned), offered_key (to be confirmed)
    destination: Mapped[dict[str, Any]] = mapped_column(default=dict)
    secret: Mapped[str | None]  # password or private key of SFTP, sealed
    alert_email: Mapped[str] = mapped_column(default="")
    created_at: Mapped[datetime]
    created_by: Mapped[str]
    archived_at: Mapped[datetime | None]


class ExportMapping(PartnerOwned, Base):
    """How a profile's books call an account, a tax, a client or a cost centre."""

    __tablename__ = "export_mapping"
    __table_args__ = (
        owned_by_partner("profile_id", "export_profile"),
        sa.UniqueConstraint("partner_id", "profile_id", "kind", "key"),
        one_of("kind", tuple(MapKind)),
    )

    profile_id: Mapped[str]
    kind: Mapped[str]
    key: Mapped[str]
    value: Mapped[str]


class ExportBatch(PartnerOwned, Base):
    """What was taken out at once, and the file that was made of it. A reversal is a batch too."""

    __tablename__ = "export_batch"
    __table_args__ = (
        owned_by_partner("profile_id", "export_profile"),
        owned_by_partner("file_id", "stored_file"),
        owned_by_partner("long_job_id", "long_job"),
        owned_by_partner("reverses_batch_id", "export_batch"),
        sa.UniqueConstraint("partner_id", "number"),
        one_of("state", ("claimed", "done", "failed")),
        sa.CheckConstraint("(state = 'done') = (file_id is not null)", name="done_has_a_file"),
        sa.Index("ix_export_batch_recent", "partner_id", "created_at", "id"),
        sa.Index("ix_export_batch_profile", "partner_id", "profile_id", "created_at"),
        # A batch is taken back once.
        sa.Index(
            "uq_export_batch_reversal",
            "partner_id",
            "reverses_batch_id",
            unique=True,
            postgresql_where=sa.text("state <> 'failed'"),
        ),
    )

    number: Mapped[str] = mapped_column(ByPrefix)
    profile_id: Mapped[str]
    format: Mapped[str]
    content: Mapped[str]
    family: Mapped[str]
    options: Mapped[dict[str, Any]]
    mapping: Mapped[list[Any]]  # [kind, key, value] as they were: a second rendering says the same
    contact_rule: Mapped[str]
    state: Mapped[str] = mapped_column(default="claimed")
    dated_from: Mapped[date]
    dated_until: Mapped[date]  # exclusive
    items: Mapped[int]
    sums: Mapped[dict[str, Any]]  # currency -> what the items add up to, as text
    long_job_id: Mapped[str]
    file_id: Mapped[str | None]
    file_name: Mapped[str] = mapped_column(default="")
    sha256: Mapped[str] = mapped_column(sa.String(64), default="")
    reverses_batch_id: Mapped[str | None]
    reason: Mapped[str] = mapped_column(default="")
    error: Mapped[str] = mapped_column(default="")
    created_at: Mapped[datetime]
    created_by: Mapped[str]
    finished_at: Mapped[datetime | None]

    @property
    def amounts(self) -> list[tuple[str, Decimal]]:
        """What the rows add up to, by currency."""
        return [(currency, Decimal(amount)) for currency, amount in sorted(self.sums.items())]

    @property
    def dated_last(self) -> date:
        """The date of the newest row."""
        return self.dated_until - ONE_DAY


class ExportItem(PartnerOwned, Base):
    """One document, payment or entry in a batch. In the books of a family it stands once."""

    __tablename__ = "export_item"
    __table_args__ = (
        owned_by_partner("batch_id", "export_batch"),
        owned_by_partner("released_by_id", "export_batch"),
        sa.UniqueConstraint("partner_id", "batch_id", "position"),
        one_of("item_kind", tuple(ItemKind)),
        # Nothing twice, whatever the jobs do: what a reversal released may go again.
        sa.Index(
            "uq_export_item_live",
            "partner_id",
            "family",
            "item_kind",
            "item_id",
            unique=True,
            postgresql_where=sa.text("not is_reversal and released_by_id is null"),
        ),
    )

    batch_id: Mapped[str]
    position: Mapped[int]
    family: Mapped[str]
    item_kind: Mapped[str]
    item_id: Mapped[str]
    number: Mapped[str]
    dated_on: Mapped[date]
    amount: Mapped[Amount]
    currency: Mapped[str] = mapped_column(sa.String(3))
    is_reversal: Mapped[bool] = mapped_column(default=False)
    released_by_id: Mapped[str | None]  # the batch that took it back, or its own that failed


class ExportDelivery(PartnerOwned, Base):
    """One batch sent to one place. Its id goes along, so that a repeat is known as one."""

    __tablename__ = "export_delivery"
    __table_args__ = (
        owned_by_partner("batch_id", "export_batch"),
        owned_by_partner("profile_id", "export_profile"),
        one_of("channel", ("mail", "sftp")),
        one_of("state", ("pending", "sent", "failed")),
        sa.Index("ix_export_delivery_batch", "partner_id", "batch_id", "id"),
    )

    batch_id: Mapped[str]
    profile_id: Mapped[str]
    channel: Mapped[str]
    target: Mapped[str]  # as shown: an address, or user@host:folder
    state: Mapped[str] = mapped_column(default="pending")
    attempts: Mapped[int] = mapped_column(default=0)
    error: Mapped[str] = mapped_column(default="")
    created_at: Mapped[datetime]
    created_by: Mapped[str]
    sent_at: Mapped[datetime | None]
