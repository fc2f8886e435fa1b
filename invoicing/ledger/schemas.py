"""JSON and form shapes of the books: accounts, periods, entries, runs and reports."""

from __future__ import annotations

import re
from datetime import date
from typing import Any

import marshmallow as ma

from haas.rest.fields import FIRST_DAY, LAST_DAY, Signed, one_of, row_id, text
from haas.rest.openapi import Paged, Request
from invoicing.ledger.chart import KINDS, Book, Purpose
from invoicing.ledger.exchange_rules import ConvertedBy

BOOKS = tuple(book.value for book in Book)
CONVERTED = tuple(way.value for way in ConvertedBy)
PURPOSES = tuple(purpose.value for purpose in Purpose)
_MONTH = re.compile(r"\d{4}-(0[1-9]|1[0-2])")


class Month(ma.fields.String):
    """A calendar month as "2026-06"; inside it is the month's first day."""

    def __init__(self, **options: Any) -> None:
        told = options.pop("metadata", {})
        super().__init__(metadata={"pattern": f"^{_MONTH.pattern}$", **told}, **options)

    def _deserialize(self, value: Any, attr: str | None, data: Any, **kwargs: Any) -> Any:
        typed = super()._deserialize(value, attr, data, **kwargs).strip()
        if not _MONTH.fullmatch(typed):
            raise ma.ValidationError("Write a month such as 2026-06.")
        month = date.fromisoformat(f"{typed}-01")
        if not FIRST_DAY <= month <= LAST_DAY:
            raise ma.ValidationError("Choose a month of this century.")
        return month

    def _serialize(self, value: Any, attr: str | None, obj: Any, **kwargs: Any) -> str | None:  # noqa: ARG002 - marshmallow's signature
        return None if value is None else f"{value:%Y-%m}"


class AccountRequest(Request):
    """An account beside the seeded ones."""

    code = text(20, least=1, required=True)
    name = text(80, least=1, required=True)
    kind = one_of(*KINDS, required=True)


class AccountChange(Request):
    """Another code or name; what was posted stays with the account."""

    code = text(20, least=1, required=True)
    name = text(80, least=1, required=True)


class PurposeChange(Request):
    """Post a purpose to another account from now on."""

    purpose = one_of(*PURPOSES, required=True)
    account_id = row_id(required=True)


class LedgerAccountResource(ma.Schema):
    """An account of the chart."""

    id = ma.fields.String()
    code = ma.fields.String()
    name = ma.fields.String()
    kind = one_of(*KINDS)


class ChartResource(ma.Schema):
    """Every account, and which of them each purpose is posted to."""

    accounts = ma.fields.List(ma.fields.Nested(LedgerAccountResource))
    purposes = ma.fields.Dict(keys=ma.fields.String(), values=ma.fields.String())


class PurposeResource(ma.Schema):
    """What a purpose is posted to."""

    purpose = one_of(*PURPOSES)
    account_id = ma.fields.String()


class LedgerBookQuestion(Request):
    """Which book."""

    book = one_of(*BOOKS, load_default=Book.FINANCIAL.value)


class LedgerMonthResource(ma.Schema):
    """A month of a book. `due` has ended and was not posted yet; a locked one takes no entry any more."""

    book = one_of(*BOOKS)
    month = Month()
    state = one_of("open", "due", "posted", "locked")
    entries = ma.fields.Integer()
    posted_at = ma.fields.AwareDateTime(allow_none=True)
    locked_at = ma.fields.AwareDateTime(allow_none=True)


class LedgerMonths(ma.Schema):
    """The newest months, this one first."""

    items = ma.fields.List(ma.fields.Nested(LedgerMonthResource))


class UnpostedQuestion(LedgerBookQuestion):
    """Query parameters of what a run would post."""

    month = Month(required=True)


class UnpostedResource(ma.Schema):
    """What a run would post of one kind in one currency; `amount` is the sum of the debits."""

    kind = ma.fields.String()
    currency = ma.fields.String()
    entries = ma.fields.Integer()
    amount = Signed()


class UnpostedList(ma.Schema):
    """What is not posted yet, up to the end of a month."""

    items = ma.fields.List(ma.fields.Nested(UnpostedResource))


class PostingRequest(Request):
    """Post all books up to the end of a month."""

    month = Month(required=True)


