"""The words of the calendar, for pages and for feeds in a person's language."""

from __future__ import annotations

from typing import Any

from flask_babel import lazy_gettext as _l

# kind -> word, icon, colour of its mark
KINDS: dict[str, tuple[Any, str, str]] = {
    "lease_end": (_l("Lease ends"), "signature", "red"),
    "notice": (_l("Notice of the end"), "bell", "amber"),
    "choose_until": (_l("Last day to choose"), "clipboard-check", "amber"),
    "quote_until": (_l("Offer runs out"), "clock", "blue"),
    "buyout_until": (_l("Offer to buy runs out"), "clock", "blue"),
    "return_due": (_l("Return due"), "package", "amber"),
    "dispute_until": (_l("Last day to object to a charge"), "alert-triangle", "amber"),
    "new_rent": (_l("New rent"), "percentage", "blue"),
    "new_prices": (_l("New prices"), "tag", "blue"),
    "invoice_due": (_l("Invoice due"), "file-invoice", "green"),
}
