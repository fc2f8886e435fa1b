"""`haas demo`: the product with two partners, simulated devices, and this machine's own agent."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor, as_completed
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

import click
from rich.console import Console
from rich.table import Table

from haas.commands.progress import ProgressBars, StoppedByUser
from haas.commands.running import RunningProduct, data_folder, running_product, stop_services
from haas.embedded.broker import is_port_free
from haas.embedded.errors import StackError
from haas.embedded.folder import DataFolder
from haas.embedded.product import ROOT, ProductProcess

if TYPE_CHECKING:
    from haas.demo import OpenEnrolment

_SIGN_INS = "sign-ins.json"
_THIS_MACHINE = "this-machine"
_RECORDING = "readings.jsonl"  # what an agent that runs a fleet looks for in each state
_ENROL_SECONDS = 60
_PROVIDER = "HAAS_PAYMENT_PROVIDER_URL"
_PROVIDER_PORT = 8180


@click.command()
@click.option("--data", type=click.Path(path_type=Path), help="Data folder [default: var/ in the project].")
@click.option("--port", type=click.IntRange(1, 65535), help="Port of the portal [default: 8080].")
def demo(data: Path | None, port: int | None) -> None:
    """Start the product with the demo's data; Ctrl-C stops it, the next start continues."""
    provider = f"http://127.0.0.1:{_provider_port()}"
    with running_product(data, port=port, settings={_PROVIDER: provider}) as product:
        product.stack.supervisor.start(_payment_provider(product, provider))
        try:
            _seed(product)
            _enrol(product)
        except StoppedByUser as stopped:
            product.console.print(f"  {stopped}")
            return
        product.stack.supervisor.start(_agents(product))
        _show_address(product)
        product.stop.wait()


@click.command(name="demo-reset")
@click.option("--data", type=click.Path(path_type=Path), help="Data folder [default: var/ in the project].")
@click.option("--yes", is_flag=True, help="Do not ask.")
def demo_reset(data: Path | None, *, yes: bool) -> None:
    """Delete a demo's data folder, after stopping what runs in it."""
    path = data_folder(data)
    folder = DataFolder(path)
    if not folder.path.exists():
        click.echo(f"There is no {folder.path}: the next demo starts afresh.")
        return
    if not folder.is_ours():
        raise StackError(f"{folder.path} is not a haas data folder, so it is left as it is")
    if not yes and sys.stdin.isatty():
        click.confirm(f"Delete {folder.path} and everything in it?", abort=True)
    stop_services(path)
    folder.remove()
    click.echo(f"Deleted {folder.path}. The next demo starts afresh.")


def _seed(product: RunningProduct) -> None:
    done = product.stack.folder.path / ".demo-seeded"
    if done.exists():
        return
    from haas import demo as scenes
    from haas.settings import Settings

    with ProgressBars(product.console, stop=product.stop) as report:
        scenes.seed(Settings.from_environment(product.environment), report)
    done.touch()


def _enrol(product: RunningProduct) -> None:
    """Enrol this machine and the simulated ones, as a technician would: each by its one-time code."""
    done = product.stack.folder.path / ".demo-enrolled"
    if done.exists():
        return
    from haas import demo as scenes
    from haas.settings import Settings

    waiting = scenes.open_enrolments(Settings.from_environment(product.environment))
    with ProgressBars(product.console, stop=product.stop) as report, ThreadPoolExecutor(4) as pool:
        enrolled = [pool.submit(_enrol_one, product, each) for each in waiting]
        try:
            for number, each in enumerate(as_completed(enrolled), start=1):
                each.result()
                report("enrolling devices", number, len(waiting))
        except BaseException:
            pool.shutdown(cancel_futures=True)
            raise
    done.touch()


def _enrol_one(product: RunningProduct, device: OpenEnrolment) -> None:
    """One device, unless an earlier start has done it; a simulated one keeps its recording with its state."""
    state = _state(product, device.name)
    if not (state / "credentials.json").exists():
        command = [sys.executable, "-m", "agent", "enroll", f"{product.address}/c/{device.code}"]
        command += ["--state", str(state)]
        if device.readings is not None:
            command += ["--readings", str(device.readings)]
        try:
            subprocess.run(
                command, cwd=ROOT, check=True, capture_output=True, text=True, timeout=_ENROL_SECONDS
            )
        except (subprocess.CalledProcessError, subprocess.TimeoutExpired) as failure:
            reason = str(failure.stderr or f"no answer in {_ENROL_SECONDS} s").strip()[-500:]
            raise StackError(f"The device {device.name} could not be enrolled: {reason}") from failure
    if device.readings is not None and not (state / _RECORDING).exists():
        shutil.copy(device.readings, state / _RECORDING)


def _state(product: RunningProduct, name: str) -> Path:
    agents = product.stack.folder.path / "agents"
    return agents / name if name == _THIS_MACHINE else agents / "fleet" / name


def _agents(product: RunningProduct) -> list[ProductProcess]:
    """This machine's own agent, and one process that plays all simulated devices."""
    agents = product.stack.folder.path / "agents"
    run = [sys.executable, "-m", "agent", "run"]
    commands = {
        "agent of this machine": [*run, "--state", str(agents / _THIS_MACHINE)],
        "simulated devices": [*run, "--fleet", str(agents / "fleet")],
    }
    return [
        ProductProcess(name, command, folder=product.stack.folder, environment=_plain(product.environment))
        for name, command in commands.items()
    ]


def _payment_provider(product: RunningProduct, address: str) -> list[ProductProcess]:
    """The test provider, unless the user has named another one."""
    if product.environment[_PROVIDER] != address:
        return []
    port = urlsplit(address).port or _PROVIDER_PORT
    state = product.stack.folder.path / "payment-provider.json"
    words = ("payment-provider", "--port", str(port), "--state", str(state))
    return [
        ProductProcess(
            "payment provider",
            [sys.executable, "-m", "haas.cli", *words],
            folder=product.stack.folder,
            environment=_plain(product.environment),
            is_ready=lambda: not is_port_free(port),
        )
    ]


def _provider_port() -> int:
    return next(port for port in range(_PROVIDER_PORT, _PROVIDER_PORT + 100) if is_port_free(port))


def _plain(environment: dict[str, str]) -> dict[str, str]:
    """Agents and the payment provider are strangers to the server: they get none of its settings."""
    return {name: value for name, value in environment.items() if not name.startswith("HAAS_")}


def _show_address(product: RunningProduct) -> None:
    path = product.stack.folder.path / _SIGN_INS
    product.console.print(f"\n  [bold]{product.address}[/bold]   (Ctrl-C stops everything)\n")
    if path.exists():
        _show_sign_ins(product.console, path)
    product.console.print(
        "  Money: Invoices (charges, exports, receipts), Bank, Collections, Books; as Fay or Nora."
    )
    product.console.print(f"  Sign-ins and API tokens: {path}\n")


def _show_sign_ins(console: Console, path: Path) -> None:
    table = Table(box=None, pad_edge=False, padding=(0, 2))
    table.add_column("who", overflow="fold")
    # What is to be copied is never cut short, however narrow the terminal is.
    table.add_column("e-mail", no_wrap=True, overflow="ignore")
    table.add_column("password", no_wrap=True, overflow="ignore")
    house = ""
    for person in json.loads(path.read_text()).get("sign_ins", []):
        if person["house"] != house:
            house = str(person["house"])
            table.add_row(f"[bold]{house}[/bold]", "", "")
        table.add_row(f"  {person['who']}", str(person["email"]), str(person["password"]))
    console.print(table)
