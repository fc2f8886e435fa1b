"""The menu: each entry with the permission it needs; an entry whose page does not exist is not shown."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any

from flask import current_app, request, url_for
from flask_babel import lazy_gettext as _l

from haas.auth.caller import Caller


@dataclass(frozen=True, slots=True)
class Entry:
    """A page of the menu. `key` is its shortcut after g; `section` groups the settings."""

    endpoint: str
    label: Any
    icon: str
    permission: str
    key: str = ""
    on_phone: bool = False
    also: tuple[str, ...] = ()  # blueprints, or single pages of others, that belong beneath it


# fmt: off
MAIN: tuple[Entry, ...] = (
    Entry("overview.home",   _l("Overview"), "layout-dashboard", "overview.read", "o", on_phone=True),
    Entry("assets.index",    _l("Fleet"),    "device-laptop",    "asset.read",    "a", on_phone=True,
          also=("labels", "devices", "imports", "moves", "leases.asset_money", "leases.asset_book",
                "leases.book_event", "leases.reverse_book_event", "leases.split_book", "leases.new_cost")),
    Entry("clients.index",   _l("Clients"),  "building",         "client.read",   "c",
          also=("sites", "offboarding", "payment_methods", "billing_terms")),
    Entry("quotes.index",    _l("Quotes"),   "file-text",        "quote.read",    "q",
          also=("purchase_needs",)),
    Entry("leases.index",    _l("Leases"),   "signature",        "lease.read",    "l",
          also=("agreements", "returns", "swaps", "buyouts")),
    Entry("invoices.index",  _l("Invoices"), "file-invoice",     "invoice.read",  "i", on_phone=True,
          also=("billing", "exports", "deposits", "money", "invoice_payments", "payouts", "charges",
                "invoice_disputes", "pro_formas")),
    Entry("collections.index", _l("Collections"), "phone",       "dunning.read",  "r",
          also=("cash_forecast",)),
    Entry("bank.index",      _l("Bank"),     "arrows-exchange",  "bank.read",     "m"),
    Entry("books.index",     _l("Books"),    "report-money",     "ledger.read",   "b"),
    Entry("funders.index",   _l("Funders"),  "coin",             "funder.read",   "f", also=("fundings",)),
    Entry("calendar.index",  _l("Calendar"), "calendar",         "calendar.read", "d"),
    Entry("profit.index",    _l("Profit"),   "chart-bar",        "asset.cost.read", "p"),
    Entry("alerts.index",    _l("Alerts"),   "bell",             "alert.read",    "n", on_phone=True),
    Entry("jobs.index",      _l("Jobs"),     "list-check",       "job.read",      "j"),
)
SETTINGS: tuple[Entry, ...] = (
    Entry("models.index",    _l("Hardware models"), "device-desktop", "model.read"),
    Entry("prices.index",    _l("Prices"),     "tag",   "price.read", also=("wholesale",)),
    Entry("settings.edit",   _l("General"),    "settings",     "settings.manage"),
    Entry("company.edit",    _l("Company and bank"), "building-store", "company.manage"),
    Entry("leases.end_settings", _l("Ends of leases"), "clock", "settings.manage"),
    Entry("contract_settings.edit", _l("Contracts"), "file-text", "settings.manage"),
    Entry("branding.edit",   _l("Branding"),   "palette",      "branding.manage"),
    Entry("team.index",      _l("Team"),       "users",        "team.read"),
    Entry("tokens.index",    _l("API tokens"), "key",          "token.manage"),
    Entry("reference.index", _l("API reference"), "file-text", "token.manage"),
    Entry("terms.index",     _l("Terms of contract"), "file-certificate", "terms.read"),
    Entry("taxes.index",     _l("Taxes"),      "percentage",   "tax.manage"),
    Entry("exchange_rates.index", _l("Exchange rates"), "coin", "tax.manage"),
    Entry("payment_settings.index", _l("Payments"), "credit-card", "payment.settings"),
    Entry("dunning_settings.edit", _l("Reminders"), "mail", "settings.manage"),
    Entry("book_settings.index", _l("Depreciation"), "calculator", "depreciation.manage"),
    Entry("alert_routes.index", _l("Alert routes"), "send",    "alert.route"),
    Entry("audit.index",     _l("Audit log"),  "history",      "audit.read"),
)
OPERATOR: tuple[Entry, ...] = (
    Entry("operator.index",  _l("Partners"), "building-store", "partner.list", "p", on_phone=True),
    Entry("wholesale_desk.index", _l("Wholesale"), "tag", "wholesale.manage", "w", on_phone=True),
    Entry("partner_profit.index", _l("Profit"), "chart-bar", "partner.list", "m", on_phone=True),
)
# fmt: on


@dataclass(frozen=True, slots=True)
class Link:
    """An entry as this caller sees it on this page."""

    label: str
    icon: str
    href: str
    active: bool
    key: str
    on_phone: bool
    count: int = 0


def main_menu(caller: Caller | None, *, open_alerts: int = 0) -> list[Link]:
    """The left rail: an operator outside a partner has pages of its own."""
    if caller is None:
        return []
    if caller.identity.partner is None:
        return _links(OPERATOR, caller)
    return _links(MAIN, caller, counts={"alerts.index": open_alerts})


def settings_menu(caller: Caller | None) -> list[Link]:
    """What is set up once, beneath the rail."""
    if caller is None or caller.identity.partner is None:
        return []
    return _links(SETTINGS, caller)


def every_page(caller: Caller | None) -> list[Link]:
    """Every page of the menus by name, for the search."""
    return main_menu(caller) + settings_menu(caller)


def endpoint_exists(endpoint: str) -> bool:
    """Whether a page is there to be linked to."""
    return endpoint in current_app.view_functions


def _links(
    entries: tuple[Entry, ...], caller: Caller, counts: Mapping[str, int] = MappingProxyType({})
) -> list[Link]:
    return [
        Link(
            label=str(entry.label),
            icon=entry.icon,
            href=url_for(entry.endpoint),
            active=_is_here(entry),
            key=entry.key,
            on_phone=entry.on_phone,
            count=counts.get(entry.endpoint, 0),
        )
        for entry in entries
        if endpoint_exists(entry.endpoint) and caller.may(entry.permission)
    ]


def _is_here(entry: Entry) -> bool:
    """Whether the page stands beneath this entry: one that names it, else the first of its blueprint."""
    page = request.endpoint or ""
    everywhere = (*MAIN, *SETTINGS, *OPERATOR)
    if any(page in (each.endpoint, *each.also) for each in everywhere):
        return page in (entry.endpoint, *entry.also)
    here = page.partition(".")[0]
    first = next((each for each in everywhere if each.endpoint.partition(".")[0] == here), None)
    return entry is first or here in entry.also
