"""/books/journal: the entries by filter, and one entry with what it was posted for."""

from __future__ import annotations

from typing import Any

from flask import render_template, request, url_for
from flask_babel import gettext as _

from devices.choices import names_of_people
from haas.auth.caller import current_caller, requires
from haas.pages.lists import read_list
from haas.rest.paging import Sort, fetch_page
from invoicing.ledger import accounts, queries
from invoicing.ledger.models import JournalEntry
from invoicing.ledger.portal.months import blueprint, chosen_book, read_month
from invoicing.ledger.portal.words import book_words, kind_words, month_text, purpose_words
from invoicing.ledger.queries import EntryFilter

_SORTS = {"dated": Sort(JournalEntry.dated_on, JournalEntry.id)}
_OF_LINES = ("account", "purpose", "client", "lease", "class")
_FILTERS = ("kind", "from", "until", "source", *_OF_LINES)
BOOKS_ON_A_PAGE = 200


@blueprint.get("/journal")
@requires("ledger.read")
def list_entries() -> str:
    """Entries, the newest first, with the amount of the lines that the filter asks for."""
    caller, book = current_caller(), chosen_book()
    listed = read_list(sorts=_SORTS, default="-dated", filters=_FILTERS)
    given = listed.filters
    where = EntryFilter(
        book=book,
        kind=given.get("kind"),
        period_from=read_month(given.get("from")),
        period_until=read_month(given.get("until")),
        source_id=given.get("source"),
        account_id=given.get("account"),
        purpose=given.get("purpose"),
        client_id=given.get("client"),
        lease_id=given.get("lease"),
        asset_class=given.get("class"),
    )
    page = fetch_page(
        caller.session,
        queries.list_entries(caller.tenant, where=where),
        sort=listed.sort,
        cursor=listed.cursor,
        limit=listed.limit,
    )
    return render_template(
        "portal/ledger/journal.html",
        page=page,
        listed=listed,
        book=book,
        books=book_words(),
        kinds=kind_words(),
        month_text=month_text,
        amounts=queries.amounts_of(caller.session, caller.tenant, entries=page.rows, where=where),
        chart=accounts.get_chart(caller.session, caller.tenant),
        narrowed_by=[name for name in _OF_LINES if name != "account" and given.get(name)],
        narrowed_words={
            "purpose": purpose_words().get(given.get("purpose", ""), ""),
            "client": _("One client"),
            "lease": _("One lease"),
            "class": given.get("class", ""),
        },
    )


@blueprint.get("/journal/<entry_id>")
@requires("ledger.read")
def show_entry(entry_id: str) -> str:
    """One entry: its lines, its source, and for depreciation what it sums, asset by asset."""
    caller = current_caller()
    session, tenant = caller.session, caller.tenant
    entry = queries.get_entry(session, tenant, entry_id=entry_id)
    summed = (
        queries.books_of(
            session, tenant, entry=entry, limit=BOOKS_ON_A_PAGE + 1, after=request.args.get("after")
        )
        if entry.source_kind == "depreciation"
        else []
    )
    lines = queries.lines_of(session, tenant, entry_ids=[entry.id])[entry.id]
    people = names_of_people(session, {entry.posted_by})
    return render_template(
        "portal/ledger/entry.html",
        entry=entry,
        lines=lines,
        kinds=kind_words(),
        books=book_words(),
        purposes=purpose_words(),
        month_text=month_text,
        source_href=_source_href(entry, lines),
        summed=summed[:BOOKS_ON_A_PAGE],
        after=summed[BOOKS_ON_A_PAGE - 1].tag if len(summed) > BOOKS_ON_A_PAGE else None,
        posted_by=people.get(entry.posted_by) or _("a job"),
    )


def _source_href(entry: JournalEntry, lines: Any) -> str | None:
    """The page of what was posted, if it has one."""
    kind = entry.source_kind
    if kind == "invoice":
        return url_for("invoices.show", invoice_id=entry.source_id)
    line = next((each.line for each in lines if each.line.asset_id or each.line.lease_id), None)
    if line is None:
        return None
    if line.asset_id:
        return url_for("assets.show", asset_id=line.asset_id, tab="money")
    return url_for("leases.show", lease_id=line.lease_id, tab="rent")
