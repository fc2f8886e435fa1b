"""HTML forms of invoicing: what people type, before it is an operation's argument."""

from __future__ import annotations

import marshmallow as ma

from haas.rest.fields import Amount, Day, one_of, row_id, text
from haas.rest.openapi import Request
from invoicing.credit_reasons import CREDIT_REASONS
from invoicing.document_parts import TAX_CATEGORIES
from invoicing.money.schemas import METHODS
from invoicing.rates import CLASSES
from invoicing.schemas import CreditLine

PREVIEW, CONFIRM = "preview", "confirm"


class Stepped(Request):
    """A form that is shown back as a preview before it is done."""

    step = one_of(PREVIEW, CONFIRM, load_default=PREVIEW)


class CreditForm(Stepped):
    """A credit note: of all that is left, or line by line."""

    scope = one_of("all", "lines", load_default="all")
    reason_code = one_of(*CREDIT_REASONS, required=True)
    reason = text(300, load_default="")
    lines = ma.fields.List(ma.fields.Nested(CreditLine), load_default=list)
    excess = one_of("credit", "refund", load_default="credit")


class PaymentForm(Stepped):
    """Money that came in."""

    amount = Amount(required=True)
    received_on = Day(required=True)
    method = one_of(*METHODS, load_default="transfer")
    reference = text(140, least=1, required=True)
    excess = one_of("refuse", "credit", load_default="refuse")
    takes_discount = ma.fields.Boolean(load_default=False)  # the tick that grants what the preview shows


class RunForm(Request):
    """Bill as of a day."""

    as_of = Day(required=True)


class SendingForm(Request):
    """Whether new documents wait until somebody sends them."""

    held = ma.fields.Boolean(load_default=False)


class TaxRateForm(Request):
    """A rate from a day on."""

    country = text(2, least=2, required=True)
    region = text(40, load_default="")
    category = one_of(*TAX_CATEGORIES, required=True)
    tax_class = one_of(*CLASSES, load_default="standard")
    rate_pct = Amount(required=True)
    name = text(60, least=1, required=True)
    valid_from = Day(required=True)


class FileForm(Request):
    """A file that was uploaded before, and why its clients may go beyond their credit limits."""

    file_id = row_id(required=True)
    over_limit_reason = text(300, load_default="")
