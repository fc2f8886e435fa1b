"""The seeded demo as the walks use it: its people, and where each value of an address is found."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import sqlalchemy as sa
from sqlalchemy import event

from haas import db
from haas.auth.models import User
from haas.settings import Settings
from haas.tenancy.models import Partner
from haas.tenancy.scope import Platform, Tenant

_BOOKKEEPING = "select set_config("  # in whose name a transaction runs: no question about anything


@dataclass(frozen=True, slots=True)
class House:
    """A partner of the demo with its people by role, and the ids of its rows by the argument's name."""

    partner: Partner
    people: Mapping[str, User]
    ids: Mapping[str, list[str]]

    @property
    def tenant(self) -> Tenant:
        """The partner."""
        return Tenant(self.partner.id)

    @property
    def owner(self) -> User:
        """Who may do most."""
        return self.people["partner.owner"]

    def __str__(self) -> str:
        """For messages."""
        return self.partner.slug


@dataclass(frozen=True, slots=True)
class Demo:
    """Both partners of the demo."""

    settings: Settings
    northwind: House
    kontor: House
    operator: User


def distinct(table: str, by: str, column: str = "id", *, each: int = 1) -> str:
    """The rows of a table, `each` for every value of `by`: a page looks different in every state."""
    return (
        f"select {column} from (select {column}, row_number() over (partition by {by} order by {column}) as n"
        f" from {table} where partner_id = :partner) as numbered where n <= {each} order by {column}"
    )


