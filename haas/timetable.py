"""Which job runs at what time of day; the only schedule in the product."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from importlib import import_module

from haas.settings import Settings


@dataclass(frozen=True, slots=True)
class Entry:
    """A sweep that runs every `every`, as "module:function" of (settings, now). Safe to run twice."""

    name: str
    every: timedelta
    function: str

    def due_slot(self, now: datetime) -> datetime:
        """The start of the slot that `now` lies in; aligned to the epoch, so a restart repeats none."""
        seconds = int(self.every.total_seconds())
        return datetime.fromtimestamp(int(now.timestamp()) // seconds * seconds, tz=now.tzinfo)

    def call(self, settings: Settings, now: datetime) -> None:
        """Run it."""
        module, _, function = self.function.partition(":")
        sweep: Callable[[Settings, datetime], None] = getattr(import_module(module), function)
        sweep(settings, now)


TIMETABLE: tuple[Entry, ...] = (
    Entry("device_silence", timedelta(seconds=15), "devices.sweeps:sweep_silence"),
    Entry("device_commands", timedelta(minutes=1), "devices.sweeps:expire_commands"),
    Entry("alerts", timedelta(seconds=15), "haas.alerts.jobs:sweep"),
    Entry("telemetry_partitions", timedelta(hours=1), "devices.sweeps:keep_partitions"),
    Entry("billing", timedelta(hours=1), "invoicing.jobs:bill_daily"),
    Entry("exports", timedelta(minutes=1), "invoicing.exports.jobs:start_due"),
    # Hourly, because a month ends at another hour for each partner.
    Entry("ledger_proposals", timedelta(hours=1), "invoicing.ledger.jobs:propose_posting"),
    Entry("operator_mail", timedelta(seconds=15), "haas.accounts.jobs:sweep_operator_mail"),
    Entry("account_leftovers", timedelta(hours=1), "haas.accounts.jobs:sweep_leftovers"),
    Entry("audit_anchor", timedelta(days=1), "haas.accounts.anchors:sweep"),
    # Hourly, because midnight is at another hour for each partner.
    Entry("lease_holdover", timedelta(hours=1), "leases.sweeps:move_to_holdover"),
    Entry("undisputed_charges", timedelta(hours=1), "leases.sweeps:close_undisputed"),
    Entry("silent_acceptance", timedelta(hours=1), "leases.sweeps:accept_silently"),
    # Hourly, because a month begins at another hour for each partner.
    Entry("statements", timedelta(hours=1), "invoicing.statement_jobs:ask_monthly"),
    Entry("titles_to_pass", timedelta(hours=1), "invoicing.jobs:pass_due_titles"),
    # Hourly, because the due day begins at another hour for each partner.
    Entry("reminders", timedelta(hours=1), "invoicing.dunning.jobs:remind_daily"),
    Entry("charges_again", timedelta(hours=1), "invoicing.dunning.jobs:retry_declined"),
    Entry("charges_due", timedelta(hours=1), "invoicing.payments.jobs:charge_due"),
    Entry("payments_unknown", timedelta(minutes=5), "invoicing.payments.jobs:ask_after"),
    # Hourly, because the day begins at another hour for each partner.
    Entry("debits_announced", timedelta(hours=1), "invoicing.bank.jobs:announce_daily"),
    # Hourly, because a month begins at another hour for each partner.
    Entry("cards_expiring", timedelta(hours=1), "invoicing.payments.letters:tell_expiring"),
    Entry("payouts", timedelta(hours=6), "invoicing.payments.jobs:fetch_payouts"),
    Entry("quotes_run_out", timedelta(hours=1), "leases.quotes.jobs:expire"),
    Entry("purchase_needs", timedelta(minutes=5), "leases.quotes.jobs:recount_needs"),
    Entry("lease_amendments", timedelta(hours=1), "leases.sweeps:follow_amendments"),
    Entry("depreciation_usage", timedelta(days=1), "leases.sweeps:feed_usage"),
    Entry("tax_years", timedelta(days=1), "leases.sweeps:settle_tax_years"),
    Entry("price_rises", timedelta(hours=1), "leases.sweeps:apply_price_rises"),
    Entry("lease_reminders", timedelta(hours=1), "leases.sweeps:remind_of_ends"),
)
