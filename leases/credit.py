"""Whether a client may owe more: asked by all that lets it owe more, answered by the books above."""

from __future__ import annotations

from datetime import datetime
from typing import Protocol

from sqlalchemy.orm import Session

from haas.errors import Conflict
from haas.tenancy.scope import Tenant

RELEASE = "credit.release"  # the permission to let a client go beyond its limit, with a reason
REASON = "over_limit_reason"  # the field in which every door takes it


class OverCreditLimit(Conflict):
    """The client would owe more than it may."""

    code = "over_credit_limit"


class Check(Protocol):
    """Asked when it is written and before it is committed: what is new counts already."""

    def __call__(
        self, session: Session, tenant: Tenant, *, client_id: str, at: datetime, reason: str
    ) -> None:
        """Say nothing, or refuse.

        :raises OverCreditLimit: if the client owes too much now and there is no reason to let it.
        """


# What the contexts above have to say. They hang themselves here; this room knows none of them.
checks: list[Check] = []


class MayRefuse(Protocol):
    """Who asks, as doors know it: `haas.auth.caller.Caller`."""

    def demand(self, permission: str) -> None:
        """Refuse what is not for everybody.

        :raises NotAllowed: naming the permission.
        """


def release_reason(caller: MayRefuse, given: str) -> str:
    """The reason that a door was given to let a client go beyond its limit: only some may give one.

    :raises NotAllowed: if it is given by somebody who may not.
    """
    if given:
        caller.demand(RELEASE)
    return given


def demand_credit(
    session: Session, tenant: Tenant, *, client_id: str, at: datetime, reason: str = ""
) -> None:
    """Ask whether the client may owe what it owes now, with what this transaction has written.

    :param reason: why it may go beyond its limit, said by somebody who holds `credit.release`.
    :raises OverCreditLimit: naming the field and the remedy; the transaction must not be committed.
    """
    session.flush()
    for check in checks:
        check(session, tenant, client_id=client_id, at=at, reason=reason.strip())
