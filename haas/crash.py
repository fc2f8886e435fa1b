"""Named crash points: where the crash matrix kills this process, and nothing otherwise."""

from __future__ import annotations

import os
import signal

_WANTED = os.environ.get("HAAS_CRASH")
_MARK = os.environ.get("HAAS_CRASH_MARK")  # a file that says the point was reached: it fires once

# Every point by name; a test asserts that each of them was hit.
POINTS = frozenset(
    {
        "relay.expanded",
        "relay.leased",
        "worker.before_effect",
        "worker.before_commit",
        "worker.after_commit",
        "billing.after_lines",
        "billing.after_number",
        "ingest.before_commit",
        "ingest.after_commit",
    }
)


def crashpoint(name: str) -> None:
    """Die here by SIGKILL if `HAAS_CRASH` names this point; costs one comparison otherwise."""
    if _WANTED is None or name != _WANTED:
        return
    if _MARK:
        try:
            os.close(os.open(_MARK, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o600))
        except FileExistsError:
            return
    os.kill(os.getpid(), signal.SIGKILL)
