"""Which commands of the server are obeyed, and that none is obeyed twice.

Checked in this order: the signature, so that a captured broker cannot command; whether the id is
known, so that a repeat is answered with what came of it; the time limit; the sequence, so that an
old command cannot be played back; the verb.
"""

from __future__ import annotations

import re
from typing import Any, Dict, List, Mapping, NamedTuple, Optional

from agent import messages
from agent.spool import KnownCommand

_ID = re.compile(r"[0-9A-Za-z_-]{1,64}\Z")


class Verdict(NamedTuple):
    """What to do with a command.

    `st` is "received" if it is to be carried out, else the state to report. `is_new` tells whether
    the outcome is to be remembered; a forged command must not occupy the id of a true one.
    """

    st: str
    code: Optional[str] = None
    out: Mapping[str, Any] = {}
    is_new: bool = True


class Command(NamedTuple):
    id: str
    verb: str
    args: Dict[str, Any]
    exp: int
    seq: int


def read(body: Mapping[str, Any]) -> Command:
    """Return the command in a payload.

    :raises messages.BadMessage: if a field is missing or of another type.
    """
    id, verb, args = body.get("id"), body.get("verb"), body.get("args", {})
    if not isinstance(id, str) or not _ID.match(id):
        raise messages.BadMessage("id is not one")
    if not isinstance(verb, str) or not isinstance(args, dict):
        raise messages.BadMessage("verb or args are of another type")
    numbers = (body.get("exp"), body.get("seq"))
    for number in numbers:
        if not isinstance(number, int) or isinstance(number, bool):
            raise messages.BadMessage("exp or seq is not a whole number")
    return Command(id, verb, args, int(body["exp"]), int(body["seq"]))


def judge(
    body: Mapping[str, Any],
    command: Command,
    *,
    key: bytes,
    now_ms: int,
    last_seq: int,
    known: Optional[KnownCommand],
    is_running: bool,
) -> Optional[Verdict]:
    """Return what to do with a command, or None if it is being carried out already."""
    if not messages.is_signed_by(key, body):
        return Verdict("rejected", "bad_signature", is_new=False)
    if known is not None:
        if known.st in messages.FINAL_RESULT_STATES:
            return Verdict(known.st, known.code, known.out, is_new=False)
        if is_running:
            return None
        # Begun before a restart that cut it short: every verb may be done again.
        return Verdict("received")
    if now_ms > command.exp:
        return Verdict("expired")
    if command.seq <= last_seq:
        return Verdict("rejected", "old_seq")
    if command.verb not in messages.VERBS:
        return Verdict("rejected", "unknown_verb")
    return Verdict("received")


def resend_ranges(args: Mapping[str, Any], *, b: int) -> tuple[int, List[tuple[int, int]]]:
    """Return (b, ranges) of a `resend`: args ``{"b": session, "ranges": [[first, last], ...]}``.

    :raises messages.BadMessage: if they are not that.
    """
    session = args.get("b", b)
    if not isinstance(session, int) or isinstance(session, bool):
        raise messages.BadMessage("b is not a whole number")
    return session, ranges(args.get("ranges"))


def ranges(value: Any) -> List[tuple[int, int]]:
    """Return [[first, last], ...] as tuples; a lone [n] is [n, n].

    :raises messages.BadMessage: if it is anything else.
    """
    if not isinstance(value, list) or len(value) > 1000:
        raise messages.BadMessage("ranges are not a list")
    found = []
    for item in value:
        if not isinstance(item, list) or len(item) not in (1, 2):
            raise messages.BadMessage("a range is not [first, last]")
        for end in item:
            if not isinstance(end, int) or isinstance(end, bool) or end < 0:
                raise messages.BadMessage("a range does not hold whole numbers")
        if item[0] > item[-1] or item[-1] > messages.MAX_INTEGER:
            raise messages.BadMessage("a range is upside down")
        found.append((item[0], item[-1]))
    return found


def collectables(args: Mapping[str, Any]) -> List[str]:
    """Return what a `collect` asks for: args ``{"what": ["health", "inventory", "smart"]}``.

    :raises messages.BadMessage: if it asks for something else.
    """
    what = args.get("what", ["health"])
    if not isinstance(what, list) or not what:
        raise messages.BadMessage("what is not a list")
    for name in what:
        if name not in messages.COLLECTABLE:
            raise messages.BadMessage(f"cannot collect {name!r}"[:80])
    return [name for name in messages.COLLECTABLE if name in what]
