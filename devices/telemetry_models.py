"""Device (the agent's identity on an asset), its sessions, its newest state, its readings, its commands."""

from __future__ import annotations

from datetime import date, datetime
from typing import Any, ClassVar

import sqlalchemy as sa
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.orm import Mapped, column_property, mapped_column

from agent.messages import RESULT_STATES, VERBS
from haas.db import Base, ClientScope, PartnerOwned, one_of, owned_by_partner

ONLINE_STATES = ("never_seen", "online", "suspect", "offline", "asleep", "maintenance")
VERDICTS = ("healthy", "watch", "failing", "no_data")
CODE_STATES = ("open", "pending", "approved", "refused", "used")
COMMAND_STATES = ("queued", "sent", *RESULT_STATES)


class Device(PartnerOwned, Base):
    """The identity an agent got at enrolment; its id is user name and client id at the broker.

    An asset has one for life: enrolling it again keeps the id and raises the epoch, so that whatever an
    older installation still sends is told apart by its session number.
    """

    __tablename__ = "device"
    __table_args__ = (
        owned_by_partner("asset_id", "asset"),
        sa.UniqueConstraint("partner_id", "asset_id"),
        # The subscriber finds the partner of a topic by this; the id itself is a random ULID.
        sa.Index("ix_device_id", "id"),
        sa.CheckConstraint("epoch >= 1", name="epoch_counts_from_one"),
    )

    asset_id: Mapped[str]
    epoch: Mapped[int]
    secret_hash: Mapped[str]  # as mosquitto stores it; the secret itself is only on the device
    next_secret_hash: Mapped[str | None]  # a rotation whose new secret was not used yet
    command_key: Mapped[str]  # sealed with the settings' secret key
    hardware: Mapped[dict[str, Any]]  # serial, uuid, board, macs as told at enrolment
    hardware_hash: Mapped[str]
    every: Mapped[dict[str, Any]]  # wanted intervals, seconds
    config_rev: Mapped[int] = mapped_column(default=1)
    last_command_seq: Mapped[int] = mapped_column(sa.BigInteger, default=0)
    enrolled_at: Mapped[datetime]
    credentials_changed_at: Mapped[datetime]
    revoked_at: Mapped[datetime | None]
    revoked_because: Mapped[str] = mapped_column(default="")


class EnrolmentCode(PartnerOwned, Base):
    """A code on a label that turns once into a device identity for one asset. Kept hashed."""

    __tablename__ = "enrolment_code"
    __table_args__ = (
        owned_by_partner("asset_id", "asset"),
        owned_by_partner("device_id", "device"),
        sa.UniqueConstraint("code_hash"),  # a keyed hash of 128 random bits: an oracle for nobody
        one_of("state", CODE_STATES),
        sa.Index("ix_enrolment_code_asset", "partner_id", "asset_id"),
    )

    asset_id: Mapped[str]
    code_hash: Mapped[str]
    state: Mapped[str] = mapped_column(default="open")
    secret_hash: Mapped[str | None]  # of the first device that came with it: nobody else may go on
    hardware: Mapped[dict[str, Any]] = mapped_column(default=dict)  # what that device said of itself
    mismatch: Mapped[str] = mapped_column(default="")  # why a person has to decide, in words
    device_id: Mapped[str | None]
    created_by: Mapped[str]
    created_at: Mapped[datetime]
    expires_at: Mapped[datetime]
    asked_at: Mapped[datetime | None]
    decided_by: Mapped[str | None]
    decided_at: Mapped[datetime | None]
    used_at: Mapped[datetime | None]


class DeviceSession(Base):
    """One start of an agent: its clock offset, and which of its messages are held."""

    __tablename__ = "device_session"
    __table_args__ = (owned_by_partner("device_id", "device"),)

    partner_id: Mapped[str] = mapped_column(sa.ForeignKey("partner.id"), primary_key=True)
    device_id: Mapped[str] = mapped_column(primary_key=True)
    b: Mapped[int] = mapped_column(sa.BigInteger, primary_key=True)
    opened_at: Mapped[datetime]  # when its first message was received
    last_at: Mapped[datetime]
    offset_ms: Mapped[int | None] = mapped_column(sa.BigInteger)  # fixed by the first birth, never changed
    clock_bad: Mapped[bool] = mapped_column(default=False)
    hardware_hash: Mapped[str | None]
    held: Mapped[list[Any]]  # [[first, last], …] of what is committed, quarantined, or gone for good
    births: Mapped[int] = mapped_column(default=0)
    gap_since: Mapped[datetime | None]
    resend_asked_at: Mapped[datetime | None]


