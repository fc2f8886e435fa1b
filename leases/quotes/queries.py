"""Reads of quotes: one version with its options, lists, terms, answers; a client sees only what was sent."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass

import sqlalchemy as sa
from sqlalchemy.orm import Session

from haas.db import starts_with
from haas.errors import NotFound
from haas.tenancy.scope import Tenant, scoped
from leases.quotes.figures import PricedLine
from leases.quotes.models import (
    Quote,
    QuoteAcceptance,
    QuoteLine,
    QuoteOption,
    QuoteQuestion,
    TermsVersion,
)


@dataclass(frozen=True, slots=True)
class Optioned:
    """An option with its lines, in their order."""

    option: QuoteOption
    lines: list[QuoteLine]

    @property
    def priced(self) -> list[PricedLine]:
        """Its lines as the rules read them."""
        return [
            PricedLine(
                kind=line.kind,
                component=line.component,
                quantity=line.quantity,
                unit_price=line.unit_price,
                unit_cost=line.unit_cost,
                residual_value=line.residual_value,
                standalone_price=line.standalone_price,
            )
            for line in self.lines
        ]


@dataclass(frozen=True, slots=True)
class QuoteFilter:
    """What a list of quotes is narrowed to."""

    states: tuple[str, ...] = ()
    client_id: str | None = None
    number_prefix: str | None = None


def get_quote(session: Session, tenant: Tenant, *, quote_id: str, lock: bool = False) -> Quote:
    """One version of a quote.

    :raises NotFound: if this tenant has, or sees, none by that id.
    """
    statement = _seen_by(tenant).where(Quote.id == quote_id)
    if lock:
        statement = statement.with_for_update().execution_options(populate_existing=True)
    quote = session.scalar(statement)
    if quote is None:
        raise NotFound(f"There is no quote {quote_id}.")
    return quote


def list_quotes(tenant: Tenant, *, where: QuoteFilter) -> sa.Select[Quote]:
    """Quotes, every version a row, to be paged by the caller."""
    statement = _seen_by(tenant)
    if where.states:
        statement = statement.where(Quote.state.in_(where.states))
    if where.client_id:
        statement = statement.where(Quote.client_id == where.client_id)
    if where.number_prefix:
        statement = statement.where(starts_with(Quote.number, where.number_prefix))
    return statement


def count_states(session: Session, tenant: Tenant) -> dict[str, int]:
    """How many quotes are in each state."""
    counted = session.execute(
        _seen_by(tenant).with_only_columns(Quote.state, sa.func.count()).group_by(Quote.state)
    )
    return {state: count for state, count in counted}  # noqa: C416 - rows, not pairs


def versions_of(session: Session, tenant: Tenant, *, number: str) -> Sequence[Quote]:
    """Every version under one number, newest first."""
    return session.scalars(
        _seen_by(tenant).where(Quote.number == number).order_by(Quote.revision.desc())
    ).all()


def options_of(session: Session, tenant: Tenant, *, quote_id: str) -> list[Optioned]:
    """The options with their lines; two queries."""
    return options_of_many(session, tenant, quote_ids=[quote_id])[quote_id]


def options_of_many(
    session: Session, tenant: Tenant, *, quote_ids: Sequence[str]
) -> dict[str, list[Optioned]]:
    """The options of several quotes with their lines; two queries whatever their number."""
    lines: dict[str, list[QuoteLine]] = defaultdict(list)
    for line in session.scalars(
        scoped(QuoteLine, tenant)
        .where(QuoteLine.quote_id.in_(quote_ids))
        .order_by(QuoteLine.option_id, QuoteLine.position)
    ):
        lines[line.option_id].append(line)
    found: dict[str, list[Optioned]] = defaultdict(list)
    for option in session.scalars(
        scoped(QuoteOption, tenant)
        .where(QuoteOption.quote_id.in_(quote_ids))
        .order_by(QuoteOption.quote_id, QuoteOption.position)
    ):
        found[option.quote_id].append(Optioned(option, lines[option.id]))
    return found


def get_option(session: Session, tenant: Tenant, *, quote_id: str, option_id: str) -> QuoteOption:
    """An option of this quote.

    :raises NotFound: if it has none by that id.
    """
    option = session.scalar(
        scoped(QuoteOption, tenant).where(QuoteOption.id == option_id, QuoteOption.quote_id == quote_id)
    )
    if option is None:
        raise NotFound(f"There is no option {option_id} of quote {quote_id}.")
    return option


def find_acceptance(session: Session, tenant: Tenant, *, quote_id: str) -> QuoteAcceptance | None:
    """What the client signed, if it did."""
    return session.scalar(scoped(QuoteAcceptance, tenant).where(QuoteAcceptance.quote_id == quote_id))


def questions_of(session: Session, tenant: Tenant, *, number: str) -> Sequence[QuoteQuestion]:
    """What the client asked about any version, newest first."""
    return session.scalars(
        scoped(QuoteQuestion, tenant)
        .join(
            Quote, sa.and_(Quote.partner_id == QuoteQuestion.partner_id, Quote.id == QuoteQuestion.quote_id)
        )
        .where(Quote.number == number)
        .order_by(QuoteQuestion.id.desc())
    ).all()


def list_terms(tenant: Tenant) -> sa.Select[TermsVersion]:
    """Published terms, to be paged by the caller."""
    return scoped(TermsVersion, tenant)


def get_terms(session: Session, tenant: Tenant, *, terms_id: str) -> TermsVersion:
    """One published version of the terms.

    :raises NotFound: if this tenant has none by that id.
    """
    found = session.scalar(scoped(TermsVersion, tenant).where(TermsVersion.id == terms_id))
    if found is None:
        raise NotFound(f"There are no terms {terms_id}.")
    return found


def find_terms(session: Session, tenant: Tenant, *, version: str) -> TermsVersion | None:
    """The terms of that name, which an agreement may refer to."""
    return session.scalar(scoped(TermsVersion, tenant).where(TermsVersion.version == version))


def newest_terms(session: Session, tenant: Tenant) -> TermsVersion | None:
    """What was published last."""
    return session.scalar(
        scoped(TermsVersion, tenant)
        .order_by(TermsVersion.published_at.desc(), TermsVersion.id.desc())
        .limit(1)
    )


def _seen_by(tenant: Tenant) -> sa.Select[Quote]:
    """A client sees what was sent to it; a draft is still the partner's own affair."""
    statement = scoped(Quote, tenant)
    return statement if tenant.client_id is None else statement.where(Quote.document.is_not(None))
