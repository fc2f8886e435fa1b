"""/settings/contracts: who approves changes, usual notice and delivery, where classes of leases are drawn."""

from __future__ import annotations

from typing import Any

from flask import Blueprint, flash, redirect, render_template, request, url_for
from flask_babel import gettext as _

from haas.auth.caller import current_caller, requires
from haas.pages.forms import blank_form, read_form
from leases.contract_policies import change_contract_policy, contract_policy
from leases.forms import ContractPolicyForm
from leases.portal.doors import attempt

blueprint = Blueprint("contract_settings", __name__, url_prefix="/settings/contracts")


@blueprint.route("", methods=["GET", "POST"])
@requires("settings.manage")
def edit() -> Any:
    """The partner's own rules for its contracts."""
    caller = current_caller()
    if request.method == "GET":
        held = contract_policy(caller.partner)
        form = blank_form(
            amendment_four_eyes=held.amendment_four_eyes,
            notice_days=held.notice_days,
            purchase_lead_days=held.purchase_lead_days,
            **{name: f"{share.normalize():f}" for name, share in held.thresholds.items()},
        )
        return render_template("portal/settings/contracts.html", form=form)
    form = read_form(ContractPolicyForm)
    if form.data is not None:
        changes = form.data
        if attempt(form, lambda: change_contract_policy(caller.session, caller.tenant, changes=changes)):
            flash(_("Saved. What was agreed or decided before stays as it was."), "success")
            return redirect(url_for(".edit"), 303)
    return render_template("portal/settings/contracts.html", form=form), 422