class DeviceState(PartnerOwned, Base):
    """The newest that is known of a device: one row each, so that no page reads raw telemetry for it."""

    __tablename__ = "device_state"
    __client_scope__: ClassVar[ClientScope] = "column"
    __table_args__ = (
        owned_by_partner("id", "device"),
        owned_by_partner("asset_id", "asset"),
        owned_by_partner("client_id", "client"),
        one_of("online", ONLINE_STATES),
        one_of("verdict", VERDICTS),
        sa.UniqueConstraint("partner_id", "asset_id"),
        sa.Index("ix_device_state_verdict", "partner_id", "verdict"),
        # No index on what every message changes, and room on each page: so an update touches the row alone.
        {"postgresql_with": {"fillfactor": 70}},
    )

    asset_id: Mapped[str]
    client_id: Mapped[str | None]  # who holds the asset now
    b: Mapped[int] = mapped_column(sa.BigInteger, default=0)  # newest message; never moves back
    s: Mapped[int] = mapped_column(sa.BigInteger, default=0)
    seen_at: Mapped[datetime | None]
    online: Mapped[str] = mapped_column(default="never_seen")
    online_since: Mapped[datetime]
    online_cause: Mapped[str] = mapped_column(default="")
    silent_after: Mapped[datetime | None]  # when the sweep must look, if nothing comes before
    silence_told_at: Mapped[datetime | None]  # device.went_offline was published
    verdict: Mapped[str] = mapped_column(default="no_data")
    verdict_since: Mapped[datetime]
    reasons: Mapped[list[Any]] = mapped_column(default=list)
    failure_chance: Mapped[float | None]  # of a disk within devices.health.HORIZON_DAYS
    clock_bad: Mapped[bool] = mapped_column(default=False)
    report: Mapped[dict[str, Any]] = mapped_column(default=dict)  # newest body of health and birth
    memory: Mapped[dict[str, Any]] = mapped_column(default=dict)  # marks by kind, baselines, streaks, notes


class Telemetry(Base):
    """Every accepted message, in partitions by day (UTC) of its effective time.

    No foreign key to the device: its trigger would cost more than the insert, and the writer has just read
    the partner from the device's own row. No audit either: a reading is a record by itself, never changed.
    """

    __tablename__ = "telemetry"
    __table_args__ = ({"postgresql_partition_by": "RANGE (ts_eff)"},)

    partner_id: Mapped[str] = mapped_column(primary_key=True)
    device_id: Mapped[str] = mapped_column(primary_key=True)
    ts_eff: Mapped[datetime] = mapped_column(primary_key=True)
    b: Mapped[int] = mapped_column(sa.BigInteger, primary_key=True)
    s: Mapped[int] = mapped_column(sa.BigInteger, primary_key=True)
    kind: Mapped[str]
    client_id: Mapped[str | None]  # who held the asset at ts_eff: that client's users may read it
    t: Mapped[int] = mapped_column(sa.BigInteger)  # the device's clock, ms
    received_at: Mapped[datetime]
    clock_bad: Mapped[bool]
    body: Mapped[dict[str, Any]] = mapped_column(JSONB)
    # Settles ties of `ts_eff` when one device's messages are paged through.
    place: Mapped[str] = column_property(
        sa.func.concat(sa.literal_column("telemetry.b"), ":", sa.literal_column("telemetry.s"))
    )


class OnlineTransition(PartnerOwned, Base):
    """A device came, went or slept: tells who was without it, and how long. Never changed."""

    __tablename__ = "online_transition"
    __client_scope__: ClassVar[ClientScope] = "column"
    __table_args__ = (
        owned_by_partner("device_id", "device"),
        owned_by_partner("client_id", "client"),
        one_of("to_state", ONLINE_STATES),
        sa.Index("ix_online_transition_recent", "partner_id", "device_id", "at"),
    )

    device_id: Mapped[str]
    client_id: Mapped[str | None]
    from_state: Mapped[str]
    to_state: Mapped[str]
    at: Mapped[datetime]
    cause: Mapped[str]


