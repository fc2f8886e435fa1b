"""Which lines share a paper: by client, site, purchase order, agreement or lease. Pure."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from enum import StrEnum
from typing import Protocol, TypeVar

from haas.tenancy.payment_terms import PaymentTerms


class Grouping(StrEnum):
    """What gets an invoice of its own. A client has one; an agreement may have another."""

    CLIENT = "client"
    SITE = "site"
    PURCHASE_ORDER = "purchase_order"
    AGREEMENT = "agreement"
    LEASE = "lease"


@dataclass(frozen=True, slots=True, order=True)
class PaperKey:
    """What the lines of one paper have in common; currency and terms of payment always part papers.

    `subject_id` is the id of the site, order, agreement or lease; empty for what has none, and by client.
    """

    currency: str
    terms: PaymentTerms
    grouping: Grouping = Grouping.CLIENT
    subject_id: str = ""


class Groupable(Protocol):
    """A line that knows its paper."""

    @property
    def paper(self) -> PaperKey:
        """The key of the paper on which it goes."""


Row = TypeVar("Row", bound=Groupable)


def paper_key(
    *,
    currency: str,
    terms: PaymentTerms,
    grouping: Grouping,
    site_id: str | None = None,
    purchase_order_id: str | None = None,
    agreement_id: str | None = None,
    lease_id: str | None = None,
) -> PaperKey:
    """The paper of a line with these belongings. What lacks the one that counts shares a paper of its own."""
    subject_id = {
        Grouping.CLIENT: None,
        Grouping.SITE: site_id,
        Grouping.PURCHASE_ORDER: purchase_order_id,
        Grouping.AGREEMENT: agreement_id,
        Grouping.LEASE: lease_id,
    }[grouping]
    return PaperKey(currency, terms, grouping, subject_id or "")


def group(rows: Iterable[Row]) -> dict[PaperKey, list[Row]]:
    """The lines of each paper, in the order they came in; papers in the order of their keys.

    Every line is on exactly one paper, so that the sums of the papers are the sum of the lines.
    """
    papers: dict[PaperKey, list[Row]] = {}
    for row in rows:
        papers.setdefault(row.paper, []).append(row)
    return dict(sorted(papers.items()))
