"""The world around an agent in its tests: a real broker, an enrolment server, an inbox that receipts."""

from __future__ import annotations

import base64
import hashlib
import json
import os
import signal
import socket
import ssl
import subprocess
import sys
import threading
import time
from collections import defaultdict
from collections.abc import Callable
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import paho.mqtt.client as paho
import pytest
from paho.mqtt.enums import CallbackAPIVersion

from agent import messages
from agent.enrolment import ask, begin
from agent.identity import Credentials, StateDirectory
from agent.loop import spool_path
from agent.spool import EARLIEST_MS, Spool

REPOSITORY = Path(__file__).resolve().parents[2]
SAMPLES = REPOSITORY.parent / "shared" / "samples"
COMMAND_KEY = bytes(range(32))
HARDWARE = {"serial": "S1", "uuid": "u", "board": "b", "macs": []}
NOW = EARLIEST_MS + 600 * 86_400_000
MOSQUITTO = "/usr/sbin/mosquitto"


def wait_for(condition: Callable[[], Any], *, seconds: float = 20.0, what: str = "") -> Any:
    """Return the first true value of `condition`, or fail."""
    until = time.monotonic() + seconds
    while time.monotonic() < until:
        value = condition()
        if value:
            return value
        threading.Event().wait(0.02)
    pytest.fail(f"waited {seconds} s in vain for {what or condition}")


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


class BrokerProcess:
    """mosquitto with the access rules of the protocol, on a port and in a folder of its own."""

    def __init__(self, folder: Path, *, tls: dict[str, Path] | None = None) -> None:
        self.folder, self.port, self.tls = folder, free_port(), tls
        self._secrets: dict[str, list[str]] = {"ingest": ["ingest-password"]}
        self._process: subprocess.Popen[bytes] | None = None
        (folder / "acl").write_text(
            "user ingest\ntopic read haas/v1/+/up/#\ntopic write haas/v1/+/down/#\n"
            "pattern write haas/v1/%u/up/#\npattern read haas/v1/%u/down/#\n"
        )
        lines = [
            f"listener {self.port} 127.0.0.1",
            "allow_anonymous false",
            f"password_file {folder / 'passwords'}",
            f"acl_file {folder / 'acl'}",
            "persistence true",
            f"persistence_location {folder}/",
            "autosave_interval 1",
            "max_inflight_messages 1000",
            "max_queued_messages 1000000",
            "set_tcp_nodelay true",
            "user root",
            f"log_dest file {folder / 'log'}",
        ]
        if tls is not None:
            lines += [f"certfile {tls['certificate']}", f"keyfile {tls['key']}"]
        (folder / "conf").write_text("\n".join(lines) + "\n")

    def start(self) -> None:
        self._write_passwords()
        self._process = subprocess.Popen([MOSQUITTO, "-c", str(self.folder / "conf")])
        wait_for(self._answers, what="the broker")

    def kill(self) -> None:
        """Let the power fail."""
        assert self._process is not None
        self._process.kill()
        self._process.wait()
        self._process = None

    def stop(self) -> None:
        if self._process is not None:
            self._process.terminate()
            self._process.wait()
            self._process = None

    def allow(self, device: str, secret: str) -> None:
        """Let a device in, with the last secret given."""
        self._secrets[device] = [secret]
        self._write_passwords()
        if self._process is not None:
            self._process.send_signal(signal.SIGHUP)

    def _write_passwords(self) -> None:
        lines = []
        for user, secrets in self._secrets.items():
            salt = hashlib.sha256(user.encode()).digest()[:12]
            digest = hashlib.pbkdf2_hmac("sha512", secrets[-1].encode(), salt, 101, 64)
            parts = (base64.b64encode(salt).decode(), base64.b64encode(digest).decode())
            lines.append(f"{user}:$7$101${parts[0]}${parts[1]}\n")
        path = self.folder / "passwords"
        path.write_text("".join(lines))
        path.chmod(0o600)

    def _answers(self) -> bool:
        with socket.socket() as probe:
            probe.settimeout(1)
            return probe.connect_ex(("127.0.0.1", self.port)) == 0


