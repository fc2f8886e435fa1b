"""What books, kinds of entries, purposes and columns are called on the pages."""

from __future__ import annotations

from typing import Any

from flask_babel import format_date, pgettext
from flask_babel import gettext as _


def book_words() -> dict[str, str]:
    """The books by name."""
    return {"financial": _("Financial"), "tax": _("Tax"), "margin": _("Margin")}


def kind_words() -> dict[str, str]:
    """What an entry tells of."""
    return {
        "receipt": _("Received into stock"),
        "addition": _("Put to work"),
        "depreciation": _("Depreciation"),
        "capitalisation": _("Capitalised cost"),
        "impairment": _("Impairment"),
        "revaluation": _("Revaluation"),
        "split": _("Split of a book"),
        "disposal": _("Disposal"),
        "reinstatement": _("Reinstatement"),
        "stock_disposal": _("Disposal from stock"),
        "invoice": _("Invoice or credit note"),
        "payment": _("Payment"),
        "revenue": _("Rent earned"),
        "derecognition": _("Leased out for good"),
        "interest": _("Interest on leases"),
        "lease_swap": _("Swap on a finance lease"),
        "lease_end": _("End of a finance lease"),
        "reclassification": _("Rent of a finance lease, billed before it was one"),
        "settlement": _("Disposal after a finance lease"),
        "deposit": _("Deposit"),
        "balance": _("Customer's credit"),
        "refund": _("Refund"),
        "payment_fee": _("Fee of a bank or provider"),
        "shortfall": _("Loss on a payment that went back"),
        "recovery": _("Loss on a payment that came back"),
        "exchange": _("Exchange difference"),
        "funding": _("Funding"),
    }


def account_kind_words() -> dict[str, str]:
    """The kinds of accounts."""
    return {
        "asset": pgettext("accounting", "Assets"),  # of a book, not of a fleet
        "liability": _("Liabilities"),
        "equity": _("Equity"),
        "income": _("Income"),
        "expense": _("Expenses"),
    }


def purpose_words() -> dict[str, str]:
    """What is posted for what."""
    return {
        "bank": _("Bank"),
        "receivables": _("Receivables"),
        "deferred_rent": _("Deferred and unbilled rent"),
        "stock": _("Equipment in stock"),
        "acquisition": _("Acquisitions, until the supplier's invoice"),
        "equipment": _("Lease equipment, at cost"),
        "accumulated_depreciation": _("Accumulated depreciation"),
        "net_investment": _("Net investment in leases"),
        "unguaranteed_residual": _("Unguaranteed residual value"),
        "tax_payable": _("Tax payable"),
        "deposits": _("Deposits held"),
        "funder": _("Owed to funders"),
        "proceeds": _("Proceeds of disposals, until the buyer's invoice"),
        "rent": _("Rent"),
        "service": _("Services and single charges"),
        "interim": _("Interim rent and holdover"),
        "damage": _("Damage, loss and early return"),
        "discounts": _("Discounts and surcharges"),
        "interest": _("Interest on leases"),
        "selling_profit": _("Sales of leased equipment"),
        "gain": _("Gain and loss on disposals"),
        "depreciation": _("Depreciation"),
        "impairment": _("Impairment and revaluation"),
        "cost_of_sales": _("Cost of leased equipment sold"),
        "funder_interest": _("Interest to funders"),
        "prepayments": _("Customers' credit"),
        "refunds": _("Refunds on their way"),
        "provider": _("Money with payment providers"),
        "payment_fees": _("Fees of banks and providers"),
        "goodwill": _("Goodwill to customers"),
        "late_fees": _("Late fees"),
        "bad_debt": _("Losses on receivables"),
        "exchange_gain": _("Exchange gains"),
        "exchange_loss": _("Exchange losses"),
        "conversion": _("Conversion of foreign money"),
        "rounding": _("Rounding differences"),
    }


def report_words() -> dict[str, str]:
    """The reports by name, in the order of the menu."""
    return {
        "trial_balance": _("Trial balance"),
        "asset_cost": _("Assets at cost"),
        "asset_depreciation": _("Accumulated depreciation"),
        "deferred_rent": _("Deferred rent"),
        "net_investment": _("Net investment"),
        "receivables": _("Receivables"),
        "exchange_differences": _("Exchange differences"),
    }


def converted_words() -> list[tuple[str, str]]:
    """By which day's rate a balance is told in the partner's currency."""
    return [
        ("posting_day", _("Converted by each day's rate")),
        ("last_day", _("Converted by the last day's rate")),
    ]


def column_words() -> dict[str, str]:
    """The columns of the roll-forwards."""
    return {
        "additions": _("Additions"),
        "depreciation": _("Depreciation"),
        "impairments": _("Impairments"),
        "disposals": _("Disposals"),
        "leased_out": _("Leased out for good"),
        "billed": _("Billed"),
        "earned": _("Earned"),
        "interest": _("Interest"),
        "received": _("Received"),
        "ended": _("Ended"),
        "other": _("Other"),
    }


def group_words(by: str) -> str:
    """What the rows of a roll-forward are."""
    words = {"asset_class": _("Class"), "lease_id": _("Lease"), "client_id": _("Client")}
    return str(words[by])


def month_text(value: Any) -> str:
    """June 2026, as the viewer's language writes it."""
    return str(format_date(value, "LLLL y"))
