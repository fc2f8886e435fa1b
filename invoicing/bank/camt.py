"""CAMT.053 (ISO 20022) of all versions, by pyiso20022's classes; the XML is read without DTD and entities."""

from __future__ import annotations

import importlib
import re
import warnings
from collections.abc import Iterator
from datetime import date
from decimal import Decimal
from typing import Any

from lxml import etree
from xsdata.exceptions import ConverterError, ParserError
from xsdata.formats.dataclass.parsers import XmlParser
from xsdata.formats.dataclass.parsers.config import ParserConfig
from xsdata.formats.dataclass.parsers.handlers import LxmlEventHandler

from invoicing.bank.statement import Statement, StatementLine, UnreadableStatement, given

_NAMESPACE = re.compile(r"urn:(?:iso:std:iso:20022:tech:xsd:|swift:xsd:\$?)camt\.(05[234])\.001\.(\d\d)")
VERSIONS = range(2, 13)
_STANDS = "BOOK"
# Bank transaction sub-families of what comes back: refused, refunded, reversed (ISO 20022 external code set).
_COMES_BACK = frozenset({"RRTN", "UPDD", "PRDD", "RCDD", "RPCR", "ARET"})
_OPENING, _CLOSING = ("OPBD", "PRCD"), ("CLBD",)


def read_camt(content: bytes) -> list[Statement]:
    """Every statement of the file.

    :raises UnreadableStatement: if it is no CAMT.053, has a DTD, or an entry lacks what an entry has.
    """
    parser = etree.XMLParser(
        resolve_entities=False, load_dtd=False, no_network=True, dtd_validation=False, huge_tree=False,
        remove_comments=True, remove_pis=True,
    )  # fmt: skip
    try:
        root = etree.fromstring(content, parser)
    except etree.XMLSyntaxError as broken:
        raise UnreadableStatement(f"The XML cannot be read: {broken.msg}.") from broken
    if _doctype(root):
        raise UnreadableStatement("The file has a document type definition, which no statement needs.")
    namespace = etree.QName(root).namespace or ""
    known = _NAMESPACE.fullmatch(namespace)
    if known is None:
        raise UnreadableStatement("This XML is no bank statement: choose CAMT.053, OFX, MT940 or CSV.")
    message, version = known.groups()
    if message != "053":
        raise UnreadableStatement(
            f"This is CAMT.{message}, which tells of a day under way: choose the statement, CAMT.053."
        )
    if int(version) not in VERSIONS:
        raise UnreadableStatement(f"Version {version} of CAMT.053 is not known; 02 to 12 are.")
    document = _bound(root, version=version, namespace=namespace)
    found = document.bk_to_cstmr_stmt.stmt if document.bk_to_cstmr_stmt else []
    if not found:
        raise UnreadableStatement("The file holds no statement.")
    return [_statement(each) for each in found]


def _doctype(root: Any) -> str:
    return str(root.getroottree().docinfo.doctype)


def _bound(root: Any, *, version: str, namespace: str) -> Any:
    module = importlib.import_module(f"pyiso20022.camt.camt_053_001_{version}")
    expected = f"urn:iso:std:iso:20022:tech:xsd:camt.053.001.{version}"
    if namespace != expected:  # SWIFT's older name for the same
        for element in root.iter(etree.Element):
            element.tag = f"{{{expected}}}{etree.QName(element).localname}"
    config = ParserConfig(fail_on_unknown_properties=False, fail_on_converter_warnings=False)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # what does not fit its type stays text; we look at what we use
            return XmlParser(config=config, handler=LxmlEventHandler).parse(root, module.Document)
    except (ParserError, ConverterError) as broken:
        raise UnreadableStatement(f"The file is no CAMT.053.001.{version}: {broken}.") from broken


def _statement(found: Any) -> Statement:
    account = _at(found, "acct.id.iban") or _at(found, "acct.id.othr.id") or ""
    opening, closing = _balance(found, _OPENING), _balance(found, _CLOSING)
    currency = _at(found, "acct.ccy") or (opening or closing or ("", "", ""))[2]
    lines: list[StatementLine] = []
    left_out = 0
    for number, entry in enumerate(found.ntry, start=1):
        status = _at(entry, "sts.cd") or _text(entry.sts)
        if status not in (_STANDS, ""):
            left_out += 1
            continue
        lines.extend(_lines(entry, number=number))
    return Statement(
        kind="camt",
        account="".join(str(account).split()),
        currency=currency or (lines[0].currency if lines else ""),
        bank_id=str(found.id or ""),
        opening=opening and opening[0],
        closing=closing and closing[0],
        opening_on=opening and opening[1],
        closing_on=closing and closing[1],
        lines=tuple(lines),
        left_out=left_out,
    )


def _balance(found: Any, kinds: tuple[str, ...]) -> Any:
    for kind in kinds:
        for balance in found.bal:
            if _text(_at(balance, "tp.cd_or_prtry.cd")) == kind:
                amount = _decimal(balance.amt, "A balance")
                sign = -1 if _text(balance.cdt_dbt_ind) == "DBIT" else 1
                return sign * amount, _day(balance.dt), balance.amt.ccy
    return None


def _lines(entry: Any, *, number: int) -> Iterator[StatementLine]:
    """One line, or one for each payment if the entry is the sum of several and tells their amounts."""
    amount = _signed(entry, entry, number)
    details = [each for group in entry.ntry_dtls for each in group.tx_dtls]
    if len(details) > 1:
        amounts = [_own_amount(each, entry, number) for each in details]
        told = [each for each in amounts if each is not None]
        if len(told) == len(details) and sum(told) == amount:
            for place, (each, part) in enumerate(zip(details, told, strict=True), start=1):
                yield _line(entry, [each], amount=part, number=number, place=place)
            return
    yield _line(entry, details, amount=amount, number=number, place=0)