# Argument of a route -> the ids to put there, as SQL. Arguments that are no ids have a list.
FINDERS: dict[str, str | list[str]] = {
    "acceptance_id": distinct("acceptance", "partner_id"),
    "agreement_id": distinct("agreement", "partner_id", each=2),
    "alert_id": distinct("alert", "state"),
    "amendment_id": distinct("amendment", "partner_id"),
    "attempt_id": distinct("payment_attempt", "state"),
    "asset_id": distinct("asset", "state"),
    "batch_id": distinct("export_batch", "state, format"),
    "book_name": ["book", "tax"],
    "event_kind": ["capitalise", "estimate"],
    "event_id": distinct("book_event", "kind"),
    "book_id": distinct("price_book", "published_at is null"),
    "bank_account_id": distinct("bank_account", "partner_id"),
    "bank_file_id": (
        "select id from stored_file where partner_id = :partner and kind = 'bank_statement'"
        " order by id limit 1"
    ),
    "bank_line_id": distinct("bank_line", "state, amount > 0"),
    "bank_statement_id": distinct("bank_statement", "partner_id"),
    "buyout_id": distinct("buyout", "state"),
    "card_id": distinct("rate_card", "partner_id"),
    "certificate_id": distinct("wipe_certificate", "partner_id"),
    "chapter": ["assets", "leases", "invoices"],
    "charge_id": distinct("charge", "recurs || (voided_at is null)"),
    "order_id": distinct("purchase_order", "partner_id"),
    "rule_id": distinct("allowance_rule", "partner_id"),
    "chart": ["load", "temperature"],
    "client_id": distinct("client", "partner_id", each=3),
    "code": ["ABCDEFGH2345"],
    "transfer_order_id": ["tro_none"],  # nor pay
    "transfer_item_id": ["tri_none"],
    "collection_id": ["col_none"],  # SEPA does not reach the partner that is walked
    "colour": ["14532d"],
    "command_id": distinct("device_command", "state"),
    "deposit_id": distinct("deposit", "partner_id"),
    "dispute_id": distinct("invoice_dispute", "state"),
    "device_id": distinct("device", "partner_id", each=2),
    "entry_id": distinct("journal_entry", "source_kind"),
    "account_id": distinct("ledger_account", "kind"),
    "payment_accounts_api:account_id": distinct("payment_account", "partner_id"),
    "payment_settings:account_id": distinct("payment_account", "partner_id"),
    "method_id": distinct("payment_method", "is_default"),
    "pause_id": distinct("dunning_pause", "kind"),
    "payout_id": distinct("payout", "partner_id"),
    "setup_id": distinct("payment_setup", "partner_id"),
    "posting_run_id": distinct("posting_run", "partner_id"),
    "report_name": [
        "trial_balance",
        "asset_cost",
        "asset_depreciation",
        "deferred_rent",
        "receivables",
        "exchange_differences",
    ],
    "rolled": ["asset_cost", "asset_depreciation", "deferred_rent", "net_investment", "receivables"],
    "feed_secret": ["nobodys-secret"],
    "file_id": distinct("stored_file", "kind"),
    "file_format": ["csv", "xlsx"],
    "filename": ["css/haas.css"],
    "funder_id": distinct("funder", "partner_id"),
    "funding_id": distinct("funding", "state"),
    "import_id": (
        "select id from stored_file where partner_id = :partner and kind = 'asset_import' order by id limit 1"
    ),
    "incoming_id": (
        "select b.id from asset a join asset b using (partner_id, model_id) where partner_id = :partner"
        " and a.state = 'in_service' and b.state = 'ready' order by a.id, b.id limit 1"
    ),
    "invoice_id": distinct("invoice", "kind, state"),
    # Where a route of one blueprint means a kind of its own.
    "invoice_exports_api:job_id": (
        "select id from long_job where partner_id = :partner and kind = 'invoice_export' order by id"
    ),
    "job_id": distinct("long_job", "kind, state"),
    "kind": ["scale_up", "scale_down", "price_change", "co_term", "move", "renew", "terminate", "abate"],
    "lease_id": distinct("lease", "state"),
    "line_id": distinct("lease_line", "partner_id"),
    "loss_id": distinct("loss_charge", "state"),
    "mandate_id": distinct("sepa_mandate", "partner_id"),
    "model_id": distinct("hardware_model", "archived_at is null"),
    "need_id": distinct("purchase_need", "state"),
    "number": ["1"],
    "offered_line_id": distinct("quote_line", "partner_id"),
    "option_id": distinct("quote_option", "partner_id"),
    "offboarding_id": distinct("offboarding", "state"),
    "outgoing_id": (
        "select a.id from asset a join asset b using (partner_id, model_id) where partner_id = :partner"
        " and a.state = 'in_service' and b.state = 'ready' order by a.id, b.id limit 1"
    ),
    "partner_id": "select :partner as id",
    "profile_id": distinct("export_profile", "format"),
    "proposal_id": distinct("swap_proposal", "state"),
    "pro_forma_id": distinct("pro_forma", "sent_at is null"),
    "quote_id": distinct("quote", "state"),
    "receipt_id": distinct("receipt", "source"),
    "refund_id": distinct("refund", "state"),
    "return_id": distinct("return_order", "state"),
    "rise_id": distinct("price_rise", "state"),
    "round_id": ["bro_none"],
    "route_id": distinct("alert_route", "channel"),
    "run_id": distinct("billing_run", "partner_id"),
    "sha256": distinct("partner_logo", "partner_id"),
    "site_id": distinct("site", "client_id"),
    "size": ["180", "192", "512"],
    "step_no": ["0"],
    "swap_id": distinct("swap", "partner_id"),
    "terms_id": distinct("terms_version", "partner_id"),
    "token": distinct("label_token", "partner_id", column="token"),
    "user_id": "select id from app_user where partner_id = :partner order by id limit 1",
    "verb": ["stage", "make_ready", "send_to_repair"],
}


def find_house(slug: str) -> House:
    """The partner with everything that addresses need."""
    with db.unit_of_work(Platform("operator", actor="test", door="cli")) as session:
        partner = session.scalars(sa.select(Partner).where(Partner.slug == slug)).one()
    with db.unit_of_work(Tenant(partner.id)) as session:
        people = {user.role: user for user in session.scalars(sa.select(User))}
        ids = {
            name: list(session.scalars(sa.text(finder), {"partner": partner.id}))
            if isinstance(finder, str)
            else finder
            for name, finder in FINDERS.items()
        }
    return House(partner, people, ids)


class Statements:
    """Counts SQL statements while it is entered."""

    def __init__(self) -> None:
        self.seen: list[str] = []

    def __len__(self) -> int:
        return len(self.seen)

    @contextmanager
    def counted(self) -> Iterator[Statements]:
        """Count in this process's engine."""
        self.seen = []
        engine = db.engine()
        event.listen(engine, "before_cursor_execute", self._note)
        try:
            yield self
        finally:
            event.remove(engine, "before_cursor_execute", self._note)

    def _note(self, _connection: Any, _cursor: Any, statement: str, *_rest: Any) -> None:
        if not statement.startswith(_BOOKKEEPING):
            self.seen.append(statement)
