"""Examples of invoicing's changing routes: credits, payments, sending, runs, tax rates, exports."""

from __future__ import annotations

import io
from collections.abc import Mapping
from typing import Any

from sqlalchemy.orm import Session

from tests.architecture.examples import Example
from tests.cast import Cast
from tests.invoicing.world import an_invoice, pretend_rendered

CREATES_NEW = "a list of one's own: what is made is one's own"
ONE_S_OWN = "it acts on the caller's own partner alone"


def issued(session: Session, cast: Cast) -> Mapping[str, str]:
    """An invoice over 156.00 USD before tax to Acme, not paid."""
    return {"invoice_id": an_invoice(session, cast.tenant, client_id=cast.acme.id).id}


def rendered(session: Session, cast: Cast) -> Mapping[str, str]:
    """The same with its PDF."""
    invoice = an_invoice(session, cast.tenant, client_id=cast.acme.id)
    pretend_rendered(session, cast.tenant, invoice)
    return {"invoice_id": invoice.id}


def payment(cast: Cast, values: Mapping[str, str]) -> dict[str, Any]:
    """A part of it."""
    return {
        "amount": "50.00",
        "received_on": "2026-04-10",
        "method": "transfer",
        "reference": f"BANK-{values['invoice_id'][-6:]}",
    }


def confirmed_payment(cast: Cast, values: Mapping[str, str]) -> dict[str, Any]:
    """The form, its preview seen."""
    return {**payment(cast, values), "step": "confirm"}


RATE = {"country": "FR", "category": "S", "rate_pct": "20", "name": "TVA", "valid_from": "2014-01-01"}

EXCHANGE = {"base": "EUR", "quote": "USD", "day": "2026-04-01", "rate": "1.0825"}


def rates_file(cast: Cast, values: Mapping[str, str]) -> dict[str, Any]:
    """Two rates as CSV."""
    return {"file": (io.BytesIO(b"day,base,quote,rate\n2026-04-01,EUR,GBP,0.8571\n"), "rates.csv")}


API = {
    "invoices_api.credit_invoice": Example(prepare=issued, json={"reason": "Wrong client"}, status=201),
    "invoices_api.record_payment": Example(prepare=issued, json=payment, user="fay", status=201),
    "invoices_api.send_invoice": Example(prepare=rendered, user="fay", status=202),
    "billing_runs_api.start_run": Example(
        prepare=issued,
        json={"as_of": "2026-05-01"},
        user="fay",
        status=202,
        cleo=202,
        cleo_because=CREATES_NEW,
    ),
    "tax_rates_api.add_rate": Example(json=RATE, user="fay", status=201, cleo=201, cleo_because=CREATES_NEW),
    "exchange_rates_api.add_rate": Example(
        json=EXCHANGE, user="fay", status=201, cleo=201, cleo_because=CREATES_NEW
    ),
    "exchange_rates_api.import_rates": Example(
        form=rates_file, user="fay", status=201, cleo=201, cleo_because=CREATES_NEW
    ),
    "invoice_exports_api.export_invoices": Example(
        prepare=issued, json={"format": "xlsx"}, user="fay", status=202, cleo=202, cleo_because=CREATES_NEW
    ),
}
PAGES = {
    "invoices.credit": Example(
        prepare=issued,
        form={"scope": "all", "reason_code": "wrong_recipient", "step": "confirm"},
        user="fay",
        status=303,
    ),
    "invoices.pay": Example(prepare=issued, form=confirmed_payment, user="fay", status=303),
    "invoices.send": Example(prepare=rendered, user="fay", status=303),
    "billing.start": Example(
        prepare=issued, form={"as_of": "2026-05-01"}, status=303, cleo=303, cleo_because=CREATES_NEW
    ),
    "billing.set_sending": Example(form={"held": "1"}, status=303, cleo=303, cleo_because=ONE_S_OWN),
    "billing.send_waiting": Example(prepare=rendered, status=303, cleo=303, cleo_because=ONE_S_OWN),
    "exchange_rates.add": Example(form=EXCHANGE, user="fay", status=303, cleo=303, cleo_because=CREATES_NEW),
    "exchange_rates.bring_in": Example(
        form=rates_file, user="fay", status=303, cleo=303, cleo_because=CREATES_NEW
    ),
    "taxes.add": Example(form=RATE, user="fay", status=303, cleo=303, cleo_because=CREATES_NEW),
}
EXAMPLES: dict[str, Example | list[Example]] = {**API, **PAGES}
