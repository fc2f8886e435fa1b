"""Takes the server's commands: judges them, carries them out, answers."""

from __future__ import annotations

from typing import Any, Callable, Dict, List, Mapping, Optional

from agent import commands, messages
from agent.reports import Reports
from agent.rotation import Rotation
from agent.sending import Sender
from agent.spool import Row, Spool

FORGERIES_ANSWERED = 20


class CommandDesk:
    """The commands of one session."""

    def __init__(
        self,
        *,
        spool: Spool,
        reports: Reports,
        sender: Sender,
        rotation: Rotation,
        send: Callable[[List[Row]], None],
        read_smart: Callable[[], None],
    ) -> None:
        self._spool = spool
        self._reports = reports
        self._sender = sender
        self._rotation = rotation
        self._send = send
        self._read_smart = read_smart
        self._waiting_for_smart: List[str] = []
        self._forgeries = 0

    def take(self, body: Mapping[str, Any], *, now_ms: int) -> None:
        """Judge one command, carry it out if it is to be, and answer.

        :raises messages.BadMessage: if it is no command at all.
        """
        command = commands.read(body)
        verdict = commands.judge(
            body,
            command,
            key=self._rotation.credentials.command_key_bytes,
            now_ms=now_ms,
            last_seq=self._spool.last_command_seq(),
            known=self._spool.known_command(command.id),
            is_running=command.id in self._waiting_for_smart
            or command.id == self._rotation.credentials.rotate_command,
        )
        if verdict is None:
            return
        if verdict.code == "bad_signature":
            self._forgeries += 1
            if self._forgeries > FORGERIES_ANSWERED:
                return
        if verdict.is_new:
            self._spool.remember_command(
                command.id, seq=command.seq, st=verdict.st, code=verdict.code, out=verdict.out
            )
        self._send(self._reports.result(command.id, verdict.st, code=verdict.code, out=verdict.out))
        if verdict.st == "received":
            try:
                self._carry_out(command)
            except messages.BadMessage as error:
                self.finish(command.id, "failed", code="bad_args", out={"detail": str(error)})

    def finish(
        self,
        id: str,
        st: str,
        *,
        code: Optional[str] = None,
        out: Optional[Mapping[str, Any]] = None,
    ) -> None:
        """Report and remember what became of a command."""
        # The result is stored before the outcome is remembered: a crash between the two makes the
        # server ask again and the device do it again, but never leaves the server without answer.
        self._send(self._reports.result(id, st, code=code, out=out))
        self._spool.remember_command(id, seq=0, st=st, code=code, out=out or {})

    def smart_was_read(self) -> None:
        """Answer the commands that asked for a SMART reading."""
        finished, self._waiting_for_smart = self._waiting_for_smart, []
        for id in finished:
            self.finish(id, "done")

    def _carry_out(self, command: commands.Command) -> None:
        if command.verb == "rebirth":
            self._send(self._reports.birth("rebirth") + self._reports.inventory())
        elif command.verb == "resend":
            self.finish(command.id, "done", out=self._resend(command.args))
            return
        elif command.verb == "collect":
            what = commands.collectables(command.args)
            if "health" in what:
                self._send(self._reports.health())
            if "inventory" in what:
                self._send(self._reports.inventory())
            if "smart" in what:
                self._waiting_for_smart.append(command.id)
                self._read_smart()
                self._send(self._reports.result(command.id, "running"))
                return
        elif command.verb == "rotate":
            self._send(self._reports.result(command.id, "running"))
            try:
                self._rotation.begin(command.id)
            except OSError as error:  # nothing was posted: the old secret stands
                self.finish(command.id, "failed", code="not_saved", out={"detail": str(error)})
            return
        self.finish(command.id, "done")

    def _resend(self, args: Mapping[str, Any]) -> Dict[str, Any]:
        """Queue what is asked for and still here; return what is gone for good as ranges."""
        b, wanted = commands.resend_ranges(args, b=self._spool.b)
        found, gone = 0, []
        for first, last in wanted:
            expected = first
            for s in self._spool.numbers(b=b, first=first, last=last):
                found += 1
                if s > expected:
                    gone.append([expected, s - 1])
                expected = s + 1
            if expected <= last:
                gone.append([expected, last])
        self._sender.again(b, wanted)
        return {"b": b, "sent": found, "gone": gone[:200]}
