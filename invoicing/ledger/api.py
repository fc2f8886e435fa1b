"""REST: /v1/ledger: accounts, months, entries, posting runs, locks and reports."""

from __future__ import annotations

from typing import Any

from flask_smorest import Blueprint

from haas import clock
from haas.auth.caller import current_caller, requires
from haas.errors import NotFound
from haas.rest.limits import EXPENSIVE, limiter
from haas.rest.openapi import page_of
from haas.rest.paging import Sort, fetch_page
from invoicing.ledger import accounts, exchange, periods, posting, queries, reports
from invoicing.ledger.chart import Book
from invoicing.ledger.conversion import converted_balance
from invoicing.ledger.exchange_report import read_differences
from invoicing.ledger.exchange_rules import ConvertedBy, DifferencesPosted, ExchangePolicy
from invoicing.ledger.exchange_schemas import (
    DifferencesPolicy,
    DifferencesPolicyResource,
    DifferencesQuestion,
    DifferencesResource,
)
from invoicing.ledger.models import JournalEntry
from invoicing.ledger.queries import EntryFilter
from invoicing.ledger.reports import Span
from invoicing.ledger.schemas import (
    AccountChange,
    AccountRequest,
    ChartResource,
    EntryListed,
    JournalEntryResource,
    JournalEntryWhole,
    LedgerAccountResource,
    LedgerBookQuestion,
    LedgerMonthResource,
    LedgerMonths,
    LockRequest,
    PostingRequest,
    PostingRunResource,
    PurposeChange,
    PurposeResource,
    RolledReport,
    SpanQuestion,
    TrialBalance,
    TrialBalanceQuestion,
    UnpostedList,
    UnpostedQuestion,
)

blueprint = Blueprint("ledger_api", __name__, url_prefix="/v1/ledger", description="The lessor's books")

Answer = dict[str, Any]


@blueprint.get("/accounts")
@requires("ledger.read")
@blueprint.response(200, ChartResource)
def list_accounts() -> Any:
    """The chart of accounts, and which of them each purpose is posted to."""
    caller = current_caller()
    return accounts.get_chart(caller.session, caller.tenant)


@blueprint.post("/chart")
@requires("ledger.manage")
@blueprint.response(200, ChartResource)
def set_up_accounts() -> Any:
    """Begin with the default chart; an account for each purpose that has none. A posting run does it too."""
    caller = current_caller()
    accounts.ensure_chart(caller.session, caller.tenant)
    return accounts.get_chart(caller.session, caller.tenant)


@blueprint.post("/accounts")
@requires("ledger.manage")
@blueprint.arguments(AccountRequest)
@blueprint.response(201, LedgerAccountResource)
def add_account(account: dict[str, Any]) -> Any:
    """Add an account. A code is taken once."""
    caller = current_caller()
    return accounts.add_account(caller.session, caller.tenant, **account)


@blueprint.put("/accounts/<account_id>")
@requires("ledger.manage")
@blueprint.arguments(AccountChange)
@blueprint.response(200, LedgerAccountResource)
def rename_account(change: dict[str, Any], account_id: str) -> Any:
    """Give an account another code or name. What was posted to it stays with it."""
    caller = current_caller()
    return accounts.rename_account(caller.session, caller.tenant, account_id=account_id, **change)


@blueprint.post("/purposes")
@requires("ledger.manage")
@blueprint.arguments(PurposeChange)
@blueprint.response(200, PurposeResource)
def map_purpose(change: dict[str, Any]) -> Any:
    """Post a purpose to another account from now on."""
    caller = current_caller()
    return accounts.map_purpose(caller.session, caller.tenant, **change)


@blueprint.get("/months")
@requires("ledger.read")
@blueprint.arguments(LedgerBookQuestion, location="query")
@blueprint.response(200, LedgerMonths)
def list_months(question: dict[str, Any]) -> Answer:
    """The newest 24 months of a book: what is posted and what is locked."""
    caller = current_caller()
    today = clock.today(caller.partner.time_zone)
    found = periods.list_months(caller.session, caller.tenant, book=Book(question["book"]), today=today)
    return {"items": found}


@blueprint.get("/unposted")
@limiter.limit(EXPENSIVE)
@requires("ledger.read")
@blueprint.arguments(UnpostedQuestion, location="query")
@blueprint.response(200, UnpostedList)
def list_unposted(question: dict[str, Any]) -> Answer:
    """What a run would post up to the end of a month. Nothing is written."""
    caller = current_caller()
    found = posting.preview(
        caller.session, caller.tenant, month=question["month"], book=Book(question["book"])
    )
    return {"items": found}


@blueprint.post("/postings")
@requires("ledger.manage")
@blueprint.arguments(PostingRequest)
@blueprint.response(202, PostingRunResource)
def start_posting(run: dict[str, Any]) -> Any:
    """Post every book up to the end of a month. What is posted already is not posted again."""
    caller = current_caller()
    started = posting.start_run(
        caller.session,
        caller.tenant,
        month=run["month"],
        today=clock.today(caller.partner.time_zone),
        at=clock.now(),
    )
    return started, 202, {"Location": f"/v1/ledger/postings/{started.id}"}


