"""Devices and what they tell; the alerts that follow from it."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

from haas.db import UtcDateTime
from haas.migrations import ddl

revision = "0006_telemetry"
down_revision = "0005_accounts"
branch_labels = None
depends_on = None

# The application's role owns nothing and so can make no table: these two run as the owner. They take a day,
# not a name, and refuse what no honest caller asks for. A partition made aside and then attached locks the
# parent only against other DDL; readers and writers go on.
_PARTITIONS = """
create function haas_telemetry_partition(day date) returns void
language plpgsql security definer set search_path = public, pg_temp as $$
declare
  today date := (now() at time zone 'utc')::date;
  part text := 'telemetry_' || to_char(day, 'YYYYMMDD');
begin
  if day is null or day not between today - 400 and today + 3 then
    raise exception 'no partition for %', day using errcode = 'invalid_parameter_value';
  end if;
  perform pg_advisory_xact_lock(hashtext('haas_telemetry_partition'));
  if to_regclass('public.' || part) is not null then return; end if;
  execute format('create table %I (like telemetry including all)', part);
  execute format('alter table %I enable row level security', part);
  execute format('alter table %I force row level security', part);
  execute format('create policy partner on %I for all using (partner_id = haas_partner())'
                 ' with check (partner_id = haas_partner())', part);
  execute format('alter table telemetry attach partition %I for values from (%L) to (%L)', part,
                 to_char(day, 'YYYY-MM-DD') || ' 00:00:00+00',
                 to_char(day + 1, 'YYYY-MM-DD') || ' 00:00:00+00');
end $$;

create function haas_telemetry_drop(before date) returns integer
language plpgsql security definer set search_path = public, pg_temp set lock_timeout = '5s' as $$
declare
  part text;
  dropped integer := 0;
begin
  if before is null or before > (now() at time zone 'utc')::date - 7 then
    raise exception 'telemetry younger than a week is kept' using errcode = 'invalid_parameter_value';
  end if;
  perform pg_advisory_xact_lock(hashtext('haas_telemetry_partition'));
  for part in
    select c.relname from pg_inherits i join pg_class c on c.oid = i.inhrelid
     where i.inhparent = 'telemetry'::regclass and c.relname < 'telemetry_' || to_char(before, 'YYYYMMDD')
     order by c.relname
  loop
    execute format('drop table %I', part);
    dropped := dropped + 1;
  end loop;
  return dropped;
