"""Stripe's API as far as we use it, over HTTP, in the published shapes (docs.stripe.com/api); a fake's books.

It stands on the test provider's engine, so that both misbehave alike, and answers in Stripe's words.
"""

from __future__ import annotations

from typing import Any

import stripe
from flask import Flask, Response, jsonify, request

from invoicing.payments.local_server.delivery import Delivery
from invoicing.payments.local_server.engine import Engine, Refused, Row
from invoicing.payments.local_server.server import Desk

KEY = "sk_test_51fake"
STATUS = {"succeeded": "succeeded", "pending": "processing", "declined": "requires_payment_method"}
EVENT = {
    "payment.succeeded": "payment_intent.succeeded",
    "payment.pending": "payment_intent.processing",
    "payment.declined": "payment_intent.payment_failed",
    "checkout.completed": "checkout.session.completed",
    "checkout.expired": "checkout.session.expired",
    "refund.succeeded": "refund.created",
    "dispute.created": "charge.dispute.created",
    "dispute.closed": "charge.dispute.closed",
    "payout.paid": "payout.paid",
}


def make_stripe_desk(address: str) -> Desk:
    """An empty account that tells events as Stripe does."""
    engine = Engine(address=address)
    return Desk(engine, Delivery(engine, sign=_sign, shape=_event))


def create_fake(desk: Desk) -> Flask:  # noqa: C901 - a route each
    """The application."""
    app, engine = Flask("stripe_fake", static_folder=None), desk.engine
    app.register_error_handler(Refused, lambda refusal: _error(400, "invalid_request_error", str(refusal)))

    @app.before_request
    def know_caller() -> Any:
        if request.path.startswith("/v1/") and request.headers.get("Authorization") != f"Bearer {KEY}":
            return _error(401, "invalid_request_error", "Invalid API Key provided")
        assert not request.path.startswith("/v1/") or request.headers["Stripe-Version"], "a pinned version"
        return None

    def once(asked: Row, make: Any, shape: Any) -> Any:
        key = request.headers["Idempotency-Key"]
        if request.path.endswith(("payment_intents", "refunds")):
            desk.asked.append(key)
        made: list[Row] = []

        def do() -> Row:
            made.append(engine.once(key, asked, lambda: make(asked, key)))
            return made[0]

        answer = desk.do(do)
        if isinstance(answer, tuple) or not made:
            return answer
        if made[0]["status"] == "declined":
            return _declined(made[0])
        return jsonify(shape(made[0]))

    @app.get("/v1/account")
    def account() -> Response:
        return jsonify(object="account", id="acct_1", email="ana@northwind.example")

    @app.post("/v1/webhook_endpoints")
    def webhook() -> Response:
        made = engine.add_webhook(request.form["url"])
        return jsonify(object="webhook_endpoint", **made)

    @app.post("/v1/checkout/sessions")
    def create_session() -> Any:
        form = request.form
        assert form["metadata[haas_key]"] == form["client_reference_id"]
        asked = {
            "mode": form["mode"],
            "amount": int(form.get("line_items[0][price_data][unit_amount]", "0")),
            "currency": form.get("line_items[0][price_data][currency]", form.get("currency", "")).upper(),
            "return_url": form["success_url"],
            "customer": form.get("customer"),
        }
        return once(asked, engine.open_checkout, _session)

    @app.get("/v1/checkout/sessions/<session_id>")
    def get_session(session_id: str) -> Response:
        return jsonify(_session(engine.get(engine.checkouts, session_id)))

    @app.post("/v1/checkout/sessions/<session_id>/expire")
    def expire(session_id: str) -> Any:
        if engine.get(engine.checkouts, session_id)["status"] != "open":
            raise Refused("Only Checkout Sessions with a status in [open] can be expired.")
        return jsonify(_session(engine.expire(session_id)))

    @app.post("/v1/payment_intents")
    def charge() -> Any:
        form = request.form
        assert form["off_session"] == form["confirm"] == "true"
        asked = {
            "amount": int(form["amount"]),
            "currency": form["currency"].upper(),
            "method": form["payment_method"],
        }
        return once(asked, engine.charge, _intent)

    @app.get("/v1/payment_intents")
    def list_intents() -> Response:
        mine = [row for row in engine.payments.values() if row["customer"] == request.args["customer"]]
        return _listed([_intent(row) for row in mine])

    @app.get("/v1/payment_intents/<payment_id>")
    def get_intent(payment_id: str) -> Response:
        return jsonify(_intent(engine.get(engine.payments, payment_id)))

    @app.post("/v1/refunds")
    def refund() -> Any:
        form = request.form
        asked = {"amount": int(form["amount"]), "payment": form["payment_intent"]}
        return once(asked, engine.refund, _refund)

    @app.get("/v1/refunds")
    def list_refunds() -> Response:
        mine = [row for row in engine.refunds.values() if row["payment"] == request.args["payment_intent"]]
        return _listed([_refund(row) for row in mine])

    @app.post("/v1/payment_methods/<method_id>/detach")
    def detach(method_id: str) -> Response:
        engine.get(engine.methods, method_id)["forgotten"] = True
        return jsonify(object="payment_method", id=method_id)

    @app.get("/v1/payouts")
    def payouts() -> Response:
        return _listed([_payout(row) for row in engine.payouts.values()])

    @app.get("/v1/balance_transactions")
    def entries() -> Response:
        payout = engine.get(engine.payouts, request.args["payout"])
        itself = {"reporting_category": "payout", "source": payout["id"], "amount": -payout["amount"]}
        return _listed([_entry(line) for line in payout["lines"]] + [_entry(payout, **itself)])

    return app


