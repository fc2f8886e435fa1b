"""/quotes: the list with state tabs, client and number."""

from __future__ import annotations

from flask import render_template
from flask_babel import gettext as _

from haas.auth.caller import current_caller, requires
from haas.pages.lists import read_list
from haas.rest.paging import Sort, fetch_page
from leases import summaries
from leases.quotes import offers, queries
from leases.quotes.models import Quote
from leases.quotes.portal.doors import quotes
from leases.quotes.queries import QuoteFilter

SORTS = {"number": Sort(Quote.number, Quote.id), "created": Sort(Quote.created_at, Quote.id)}
TABS: dict[str, tuple[str, ...]] = {
    "draft": ("draft",),
    "sent": ("sent",),
    "accepted": ("accepted",),
    "lost": ("declined", "expired", "withdrawn"),
}


@quotes.get("")
@requires("quote.read")
def index() -> str:
    """Quotes: by state, client and number."""
    caller = current_caller()
    listed = read_list(sorts=SORTS, default="-created", filters=("state", "client_id"))
    tab = listed.filters.get("state", "")
    wanted = QuoteFilter(
        states=TABS.get(tab, (tab,) if tab else ()),
        client_id=listed.filters.get("client_id"),
        number_prefix=listed.search.upper() or None,
    )
    page = fetch_page(
        caller.session,
        queries.list_quotes(caller.tenant, where=wanted),
        sort=listed.sort,
        cursor=listed.cursor,
        limit=listed.limit,
    )
    counts = queries.count_states(caller.session, caller.tenant)
    is_staff = caller.tenant.client_id is None
    return render_template(
        "portal/quotes/index.html",
        page=page,
        rows=offers.list_rows(caller.session, caller.tenant, page.rows),
        listed=listed,
        tab=tab,
        tabs=_tabs(counts, is_staff=is_staff),
        clients=summaries.client_choices(caller.session, caller.tenant) if is_staff else [],
    )


def _tabs(counts: dict[str, int], *, is_staff: bool) -> list[tuple[str, str, int]]:
    words = {
        "": _("All"),
        "draft": _("Drafts"),
        "sent": _("Waiting for an answer"),
        "accepted": _("Accepted"),
        "lost": _("Not accepted"),
    }
    if not is_staff:
        del words["draft"]
    return [
        (key, word, sum(counts.get(state, 0) for state in TABS[key]) if key else sum(counts.values()))
        for key, word in words.items()
    ]
