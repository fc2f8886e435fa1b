"""/operator/profit: what each partner's fleet earns, for the operator, who sees sums and no row of theirs."""

from __future__ import annotations

from flask import Blueprint, render_template, request
from flask_babel import gettext as _

from haas import clock
from haas.accounts import partners
from haas.auth.caller import Caller, current_caller, requires
from haas.errors import Conflict
from haas.pages.lists import read_list
from haas.tenancy.scope import Platform
from leases.portal.profit import PERIODS, since_of
from leases.portal.record import as_of_asked
from leases.profit.partners import view_partners

blueprint = Blueprint("partner_profit", __name__)

PARTNERS_AT_ONCE = 10  # each is a whole fleet


@blueprint.get("/operator/profit")
@requires("partner.list")
def index() -> str:
    """One page of partners with the sums of their fleets."""
    caller = current_caller()
    platform = _at_the_desk(caller)
    as_of = as_of_asked(clock.today("UTC"))  # partners are in many zones
    state = read_list(sorts=partners.PARTNER_SORTS, default="name")
    page = partners.list_partners(
        caller.session,
        search=state.search,
        sort=state.sort,
        cursor=state.cursor,
        limit=min(state.limit, PARTNERS_AT_ONCE),
    )
    since = since_of(request.args.get("period", ""), as_of)
    return render_template(
        "portal/profit/partners.html",
        page=page,
        state=state,
        as_of=as_of,
        periods=[(key, word) for key, word in PERIODS.items() if key],
        rows=view_partners(caller.session, platform, partners=page.rows, since=since, as_of=as_of),
    )


def _at_the_desk(caller: Caller) -> Platform:
    if not isinstance(caller.scope, Platform):
        raise Conflict(_("Leave %(name)s first.", name=caller.partner.name))
    return caller.scope
