"""One device's life: collect -> store -> send -> receipt, a step at a time."""

from __future__ import annotations

import hashlib
import logging
import random
import socket
from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path
from typing import Any, Callable, Dict, List, Mapping, Optional

from agent import __version__, messages
from agent.backoff import Backoff
from agent.clock import Clock, SystemClock
from agent.collectors.machine import Source
from agent.command_desk import CommandDesk
from agent.commands import ranges
from agent.identity import Credentials, StateDirectory
from agent.link import Acknowledged, Broker, Connected, Link, LinkState, Lost, Received
from agent.reports import Reports
from agent.rotation import Background, Rotation
from agent.sending import Sender
from agent.settings import AgentSettings
from agent.spool import Row, Spool

log = logging.getLogger(__name__)

JITTER = 0.1
INVENTORY_CHECK_SECONDS = 600.0
CLOCK_JUMP_MS = 60_000
SLEPT_SECONDS = 10.0


class Agent:
    """One enrolled device. Call `open` once, `step` whenever `due_in` or its socket says so."""

    def __init__(
        self,
        settings: AgentSettings,
        source: Source,
        *,
        clock: Optional[Clock] = None,
        rng: Optional[random.Random] = None,
        background: Optional[Background] = None,
    ) -> None:
        self.settings = settings
        self.state = StateDirectory(settings.state_dir)
        self._source = source
        self._clock = clock or SystemClock()
        self._rng = rng or random.Random()  # noqa: S311 - jitter, no secret
        self._background: Background = background or ThreadPoolExecutor(
            max_workers=1, thread_name_prefix="agent-slow"
        )
        self._due: Dict[str, float] = {}
        self._smart: Optional[Future[Any]] = None
        self._birth_reason = "start"

    def open(self) -> None:
        """Take hold of the state directory, count the start, open the spool.

        :raises NotEnrolled: if there are no credentials.
        :raises StateError: if the state cannot be used, or another agent uses it.
        """
        self.state.prepare()
        self.state.lock()
        credentials = self.state.credentials()
        self.device = credentials.device
        self.b = self.state.next_session(epoch=credentials.epoch)
        self.spool = Spool(
            spool_path(self.state.path, credentials.device),
            b=self.b,
            max_bytes=self.settings.spool_max_bytes,
            max_age_seconds=self.settings.spool_max_age_seconds,
        )
        self.reports = Reports(self.spool, self._source, self._clock)
        self.sender = Sender(
            self.spool, self._rng, receipt_timeout_seconds=self.settings.receipt_timeout_seconds
        )
        self.sender.disconnected()
        self.rotation = Rotation(
            credentials,
            state=self.state,
            background=self._background,
            clock=self._clock,
            tell=self._tell,
            reconnect=self._reconnect,
        )
        self.desk = CommandDesk(
            spool=self.spool,
            reports=self.reports,
            sender=self.sender,
            rotation=self.rotation,
            send=self._add,
            read_smart=self._read_smart_now,
        )
        self.link = self._new_link(credentials)
        self._take_config(credentials)
        self._first_steps()

    def step(self) -> None:
        """Do what is due, without waiting for anything."""
        self._look_at_clock()
        for event in self.link.step():
            if isinstance(event, Connected):
                self._connected(event)
            elif isinstance(event, Lost):
                self.sender.disconnected()
                if event.refused:
                    self.rotation.refused()
            elif isinstance(event, Received):
                self._received(event)
            elif isinstance(event, Acknowledged):
                self.sender.acknowledged(event.mid)
        self.rotation.step()
        self._take_smart()
        self._collect_what_is_due()
        self._send()

    def due_in(self) -> float:
        """Return the seconds until `step` has something to do, if nothing arrives."""
        now = self._clock.steady()
        waits = [self.link.due_in(), self.rotation.due_in()]
        waits += [max(0.0, due - now) for name, due in self._due.items() if name != "smart"]
        # A reading that is under way is waited for, whatever is due after it.
        waits.append(max(0.0, self._due["smart"] - now) if self._smart is None else 0.25)
        if self.link.state is LinkState.CONNECTED:
            waits.append(self.sender.due_in(now))
        return min(waits)

    def socket(self) -> Optional[socket.socket]:
        return self.link.socket()

    def wants_write(self) -> bool:
        return self.link.wants_write()

    def say_goodbye(self, reason: str) -> Optional[Callable[[], bool]]:
        """Publish a clean death; returns a question whether the broker has it, or None."""
        body = messages.death(b=self.b, reason=reason, t=max(0, self._clock.wall_ms()))
        mid = self.link.publish(messages.up_topic(self.device, "death"), messages.encode(body))
        if mid is None:
            return None
        waiting = {mid}

        def is_delivered() -> bool:
            for event in self.link.step():
                if isinstance(event, Acknowledged):
                    waiting.discard(event.mid)
                elif isinstance(event, Received):
                    self._received(event)  # a receipt now saves a resend at the next start
                elif isinstance(event, Lost):
                    waiting.clear()
            return not waiting

        return is_delivered

    def close(self) -> None:
        self.link.close()
        if isinstance(self._background, ThreadPoolExecutor):
            self._background.shutdown(wait=False)
        self.spool.close()
        self.state.unlock()

    # --- beginning -------------------------------------------------------------------------

    def _new_link(self, credentials: Credentials) -> Link:
        ca_pem = credentials.ca_pem
        if self.settings.ca_file is not None:
            ca_pem = self.settings.ca_file.read_text(encoding="ascii")
        return Link(
            Broker(
                host=self.settings.mqtt_host or credentials.mqtt_host,
                port=self.settings.mqtt_port or credentials.mqtt_port,
                tls=credentials.mqtt_tls,
                ca_pem=ca_pem,
            ),
            device=credentials.device,
            will=messages.encode(messages.death(b=self.b, reason="lost")),
            password=self.rotation.password,
            clock=self._clock,
            backoff=Backoff(self._rng, most_seconds=self.settings.backoff_max_seconds),
            keepalive_seconds=self.settings.keepalive_seconds,
            connect_timeout_seconds=self.settings.connect_timeout_seconds,
        )

    def _take_config(self, credentials: Credentials) -> None:
        """Use the configuration of the highest revision: remembered, or from enrolment."""
        remembered = self.spool.fact("cfg") or {}
        enrolled_rev = credentials.cfg.get("rev")
        if not isinstance(enrolled_rev, int) or remembered.get("rev", 0) >= enrolled_rev:
            self._apply_config(remembered)
        else:
            self._apply_config(credentials.cfg)

    def _apply_config(self, config: Mapping[str, Any]) -> None:
        every = config.get("every")
        self.every = messages.intervals(every if isinstance(every, dict) else {})
        self.reports.config_rev = config.get("rev", 0)

    def _first_steps(self) -> None:
        self._steady_before = self._clock.steady()
        self._wall_before = self._clock.wall_ms()
        self._slept_before = self._clock.slept()
        if self.spool.was_reset:
            self.reports.event("spool.reset", "warn", {})
        version_before = self.spool.fact("version")
        if version_before != __version__:
            self.spool.remember("version", __version__)
            if version_before is not None:
                self._birth_reason = "update"
        # Read before the birth, because the birth tells what is absent; and a rate needs a reading
        # before the first that is sent.
        self._source.health()
        self.reports.inventory()
        now = self._clock.steady()
        self._due = {
            "smart": now,
            "health": self._next_health(now),
            "inventory": now + self.every["inventory"],
            "change": now + INVENTORY_CHECK_SECONDS,
        }

    # --- connection ------------------------------------------------------------------------

    def _connected(self, event: Connected) -> None:
        births = self.reports.birth(self._birth_reason)
        if not births:
            self._reconnect("the birth could not be stored")
            return
        self._birth_reason = "reconnect"
        log.info("connected; session %d, %d messages wait", self.b, self.spool.pending)
        self.sender.connected(*births, *self.reports.health())
        self.rotation.connected_with(event.password)
        self._due["health"] = self._next_health(self._clock.steady())

    def _reconnect(self, reason: str) -> None:
        self.link.reconnect(reason)
        self.sender.disconnected()

    def _received(self, event: Received) -> None:
        try:
            body = messages.decode(event.payload)
            if event.topic == messages.down_topic(self.device, "ack"):
                self._take_receipt(body)
            elif event.topic == messages.down_topic(self.device, "cmd"):
                self.desk.take(body, now_ms=self._clock.wall_ms())
            elif event.topic == messages.down_topic(self.device, "cfg"):
                self._take_new_config(body)
        except messages.BadMessage as error:
            log.warning("%s: %s", event.topic, error)

    def _take_receipt(self, body: Mapping[str, Any]) -> None:
        b, upto = body.get("b"), body.get("upto")
        drop = body.get("drop") or []
        if not _is_whole(b) or not _is_whole(upto) or not isinstance(drop, list):
            raise messages.BadMessage("a receipt without b and upto")
        gone = self.spool.receipt(
            b=int(str(b)),
            upto=int(str(upto)),
            missing=ranges(body.get("missing") or []),
            drop=[s for s in drop if _is_whole(s)],
        )
        self.sender.receipted(int(str(b)), gone)

    def _take_new_config(self, body: Mapping[str, Any]) -> None:
        rev = body.get("rev")
        if not isinstance(rev, int) or not _is_whole(rev):
            raise messages.BadMessage("a configuration without rev")
        if rev <= self.reports.config_rev:
            return
        every = body.get("every")
        config = {"rev": rev, "every": every if isinstance(every, dict) else {}}
        self.spool.remember("cfg", config)
        self._apply_config(config)
        now = self._clock.steady()
        self._due["health"] = min(self._due["health"], self._next_health(now))
        for name in ("smart", "inventory"):
            self._due[name] = min(self._due[name], now + self.every[name])
        self._add(self.reports.health())  # tells the server the revision in force

    # --- collecting and sending ------------------------------------------------------------

    def _collect_what_is_due(self) -> None:
        now = self._clock.steady()
        if now >= self._due["health"]:
            self._due["health"] = self._next_health(now)
            self._add(self.reports.health())
        if now >= self._due["inventory"]:
            self._due["inventory"] = now + self.every["inventory"]
            self._add(self.reports.inventory())
        if now >= self._due["change"]:
            self._due["change"] = now + INVENTORY_CHECK_SECONDS
            self._add(self.reports.inventory(only_if_changed=True))
        if now >= self._due["smart"] and self._smart is None:
            at_ms = max(0, self._clock.wall_ms())
            self._smart = self._background.submit(lambda: self._source.smart(at_ms))
            self._due["smart"] = now + self.every["smart"]
            self._take_smart()

    def _take_smart(self) -> None:
        if self._smart is None or not self._smart.done():
            return
        reading, self._smart = self._smart, None
        self._add(self.reports.smart(reading.result()))
        self.desk.smart_was_read()

    def _tell(
        self,
        id: str,
        st: str,
        *,
        code: Optional[str] = None,
        out: Optional[Mapping[str, Any]] = None,
    ) -> None:
        self.desk.finish(id, st, code=code, out=out)

    def _read_smart_now(self) -> None:
        self._due["smart"] = self._clock.steady()

    def _next_health(self, now: float) -> float:
        """Return when to read next: on the device's own phase, a tenth earlier or later."""
        interval = float(self.every["health"])
        digest = hashlib.sha256(self.device.encode("ascii")).digest()
        phase = int.from_bytes(digest[:8], "big") % int(interval * 1000) / 1000
        ahead = (phase - self._clock.wall_ms() / 1000) % interval
        if ahead < interval / 2:  # an early reading must not be followed by its own moment
            ahead += interval
        return now + ahead + self._rng.uniform(-JITTER, JITTER) * interval

    def _add(self, rows: List[Row]) -> None:
        if self.link.state is LinkState.CONNECTED:
            for row in rows:
                self.sender.add(row)

    def _send(self) -> None:
        while self.link.state is LinkState.CONNECTED:
            now = self._clock.steady()
            row = self.sender.next(now)
            if row is None:
                return
            mid = self.link.publish(messages.up_topic(self.device, row.kind), row.payload)
            if mid is None:
                self._reconnect("a message could not be handed over")
                return
            self.sender.sent(row, mid, now)

    def _look_at_clock(self) -> None:
        """Notice that the machine slept (the connection is dead) or that its clock was set."""
        steady, wall, slept = self._clock.steady(), self._clock.wall_ms(), self._clock.slept()
        asleep = slept - self._slept_before
        jump = wall - self._wall_before - int((steady - self._steady_before + asleep) * 1000)
        if asleep < SLEPT_SECONDS and abs(jump) < CLOCK_JUMP_MS and steady - self._steady_before < 60:
            return
        self._steady_before, self._wall_before, self._slept_before = steady, wall, slept
        if abs(jump) >= CLOCK_JUMP_MS:
            self._add(self.reports.event("clock.jumped", "info", {"by_ms": jump}))
        if asleep >= SLEPT_SECONDS:
            self._birth_reason = "resume"
            self._reconnect("the machine slept")


def spool_path(state_dir: Path, device: str) -> Path:
    """Return the spool's place. A device enrolled anew under another id begins another spool."""
    return state_dir / f"spool-{device}.db"


def _is_whole(value: Any) -> bool:
    return isinstance(value, int) and not isinstance(value, bool) and 0 <= value <= messages.MAX_INTEGER
