"""/leases/<id>/classification: what kind of lease it is to its lessor, with the figures that decided it."""

from __future__ import annotations

from datetime import date
from decimal import Decimal
from typing import Any

from flask import flash, redirect, render_template, url_for
from flask_babel import gettext as _

from haas import clock
from haas.auth.caller import current_caller, requires
from haas.money import round_places
from leases import classifying, queries
from leases.portal import funding_words
from leases.portal.doors import attempt_or_flash, leases


@leases.get("/leases/<lease_id>/classification")
@requires("depreciation.read")
def classification(lease_id: str) -> str:
    """The class by each framework, test by test."""
    caller = current_caller()
    lease = queries.get_lease(caller.session, caller.tenant, lease_id=lease_id)
    rows = classifying.classifications_of(caller.session, caller.tenant, lease_id=lease_id)
    return render_template(
        "portal/leases/classification.html",
        lease=lease,
        rows=rows,
        decisions=classifying.decisions_of(caller.session, caller.tenant, lease_id=lease_id),
        words=funding_words,
        as_percent=_as_percent,
        as_decimal=Decimal,
        as_day=date.fromisoformat,
    )


@leases.post("/leases/<lease_id>/classification")
@requires("depreciation.manage")
def classify(lease_id: str) -> Any:
    """Decide anew by the terms and thresholds of today."""
    caller = current_caller()
    if attempt_or_flash(
        lambda: classifying.classify_lease(caller.session, caller.tenant, lease_id=lease_id, at=clock.now())
    ):
        flash(_("The classification is decided anew."), "success")
    return redirect(url_for(".classification", lease_id=lease_id), 303)


def _as_percent(share: str | None) -> Decimal | None:
    """A share as it is kept in the row, in percent."""
    return None if share is None else round_places(Decimal(share) * 100, 2)
