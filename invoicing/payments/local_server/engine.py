"""What the test provider knows, in memory: pages, payments, refunds, methods, payouts, and its events.

The methods that can be saved say by their token how a charge of them ends: `METHODS`.
"""

from __future__ import annotations

import base64
import json
import secrets
import threading
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from haas import clock

Row = dict[str, Any]
ACCOUNT = "acct_local"  # of whoever names no other
LIFE_SECONDS = 24 * 3600  # of a page
FEE_PER_THOUSAND, FEE_FIXED = 14, 25

_KEPT = ("checkouts", "payments", "refunds", "disputes", "methods", "payouts", "webhooks", "answers")
_OF_ACCOUNTS = ("checkouts", "payments", "refunds", "disputes", "payouts")

# The last four digits of a card that is saved on the page -> how its charges end.
METHODS: dict[str, tuple[str, str | None, str]] = {
    "4242": ("succeeded", None, ""),
    "0341": ("declined", "soft", "insufficient_funds"),
    "0002": ("declined", "hard", "stolen_card"),
    "3063": ("pending", None, ""),  # a direct debit: settled days later
}


class Refused(Exception):
    """What a client asked for cannot be."""


@dataclass(slots=True)
class Engine:
    """Accounts apart. Thread-safe by one lock, which callers of several steps take themselves."""

    address: str = ""
    checkouts: dict[str, Row] = field(default_factory=dict)
    payments: dict[str, Row] = field(default_factory=dict)
    refunds: dict[str, Row] = field(default_factory=dict)
    disputes: dict[str, Row] = field(default_factory=dict)
    methods: dict[str, Row] = field(default_factory=dict)
    payouts: dict[str, Row] = field(default_factory=dict)
    webhooks: list[Row] = field(default_factory=list)
    answers: dict[str, tuple[Row, Row]] = field(default_factory=dict)  # key -> what was asked, what was made
    events: list[Row] = field(default_factory=list)  # all, oldest first
    on_event: Callable[[Row], None] | None = None
    path: Path | None = None
    lock: threading.RLock = field(default_factory=threading.RLock)
    clock: Callable[[], float] = lambda: clock.now().timestamp()

    def keep_in(self, path: Path) -> None:
        """Take up what a file has of an earlier run, and write each change into it."""
        self.path = path
        if path.exists():
            for name, rows in json.loads(path.read_text()).items():
                setattr(self, name, rows)
            for name in _OF_ACCOUNTS:
                for row in getattr(self, name).values():
                    row.setdefault("account", ACCOUNT)
            self._tie()

    def once(self, key: str | None, asked: Row, make: Callable[[], Row]) -> Row:
        """The same key is the same answer, as it is by now.

        :raises Refused: if the key asked for something else before.
        """
        with self.lock:
            if key is None:
                return make()
            if key in self.answers:
                before, made = self.answers[key]
                if before != asked:
                    raise Refused("this key was used for another request")
                return made
            made = make()
            self.answers[key] = (asked, made)
            self._save()
            return made

    def add_webhook(self, url: str, account: str = ACCOUNT) -> Row:
        """Tell an account's events there from now on; an address that was known keeps its secret."""
        with self.lock:
            for known in self.webhooks:
                if known["url"] == url:
                    return known
            made = {"id": _new("we"), "account": account, "url": url, "secret": _new_secret()}
            self.webhooks.append(made)
            self._save()
            return made

    def open_checkout(self, asked: Row, key: str) -> Row:
        """A page that waits for somebody."""
        made = {
            "id": _new("cs"),
            "account": asked.get("account", ACCOUNT),
            "key": key,
            "mode": asked["mode"],
            "amount": asked.get("amount", 0),
            "currency": asked["currency"],
            "description": asked.get("description", ""),
            "return_url": asked["return_url"],
            "customer": asked.get("customer"),
            "status": "open",
            "expires_at": int(self.clock()) + LIFE_SECONDS,
            "payment": None,
            "method": None,
        }
        made["url"] = f"{self.address}/pay/{made['id']}"
        self.checkouts[made["id"]] = made
        return made

    def expire(self, checkout_id: str) -> Row:
        """Close a page that nobody paid on."""
        with self.lock:
            found = self.get(self.checkouts, checkout_id)
            if found["status"] == "open":
                found["status"] = "expired"
                self.tell("checkout.expired", found)
            return found

    def pay(self, checkout_id: str, *, how: str) -> Row:
        """What somebody chose on a page: a row of `METHODS` by its digits.

        :raises Refused: if the page is closed.
        """
        with self.lock:
            page = self.get(self.checkouts, checkout_id)
            if page["status"] != "open" or page["expires_at"] <= self.clock():
                raise Refused("this page is closed")
            if page["mode"] == "setup":
                self._save_method(page, how)
                return page
            status, decline, reason = METHODS[how]
            made = self._payment(page, key=page["key"], status=status, decline=decline, reason=reason)
            made["checkout"] = page["id"]
            if status != "declined":
                page["status"], page["payment"] = "complete", made
            self.tell(f"payment.{status}", made)
            return page

    def charge(self, asked: Row, key: str) -> Row:
        """Charge a saved method.

        :raises Refused: if the method is unknown or was forgotten.
        """
        with self.lock:
            method = self.get(self.methods, asked["method"])
            if method["forgotten"]:
                raise Refused("this method was removed")
            status, decline, reason = METHODS[method["last_four"]]
            made = self._payment(asked, key=key, status=status, decline=decline, reason=reason)
            made["customer"] = method["customer"]
            self.tell(f"payment.{status}", made)
            return made

    def settle(self, payment_id: str, *, paid: bool) -> Row:
        """A payment that waited goes through or does not."""
        with self.lock:
            found = self.get(self.payments, payment_id)
            if found["status"] != "pending":
                raise Refused("this payment waits for nothing")
            found["status"] = "succeeded" if paid else "declined"
            if not paid:
                found["decline"], found["reason"], found["checkout"] = "soft", "debit_returned", ""
            self.tell(f"payment.{found['status']}", found)
            return found

    def refund(self, asked: Row, key: str) -> Row:
        """Give back some of a payment.

        :raises Refused: if it is more than is left of it.
        """
        with self.lock:
            payment = self.get(self.payments, asked["payment"])
            left = payment["amount"] - payment["refunded"]
            if payment["status"] != "succeeded" or not 0 < asked["amount"] <= left:
                raise Refused(f"only {left} is left to refund")
            payment["refunded"] += asked["amount"]
            made = {
                "id": _new("re"),
                "account": payment["account"],
                "key": key,
                "payment": payment["id"],
                "amount": asked["amount"],
                "currency": payment["currency"],
                "status": "succeeded",
                "payout": None,
                "at": self.clock(),
            }
            self.refunds[made["id"]] = made
            self.tell("refund.succeeded", made)
            return made

    def dispute(self, payment_id: str, *, won: bool = False) -> Row:
        """The payer's bank takes the money back; or, asked again with `won`, returns it."""
        with self.lock:
            payment = self.get(self.payments, payment_id)
            made = {
                "id": f"dp_{payment['id']}",
                "account": payment["account"],
                "payment": payment["id"],
                "amount": payment["amount"],
                "currency": payment["currency"],
                "status": "won" if won else "lost",
                "reason": "fraudulent",
                "payout": None,
                "at": self.clock(),
            }
            self.disputes[f"{made['id']}:{made['status']}"] = made
            self.tell("dispute.closed" if won else "dispute.created", made)
            return made

    def pay_out(self) -> Row | None:
        """Send what an account has had in one currency since its last payout to the bank, if anything."""
        with self.lock:
            lines = [
                *(self._line(each, "payment", 1) for each in self.payments.values() if _is_due(each)),
                *(self._line(each, "refund", -1) for each in self.refunds.values() if _is_due(each)),
                *(
                    self._line(each, "chargeback", 1 if each["status"] == "won" else -1)
                    for each in self.disputes.values()
                    if each["payout"] is None
                ),
            ]
            if not lines:
                return None
            account, currency = lines[0]["account"], lines[0]["currency"]
            lines = [line for line in lines if (line["account"], line["currency"]) == (account, currency)]
            made = {
                "id": _new("po"),
                "account": account,
                "amount": sum(line["amount"] - line["fee"] for line in lines),
                "currency": currency,
                "arrives_on": datetime.fromtimestamp(self.clock(), tz=UTC).date().isoformat(),
                "status": "paid",
                "lines": lines,
            }
            self.payouts[made["id"]] = made
            for rows in (self.payments, self.refunds, self.disputes):
                for row in rows.values():
                    is_in = (row["account"], row["currency"]) == (account, currency)
                    if is_in and row["payout"] is None and row["status"] != "pending":
                        row["payout"] = made["id"]
            self.tell("payout.paid", made)
            return made

    def get(self, rows: dict[str, Row], row_id: str) -> Row:
        """A row.

        :raises Refused: if there is none by that id.
        """
        if row_id not in rows:
            raise Refused(f"there is no {row_id}")
        return rows[row_id]

    def by_key(self, rows: dict[str, Row], key: str) -> list[Row]:
        """Rows that were asked for under a key, those that went through first."""
        found = [row for row in rows.values() if row["key"] == key]
        return sorted(found, key=lambda row: row["status"] == "declined")

    def tell(self, kind: str, data: Row) -> None:
        """Something happened."""
        event = {
            "id": _new("evt"),
            "account": data["account"],
            "type": kind,
            "timestamp": datetime.fromtimestamp(self.clock(), tz=UTC).isoformat(),
            "data": _copied(data),
        }
        self.events.append(event)
        self._save()
        if self.on_event is not None:
            self.on_event(event)

    def _save(self) -> None:
        if self.path is None:
            return
        kept = {name: getattr(self, name) for name in _KEPT}
        spare = self.path.with_suffix(".new")
        spare.write_text(json.dumps(kept))
        spare.replace(self.path)

    def _tie(self) -> None:
        """What was one row before it was written is one row again."""
        every = {**self.checkouts, **self.payments, **self.refunds, **self.methods}
        self.answers = {key: (asked, every[made["id"]]) for key, (asked, made) in self.answers.items()}
        for page in self.checkouts.values():
            for name in ("payment", "method"):
                if page[name] is not None:
                    page[name] = every[page[name]["id"]]

    def _payment(self, asked: Row, *, key: str, status: str, decline: str | None, reason: str) -> Row:
        made = {
            "id": _new("pay"),
            "account": asked.get("account", ACCOUNT),
            "key": key,
            "amount": asked["amount"],
            "currency": asked["currency"],
            "status": status,
            "decline": decline,
            "reason": reason,
            "fee": 0 if status == "declined" else asked["amount"] * FEE_PER_THOUSAND // 1000 + FEE_FIXED,
            "refunded": 0,
            "checkout": "",
            "customer": None,
            "payout": None,
            "at": self.clock(),
        }
        self.payments[made["id"]] = made
        return made

    def _save_method(self, page: Row, how: str) -> None:
        is_debit = how == "3063"
        made: Row = {
            "id": _new("pm"),
            "customer": page["customer"] or _new("cus"),
            "kind": "sepa_debit" if is_debit else "card",
            "brand": "SEPA" if is_debit else "Visa",
            "last_four": how,
            "expires_month": None if is_debit else 12,
            "expires_year": None if is_debit else 2034,
            "mandate": _new("mandate") if is_debit else "",
            "forgotten": False,
        }
        self.methods[made["id"]] = made
        page["status"], page["method"], page["customer"] = "complete", made, made["customer"]
        self.tell("checkout.completed", page)

    def _line(self, row: Row, kind: str, sign: int) -> Row:
        return {
            "id": f"{kind}_{row['id']}",
            "account": row["account"],
            "kind": kind,
            "payment": row["id"] if kind == "payment" else row["payment"],
            "amount": sign * row["amount"],
            "currency": row["currency"],
            "fee": row.get("fee") or 0,
        }


def _is_due(row: Row) -> bool:
    return row["status"] == "succeeded" and row["payout"] is None


def _copied(data: Row) -> Row:
    """As it is now: a message that is held back must not change."""
    return {name: dict(value) if isinstance(value, dict) else value for name, value in data.items()}


def _new(prefix: str) -> str:
    return f"{prefix}_{secrets.token_hex(10)}"


def _new_secret() -> str:
    return "whsec_" + base64.b64encode(secrets.token_bytes(32)).decode()
