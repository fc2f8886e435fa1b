"""From the client's yes to the end: accept, start, give notice, renew, cancel. What costs is shown first."""

from __future__ import annotations

from datetime import date
from typing import Any

from flask import flash, redirect, render_template, request, url_for
from flask_babel import gettext as _

from haas import clock
from haas.auth.caller import Caller, current_caller, requires
from haas.calendar import ONE_DAY, add_months
from haas.pages.forms import Form, blank_form, read_form
from leases import client_requests, operations, previews, queries, returns, summaries
from leases.credit import release_reason
from leases.forms import AcceptForm, ActivateForm, CancelForm, NoticeForm, RenewForm
from leases.models import Lease
from leases.portal import words
from leases.portal.doors import attempt, attempt_or_flash, leases
from leases.rent import monthly_rent, view_rent


@leases.route("/leases/<lease_id>/accept", methods=["GET", "POST"])
@requires("lease.accept")
def accept(lease_id: str) -> Any:
    """What is agreed to, line by line, and the yes."""
    caller = current_caller()
    lease = _lease(caller, lease_id)
    today = clock.today(caller.partner.time_zone)
    if request.method == "GET":
        signer = caller.user.name if caller.tenant.client_id else ""
        return _accept_page(caller, lease, blank_form(signer=signer, accepted_on=today.isoformat()))
    form = read_form(AcceptForm)
    if form.data is not None:
        data = form.data
        # A client says yes now; only the partner writes down a paper that was signed before.
        on = today if caller.tenant.client_id else data["accepted_on"] or today
        reason = release_reason(caller, data["over_limit_reason"])
        if attempt(
            form,
            lambda: client_requests.accept_quote(
                caller.session,
                caller.tenant,
                lease_id=lease_id,
                signer=data["signer"],
                accepted_on=on,
                at=clock.now(),
                over_limit_reason=reason,
            ),
        ):
            flash(
                _("%(number)s is accepted. Rent begins when the devices are.", number=lease.number), "success"
            )
            return redirect(url_for(".show", lease_id=lease_id), 303)
    return _accept_page(caller, _lease(caller, lease_id), form), 422


@leases.post("/leases/<lease_id>/revise")
@requires("lease.manage")
def revise(lease_id: str) -> Any:
    """Take an offer back to be changed."""
    caller = current_caller()
    if attempt_or_flash(
        lambda: operations.revise(caller.session, caller.tenant, lease_id=lease_id, at=clock.now())
    ):
        flash(_("The offer is a draft again. The client no longer sees it."), "success")
    return redirect(url_for(".show", lease_id=lease_id), 303)


@leases.route("/leases/<lease_id>/activate", methods=["GET", "POST"])
@requires("lease.activate")
def activate(lease_id: str) -> Any:
    """Start a lease that has no hardware."""
    caller = current_caller()
    lease = _lease(caller, lease_id)
    if request.method == "GET":
        form = blank_form(first_day=clock.today(lease.time_zone).isoformat())
        return _step_page(lease, form, "activate")
    form = read_form(ActivateForm)
    if form.data is not None:
        first_day = form.data["first_day"]
        if attempt(
            form,
            lambda: operations.activate(
                caller.session, caller.tenant, lease_id=lease_id, first_day=first_day, at=clock.now()
            ),
        ):
            return redirect(url_for(".show", lease_id=lease_id), 303)
    return _step_page(lease, form, "activate"), 422


@leases.route("/leases/<lease_id>/notice", methods=["GET", "POST"])
@requires("lease.manage")
def notice(lease_id: str) -> Any:
    """When a notice would end the lease; confirmed, it does."""
    caller = current_caller()
    lease = _lease(caller, lease_id)
    today = clock.today(lease.time_zone)
    if request.method == "GET":
        form = blank_form(noticed_on=today.isoformat(), recall_assets=True)
        return _notice_page(caller, lease, form, noticed_on=today)
    form = read_form(NoticeForm)
    if form.data is None:
        return _notice_page(caller, lease, form, noticed_on=today), 422
    data = form.data
    if not data["confirmed"]:
        return _notice_page(caller, lease, form, noticed_on=data["noticed_on"])
    if attempt(form, lambda: _give_notice(caller, lease_id, data)):
        flash(_("Notice is noted for %(number)s.", number=lease.number), "success")
        return redirect(url_for(".show", lease_id=lease_id), 303)
    return _notice_page(caller, _lease(caller, lease_id), form, noticed_on=data["noticed_on"]), 422