@blueprint.get("/postings/<posting_run_id>")
@requires("ledger.read")
@blueprint.response(200, PostingRunResource)
def get_posting(posting_run_id: str) -> Any:
    """One run; its job says how far it is."""
    caller = current_caller()
    return posting.get_run(caller.session, caller.tenant, run_id=posting_run_id)


@blueprint.post("/locks")
@requires("ledger.manage")
@blueprint.arguments(LockRequest)
@blueprint.response(201, LedgerMonthResource)
def lock_month(lock: dict[str, Any]) -> Any:
    """Lock a month and all before it for good. What comes later is posted in the first open month."""
    caller = current_caller()
    today, book = clock.today(caller.partner.time_zone), Book(lock["book"])
    period = periods.lock_month(
        caller.session, caller.tenant, book=book, month=lock["month"], today=today, at=clock.now()
    )
    return {
        "book": book.value,
        "month": period.month,
        "state": "locked",
        "entries": periods.count_entries(caller.session, caller.tenant, book=book, month=period.month),
        "posted_at": period.posted_at,
        "locked_at": period.locked_at,
    }


@blueprint.get("/entries")
@requires("ledger.read")
@blueprint.arguments(EntryListed, location="query")
@blueprint.response(200, page_of(JournalEntryResource))
def list_entries(query: dict[str, Any]) -> Answer:
    """Journal entries, the newest first."""
    caller = current_caller()
    cursor, limit = query.pop("cursor", None), query.pop("limit")
    page = fetch_page(
        caller.session,
        queries.list_entries(caller.tenant, where=EntryFilter(**{**query, "book": Book(query["book"])})),
        sort=Sort(JournalEntry.dated_on, JournalEntry.id, descending=True),
        cursor=cursor,
        limit=limit,
    )
    return {"items": page.rows, "next": page.older}


@blueprint.get("/entries/<entry_id>")
@requires("ledger.read")
@blueprint.response(200, JournalEntryWhole)
def get_entry(entry_id: str) -> Answer:
    """One entry with its lines."""
    caller = current_caller()
    entry = queries.get_entry(caller.session, caller.tenant, entry_id=entry_id)
    shape: Answer = JournalEntryResource().dump(entry)
    lines = queries.lines_of(caller.session, caller.tenant, entry_ids=[entry.id])[entry.id]
    return {
        **{name: getattr(entry, name) for name in shape},
        "lines": lines,
    }


@blueprint.get("/trial-balance")
@requires("ledger.read")
@blueprint.arguments(TrialBalanceQuestion, location="query")
@blueprint.response(200, TrialBalance)
def get_trial_balance(question: dict[str, Any]) -> Answer:
    """Opening, debits, credits and closing of each account, by currency or all in the partner's own."""
    caller = current_caller()
    if (by := question.get("converted")) is None:
        return {"items": reports.trial_balance(caller.session, caller.tenant, span=_span(question))}
    found = converted_balance(caller.session, caller.tenant, span=_span(question), by=ConvertedBy(by))
    return {"items": found.accounts, "difference": found.difference}


@blueprint.get("/exchange-differences")
@requires("ledger.read")
@blueprint.arguments(DifferencesQuestion, location="query")
@blueprint.response(200, DifferencesResource)
def get_differences(question: dict[str, Any]) -> Any:
    """What payments of some days gained or lost by exchange rates, and what is open would on the last."""
    caller = current_caller()
    return read_differences(caller.session, caller.tenant, **question)


@blueprint.get("/exchange-differences/policy")
@requires("ledger.read")
@blueprint.response(200, DifferencesPolicyResource)
def get_differences_policy() -> Any:
    """Whether exchange differences are posted."""
    caller = current_caller()
    return exchange.policy_of(caller.session, caller.tenant)


@blueprint.put("/exchange-differences/policy")
@requires("ledger.manage")
@blueprint.arguments(DifferencesPolicy)
@blueprint.response(200, DifferencesPolicyResource)
def change_differences_policy(change: dict[str, Any]) -> Any:
    """Post exchange differences with the payments, or no longer. What is posted stays."""
    caller = current_caller()
    policy = ExchangePolicy(DifferencesPosted(change["posted"]), change.get("since"))
    return exchange.change_policy(caller.session, caller.tenant, policy=policy)


@blueprint.get("/roll-forwards/<rolled>")
@requires("ledger.read")
@blueprint.arguments(SpanQuestion, location="query")
@blueprint.response(200, RolledReport)
def get_roll_forward(question: dict[str, Any], rolled: str) -> Answer:
    """Opening, movements and closing of assets, deferred rent, net investment or receivables."""
    caller = current_caller()
    report = reports.ROLL_FORWARDS.get(rolled)
    if report is None:
        known = ", ".join(reports.ROLL_FORWARDS)
        raise NotFound(f"There is no roll-forward {rolled}; there are {known}.")
    rows = reports.roll_forward(caller.session, caller.tenant, report=report, span=_span(question))
    return {"name": report.name, "columns": reports.columns_of(report, rows), "items": rows}


def _span(question: dict[str, Any]) -> Span:
    return Span(Book(question["book"]), question["first"], question["last"])
