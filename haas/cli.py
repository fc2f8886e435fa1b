"""The `haas` command: starts the product and its parts, migrates, seeds, bills, measures, checks."""

from __future__ import annotations

import sys
from importlib import import_module
from typing import NoReturn

import click

# Command -> where it stands and what `haas --help` says of it. Nothing else is imported for the others.
_COMMANDS = {
    "up": ("haas.commands.running:up", "Start the whole product on this machine."),
    "demo": ("haas.commands.demo:demo", "The same with two partners, devices and this machine's agent."),
    "demo-reset": ("haas.commands.demo:demo_reset", "Delete a demo's data folder."),
    "services": ("haas.commands.running:services", "Servers that a crashed run left behind."),
    "web": ("haas.commands.processes:web", "Serve portal and API by gunicorn."),
    "worker": ("haas.commands.processes:worker", "Work on one queue."),
    "scheduler": ("haas.commands.processes:scheduler", "Relay events to jobs and run the timetable."),
    "subscriber": ("haas.commands.processes:subscriber", "Take in the devices' messages."),
    "payment-provider": (
        "haas.commands.payment_provider:payment_provider",
        "Play a payment provider to test with.",
    ),
    "broker": ("haas.commands.broker:broker", "Keep mosquitto's configuration and passwords."),
    "migrate": ("haas.commands.tasks:migrate", "Bring the database's schema up to date."),
    "operator": ("haas.commands.tasks:operator", "Add an operator: the first sign-in of a new deployment."),
    "seed": ("haas.commands.tasks:seed", "Fill an empty database with the demo's partners."),
    "bill": ("haas.commands.tasks:bill", "Bill everything due by a date."),
    "offboard": ("haas.commands.tasks:offboard", "Show, carry out or finish the off-boarding of a client."),
    "einvoice": ("haas.commands.einvoice:einvoice", "Check e-invoices, ours and others'."),
    "bench": ("haas.commands.tasks:bench", "Measure one part on a stack of its own."),
    "doctor": ("haas.commands.tasks:doctor", "Check everything this machine needs."),
}


class _Commands(click.Group):
    """Commands that are imported when they are called."""

    def list_commands(self, ctx: click.Context) -> list[str]:  # noqa: ARG002 - click's signature
        """In the order of the table, which is the order of interest."""
        return list(_COMMANDS)

    def get_command(
        self,
        ctx: click.Context,  # noqa: ARG002 - click's signature
        cmd_name: str,
    ) -> click.Command | None:
        """Import the one that is wanted."""
        if cmd_name not in _COMMANDS:
            return None
        module, _, attribute = _COMMANDS[cmd_name][0].partition(":")
        command: click.Command = getattr(import_module(module), attribute)
        return command

    def format_commands(
        self,
        ctx: click.Context,  # noqa: ARG002 - click's signature
        formatter: click.HelpFormatter,
    ) -> None:
        """List all without importing any."""
        with formatter.section("Commands"):
            formatter.write_dl([(name, words) for name, (_, words) in _COMMANDS.items()])


@click.group(
    cls=_Commands, context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100}
)
def cli() -> None:
    """The open Hardware-as-a-Service platform."""


def main() -> NoReturn:
    """Run a command. A known refusal is said in one line; anything else is a bug and shown whole."""
    from haas.embedded.errors import StackError
    from haas.errors import HaasError
    from haas.settings import MissingSetting

    try:
        cli(prog_name="haas")
    except (StackError, HaasError, MissingSetting) as refusal:
        click.secho(f"haas: {refusal}", fg="red", err=True)
    sys.exit(1)


if __name__ == "__main__":
    main()
