"""What would be billed becomes pro-formas: drafted by the rules that bill, frozen, numbered apart.

Nothing is written but these papers: what is billed, ordered or owed stays as it is.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta

import msgspec
import sqlalchemy as sa
from sqlalchemy.orm import Session

from haas import outbox
from haas.accounts.clients import get_client
from haas.errors import InvalidInput
from haas.ids import new_id
from haas.tenancy.brands import branding_of
from haas.tenancy.models import Client, Partner
from haas.tenancy.scope import Tenant
from invoicing.book import load
from invoicing.charges.queries import KIND as CHARGE
from invoicing.document import InvoiceDocument
from invoicing.drafts import draft_within_orders
from invoicing.exchange import with_exchange
from invoicing.freezing import document_of
from invoicing.numbering import next_numbers
from invoicing.pro_forma.models import ProForma
from invoicing.pro_forma.queries import said_before
from invoicing.pro_forma.rules import AHEAD_DAYS_MAX, as_pro_forma, complete, contents_of
from invoicing.proposals import Proposal, propose


@dataclass(frozen=True, slots=True)
class Sketch:
    """What pro-formas of a client would say: papers without a number, and what stands on none."""

    client: Client
    papers: Sequence[InvoiceDocument]
    charges: Sequence[Proposal]  # by hand, due by the day: those that can be chosen
    waiting: Sequence[str] = ()  # purchase orders that do not allow what is due under them, each with why


def sketch(
    session: Session,
    tenant: Tenant,
    *,
    client_id: str,
    as_of: date,
    issued_on: date,
    charge_ids: Collection[str] = (),
) -> Sketch:
    """Everything that falls due by `as_of` and is not billed, or of it the charges named. Reads only.

    What goes back stands on no pro-forma: a credit note corrects an invoice.

    :raises NotFound: if the client is not this partner's.
    :raises InvalidInput: if the day lies more than a year ahead, or a charge named is not due by it.
    :raises NoTaxRate, TaxNumberMissing, NoExchangeRate: as `invoicing.drafts.draft_papers`.
    """
    client = get_client(session, tenant, client_id=client_id)
    if as_of > issued_on + timedelta(days=AHEAD_DAYS_MAX):
        raise InvalidInput("Choose a day at most a year ahead.", field="as_of")
    book = with_exchange(
        session, tenant, load(session, tenant, client_ids=[client_id], lock=False, as_of=as_of)
    )
    rows = [row for row in propose(book).get(client_id, ()) if row.change.net > 0]
    charges = [row for row in rows if row.change.kind == CHARGE]
    if charge_ids:
        if missing := set(charge_ids) - {row.change.line_id for row in charges}:
            raise InvalidInput(
                f"Nothing of charge {min(missing)} waits for billing by {as_of.isoformat()}.",
                field="charge_ids",
            )
        rows = [row for row in charges if row.change.line_id in charge_ids]
    drafted = draft_within_orders(book, client_id, rows, credited={})
    seller = branding_of(session, session.get_one(Partner, tenant.partner_id), with_logo=False)
    papers = [
        as_pro_forma(document_of(draft, seller=seller, portal_url=""), issued_on=issued_on)
        for draft in drafted.papers
    ]
    return Sketch(client, papers, charges, tuple(drafted.waiting.values()))


def make(
    session: Session,
    tenant: Tenant,
    *,
    client_id: str,
    as_of: date,
    issued_on: date,
    at: datetime,
    portal_url: str,
    charge_ids: Collection[str] = (),
) -> list[ProForma]:
    """The pro-formas of what would be billed, one for each invoice that it would be; a job prints them.

    What says the same as one of that day is that one: a second call makes nothing new.

    :raises InvalidInput: if nothing is due; and as `sketch` does.
    """
    # Two at once would each find nothing said before; the unique key would stop the second as an error.
    get_client(session, tenant, client_id=client_id)
    session.execute(
        sa.select(Client.id)
        .where(Client.partner_id == tenant.partner_id, Client.id == client_id)
        .with_for_update(key_share=True)
    )
    found = sketch(
        session, tenant, client_id=client_id, as_of=as_of, issued_on=issued_on, charge_ids=charge_ids
    )
    if not found.papers:
        raise InvalidInput(
            " ".join(found.waiting) or f"Nothing is due by {as_of.isoformat()}: choose a later day.",
            field="as_of",
        )
    contents = contents_of(found.papers)
    papers = said_before(session, tenant, client_id=client_id, contents=contents)
    fresh = [(said, paper) for said, paper in zip(contents, found.papers, strict=True) if said not in papers]
    numbers = (
        next_numbers(session, tenant, kind="proforma", issued_on=issued_on, count=len(fresh)) if fresh else []
    )
    for (said, paper), number in zip(fresh, numbers, strict=True):
        papers[said] = _keep(
            session, tenant, paper, client_id=client_id, number=number, contents=said, as_of=as_of, at=at,
            portal_url=portal_url,
        )  # fmt: skip
    session.flush()
    return [papers[said] for said in contents]


def _keep(
    session: Session,
    tenant: Tenant,
    paper: InvoiceDocument,
    *,
    client_id: str,
    number: str,
    contents: str,
    as_of: date,
    at: datetime,
    portal_url: str,
) -> ProForma:
    pro_forma_id = new_id("pfi")
    document = complete(paper, number=number, portal_url=f"{portal_url}/pro-formas/{pro_forma_id}")
    kept = ProForma(
        partner_id=tenant.partner_id,
        id=pro_forma_id,
        client_id=client_id,
        number=number,
        currency=document.currency,
        issued_on=document.issued_on,
        as_of=as_of,
        net_total=document.net_total,
        tax_total=document.tax_total,
        total=document.total,
        document=msgspec.json.decode(document.to_json()),
        document_hash=document.content_hash(),
        contents_hash=contents,
        created_at=at,
        actor=tenant.actor,
    )
    session.add(kept)
    outbox.publish(session, tenant, "pro_forma.made", pro_forma_id=kept.id, once_key=f"pro_forma:{kept.id}")
    return kept
