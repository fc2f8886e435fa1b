"""What may be done with an asset now: by its state, by the contract it stands on, by who asks."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from typing import Any

from flask_babel import lazy_gettext as _l

from devices.lifecycle import ASSET_LIFECYCLE, AssetState
from devices.models import Asset
from devices.moves import LEASE_VERBS, RETURN_VERBS


@dataclass(frozen=True, slots=True)
class Action:
    """One verb as a button. `asks`: what must be filled in first; none of it: one press is enough."""

    verb: str
    label: Any
    icon: str
    permission: str = "asset.move"
    asks: tuple[str, ...] = ()
    grave: bool = False  # asked twice


_SOLD = ("reason", "proceeds")

# In the order in which they are offered; what is rare or grave comes last.
# fmt: off
ACTIONS: tuple[Action, ...] = (
    Action("receive",        _l("Receive"),            "package",  asks=("serial",)),
    Action("stage",          _l("Start staging"),      "tool"),
    Action("make_ready",     _l("Make ready"),         "check"),
    Action("reserve",        _l("Reserve"),            "shield-lock", asks=("client_id",)),
    Action("ship",           _l("Hand to courier"),    "truck"),
    Action("accept",         _l("Hand over"),          "signature", asks=("client_id",)),
    Action("restore",        _l("Back in service"),    "check"),
    Action("collect",        _l("Collect"),            "truck"),
    Action("dock",           _l("Take in"),            "package"),
    Action("grade",          _l("Inspect and grade"),  "clipboard-check", "asset.grade", asks=("grade",)),
    Action("refurbish",      _l("Refurbish"),          "tool"),
    Action("restock",        _l("Back to stock"),      "check",    asks=("grade",)),
    Action("recall",         _l("Start return"),       "arrow-left"),
    Action("send_to_repair", _l("Report fault"),       "tool",     asks=("reason",)),
    Action("recover",        _l("Found again"),        "refresh",  asks=("reason",)),
    Action("keep",           _l("Stays after all"),    "check"),
    Action("release",        _l("Release"),            "arrow-left"),
    Action("refuse",         _l("Delivery refused"),   "x",        asks=("reason",)),
    Action("retire",         _l("Retire"),             "archive",  asks=("reason",), grave=True),
    Action("dispose",        _l("Dispose"),            "trash", "asset.dispose", _SOLD, grave=True),
    Action("buy_out",        _l("Sell to client"),     "receipt", "asset.dispose", _SOLD, grave=True),
    Action("report_lost",    _l("Report lost"),        "alert-triangle", asks=("reason",), grave=True),
    Action("report_stolen",  _l("Report stolen"),      "alert-triangle", asks=("reason",), grave=True),
)
# fmt: on
BY_VERB: dict[str, Action] = {action.verb: action for action in ACTIONS}


# What a scan page without signal can ask for itself; all else is chosen from rows that the phone lacks.
PLAIN_QUESTIONS = frozenset({"serial", "grade", "reason"})
# What a technician in a cellar most likely does with an asset that the phone has never seen.
LIKELY_UNSEEN = ("collect", "send_to_repair", "dock")


def waiting_actions(permissions: Collection[str]) -> list[Action]:
    """The moves that a role may make without signal, to be checked when they are sent; none that is grave."""
    plain = [action for action in ACTIONS if set(action.asks) <= PLAIN_QUESTIONS and not action.grave]
    return [action for action in plain if {"asset.move", action.permission} <= set(permissions)]


def barred_by(contract: Mapping[str, str]) -> frozenset[str]:
    """The moves that belong to the lease or return that an asset stands on."""
    on_lease = LEASE_VERBS if "lease_id" in contract else frozenset()
    return on_lease | (RETURN_VERBS if "return_id" in contract else frozenset())


def actions_for(asset: Asset, *, permissions: Collection[str], contract: Mapping[str, str]) -> list[Action]:
    """The moves that state, contract and role allow, in the order in which they are offered."""
    legal = set(ASSET_LIFECYCLE.verbs_from(AssetState(asset.state))) - barred_by(contract)
    if asset.holds_data_of_client_id is not None:
        legal -= {"dispose", "restock"}  # first the wipe
    return [action for action in ACTIONS if action.verb in legal and action.permission in permissions]
