"""A partner's company details: read, and edited with every number checked."""

from __future__ import annotations

from typing import Any

from sqlalchemy.orm import Session

from haas.accounts import checks, registered_numbers
from haas.accounts.people import check_email
from haas.errors import InvalidInput
from haas.tenancy.company import COMPANY_ID, Company
from haas.tenancy.models import Partner
from haas.tenancy.partners import lock_partner
from haas.tenancy.scope import Tenant, scoped

ACCOUNTS_MAX = 12
DAMAGES = ("taxed", "outside")

# Facts that are one line of text, with its greatest length.
_TEXTS = {"postcode": 16, "city": 80, "region": 40, "legal_id": 40, "contact_name": 120, "phone": 40}
_ACCOUNT_TEXTS = {"holder": 140, "account_number": 40, "bank_code": 40}


def company_of(session: Session, tenant: Tenant, *, lock: bool = False) -> Company:
    """The partner's company; a blank one, not yet stored, where nothing was given. One statement.

    With `lock` the partner's row is locked before, as by every edit, and the company is read anew: it is
    there before the company's, so two first edits cannot both make that one.
    """
    if lock:
        lock_partner(session, tenant)
    found = session.scalar(scoped(Company, tenant).execution_options(populate_existing=lock))
    return found if found is not None else _blank(tenant)


def edit_company(session: Session, tenant: Tenant, *, changes: dict[str, Any]) -> Company:
    """Change some of the details; what was issued keeps those it was printed with.

    `accounts` are replaced as a whole, one for each currency.

    :raises InvalidInput: naming the field, for a number whose form or check digits are wrong.
    """
    company = company_of(session, tenant, lock=True)
    partner = session.get_one(Partner, tenant.partner_id)
    if "legal_name" in changes:
        partner.legal_name = checks.check_text(changes["legal_name"], field="legal_name", most=160)
    if "country" in changes:
        partner.country = checks.check_country(changes["country"])
    for field, most in _TEXTS.items():
        if field in changes:
            text = checks.check_text(changes[field], field=field, most=most, required=False)
            setattr(company, field, text.upper() if field == "region" else text)
    if "address" in changes:
        company.address = checks.check_lines(changes["address"], field="address")
    _fill_numbers(company, partner.country, changes)
    if "email" in changes:
        company.email = check_email(changes["email"]) if changes["email"].strip() else ""
    if "tax_currency" in changes:
        currency = changes["tax_currency"].strip()
        company.tax_currency = checks.check_currency(currency, field="tax_currency") if currency else ""
    if "damages" in changes:
        if changes["damages"] not in DAMAGES:
            raise InvalidInput("Choose one of the ways shown.", field="damages")
        company.damages = changes["damages"]
    if "accounts" in changes:
        company.accounts = _accounts(changes["accounts"])
    company.version = (company.version or 0) + 1
    session.add(company)
    session.flush()
    return company


def _blank(tenant: Tenant) -> Company:
    return Company(
        partner_id=tenant.partner_id,
        id=COMPANY_ID,
        address=[],
        accounts=[],
        damages="taxed",
        version=0,
        **dict.fromkeys(
            (*_TEXTS, "tax_id", "tax_registration", "tax_currency", "email", "endpoint_scheme",
             "endpoint_id", "creditor_id"),
            "",
        ),
    )  # fmt: skip


def _fill_numbers(company: Company, country: str, changes: dict[str, Any]) -> None:
    if "tax_id" in changes or ("country" in changes and company.tax_id):
        company.tax_id = registered_numbers.check_vat_id(
            changes.get("tax_id", company.tax_id), country=country
        )
    if "tax_registration" in changes:
        company.tax_registration = _tax_registration(changes["tax_registration"], country)
    if "endpoint_scheme" in changes or "endpoint_id" in changes:
        company.endpoint_scheme, company.endpoint_id = registered_numbers.check_endpoint(
            changes.get("endpoint_scheme", company.endpoint_scheme),
            changes.get("endpoint_id", company.endpoint_id),
        )
    if "creditor_id" in changes:
        company.creditor_id = registered_numbers.check_creditor_id(changes["creditor_id"])


def _tax_registration(number: str, country: str) -> str:
    """Free text where VAT numbers are apart from it, else as the country checks it."""
    if registered_numbers.is_prefixed(country):
        return checks.check_text(number, field="tax_registration", most=40, required=False)
    return registered_numbers.check_tax_id(number, country=country, field="tax_registration")


def _accounts(given: list[dict[str, str]]) -> list[dict[str, str]]:
    if len(given) > ACCOUNTS_MAX:
        raise InvalidInput(f"Give at most {ACCOUNTS_MAX} accounts.", field="accounts")
    accounts = [_account(row, position) for position, row in enumerate(given)]
    currencies = [row["currency"] for row in accounts]
    if twice := next((each for each in currencies if currencies.count(each) > 1), None):
        raise InvalidInput(f"There are two accounts for {twice}; invoices name one.", field="accounts")
    return accounts


def _account(row: dict[str, str], position: int) -> dict[str, str]:
    where = f"accounts.{position}"
    account = {
        "currency": checks.check_currency(row.get("currency", "").strip(), field=f"{where}.currency"),
        "iban": registered_numbers.check_iban(row.get("iban", ""), field=f"{where}.iban"),
        "bic": registered_numbers.check_bic(row.get("bic", ""), field=f"{where}.bic"),
        **{
            name: checks.check_text(row.get(name, ""), field=f"{where}.{name}", most=most, required=False)
            for name, most in _ACCOUNT_TEXTS.items()
        },
    }
    if not account["iban"] and not account["account_number"]:
        raise InvalidInput("Give an IBAN, or the account's number.", field=f"{where}.iban")
    return account
