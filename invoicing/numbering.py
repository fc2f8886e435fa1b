"""The next numbers in a partner's series, without gaps: taken last in the issuing transaction."""

from __future__ import annotations

from datetime import date

from sqlalchemy.orm import Session

from haas.series import take_numbers
from haas.tenancy.scope import Tenant

PREFIX = {"invoice": "INV", "credit_note": "CRN", "proforma": "PF"}


def next_numbers(session: Session, tenant: Tenant, *, kind: str, issued_on: date, count: int) -> list[str]:
    """`count` numbers such as INV-2026-00042, one series a kind and year.

    The series' row is locked from here to the commit, so call it when everything else is ready.
    """
    series = f"{PREFIX[kind]}-{issued_on.year}"
    return [f"{series}-{n:05d}" for n in take_numbers(session, tenant, series=series, count=count)]