class HealthChange(PartnerOwned, Base):
    """The verdict on a device changed, and why. Never changed."""

    __tablename__ = "health_change"
    __client_scope__: ClassVar[ClientScope] = "column"
    __table_args__ = (
        owned_by_partner("device_id", "device"),
        owned_by_partner("asset_id", "asset"),
        owned_by_partner("client_id", "client"),
        one_of("to_verdict", VERDICTS),
        sa.Index("ix_health_change_recent", "partner_id", "device_id", "at"),
    )

    device_id: Mapped[str]
    asset_id: Mapped[str]
    client_id: Mapped[str | None]
    from_verdict: Mapped[str]
    to_verdict: Mapped[str]
    at: Mapped[datetime]
    reasons: Mapped[list[Any]]
    failure_chance: Mapped[float | None]


class QuarantinedMessage(PartnerOwned, Base):
    """A message that could not be used, as it came. The newest of each device are kept."""

    __tablename__ = "quarantined_message"
    __table_args__ = (
        owned_by_partner("device_id", "device"),
        sa.Index("ix_quarantined_message_recent", "partner_id", "received_at", "id"),
        sa.Index("ix_quarantined_message_device", "partner_id", "device_id", "id"),
    )

    device_id: Mapped[str]
    topic: Mapped[str]
    reason: Mapped[str]  # a word of devices.wire.REASONS
    detail: Mapped[str]
    size_bytes: Mapped[int]
    payload: Mapped[bytes]  # the beginning of it
    received_at: Mapped[datetime]


class QuarantineCount(Base):
    """How many messages of a device were quarantined on a day; goes on when no more are kept."""

    __tablename__ = "quarantine_count"
    __table_args__ = (owned_by_partner("device_id", "device"),)

    partner_id: Mapped[str] = mapped_column(sa.ForeignKey("partner.id"), primary_key=True)
    device_id: Mapped[str] = mapped_column(primary_key=True)
    day: Mapped[date] = mapped_column(primary_key=True)
    reason: Mapped[str] = mapped_column(primary_key=True)
    messages: Mapped[int] = mapped_column(sa.BigInteger)
    last_at: Mapped[datetime]


class Inventory(PartnerOwned, Base):
    """What a device is made of, by section, each with the message that told it."""

    __tablename__ = "inventory"
    __client_scope__: ClassVar[ClientScope] = "column"
    __table_args__ = (
        owned_by_partner("id", "device"),
        owned_by_partner("client_id", "client"),
    )

    client_id: Mapped[str | None]
    sections: Mapped[dict[str, Any]] = mapped_column(default=dict)
    marks: Mapped[dict[str, Any]] = mapped_column(default=dict)  # section -> [b, s]
    changed_at: Mapped[datetime]


class Command(PartnerOwned, Base):
    """An order to a device; only the device's own word moves it past `sent`."""

    __tablename__ = "device_command"
    __table_args__ = (
        owned_by_partner("device_id", "device"),
        one_of("state", COMMAND_STATES),
        one_of("verb", VERBS),
        sa.UniqueConstraint("partner_id", "device_id", "seq"),
        # The subscriber's worklist: to be published now.
        sa.Index("ix_device_command_due", "due_at", postgresql_where=sa.text("due_at is not null")),
        sa.Index("ix_device_command_recent", "partner_id", "device_id", "seq"),
    )

    device_id: Mapped[str]
    verb: Mapped[str]
    args: Mapped[dict[str, Any]] = mapped_column(default=dict)
    seq: Mapped[int] = mapped_column(sa.BigInteger)
    state: Mapped[str] = mapped_column(default="queued")
    created_by: Mapped[str]
    created_at: Mapped[datetime]
    expires_at: Mapped[datetime]
    due_at: Mapped[datetime | None]  # cleared when published, set again by each birth
    sent_at: Mapped[datetime | None]
    settled_at: Mapped[datetime | None]
    code: Mapped[str] = mapped_column(default="")  # the device's reason for a refusal
    output: Mapped[dict[str, Any]] = mapped_column(default=dict)


class SubscriberHeartbeat(Base):
    """Whether the server listens at all: silence means nothing while it does not. One row, no partner's."""

    __tablename__ = "subscriber_heartbeat"

    id: Mapped[str] = mapped_column(primary_key=True)
    listening_since: Mapped[datetime]  # connected, and through with what the broker had kept
    beat_at: Mapped[datetime]
