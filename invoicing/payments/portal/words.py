"""What people read of payments."""

from __future__ import annotations

from flask_babel import gettext as _

from invoicing.payments.models import PaymentAttempt, PaymentMethod


def provider_words() -> dict[str, str]:
    """Providers by name."""
    return {"stripe": "Stripe", "local": _("Test provider")}


def reason_words(reason: str) -> str:
    """A provider's word for a decline, in ours where it is a frequent one."""
    known = {
        "insufficient_funds": _("not enough money in the account"),
        "stolen_card": _("the card was reported stolen"),
        "lost_card": _("the card was reported lost"),
        "expired_card": _("the card has expired"),
        "authentication_required": _("the bank wants its owner to confirm"),
        "debit_returned": _("the bank returned the debit"),
        "refused": _("the provider refused the request"),
        "never_arrived": _("it never reached the provider"),
        "settled_otherwise": _("the invoice was paid in another way before"),
        "expired": _("nobody paid on the page"),
    }
    return str(known.get(reason, reason.replace("_", " ")))


def method_words(method: PaymentMethod) -> str:
    """A means of payment in a line."""
    kind = {"card": _("Card"), "sepa_debit": _("SEPA direct debit")}.get(method.kind, method.kind)
    brand = method.brand if method.kind == "card" else kind
    return f"{brand} ···· {method.last_four}" if method.last_four else brand


def attempt_words(attempt: PaymentAttempt) -> str:
    """What was attempted."""
    return str(_("Payment page") if attempt.kind == "checkout" else _("Charge"))
