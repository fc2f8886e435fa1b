"""Event name -> jobs that follow it; every reactive flow is readable here."""

from __future__ import annotations

from importlib import import_module
from typing import Any, Protocol

DEFAULT, DOCUMENTS = "default", "documents"
QUEUES = (
    DEFAULT,
    DOCUMENTS,
)  # one queue a worker: RQ loses a job popped from several (rq issue 1716)


class Reaction(Protocol):
    """A job: safe to run twice; arguments are ids and ISO dates, as published."""

    def __call__(self, *, partner_id: str, event_id: str, **payload: Any) -> None:
        """Do it, in units of work of its own; an error is tried again later."""


# event -> (job as "module:function", queue)
REACTIONS: dict[str, list[tuple[str, str]]] = {
    "account.invited": [("haas.accounts.jobs:mail_invitation", DEFAULT)],
    "account.password_reset_asked": [("haas.accounts.jobs:mail_password_reset", DEFAULT)],
    "account.password_changed": [("haas.accounts.jobs:mail_password_changed", DEFAULT)],
    "audit.anchored": [("haas.accounts.jobs:mail_anchor", DEFAULT)],
    "asset.wiped": [("devices.jobs:render_wipe_certificate", DOCUMENTS)],
    "asset_import.requested": [("devices.jobs:import_assets", DEFAULT)],
    "bank.statement_imported": [("invoicing.bank.jobs:match_statement", DEFAULT)],
    "billing.chunk_due": [("invoicing.jobs:bill_chunk", DEFAULT)],
    "billing.run_finished": [("invoicing.jobs:note_round", DEFAULT)],
    "billing_round.part_due": [("invoicing.jobs:run_round_part", DEFAULT)],
    "invoice.issued": [
        ("invoicing.jobs:render_pdf", DOCUMENTS),
        ("invoicing.jobs:pass_issued_titles", DEFAULT),
    ],
    "invoice.rendered": [("invoicing.jobs:mail_invoice", DEFAULT)],
    "invoice.send_requested": [("invoicing.jobs:mail_invoice_again", DEFAULT)],
    "invoice_export.requested": [("invoicing.jobs:export_invoices", DEFAULT)],
    "export.claimed": [("invoicing.exports.jobs:write_batch", DEFAULT)],
    "export.delivery_due": [("invoicing.exports.jobs:deliver", DEFAULT)],
    "export.failed": [("invoicing.exports.jobs:tell_of_failure", DEFAULT)],
    "asset_export.requested": [("devices.jobs:export_assets", DEFAULT)],
    "ledger.chunk_due": [("invoicing.ledger.jobs:post_chunk", DEFAULT)],
    "device.health_changed": [
        ("haas.alerts.jobs:on_health_changed", DEFAULT),
        ("leases.jobs:reconsider_swap", DEFAULT),
    ],
    "device.went_offline": [("haas.alerts.jobs:on_went_offline", DEFAULT)],
    "device.came_online": [("haas.alerts.jobs:on_came_online", DEFAULT)],
    "device.event_reported": [("haas.alerts.jobs:on_event_reported", DEFAULT)],
    "device.quarantined": [("haas.alerts.jobs:on_quarantined", DEFAULT)],
    "device.enrolment_pending": [("haas.alerts.jobs:on_enrolment_pending", DEFAULT)],
    "device.enrolment_decided": [("haas.alerts.jobs:on_enrolment_decided", DEFAULT)],
    "device.enrolled": [("haas.alerts.jobs:on_identity_changed", DEFAULT)],
    "device.revoked": [
        ("haas.alerts.jobs:on_identity_changed", DEFAULT),
        ("leases.jobs:reconsider_swap", DEFAULT),
    ],
    "alert.opened": [("haas.alerts.jobs:plan_opened", DEFAULT)],
    "alert.worsened": [("haas.alerts.jobs:plan_worsened", DEFAULT)],
    "alert.resolved": [("haas.alerts.jobs:plan_resolved", DEFAULT)],
    "alert.delivery_due": [("haas.alerts.jobs:deliver", DEFAULT)],
    "asset.placed": [("devices.sweeps:follow_asset", DEFAULT)],
    "asset.moved": [("devices.sweeps:revoke_gone", DEFAULT)],
    "asset.service_changed": [("leases.jobs:reconsider_swap", DEFAULT)],
    "asset.left_fleet": [("leases.jobs:close_book", DEFAULT)],
    "asset.recovered": [("leases.end_jobs:reverse_loss", DEFAULT)],
    "buyout.offered": [("leases.end_jobs:print_buyout_quote", DOCUMENTS)],
    "buyout.title_passed": [("leases.end_jobs:print_bill_of_sale", DOCUMENTS)],
    "offboarding.started": [("invoicing.offboarding_jobs:end_everything", DEFAULT)],
    "payment.charge_due": [("invoicing.payments.jobs:send_charge", DEFAULT)],
    "payment.declined": [("invoicing.payments.letters:mail_declined", DEFAULT)],
    "payment_method.expires_soon": [("invoicing.payments.letters:mail_expiring", DEFAULT)],
    "payment.refund_due": [("invoicing.payments.jobs:send_refund", DEFAULT)],
    "refund.paid": [("invoicing.bank.jobs:follow_refund", DEFAULT)],
    "refund.failed": [("invoicing.bank.jobs:follow_refund", DEFAULT)],
    "refund.requested": [("invoicing.payments.jobs:carry_out_refund", DEFAULT)],
    "payment.webhook_stored": [("invoicing.payments.jobs:process_webhook", DEFAULT)],
    "payment_method.removed": [("invoicing.payments.jobs:forget_method", DEFAULT)],
    "statement.due": [("invoicing.statement_jobs:mail_statement", DOCUMENTS)],
    "mandate.signature_asked": [("invoicing.bank.jobs:mail_mandate", DOCUMENTS)],
    "collection.ordered": [("invoicing.payments.jobs:close_pages", DEFAULT)],
    "debit.announced": [("invoicing.bank.jobs:mail_notice", DEFAULT)],
    "receipt.reversed": [("invoicing.bank.jobs:note_reversal", DEFAULT)],
    "invoice.reopened": [("invoicing.jobs:take_back_discounts", DEFAULT)],
    "payment.recorded": [("invoicing.jobs:pass_paid_titles", DEFAULT)],
    "lease.amended": [("leases.jobs:print_amendment", DOCUMENTS)],
    "lease.asset_accepted": [("leases.jobs:print_acceptance", DOCUMENTS)],
    "lease.asset_swapped": [
        ("leases.jobs:print_swap", DOCUMENTS),
        ("haas.alerts.jobs:on_swapped", DEFAULT),
    ],
    "lease.activated": [("leases.letters:lease_activated", DEFAULT)],
    "lease.notice_given": [("leases.letters:lease_notice_given", DEFAULT)],
    "lease.held_over": [("leases.letters:lease_held_over", DEFAULT)],
    "lease.end_near": [("leases.letters:lease_end_near", DEFAULT)],
    "quote.sent": [("leases.quotes.jobs:print_quote", DOCUMENTS)],
    "quote.printed": [("leases.quotes.letters:quote_sent", DEFAULT)],
    "quote.link_requested": [("leases.quotes.letters:link_requested", DEFAULT)],
    "quote.question_asked": [("leases.quotes.letters:question_asked", DEFAULT)],
    "quote.accepted": [
        ("leases.quotes.jobs:stage", DEFAULT),
        ("leases.quotes.jobs:print_acceptance", DOCUMENTS),
    ],
    "quote.acceptance_printed": [("leases.quotes.letters:quote_accepted", DEFAULT)],
    "quote.declined": [("leases.quotes.letters:quote_declined", DEFAULT)],
    "quote.expired": [("leases.quotes.letters:quote_expired", DEFAULT)],
    "quote.withdrawn": [("leases.quotes.letters:quote_withdrawn", DEFAULT)],
    "pro_forma.made": [("invoicing.pro_forma.jobs:render_pdf", DOCUMENTS)],
    "pro_forma.send_requested": [("invoicing.pro_forma.jobs:mail_pro_forma", DEFAULT)],
    "price_rise.announced": [("leases.rise_jobs:announce", DEFAULT)],
    "price_rise.chunk_due": [("leases.rise_jobs:apply_chunk", DEFAULT)],
    "reminder.recorded": [("invoicing.dunning.jobs:print_letter", DOCUMENTS)],
    "reminder.ready": [("invoicing.dunning.jobs:mail_reminder", DEFAULT)],
    "return.requested": [("leases.letters:return_requested", DEFAULT)],
    "return.received": [("leases.jobs:print_receipt", DOCUMENTS)],
    "return.inspected": [("leases.letters:return_inspected", DEFAULT)],
}


def find(reaction: str) -> Reaction:
    """The function of a reaction's dotted name.

    :raises LookupError: if the name is not in the table: nothing else is ever called.
    """
    if not any(reaction == name for jobs in REACTIONS.values() for name, _ in jobs):
        raise LookupError(f"{reaction} is no reaction")
    module, _, function = reaction.partition(":")
    job: Reaction = getattr(import_module(module), function)
    return job
