"""What invoicing tells on an asset's page: the invoices that bear it, for those who issue them."""

from __future__ import annotations

from datetime import UTC, datetime, time
from zoneinfo import ZoneInfo

from flask import url_for
from flask_babel import get_locale
from flask_babel import gettext as _

from devices.asset_parts import Paper
from devices.models import Asset
from haas.auth.caller import Caller
from haas.documents import formatting
from invoicing import queries


def tell_papers(caller: Caller, asset: Asset) -> list[Paper]:
    """Invoices and credit notes with a line for this asset: the partner's finance alone sees them here."""
    if caller.tenant.client_id is not None or not caller.may("invoice.issue"):
        return []
    zone = ZoneInfo(caller.user.time_zone)
    return [
        Paper(
            # A document has a day and no hour: the middle of it is that day for the viewer.
            datetime.combine(row.issued_on, time(12), zone).astimezone(UTC),
            "invoice",
            _("Credit note %(number)s", number=row.number)
            if row.kind == "credit_note"
            else _("Invoice %(number)s", number=row.number),
            formatting.money(row.total, row.currency, language=str(get_locale() or "en")),
            url_for("files.download", file_id=row.pdf_file_id, inline=1) if row.pdf_file_id else None,
            page=url_for("invoices.show", invoice_id=row.id),
        )
        for row in queries.invoices_of_asset(caller.session, caller.tenant, asset_id=asset.id)
    ]
