"""Everything that anyone can type, replaced in every row by a text that means harm."""

from __future__ import annotations

import json
from typing import Any

import sqlalchemy as sa

from haas.models import EVERY_TABLE

SCRIPT = "<script>alert(1)</script>"
# Begins as a formula does, closes attributes and elements, opens a script, and is an expression of templates.
HARM = "=1+1|'\"></title></textarea>" + SCRIPT + "<img src=x onerror=alert(1)>zq{{7*7}}qz{%if%}"
EVALUATED = "zq49qz"

# Columns whose texts are words of ours, hashes or settings: nobody types into them, or a check holds them.
_OURS = {
    "slug", "name_norm", "manufacturer_norm", "tag_norm", "serial_norm", "email_norm", "country", "currency",
    "language", "time_zone", "category", "channel", "severity_least", "secret", "level", "role",
    "password_hash", "totp_secret", "theme", "kind", "media_type", "sha256", "once_key", "token_hmac",
    "last_four", "created_by", "state", "grade", "document_hash", "timing", "day_count", "proration",
    "end_option", "tax_category", "token_hash", "purpose", "code_hash", "cause", "rule", "severity",
    "acknowledged_by", "resolved_by", "verb", "from_state", "to_state", "idempotency_key", "started_by",
    "method", "first_month", "last_month", "day_basis", "secret_hash", "next_secret_hash", "command_key",
    "hardware_hash", "token", "destination", "actor", "what", "code", "online", "verdict", "from_verdict",
    "to_verdict", "received_by", "inspected_by", "decided_by", "topic", "reaction", "queue", "series",
    "request_hash", "location", "document_sha256", "terms_sha256", "format", "content", "rhythm", "cut",
    "contact_rule", "api_key_sealed", "webhook_secrets_sealed", "webhook_token", "body_sha256", "item_kind",
    "sequence", "base", "quote", "contents_hash", "endpoint_scheme",
}  # fmt: skip
# JSON whose leaves are typed, or come from devices, files and other people's systems.
_TYPED_JSON = {
    "address", "specs", "kit", "kit_missing", "reasons", "details", "result", "problems", "media", "sections",
    "report", "serials", "hardware", "output",
}  # fmt: skip
_SKIPPED_TABLES = {"audit_entry", "audit_head", "audit_link", "outbox_event", "outbox_delivery"}
# Told as rows or numbers by the code that wrote them.
_KEPT_LEAVES = {
    "level",
    "client_id",
    "site_id",
    "grade",
    "row",
    "kind",
    "state",
    "ids",
    "filter",
    "format",
    "media_type",
}
BRANDING = (
    "display_name", "legal_name", "address_lines", "footer_lines", "payment_lines", "support_contact",
    "sender_name",
)  # fmt: skip


def poison(connection: sa.Connection, partner_id: str) -> list[str]:
    """Replace every typed text of the partner's rows; answers which columns. For a superuser's connection."""
    connection.execute(sa.text("set session_replication_role = replica"))  # no trigger, no foreign key
    done = []
    for table in EVERY_TABLE:
        if not {"partner_id", "id"} <= set(table.columns.keys()) or table.name in _SKIPPED_TABLES:
            continue
        for column in table.columns:
            kind = str(column.type)
            if column.name.endswith("_id") or column.name == "id" or column.name in _OURS:
                continue
            if isinstance(column.type, sa.Text | sa.String):
                try:
                    with connection.begin_nested():
                        _poison_texts(connection, table.name, column.name, partner_id)
                except sa.exc.IntegrityError:
                    continue  # a check of the database holds it to our words
            elif "JSON" in kind and column.name in _TYPED_JSON:
                _poison_json(connection, table, column.name, partner_id)
            else:
                continue
            done.append(f"{table.name}.{column.name}")
    _poison_partner(connection, partner_id)
    connection.execute(sa.text("set session_replication_role = origin"))
    return done


def _poison_texts(connection: sa.Connection, table: str, column: str, partner_id: str) -> None:
    # Some are unique within the partner: the id's end keeps them apart, in front so that none is cut off.
    connection.execute(
        sa.text(
            f"update {table} set {column} = :harm || right(id, 6) where partner_id = :partner"
            f" and {column} is not null and {column} <> ''"
        ),
        {"harm": HARM, "partner": partner_id},
    )


def _poison_json(connection: sa.Connection, table: sa.Table, column: str, partner_id: str) -> None:
    rows = connection.execute(
        sa.select(table.c.id, table.c[column]).where(table.c.partner_id == partner_id)
    ).all()
    for row_id, value in rows:
        connection.execute(
            sa.update(table)
            .where(table.c.partner_id == partner_id, table.c.id == row_id)
            .values({column: _leaves(value)})
        )


def _poison_partner(connection: sa.Connection, partner_id: str) -> None:
    found = connection.execute(sa.text("select branding from partner where id = :id"), {"id": partner_id})
    branding: dict[str, Any] = found.scalar_one()
    for name in BRANDING:
        branding[name] = [HARM, HARM] if isinstance(branding.get(name), list) else HARM
    connection.execute(
        sa.text("update partner set name = :harm, legal_name = :harm, branding = :branding where id = :id"),
        {"harm": HARM, "branding": json.dumps(branding), "id": partner_id},
    )


def _leaves(value: Any) -> Any:
    """The value with harm in every text that it holds."""
    if isinstance(value, dict):
        return {key: each if key in _KEPT_LEAVES else _leaves(each) for key, each in value.items()}
    if isinstance(value, list):
        return [_leaves(each) for each in value]
    return HARM if isinstance(value, str) else value
