"""Work that a person or a timer starts: migrate, seed, bill, bench, doctor."""

from __future__ import annotations

import importlib.util
import json
import signal
import sys
import tempfile
from contextlib import ExitStack
from datetime import date, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click
from rich.console import Console

from haas.commands.progress import ProgressBars

if TYPE_CHECKING:
    from haas.settings import Settings

_ROOT = Path(__file__).resolve().parent.parent.parent
_BENCHMARKS = ("billing", "depreciation", "pdf", "ingest", "asset_import", "portal", "profit")


@click.command()
@click.option("--revision", default="head", show_default=True, help="Where to; `base` is an empty schema.")
def migrate(revision: str) -> None:
    """Bring the database's schema up to date, as the tables' owner (HAAS_OWNER_DATABASE_URL)."""
    from haas import migrations
    from haas.settings import MissingSetting, Settings

    owner_url = Settings.from_environment().owner_database_url
    if owner_url is None:
        raise MissingSetting("Set HAAS_OWNER_DATABASE_URL: only the tables' owner may change them.")
    if revision == "base":
        migrations.downgrade(owner_url, revision)
    else:
        migrations.upgrade(owner_url, revision)
    click.echo(f"The schema is at {revision}.")


@click.command()
@click.argument("email")
@click.option("--name", required=True, help="As others will read it.")
def operator(email: str, name: str) -> None:
    """Add an operator, who adds partners in the portal. Asks for the password, or reads it from stdin."""
    from haas import db
    from haas.accounts.team import create_user
    from haas.auth.permissions import OPERATOR
    from haas.tenancy.scope import Platform

    _connected()
    if sys.stdin.isatty():
        password = click.prompt("Password", hide_input=True, confirmation_prompt=True)
    else:
        password = sys.stdin.readline().rstrip("\n")
    scope = Platform("operator", actor="cli", door="cli")
    with db.unit_of_work(scope) as session:
        user = create_user(session, scope, name=name, email=email, role=OPERATOR, password=password)
        click.echo(f"{user.name} is an operator and signs in as {user.email}.")


@click.command()
def seed() -> None:
    """Fill an empty database with the demo's two partners."""
    from haas import demo

    settings = _connected()
    with ProgressBars(Console(stderr=True)) as report:
        demo.seed(settings, report)


@click.command()
@click.option("--as-of", required=True, type=click.DateTime(["%Y-%m-%d"]), help="Everything due by this day.")
@click.option("--partner", help="Only this partner (par_…).")
@click.option("--dry-run", is_flag=True, help="Say what would be billed and change nothing.")
def bill(as_of: datetime, partner: str | None, *, dry_run: bool) -> None:
    """Bill everything due by a date; what is billed already is not billed again."""
    from invoicing import jobs

    settings = _connected()
    day: date = as_of.date()
    with ProgressBars(Console(stderr=True)) as report:
        billed = jobs.bill_all(settings, as_of=day, partner=partner, dry_run=dry_run, report=report)
    for each in billed:
        click.echo(
            f"{each.partner}: {each.leases} leases, {each.invoices} invoices, "
            f"{each.credit_notes} credit notes, {each.total} {each.currency}{' (dry run)' if dry_run else ''}"
        )
        for problem in each.problems:
            click.secho(
                "  " + ", ".join(f"{key} {value}" for key, value in problem.items()), fg="red", err=True
            )
    if any(each.problems for each in billed):
        sys.exit(1)


@click.command()
@click.option("--partner", required=True, help="Whose client it is (par_…).")
@click.option("--client", required=True, help="Who leaves (cli_…).")
@click.option("--noticed-on", type=click.DateTime(["%Y-%m-%d"]), help="When notice was given; today.")
@click.option("--reason", default="", help="Printed on the notices.")
@click.option("--start", is_flag=True, help="Give the notices and ask everything back.")
@click.option("--finish", is_flag=True, help="Bill what is left and bundle the papers.")
def offboard(
    partner: str, client: str, noticed_on: datetime | None, reason: str, *, start: bool, finish: bool
) -> None:
    """Say what off-boarding a client would do; with --start or --finish, do it. A repeat goes on."""
    from haas.clock import now, today
    from invoicing.offboarding_jobs import run_offboarding

    settings = _connected()
    day = noticed_on.date() if noticed_on else today("UTC")
    for line in run_offboarding(
        settings,
        partner_id=partner,
        client_id=client,
        noticed_on=day,
        reason=reason,
        start=start,
        finish=finish,
        at=now(),
    ):
        click.echo(line)


