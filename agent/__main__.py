"""The command line: python -m agent enroll | run | doctor | install."""

from __future__ import annotations

import argparse
import json
import logging
import os
import signal
import sys
import threading
import time
from pathlib import Path
from typing import Any, Dict, List, Optional

from agent import __version__, bundle

# Of sysexits.h, and the doctor's own.
USAGE, NOT_ENROLLED, STATE, REFUSED = 64, 10, 11, 14


def main(arguments: Optional[List[str]] = None) -> int:
    """Run one command and return the exit code."""
    given = _parser().parse_args(arguments)
    # Imported late: 'install --print' and '--help' work where a library is missing.
    bundle.provide_libraries()
    from agent.settings import AgentSettings, BadSettings

    try:
        settings = AgentSettings.load(environment=os.environ, state_dir=given.state, file=given.settings)
    except BadSettings as error:
        return _fail(USAGE, str(error))
    logging.basicConfig(
        level=settings.log_level.upper(),
        format="%(levelname)s %(name)s: %(message)s"
        if "JOURNAL_STREAM" in os.environ
        else "%(asctime)s %(levelname)s %(name)s: %(message)s",
    )
    commands: Dict[str, Any] = {
        "enroll": _enroll,
        "run": _run,
        "doctor": _doctor,
        "install": _install,
        "show": _show,
    }
    return int(commands[given.command](given, settings))


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="haas-agent", description="Reports the health of a leased device.")
    parser.add_argument("--version", action="version", version=__version__)
    common = argparse.ArgumentParser(add_help=False)
    common.add_argument("--state", type=Path, metavar="DIR", help="where state is kept")
    common.add_argument("--settings", type=Path, metavar="FILE", help="settings file (JSON)")
    commands = parser.add_subparsers(dest="command", required=True, metavar="COMMAND")

    enroll = commands.add_parser("enroll", parents=[common], help="make this device known")
    enroll.add_argument("claim", help="https://HOST/c/CODE as on the label, or the code alone")
    enroll.add_argument("--server", help="https://HOST, if only the code is given")
    enroll.add_argument("--ca", type=Path, help="certificate authority of the server, PEM")
    enroll.add_argument("--readings", type=Path, metavar="FILE", help="enrol as a recorded machine")
    enroll.add_argument("--again", action="store_true", help="replace an enrolment that is there")

    run = commands.add_parser("run", parents=[common], help="collect and send until stopped")
    run.add_argument("--readings", type=Path, metavar="FILE", help="play a recording")
    run.add_argument("--fleet", type=Path, metavar="DIR", help="run all simulated devices in DIR")

    doctor = commands.add_parser("doctor", parents=[common], help="check everything")
    doctor.add_argument("--json", action="store_true")

    install = commands.add_parser("install", parents=[common], help="install a systemd service")
    install.add_argument("--root", type=Path, default=Path("/"), help="of an image to be built")
    install.add_argument("--no-start", action="store_true")
    install.add_argument("--print", action="store_true", help="only show the unit")

    commands.add_parser("show", parents=[common], help="print what would be reported")
    return parser


def _enroll(given: argparse.Namespace, settings: Any) -> int:
    from agent import enrolment
    from agent.collectors import identity
    from agent.collectors.reading import Machine
    from agent.identity import StateDirectory, StateError
    from agent.recordings import RecordedMachine

    state = StateDirectory(settings.state_dir)
    try:
        server, code = enrolment.parse_claim(given.claim, given.server)
        state.prepare()
        state.lock()
        if (state.path / "credentials.json").exists() and not given.again:
            device = state.credentials().device
            return _fail(USAGE, f"enrolled already as {device}; --again replaces it")
        pending = enrolment.begin(state, server=server, code=code, ca_file=given.ca)
        if given.readings is not None:
            hardware = RecordedMachine(given.readings).head["hw"]
            hardware = {name: hardware[name] for name in ("serial", "uuid", "board", "macs")}
        else:
            hardware = identity.hardware(Machine())
        credentials = enrolment.enrol(
            state,
            pending,
            hardware=hardware,
            wait=time.sleep,
            on_wait=lambda text: print(text, file=sys.stderr, flush=True),
        )
    except enrolment.BadAddress as error:
        return _fail(USAGE, str(error))
    except enrolment.Refused as error:
        return _fail(REFUSED, f"the server refuses: {error}")
    except (StateError, OSError) as error:
        return _fail(STATE, str(error))
    except KeyboardInterrupt:
        return _fail(130, "interrupted; the same command goes on")
    finally:
        state.unlock()
    print(f"enrolled as {credentials.device}")
    return 0


def _run(given: argparse.Namespace, settings: Any) -> int:
    from agent import simulate
    from agent.collectors.machine import Source, ThisMachine
    from agent.collectors.reading import Machine
    from agent.identity import NotEnrolled, StateError
    from agent.loop import Agent
    from agent.notify import ServiceManager
    from agent.recordings import BadRecording, RecordedMachine
    from agent.running import run, shutdown_or_stop
    from agent.spool import SpoolError

    stop = threading.Event()
    for name in (signal.SIGTERM, signal.SIGINT):
        signal.signal(name, lambda *_: stop.set())
    manager = ServiceManager(os.environ)
    try:
        if given.fleet is not None:
            simulate.run(simulate.find_fleet(given.fleet), stop, settings=settings)
            return 0
        source: Source
        if given.readings is not None:
            source = RecordedMachine(given.readings)
            agent = Agent(settings, source, background=simulate.Immediate())
        else:
            source = ThisMachine(Machine(smartctl=settings.smartctl))
            agent = Agent(settings, source)
        agent.open()
        run([agent], stop, manager=manager, goodbye_reason=shutdown_or_stop)
    except NotEnrolled as error:
        return _fail(NOT_ENROLLED, f"{error}; enrol first: haas-agent enroll https://HOST/c/CODE")
    except (StateError, SpoolError, BadRecording, OSError) as error:
        return _fail(STATE, str(error))
    return 0


def _doctor(given: argparse.Namespace, settings: Any) -> int:
    from agent import doctor

    logging.getLogger("agent").setLevel(logging.ERROR)
    checks = doctor.examine(settings)
    print(json.dumps(doctor.as_json(checks), indent=1) if given.json else doctor.as_text(checks))
    return doctor.exit_code(checks)


def _install(given: argparse.Namespace, settings: Any) -> int:
    from agent import install

    if given.print:
        print(install.unit_text(python=sys.executable, program=install.PROGRAM), end="")
        return 0
    try:
        for line in install.install(root=given.root, start=not given.no_start):
            print(line)
    except (install.CannotInstall, bundle.CannotBuild) as error:
        return _fail(1, str(error))
    return 0


def _show(given: argparse.Namespace, settings: Any) -> int:
    from agent.clock import SystemClock
    from agent.collectors.machine import ThisMachine
    from agent.collectors.reading import Machine

    machine = ThisMachine(Machine(smartctl=settings.smartctl))
    machine.health()
    time.sleep(1)  # a rate needs two readings
    report = {
        "health": machine.health(),
        "inventory": machine.inventory(),
        "smart": machine.smart(SystemClock().wall_ms()),
        "absent": machine.absent,
    }
    print(json.dumps(report, indent=1))
    return 0


def _fail(code: int, text: str) -> int:
    print(f"haas-agent: {text}", file=sys.stderr)
    return code


if __name__ == "__main__":
    sys.exit(main())
