"""API tokens: made with some of one's own permissions, shown once, revoked at once."""

from __future__ import annotations

from collections.abc import Collection
from datetime import datetime, timedelta

import sqlalchemy as sa
from sqlalchemy.orm import Session

from haas.accounts.checks import check_text
from haas.auth.models import ApiToken, User
from haas.auth.permissions import OPERATOR, PERMISSIONS
from haas.auth.tokens import keyed_hash, new_token
from haas.errors import InvalidInput, NotFound
from haas.ids import new_id
from haas.rest.paging import Page, Sort, fetch_page
from haas.tenancy.scope import Tenant, scoped

LASTS_DAYS = (7, 30, 90, 180, 365)
TOKEN_SORTS = {"created": Sort(ApiToken.created_at, ApiToken.id), "name": Sort(ApiToken.name, ApiToken.id)}

# What no token is given: one's own account (each may ask who it is anyway), and the operator's desk.
NOT_FOR_TOKENS = frozenset({"account.self"}) | {
    name for name, roles in PERMISSIONS.items() if OPERATOR in roles
}


def grantable(held: Collection[str]) -> list[str]:
    """Which of one's permissions a token may be given."""
    return sorted(set(held) - NOT_FOR_TOKENS)


def create_token(
    session: Session,
    tenant: Tenant,
    *,
    user: User,
    held: Collection[str],
    name: str,
    scopes: Collection[str],
    lasts_days: int,
    pepper: str,
    now: datetime,
) -> tuple[ApiToken, str]:
    """Make a token. The second value is the token itself, which is kept nowhere.

    :param held: the maker's own permissions: a token never does more.
    :raises InvalidInput: for a permission that is not the maker's, or none, or an unusual duration.
    """
    wanted = sorted(set(scopes))
    if not wanted:
        raise InvalidInput("Choose at least one permission.", field="scopes")
    if beyond := set(wanted) - set(grantable(held)):
        raise InvalidInput(f"A token cannot be given {', '.join(sorted(beyond))}.", field="scopes")
    if lasts_days not in LASTS_DAYS:
        raise InvalidInput(f"Choose one of {', '.join(map(str, LASTS_DAYS))} days.", field="lasts_days")
    if user.partner_id != tenant.partner_id:
        raise InvalidInput(
            "A token belongs to one of the partner's own people; sign in as one.", field="name"
        )
    token_id = new_id("tok")
    token = new_token(token_id)
    made = ApiToken(
        partner_id=tenant.partner_id,
        id=token_id,
        client_id=tenant.client_id,
        name=check_text(name, field="name", most=80),
        token_hmac=keyed_hash(token, pepper=pepper, purpose="api_token"),
        last_four=token[-4:],
        scopes=wanted,
        created_by=user.id,
        created_at=now,
        expires_at=now + timedelta(days=lasts_days),
    )
    session.add(made)
    session.flush()
    return made, token


def list_tokens(
    session: Session, tenant: Tenant, *, sort: Sort, cursor: str | None, limit: int
) -> Page[ApiToken]:
    """One page of the partner's tokens."""
    return fetch_page(session, scoped(ApiToken, tenant), sort=sort, cursor=cursor, limit=limit)


def revoke_token(session: Session, tenant: Tenant, *, token_id: str, now: datetime) -> ApiToken:
    """End a token at once; ending it again changes nothing.

    :raises NotFound: if this partner has no such token.
    """
    token = session.scalar(scoped(ApiToken, tenant).where(ApiToken.id == token_id).with_for_update())
    if token is None:
        raise NotFound("There is no such token.")
    token.revoked_at = token.revoked_at or now
    session.flush()
    return token


def token_state(token: ApiToken, *, now: datetime) -> str:
    """active, expired or revoked."""
    if token.revoked_at is not None:
        return "revoked"
    return "expired" if token.expires_at <= now else "active"


def makers(session: Session, tokens: Collection[ApiToken]) -> dict[str, str]:
    """The names of those who made the tokens."""
    statement = sa.select(User.id, User.name).where(User.id.in_({token.created_by for token in tokens}))
    return {row[0]: row[1] for row in session.execute(statement)}
