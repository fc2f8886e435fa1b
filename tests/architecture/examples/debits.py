"""Examples of the changing routes of mandates and collections."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date
from typing import Any

from sqlalchemy.orm import Session

from haas.tenancy.scope import Tenant
from invoicing.bank import accounts, collecting, mandates, notices
from tests.architecture.examples import Example
from tests.cast import Cast
from tests.invoicing.bank.conftest import AT, sell_in_euros
from tests.invoicing.world import an_invoice

TODAY = date(2026, 11, 2)
IBAN = "DE02120300000000202051"
AT_ITS_FIELD = "a form shows at its field that there is no such row"
LATE = "2027-03-15"  # a Monday, far enough ahead of whatever today is


def a_draft(session: Session, cast: Cast) -> Mapping[str, str]:
    """A mandate that is not signed."""
    made = mandates.draft_mandate(
        session, cast.tenant, client_id=cast.acme.id, holder="The Holder", iban=IBAN, at=AT
    )
    return {"mandate_id": made.id}


def a_draft_to_mail(session: Session, cast: Cast) -> Mapping[str, str]:
    """The same of a partner that may collect."""
    sell_in_euros(session, cast.tenant, client_id=cast.acme.id)
    return a_draft(session, cast)


def to_collect(session: Session, cast: Cast) -> Mapping[str, str]:
    """An invoice in EUR of a client with a mandate, and an account to collect to."""
    tenant = cast.tenant
    sell_in_euros(session, tenant, client_id=cast.acme.id)
    account = accounts.open_account(
        session, tenant, name="Euros", holder="The Holder", number="DE89370400440532013000", bic="",
        currency="EUR", auto_book=False, at=AT,
    )  # fmt: skip
    invoice = an_invoice(session, tenant, client_id=cast.acme.id)
    draft = a_draft(session, cast)
    mandates.sign_mandate(session, tenant, mandate_id=draft["mandate_id"], signed_on=TODAY, today=TODAY)
    return {"bank_account_id": account.id, "invoice_id": invoice.id, **draft}


def announced(
    session: Session, cast: Cast, on: date = date(2026, 11, 16), today: date = TODAY
) -> Mapping[str, str]:
    """The same, told to the client."""
    values = to_collect(session, cast)
    tell(session, cast.tenant, values["invoice_id"], on=on, today=today)
    return values


def tell(session: Session, tenant: Tenant, invoice_id: str, *, on: date, today: date = TODAY) -> None:
    """A debit, announced by a mail that has left."""
    for notice in notices.announce(
        session, tenant, invoice_ids=[invoice_id], collect_on=on, today=today, at=AT
    ):
        notices.note_sent(session, tenant, notice_id=notice.id, announced_at=AT, at=AT)


def announced_late(session: Session, cast: Cast) -> Mapping[str, str]:
    """Told of a day that is ahead whatever today is."""
    return announced(session, cast, date.fromisoformat(LATE))


def ordered(session: Session, cast: Cast) -> Mapping[str, str]:
    """An order that was not sent yet."""
    values = announced(session, cast)
    made = collecting.order_collection(
        session, cast.tenant, account_id=values["bank_account_id"], invoice_ids=[values["invoice_id"]],
        collect_on=date(2026, 11, 16), today=TODAY, at=AT,
    )  # fmt: skip
    return {"collection_id": made.id}


def a_mandate(cast: Cast, values: Mapping[str, str]) -> dict[str, Any]:
    """What a mandate says."""
    return {"client_id": cast.acme.id, "holder": "The Holder", "iban": IBAN}


def an_order(cast: Cast, values: Mapping[str, str]) -> dict[str, Any]:
    """What an order says."""
    return {
        "bank_account_id": values["bank_account_id"],
        "invoice_ids": [values["invoice_id"]],
        "collect_on": LATE,
    }


def an_announcement(cast: Cast, values: Mapping[str, str]) -> dict[str, Any]:
    """What is announced."""
    return {"invoice_ids": [values["invoice_id"]], "collect_on": LATE}


EXAMPLES: dict[str, Example | list[Example]] = {
    "mandates_api.draft_mandate": Example(json=a_mandate, status=201),
    "mandates_api.sign_mandate": Example(a_draft, json={"signed_on": "2026-11-01"}, status=200),
    "mandates_api.revoke_mandate": Example(a_draft, status=200),
    "collections_api.announce_collection": Example(
        to_collect, json=an_announcement, status=201, cleo=422, cleo_because=AT_ITS_FIELD
    ),
    "collections_api.order_collection": Example(announced_late, json=an_order, status=201),
    "collections_api.cancel_collection": Example(ordered, status=200),
    "bank.draft_mandate": Example(form=a_mandate, status=303, cleo=422, cleo_because=AT_ITS_FIELD),
    "bank.mail_mandate": Example(a_draft_to_mail, status=303),
    "bank.sign_mandate": Example(a_draft, form={"signed_on": "2026-11-01"}, status=303),
    "bank.revoke_mandate": Example(a_draft, status=303),
    "bank.announce_debits": Example(
        to_collect, form=an_order, status=303, cleo=422, cleo_because=AT_ITS_FIELD
    ),
    "bank.save_debit_policy": Example(
        form={"notice_days": "5", "lead_days": "1"}, status=303, cleo=303, cleo_because="it is its own policy"
    ),
    "bank.order_debits": Example(announced_late, form=an_order, status=303),
    "bank.cancel_debits": Example(ordered, status=303),
}
