"""What the pages of clients, and the API, tell of a client's credit limit."""

from __future__ import annotations

from collections.abc import Sequence

from flask import render_template
from flask_babel import gettext as _

from haas import clock
from haas.auth.caller import Caller
from haas.tenancy.models import Client
from invoicing import exposure
from invoicing.credit_limit import BeyondLimit, CreditPolicy, Exposure

MAY_SEE = "dunning.read"


def tell_exposure(caller: Caller, client: Client) -> str:
    """The card with its bar: at most 28 queries."""
    found = exposure_told(caller, client)
    if found is None:
        return ""
    return render_template(
        "portal/clients/exposure_part.html",
        client=client,
        exposure=found,
        is_refused=CreditPolicy.of_policies(caller.partner.policies).beyond is BeyondLimit.BLOCK,
        parts=part_words(),
    )


def exposure_told(caller: Caller, client: Client) -> Exposure | None:
    """What it owes; none for who may not see it."""
    if not caller.may(MAY_SEE):
        return None
    today = clock.today(caller.partner.time_zone)
    return exposure.exposure_of(caller.session, caller.tenant, client=client, today=today)


def who_is_over(caller: Caller, clients: Sequence[Client]) -> set[str]:
    """The ids of those that owe more than they may; no query where none has a limit."""
    policy = CreditPolicy.of_policies(caller.partner.policies)
    if policy.beyond is BeyondLimit.ALLOW or not caller.may(MAY_SEE):
        return set()
    today = clock.today(caller.partner.time_zone)
    return set(exposure.over_limit(caller.session, caller.tenant, clients=clients, today=today))


def part_words() -> dict[str, str]:
    """The parts of what a client owes."""
    return {
        "invoices": _("Open invoices"),
        "rent": _("Rent of the running period, not billed"),
        "charges": _("Charges, not billed"),
        "accepted": _("Accepted, rent not begun"),
        "credit": _("Credit balance"),
    }
