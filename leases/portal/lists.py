"""/leases: the list with state tabs, filters and keyset pages."""

from __future__ import annotations

from datetime import date, timedelta

from flask import render_template
from flask_babel import gettext as _

from haas import clock
from haas.auth.caller import current_caller, requires
from haas.pages.lists import ListNames, read_list
from haas.rest.paging import Sort, fetch_page
from haas.saved_views.lists import ViewedList, views_shown
from leases import queries, summaries
from leases.models import Lease
from leases.portal.doors import leases
from leases.queries import LeaseFilter

SORTS = {"number": Sort(Lease.number, Lease.id), "created": Sort(Lease.created_at, Lease.id)}
_FILTERS = ("state", "client_id", "ends")
LEASES = ViewedList(
    name="leases",
    endpoint="leases.index",
    permission="lease.read",
    names=ListNames(sorts=SORTS, default="-created", filters=_FILTERS),
)

# A tab of the list -> the states that it shows.
TABS: dict[str, tuple[str, ...]] = {
    "offers": ("draft", "quoted"),
    "accepted": ("accepted",),
    "active": ("active",),
    "ending": ("ending",),
    "holdover": ("holdover",),
    "closed": ("closed", "cancelled"),
}


@leases.get("/leases")
@requires("lease.read")
def index() -> str:
    """Leases: by state, client, end and number."""
    caller = current_caller()
    listed = read_list(sorts=SORTS, default="-created", filters=_FILTERS)
    tab = listed.filters.get("state", "")
    wanted = LeaseFilter(
        states=TABS.get(tab, (tab,) if tab else ()),
        client_id=listed.filters.get("client_id"),
        number_prefix=listed.search.upper() or None,
        ends_before=_horizon(listed.filters.get("ends"), clock.today(caller.partner.time_zone)),
    )
    page = fetch_page(
        caller.session,
        queries.list_leases(caller.tenant, where=wanted),
        sort=listed.sort,
        cursor=listed.cursor,
        limit=listed.limit,
    )
    counts = summaries.count_states(caller.session, caller.tenant)
    is_staff = caller.tenant.client_id is None
    return render_template(
        "portal/leases/index.html",
        page=page,
        rows=summaries.summarise(caller.session, caller.tenant, page.rows),
        listed=listed,
        tab=tab,
        tabs=_tabs(counts),
        saved=views_shown(caller, LEASES),
        clients=summaries.client_choices(caller.session, caller.tenant) if is_staff else [],
        has_any=bool(counts),
        horizons=[("30", _("Ends within 30 days")), ("90", _("Ends within 90 days"))],
    )


def _tabs(counts: dict[str, int]) -> list[tuple[str, str, int]]:
    words = {
        "": _("All"),
        "offers": _("Offers"),
        "accepted": _("To hand over"),
        "active": _("Running"),
        "ending": _("Ending"),
        "holdover": _("Holdover"),
        "closed": _("Closed"),
    }
    return [
        (key, word, sum(counts.get(state, 0) for state in TABS[key]) if key else sum(counts.values()))
        for key, word in words.items()
    ]


def _horizon(text: str | None, today: date) -> date | None:
    return today + timedelta(days=int(text) + 1) if text in ("30", "90") else None
