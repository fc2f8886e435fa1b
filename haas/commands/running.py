"""`haas up`: the servers, the product's processes and what keeps them together, in one data folder."""

from __future__ import annotations

import hashlib
import os
import signal
import threading
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import click
from rich.console import Console

from haas.embedded.broker import is_port_free, keep_passwords
from haas.embedded.errors import StackError
from haas.embedded.folder import DataFolder, is_reachable, system_user
from haas.embedded.process import wait_until
from haas.embedded.product import ROOT, end_orphans, product_processes
from haas.embedded.stack import External, Stack

_HOST = "127.0.0.1"
_PORT = 8080


@dataclass(frozen=True, slots=True)
class RunningProduct:
    """What runs now."""

    stack: Stack
    environment: dict[str, str]
    address: str
    stop: threading.Event
    console: Console


@click.command()
@click.option("--data", type=click.Path(path_type=Path), help="Data folder [default: var/ in the project].")
@click.option("--port", type=click.IntRange(1, 65535), help=f"Port of the portal [default: {_PORT}].")
def up(data: Path | None, port: int | None) -> None:
    """Start the whole product on this machine; Ctrl-C stops it, the next start continues."""
    with running_product(data, port=port) as product:
        product.console.print(f"\n  [bold]{product.address}[/bold]   (Ctrl-C stops everything)\n")
        product.stop.wait()


@click.group()
def services() -> None:
    """Servers that a crashed run left behind."""


@services.command(name="stop")
@click.option("--data", type=click.Path(path_type=Path), help="Data folder [default: var/ in the project].")
def services_stop(data: Path | None) -> None:
    """Stop everything that runs in a data folder."""
    stopped = stop_services(data_folder(data))
    click.echo(f"Stopped: {', '.join(stopped)}." if stopped else "Nothing was running.")


def data_folder(given: Path | None) -> Path:
    """The folder named, or `HAAS_DATA_DIR`, or `var/` in the project.

    Root's servers drop to a user of their own. Where that user cannot reach the project (it lies in root's
    home, say), the default is a folder of the project's own under /var/lib.
    """
    if given is not None:
        return given
    named = os.environ.get("HAAS_DATA_DIR")
    if named:
        return Path(named)
    if is_reachable(ROOT, system_user()):
        return ROOT / "var"
    return Path("/var/lib") / f"haas-{hashlib.sha256(os.fsencode(ROOT)).hexdigest()[:8]}"


def stop_services(path: Path) -> list[str]:
    """Ask the run in this folder to end, or end what a crashed one left; the names of what was stopped.

    :raises StackError: if the run does not end.
    """
    folder = DataFolder(path)
    if not folder.is_ours():
        return []
    holder = folder.holder()
    if holder is not None:
        os.kill(holder, signal.SIGTERM)
        if not wait_until(lambda: folder.holder() is None, seconds=60):
            raise StackError(f"Process {holder}, which runs {folder.path}, does not end")
        return [f"everything of process {holder}"]
    return [*end_orphans(folder), *Stack(path).stop_leftovers()]


@contextmanager
def running_product(
    data: Path | None, *, port: int | None, settings: Mapping[str, str] | None = None
) -> Iterator[RunningProduct]:
    """The whole product, answering; stopped in order at the end.

    :param settings: further `HAAS_…` variables, where the user sets none of that name.

    :raises StackError: with the remedy, if a part does not start.
    """
    console = Console(highlight=False)
    stop = _stop_on_signal()
    path = data_folder(data)
    stack = Stack(
        path, external=External.from_environment(), report=lambda line: console.print(f"  [dim]{line}[/dim]")
    )
    if data is None and stack.folder.path != ROOT / "var":
        console.print(f"  data in {stack.folder.path}")
    with _shown(console, "servers"):
        stack.start()
    keeper = None
    try:
        orphans = end_orphans(stack.folder)
        if orphans:
            console.print(f"  ended what a killed run left: {', '.join(orphans)}")
        with _shown(console, "database schema"):
            _migrate(stack)
        chosen = _choose_port(port, console)
        environment = product_environment(stack, port=chosen, settings=settings or {})
        processes = product_processes(stack.folder, environment=environment, host=_HOST, port=chosen)
        with _shown(console, ", ".join(each.name for each in processes)):
            stack.supervisor.start(processes)
        keeper = _keep_passwords(stack, stop)
        yield RunningProduct(stack, environment, environment["HAAS_BASE_URL"], stop, console)
    finally:
        stop.set()
        console.print("  stopping …")
        if keeper is not None:
            keeper.join(timeout=10)
        stack.stop()
        console.print("  stopped")


def product_environment(stack: Stack, *, port: int, settings: Mapping[str, str]) -> dict[str, str]:
    """The settings of the product's processes: ours where nothing is set, the user's where something is."""
    ours = {
        **stack.environment(),
        # A name, not a number: browsers refuse passkeys at an address of digits.
        "HAAS_BASE_URL": f"http://localhost:{port}",
        "HAAS_MAIL_URL": f"folder://{stack.folder.path / 'mail'}",
        "PYTHONUNBUFFERED": "1",
        **settings,
    }
    return {**ours, **os.environ, "HAAS_DATA_DIR": str(stack.folder.path)}


@contextmanager
def _shown(console: Console, what: str) -> Iterator[None]:
    started = time.monotonic()
    with console.status(f"  {what} …"):
        yield
    console.print(f"  [green]ok[/green] {what}  [dim]{time.monotonic() - started:.1f} s[/dim]")


def _stop_on_signal() -> threading.Event:
    """An event that Ctrl-C and SIGTERM set: whoever waits ends in order, and no step is cut in half."""
    stop = threading.Event()

    def ask(_number: int, _frame: object) -> None:
        stop.set()

    signal.signal(signal.SIGINT, ask)
    signal.signal(signal.SIGTERM, ask)
    return stop


def _migrate(stack: Stack) -> None:
    from haas.migrations import upgrade

    upgrade(stack.owner_url)


def _choose_port(wanted: int | None, console: Console, *, usual: int = _PORT) -> int:
    if wanted is not None:
        if not is_port_free(wanted):
            raise StackError(f"Port {wanted} is taken by another program; choose another with --port")
        return wanted
    for port in range(usual, usual + 100):
        if is_port_free(port):
            if port != usual:
                console.print(f"  port {usual} is taken by another program: using {port}")
            return port
    raise StackError(f"The ports {usual} to {usual + 99} are all taken; choose one with --port")


def _keep_passwords(stack: Stack, stop: threading.Event) -> threading.Thread | None:
    """Let the broker follow the database's credentials, if the broker is ours."""
    if not stack.runs_broker:
        return None
    from devices import broker_access
    from haas import db

    db.configure(stack.app_url)
    keeper = threading.Thread(
        target=keep_passwords,
        args=(stack.broker, broker_access),
        kwargs={"stop": stop},
        name="broker passwords",
        daemon=True,
    )
    keeper.start()
    return keeper
