"""The test provider over HTTP: its API is /v1, its hosted pages /pay, its misbehaviour /control."""

from __future__ import annotations

import re
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from flask import Flask, Response, g, jsonify, redirect, render_template, request
from werkzeug.serving import make_server

from haas.money import exponent
from invoicing.payments.local_server.delivery import BEHAVIOURS, Delivery
from invoicing.payments.local_server.engine import ACCOUNT, Engine, Refused, Row
from invoicing.payments.protocol import Money

API_KEY = "local_test_key"  # opens no account that has money; one with _ and a name behind it opens another
HANG_SECONDS = 30

_TEMPLATES = Path(__file__).resolve().parents[3] / "templates" / "payment_provider"


class Desk:
    """One server's state, and what its next request is to do wrong."""

    def __init__(self, engine: Engine, delivery: Delivery) -> None:
        self.engine = engine
        self.delivery = delivery
        self.next_behaviour = ""
        self.asked: list[str] = []  # every request for money by its key: what was sent how often
        self.stopping = threading.Event()

    def do(self, make: Callable[[], Row]) -> Any:
        """Answer with what `make` makes, as well or as badly as was asked for."""
        behaviour, self.next_behaviour = self.next_behaviour, ""
        self.delivery.behave(behaviour)
        if behaviour == "error_before":
            return jsonify(error={"type": "api_error", "message": "out of order"}), 500
        made = make()
        if behaviour == "webhook_first":
            self.delivery.flush()
        else:
            self.delivery.flush_soon()
        if behaviour == "error_after":
            return jsonify(error={"type": "api_error", "message": "out of order"}), 500
        if behaviour == "hang_after":
            self.stopping.wait(HANG_SECONDS)  # until the client has long given up, or the server ends
        return jsonify(made)


def create_server_app(desk: Desk) -> Flask:
    """The application."""
    app = Flask("payment_provider", template_folder=str(_TEMPLATES), static_folder=None)
    engine = desk.engine
    app.register_error_handler(Refused, lambda refusal: (jsonify(error=str(refusal)), 409))

    @app.before_request
    def know_caller() -> Any:
        if not request.path.startswith("/v1/"):
            return None
        known = re.fullmatch(
            rf"Bearer {API_KEY}(_[a-z0-9]{{1,20}})?", request.headers.get("Authorization", "")
        )
        if known is None:
            return jsonify(error={"message": "the API key is not right"}), 401
        g.account = ACCOUNT + (known[1] or "")
        return None

    _add_api(app, desk)
    _add_pages(app, desk)
    _add_control(app, desk)
    if not engine.address:
        raise ValueError("the server must know its own address")
    return app


def _add_api(app: Flask, desk: Desk) -> None:
    engine = desk.engine

    def own(rows: dict[str, Row]) -> dict[str, Row]:
        return {row_id: row for row_id, row in rows.items() if row["account"] == g.account}

    def once(make: Callable[[Row, str], Row]) -> Any:
        key, asked = request.headers.get("Idempotency-Key", ""), {**request.get_json(), "account": g.account}
        if not key:
            return jsonify(error="send an Idempotency-Key"), 400
        desk.asked.append(key)
        return desk.do(lambda: engine.once(key, asked, lambda: make(asked, key)))

    app.get("/v1/account", endpoint="account")(lambda: jsonify(id=g.account, name="Local test account"))
    app.post("/v1/webhooks", endpoint="webhooks")(
        lambda: jsonify(engine.add_webhook(str(request.get_json()["url"]), g.account))
    )
    app.post("/v1/checkouts", endpoint="checkouts")(lambda: once(engine.open_checkout))
    app.post("/v1/charges", endpoint="charges")(lambda: once(engine.charge))
    app.post("/v1/refunds", endpoint="refunds")(lambda: once(engine.refund))
    app.get("/v1/payouts", endpoint="payouts")(
        lambda: jsonify(
            items=[row for row in own(engine.payouts).values() if row["arrives_on"] >= request.args["since"]]
        )
    )

    @app.get("/v1/<any(checkouts, payments, refunds, payouts):kind>/<row_id>")
    def get_one(kind: str, row_id: str) -> Response:
        return jsonify(engine.get(own(getattr(engine, kind)), row_id))

    @app.get("/v1/<any(payments, refunds):kind>")
    def by_key(kind: str) -> Response:
        return jsonify(items=engine.by_key(own(getattr(engine, kind)), request.args["key"]))

    @app.post("/v1/checkouts/<checkout_id>/expire")
    def expire(checkout_id: str) -> Any:
        return desk.do(lambda: engine.expire(checkout_id))

    @app.post("/v1/methods/<method_id>/forget")
    def forget(method_id: str) -> Response:
        if method_id in engine.methods:
            engine.methods[method_id]["forgotten"] = True
        return jsonify({})