def _session(page: Row) -> dict[str, Any]:
    method = page["method"]
    payment = page["payment"]
    setup = None
    if method is not None:
        setup = {"object": "setup_intent", "id": "seti_1", "payment_method": _method(method), "mandate": None}
    return {
        "object": "checkout.session",
        "id": page["id"],
        "url": page["url"],
        "mode": page["mode"],
        "status": page["status"],
        "expires_at": page["expires_at"],
        "client_reference_id": page["key"],
        "metadata": {"haas_key": page["key"]},
        "amount_total": page["amount"],
        "currency": page["currency"].lower(),
        "payment_status": "paid" if payment and payment["status"] == "succeeded" else "unpaid",
        "payment_intent": _intent(payment) if payment else None,
        "setup_intent": setup,
        "customer": page["customer"],
    }


def _method(row: Row) -> dict[str, Any]:
    card = {
        "brand": "visa",
        "last4": row["last_four"],
        "exp_month": row["expires_month"],
        "exp_year": row["expires_year"],
    }
    return {"object": "payment_method", "id": row["id"], "type": "card", "card": card}


def _intent(row: Row) -> dict[str, Any]:
    error = None
    if row["status"] == "declined":
        error = {"code": "card_declined", "decline_code": row["reason"]}
    charge = None
    if row["status"] == "succeeded":
        entry = {"object": "balance_transaction", "fee": row["fee"], "currency": row["currency"].lower()}
        charge = {"object": "charge", "id": f"ch_{row['id']}", "balance_transaction": entry}
    return {
        "object": "payment_intent",
        "id": row["id"],
        "status": STATUS[row["status"]],
        "amount": row["amount"],
        "currency": row["currency"].lower(),
        "metadata": {"haas_key": row["key"]},
        "last_payment_error": error,
        "latest_charge": charge,
        "customer": row["customer"],
    }


def _refund(row: Row) -> dict[str, Any]:
    return {
        "object": "refund",
        "id": row["id"],
        "status": row["status"],
        "amount": row["amount"],
        "currency": row["currency"].lower(),
        "payment_intent": row["payment"],
        "metadata": {"haas_key": row["key"]},
    }


def _dispute(row: Row) -> dict[str, Any]:
    return {
        "object": "dispute",
        "id": row["id"],
        "payment_intent": row["payment"],
        "amount": row["amount"],
        "currency": row["currency"].lower(),
        "status": "won" if row["status"] == "won" else "needs_response",
        "reason": row["reason"],
    }


def _payout(row: Row) -> dict[str, Any]:
    return {
        "object": "payout",
        "id": row["id"],
        "amount": row["amount"],
        "currency": row["currency"].lower(),
        "arrival_date": 1767225600,  # 1 January 2026
        "status": row["status"],
    }


def _entry(row: Row, **more: Any) -> dict[str, Any]:
    category = {"payment": "charge", "chargeback": "dispute"}.get(row.get("kind", ""), row.get("kind", ""))
    source = {"object": "charge", "id": "ch_1", "payment_intent": row.get("payment")}
    return {
        "object": "balance_transaction",
        "id": f"txn_{row['id']}",
        "amount": row["amount"],
        "fee": row.get("fee", 0),
        "currency": row["currency"].lower(),
        "reporting_category": category,
        "source": source,
        **more,
    }


def _event(event: Row) -> Row:
    shape = {
        "payment": _intent,
        "checkout": _session,
        "refund": _refund,
        "dispute": _dispute,
        "payout": _payout,
    }[event["type"].partition(".")[0]]
    thing = shape(event["data"])
    if thing["object"] == "payment_intent":
        thing["latest_charge"] = "ch_1"  # events carry ids, where an answer may be expanded
    return {"object": "event", "id": event["id"], "type": EVENT[event["type"]], "data": {"object": thing}}


def _sign(secret: str, _told: Row, body: bytes) -> dict[str, str]:
    header = stripe.WebhookSignature.generate_signature_header(body.decode(), secret)
    return {"Stripe-Signature": header}


def _listed(rows: list[dict[str, Any]]) -> Response:
    return jsonify(object="list", data=rows, has_more=False, url=request.path)


def _declined(row: Row) -> tuple[Response, int]:
    error = {
        "type": "card_error",
        "code": "card_declined",
        "decline_code": row["reason"],
        "message": "Your card was declined.",
        "payment_intent": _intent(row),
    }
    return jsonify(error=error), 402


def _error(status: int, kind: str, message: str) -> tuple[Response, int]:
    return jsonify(error={"type": kind, "message": message}), status
