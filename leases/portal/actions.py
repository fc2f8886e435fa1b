"""What a lease's state and the viewer's role allow now; the first is the page's one primary action."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from flask import url_for
from flask_babel import gettext as _

from haas.auth.caller import Caller
from leases.lifecycle import BILLABLE, LeaseState
from leases.models import Lease
from leases.summaries import Place

S = LeaseState
_STARTED = (S.ACTIVE, S.ENDING, S.HOLDOVER)
_UNSTARTED = (S.DRAFT, S.QUOTED, S.ACCEPTED)


@dataclass(frozen=True, slots=True)
class Action:
    """A link, or with `post` a form of one button."""

    label: str
    href: str
    icon: str
    post: bool = False
    confirm: str | None = None
    grave: bool = False


def actions_for(caller: Caller, lease: Lease, places: Sequence[Place]) -> list[Action]:
    """Every action, the most fitting first."""
    state = LeaseState(lease.state)
    found = [*_of_offer(caller, lease, state, places), *_of_hardware(caller, lease, state, places)]
    found += _of_end(caller, lease, state)
    found += _of_money(caller, lease)
    return found


def _of_offer(caller: Caller, lease: Lease, state: LeaseState, places: Sequence[Place]) -> Iterator[Action]:
    def to(endpoint: str) -> str:
        return url_for(f"leases.{endpoint}", lease_id=lease.id)

    manages = caller.may("lease.manage")
    if state == S.DRAFT and manages:
        lines = Action(_("Edit lines"), to("lines"), "list-check")
        quote = Action(_("Offer to the client"), to("quote"), "send")
        yield from (quote, lines) if lease.lines else (lines, quote)
        yield Action(_("Edit terms"), to("edit"), "edit")
    if state == S.QUOTED and caller.may("lease.accept"):
        yield Action(_("Accept the offer"), to("accept"), "signature")
    if state == S.QUOTED and manages:
        yield Action(_("Take the offer back"), to("revise"), "edit", post=True)
    if state == S.ACCEPTED and caller.may("lease.activate") and not _needs_hardware(places):
        yield Action(_("Start the rent"), to("activate"), "check")


def _of_hardware(
    caller: Caller, lease: Lease, state: LeaseState, places: Sequence[Place]
) -> Iterator[Action]:
    open_places = [place for place in places if place.line.kind == "asset" and place.line.starts_on is None]
    if state in (S.ACCEPTED, *_STARTED) and open_places and caller.may("asset.move"):
        yield Action(_("Hand over devices"), url_for("leases.show", lease_id=lease.id, tab="assets"), "truck")
    standing = any(place.is_filled for place in places)
    if state == S.HOLDOVER and caller.may("lease.manage"):
        yield Action(_("Renew"), url_for("leases.renew", lease_id=lease.id), "refresh")
    if state in (S.ENDING, S.HOLDOVER) and standing and caller.may("lease.return"):
        yield Action(_("Ask devices back"), url_for("returns.new", lease_id=lease.id), "package")
    if state in _STARTED and standing and caller.may("lease.swap"):
        yield Action(_("Swap a device"), url_for("swaps.new", lease_id=lease.id), "arrows-exchange")
    if state == S.ACTIVE and standing and caller.may("lease.return"):
        yield Action(_("Ask devices back"), url_for("returns.new", lease_id=lease.id), "package")
    if state in _STARTED and standing and caller.may("lease.request_return"):
        yield Action(_("Give a device back"), url_for("returns.ask", lease_id=lease.id), "package")


def _of_end(caller: Caller, lease: Lease, state: LeaseState) -> Iterator[Action]:
    if not caller.may("lease.manage"):
        return
    if state == S.ACTIVE:
        yield Action(_("Give notice"), url_for("leases.notice", lease_id=lease.id), "clock")
    if state in (S.ACTIVE, S.ENDING):
        yield Action(_("Renew"), url_for("leases.renew", lease_id=lease.id), "refresh")
    if state == S.ENDING:
        yield Action(
            _("Withdraw the notice"),
            url_for("leases.withdraw_notice", lease_id=lease.id),
            "refresh",
            post=True,
            confirm=_("The lease then runs on. Its last day stays %(day)s.", day=lease.ends_on),
        )
    if state in _UNSTARTED:
        yield Action(_("Cancel this lease"), url_for("leases.cancel", lease_id=lease.id), "x", grave=True)


def _of_money(caller: Caller, lease: Lease) -> Iterator[Action]:
    if lease.commences_on is not None and caller.may("depreciation.read"):
        yield Action(_("Classification"), url_for("leases.classification", lease_id=lease.id), "calculator")
    if lease.state in BILLABLE and caller.may("funder.read"):
        yield Action(_("Funding"), url_for("leases.funding", lease_id=lease.id), "coin")


def _needs_hardware(places: Sequence[Place]) -> bool:
    return any(place.line.kind == "asset" for place in places)
