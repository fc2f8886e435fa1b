"""One process each, for real deployments: web, worker, scheduler, subscriber. Settings by environment."""

from __future__ import annotations

import logging
import os
import sys
from pathlib import Path

import click

_ROOT = Path(__file__).resolve().parent.parent.parent


@click.command()
@click.option("--host", default="127.0.0.1", show_default=True, help="Address to listen on.")
@click.option("--port", default=8080, show_default=True, type=click.IntRange(1, 65535))
@click.option("--workers", default=1, show_default=True, type=click.IntRange(1, 64), help="Processes.")
@click.option("--threads", default=8, show_default=True, type=click.IntRange(1, 64), help="Threads in each.")
def web(host: str, port: int, workers: int, threads: int) -> None:
    """Serve portal and API by gunicorn, which takes this process's place."""
    arguments = gunicorn_arguments(host=host, port=port, workers=workers, threads=threads)
    os.execv(sys.executable, [sys.executable, "-m", "gunicorn", *arguments])  # noqa: S606 - our own words


def gunicorn_arguments(*, host: str, port: int, workers: int, threads: int) -> list[str]:
    """How gunicorn runs the product."""
    shared_memory = Path("/dev/shm")  # noqa: S108 # nosec B108 # only whether it is there
    return [
        f"--bind={host}:{port}",
        f"--workers={workers}",
        f"--threads={threads}",
        "--worker-class=gthread",
        "--timeout=60",
        "--graceful-timeout=10",
        "--keep-alive=15",
        # A heartbeat file on a slow disk would look like a worker that hangs.
        *([f"--worker-tmp-dir={shared_memory}"] if shared_memory.is_dir() else []),
        "--no-control-socket",
        "--log-level=warning",
        f"--chdir={_ROOT}",
        "wsgi:application",
    ]


@click.command()
@click.option("--queue", default="default", show_default=True, help="One queue a worker.")
@click.option("--burst", is_flag=True, help="End when the queue is empty.")
def worker(queue: str, *, burst: bool) -> None:
    """Work on one queue until told to stop."""
    _configure_logging()
    from haas import worker as process
    from haas.settings import Settings

    process.run(Settings.from_environment(), queue=queue, burst=burst)


@click.command()
def scheduler() -> None:
    """Relay events to jobs and run the timetable; two of them do no harm."""
    _configure_logging()
    from haas import scheduler as process
    from haas.settings import Settings

    process.run(Settings.from_environment())


@click.command()
def subscriber() -> None:
    """Take in the devices' messages from the broker."""
    _configure_logging()
    from devices import mqtt
    from haas import models
    from haas.settings import Settings

    if not models.EVERY_TABLE:  # the devices' tables refer to tables of every other room
        raise RuntimeError("no models were loaded")
    mqtt.run(Settings.from_environment())


def _configure_logging() -> None:
    logging.basicConfig(
        level=os.environ.get("HAAS_LOG_LEVEL", "INFO"),
        format="%(asctime)s %(levelname)s %(name)s: %(message)s",
    )
