"""What people read of reminders and disputes."""

from __future__ import annotations

from flask_babel import gettext as _

from invoicing.dunning.outstanding import DsoMethod


def reason_words() -> dict[str, str]:
    """Why an invoice is disputed."""
    return {
        "not_received": _("We did not receive it"),
        "wrong_amount": _("The amount is wrong"),
        "wrong_device": _("It is about another device"),
        "faulty": _("The device is faulty"),
        "ended": _("The lease has ended"),
        "paid": _("We have paid it"),
        "other": _("Something else"),
    }


def decision_words() -> dict[str, str]:
    """What may be decided."""
    return {
        "accepted": _("Accept: credit all that is left"),
        "partly": _("Accept in part: credit the amounts below"),
        "rejected": _("Reject: the invoice stays as it is"),
    }


def pause_words() -> dict[str, str]:
    """Why a client is left alone."""
    return {"promise": _("Payment is promised"), "by_hand": _("Pause by hand")}


def limit_words() -> dict[str, str]:
    """What happens beyond a credit limit."""
    return {"allow": _("Nothing"), "warn": _("Warn"), "block": _("Refuse")}


def tax_words() -> dict[str, str]:
    """How fees are taxed."""
    return {"O": _("Outside the scope of tax"), "S": _("Taxed like rent")}


def source_words() -> dict[str, str]:
    """Who says what a currency is worth."""
    return {"ecb": _("European Central Bank"), "manual": _("by hand"), "import": _("a file")}


def why_words() -> dict[str, str]:
    """Why money is to come."""
    return {
        "invoice": _("Open invoices, as each client uses to pay"),
        "disputed": _("Disputed invoices"),
        "promise": _("Promised"),
        "direct_debit": _("Direct debits under way"),
        "rent": _("Rent to be billed, as agreed"),
        "charge": _("Charges to be billed"),
    }


def dso_words() -> dict[str, str]:
    """How days sales outstanding are reckoned."""
    return {
        DsoMethod.SIMPLE: _("Open ÷ billed × days"),
        DsoMethod.COUNT_BACK: _("Count-back by months"),
    }