class Inbox:
    """What the server's subscriber does, in small: keeps every message, receipts when told to."""

    def __init__(self, broker: BrokerProcess) -> None:
        self.broker = broker
        self.messages: list[tuple[str, str, dict[str, Any]]] = []
        self.has_receipts = True
        self._held: dict[tuple[str, int], set[int]] = defaultdict(set)
        self._lock = threading.Lock()
        self._client = paho.Client(CallbackAPIVersion.VERSION2, client_id="ingest", clean_session=False)
        self._client.username_pw_set("ingest", "ingest-password")
        if broker.tls is not None:
            self._client.tls_set(ca_certs=str(broker.tls["ca"]))
        self._client.reconnect_delay_set(min_delay=1, max_delay=1)
        self._subscribed = threading.Event()
        self._client.on_connect = self._on_connect
        self._client.on_subscribe = lambda *_: self._subscribed.set()
        self._client.on_message = self._on_message
        self._client.connect("localhost" if broker.tls else "127.0.0.1", broker.port)
        self._client.loop_start()
        assert self._subscribed.wait(10)

    def close(self) -> None:
        self._client.disconnect()
        self._client.loop_stop()

    def of(self, kind: str, device: str | None = None) -> list[dict[str, Any]]:
        with self._lock:
            return [body for sender, got, body in self.messages if got == kind and device in (None, sender)]

    def kinds(self) -> list[str]:
        with self._lock:
            return [kind for _, kind, _ in self.messages]

    def held_keys(self) -> set[tuple[int, int]]:
        with self._lock:
            return {(body["b"], body["s"]) for _, _, body in self.messages if "s" in body}

    def receipt_all(self) -> None:
        """Receipt what is here and all that comes."""
        self.has_receipts = True
        for device, b in list(self._held):
            self._receipt(device, b)

    def send(self, device: str, kind: str, body: dict[str, Any]) -> None:
        self._client.publish(messages.down_topic(device, kind), json.dumps(body), qos=1)

    def command(self, device: str, verb: str, *, seq: int, **given: Any) -> dict[str, Any]:
        body = messages.command(
            key=given.get("key", COMMAND_KEY),
            id=given.get("id", f"cmd-{seq}"),
            verb=verb,
            args=given.get("args", {}),
            exp=given.get("exp", int(time.time() * 1000) + 60_000),
            seq=seq,
        )
        self.send(device, "cmd", body)
        return body

    def _on_connect(self, *_: Any) -> None:
        self._client.subscribe(messages.up_filter(), qos=1)

    def _on_message(self, _c: Any, _u: Any, message: paho.MQTTMessage) -> None:
        parsed = messages.parse_up_topic(message.topic)
        assert parsed is not None
        device, kind = parsed
        body = messages.decode(bytes(message.payload))
        with self._lock:
            self.messages.append((device, kind, body))
            if "s" in body:
                self._held[device, body["b"]].add(body["s"])
        if self.has_receipts and "s" in body:
            self._receipt(device, body["b"])

    def _receipt(self, device: str, b: int) -> None:
        with self._lock:
            held = sorted(self._held[device, b])
        missing, expected = [], 1
        for s in held:
            if s > expected:
                missing.append([expected, s - 1])
            expected = s + 1
        self.send(device, "ack", messages.receipt(b=b, upto=held[-1], missing=missing))


class EnrolmentServer:
    """The two HTTP calls of the server, with the faults a test asks for."""

    def __init__(self, broker: BrokerProcess) -> None:
        self.broker = broker
        self.requests: list[tuple[str, dict[str, Any]]] = []
        self.pending_answers = 0
        self.lost_answers = 0
        self.refusal: tuple[int, dict[str, Any]] | None = None
        self.secrets: dict[str, str] = {}
        self.ca_pem: str | None = None
        self._devices: dict[str, str] = {}
        server = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
                server.requests.append((self.path, body))
                status, answer = server.answer(self.path, body)
                if server.lost_answers:
                    server.lost_answers -= 1
                    self.close_connection = True
                    return
                content = json.dumps(answer).encode()
                self.send_response(status)
                self.send_header("Content-Type", "application/json")
                self.send_header("Content-Length", str(len(content)))
                self.end_headers()
                self.wfile.write(content)

            def do_HEAD(self) -> None:
                self.send_response(200)
                self.end_headers()

            def log_message(self, *_: Any) -> None:
                return

        self._http = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.address = f"http://127.0.0.1:{self._http.server_address[1]}"
        self._thread = threading.Thread(target=self._http.serve_forever, args=(0.05,), daemon=True)
        self._thread.start()

    def close(self) -> None:
        self._http.shutdown()
        self._http.server_close()
        self._thread.join()

    def answer(self, path: str, body: dict[str, Any]) -> tuple[int, dict[str, Any]]:
        if self.refusal is not None:
            return self.refusal
        if path == "/agent/v1/rotate":
            if self.secrets.get(body["device"]) != body["secret"]:
                return 401, {"code": "unknown_secret", "detail": "not the current secret"}
            self.secrets[body["device"]] = body["new_secret"]
            self.broker.allow(body["device"], body["new_secret"])
            return 200, {"status": "accepted"}
        if self.pending_answers:
            self.pending_answers -= 1
            return 202, {"status": "pending", "retry_after": 1}
        device = self._devices.setdefault(body["code"], f"d-{body['code'].lower()}")
        self.secrets[device] = body["secret"]
        self.broker.allow(device, body["secret"])
        return 200, {
            "status": "enrolled",
            "device": device,
            "epoch": 1,
            "mqtt": {
                "host": "localhost" if self.broker.tls else "127.0.0.1",
                "port": self.broker.port,
                "tls": self.broker.tls is not None,
                "ca_pem": self.ca_pem,
            },
            "command_key": base64.b64encode(COMMAND_KEY).decode(),
            "cfg": {"rev": 1, "every": {"health": 60, "inventory": 86400, "smart": 21600}},
        }