class PostingRunResource(ma.Schema):
    """A posting run with how far it is. It is over when `finished_at` is set."""

    id = ma.fields.String()
    month = Month()
    job_id = ma.fields.String(attribute="long_job_id")
    started_at = ma.fields.AwareDateTime()
    finished_at = ma.fields.AwareDateTime(allow_none=True)


class LockRequest(UnpostedQuestion):
    """Lock a month of a book, and all before it, for good."""

    confirm = ma.fields.Boolean(
        required=True,
        validate=ma.validate.OneOf([True]),
        metadata={"description": "true: a locked month stays locked"},
    )


class EntryListed(Paged):
    """Query parameters of the journal. LedgerMonths are included on both ends."""

    book = one_of(*BOOKS, load_default=Book.FINANCIAL.value)
    kind = text(40)
    period_from = Month()
    period_until = Month()
    source_id = row_id()
    account_id = row_id()
    purpose = one_of(*PURPOSES)
    client_id = row_id()
    lease_id = row_id()
    asset_class = text(40)


class JournalEntryResource(ma.Schema):
    """One balanced entry."""

    id = ma.fields.String()
    book = one_of(*BOOKS)
    period = Month()
    dated_on = ma.fields.Date()
    currency = ma.fields.String()
    source_kind = ma.fields.String()
    source_id = ma.fields.String()
    reference = ma.fields.String()
    posted_at = ma.fields.AwareDateTime()


class JournalLineResource(ma.Schema):
    """One side of an entry: debit positive, credit negative."""

    position = ma.fields.Integer(attribute="line.position")
    account_id = ma.fields.String(attribute="line.account_id")
    account_code = ma.fields.String(attribute="account.code")
    account_name = ma.fields.String(attribute="account.name")
    purpose = ma.fields.String(attribute="line.purpose")
    amount = Signed(attribute="line.amount")
    asset_class = ma.fields.String(attribute="line.asset_class")
    client_id = ma.fields.String(attribute="line.client_id", allow_none=True)
    lease_id = ma.fields.String(attribute="line.lease_id", allow_none=True)
    asset_id = ma.fields.String(attribute="line.asset_id", allow_none=True)


class JournalEntryWhole(JournalEntryResource):
    """One entry with its lines, which add up to nothing."""

    lines = ma.fields.List(ma.fields.Nested(JournalLineResource))


class SpanQuestion(LedgerBookQuestion):
    """Query parameters of a report: its months, both included."""

    first = Month(required=True)
    last = Month(required=True)

    @ma.validates_schema
    def _in_order(self, data: dict[str, Any], **_: object) -> None:
        if data["last"] < data["first"]:
            raise ma.ValidationError("The last month lies before the first.", "last")


class TrialBalanceQuestion(SpanQuestion):
    """Query parameters of the trial balance."""

    converted = one_of(
        *CONVERTED,
        metadata={
            "description": "all in the partner's currency: by the rate of each posting's day, or of the last"
        },
    )


class AccountBalanceResource(ma.Schema):
    """One account in one currency; balances are debit positive."""

    account_id = ma.fields.String()
    code = ma.fields.String()
    name = ma.fields.String()
    kind = one_of(*KINDS)
    currency = ma.fields.String()
    opening = Signed()
    debit = Signed()
    credit = Signed()
    closing = Signed()


class RoundingResource(ma.Schema):
    """What rounding left when all was converted: with it openings add up to nothing, debits to credits."""

    currency = ma.fields.String()
    opening = Signed()
    debit = Signed()
    credit = Signed()
    closing = Signed()


class TrialBalance(ma.Schema):
    """Every account that moved or has a balance; `difference` only where all was converted."""

    items = ma.fields.List(ma.fields.Nested(AccountBalanceResource))
    difference = ma.fields.Nested(RoundingResource, allow_none=True)


class RolledResource(ma.Schema):
    """One group in one currency: opening, what moved by column, and the closing that they make."""

    key = ma.fields.String()
    label = ma.fields.String()
    currency = ma.fields.String()
    opening = Signed()
    moved = ma.fields.Dict(keys=ma.fields.String(), values=Signed())
    closing = Signed()


class RolledReport(ma.Schema):
    """A roll-forward."""

    name = ma.fields.String()
    columns = ma.fields.List(ma.fields.String())
    items = ma.fields.List(ma.fields.Nested(RolledResource))
