"""REST: /v1/bank-accounts, /v1/bank-statements, /v1/bank-lines."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from decimal import Decimal
from typing import Any

from flask_smorest import Blueprint

from haas import clock
from haas.auth.caller import Caller, current_caller, requires
from haas.rest.limits import EXPENSIVE, limiter
from haas.rest.openapi import page_of
from haas.rest.paging import Sort, fetch_page
from invoicing.bank import accounts, booking, importing, learning, queries
from invoicing.bank.booking import Part
from invoicing.bank.files import BYTES_MAX
from invoicing.bank.layouts import sniff
from invoicing.bank.models import BankLine, BankStatement
from invoicing.bank.queries import LineFilter
from invoicing.bank.schemas import (
    BankLineDetailResource,
    BankLineIgnoreRequest,
    BankLineMatchRequest,
    BankLineReopenRequest,
    BankLineResource,
    BankLineReturnRequest,
    BankStatementResource,
    BankStatementsResource,
    LinesListed,
    StatementAccountChange,
    StatementAccountRequest,
    StatementAccountResource,
    StatementListed,
    StatementOptions,
    StatementUpload,
)

accounts_api = Blueprint(
    "bank_accounts_api", __name__, url_prefix="/v1/bank-accounts", description="Bank accounts"
)
statements_api = Blueprint(
    "bank_statements_api", __name__, url_prefix="/v1/bank-statements", description="Bank statements"
)
lines_api = Blueprint("bank_lines_api", __name__, url_prefix="/v1/bank-lines", description="Bank lines")

_STATEMENTS = Sort(BankStatement.id, BankStatement.id, descending=True)
_LINES = Sort(BankLine.booked_on, BankLine.id, descending=True)


@accounts_api.get("")
@requires("bank.read")
@accounts_api.response(200, StatementAccountResource(many=True))
def list_accounts() -> Any:
    """The partner's accounts, by name."""
    caller = current_caller()
    return accounts.list_accounts(caller.session, caller.tenant)


@accounts_api.post("")
@requires("bank.manage")
@accounts_api.arguments(StatementAccountRequest)
@accounts_api.response(201, StatementAccountResource)
def open_account(wanted: dict[str, Any]) -> Any:
    """Note an account whose statements are to be brought in."""
    caller = current_caller()
    made = accounts.open_account(caller.session, caller.tenant, at=clock.now(), **wanted)
    return made, 201, {"Location": f"/v1/bank-accounts/{made.id}"}


@accounts_api.get("/<bank_account_id>")
@requires("bank.read")
@accounts_api.response(200, StatementAccountResource)
def get_account(bank_account_id: str) -> Any:
    """One account."""
    caller = current_caller()
    return accounts.get_account(caller.session, caller.tenant, account_id=bank_account_id)


@accounts_api.put("/<bank_account_id>")
@requires("bank.manage")
@accounts_api.arguments(StatementAccountChange)
@accounts_api.response(200, StatementAccountResource)
def change_account(wanted: dict[str, Any], bank_account_id: str) -> Any:
    """Change its name, holder, BIC, and whether what is certain is booked without a press."""
    caller = current_caller()
    return accounts.change_account(caller.session, caller.tenant, account_id=bank_account_id, **wanted)


@accounts_api.post("/<bank_account_id>/close")
@requires("bank.manage")
@accounts_api.response(200, StatementAccountResource)
def close_account(bank_account_id: str) -> Any:
    """Take it off the lists; what was booked stays."""
    caller = current_caller()
    return accounts.close_account(caller.session, caller.tenant, account_id=bank_account_id, at=clock.now())


@statements_api.get("")
@requires("bank.read")
@statements_api.arguments(StatementListed, location="query")
@statements_api.response(200, page_of(BankStatementResource))
def list_statements(query: dict[str, Any]) -> dict[str, Any]:
    """What was brought in, newest first."""
    caller = current_caller()
    page = fetch_page(
        caller.session,
        queries.list_statements(caller.tenant, account_id=query.get("bank_account_id")),
        sort=_STATEMENTS,
        cursor=query.get("cursor"),
        limit=query["limit"],
    )
    return {"items": page.rows, "next": page.older}


@statements_api.post("")
@requires("bank.import")
@limiter.limit(EXPENSIVE)
@statements_api.arguments(StatementUpload, location="files")
@statements_api.arguments(StatementOptions, location="query")
@statements_api.response(201, BankStatementsResource)
def upload_statement(files: dict[str, Any], options: dict[str, Any]) -> dict[str, Any]:
    """Bring a bank's file in: the whole of it or nothing. The same file again answers the same statements."""
    caller = current_caller()
    sent = files["file"]
    content = sent.read(BYTES_MAX + 1)  # one more than `upload` takes
    stored = importing.upload(
        caller.session, caller.tenant, name=sent.filename or "statement", content=content
    )
    guess = options["by_guess"] and stored.media_type == "text/csv"
    made = importing.bring_in(
        caller.session,
        caller.tenant,
        file_id=stored.id,
        account_id=options.get("bank_account_id"),
        layout=sniff(content).layout if guess else None,
        at=clock.now(),
    )
    return {"items": made}


