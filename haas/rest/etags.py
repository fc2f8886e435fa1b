"""ETag and If-Match: whoever edits a row that changed since they read it is told, and nothing is lost."""

from __future__ import annotations

import hashlib

import sqlalchemy as sa
from flask import request

from haas.db import Base
from haas.errors import HaasError


class ChangedMeanwhile(HaasError):
    """If-Match names an older state of the row."""

    status = 412
    code = "changed_meanwhile"


def etag_of(row: Base) -> str:
    """A strong entity tag of the row as it is stored."""
    mapper = sa.inspect(type(row))
    values = "\0".join(f"{name}={getattr(row, name)!r}" for name in sorted(mapper.column_attrs.keys()))
    return f'"{hashlib.sha256(values.encode()).hexdigest()[:24]}"'


def demand_match(row: Base) -> None:
    """Compare with the request's If-Match, if it has one. The row must be locked.

    :raises ChangedMeanwhile: if it was edited since the caller read it.
    """
    demand_tag(etag_of(row))


def demand_tag(tag: str) -> None:
    """The same by the entity tag of what is stored and locked.

    :raises ChangedMeanwhile: as `demand_match`.
    """
    wanted = request.headers.get("If-Match")
    if wanted is None or wanted.strip() == "*":
        return
    if tag not in {each.strip() for each in wanted.split(",")}:
        raise ChangedMeanwhile("Somebody changed this since you read it; read it again, then decide.")
