"""What to do about what a document lacks for an e-invoice, in the reader's language."""

from __future__ import annotations

from collections.abc import Iterable

from flask_babel import gettext as _

from haas.errors import InvalidInput
from invoicing.einvoice.missing import Lack


class NotAnEInvoice(InvalidInput):
    """The document lacks what this kind of e-invoice must have; `fields` names each business term."""

    code = "e_invoice_incomplete"


def refusal(number: str, lacks: Iterable[Lack]) -> NotAnEInvoice:
    """The answer to who asks for a file that would not be valid: each term with its remedy."""
    fields: dict[str, dict[str, None]] = {}  # two rules may want the same term: it is said once
    for lack in lacks:
        fields.setdefault(lack.term or lack.name, {})[remedy(lack)] = None
    said = " ".join(text for texts in fields.values() for text in texts)
    return NotAnEInvoice(
        _("%(number)s cannot be an e-invoice. %(said)s", number=number, said=said),
        fields={term: list(texts) for term, texts in fields.items()},
    )


def remedy(lack: Lack) -> str:
    """What is missing and where it is filled in, for the documents to come."""
    remedies: dict[str, str] = {
        "schema": _("It was issued before e-invoices; the next document will be one."),
        "kind": _("A pro-forma is no invoice."),
        "seller_country": _("Your company has no country: settings, company."),
        "buyer_country": _("The client has no country: the client's details."),
        "seller_identity": _(
            "Your company has neither a register number nor a VAT number: settings, company."
        ),
        "seller_tax_id": _("Your company has no VAT number or tax number: settings, company."),
        "buyer_tax_id": _("The client has no VAT number: the client's tax details."),
        "delivery_country": _("It names no place of delivery: give the lease a site with a country."),
        "tax_category": _("It states no tax category."),
        "one_scope": _("What is not subject to tax cannot stand beside what is: bill it by itself."),
        "standard_rate": _("The standard rate cannot be zero: give the tax rate another category."),
        "currency_digits": _("E-invoices have two decimals; this currency has three."),
        "due": _("It has no due date and no terms of payment: settings, billing."),
        "seller_endpoint": _("Your company has no electronic address: settings, company."),
        "buyer_endpoint": _("The client has no electronic address: the client's tax details."),
        "buyer_reference": _("It has no buyer reference and no order: the client's tax details."),
        "mandate": _("The direct debit names no mandate: the client's ways to pay."),
        "payment_means": _("It names no bank account: settings, company."),
        "seller_contact": _("Your company has no contact with telephone and e-mail: settings, company."),
        "seller_place": _("Your company has no postcode and city: settings, company."),
        "buyer_place": _("The client has no postcode and city: the client's details."),
    }
    return remedies[lack.name]
