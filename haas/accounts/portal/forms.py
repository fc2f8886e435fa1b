"""What the account pages' forms hold; an unknown field is an error."""

from __future__ import annotations

import marshmallow as ma

from haas.auth.permissions import ROLE_NAMES
from haas.rest.fields import Amount, Day, one_of, text
from haas.rest.openapi import Request
from haas.tenancy.models import TAX_TREATMENTS
from haas.tenancy.payment_terms import DISCOUNT_PCT_MAX, TermsKind

LONG = 256  # passwords


class SignIn(Request):
    """Address and password."""

    email = text(254, required=True)
    password = text(1024, required=True)
    next = text(2000, load_default="")
    at = text(40, load_default="")


class Choice(Request):
    """Which of several accounts with the same address."""

    email = text(254, required=True)
    choice = text(4000, required=True)
    user_id = text(40, required=True)
    next = text(2000, load_default="")


class Code(Request):
    """A code of the authenticator app, or a recovery code."""

    code = text(40, required=True)
    next = text(2000, load_default="")


class Credential(Request):
    """What an authenticator answered, as JSON."""

    credential = text(20_000, required=True)
    next = text(2000, load_default="")


class NewPasskey(Request):
    """A new passkey and what to call it."""

    credential = text(20_000, required=True)
    name = text(60, required=True)


class Named(Request):
    """A name."""

    name = text(60, required=True)


class Forgotten(Request):
    """Whose password is forgotten."""

    email = text(254, required=True)


class NewPassword(Request):
    """A password, typed twice."""

    password = text(LONG, required=True)
    password_again = text(LONG, required=True)

    @ma.validates_schema
    def agree(self, data: dict[str, str], **_: object) -> None:
        """Both are the same."""
        if data.get("password") != data.get("password_again"):
            raise ma.ValidationError("The two passwords differ.", "password_again")


class ChangePassword(NewPassword):
    """The present password and a new one."""

    current_password = text(1024, required=True)


class Confirm(Request):
    """The password again."""

    password = text(1024, required=True)
    next = text(2000, load_default="")


class Profile(Request):
    """What a person sets for themselves."""

    name = text(120, required=True)
    language = text(2, required=True)
    time_zone = text(64, required=True)


class Invitation(Request):
    """Whom to invite, as what."""

    name = text(120, required=True)
    email = text(254, required=True)
    role = ma.fields.String(required=True, validate=ma.validate.OneOf(list(ROLE_NAMES)))


class Role(Request):
    """A role."""

    role = ma.fields.String(required=True, validate=ma.validate.OneOf(list(ROLE_NAMES)))


class NewToken(Request):
    """A new API token."""

    name = text(80, required=True)
    scopes = ma.fields.List(text(60), required=True, validate=ma.validate.Length(1, 200))
    lasts_days = ma.fields.Integer(required=True)


class BrandingForm(Request):
    """What paper, mail and portal look like; lines are lines of a text."""

    display_name = text(160, required=True)
    legal_name = text(160, required=True)
    address_lines = text(1000, load_default="")
    accent_colour = text(7, required=True)
    footer_lines = text(1000, load_default="")
    payment_lines = text(1000, load_default="")
    website = text(200, load_default="")
    support_contact = text(160, load_default="")
    sender_name = text(160, load_default="")
    sender_email = text(254, load_default="")
    page_size = text(6, required=True)
    logo = ma.fields.Raw(load_default=None)
    remove_logo = ma.fields.Boolean(load_default=False)


def _days() -> ma.fields.Integer:
    return ma.fields.Integer(load_default=None, allow_none=True, validate=ma.validate.Range(0, 365))


def _pct() -> Amount:
    return Amount(places=2, most=DISCOUNT_PCT_MAX, load_default=None, allow_none=True)


class DiscountsForm(Request):
    """Up to two discounts for early payment; empty is none of its own."""

    early_discount_days = _days()
    early_discount_pct = _pct()
    second_discount_days = _days()
    second_discount_pct = _pct()


class SettingsForm(DiscountsForm):
    """A partner's own settings."""

    name = text(120, required=True)
    legal_name = text(160, required=True)
    language = text(2, required=True)
    time_zone = text(64, required=True)
    currency = text(3, required=True)
    currency_policy = text(20, required=True)
    payment_terms_kind = one_of(*TermsKind, load_default=TermsKind.DAYS.value)
    payment_terms_days = ma.fields.Integer(required=True)


class AccountForm(Request):
    """One bank account; a row without number is none."""

    currency = text(3, load_default="")
    holder = text(140, load_default="")
    iban = text(42, load_default="")
    bic = text(14, load_default="")
    account_number = text(40, load_default="")
    bank_code = text(40, load_default="")


class CompanyForm(Request):
    """A partner's company details."""

    legal_name = text(160, required=True)
    address = text(1000, load_default="")
    postcode = text(16, load_default="")
    city = text(80, load_default="")
    region = text(40, load_default="")
    country = text(2, required=True)
    tax_id = text(40, load_default="")
    tax_registration = text(40, load_default="")
    legal_id = text(40, load_default="")
    tax_currency = text(3, load_default="")
    damages = text(10, required=True)
    contact_name = text(120, load_default="")
    phone = text(40, load_default="")
    email = text(254, load_default="")
    endpoint_scheme = text(4, load_default="")
    endpoint_id = text(120, load_default="")
    creditor_id = text(42, load_default="")
    accounts = ma.fields.List(ma.fields.Nested(AccountForm), load_default=list)


class ClientForm(DiscountsForm):
    """A client's facts; empty ones are as the partner has them."""

    name = text(120, required=True)
    number = text(20, load_default="")
    legal_name = text(160, load_default="")
    email = text(254, required=True)
    phone = text(40, load_default="")
    address = text(1000, load_default="")
    country = text(2, required=True)
    postcode = text(16, load_default="")
    city = text(80, load_default="")
    region = text(40, load_default="")
    tax_id = text(40, load_default="")
    tax_treatment = one_of(*TAX_TREATMENTS, load_default="")
    exemption_number = text(60, load_default="")
    exemption_valid_until = Day(load_default=None, allow_none=True)
    exemption_text = text(300, load_default="")
    legal_id = text(40, load_default="")
    buyer_reference = text(100, load_default="")
    endpoint_scheme = text(4, load_default="")
    endpoint_id = text(120, load_default="")
    prices_include_tax = ma.fields.Boolean(load_default=False)
    wants_ubl = ma.fields.Boolean(load_default=False)
    currency = text(3, required=True)
    language = text(2, required=True)
    time_zone = text(64, required=True)
    payment_terms_kind = one_of(*TermsKind, load_default=None, allow_none=True)
    payment_terms_days = ma.fields.Integer(
        load_default=None, allow_none=True, validate=ma.validate.Range(0, 365)
    )
    credit_limit = Amount(load_default=None, allow_none=True)
    purchase_order = text(60, load_default="")
    wants_statements = ma.fields.Boolean(load_default=False)


class SiteForm(Request):
    """A site's facts."""

    name = text(120, required=True)
    address = text(1000, load_default="")
    country = text(2, required=True)
    contact = text(160, load_default="")
    time_zone = text(64, required=True)


class PartnerForm(Request):
    """A new partner and its first owner."""

    name = text(120, required=True)
    legal_name = text(160, required=True)
    slug = text(40, load_default="")
    country = text(2, required=True)
    currency = text(3, required=True)
    language = text(2, required=True)
    time_zone = text(64, required=True)
    owner_name = text(120, required=True)
    owner_email = text(254, required=True)


class Enter(Request):
    """Why an operator enters a partner."""

    reason = text(300, required=True)
