"""Where an asset on a lease or return is moved: links, by name, to pages above this context."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from flask import current_app, url_for
from flask_babel import lazy_gettext as _l

from devices.lifecycle import AssetState as S
from devices.models import Asset
from haas.auth.caller import Caller


@dataclass(frozen=True, slots=True)
class ContractLink:
    """A page that does the next thing."""

    href: str
    label: Any
    icon: str


# States -> endpoint, what its address takes ("lease_id" as in the contract, "=name": the asset's id), words.
# fmt: off
_LINKS: tuple[tuple[frozenset[S], str, tuple[str, ...], Any, str, str], ...] = (
    (frozenset({S.RESERVED}),                "leases.ship", ("lease_id", "=asset_id"),
     _l("Hand to courier"), "truck", "asset.move"),
    (frozenset({S.IN_TRANSIT_OUT}),          "leases.sign", ("lease_id", "=asset_id"),
     _l("Client signs"), "signature", "asset.move"),
    (frozenset({S.IN_SERVICE, S.IN_REPAIR}), "swaps.new", ("=outgoing_id",),
     _l("Swap"), "arrows-exchange", "lease.swap"),
    (frozenset({S.IN_SERVICE, S.IN_REPAIR}), "returns.new", ("=asset_id",),
     _l("Start return"), "package", "lease.return"),
    (frozenset({S.IN_SERVICE, S.RETURN_DUE}), "buyouts.offer", ("=asset_id",),
     _l("Sell to the client"), "building-store", "lease.end"),
    (frozenset({S.IN_SERVICE, S.IN_REPAIR, S.RETURN_DUE}), "buyouts.loss", ("=asset_id",),
     _l("Confirm a loss"), "alert-triangle", "lease.end"),
    (frozenset({S.RETURN_DUE, S.IN_TRANSIT_IN, S.QUARANTINE}), "returns.show", ("return_id",),
     _l("Open the return"), "package", "lease.return"),
    (frozenset(S),                           "leases.show", ("lease_id",),
     _l("Open the lease"), "signature", "lease.read"),
)
# fmt: on


def contract_links(caller: Caller, asset: Asset, contract: Mapping[str, str]) -> list[ContractLink]:
    """The pages that the asset's contract has for its state and the caller's role, the likeliest first."""
    if not contract:
        return []
    found = []
    for states, endpoint, takes, label, icon, permission in _LINKS:
        values = {name.removeprefix("="): asset.id for name in takes if name.startswith("=")}
        values |= {name: contract[name] for name in takes if name in contract}
        if (
            asset.state in states
            and len(values) == len(takes)
            and endpoint in current_app.view_functions
            and caller.may(permission)
        ):
            found.append(ContractLink(url_for(endpoint, **values), label, icon))  # type: ignore[arg-type]
    return found