def _add_pages(app: Flask, desk: Desk) -> None:
    engine = desk.engine

    @app.get("/style.css")
    def style() -> Response:
        return Response((_TEMPLATES / "style.css").read_text(), mimetype="text/css")

    @app.get("/pay/<checkout_id>")
    def page(checkout_id: str) -> str:
        found = engine.get(engine.checkouts, checkout_id)
        return render_template("page.html", page=found, amount=shown(found))

    @app.post("/pay/<checkout_id>")
    def choose(checkout_id: str) -> Any:
        found, how = engine.get(engine.checkouts, checkout_id), request.form["how"]
        if how != "later":
            desk.delivery.behave(request.form.get("behaviour", ""))
            engine.pay(checkout_id, how=how)
            desk.delivery.flush_soon()
            if found["status"] == "open":
                return render_template("page.html", page=found, amount=shown(found), declined=True), 402
        return redirect(found["return_url"], 303)


def _add_control(app: Flask, desk: Desk) -> None:
    engine = desk.engine

    @app.get("/")
    def overview() -> str:
        return render_template("overview.html", engine=engine, behaviours=BEHAVIOURS, desk=desk)

    @app.get("/control/events")
    def events() -> Response:
        return jsonify(items=engine.events)

    @app.post("/control/next")
    def next_one() -> Any:
        wanted = request.form["behaviour"]
        if wanted not in BEHAVIOURS:
            raise Refused(f"the behaviours are {', '.join(BEHAVIOURS)}")
        desk.next_behaviour = wanted
        return redirect("/", 303)

    @app.post("/control/release")
    def release() -> Any:
        desk.delivery.release()
        return redirect("/", 303)

    @app.post("/control/settle/<payment_id>")
    def settle(payment_id: str) -> Any:
        engine.settle(payment_id, paid=request.form.get("paid", "1") == "1")
        desk.delivery.flush()
        return redirect("/", 303)

    @app.post("/control/dispute/<payment_id>")
    def dispute(payment_id: str) -> Any:
        engine.dispute(payment_id, won=request.form.get("won") == "1")
        desk.delivery.flush()
        return redirect("/", 303)

    @app.post("/control/pay-out")
    def pay_out() -> Any:
        engine.pay_out()
        desk.delivery.flush()
        return redirect("/", 303)


def shown(page: Row) -> str:
    """The amount as people read it."""
    money = Money(page["amount"], page["currency"])
    return f"{money.amount:.{exponent(money.currency)}f}"


@contextmanager
def serving(app: Flask, *, host: str, port: int, stopping: threading.Event) -> Iterator[None]:
    """Serve `app` from a thread until the block ends."""
    server = make_server(host, port, app, threaded=True)
    thread = threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True, name="payment provider")
    thread.start()
    try:
        yield
    finally:
        stopping.set()
        server.shutdown()
        server.server_close()
        thread.join(timeout=10)


def make_desk(address: str) -> Desk:
    """An account that is empty, at an address."""
    engine = Engine(address=address)
    return Desk(engine, Delivery(engine))
