"""/collections/ageing: what was open on a day by how long it had been due; as a chart, tables and a file."""

from __future__ import annotations

from collections import defaultdict
from datetime import date
from decimal import Decimal
from itertools import pairwise
from typing import Any

from flask import render_template, request
from flask_babel import gettext as _

from haas import clock
from haas.auth.caller import current_caller, requires
from haas.money import round_minor
from haas.pages.downloads import table_download
from haas.rest.fields import FIRST_DAY, LAST_DAY
from invoicing.dunning import ageing as rows_of
from invoicing.dunning import reminding
from invoicing.dunning.portal.collections import blueprint
from invoicing.dunning.portal.words import source_words
from leases.summaries import client_names


@blueprint.get("/ageing")
@requires("dunning.read")
def ageing() -> Any:
    """By client, as of today or a day before it."""
    caller = current_caller()
    today = clock.today(caller.partner.time_zone)
    as_of = _asked(today)
    bounds = reminding.policy_of(caller.session, caller.tenant).ageing_days
    rows = rows_of.ageing(caller.session, caller.tenant, as_of=as_of, bounds=bounds)
    names = client_names(caller.session, caller.tenant, (row.client_id for row in rows))
    own = rows_of.in_own_currency(
        caller.session, caller.tenant, rows=rows, currency=caller.partner.currency, day=as_of
    )
    labels = bucket_words(bounds)
    file_format = request.args.get("format")
    if file_format in ("csv", "xlsx"):
        return table_download(
            "xlsx" if file_format == "xlsx" else "csv",
            name=f"ageing-{as_of.isoformat()}",
            header=["client", "currency", *labels, "total", f"total_{own.currency}"],
            rows=[
                [
                    names[row.client_id],
                    row.currency,
                    *(round_minor(amount, row.currency) for amount in (*row.buckets, row.total)),
                    in_own.total if in_own else None,
                ]
                for row, in_own in zip(rows, own.rows, strict=True)
            ],
        )
    by_currency = defaultdict(list)
    for row in rows:
        by_currency[row.currency].append(row)
    sums = {
        currency: [sum((row.buckets[n] for row in of_it), Decimal(0)) for n in range(len(labels))]
        for currency, of_it in by_currency.items()
    }
    return render_template(
        "portal/dunning/ageing.html",
        as_of=as_of,
        today=today,
        labels=labels,
        names=names,
        by_currency=by_currency,
        own=own,
        rows=rows,
        # Where all is in the partner's own currency, the same again would say nothing.
        is_mixed=bool(set(by_currency) - {own.currency}),
        sources=source_words(),
        sums=sums,
        charts={
            currency: {
                "labels": _short(labels, bounds),
                "series": [{"label": _("Open"), "values": amounts}],
                "money": True,
                "currency": currency,
            }
            for currency, amounts in sums.items()
        },
    )


def bucket_words(bounds: tuple[int, ...]) -> list[str]:
    """Not due, then each bucket by its days: with 0, 30: not due, 1 to 30 days, more than 30 days."""
    spans = [_("%(first)d to %(last)d days", first=low + 1, last=high) for low, high in pairwise(bounds)]
    return [_("Not due"), *spans, _("More than %(days)d days", days=bounds[-1])]


def _short(labels: list[str], bounds: tuple[int, ...]) -> list[str]:
    """The same for a chart, whose words stand side by side on a phone too."""
    return [labels[0], *(f"{low + 1}–{high}" for low, high in pairwise(bounds)), f"> {bounds[-1]}"]


def _asked(today: date) -> date:
    try:
        asked = date.fromisoformat(request.args.get("as_of", ""))
    except ValueError:
        return today
    return min(asked, today) if FIRST_DAY <= asked <= LAST_DAY else today