@click.command()
@click.argument("name", type=click.Choice(_BENCHMARKS))
@click.option("--json", "as_json", is_flag=True, help="One object a line.")
@click.option("--leases", type=click.IntRange(min=1), help="Of billing: the greatest portfolio.")
def bench(name: str, *, as_json: bool, leases: int | None) -> None:
    """Measure one part on a stack of its own, which is thrown away."""
    from haas.embedded.stack import Stack

    if leases is not None and name != "billing":
        raise click.UsageError("Only billing is measured by leases.")

    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))  # leave the block, and so end the servers
    with ExitStack() as ending:
        outer = Path(ending.enter_context(tempfile.TemporaryDirectory(prefix="haas-bench-")))
        outer.chmod(0o755)  # the servers' user must get through to the data folder, which is closed
        stack = ending.enter_context(Stack(outer / "data"))
        settings = _settings_of(stack)
        benchmark = _benchmark(name)
        results = benchmark.run(settings, **({"sizes": benchmark.sizes_up_to(leases)} if leases else {}))
        for result in [results] if isinstance(results, dict) else results:
            click.echo(json.dumps(result) if as_json else _sentence(result))


@click.command()
@click.option("--json", "as_json", is_flag=True, help="For programs.")
def doctor(*, as_json: bool) -> None:
    """Check everything this machine needs; exit code 1 if something required is missing."""
    from haas import doctor as checks

    findings = checks.examine()
    if as_json:
        click.echo(json.dumps([finding.as_json() for finding in findings], indent=1))
    else:
        for finding in findings:
            click.echo(finding.line())
    sys.exit(1 if any(finding.is_failure for finding in findings) else 0)


def _connected() -> Settings:
    """The settings, with this process connected to their database and every table known."""
    from haas import db, models
    from haas.settings import Settings

    settings = Settings.from_environment()
    with db.configure(settings.database_url).connect() as connection:
        db.assert_safe_role(connection)
    if not models.EVERY_TABLE:
        raise RuntimeError("no models were loaded")
    return settings


def _settings_of(stack: Any) -> Settings:
    from haas.migrations import upgrade
    from haas.settings import Settings

    upgrade(stack.owner_url)
    return Settings.from_environment(stack.environment())


def _benchmark(name: str) -> Any:
    """Benchmarks stand beside the tests, outside every package: load by path."""
    path = _ROOT / "tests" / "benchmarks" / f"{name}.py"
    spec = importlib.util.spec_from_file_location(f"tests.benchmarks.{name}", path)
    if spec is None or spec.loader is None or not path.exists():
        raise click.ClickException(f"There is no benchmark {name}: {path} is missing")
    module = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = module
    spec.loader.exec_module(module)
    return module


def _sentence(result: dict[str, Any]) -> str:
    if "reference" not in result:
        return (
            f"{result['bench']}, {result['what']}, of {result['size']}: {result['seconds']:.2f} s, "
            f"{result['items_per_second']:.1f} a second"
        )
    told = (
        f"{result['bench']} of {result['size']}: {result['seconds']:.2f} s, "
        f"{result['items_per_second']:.1f} a second; {result['reference']} does "
        f"{result['reference_per_second']:.1f} a second: {result['ratio']:.2f} times that"
    )
    shown = {"bench", "size", "seconds", "items_per_second", "reference", "reference_per_second", "ratio"}
    for name, value in result.items():
        if name not in shown:
            told += f"\n    {name.replace('_', ' ')}: {_shares(value) if isinstance(value, dict) else value}"
    return told


def _shares(stages: dict[str, float]) -> str:
    return ", ".join(f"{stage} {share:.0%}" for stage, share in stages.items())
