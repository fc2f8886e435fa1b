"""One table of words, colours and icons for every state in the product: page, PDF and mail say the same."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from flask_babel import lazy_gettext as _l


@dataclass(frozen=True, slots=True)
class StateLook:
    """How a state is shown. The colour never stands alone: word and icon say the same."""

    word: Any  # translated when it is shown
    colour: str  # blue information, green well, amber look at it, red act, grey over
    icon: str


def _look(word: Any, colour: str, icon: str) -> StateLook:
    return StateLook(word, colour, icon)


# fmt: off
STATES: dict[str, dict[str, StateLook]] = {
    "asset": {
        "ordered":        _look(_l("Ordered"),            "blue",  "clock"),
        "received":       _look(_l("Received"),           "blue",  "package"),
        "staging":        _look(_l("Staging"),            "blue",  "tool"),
        "ready":          _look(_l("Ready"),              "green", "check"),
        "reserved":       _look(_l("Reserved"),           "blue",  "shield-lock"),
        "in_transit_out": _look(_l("On its way out"),     "blue",  "truck"),
        "in_service":     _look(_l("In service"),         "green", "check"),
        "in_repair":      _look(_l("In repair"),          "amber", "tool"),
        "return_due":     _look(_l("Return due"),         "amber", "clock"),
        "in_transit_in":  _look(_l("On its way back"),    "blue",  "truck"),
        "quarantine":     _look(_l("Quarantine"),         "amber", "shield-check"),
        "graded":         _look(_l("Graded"),             "blue",  "check"),
        "refurbishing":   _look(_l("Refurbishing"),       "blue",  "tool"),
        "retired":        _look(_l("Retired"),            "grey",  "archive"),
        "disposed":       _look(_l("Disposed"),           "grey",  "trash"),
        "bought_out":     _look(_l("Bought out"),         "grey",  "receipt"),
        "lost":           _look(_l("Lost"),               "red",   "alert-triangle"),
        "stolen":         _look(_l("Stolen"),             "red",   "alert-triangle"),
    },
    "funding": {
        "active":  _look(_l("Running"),         "green", "check"),
        "paid":    _look(_l("Paid off"),        "grey",  "archive"),
        "settled": _look(_l("Settled early"),   "grey",  "receipt"),
    },
    "custody": {
        "ours":   _look(_l("In our own hands"), "grey", "building"),
        "client": _look(_l("With a client"),    "blue", "building-community"),
    },
    "title": {
        "supplier": _look(_l("The supplier's"),  "grey",  "truck"),
        "ours":     _look(_l("Ours"),            "green", "check"),
        "client":   _look(_l("The client's"),    "blue",  "receipt"),
        "nobody":   _look(_l("Disposed of"),     "grey",  "trash"),
    },
    "book": {
        "cost":         _look(_l("At cost"),           "grey",  "coin"),
        "depreciating": _look(_l("Being written off"), "blue",  "chart-line"),
        "written_off":  _look(_l("Written off"),       "amber", "check"),
        "closed":       _look(_l("Book closed"),       "grey",  "archive"),
    },
    "lease": {
        "draft":     _look(_l("Draft"),     "grey",  "edit"),
        "quoted":    _look(_l("Quoted"),    "blue",  "send"),
        "accepted":  _look(_l("Accepted"),  "blue",  "check"),
        "active":    _look(_l("Active"),    "green", "check"),
        "ending":    _look(_l("Ending"),    "amber", "clock"),
        "holdover":  _look(_l("Holdover"),  "red",   "alert-triangle"),
        "closed":    _look(_l("Closed"),    "grey",  "archive"),
        "cancelled": _look(_l("Cancelled"), "grey",  "x"),
    },
    "amendment": {
        "draft":     _look(_l("To approve"),  "amber", "clock"),
        "approved":  _look(_l("Approved"),    "blue",  "check"),
        "applied":   _look(_l("In force"),    "green", "check"),
        "rejected":  _look(_l("Turned down"), "red",   "x"),
        "withdrawn": _look(_l("Withdrawn"),   "grey",  "x"),
    },
    "buyout": {
        "offered":   _look(_l("Offered"),   "blue",  "send"),
        "agreed":    _look(_l("Agreed"),    "amber", "signature"),
        "passed":    _look(_l("Sold"),      "green", "receipt"),
        "withdrawn": _look(_l("Withdrawn"), "grey",  "x"),
    },
    "quote": {
        "draft":     _look(_l("Draft"),      "grey",  "edit"),
        "sent":      _look(_l("Sent"),       "blue",  "send"),
        "accepted":  _look(_l("Accepted"),   "green", "check"),
        "declined":  _look(_l("Declined"),   "red",   "x"),
        "expired":   _look(_l("Run out"),    "amber", "clock"),
        "withdrawn": _look(_l("Withdrawn"),  "grey",  "x"),
    },
    "need": {
        "open":      _look(_l("To order"),   "amber", "alert-triangle"),
        "ordered":   _look(_l("Ordered"),    "blue",  "truck"),
        "received":  _look(_l("In stock"),   "green", "check"),
        "cancelled": _look(_l("Cancelled"),  "grey",  "x"),
    },
    "return": {
        "requested": _look(_l("Asked for"),   "blue",  "clock"),
        "collected": _look(_l("Collected"),   "blue",  "truck"),
        "received":  _look(_l("To inspect"),  "amber", "shield-check"),
        "inspected": _look(_l("Charge open"), "amber", "receipt"),
        "closed":    _look(_l("Closed"),      "grey",  "archive"),
        "cancelled": _look(_l("Cancelled"),   "grey",  "x"),
    },
    "payment_attempt": {
        "created":   _look(_l("Being sent"),           "blue",  "send"),
        "sent":      _look(_l("Waiting"),              "blue",  "clock"),
        "pending":   _look(_l("Under way"),            "blue",  "clock"),
        "unknown":   _look(_l("Asking what became of it"), "amber", "help"),
        "succeeded": _look(_l("Paid"),                 "green", "check"),
        "declined":  _look(_l("Declined"),             "red",   "x"),
        "expired":   _look(_l("Not paid"),             "grey",  "archive"),
    },
    "money_back": {
        "created":   _look(_l("Being sent"),           "blue",  "send"),
        "sent":      _look(_l("Being sent"),           "blue",  "send"),
        "pending":   _look(_l("Under way"),            "blue",  "clock"),
        "unknown":   _look(_l("Asking what became of it"), "amber", "help"),
        "succeeded": _look(_l("Gone back"),            "amber", "refresh"),
        "declined":  _look(_l("Did not go back"),      "red",   "x"),
    },
    "invoice": {
        "issued":      _look(_l("Issued"),      "blue",  "send"),
        "sent":        _look(_l("Sent"),        "blue",  "send"),
        "part_paid":   _look(_l("Part paid"),   "blue",  "receipt"),
        "due":         _look(_l("Due"),         "amber", "clock"),
        "overdue":     _look(_l("Overdue"),     "red",   "alert-triangle"),
        "paid":        _look(_l("Paid"),        "green", "check"),
        "credited":    _look(_l("Credited"),    "grey",  "refresh"),
        "credit_note": _look(_l("Credit note"), "grey",  "refresh"),
    },
    "charge": {
        "waiting": _look(_l("Waits for billing"), "blue",  "clock"),
        "billed":  _look(_l("Billed"),            "green", "check"),
        "voided":  _look(_l("Voided"),            "grey",  "x"),
    },
    "bank_line": {
        "open":    _look(_l("To match"),  "amber", "arrows-exchange"),
        "booked":  _look(_l("Booked"),    "green", "check"),
        "ignored": _look(_l("Set aside"), "grey",  "archive"),
    },
    "payout": {
        "pending":    _look(_l("Under way"), "blue",  "clock"),
        "in_transit": _look(_l("Under way"), "blue",  "clock"),
        "paid":       _look(_l("Paid"),      "green", "check"),
        "failed":     _look(_l("Failed"),    "red",   "alert-triangle"),
        "canceled":   _look(_l("Cancelled"), "grey",  "x"),
    },
    "dispute": {
        "open":      _look(_l("Disputed"),         "amber", "alert-triangle"),
        "accepted":  _look(_l("Accepted"),         "green", "check"),
        "partly":    _look(_l("Accepted in part"), "green", "check"),
        "rejected":  _look(_l("Rejected"),         "grey",  "x"),
        "withdrawn": _look(_l("Withdrawn"),        "grey",  "archive"),
    },
    "credit": {
        "over": _look(_l("Over its credit limit"), "red", "alert-triangle"),
    },
    "held": {
        "dispute": _look(_l("Disputed"),         "amber", "alert-triangle"),
        "promise": _look(_l("Payment promised"), "blue",  "calendar"),
        "by_hand": _look(_l("Paused"),           "grey",  "clock"),
    },
    "health": {
        "healthy": _look(_l("Good"),    "green", "heartbeat"),
        "watch":   _look(_l("Watch"),   "amber", "eye"),
        "failing": _look(_l("Failing"), "red",   "alert-triangle"),
        "no_data": _look(_l("No data"), "grey",  "help"),
    },
    "online": {
        "never_seen":  _look(_l("Never seen"),  "grey",  "help"),
        "online":      _look(_l("Online"),      "green", "wifi"),
        "suspect":     _look(_l("Quiet"),       "amber", "wifi"),
        "offline":     _look(_l("Offline"),     "red",   "wifi-off"),
        "asleep":      _look(_l("Asleep"),      "grey",  "moon"),
        "maintenance": _look(_l("Maintenance"), "blue",  "tool"),
    },
    "alert": {
        "open":         _look(_l("Open"),         "red",   "bell"),
        "acknowledged": _look(_l("Acknowledged"), "amber", "eye"),
        "resolved":     _look(_l("Resolved"),     "green", "check"),
    },
    "swap_proposal": {
        "open":      _look(_l("To decide"), "red",   "arrows-exchange"),
        "accepted":  _look(_l("Accepted"),  "green", "check"),
        "dismissed": _look(_l("Dismissed"), "grey",  "x"),
        "withdrawn": _look(_l("Withdrawn"), "grey",  "refresh"),
    },
    "severity": {
        "info":     _look(_l("Information"), "blue",  "info-circle"),
        "warning":  _look(_l("Look at it"),  "amber", "alert-triangle"),
        "critical": _look(_l("Act now"),     "red",   "alert-triangle"),
    },
    "period": {
        "open":   _look(_l("Under way"),     "blue",  "clock"),
        "due":    _look(_l("To be posted"),  "amber", "alert-circle"),
        "posted": _look(_l("Posted"),        "green", "check"),
        "locked": _look(_l("Locked"),        "grey",  "shield-lock"),
    },
    "job": {
        "queued":    _look(_l("Waiting"),  "grey",  "clock"),
        "running":   _look(_l("Running"),  "blue",  "refresh"),
        "done":      _look(_l("Done"),     "green", "check"),
        "failed":    _look(_l("Failed"),   "red",   "alert-triangle"),
    },
    "export": {
        "claimed": _look(_l("Being written"), "blue",  "refresh"),
        "done":    _look(_l("Done"),          "green", "check"),
        "failed":  _look(_l("Failed"),        "red",   "alert-triangle"),
    },
    "delivery": {
        "pending": _look(_l("Under way"), "blue",  "clock"),
        "sent":    _look(_l("Sent"),      "green", "check"),
        "failed":  _look(_l("Failed"),    "red",   "alert-triangle"),
    },
    "command": {
        "queued":   _look(_l("Waiting"),   "grey",  "clock"),
        "sent":     _look(_l("Sent"),      "blue",  "send"),
        "received": _look(_l("Received"),  "blue",  "check"),
        "running":  _look(_l("Running"),   "blue",  "refresh"),
        "done":     _look(_l("Done"),      "green", "check"),
        "failed":   _look(_l("Failed"),    "red",   "alert-triangle"),
        "rejected": _look(_l("Refused"),   "red",   "x"),
        "expired":  _look(_l("Expired"),   "grey",  "clock"),
    },
    "grade": {
        "A": _look(_l("A, as new"),        "green", "check"),
        "B": _look(_l("B, light wear"),    "green", "check"),
        "C": _look(_l("C, visible wear"),  "amber", "eye"),
        "D": _look(_l("D, damaged"),       "red",   "alert-triangle"),
        "X": _look(_l("X, scrap"),         "grey",  "trash"),
    },
    "user": {
        "active":   _look(_l("Active"),    "green", "check"),
        "invited":  _look(_l("Invited"),   "blue",  "send"),
        "locked":   _look(_l("Locked"),    "amber", "shield-lock"),
        "disabled": _look(_l("Disabled"),  "grey",  "x"),
    },
    "token": {
        "active":  _look(_l("Active"),     "green", "check"),
        "expired": _look(_l("Expired"),    "grey",  "clock"),
        "revoked": _look(_l("Revoked"),    "grey",  "x"),
    },
    "partner": {
        "active":    _look(_l("Active"),    "green", "check"),
        "suspended": _look(_l("Suspended"), "red",   "shield-lock"),
    },
    "validity": {
        "held":    _look(_l("Holds"),   "green", "check"),
        "to_come": _look(_l("To come"), "blue",  "clock"),
        "over":    _look(_l("Over"),    "grey",  "archive"),
    },
    "price_rise": {
        "draft":     _look(_l("Planned"),       "amber", "edit"),
        "announced": _look(_l("Announced"),     "blue",  "mail"),
        "applying":  _look(_l("Being applied"), "blue",  "refresh"),
        "applied":   _look(_l("Applied"),       "green", "check"),
    },
}
# fmt: on


def look_of(kind: str, state: str) -> StateLook:
    """How `state` of `kind` is shown; a state without a look shows its own name, in grey.

    :raises KeyError: for a kind that is not in the table.
    """
    look = STATES[kind].get(str(state))
    return look or StateLook(str(state).replace("_", " ").capitalize(), "grey", "help")


def word_of(state: str, kind: str | None = None) -> str:
    """The word of a state: of `kind`, or of the first kind that has it."""
    if kind is not None:
        return str(look_of(kind, state).word)
    for table in STATES.values():
        if (look := table.get(str(state))) is not None:
            return str(look.word)
    return str(state).replace("_", " ").capitalize()
