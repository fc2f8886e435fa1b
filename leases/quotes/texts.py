"""Publish terms of contract: a text under a version's name, for ever."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session

from haas.errors import Conflict, InvalidInput
from haas.ids import new_id
from haas.tenancy.scope import Tenant
from leases.quotes import queries
from leases.quotes.document import text_hash
from leases.quotes.models import TermsVersion

LONGEST = 100_000


def publish(session: Session, tenant: Tenant, *, version: str, body: str, at: datetime) -> TermsVersion:
    """Publish a text. It is never edited: a correction is a new version.

    :raises Conflict: if that version was published before.
    :raises InvalidInput: for no name, no text, or a text longer than a contract.
    """
    version, body = version.strip(), body.replace("\r\n", "\n").strip()
    if not version:
        raise InvalidInput("Name the version, such as 2026-01.", field="version")
    if not body:
        raise InvalidInput("Write the terms.", field="body")
    if len(body) > LONGEST:
        raise InvalidInput(f"At most {LONGEST} letters.", field="body")
    taken = Conflict(
        f"Version {version} was published before. What was published stays; choose another name.",
        field="version",
    )
    if queries.find_terms(session, tenant, version=version) is not None:
        raise taken
    terms = TermsVersion(
        partner_id=tenant.partner_id,
        id=new_id("trm"),
        version=version,
        body=body,
        sha256=text_hash(body),
        published_at=at,
        published_by=tenant.actor,
    )
    try:
        with session.begin_nested():
            session.add(terms)
            session.flush()
    except IntegrityError as rival:
        raise taken from rival
    return terms
