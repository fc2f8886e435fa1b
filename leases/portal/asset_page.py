"""What leases tell on an asset's page: a proposed swap, contracts and books in time, papers, money."""

from __future__ import annotations

from typing import Any

from flask import render_template, url_for
from flask_babel import gettext as _

from devices.asset_parts import History, Paper
from devices.models import Asset
from haas import clock
from haas.accounts.audit_log import actor_names
from haas.auth.caller import Caller
from leases import proposed, queries
from leases.asset_history import AssetPapers, books_track, contract_track, papers_of_asset
from leases.handover import SILENCE
from leases.portal import words
from leases.portal.money import money_part


def tell_history(caller: Caller, asset: Asset) -> History:
    """Its contracts and, for those who keep them, its books; who signed for it, its swaps, its returns."""
    session, tenant, now = caller.session, caller.tenant, clock.now()
    tracks = []
    items: list[dict[str, Any]] = []
    if caller.may("lease.read"):
        tracks.append(
            contract_track(
                session,
                tenant,
                asset_id=asset.id,
                now=now,
                address_of=lambda lease_id: url_for("leases.show", lease_id=lease_id),
            )
        )
        items = _items(caller, asset, papers_of_asset(session, tenant, asset_id=asset.id))
    if caller.may("depreciation.read"):
        tracks.append(books_track(session, tenant, asset=asset, zone=caller.partner.time_zone, now=now))
    return History(tracks, items)


def tell_papers(caller: Caller, asset: Asset) -> list[Paper]:
    """Hand-overs, swaps and return receipts."""
    if not caller.may("lease.read"):
        return []
    found = papers_of_asset(caller.session, caller.tenant, asset_id=asset.id)
    papers = [
        Paper(
            row.accepted_at,
            "hand_over",
            _("Certificate of acceptance"),
            _("By silence after the agreed days")
            if row.signer_name == SILENCE
            else _("Signed by %(name)s", name=row.signer_name),
            _open(row.file_id),
        )
        for row in found.acceptances
    ]
    papers += [
        Paper(
            row.swapped_at,
            "hand_over",
            _("Hand-over of a swap"),
            _("It came") if row.incoming_id == asset.id else _("It went"),
            _open(row.file_id),
        )
        for row in found.swaps
    ]
    papers += [
        Paper(
            row.received_at,
            "return",
            _("Return receipt %(number)s", number=row.number),
            row.reason,
            _open(row.receipt_file_id),
        )
        for row in found.returns
        if row.received_at is not None
    ]
    return papers


def tell_notice(caller: Caller, asset: Asset) -> str:
    """The swap that its device asks for. A client's own people learn of a swap when it is decided."""
    if caller.tenant.client_id is not None or not caller.may("lease.read"):
        return ""
    found = proposed.find_open(caller.session, caller.tenant, asset_id=asset.id)
    if found is None:
        return ""
    (told,) = proposed.look_at(caller.session, caller.tenant, [found])
    return render_template("portal/swaps/proposal_note.html", told=told)


def tell_money(caller: Caller, asset: Asset) -> str:
    """Profit and book value as of the movable date of the page's address."""
    return money_part(caller, asset) if caller.may("asset.cost.read") else ""


def _items(caller: Caller, asset: Asset, found: AssetPapers) -> list[dict[str, Any]]:
    session, tenant = caller.session, caller.tenant
    others = {row.incoming_id if row.outgoing_id == asset.id else row.outgoing_id for row in found.swaps}
    tags = queries.tags_of(session, tenant, asset_ids=sorted(others)) if others else {}
    names = actor_names(session, tenant, [row.actor for row in found.swaps]) if found.swaps else {}
    items: list[dict[str, Any]] = [
        {
            "at": row.accepted_at,
            "title": _("Accepted by silence after the agreed days")
            if row.signer_name == SILENCE
            else _("Signed for by %(name)s", name=row.signer_name),
            "text": row.condition,
            "icon": "signature",
            "href": url_for("leases.show", lease_id=row.lease_id),
        }
        for row in found.acceptances
    ]
    for row in found.swaps:
        came = row.incoming_id == asset.id
        other = tags.get(row.outgoing_id if came else row.incoming_id, "–")
        items.append(
            {
                "at": row.swapped_at,
                "title": _("Swapped in for %(tag)s", tag=other)
                if came
                else _("Swapped for %(tag)s", tag=other),
                "text": str(words.SWAP_REASONS[row.reason]),
                "actor": names.get(row.actor, ""),
                "icon": "arrows-exchange",
                "href": url_for("swaps.show", swap_id=row.id),
            }
        )
    items += [
        {
            "at": row.created_at,
            "title": _("Return %(number)s", number=row.number),
            "text": row.reason,
            "icon": "package",
            "href": url_for("returns.show", return_id=row.id),
        }
        for row in found.returns
    ]
    return items


def _open(file_id: str | None) -> str | None:
    return url_for("files.download", file_id=file_id, inline=1) if file_id else None
