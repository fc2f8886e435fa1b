"""The words of a lease's end: options, methods, states of a buyout, what waits for a person."""

from __future__ import annotations

from typing import Any

from flask_babel import lazy_gettext as _l

OPTIONS: dict[str, Any] = {
    "return": _l("Return"),
    "renew": _l("Renew"),
    "refresh": _l("Exchange for a new model"),
    "buy": _l("Buy"),
}
METHODS: dict[str, Any] = {
    "fmv": _l("Fair market value by our curve"),
    "appraisal": _l("Fair market value as appraised"),
    "fixed_pct": _l("A percent of its cost"),
    "nominal": _l("A token"),
    "book_plus": _l("Book value and a margin"),
}
TITLE: dict[str, Any] = {
    "on_payment": _l("When the invoice is paid"),
    "on_issue": _l("When the invoice is issued"),
}
LOSS_BASES: dict[str, Any] = {
    "computed": _l("Rents ahead and residual value, discounted"),
    "curve": _l("A percent of cost by month"),
}
WARNINGS: dict[str, Any] = {
    "not_a_true_lease": _l("At a token price this was no true lease: under UCC 1-203 it secures a sale."),
    "sales_type": _l(
        "Whoever may buy for a token surely will: under ASC 842 the lease is a sales-type lease."
    ),
}
WAITING: dict[str, Any] = {
    "moved": _l("A device does not stand on its line any more: choose again for it."),
    "refresh": _l("For an exchange, swap the device for its new model once it is on the shelf."),
    "undecided": _l("The lease is renewed once it is decided what becomes of every device on it."),
}
