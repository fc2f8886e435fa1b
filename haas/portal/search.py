"""Global search: what begins with the words typed, by ranges that an index answers."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import sqlalchemy as sa
from flask import url_for
from flask_babel import gettext as _
from sqlalchemy import Select

from devices.identifiers import name_key, normalised
from devices.models import Asset, HardwareModel
from haas.auth.caller import Caller
from haas.db import starts_with
from haas.portal.navigation import endpoint_exists, every_page
from haas.portal.states import word_of
from haas.tenancy.models import Client
from haas.tenancy.scope import Tenant, scoped
from invoicing.exports.models import ExportBatch
from invoicing.models import Invoice
from invoicing.money.models import Receipt
from leases.models import Lease

EACH = 6  # of one kind
SHORTEST = 2  # one letter would only list the fleet
LONGEST = 100

# kind -> (permission, endpoint, name of its id in the URL, icon)
_KINDS = {
    "asset": ("asset.read", "assets.show", "asset_id", "device-laptop"),
    "client": ("client.read", "clients.show", "client_id", "building"),
    "lease": ("lease.read", "leases.show", "lease_id", "signature"),
    "invoice": ("invoice.read", "invoices.show", "invoice_id", "file-invoice"),
    "receipt": ("invoice.read", "money.show", "receipt_id", "coin"),
    "export": ("invoice.export", "exports.show_batch", "batch_id", "file-spreadsheet"),
}


@dataclass(frozen=True, slots=True)
class Found:
    """One result: what it is, where it leads."""

    kind: str
    title: str
    detail: str
    url: str
    icon: str


def search(caller: Caller, text: str) -> list[Found]:
    """Pages by name first, then what begins with the text, kind by kind; one query."""
    text = text.strip()[:LONGEST]
    return [*_pages(caller, text), *_rows(caller, text)]


def _pages(caller: Caller, text: str) -> list[Found]:
    wanted = text.casefold()
    return [
        Found("page", link.label, "", link.href, link.icon)
        for link in every_page(caller)
        if any(word.startswith(wanted) for word in (link.label.casefold(), *link.label.casefold().split()))
    ]


def _rows(caller: Caller, text: str) -> list[Found]:
    if len(normalised(text)) < SHORTEST:
        return []
    statements = {
        "asset": _assets(caller.tenant, text),
        "client": _clients(caller.tenant, text),
        "lease": _numbered(Lease, "lease", caller.tenant, text),
        "invoice": _numbered(Invoice, "invoice", caller.tenant, text),
        "receipt": _receipts(caller.tenant, text),
        "export": _batches(caller.tenant, text),
    }
    seen = [
        statement
        for kind, statement in statements.items()
        if caller.may(_KINDS[kind][0]) and endpoint_exists(_KINDS[kind][1])
    ]
    if not seen:
        return []
    return [
        _found(kind, row_id, title, detail, state)
        for kind, row_id, title, detail, state in caller.session.execute(sa.union_all(*seen))
    ]


def _found(kind: str, row_id: str, title: str, detail: str, state: str) -> Found:
    _permission, endpoint, argument, icon = _KINDS[kind]
    values: dict[str, Any] = {argument: row_id}
    words = [detail, word_of(state, kind) if state else ""]
    return Found(
        kind=kind,
        title=title,
        detail=" · ".join(word for word in words if word),
        url=url_for(endpoint, **values),
        icon=icon,
    )


def kind_names() -> dict[str, str]:
    """The headings of the page without scripts."""
    return {
        "page": _("Pages"),
        "asset": _("Devices"),
        "client": _("Clients"),
        "lease": _("Leases"),
        "invoice": _("Invoices"),
        "receipt": _("Money received"),
        "export": _("Exports"),
    }


def _assets(tenant: Tenant, text: str) -> Select[Any]:
    key = normalised(text)
    model = sa.func.concat(HardwareModel.manufacturer, " ", HardwareModel.name)
    serial = sa.func.coalesce(sa.func.concat(" · ", Asset.serial), "")
    return (
        scoped(Asset, tenant)
        .join(
            HardwareModel,
            sa.and_(HardwareModel.partner_id == Asset.partner_id, HardwareModel.id == Asset.model_id),
        )
        .where(sa.or_(starts_with(Asset.tag_norm, key), starts_with(Asset.serial_norm, key)))
        .with_only_columns(
            *_columns("asset", Asset.id, sa.func.concat(Asset.tag, serial), model, Asset.state)
        )
        .order_by(Asset.tag_norm)
        .limit(EACH)
    )


def _clients(tenant: Tenant, text: str) -> Select[Any]:
    return (
        scoped(Client, tenant)
        .where(
            sa.or_(
                starts_with(Client.name_norm, name_key(text)),
                starts_with(Client.number, _number(text)),
            ),
            Client.archived_at.is_(None),
        )
        .with_only_columns(*_columns("client", Client.id, Client.name, Client.number, sa.literal("")))
        .order_by(Client.name_norm)
        .limit(EACH)
    )


def _numbered(model: Any, kind: str, tenant: Tenant, text: str) -> Select[Any]:
    """Leases and invoices by their number, with their client's name."""
    return (
        scoped(model, tenant)
        .join(Client, sa.and_(Client.partner_id == model.partner_id, Client.id == model.client_id))
        .where(starts_with(model.number, _number(text)))
        .with_only_columns(*_columns(kind, model.id, model.number, Client.name, model.state))
        .order_by(model.number.desc())
        .limit(EACH)
    )


def _receipts(tenant: Tenant, text: str) -> Select[Any]:
    # References are the banks' and providers': as typed, or in capitals as most of them are.
    typed = {text.strip(), text.strip().upper()}
    return (
        scoped(Receipt, tenant)
        .join(Client, sa.and_(Client.partner_id == Receipt.partner_id, Client.id == Receipt.client_id))
        .where(sa.or_(*(starts_with(Receipt.reference, each) for each in sorted(typed))))
        .with_only_columns(*_columns("receipt", Receipt.id, Receipt.reference, Client.name, sa.literal("")))
        .order_by(Receipt.reference)
        .limit(EACH)
    )


def _batches(tenant: Tenant, text: str) -> Select[Any]:
    return (
        scoped(ExportBatch, tenant)
        .where(starts_with(ExportBatch.number, _number(text)))
        .with_only_columns(
            *_columns("export", ExportBatch.id, ExportBatch.number, ExportBatch.format, ExportBatch.state)
        )
        .order_by(ExportBatch.number.desc())
        .limit(EACH)
    )


def _columns(kind: str, *columns: Any) -> list[Any]:
    names = ("id", "title", "detail", "state")
    return [
        sa.literal(kind).label("kind"),
        *(column.label(name) for name, column in zip(names, columns, strict=True)),
    ]


def _number(text: str) -> str:
    """Numbers are given out in capitals and without blanks."""
    return "".join(text.split()).upper()
