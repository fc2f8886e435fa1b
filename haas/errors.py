"""HaasError: a refusal with a code for machines, words for people and an HTTP status.

HaasError                 the root; anything else that escapes a door is a bug
├── InvalidInput     422  a field is wrong; `field` names it and the words say the remedy
├── NotSignedIn      401
├── NotAllowed       403  known to the caller, but not with this role
├── NotFound         404  also every row of another partner
├── Conflict         409  the state of things does not allow it (an illegal move, a lost race)
├── TooLarge         413
└── TooManyRequests  429
"""

from __future__ import annotations


class HaasError(Exception):
    """A refusal that a person can read. `fields` maps a field name to what is wrong with it."""

    status = 400
    code = "refused"

    def __init__(
        self,
        message: str,
        *,
        field: str | None = None,
        fields: dict[str, list[str]] | None = None,
    ) -> None:
        super().__init__(message)
        self.message = message
        self.fields = fields or ({field: [message]} if field else {})


class InvalidInput(HaasError):
    """What was sent cannot be used."""

    status = 422
    code = "invalid_input"


class NotSignedIn(HaasError):
    """No session, no token, or one that is no longer good."""

    status = 401
    code = "not_signed_in"


class NotAllowed(HaasError):
    """The caller's role does not include this permission."""

    status = 403
    code = "not_allowed"


class NotFound(HaasError):
    """There is no such row for this caller."""

    status = 404
    code = "not_found"


class Conflict(HaasError):
    """The request is well formed, but the state of things does not allow it."""

    status = 409
    code = "conflict"


class TooLarge(HaasError):
    """More than is taken at once."""

    status = 413
    code = "too_large"


class TooManyRequests(HaasError):
    """Slow down."""

    status = 429
    code = "too_many_requests"
