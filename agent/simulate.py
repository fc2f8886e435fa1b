"""Many simulated devices in one process: the very agent, on recorded readings.

A device is a state directory (enrolled as any other) and a recording.
"""

from __future__ import annotations

import threading
from concurrent.futures import Future
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Callable, List, Optional, Sequence

from agent import enrolment
from agent.identity import Credentials, StateDirectory
from agent.loop import Agent
from agent.recordings import RecordedMachine
from agent.running import run as run_agents
from agent.settings import AgentSettings

RECORDING = "readings.jsonl"


@dataclass(frozen=True)
class SimulatedDevice:
    """Where a simulated device keeps its state, and what it plays."""

    state_dir: Path
    readings: Path


class Immediate:
    """Does slow things at once: a recording has none, and rotations are short and local."""

    def submit(self, work: Callable[[], Any]) -> Future[Any]:
        future: Future[Any] = Future()
        try:
            future.set_result(work())
        except Exception as error:  # noqa: BLE001 - handed to whoever asks for the result
            future.set_exception(error)
        return future


def enrol(device: SimulatedDevice, *, server: str, code: str) -> Credentials | enrolment.Waiting:
    """Enrol a simulated device with the identity in its recording; ask once, do not wait.

    A device that is enrolled already is left as it is.

    :raises enrolment.Refused: if the server turns it away.
    :raises enrolment.Unreachable: if the server could not be reached.
    """
    state = StateDirectory(device.state_dir)
    state.prepare()
    if (device.state_dir / "credentials.json").exists():
        return state.credentials()
    hardware = RecordedMachine(device.readings).head["hw"]
    pending = enrolment.begin(state, server=enrolment.check_server(server), code=code)
    return enrolment.ask(
        state,
        pending,
        hardware={name: hardware[name] for name in ("serial", "uuid", "board", "macs")},
    )


def run(
    fleet: Sequence[SimulatedDevice],
    stop: threading.Event,
    *,
    settings: Optional[AgentSettings] = None,
) -> None:
    """Run enrolled simulated devices in this thread until `stop` is set.

    :raises NotEnrolled: if one of them is not enrolled.
    """
    agents: List[Agent] = []
    try:
        for device in fleet:
            agent = Agent(
                replace(
                    settings or AgentSettings(state_dir=device.state_dir),
                    state_dir=device.state_dir,
                ),
                RecordedMachine(device.readings),
                background=Immediate(),
            )
            agent.open()
            agents.append(agent)
    except BaseException:
        for agent in agents:
            agent.close()
        raise
    run_agents(agents, stop)


def find_fleet(folder: Path) -> List[SimulatedDevice]:
    """Return the devices under a folder: each a directory with credentials and `readings.jsonl`."""
    return [
        SimulatedDevice(path, path / RECORDING)
        for path in sorted(folder.iterdir())
        if (path / RECORDING).is_file() and (path / "credentials.json").is_file()
    ]