@leases.post("/leases/<lease_id>/withdraw-notice")
@requires("lease.manage")
def withdraw_notice(lease_id: str) -> Any:
    """The client stays after all."""
    caller = current_caller()
    if attempt_or_flash(
        lambda: operations.withdraw_notice(caller.session, caller.tenant, lease_id=lease_id, at=clock.now())
    ):
        flash(_("The notice is withdrawn. Cancel the returns that were asked for, if any."), "success")
    return redirect(url_for(".show", lease_id=lease_id), 303)


@leases.route("/leases/<lease_id>/renew", methods=["GET", "POST"])
@requires("lease.manage")
def renew(lease_id: str) -> Any:
    """The new last day; confirmed, the lease goes on."""
    caller = current_caller()
    lease = _lease(caller, lease_id)
    if request.method == "GET":
        return _renew_page(lease, blank_form(months=12), months=12)
    form = read_form(RenewForm)
    if form.data is None:
        return _renew_page(lease, form, months=None), 422
    months = form.data["months"]
    if not form.data["confirmed"]:
        return _renew_page(lease, form, months=months)
    if attempt(
        form,
        lambda: operations.renew(
            caller.session, caller.tenant, lease_id=lease_id, months=months, at=clock.now()
        ),
    ):
        flash(_("%(number)s goes on.", number=lease.number), "success")
        return redirect(url_for(".show", lease_id=lease_id), 303)
    return _renew_page(_lease(caller, lease_id), form, months=months), 422


@leases.route("/leases/<lease_id>/cancel", methods=["GET", "POST"])
@requires("lease.manage")
def cancel(lease_id: str) -> Any:
    """Drop a lease that never started."""
    caller = current_caller()
    lease = _lease(caller, lease_id)
    if request.method == "GET":
        return _step_page(lease, blank_form(reason=""), "cancel")
    form = read_form(CancelForm)
    if form.data is not None:
        reason = form.data["reason"]
        if attempt(
            form,
            lambda: operations.cancel(
                caller.session, caller.tenant, lease_id=lease_id, reason=reason, at=clock.now()
            ),
        ):
            flash(_("%(number)s is cancelled.", number=lease.number), "success")
            return redirect(url_for(".show", lease_id=lease_id), 303)
    return _step_page(lease, form, "cancel"), 422


def _lease(caller: Caller, lease_id: str) -> Lease:
    return queries.get_lease(caller.session, caller.tenant, lease_id=lease_id)


def _give_notice(caller: Caller, lease_id: str, data: dict[str, Any]) -> None:
    now = clock.now()
    lease = operations.give_notice(
        caller.session,
        caller.tenant,
        lease_id=lease_id,
        noticed_on=data["noticed_on"],
        at=now,
        reason=data["reason"],
    )
    if data["recall_assets"]:
        returns.request_returns_of_lease(
            caller.session, caller.tenant, lease=lease, notice_on=data["noticed_on"], at=now
        )


def _step_page(lease: Lease, form: Form, name: str, **more: Any) -> str:
    return render_template(f"portal/leases/{name}.html", lease=lease, form=form, words=words, **more)


def _accept_page(caller: Caller, lease: Lease, form: Form) -> str:
    today = clock.today(lease.time_zone)
    return _step_page(
        lease,
        form,
        "accept",
        view=view_rent(caller.session, caller.tenant, lease=lease, as_of=today),
        agreement=queries.get_agreement(caller.session, caller.tenant, agreement_id=lease.agreement_id),
        monthly=monthly_rent(lease, lease.lines),
        names=summaries.model_names(
            caller.session, caller.tenant, (line.model_id for line in lease.lines if line.model_id)
        ),
        is_client=caller.tenant.client_id is not None,
    )


def _notice_page(caller: Caller, lease: Lease, form: Form, *, noticed_on: date) -> str:
    return _step_page(
        lease,
        form,
        "notice",
        preview=previews.preview_notice(caller.session, caller.tenant, lease=lease, noticed_on=noticed_on),
        before=lease.ends_on - ONE_DAY if lease.ends_on else None,
    )


def _renew_page(lease: Lease, form: Form, *, months: int | None) -> str:
    ends_on = lease.ends_on
    return _step_page(
        lease,
        form,
        "renew",
        months=months,
        before=ends_on - ONE_DAY if ends_on else None,
        after=add_months(ends_on, months) - ONE_DAY if ends_on and months else None,
        monthly=monthly_rent(lease, [line for line in lease.lines if line.ends_on is None]),
    )