@statements_api.get("/<bank_statement_id>")
@requires("bank.read")
@statements_api.response(200, BankStatementResource)
def get_statement(bank_statement_id: str) -> Any:
    """One statement; its lines are those of /v1/bank-lines with its id."""
    caller = current_caller()
    return importing.find_statement(caller.session, caller.tenant, statement_id=bank_statement_id)


@lines_api.get("")
@requires("bank.read")
@lines_api.arguments(LinesListed, location="query")
@lines_api.response(200, page_of(BankLineResource))
def list_lines(query: dict[str, Any]) -> dict[str, Any]:
    """Lines that fit, newest first."""
    caller = current_caller()
    where = LineFilter(
        state=query.get("state"),
        account_id=query.get("bank_account_id"),
        statement_id=query.get("bank_statement_id"),
        way=query.get("way"),
        booked_from=query.get("booked_from"),
        booked_until=query.get("booked_until"),
        text=query.get("q"),
    )
    page = fetch_page(
        caller.session,
        queries.list_lines(caller.tenant, where=where),
        sort=_LINES,
        cursor=query.get("cursor"),
        limit=query["limit"],
    )
    return {"items": page.rows, "next": page.older}


@lines_api.get("/<bank_line_id>")
@requires("bank.read")
@lines_api.response(200, BankLineDetailResource)
def get_line(bank_line_id: str) -> dict[str, Any]:
    """One line with who may have paid it, the likeliest first, and what is booked of it."""
    return _detail(current_caller(), bank_line_id)


@lines_api.post("/<bank_line_id>/match")
@requires("bank.match")
@lines_api.arguments(BankLineMatchRequest)
@lines_api.response(201, BankLineDetailResource)
def match_line(wanted: dict[str, Any], bank_line_id: str) -> dict[str, Any]:
    """Book it as money of clients: receipts are recorded, invoices paid, the rest is their credit."""
    caller = current_caller()
    booking.book(
        caller.session, caller.tenant, line_id=bank_line_id, parts=_parts(wanted["parts"]), at=clock.now()
    )
    return _detail(caller, bank_line_id)


@lines_api.post("/<bank_line_id>/return")
@requires("bank.match")
@lines_api.arguments(BankLineReturnRequest)
@lines_api.response(201, BankLineDetailResource)
def return_line(wanted: dict[str, Any], bank_line_id: str) -> dict[str, Any]:
    """Book it as money of a receipt that came back: its invoices are open again."""
    caller = current_caller()
    booking.book_return(
        caller.session,
        caller.tenant,
        line_id=bank_line_id,
        receipt_id=wanted["receipt_id"],
        fee=Decimal(wanted["fee"]),
        at=clock.now(),
    )
    return _detail(caller, bank_line_id)


@lines_api.post("/<bank_line_id>/ignore")
@requires("bank.match")
@lines_api.arguments(BankLineIgnoreRequest)
@lines_api.response(200, BankLineDetailResource)
def ignore_line(wanted: dict[str, Any], bank_line_id: str) -> dict[str, Any]:
    """Set it aside: it is no client's money."""
    caller = current_caller()
    booking.ignore(caller.session, caller.tenant, line_id=bank_line_id, at=clock.now(), **wanted)
    return _detail(caller, bank_line_id)


@lines_api.post("/<bank_line_id>/reopen")
@requires("bank.match")
@lines_api.arguments(BankLineReopenRequest)
@lines_api.response(200, BankLineDetailResource)
def reopen_line(wanted: dict[str, Any], bank_line_id: str) -> dict[str, Any]:
    """Take back what was decided; receipts are reversed, their invoices open again."""
    caller = current_caller()
    booking.reopen(caller.session, caller.tenant, line_id=bank_line_id, at=clock.now(), **wanted)
    return _detail(caller, bank_line_id)


def _parts(wanted: Sequence[Mapping[str, Any]]) -> list[Part]:
    return [
        Part(
            client_id=part["client_id"],
            amount=part["amount"],
            fee=Decimal(part["fee"]),
            allocations={row["invoice_id"]: row["amount"] for row in part["allocations"]},
            discounts={row["invoice_id"]: row["discount"] for row in part["allocations"] if row["discount"]},
        )
        for part in wanted
    ]


def _detail(caller: Caller, line_id: str) -> dict[str, Any]:
    session, tenant = caller.session, caller.tenant
    line = queries.get_line(session, tenant, line_id=line_id)
    found = learning.suggestions(session, tenant, lines=[line]).get(line.id, [])
    return {
        **{column.key: getattr(line, column.key) for column in BankLine.__table__.columns},
        "suggestions": [
            {
                "client_id": one.client_id,
                "allocations": [
                    {"invoice_id": key, "amount": amount, "discount": one.discount_of(key)}
                    for key, amount in one.allocations
                ],
                "to_balance": one.to_balance,
                "score": one.score,
                "reasons": one.reasons,
                "is_certain": one.is_certain,
            }
            for one in found
        ],
        "bookings": booking.standing_bookings(session, tenant, line_ids=[line.id]).get(line.id, []),
    }