end $$;
"""


def upgrade() -> None:
    """Tables, then who may see and change them."""
    _create_devices()
    _create_alerts()
    # The intake asks for many assets' custody at once, for which the exclusion constraint's index is slow.
    op.create_index("ix_custody_asset", "custody", ["partner_id", "asset_id"])
    _protect_devices()
    for table in ("alert", "alert_route", "alert_delivery"):
        ddl.protect(table, client="hidden", rights="select, insert, update")
    ddl.audited("alert")
    ddl.audited("alert_route", masked=("secret",))
    # alert_delivery is not audited: it is itself the record of what was sent.


def downgrade() -> None:
    """Drop what `upgrade` made, newest first."""
    for table in ("alert_delivery", "alert_route", "alert"):
        op.drop_table(table)
    op.drop_index("ix_custody_asset", table_name="custody")
    op.execute("drop function haas_telemetry_drop(date)")
    op.execute("drop function haas_telemetry_partition(date)")
    for table in (
        "subscriber_heartbeat",
        "device_command",
        "inventory",
        "quarantine_count",
        "quarantined_message",
        "health_change",
        "online_transition",
        "telemetry",
        "device_state",
        "device_session",
        "enrolment_code",
        "device",
    ):
        op.drop_table(table)


def _protect_devices() -> None:
    # `relay`: the subscriber finds the partner of a topic, and the broker's password file needs every row.
    ddl.protect(
        "device", client="hidden", known_keys=("id",), levels=("relay",), rights="select, insert, update"
    )
    ddl.audited("device", masked=("secret_hash", "next_secret_hash", "command_key"))
    ddl.protect("enrolment_code", client="hidden", known_keys=("code_hash",), rights="select, insert, update")
    ddl.audited("enrolment_code", masked=("code_hash", "secret_hash"))
    # `relay`: the subscriber publishes the commands of all partners.
    ddl.protect("device_command", client="hidden", levels=("relay",), rights="select, insert, update")
    ddl.audited("device_command")
    # Not audited, all that follows: a device writes it a thousand times a day; it is a record by itself, and
    # a chain that must be locked for each message would be the bottleneck of the whole intake.
    ddl.protect("device_session", client="hidden")
    ddl.protect("device_state", client="column", rights="select, insert, update")
    ddl.protect("telemetry", client="column", rights="select, insert")
    ddl.protect("online_transition", client="column", rights=ddl.APPEND_ONLY)
    ddl.protect("health_change", client="column", rights=ddl.APPEND_ONLY)
    ddl.protect("quarantined_message", client="hidden", rights="select, insert, delete")
    ddl.protect("quarantine_count", client="hidden", rights="select, insert, update")
    ddl.protect("inventory", client="column", rights="select, insert, update")

    op.execute("alter table subscriber_heartbeat enable row level security")
    op.execute("alter table subscriber_heartbeat force row level security")
    op.execute(
        "create policy level_relay on subscriber_heartbeat for all using (haas_level() = 'relay')"
        " with check (haas_level() = 'relay')"
    )
    op.execute(f"grant select, insert, update on subscriber_heartbeat to {ddl.APP_ROLE}")

    op.execute(_PARTITIONS)
    for function in ("haas_telemetry_partition(date)", "haas_telemetry_drop(date)"):
        op.execute(f"revoke all on function {function} from public")
        op.execute(f"grant execute on function {function} to {ddl.APP_ROLE}")


def _create_devices() -> None:
    op.create_table(
        "device",
        sa.Column("partner_id", sa.Text(), nullable=False),
        sa.Column("id", sa.Text(), nullable=False),
        sa.Column("asset_id", sa.Text(), nullable=False),
        sa.Column("epoch", sa.Integer(), nullable=False),
        sa.Column("secret_hash", sa.Text(), nullable=False),
        sa.Column("next_secret_hash", sa.Text(), nullable=True),
        sa.Column("command_key", sa.Text(), nullable=False),
        sa.Column("hardware", postgresql.JSONB(astext_type=sa.Text()), nullable=False),
        sa.Column("hardware_hash", sa.Text(), nullable=False),
        sa.Column("every", postgresql.JSONB(astext_type=sa.Text()), nullable=False),
        sa.Column("config_rev", sa.Integer(), nullable=False),
        sa.Column("last_command_seq", sa.BigInteger(), nullable=False),
        sa.Column("enrolled_at", UtcDateTime(timezone=True), nullable=False),
        sa.Column("credentials_changed_at", UtcDateTime(timezone=True), nullable=False),
        sa.Column("revoked_at", UtcDateTime(timezone=True), nullable=True),
        sa.Column("revoked_because", sa.Text(), nullable=False),
        sa.CheckConstraint("epoch >= 1", name=op.f("ck_device_epoch_counts_from_one")),
        sa.ForeignKeyConstraint(
            ["partner_id", "asset_id"],
            ["asset.partner_id", "asset.id"],
            name=op.f("fk_device_partner_id_asset_id"),
        ),
        sa.ForeignKeyConstraint(["partner_id"], ["partner.id"], name=op.f("fk_device_partner_id")),
        sa.PrimaryKeyConstraint("partner_id", "id", name=op.f("pk_device")),
        sa.UniqueConstraint("partner_id", "asset_id", name=op.f("uq_device_partner_id_asset_id")),
    )
    op.create_index("ix_device_id", "device", ["id"], unique=False)
    op.create_table(
        "enrolment_code",
        sa.Column("partner_id", sa.Text(), nullable=False),
        sa.Column("id", sa.Text(), nullable=False),
        sa.Column("asset_id", sa.Text(), nullable=False),
        sa.Column("code_hash", sa.Text(), nullable=False),
        sa.Column("state", sa.Text(), nullable=False),
        sa.Column("secret_hash", sa.Text(), nullable=True),
        sa.Column("hardware", postgresql.JSONB(astext_type=sa.Text()), nullable=False),
        sa.Column("mismatch", sa.Text(), nullable=False),
        sa.Column("device_id", sa.Text(), nullable=True),
        sa.Column("created_by", sa.Text(), nullable=False),
        sa.Column("created_at", UtcDateTime(timezone=True), nullable=False),
        sa.Column("expires_at", UtcDateTime(timezone=True), nullable=False),
        sa.Column("asked_at", UtcDateTime(timezone=True), nullable=True),
        sa.Column("decided_by", sa.Text(), nullable=True),
        sa.Column("decided_at", UtcDateTime(timezone=True), nullable=True),
        sa.Column("used_at", UtcDateTime(timezone=True), nullable=True),
        sa.CheckConstraint(
            "state in ('open', 'pending', 'approved', 'refused', 'used')",
            name=op.f("ck_enrolment_code_state_known"),
        ),
        sa.ForeignKeyConstraint(
            ["partner_id", "asset_id"],
            ["asset.partner_id", "asset.id"],
            name=op.f("fk_enrolment_code_partner_id_asset_id"),
        ),
        sa.ForeignKeyConstraint(
            ["partner_id", "device_id"],
            ["device.partner_id", "device.id"],
            name=op.f("fk_enrolment_code_partner_id_device_id"),
        ),
        sa.ForeignKeyConstraint(["partner_id"], ["partner.id"], name=op.f("fk_enrolment_code_partner_id")),
        sa.PrimaryKeyConstraint("partner_id", "id", name=op.f("pk_enrolment_code")),
        sa.UniqueConstraint("code_hash", name=op.f("uq_enrolment_code_code_hash")),
    )
    op.create_index("ix_enrolment_code_asset", "enrolment_code", ["partner_id", "asset_id"], unique=False)
    op.create_table(
        "device_session",
        sa.Column("partner_id", sa.Text(), nullable=False),
        sa.Column("device_id", sa.Text(), nullable=False),
        sa.Column("b", sa.BigInteger(), nullable=False),
        sa.Column("opened_at", UtcDateTime(timezone=True), nullable=False),
        sa.Column("last_at", UtcDateTime(timezone=True), nullable=False),
        sa.Column("offset_ms", sa.BigInteger(), nullable=True),
        sa.Column("clock_bad", sa.Boolean(), nullable=False),
        sa.Column("hardware_hash", sa.Text(), nullable=True),
        sa.Column("held", postgresql.JSONB(astext_type=sa.Text()), nullable=False),
        sa.Column("births", sa.Integer(), nullable=False),
        sa.Column("gap_since", UtcDateTime(timezone=True), nullable=True),
        sa.Column("resend_asked_at", UtcDateTime(timezone=True), nullable=True),
        sa.ForeignKeyConstraint(
            ["partner_id", "device_id"],
            ["device.partner_id", "device.id"],
            name=op.f("fk_device_session_partner_id_device_id"),
        ),
        sa.ForeignKeyConstraint(["partner_id"], ["partner.id"], name=op.f("fk_device_session_partner_id")),
        sa.PrimaryKeyConstraint("partner_id", "device_id", "b", name=op.f("pk_device_session")),
    )
    op.create_table(
        "device_state",
        sa.Column("partner_id", sa.Text(), nullable=False),
        sa.Column("id", sa.Text(), nullable=False),
        sa.Column("asset_id", sa.Text(), nullable=False),
        sa.Column("client_id", sa.Text(), nullable=True),
        sa.Column("b", sa.BigInteger(), nullable=False),
        sa.Column("s", sa.BigInteger(), nullable=False),
        sa.Column("seen_at", UtcDateTime(timezone=True), nullable=True),
        sa.Column("online", sa.Text(), nullable=False),
        sa.Column("online_since", UtcDateTime(timezone=True), nullable=False),
        sa.Column("online_cause", sa.Text(), nullable=False),
        sa.Column("silent_after", UtcDateTime(timezone=True), nullable=True),
        sa.Column("silence_told_at", UtcDateTime(timezone=True), nullable=True),
        sa.Column("verdict", sa.Text(), nullable=False),
        sa.Column("verdict_since", UtcDateTime(timezone=True), nullable=False),
        sa.Column("reasons", postgresql.JSONB(astext_type=sa.Text()), nullable=False),
        sa.Column("failure_chance", sa.Double(), nullable=True),
        sa.Column("clock_bad", sa.Boolean(), nullable=False),
        sa.Column("report", postgresql.JSONB(astext_type=sa.Text()), nullable=False),
        sa.Column("memory", postgresql.JSONB(astext_type=sa.Text()), nullable=False),
        sa.CheckConstraint(
            "online in ('never_seen', 'online', 'suspect', 'offline', 'asleep', 'maintenance')",
            name=op.f("ck_device_state_online_known"),
        ),
        sa.CheckConstraint(
            "verdict in ('healthy', 'watch', 'failing', 'no_data')",
            name=op.f("ck_device_state_verdict_known"),
        ),
        sa.ForeignKeyConstraint(
            ["partner_id", "asset_id"],
            ["asset.partner_id", "asset.id"],
            name=op.f("fk_device_state_partner_id_asset_id"),
        ),
        sa.ForeignKeyConstraint(
            ["partner_id", "client_id"],
            ["client.partner_id", "client.id"],
            name=op.f("fk_device_state_partner_id_client_id"),
        ),
        sa.ForeignKeyConstraint(
            ["partner_id", "id"],
            ["device.partner_id", "device.id"],
            name=op.f("fk_device_state_partner_id_id"),
        ),
        sa.ForeignKeyConstraint(["partner_id"], ["partner.id"], name=op.f("fk_device_state_partner_id")),
        sa.PrimaryKeyConstraint("partner_id", "id", name=op.f("pk_device_state")),
        sa.UniqueConstraint("partner_id", "asset_id", name=op.f("uq_device_state_partner_id_asset_id")),
        postgresql_with={"fillfactor": 70},
    )
    op.create_index("ix_device_state_verdict", "device_state", ["partner_id", "verdict"], unique=False)
    op.create_table(
        "telemetry",
        sa.Column("partner_id", sa.Text(), nullable=False),
        sa.Column("device_id", sa.Text(), nullable=False),
        sa.Column("ts_eff", UtcDateTime(timezone=True), nullable=False),
        sa.Column("b", sa.BigInteger(), nullable=False),
        sa.Column("s", sa.BigInteger(), nullable=False),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("client_id", sa.Text(), nullable=True),
        sa.Column("t", sa.BigInteger(), nullable=False),
        sa.Column("received_at", UtcDateTime(timezone=True), nullable=False),
        sa.Column("clock_bad", sa.Boolean(), nullable=False),
        sa.Column("body", postgresql.JSONB(astext_type=sa.Text()), nullable=False),
        sa.PrimaryKeyConstraint("partner_id", "device_id", "ts_eff", "b", "s", name=op.f("pk_telemetry")),
        postgresql_partition_by="RANGE (ts_eff)",
    )
    op.create_table(
        "online_transition",
        sa.Column("partner_id", sa.Text(), nullable=False),
        sa.Column("id", sa.Text(), nullable=False),
        sa.Column("device_id", sa.Text(), nullable=False),
        sa.Column("client_id", sa.Text(), nullable=True),
        sa.Column("from_state", sa.Text(), nullable=False),
        sa.Column("to_state", sa.Text(), nullable=False),
        sa.Column("at", UtcDateTime(timezone=True), nullable=False),
        sa.Column("cause", sa.Text(), nullable=False),
        sa.CheckConstraint(
            "to_state in ('never_seen', 'online', 'suspect', 'offline', 'asleep', 'maintenance')",
            name=op.f("ck_online_transition_to_state_known"),
        ),
        sa.ForeignKeyConstraint(
            ["partner_id", "client_id"],
            ["client.partner_id", "client.id"],
            name=op.f("fk_online_transition_partner_id_client_id"),
        ),
        sa.ForeignKeyConstraint(
            ["partner_id", "device_id"],
            ["device.partner_id", "device.id"],
            name=op.f("fk_online_transition_partner_id_device_id"),
        ),
        sa.ForeignKeyConstraint(["partner_id"], ["partner.id"], name=op.f("fk_online_transition_partner_id")),
        sa.PrimaryKeyConstraint("partner_id", "id", name=op.f("pk_online_transition")),
    )
    op.create_index(
        "ix_online_transition_recent", "online_transition", ["partner_id", "device_id", "at"], unique=False
    )
    op.create_table(
        "health_change",
        sa.Column("partner_id", sa.Text(), nullable=False),
        sa.Column("id", sa.Text(), nullable=False),
        sa.Column("device_id", sa.Text(), nullable=False),
        sa.Column("asset_id", sa.Text(), nullable=False),
        sa.Column("client_id", sa.Text(), nullable=True),
        sa.Column("from_verdict", sa.Text(), nullable=False),
        sa.Column("to_verdict", sa.Text(), nullable=False),
        sa.Column("at", UtcDateTime(timezone=True), nullable=False),
        sa.Column("reasons", postgresql.JSONB(astext_type=sa.Text()), nullable=False),
        sa.Column("failure_chance", sa.Double(), nullable=True),
        sa.CheckConstraint(
            "to_verdict in ('healthy', 'watch', 'failing', 'no_data')",
            name=op.f("ck_health_change_to_verdict_known"),
        ),
        sa.ForeignKeyConstraint(
            ["partner_id", "asset_id"],
            ["asset.partner_id", "asset.id"],
            name=op.f("fk_health_change_partner_id_asset_id"),
        ),
        sa.ForeignKeyConstraint(
            ["partner_id", "client_id"],
            ["client.partner_id", "client.id"],
            name=op.f("fk_health_change_partner_id_client_id"),
        ),
        sa.ForeignKeyConstraint(
            ["partner_id", "device_id"],
            ["device.partner_id", "device.id"],
            name=op.f("fk_health_change_partner_id_device_id"),
        ),
        sa.ForeignKeyConstraint(["partner_id"], ["partner.id"], name=op.f("fk_health_change_partner_id")),
        sa.PrimaryKeyConstraint("partner_id", "id", name=op.f("pk_health_change")),
    )
    op.create_index(
        "ix_health_change_recent", "health_change", ["partner_id", "device_id", "at"], unique=False
    )
    op.create_table(
        "quarantined_message",
        sa.Column("partner_id", sa.Text(), nullable=False),
        sa.Column("id", sa.Text(), nullable=False),
        sa.Column("device_id", sa.Text(), nullable=False),
        sa.Column("topic", sa.Text(), nullable=False),
        sa.Column("reason", sa.Text(), nullable=False),
        sa.Column("detail", sa.Text(), nullable=False),
        sa.Column("size_bytes", sa.Integer(), nullable=False),
        sa.Column("payload", sa.LargeBinary(), nullable=False),
        sa.Column("received_at", UtcDateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(
            ["partner_id", "device_id"],
            ["device.partner_id", "device.id"],
            name=op.f("fk_quarantined_message_partner_id_device_id"),
        ),
        sa.ForeignKeyConstraint(
            ["partner_id"], ["partner.id"], name=op.f("fk_quarantined_message_partner_id")
        ),
        sa.PrimaryKeyConstraint("partner_id", "id", name=op.f("pk_quarantined_message")),
    )
    op.create_index(
        "ix_quarantined_message_device",
        "quarantined_message",
        ["partner_id", "device_id", "id"],
        unique=False,
    )
    op.create_index(
        "ix_quarantined_message_recent",
        "quarantined_message",
        ["partner_id", "received_at", "id"],
        unique=False,
    )
    op.create_table(
        "quarantine_count",
        sa.Column("partner_id", sa.Text(), nullable=False),
        sa.Column("device_id", sa.Text(), nullable=False),
        sa.Column("day", sa.Date(), nullable=False),
        sa.Column("reason", sa.Text(), nullable=False),
        sa.Column("messages", sa.BigInteger(), nullable=False),
        sa.Column("last_at", UtcDateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(
            ["partner_id", "device_id"],
            ["device.partner_id", "device.id"],
            name=op.f("fk_quarantine_count_partner_id_device_id"),
        ),
        sa.ForeignKeyConstraint(["partner_id"], ["partner.id"], name=op.f("fk_quarantine_count_partner_id")),
        sa.PrimaryKeyConstraint("partner_id", "device_id", "day", "reason", name=op.f("pk_quarantine_count")),
    )
    op.create_table(
        "inventory",
        sa.Column("partner_id", sa.Text(), nullable=False),
        sa.Column("id", sa.Text(), nullable=False),
        sa.Column("client_id", sa.Text(), nullable=True),
        sa.Column("sections", postgresql.JSONB(astext_type=sa.Text()), nullable=False),
        sa.Column("marks", postgresql.JSONB(astext_type=sa.Text()), nullable=False),
        sa.Column("changed_at", UtcDateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(
            ["partner_id", "client_id"],
            ["client.partner_id", "client.id"],
            name=op.f("fk_inventory_partner_id_client_id"),
        ),
        sa.ForeignKeyConstraint(
            ["partner_id", "id"], ["device.partner_id", "device.id"], name=op.f("fk_inventory_partner_id_id")
        ),
        sa.ForeignKeyConstraint(["partner_id"], ["partner.id"], name=op.f("fk_inventory_partner_id")),
        sa.PrimaryKeyConstraint("partner_id", "id", name=op.f("pk_inventory")),
    )
    op.create_table(
        "device_command",
        sa.Column("partner_id", sa.Text(), nullable=False),
        sa.Column("id", sa.Text(), nullable=False),
        sa.Column("device_id", sa.Text(), nullable=False),
        sa.Column("verb", sa.Text(), nullable=False),
        sa.Column("args", postgresql.JSONB(astext_type=sa.Text()), nullable=False),
        sa.Column("seq", sa.BigInteger(), nullable=False),
        sa.Column("state", sa.Text(), nullable=False),
        sa.Column("created_by", sa.Text(), nullable=False),
        sa.Column("created_at", UtcDateTime(timezone=True), nullable=False),
        sa.Column("expires_at", UtcDateTime(timezone=True), nullable=False),
        sa.Column("due_at", UtcDateTime(timezone=True), nullable=True),
        sa.Column("sent_at", UtcDateTime(timezone=True), nullable=True),
        sa.Column("settled_at", UtcDateTime(timezone=True), nullable=True),
        sa.Column("code", sa.Text(), nullable=False),
        sa.Column("output", postgresql.JSONB(astext_type=sa.Text()), nullable=False),
        sa.CheckConstraint(
            "state in ('queued', 'sent', 'received', 'running', 'done', 'failed', 'rejected', 'expired')",
            name=op.f("ck_device_command_state_known"),
        ),
        sa.CheckConstraint(
            "verb in ('rebirth', 'resend', 'collect', 'rotate')", name=op.f("ck_device_command_verb_known")
        ),
        sa.ForeignKeyConstraint(
            ["partner_id", "device_id"],
            ["device.partner_id", "device.id"],
            name=op.f("fk_device_command_partner_id_device_id"),
        ),
        sa.ForeignKeyConstraint(["partner_id"], ["partner.id"], name=op.f("fk_device_command_partner_id")),
        sa.PrimaryKeyConstraint("partner_id", "id", name=op.f("pk_device_command")),
        sa.UniqueConstraint(
            "partner_id", "device_id", "seq", name=op.f("uq_device_command_partner_id_device_id_seq")
        ),
    )
    op.create_index(
        "ix_device_command_due",
        "device_command",
        ["due_at"],
        unique=False,
        postgresql_where=sa.text("due_at is not null"),
    )
    op.create_index(
        "ix_device_command_recent", "device_command", ["partner_id", "device_id", "seq"], unique=False
    )
    op.create_table(
        "subscriber_heartbeat",
        sa.Column("id", sa.Text(), nullable=False),
        sa.Column("listening_since", UtcDateTime(timezone=True), nullable=False),
        sa.Column("beat_at", UtcDateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_subscriber_heartbeat")),
    )


def _create_alerts() -> None:
    op.create_table(
        "alert",
        sa.Column("partner_id", sa.Text(), nullable=False),
        sa.Column("id", sa.Text(), nullable=False),
        sa.Column("cause", sa.Text(), nullable=False),
        sa.Column("rule", sa.Text(), nullable=False),
        sa.Column("severity", sa.Text(), nullable=False),
        sa.Column("state", sa.Text(), nullable=False),
        sa.Column("title", sa.Text(), nullable=False),
        sa.Column("detail", sa.Text(), nullable=False),
        sa.Column("asset_id", sa.Text(), nullable=True),
        sa.Column("device_id", sa.Text(), nullable=True),
        sa.Column("client_id", sa.Text(), nullable=True),
        sa.Column("opened_at", UtcDateTime(timezone=True), nullable=False),
        sa.Column("worsened_at", UtcDateTime(timezone=True), nullable=True),
        sa.Column("acknowledged_at", UtcDateTime(timezone=True), nullable=True),
        sa.Column("acknowledged_by", sa.Text(), nullable=True),
        sa.Column("resolved_at", UtcDateTime(timezone=True), nullable=True),
        sa.Column("resolved_by", sa.Text(), nullable=True),
        sa.Column("resolution", sa.Text(), nullable=False),
        sa.CheckConstraint(
            "severity in ('info', 'warning', 'critical')", name=op.f("ck_alert_severity_known")
        ),
        sa.CheckConstraint(
            "state in ('open', 'acknowledged', 'resolved')", name=op.f("ck_alert_state_known")
        ),
        sa.ForeignKeyConstraint(
            ["partner_id", "asset_id"],
            ["asset.partner_id", "asset.id"],
            name=op.f("fk_alert_partner_id_asset_id"),
        ),
        sa.ForeignKeyConstraint(
            ["partner_id", "client_id"],
            ["client.partner_id", "client.id"],
            name=op.f("fk_alert_partner_id_client_id"),
        ),
        sa.ForeignKeyConstraint(["partner_id"], ["partner.id"], name=op.f("fk_alert_partner_id")),
        sa.PrimaryKeyConstraint("partner_id", "id", name=op.f("pk_alert")),
    )
    op.create_index("ix_alert_asset", "alert", ["partner_id", "asset_id"], unique=False)
    op.create_index("ix_alert_recent", "alert", ["partner_id", "opened_at", "id"], unique=False)
    op.create_index(
        "uq_alert_open_cause",
        "alert",
        ["partner_id", "cause"],
        unique=True,
        postgresql_where=sa.text("state <> 'resolved'"),
    )
    op.create_table(
        "alert_route",
        sa.Column("partner_id", sa.Text(), nullable=False),
        sa.Column("id", sa.Text(), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("channel", sa.Text(), nullable=False),
        sa.Column("target", sa.Text(), nullable=False),
        sa.Column("severity_least", sa.Text(), nullable=False),
        sa.Column("client_id", sa.Text(), nullable=True),
        sa.Column("secret", sa.Text(), nullable=True),
        sa.Column("created_at", UtcDateTime(timezone=True), nullable=False),
        sa.Column("disabled_at", UtcDateTime(timezone=True), nullable=True),
        sa.Column("disabled_because", sa.Text(), nullable=False),
        sa.CheckConstraint("channel in ('email', 'webhook')", name=op.f("ck_alert_route_channel_known")),
        sa.CheckConstraint(
            "severity_least in ('info', 'warning', 'critical')",
            name=op.f("ck_alert_route_severity_least_known"),
        ),
        sa.ForeignKeyConstraint(
            ["partner_id", "client_id"],
            ["client.partner_id", "client.id"],
            name=op.f("fk_alert_route_partner_id_client_id"),
        ),
        sa.ForeignKeyConstraint(["partner_id"], ["partner.id"], name=op.f("fk_alert_route_partner_id")),
        sa.PrimaryKeyConstraint("partner_id", "id", name=op.f("pk_alert_route")),
    )
    op.create_table(
        "alert_delivery",
        sa.Column("partner_id", sa.Text(), nullable=False),
        sa.Column("id", sa.Text(), nullable=False),
        sa.Column("alert_id", sa.Text(), nullable=False),
        sa.Column("route_id", sa.Text(), nullable=False),
        sa.Column("event_id", sa.Text(), nullable=False),
        sa.Column("what", sa.Text(), nullable=False),
        sa.Column("state", sa.Text(), nullable=False),
        sa.Column("attempts", sa.Integer(), nullable=False),
        sa.Column("created_at", UtcDateTime(timezone=True), nullable=False),
        sa.Column("next_at", UtcDateTime(timezone=True), nullable=True),
        sa.Column("sent_at", UtcDateTime(timezone=True), nullable=True),
        sa.Column("error", sa.Text(), nullable=False),
        sa.CheckConstraint(
            "state in ('pending', 'sent', 'failed')", name=op.f("ck_alert_delivery_state_known")
        ),
        sa.ForeignKeyConstraint(
            ["partner_id", "alert_id"],
            ["alert.partner_id", "alert.id"],
            name=op.f("fk_alert_delivery_partner_id_alert_id"),
        ),
        sa.ForeignKeyConstraint(
            ["partner_id", "route_id"],
            ["alert_route.partner_id", "alert_route.id"],
            name=op.f("fk_alert_delivery_partner_id_route_id"),
        ),
        sa.ForeignKeyConstraint(["partner_id"], ["partner.id"], name=op.f("fk_alert_delivery_partner_id")),
        sa.PrimaryKeyConstraint("partner_id", "id", name=op.f("pk_alert_delivery")),
        sa.UniqueConstraint(
            "partner_id",
            "alert_id",
            "route_id",
            "event_id",
            name=op.f("uq_alert_delivery_partner_id_alert_id_route_id_event_id"),
        ),
    )
    op.create_index(
        "ix_alert_delivery_due",
        "alert_delivery",
        ["partner_id", "next_at"],
        unique=False,
        postgresql_where=sa.text("state = 'pending'"),
    )
