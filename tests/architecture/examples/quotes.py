"""Examples of the changing routes of quotes, terms of contract and purchase needs."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

from sqlalchemy.orm import Session

from haas.tenancy.scope import scoped
from leases.quotes import links, queries, staging
from leases.quotes.models import PurchaseNeed
from tests.architecture.examples import Example
from tests.cast import PEPPER, Cast
from tests.leases.fleet import a_model, a_spare
from tests.leases.offers import a_draft_quote, a_sent_quote, accepted_quote, option_named

AT = datetime(2026, 6, 15, 15, 0, tzinfo=UTC)
OPTION = {"title": "48 months", "term_months": 48}
LINE = {"kind": "service", "description": "Care pack", "unit_price": "5.00", "quantity": "2"}


def a_draft(session: Session, cast: Cast) -> Mapping[str, str]:
    """A draft with two options and their lines."""
    quote = a_draft_quote(session, cast.tenant, client_id=cast.acme.id, at=AT)
    first = queries.options_of(session, cast.tenant, quote_id=quote.id)[0]
    return {
        "quote_id": quote.id,
        "option_id": first.option.id,
        "offered_line_id": first.lines[0].id,
        "model_id": first.lines[0].model_id or "",
    }


def sent(session: Session, cast: Cast) -> Mapping[str, str]:
    """A quote in Acme's hands, with its link."""
    quote = a_sent_quote(session, cast.tenant, client_id=cast.acme.id, at=AT)
    return {
        "quote_id": quote.id,
        "option_id": option_named(quote),
        "document": quote.document_sha256 or "",
        "secret": links.make_link(session, cast.tenant, quote=quote, pepper=PEPPER, now=AT),
    }


def lacking(session: Session, cast: Cast) -> Mapping[str, str]:
    """Two laptops that a lease lacks, and one that came since."""
    made = accepted_quote(session, cast.tenant, client_id=cast.acme.id, at=AT)
    staging.stage(session, cast.tenant, quote_id=made.quote_id, at=AT)
    need = session.scalars(scoped(PurchaseNeed, cast.tenant)).one()
    a_spare(session, cast.tenant, model=a_model(session, cast.tenant, at=AT), at=AT)
    return {"need_id": need.id}


def signature(_cast: Cast, values: Mapping[str, str]) -> dict[str, Any]:
    """What the API wants of a signer."""
    return {
        "option_id": values["option_id"],
        "signer_name": "Ada Client",
        "agreed": True,
        "document_sha256": values["document"],
    }


def signed(_cast: Cast, values: Mapping[str, str]) -> dict[str, str]:
    """The same as a form."""
    return {"signer_name": "Ada Client", "agreed": "1", "document_sha256": values["document"]}


OPTION_FORM = {
    "title": "48 months",
    "commercial_model": "term",
    "term_months": "48",
    "timing": "advance",
    "interval_months": "1",
    "anchor_day": "1",
    "end_option": "return",
    "early_return_pct": "0",
}
LINE_FORM = {"kind": "service", "description": "Care pack", "unit_price": "5.00", "quantity": "2"}
QUESTION = {"text": "In grey?", "asked_by": "Ada"}
TERMS = {"version": "2027-01", "body": "Rent is due.", "confirmed": "1"}

