"""Shapes of the accounts' API: clients, sites, tokens, the caller, the audit trail."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import marshmallow as ma

from haas.rest.fields import Amount, Day, Signed, one_of, text
from haas.rest.openapi import Paged, Request
from haas.tenancy.models import TAX_TREATMENTS, Client
from haas.tenancy.payment_terms import DISCOUNT_PCT_MAX, TermsKind


def lines(**options: Any) -> ma.fields.List[str]:
    """Up to eight lines as printed."""
    return ma.fields.List(text(120), validate=ma.validate.Length(max=8), **options)


class Listed(Paged):
    """Query parameters of a list with a search."""

    q = text(200, load_default="", metadata={"description": "part of the name or number"})


class ClientListed(Listed):
    """Query parameters of the clients."""

    archived = ma.fields.Boolean(load_default=False)


class SiteListed(Paged):
    """Query parameters of the sites."""

    client_id = text(40)
    archived = ma.fields.Boolean(load_default=False)


TREATMENT = {
    "description": "reverse_charge, exempt (by the certificate), outside (of the tax's scope);"
    " empty: as its place and status say"
}


TERMS_KIND = {
    "description": "what the days count from: days (the issue), end_of_month,"
    " day_of_next_month (then the number is that day)"
}
DISCOUNT = {"description": "per cent off for early payment; null: as the partner has it, 0: none"}


class ClientResource(ma.Schema):
    """A partner's customer."""

    id = ma.fields.String()
    number = ma.fields.String()
    name = ma.fields.String()
    legal_name = ma.fields.String()
    email = ma.fields.String()
    phone = ma.fields.String()
    address = ma.fields.List(ma.fields.String())
    country = ma.fields.String()
    postcode = ma.fields.String()
    city = ma.fields.String()
    region = ma.fields.String()
    tax_id = ma.fields.String()
    tax_id_checked_on = ma.fields.Date(
        allow_none=True, metadata={"description": "when form and check digits were found right"}
    )
    tax_treatment = ma.fields.String(metadata=TREATMENT)
    exemption_number = ma.fields.String()
    exemption_valid_until = ma.fields.Date(allow_none=True, metadata={"description": "exclusive"})
    exemption_text = ma.fields.String()
    legal_id = ma.fields.String()
    buyer_reference = ma.fields.String()
    endpoint_scheme = ma.fields.String(metadata={"description": "EAS"})
    endpoint_id = ma.fields.String()
    prices_include_tax = ma.fields.Boolean()
    wants_ubl = ma.fields.Boolean(metadata={"description": "mail the UBL file beside the PDF"})
    currency = ma.fields.String()
    language = ma.fields.String()
    time_zone = ma.fields.String()
    payment_terms_kind = ma.fields.String(allow_none=True, metadata=TERMS_KIND)
    payment_terms_days = ma.fields.Integer(
        allow_none=True, metadata={"description": "null: as the lease's agreement or the partner has them"}
    )
    early_discount_days = ma.fields.Integer(allow_none=True)
    early_discount_pct = Amount(allow_none=True, metadata=DISCOUNT)
    second_discount_days = ma.fields.Integer(allow_none=True)
    second_discount_pct = Amount(allow_none=True)
    credit_limit = Amount(allow_none=True)
    purchase_order = ma.fields.String()
    wants_statements = ma.fields.Boolean(
        metadata={"description": "a statement of account by mail each month"}
    )
    created_at = ma.fields.AwareDateTime()
    archived_at = ma.fields.AwareDateTime(allow_none=True)


class ExposureResource(ma.Schema):
    """What a client owes or is bound to owe, with tax, in its currency."""

    currency = ma.fields.String()
    limit = Signed(allow_none=True)
    invoices = Signed(metadata={"description": "open"})
    rent = Signed(metadata={"description": "of periods that have begun or fell due, not billed"})
    charges = Signed(metadata={"description": "by hand, not billed"})
    accepted = Signed(metadata={"description": "of accepted leases whose rent has not begun"})
    credit = Signed(metadata={"description": "below 0: what the client has to its credit"})
    total = Signed()
    left = Signed(allow_none=True, metadata={"description": "of the limit; negative: it is passed"})
    is_over = ma.fields.Boolean()
    unrated = ma.fields.List(
        ma.fields.String(), metadata={"description": "currencies without an exchange rate: in no sum"}
    )


@dataclass(frozen=True, slots=True)
class ClientDetail:
    """A client with what the rooms above tell of it."""

    client: Client
    exposure: Any


class ClientDetailResource(ClientResource):
    """The same, with what it owes against its limit."""

    exposure = ma.fields.Nested(ExposureResource, allow_none=True)

    def get_attribute(self, obj: ClientDetail, attr: str, default: Any) -> Any:
        """All but the exposure is the client's own."""
        return super().get_attribute(obj if attr == "exposure" else obj.client, attr, default)


