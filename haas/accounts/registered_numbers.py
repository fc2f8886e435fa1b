"""Numbers that authorities and banks gave out: tax ids, accounts, creditor ids, electronic addresses. Pure.

Format and check digits are python-stdnum's; that a number is in use nobody but its register can say.
"""

from __future__ import annotations

from datetime import date

from stdnum import bic, get_cc_module, iban
from stdnum.eu import at_02, vat
from stdnum.exceptions import ValidationError
from stdnum.us import ein

from haas.accounts.checks import check_text
from haas.errors import InvalidInput
from haas.tenancy.electronic_addresses import ADDRESS_SCHEMES

# Where VAT numbers begin with the country, as EN 16931 wants them (BR-CO-09).
EU = frozenset(code.upper() for code in vat.MEMBER_STATES if code != "xi")
_PREFIXED = EU | {"GB", "CH", "NO"}

_FORMS = {
    "AT": "ATU and 8 digits", "BE": "BE and 10 digits", "BG": "BG and 9 or 10 digits",
    "CY": "CY, 8 digits and a letter", "CZ": "CZ and 8 to 10 digits", "DE": "DE and 9 digits",
    "DK": "DK and 8 digits", "EE": "EE and 9 digits", "ES": "ES and 9 letters or digits",
    "FI": "FI and 8 digits", "FR": "FR, 2 signs and 9 digits", "GR": "EL and 9 digits",
    "HR": "HR and 11 digits", "HU": "HU and 8 digits", "IE": "IE, 7 digits and 1 or 2 letters",
    "IT": "IT and 11 digits", "LT": "LT and 9 or 12 digits", "LU": "LU and 8 digits",
    "LV": "LV and 11 digits", "MT": "MT and 8 digits", "NL": "NL, 9 digits, B and 2 digits",
    "PL": "PL and 10 digits", "PT": "PT and 9 digits", "RO": "RO and 2 to 10 digits",
    "SE": "SE and 12 digits", "SI": "SI and 8 digits", "SK": "SK and 10 digits",
    "GB": "GB and 9 digits", "CH": "CHE, 9 digits and MWST, TVA or IVA", "NO": "NO, 9 digits and MVA",
    "US": "an EIN of 9 digits, such as 91-1144442",
}  # fmt: skip
_TAX_ID_LENGTH = 40


def is_prefixed(country: str) -> bool:
    """Whether VAT numbers of this country begin with it."""
    return country in _PREFIXED


def check_vat_id(number: str, *, country: str, field: str = "tax_id") -> str:
    """A VAT number in its electronic form, with its country before it; empty stays empty.

    :raises InvalidInput: if the country has none, or format or check digits are wrong.
    """
    if not number.strip():
        return ""
    if not is_prefixed(country):
        raise InvalidInput(
            f"There are no VAT numbers with a prefix in {country}; give it as the tax registration number.",
            field=field,
        )
    return check_tax_id(number, country=country, field=field)


def check_tax_id(number: str, *, country: str, field: str = "tax_id") -> str:
    """A tax id by the rules of its country; where none are known, any one line. Empty stays empty.

    Within the European Union, in GB, CH and NO it is the VAT number, with its country before it.

    :raises InvalidInput: if format or check digits are wrong; the form that is expected is named.
    """
    typed = check_text(number, field=field, most=_TAX_ID_LENGTH, required=False)
    if not typed:
        return ""
    try:
        return _valid_tax_id(typed, country)
    except ValidationError as wrong:
        form = _FORMS.get(country)
        expected = f" Expected: {form}." if form else ""
        raise InvalidInput(
            f"{typed} is no tax number of {country}: its form or check digits are wrong.{expected}",
            field=field,
        ) from wrong


def _valid_tax_id(typed: str, country: str) -> str:
    if country == "US":
        return str(ein.format(ein.validate(typed)))
    module = get_cc_module(country.lower(), "vat")
    if module is None:
        return typed
    prefix = "EL" if country == "GR" else country
    if country in EU:
        bare = vat.compact(typed) if typed.upper().startswith(prefix) else f"{prefix}{typed}"
        return str(vat.validate(bare))
    checked = str(module.validate(typed))
    return checked if country not in _PREFIXED or checked.startswith(prefix) else f"{prefix}{checked}"


def checked_on(number: str, *, today: date) -> date | None:
    """The day to note beside a number that has just passed; none without a number."""
    return today if number else None


def check_iban(number: str, *, field: str = "iban") -> str:
    """An IBAN without blanks; empty stays empty."""
    if not number.strip():
        return ""
    try:
        return str(iban.validate(number))
    except ValidationError as wrong:
        raise InvalidInput(
            "This is no IBAN: its country, length or check digits are wrong. Expected: such as"
            " DE02 1203 0000 0000 2020 51.",
            field=field,
        ) from wrong


def check_bic(code: str, *, field: str = "bic") -> str:
    """A BIC of 8 or 11 signs; empty stays empty."""
    if not code.strip():
        return ""
    try:
        return str(bic.validate(code))
    except ValidationError as wrong:
        raise InvalidInput(
            "This is no BIC. Expected: 8 or 11 signs, such as BYLADEM1001.", field=field
        ) from wrong


def check_creditor_id(number: str, *, field: str = "creditor_id") -> str:
    """A SEPA creditor identifier (AT-02); empty stays empty."""
    if not number.strip():
        return ""
    try:
        return str(at_02.validate(number))
    except ValidationError as wrong:
        raise InvalidInput(
            "This is no SEPA creditor identifier. Expected: such as DE98 ZZZ 09999999999.", field=field
        ) from wrong


def check_endpoint(scheme: str, address: str) -> tuple[str, str]:
    """A register of EAS and the address in it; both or neither.

    :raises InvalidInput: for an unknown register, or one half alone.
    """
    scheme, address = (
        scheme.strip().upper(),
        check_text(address, field="endpoint_id", most=120, required=False),
    )
    if scheme and scheme not in ADDRESS_SCHEMES:
        raise InvalidInput(
            "EAS has no such register. Expected: its code, such as 0204 for a Leitweg-ID or EM for e-mail.",
            field="endpoint_scheme",
        )
    if scheme and not address:
        raise InvalidInput("Give the address in this register.", field="endpoint_id")
    if address and not scheme:
        raise InvalidInput("Say in which register this address is.", field="endpoint_scheme")
    return scheme, address
