"""A table of charges -> charges, the whole file or nothing of it; what is wrong, by row."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal

import sqlalchemy as sa
from sqlalchemy.orm import Session

from devices.import_rows import RowError
from devices.import_table import read_table
from devices.tax_classes import TaxClass
from haas.errors import Conflict, HaasError, TooLarge
from haas.tenancy.models import Client
from haas.tenancy.scope import Tenant, scoped
from invoicing.bulk import among
from invoicing.charges.models import Charge
from invoicing.charges.operations import NewCharge, charge_of, check_figures
from invoicing.purchase_orders.models import PurchaseOrder
from leases.credit import demand_credit
from leases.models import Lease

ROWS_MAX = 2_000
# Our column -> the headings it is known by, as `name_key` writes them.
HEADINGS: dict[str, tuple[str, ...]] = {
    "client": ("client", "client number", "customer number", "kunde", "kundennummer", "cliente"),
    "description": ("description", "text", "beschreibung", "descripción"),
    "quantity": ("quantity", "menge", "cantidad"),
    "unit_price": ("unit price", "price", "amount", "einzelpreis", "preis", "precio"),
    "category": ("category", "kategorie", "categoría"),
    "tax_category": ("tax category", "steuerkategorie", "categoría fiscal"),
    "tax_class": ("tax class", "steuerklasse", "clase fiscal"),
    "charged_on": ("date", "charged on", "datum", "fecha"),
    "recurs": ("recurs", "wiederholung", "repetición"),
    "until": ("until", "bis", "hasta"),
    "lease": ("lease", "lease number", "vertrag", "contrato"),
    "purchase_order": ("purchase order", "po", "bestellung", "pedido"),
    "reference": ("reference", "referenz", "referencia"),
}
REQUIRED = ("client", "description", "unit_price", "charged_on", "reference")
_NUMBER = re.compile(r"\d{1,11}([.,]\d{1,6})?")


class NotClean(Conflict):
    """The table has errors: nothing was brought in."""

    code = "import_has_errors"


@dataclass(frozen=True, slots=True)
class Read:
    """The rows of a table as charges, each with its currency, or everything that is wrong with them."""

    wanted: Sequence[tuple[NewCharge, str]]
    errors: Sequence[RowError]

    @property
    def rows(self) -> int:
        """How many are right."""
        return len(self.wanted)


@dataclass(frozen=True, slots=True)
class _Known:
    """What cells may name, by what they say."""

    clients: Mapping[str, Client]
    leases: Mapping[str, Lease]
    orders: Mapping[tuple[str, str], PurchaseOrder]


def read(session: Session, tenant: Tenant, *, content: bytes) -> Read:
    """Read a table against what the partner has; three queries, and nothing is changed.

    :raises UnreadableTable: if it is no table, or lacks a column.
    """
    table = read_table(content, headings=HEADINGS, required=REQUIRED)
    if len(table.rows) > ROWS_MAX:
        raise TooLarge(f"The file has more than {ROWS_MAX} rows: split it.", field="file")
    known = _known(session, tenant, [cells for _, cells in table.rows])
    wanted: list[tuple[NewCharge, str]] = []
    errors: list[RowError] = []
    seen: dict[str, int] = {}
    for number, cells in table.rows:
        wrong = list(_wrong_cells(cells, known))
        if (first := seen.setdefault(cells.get("reference", ""), number)) != number:
            wrong.append(("reference", f"Row {first} has this reference, too."))
        if not wrong:
            new, currency = _charge(cells, known)
            try:
                check_figures(new, currency=currency)
            except HaasError as refusal:
                wrong += [(name, message) for name, told in refusal.fields.items() for message in told]
            else:
                wanted.append((new, currency))
        errors += [RowError(number, HEADINGS[name][0] if name else "", words) for name, words in wrong]
    return Read(wanted, errors)


def bring_in(
    session: Session, tenant: Tenant, *, read: Read, at: datetime, over_limit_reason: str = ""
) -> int:
    """Make the charges whose references are not there yet; answers how many those were.

    :param over_limit_reason: why its clients may go beyond their credit limits, as `demand_credit` takes it.
    :raises NotClean: if the table has errors.
    :raises OverCreditLimit: naming the client that may not owe that much more.
    """
    if read.errors:
        raise NotClean(f"The file has {len(read.errors)} errors: correct them and send it again.")
    references = [new.reference or "" for new, _ in read.wanted]
    # Whoever sends the same file at the same time waits here and finds the rows.
    session.execute(sa.select(sa.func.pg_advisory_xact_lock(sa.func.hashtextextended(tenant.partner_id, 17))))
    there = set(
        session.scalars(
            sa.select(Charge.reference).where(
                Charge.partner_id == tenant.partner_id, among(Charge.reference, references)
            )
        )
    )
    made = [
        charge_of(tenant, new, currency=currency, at=at)
        for new, currency in read.wanted
        if new.reference not in there
    ]
    session.add_all(made)
    for client_id in sorted({charge.client_id for charge in made}):
        demand_credit(session, tenant, client_id=client_id, at=at, reason=over_limit_reason)
    session.flush()
    return len(made)


def _known(session: Session, tenant: Tenant, rows: Sequence[Mapping[str, str]]) -> _Known:
    def said(column: str) -> set[str]:
        return {cells[column] for cells in rows if cells.get(column)}

    clients = session.scalars(
        scoped(Client, tenant).where(among(Client.number, said("client")), Client.archived_at.is_(None))
    )
    leases = session.scalars(scoped(Lease, tenant).where(among(Lease.number, said("lease"))))
    orders = session.scalars(
        scoped(PurchaseOrder, tenant).where(
            among(PurchaseOrder.number, said("purchase_order")), PurchaseOrder.closed_at.is_(None)
        )
    )
    return _Known(
        {row.number: row for row in clients},
        {row.number: row for row in leases},
        {(row.client_id, row.number): row for row in orders},
    )


def _wrong_cells(cells: Mapping[str, str], known: _Known) -> Iterator[tuple[str, str]]:
    if "" in cells:
        yield "", "The row has more or fewer cells than the heading."
    for column in REQUIRED:
        if not cells.get(column):
            yield column, "Fill this in."
    for column in ("quantity", "unit_price"):
        if (said := cells.get(column)) and not _NUMBER.fullmatch(said):
            yield column, "Write a number that is not negative, such as 41.50."
    for column in ("charged_on", "until"):
        if (said := cells.get(column)) and _day(said) is None:
            yield column, "Write the day as 2026-04-30."
    client = known.clients.get(cells.get("client", ""))
    if cells.get("client") and client is None:
        yield "client", "There is no client with this number."
    lease = known.leases.get(cells.get("lease", ""))
    if cells.get("lease") and (lease is None or client is None or lease.client_id != client.id):
        yield "lease", "The client has no lease with this number."
    order = cells.get("purchase_order")
    if order and (client is None or (client.id, order) not in known.orders):
        yield "purchase_order", "The client has no open order with this number."
    if len(cells.get("description", "")) > 200 or len(cells.get("reference", "")) > 80:
        yield "description", "This is longer than is kept."


def _charge(cells: Mapping[str, str], known: _Known) -> tuple[NewCharge, str]:
    client, lease = known.clients[cells["client"]], known.leases.get(cells.get("lease", ""))
    order = known.orders.get((client.id, cells.get("purchase_order", "")))
    charged_on = _day(cells["charged_on"])
    assert charged_on is not None  # noqa: S101 # nosec B101 # read above
    return NewCharge(
        client_id=client.id,
        description=cells["description"],
        quantity=_number(cells.get("quantity") or "1"),
        unit_price=_number(cells["unit_price"]),
        category=cells.get("category") or "other",
        tax_category=cells.get("tax_category") or "S",
        tax_class=cells.get("tax_class") or TaxClass.STANDARD,
        charged_on=charged_on,
        recurs=cells.get("recurs") or "once",
        until=_day(cells.get("until", "")),
        lease_id=lease.id if lease else None,
        purchase_order_id=order.id if order else None,
        reference=cells["reference"],
    ), (lease.currency if lease else client.currency)


def _number(said: str) -> Decimal:
    return Decimal(said.replace(",", "."))


def _day(said: str) -> date | None:
    try:
        day = date.fromisoformat(said)
    except ValueError:
        return None
    return day if 2000 <= day.year <= 2099 else None