def _line(entry: Any, details: list[Any], *, amount: Decimal, number: int, place: int) -> StatementLine:
    only = details[0] if len(details) == 1 else None
    booked_on = _day(entry.bookg_dt) or _day(entry.val_dt)
    if booked_on is None:
        raise UnreadableStatement(f"Entry {number} has no booking date.")
    code = _bank_code(only) or _bank_code(entry)
    is_return = code.rsplit("-", 1)[-1] in _COMES_BACK or _at(only, "rtr_inf") is not None
    # Of what comes back the parties keep the parts they had in the payment itself.
    side = "dbtr" if (amount > 0) is not is_return else "cdtr"
    texts = [text for each in details for text in (_at(each, "rmt_inf.ustrd") or [])]
    text = " ".join([*texts, _at(only, "rtr_inf.addtl_inf.0") or ""]).strip()
    batches = [group.btch for group in entry.ntry_dtls if group.btch is not None]
    bank_id = given(_at(only, "refs.acct_svcr_ref")) or given(entry.acct_svcr_ref)
    return StatementLine(
        entry=number,
        booked_on=booked_on,
        value_on=_day(entry.val_dt) or booked_on,
        amount=amount,
        currency=entry.amt.ccy,
        counterparty_name=_first(
            only, f"rltd_pties.{side}.pty.nm", f"rltd_pties.{side}.nm", f"rltd_pties.ultmt_{side}.nm"
        ),
        counterparty_iban=_first(only, f"rltd_pties.{side}_acct.id.iban"),
        reference=_first(only, "rmt_inf.strd.0.cdtr_ref_inf.ref"),
        end_to_end_id=given(_first(only, "refs.end_to_end_id")),
        mandate=given(_first(only, "refs.mndt_id")),
        text=text or _joined(entry.addtl_ntry_inf),
        bank_code=code,
        bank_id=f"{bank_id}/{place}" if bank_id and place else bank_id,
        batch_id=given(
            _first(batches[0] if batches else None, "pmt_inf_id", "msg_id")
            or _first(only, "refs.pmt_inf_id", "refs.msg_id")
        ),
        is_return=is_return,
        return_reason=_first(only, "rtr_inf.rsn.cd", "rtr_inf.rsn.prtry"),
        charges=_charges(only) or _charges(entry),
    )


def _own_amount(detail: Any, entry: Any, number: int) -> Decimal | None:
    amount = detail.amt if hasattr(detail, "amt") else None
    amount = amount or _at(detail, "amt_dtls.tx_amt.amt") or _at(detail, "amt_dtls.instd_amt.amt")
    if amount is None or amount.ccy != entry.amt.ccy:
        return None
    return _sign(detail, entry) * _decimal(amount, f"Entry {number}")


def _signed(movement: Any, entry: Any, number: int) -> Decimal:
    if movement.amt is None:
        raise UnreadableStatement(f"Entry {number} has no amount.")
    return _sign(movement, entry) * _decimal(movement.amt, f"Entry {number}")


def _sign(movement: Any, entry: Any) -> int:
    mark = _text(getattr(movement, "cdt_dbt_ind", None)) or _text(entry.cdt_dbt_ind)
    return -1 if mark == "DBIT" else 1


def _charges(movement: Any) -> Decimal:
    """What the bank took for itself; versions up to 02 list charges, later ones records of them."""
    charges = getattr(movement, "chrgs", None)
    if not charges:
        return Decimal(0)
    records = charges if isinstance(charges, list) else charges.rcrd
    return sum((_decimal(each.amt, "A charge") for each in records if each.amt is not None), Decimal(0))


def _bank_code(movement: Any) -> str:
    domain = _at(movement, "bk_tx_cd.domn")
    if domain is not None:
        parts = (domain.cd, _at(domain, "fmly.cd"), _at(domain, "fmly.sub_fmly_cd"))
        return "-".join(_text(part) for part in parts if part)
    return _first(movement, "bk_tx_cd.prtry.cd")


def _decimal(amount: Any, what: str) -> Decimal:
    value = getattr(amount, "value", None)
    if not isinstance(value, Decimal) or not value.is_finite() or value < 0:
        raise UnreadableStatement(f"{what} has an amount that is no number: {str(value)[:40]!r}.")
    return value


def _day(choice: Any) -> date | None:
    """A date, or the date of a moment as the bank wrote it: a statement speaks of the bank's own days."""
    if choice is None:
        return None
    found = choice.dt or choice.dt_tm
    return date(found.year, found.month, found.day) if hasattr(found, "year") else None


def _joined(text: Any) -> str:
    return " ".join(str(text or "").split())


def _text(value: Any) -> str:
    """An enumeration's value, or the text itself: what a code is depends on the version."""
    value = getattr(value, "value", value)
    return value if isinstance(value, str) else ""


def _first(start: Any, *paths: str) -> str:
    return next((_joined(_text(found)) for path in paths if (found := _at(start, path)) is not None), "")


def _at(start: Any, path: str) -> Any:
    """Follow a path of attributes and places as far as there is something; versions differ in the middle."""
    here = start
    for step in path.split("."):
        if here is None:
            return None
        if step.isdigit():
            here = here[int(step)] if isinstance(here, list) and len(here) > int(step) else None
        elif isinstance(here, list):
            here = getattr(here[0], step, None) if here else None
        else:
            here = getattr(here, step, None)
    return here
