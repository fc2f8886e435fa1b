"""current_caller() and @requires: session, tenant and user of this request.

The request is the unit of work: `requires` opens the transaction in the caller's name, and commits it
after the view has made its answer and before that answer leaves; an error or a refusal (status 400 and
above) rolls back. Nothing below a door commits.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import wraps
from typing import Any, TypeVar

from flask import Response, current_app, g, make_response, request
from sqlalchemy.orm import Session

from haas import clock, db
from haas.auth.identify import Identity, identify
from haas.auth.models import User
from haas.auth.permissions import PERMISSIONS
from haas.errors import NotAllowed, NotSignedIn
from haas.tenancy.models import Partner
from haas.tenancy.scope import Platform, Tenant

View = TypeVar("View", bound=Callable[..., Any])

# Called inside the transaction, around the view: (caller) -> an answer instead of the view's, or none;
# and (caller, answer) after it. The REST layer hangs idempotency here.
before_view: list[Callable[[Caller], Response | None]] = []
after_view: list[Callable[[Caller, Response], None]] = []


@dataclass(frozen=True, slots=True)
class Caller:
    """This request's transaction, tenant, user and what the user may do."""

    session: Session
    scope: Tenant | Platform
    identity: Identity

    @property
    def tenant(self) -> Tenant:
        """The tenant.

        :raises NotAllowed: for an operator who has not entered a partner.
        """
        if isinstance(self.scope, Platform):
            raise NotAllowed("Enter a partner first: this belongs to one partner.")
        return self.scope

    @property
    def user(self) -> User:
        """The person who is signed in, or who made the API token."""
        return self.identity.user

    @property
    def partner(self) -> Partner:
        """The partner whose rows are seen.

        :raises NotAllowed: for an operator who has not entered a partner.
        """
        if self.identity.partner is None:
            raise NotAllowed("Enter a partner first: this belongs to one partner.")
        return self.identity.partner

    def may(self, permission: str) -> bool:
        """Whether the caller holds `permission` (a KeyError for one that is not in the table)."""
        return bool(PERMISSIONS[permission]) and permission in self.identity.permissions

    def demand(self, permission: str) -> None:
        """Refuse what the page is not for everybody who may open it.

        :raises NotAllowed: naming the permission.
        """
        if not self.may(permission):
            raise NotAllowed(f"Your role does not include this: {permission}.")


def current_caller() -> Caller:
    """The caller of this request; only inside a view that is marked by `requires`."""
    caller: Caller = g.caller
    return caller


def find_caller() -> Caller | None:
    """The caller if there is one: for templates and error pages."""
    caller: Caller | None = g.get("caller")
    return caller


def requires(permission: str) -> Callable[[View], View]:
    """Mark a view with the one permission it needs, and run it as the caller's unit of work."""
    PERMISSIONS[permission]  # a misspelt permission fails at import

    def mark(view: View) -> View:
        @wraps(view)
        def run(*args: Any, **kwargs: Any) -> Response:
            identity = _signed_in()
            if permission not in identity.permissions:
                raise NotAllowed(f"Your role does not include this: {permission}.")
            with (
                db.open_session(identity.scope(g.get("request_id", ""))) as session,
                session.begin() as work,
            ):
                caller = Caller(session, identity.scope(g.get("request_id", "")), identity)
                g.caller = caller
                answer = _answer(caller, view, args, kwargs)
                if answer.status_code >= 400:
                    work.rollback()
            return answer

        run.haas_permission = permission  # type: ignore[attr-defined]
        return run  # type: ignore[return-value]

    return mark


def public(reason: str) -> Callable[[View], View]:
    """Mark a view that needs no sign-in, and say why. It opens its own units of work."""

    def mark(view: View) -> View:
        view.haas_permission = f"public: {reason}"  # type: ignore[attr-defined]
        return view

    return mark


def _signed_in() -> Identity:
    identity: Identity | None = g.get("identity")
    if identity is None:
        identity = identify(request, pepper=current_app.config["HAAS"].secret_key, now=clock.now())
        g.identity = identity
    if identity is None or identity.half_signed_in:
        raise NotSignedIn("Sign in first.")
    return identity


def _answer(caller: Caller, view: Callable[..., Any], args: Any, kwargs: Any) -> Response:
    for hook in before_view:
        if (instead := hook(caller)) is not None:
            return instead
    answer = make_response(view(*args, **kwargs))
    if answer.status_code < 400:
        for after in after_view:
            after(caller, answer)
    return answer
