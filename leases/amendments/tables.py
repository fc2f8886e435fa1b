"""What leaving early costs, month by month, of all lines of a lease together: what is printed beforehand."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from decimal import Decimal

from leases.amendments.charges import is_free, rule_of
from leases.amendments.early_return import Policy, TableRow, table
from leases.contract import terms_of
from leases.models import Agreement, Lease, Line
from leases.terms import LeaseTerms, LineKind

NOTHING = Decimal(0)


def leaving_table(lease: Lease, agreement: Agreement, lines: Sequence[Line]) -> list[TableRow]:
    """The charge of each month if every running line left on its first day; empty where leaving is free.

    By present value, devices count as worth nothing: it is the most that can be owed.
    """
    rule = rule_of(agreement)
    if rule.policy is Policy.NONE or lease.commences_on is None:
        return []
    alike: Counter[tuple[LeaseTerms, Decimal]] = Counter()
    for line in lines:
        if line.kind != LineKind.ONE_OFF and line.ends_on is None and not is_free(lease, line):
            alike[terms_of(lease, line, agreement), line.residual_value or NOTHING] += 1
    tables = [
        (table(rule, terms, line_start=terms.commences_on, residual_value=residual), count)
        for (terms, residual), count in alike.items()
    ]
    if not tables:
        return []
    return [
        TableRow(
            rows[0].month,
            rows[0].start,
            sum((row.charge * count for row, (_, count) in zip(rows, tables, strict=True)), NOTHING),
        )
        for rows in zip(*(rows for rows, _ in tables), strict=True)
    ]
