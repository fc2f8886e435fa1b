"""Every table of the product, gathered for migrations and for the mapper."""

from __future__ import annotations

from importlib import import_module

from haas.db import Base

# A module that maps tables is named here once; a test fails for one that is not.
MODULES = (
    "haas.tenancy.models",
    "haas.tenancy.logos",
    "haas.tenancy.company",
    "haas.auth.models",
    "haas.audit",
    "haas.outbox",
    "haas.files",
    "haas.progress",
    "haas.series",
    "haas.rest.idempotency",
    "haas.saved_views.models",
    "haas.agenda.models",
    "devices.models",
    "devices.telemetry_models",
    "leases.models",
    "leases.book_models",
    "leases.amendment_models",
    "leases.pricing.models",
    "leases.pricing.rise_models",
    "leases.pricing.wholesale_models",
    "leases.proposal_models",
    "leases.classification_models",
    "leases.funding.models",
    "leases.ends.models",
    "leases.quotes.models",
    "invoicing.models",
    "invoicing.purchase_orders.models",
    "invoicing.charges.models",
    "invoicing.money.models",
    "invoicing.allowances.models",
    "invoicing.round_models",
    "invoicing.pay_link_models",
    "invoicing.payments.models",
    "invoicing.deposit_models",
    "invoicing.early_discount_models",
    "invoicing.bank.models",
    "invoicing.bank.debit_models",
    "invoicing.mandate_models",
    "invoicing.bank.transfer_models",
    "invoicing.offboarding_models",
    "invoicing.ledger.models",
    "invoicing.exports.models",
    "invoicing.dunning.models",
    "invoicing.holds.models",
    "invoicing.pro_forma.models",
    "haas.alerts.models",
)

for module in MODULES:
    import_module(module)

EVERY_TABLE = Base.metadata.sorted_tables
