"""/webhooks/payments/<token>: where providers tell what happened. Signed by them; stored, then answered."""

from __future__ import annotations

from flask import Blueprint, Response, request

from haas.auth.caller import public
from haas.errors import TooLarge
from haas.rest.limits import limiter
from invoicing.payments import inbox
from invoicing.payments.doors import settings

blueprint = Blueprint("payment_webhooks", __name__, url_prefix="/webhooks/payments")

_FLOOD = "600 per minute"


@blueprint.post("/<token>")
@public("the provider's signature says who it is")
@limiter.limit(_FLOOD)
def hear(token: str) -> Response:
    """Store what a provider tells. The second of the same is answered alike and changes nothing."""
    if (request.content_length or 0) > inbox.BODY_BYTES_MAX:
        raise TooLarge(f"A webhook has at most {inbox.BODY_BYTES_MAX} bytes.")
    body = request.stream.read(inbox.BODY_BYTES_MAX + 1) if not request.is_json else request.get_data()
    if len(body) > inbox.BODY_BYTES_MAX:
        raise TooLarge(f"A webhook has at most {inbox.BODY_BYTES_MAX} bytes.")
    inbox.take_in(token, headers=dict(request.headers), body=body, settings=settings())
    return Response(status=200)
