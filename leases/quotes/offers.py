"""What pages and API tell of quotes beyond their rows: an option's sums and its class, a list's rents."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Decimal

from sqlalchemy.orm import Session

from devices.models import HardwareModel
from haas.tenancy.models import Partner
from haas.tenancy.scope import Tenant, scoped
from leases.finance.classification import Thresholds
from leases.quotes import papers, queries
from leases.quotes.assessment import Assessment, Terms, assess
from leases.quotes.figures import Priced
from leases.quotes.models import Quote, QuoteLine, QuoteOption
from leases.quotes.queries import Optioned
from leases.summaries import client_names


@dataclass(frozen=True, slots=True)
class Drafted:
    """An option with its lines, what it asks of the client and what it brings the partner."""

    option: QuoteOption
    lines: list[QuoteLine]
    priced: Priced
    assessment: Assessment


@dataclass(frozen=True, slots=True)
class Listed:
    """One row of a list of quotes."""

    quote: Quote
    client_name: str
    options: int
    least: Decimal | None  # rent a month
    most: Decimal | None


def drafted(session: Session, tenant: Tenant, *, partner: Partner, quote: Quote) -> list[Drafted]:
    """The options as the partner sees them; three queries whatever their number."""
    options = queries.options_of(session, tenant, quote_id=quote.id)
    model_ids = {line.model_id for each in options for line in each.lines if line.model_id}
    lives = {
        row[0]: row[1]
        for row in session.execute(
            scoped(HardwareModel, tenant)
            .where(HardwareModel.id.in_(model_ids))
            .with_only_columns(HardwareModel.id, HardwareModel.useful_life_months)
        )
    }
    thresholds = Thresholds.of_policies(partner.policies)
    return [
        Drafted(
            each.option,
            each.lines,
            papers.priced(each, currency=quote.currency),
            _assessed(each, currency=quote.currency, lives=lives, thresholds=thresholds),
        )
        for each in options
    ]


def list_rows(session: Session, tenant: Tenant, quotes: Sequence[Quote]) -> list[Listed]:
    """The rows of a list with their clients and rents; three queries whatever their number.

    A client reads what was sent; what is still written has no rents yet for anybody but the partner.
    """
    names = client_names(session, tenant, (quote.client_id for quote in quotes))
    drafts = [quote.id for quote in quotes if quote.document is None]
    written = queries.options_of_many(session, tenant, quote_ids=drafts) if drafts else {}
    rows = []
    for quote in quotes:
        if quote.document is not None:
            rents = [option.monthly for option in papers.frozen(quote).options]
        else:
            rents = [
                papers.priced(each, currency=quote.currency).monthly for each in written.get(quote.id, [])
            ]
        rows.append(
            Listed(
                quote,
                names.get(quote.client_id, ""),
                len(rents),
                min(rents, default=None),
                max(rents, default=None),
            )
        )
    return rows


def _assessed(each: Optioned, *, currency: str, lives: dict[str, int], thresholds: Thresholds) -> Assessment:
    option = each.option
    return assess(
        Terms(option.term_months, option.interval_months, option.timing, currency),
        each.priced,
        lives=[lives[line.model_id] for line in each.lines if line.model_id in lives],
        buyout_price=option.buyout_price,
        thresholds=thresholds,
    )
