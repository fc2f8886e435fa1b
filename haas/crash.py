"""Named crash points: where the crash matrix kills this process, and nothing otherwise."""

from __future__ import annotations

import os
import signal
from collections import Counter

_MARK = os.environ.get("HAAS_CRASH_MARK")  # a file that says the point was reached: it fires once

# Every point by name; a test asserts that each of them was hit.
POINTS = frozenset(
    {
        "relay.expanded",
        "relay.leased",
        "worker.before_effect",
        "worker.before_commit",
        "worker.after_commit",
        "billing.before_number",
        "billing.after_number",
        "billing.after_lines",
        "billing.chunk_committed",
        "credit.after_number",
        "render.before_store",
        "render.before_commit",
        "receipt.inserted",
        "receipt.allocated",
        "reversal.inserted",
        "reversal.carried_out",
        "balance_refund.inserted",
        "balance_refund.asked",
        "balance_refund.before_send",
        "balance_refund.after_send",
        "balance_refund.before_commit",
        "balance_refund.paid",
        "bank_import.inserted",
        "bank_import.before_commit",
        "bank_match.before_commit",
        "bank_line.received",
        "bank_line.booked",
        "reminder.charged",
        "reminder.recorded",
        "reminder.printed",
        "reminder.before_send",
        "reminder.after_send",
        "mail.before_send",
        "mail.after_send",
        "export.items_inserted",
        "export.claimed",
        "export.after_render",
        "export.before_commit",
        "export.before_upload",
        "export.draft_uploaded",
        "export.after_upload",
        "asset_import.inserted",
        "pay.before_send",
        "pay.after_send",
        "pay.after_receipt",
        "pay.before_commit",
        "pay.webhook_stored",
        "pay.webhook_done",
        "ingest.before_commit",
        "ingest.after_commit",
    }
)

_wanted: str | None = os.environ.get("HAAS_CRASH")
_nth = 1
_reached: Counter[str] | None = None


def arm(point: str, *, nth: int = 1) -> None:
    """Die when `point` is reached for the nth time from now on; for processes that were forked to die."""
    global _wanted, _nth, _reached
    _wanted, _nth, _reached = point, nth, Counter()


def count() -> Counter[str]:
    """Count from now on how often each point is reached."""
    global _wanted, _reached
    _wanted, _reached = None, Counter()
    return _reached


def crashpoint(name: str) -> None:
    """Die here by SIGKILL if this point is wanted; costs two comparisons otherwise."""
    if _reached is not None:
        _reached[name] += 1
    if _wanted is None or name != _wanted or (_reached is not None and _reached[name] != _nth):
        return
    if _MARK:
        try:
            os.close(os.open(_MARK, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o600))
        except FileExistsError:
            return
    os.kill(os.getpid(), signal.SIGKILL)
