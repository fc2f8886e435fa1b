"""`haas payment-provider`: the test provider as a server of its own. It takes no money."""

from __future__ import annotations

import signal
import threading
from pathlib import Path

import click


@click.command(name="payment-provider")
@click.option("--host", default="127.0.0.1", show_default=True, help="Address to listen on.")
@click.option("--port", default=8180, show_default=True, type=click.IntRange(1, 65535))
@click.option(
    "--state", type=click.Path(path_type=Path), help="File that keeps what happened over a restart."
)
def payment_provider(host: str, port: int, state: Path | None) -> None:
    """Play a payment provider, hosted pages and all, until told to stop."""
    from invoicing.payments.local_server.server import API_KEY, create_server_app, make_desk, serving

    address = f"http://{host}:{port}"
    desk = make_desk(address)
    if state is not None:
        desk.engine.keep_in(state)
    stop = threading.Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, lambda *_: stop.set())
    with serving(create_server_app(desk), host=host, port=port, stopping=desk.stopping):
        click.echo(f"{address}   API key: {API_KEY}   (Ctrl-C stops it)")
        stop.wait()