class AgentProcess:
    """`python -m agent run` as a process that can be killed."""

    def __init__(self, state: Path, *arguments: str) -> None:
        self.state = state
        self._log = (state.parent / f"{state.name}.log").open("ab")
        self.process = subprocess.Popen(
            [sys.executable, "-m", "agent", "run", "--state", str(state), *arguments],
            cwd=REPOSITORY,
            stdout=self._log,
            stderr=self._log,
            env={
                **os.environ,
                "HAAS_AGENT_BACKOFF_MAX_SECONDS": "0.3",
                "HAAS_AGENT_RECEIPT_TIMEOUT_SECONDS": "1",
            },
        )

    def kill(self) -> None:
        self.process.kill()
        self._end()

    def stop(self) -> int:
        self.process.terminate()
        return self._end()

    def _end(self) -> int:
        code = self.process.wait(timeout=20)
        self._log.close()
        return code


def enrolled(folder: Path, server: EnrolmentServer, code: str = "CODE1") -> Credentials:
    """Enrol a device in a state directory, as the command does."""
    state = StateDirectory(folder)
    state.prepare()
    answer = ask(state, begin(state, server=server.address, code=code), hardware=HARDWARE)
    assert isinstance(answer, Credentials)
    return answer


def with_backlog(folder: Path, credentials: Credentials, count: int) -> int:
    """Leave `count` events in the spool, as a former session would; return its number."""
    state = StateDirectory(folder)
    b = state.next_session(epoch=credentials.epoch)
    spool = Spool(spool_path(folder, credentials.device), b=b)
    for n in range(count):
        spool.append("event", {"code": "test", "sev": "info", "data": {"n": n}}, t=NOW + n)
    spool.close()
    return b


def pending(folder: Path, device: str) -> int:
    spool = Spool(spool_path(folder, device), b=1, read_only=True)
    count = int(spool.pending)
    spool.close()
    return count


def results(inbox: Inbox, command: str) -> list[str]:
    """Return the states of a command in the order the device gave them."""
    found = {(body["b"], body["s"]): body["st"] for body in inbox.of("result") if body["id"] == command}
    return list(dict.fromkeys(found[key] for key in sorted(found)))


def make_certificates(folder: Path) -> dict[str, Path]:
    """Make an authority, another one, and a certificate of the first for localhost."""

    def openssl(*arguments: str) -> None:
        subprocess.run(["openssl", *arguments], check=True, capture_output=True)

    paths = {name: folder / f"{name}.pem" for name in ("ca", "other_ca", "certificate", "key")}
    new = ["req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-days", "2"]
    for name in ("ca", "other_ca"):
        openssl(
            *new, "-keyout", str(folder / f"{name}.key"), "-out", str(paths[name]), "-subj", f"/CN={name}"
        )
    openssl(
        *new,
        *("-keyout", str(paths["key"]), "-out", str(paths["certificate"]), "-subj", "/CN=localhost"),
        *("-CA", str(paths["ca"]), "-CAkey", str(folder / "ca.key")),
        *("-addext", "subjectAltName=DNS:localhost", "-addext", "basicConstraints=critical,CA:FALSE"),
    )
    assert ssl.PEM_cert_to_DER_cert(paths["ca"].read_text())
    return paths