class ClientChange(Request):
    """What of a client may be changed; fields that are left out stay."""

    number = text(20, least=1)
    name = text(120, least=1)
    legal_name = text(160, least=1)
    email = text(254, least=3)
    phone = text(40)
    address = lines()
    country = text(2, least=2)
    postcode = text(16)
    city = text(80)
    region = text(40)
    tax_id = text(40)
    tax_treatment = one_of(*TAX_TREATMENTS, metadata=TREATMENT)
    exemption_number = text(60)
    exemption_valid_until = Day(allow_none=True, metadata={"description": "exclusive"})
    exemption_text = text(300)
    legal_id = text(40)
    buyer_reference = text(100)
    endpoint_scheme = text(4)
    endpoint_id = text(120)
    prices_include_tax = ma.fields.Boolean()
    wants_ubl = ma.fields.Boolean(metadata={"description": "mail the UBL file beside the PDF"})
    currency = text(3, least=3)
    language = text(2, least=2)
    time_zone = text(64, least=1)
    payment_terms_kind = one_of(*TermsKind, allow_none=True, metadata=TERMS_KIND)
    payment_terms_days = ma.fields.Integer(allow_none=True, validate=ma.validate.Range(0, 365))
    early_discount_days = ma.fields.Integer(allow_none=True, validate=ma.validate.Range(0, 365))
    early_discount_pct = Amount(places=2, most=DISCOUNT_PCT_MAX, allow_none=True, metadata=DISCOUNT)
    second_discount_days = ma.fields.Integer(allow_none=True, validate=ma.validate.Range(0, 365))
    second_discount_pct = Amount(places=2, most=DISCOUNT_PCT_MAX, allow_none=True)
    credit_limit = Amount(allow_none=True)
    purchase_order = text(60)
    wants_statements = ma.fields.Boolean()


class ClientRequest(ClientChange):
    """A new client; what is left out is as the partner has it."""

    name = text(120, least=1, required=True)
    email = text(254, least=3, required=True)


class SiteResource(ma.Schema):
    """A place of a client."""

    id = ma.fields.String()
    client_id = ma.fields.String()
    name = ma.fields.String()
    address = ma.fields.List(ma.fields.String())
    country = ma.fields.String()
    contact = ma.fields.String()
    time_zone = ma.fields.String()
    created_at = ma.fields.AwareDateTime()
    archived_at = ma.fields.AwareDateTime(allow_none=True)


class SiteChange(Request):
    """What of a site may be changed; fields that are left out stay."""

    name = text(120, least=1)
    address = lines()
    country = text(2, least=2)
    contact = text(160)
    time_zone = text(64, least=1)


class SiteRequest(SiteChange):
    """A new site; what is left out is as the client has it."""

    client_id = text(40, least=1, required=True)
    name = text(120, least=1, required=True)


class TokenResource(ma.Schema):
    """An API token, without the token."""

    id = ma.fields.String()
    name = ma.fields.String()
    last_four = ma.fields.String()
    scopes = ma.fields.List(ma.fields.String())
    created_by = ma.fields.String()
    created_at = ma.fields.AwareDateTime()
    expires_at = ma.fields.AwareDateTime()
    last_used_at = ma.fields.AwareDateTime(allow_none=True)
    revoked_at = ma.fields.AwareDateTime(allow_none=True)


class PartnerResource(ma.Schema):
    """The partner whose rows the caller sees."""

    id = ma.fields.String()
    name = ma.fields.String()
    currency = ma.fields.String()
    language = ma.fields.String()
    time_zone = ma.fields.String()


class UserResource(ma.Schema):
    """A person."""

    id = ma.fields.String()
    name = ma.fields.String()
    email = ma.fields.String()
    level = ma.fields.String()
    role = ma.fields.String()
    client_id = ma.fields.String(allow_none=True)


class MeResource(ma.Schema):
    """Who calls, for whom, and what they may do."""

    user = ma.fields.Nested(UserResource)
    partner = ma.fields.Nested(PartnerResource)
    permissions = ma.fields.List(ma.fields.String())
    token_id = ma.fields.String(allow_none=True)


class AuditListed(Paged):
    """Query parameters of the audit trail."""

    subject = text(80, load_default="", metadata={"description": "the table, such as `asset`"})
    subject_id = text(80, load_default="")
    actor = text(80, load_default="")
    action = text(40, load_default="")
    from_day = ma.fields.Date(load_default=None)
    to_day = ma.fields.Date(load_default=None, metadata={"description": "the last day included"})


class AuditEntryResource(ma.Schema):
    """One change of one row, or one act worth remembering."""

    id = ma.fields.Integer()
    at = ma.fields.AwareDateTime()
    actor = ma.fields.String()
    door = ma.fields.String()
    request_id = ma.fields.String()
    action = ma.fields.String()
    subject = ma.fields.String()
    subject_id = ma.fields.String()
    before = ma.fields.Dict(allow_none=True)
    after = ma.fields.Dict(allow_none=True)


class ChainResource(ma.Schema):
    """What a check of the audit chain found."""

    links = ma.fields.Integer()
    broken_at = ma.fields.Integer(allow_none=True, metadata={"description": "first link that does not hold"})
    head = ma.fields.String(metadata={"description": "hash of the newest link"})