EXAMPLES: dict[str, Example | list[Example]] = {
    "quotes_api.create_quote": Example(json=lambda cast, _: {"client_id": cast.acme.id}, user="sam"),
    "quotes_api.edit_quote": Example(prepare=a_draft, json={"title": "Laptops and more"}, user="sam"),
    "quotes_api.add_option": Example(prepare=a_draft, json=OPTION, user="sam"),
    "quotes_api.edit_option": Example(prepare=a_draft, json={"term_months": 24}, user="sam"),
    "quotes_api.remove_option": Example(prepare=a_draft, user="sam"),
    "quotes_api.copy_option": Example(prepare=a_draft, json={"title": "The same"}, user="sam"),
    "quotes_api.add_line": Example(prepare=a_draft, json=LINE, user="sam"),
    "quotes_api.remove_line": Example(prepare=a_draft, user="sam"),
    "quotes_api.send": Example(prepare=a_draft, json={"valid_until": "2099-01-31"}, user="sam"),
    "quotes_api.send_again": Example(
        prepare=sent,
        user="sam",
        audited=False,
        unaudited_because="only asks for a mail: the link that the job makes is audited",
    ),
    "quotes_api.withdraw": Example(prepare=sent, json={"reason": "Prices rose"}, user="sam"),
    "quotes_api.duplicate": Example(prepare=sent, user="sam"),
    "quotes_api.revise": Example(prepare=sent, user="sam"),
    "quotes_api.accept": [
        Example(prepare=sent, json=signature, user="ada"),
        Example(prepare=sent, json=signature, user="sam"),
    ],
    "quotes_api.decline": Example(prepare=sent, json={"reason": "Too late"}, user="ada"),
    "quotes_api.ask": Example(prepare=sent, json={"text": "In grey?"}, user="ada"),
    "terms_api.publish_terms": Example(
        json={"version": "2027-01", "body": "Rent is due."},
        cleo=201,
        cleo_because="the address names no row: everybody publishes terms of their own",
    ),
    "purchase_needs_api.order": Example(prepare=lacking, json={"reference": "PO-1"}, user="sam"),
    "purchase_needs_api.cancel": Example(prepare=lacking, user="sam"),
    "purchase_needs_api.reserve": Example(prepare=lacking, user="sam"),
    "quotes.new": Example(
        method="POST", form=lambda cast, _: {"client_id": cast.acme.id, "title": "Laptops"}, user="sam"
    ),
    "quotes.edit": Example(prepare=a_draft, form={"title": "Laptops and more"}, user="sam"),
    "quotes.new_option": Example(prepare=a_draft, form=OPTION_FORM, user="sam"),
    "quotes.edit_option": Example(prepare=a_draft, form=OPTION_FORM, user="sam"),
    "quotes.remove_option": Example(prepare=a_draft, user="sam"),
    "quotes.copy_option": Example(prepare=a_draft, user="sam"),
    "quotes.lines": Example(prepare=a_draft, form=LINE_FORM, user="sam"),
    "quotes.remove_line": Example(prepare=a_draft, user="sam"),
    "quotes.send": Example(prepare=a_draft, form={"valid_until": "2099-01-31"}, user="sam"),
    "quotes.send_again": Example(
        prepare=sent,
        user="sam",
        audited=False,
        unaudited_because="only asks for a mail: the link that the job makes is audited",
    ),
    "quotes.withdraw": Example(prepare=sent, form={"reason": "Prices rose"}, user="sam"),
    "quotes.duplicate": Example(prepare=sent, user="sam"),
    "quotes.revise": Example(prepare=sent, user="sam"),
    "quotes.accept": [
        Example(prepare=sent, form=signed, user="ada"),
        Example(prepare=sent, form=signed, user="sam"),
    ],
    "quotes.decline": Example(prepare=sent, form={"reason": "Too late"}, user="ada"),
    "quotes.ask": Example(prepare=sent, form=QUESTION, user="ada"),
    "quote_links.accept": Example(prepare=sent, form=signed, user="nobody"),
    "quote_links.decline": Example(prepare=sent, form={"reason": "Too late"}, user="nobody"),
    "quote_links.ask": Example(prepare=sent, form=QUESTION, user="nobody"),
    "terms.new": Example(
        form=TERMS,
        cleo=303,
        cleo_because="the address names no row: everybody publishes terms of their own",
    ),
    "purchase_needs.order": Example(prepare=lacking, form={"reference": "PO-1"}, user="sam"),
    "purchase_needs.cancel": Example(prepare=lacking, user="sam"),
    "purchase_needs.reserve": Example(prepare=lacking, user="sam"),
}
