"""What the bank's states, reasons and categories are called."""

from __future__ import annotations

from flask_babel import gettext as _

from invoicing.bank.matching import Reason
from invoicing.bank.models import BOOKED, IGNORED, OPEN


def state_words() -> dict[str, str]:
    """The states of a line."""
    return {OPEN: _("To match"), BOOKED: _("Booked"), IGNORED: _("Set aside")}


def reason_words() -> dict[str, str]:
    """What speaks for a suggestion, as people say it."""
    return {
        Reason.REFERENCE: _("the reference matches, check digits too"),
        Reason.NUMBER: _("the invoice number is named"),
        Reason.DIGITS: _("year and number are named"),
        Reason.AMOUNT: _("exactly what is open"),
        Reason.SUM: _("exactly what is open of several"),
        Reason.DISCOUNT: _("paid with early-payment discount"),
        Reason.FEES: _("a little less: perhaps a bank's fee"),
        Reason.PART: _("less than is open"),
        Reason.OVER: _("more than is open: the rest is credit"),
        Reason.OLDEST: _("nothing is named: the oldest first"),
        Reason.IBAN: _("this account paid for the client before"),
        Reason.KNOWN_NAME: _("this name paid for the client before"),
        Reason.MANDATE: _("the client's mandate"),
        Reason.NAME: _("the name is much like the client's"),
    }


def category_words() -> dict[str, str]:
    """Why a line is no client's money."""
    return {
        "own_transfer": _("Transfer between own accounts"),
        "fee": _("Bank fee"),
        "payout": _("Payout of a payment provider"),
        "refund": _("Refund to a client"),
        "purchase": _("Purchase or other cost"),
        "other": _("Something else"),
    }


def field_words() -> dict[str, str]:
    """The columns of a CSV."""
    return {
        "booked_on": _("Booking day"),
        "value_on": _("Value day"),
        "amount": _("Amount"),
        "credit": _("Came in"),
        "debit": _("Went out"),
        "sign": _("Debit or credit mark"),
        "currency": _("Currency"),
        "counterparty_name": _("Name of the other side"),
        "counterparty_iban": _("Account of the other side"),
        "reference": _("Reference"),
        "end_to_end_id": _("End-to-end reference"),
        "mandate": _("Mandate"),
        "text": _("Text"),
        "bank_id": _("The bank's own id"),
        "balance": _("Running balance"),
    }
