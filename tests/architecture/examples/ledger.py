"""Examples of the changing routes of the books: accounts, posting, locks."""

from __future__ import annotations

from collections.abc import Mapping

from sqlalchemy.orm import Session

from invoicing.ledger import accounts
from tests.architecture.examples import Example
from tests.cast import Cast

OWN_BOOKS = "it acts on the caller's own books; there is no id to guess"


def an_account(session: Session, cast: Cast) -> Mapping[str, str]:
    """An account of Northwind's chart."""
    accounts.ensure_chart(session, cast.tenant)
    return {"account_id": accounts.get_chart(session, cast.tenant).accounts[0].id}


ACCOUNT = {"code": "1110", "name": "Trade debtors", "kind": "asset"}
RENAMED = {"code": "1001", "name": "House bank"}


DIFFERENCES = {"posted": "on_payment", "since": "2026-06-01"}


def mapped(cast: Cast, values: Mapping[str, str]) -> dict[str, str]:
    """Receivables go to that account from now on."""
    return {"purpose": "receivables", "account_id": values["account_id"]}


API = {
    "ledger_api.set_up_accounts": Example(user="fay", cleo=200, cleo_because=OWN_BOOKS),
    "ledger_api.add_account": Example(json=ACCOUNT, user="fay", status=201, cleo=201, cleo_because=OWN_BOOKS),
    "ledger_api.rename_account": Example(prepare=an_account, json=RENAMED, user="fay"),
    "ledger_api.map_purpose": Example(prepare=an_account, json=mapped, user="fay"),
    "ledger_api.change_differences_policy": Example(
        json=DIFFERENCES, user="fay", cleo=200, cleo_because=OWN_BOOKS
    ),
    "ledger_api.start_posting": Example(
        json={"month": "2026-03"}, user="fay", status=202, cleo=202, cleo_because=OWN_BOOKS
    ),
    "ledger_api.lock_month": Example(
        json={"book": "financial", "month": "2026-03", "confirm": True},
        user="fay",
        status=201,
        cleo=201,
        cleo_because=OWN_BOOKS,
    ),
}
PAGES = {
    "books.set_up_accounts": Example(user="fay", status=303, cleo=303, cleo_because=OWN_BOOKS),
    "books.add_account": Example(form=ACCOUNT, user="fay", status=303, cleo=303, cleo_because=OWN_BOOKS),
    "books.rename_account": Example(prepare=an_account, form=RENAMED, user="fay", status=303),
    "books.map_purpose": Example(prepare=an_account, form=mapped, user="fay", status=303),
    "books.change_differences_policy": Example(
        form=DIFFERENCES, user="fay", status=303, cleo=303, cleo_because=OWN_BOOKS
    ),
    "books.post_month": Example(
        form={"month": "2026-03"}, user="fay", status=303, cleo=303, cleo_because=OWN_BOOKS
    ),
    "books.lock": Example(
        form={"book": "financial", "month": "2026-03", "confirmed": "1"},
        user="fay",
        status=303,
        cleo=303,
        cleo_because=OWN_BOOKS,
    ),
}
EXAMPLES: dict[str, Example | list[Example]] = {**API, **PAGES}
