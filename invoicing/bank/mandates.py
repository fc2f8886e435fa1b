"""Mandates: drafted, signed, revoked."""

from __future__ import annotations

from datetime import date, datetime
from typing import NoReturn

import sqlalchemy as sa
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session
from stdnum import bic as bic_number
from stdnum import iban as iban_number

from haas import audit, outbox
from haas.accounts.company import company_of
from haas.calendar import ONE_DAY
from haas.errors import Conflict, InvalidInput, NotFound
from haas.ids import new_id
from haas.series import take_number
from haas.tenancy.models import Client
from haas.tenancy.scope import Tenant, scoped
from invoicing.mandate_models import ACTIVE, DRAFT, REVOKED, SepaMandate
from invoicing.references import reference_key


def draft_mandate(
    session: Session,
    tenant: Tenant,
    *,
    client_id: str,
    holder: str,
    iban: str,
    at: datetime,
    bic: str = "",
    scheme: str = "CORE",
    usage: str = "recurrent",
    notice_days: int | None = None,
) -> SepaMandate:
    """A mandate for the client to sign; nothing is collected by it yet. Its reference is the next number.

    :param notice_days: how long before a debit is announced, if this client agreed to another number than
        the partner's policy says.
    :raises InvalidInput: if the IBAN or BIC is wrong.
    """
    client = session.scalar(scoped(Client, tenant).where(Client.id == client_id))
    if client is None:
        raise NotFound(f"There is no client {client_id}.", field="client_id")
    if not iban_number.is_valid(iban):
        raise InvalidInput("This IBAN is wrong: compare it with the client's papers.", field="iban")
    if bic and not bic_number.is_valid(reference_key(bic)):
        raise InvalidInput("This BIC is wrong: it has 8 or 11 letters and digits.", field="bic")
    made = SepaMandate(
        partner_id=tenant.partner_id,
        id=new_id("mdt"),
        client_id=client.id,
        reference=take_number(session, tenant, series="sepa_mandate", pattern="M-{:06d}"),
        holder=holder.strip(),
        iban=reference_key(iban),
        bic=reference_key(bic),
        scheme=scheme,
        usage=usage,
        notice_days=notice_days,
        signed_on=None,
        revoked_on=None,
        created_at=at,
    )
    session.add(made)
    session.flush()
    return made


def sign_mandate(
    session: Session, tenant: Tenant, *, mandate_id: str, signed_on: date, today: date
) -> SepaMandate:
    """The client has signed it: what is due can be collected from now on.

    :raises Conflict: if it is no draft, or the client has another that is active.
    """
    mandate = lock_mandate(session, tenant, mandate_id=mandate_id)
    if mandate.state != DRAFT:
        raise Conflict(f"{mandate.reference} is {mandate.state}: draft a new one.")
    if signed_on > today + ONE_DAY:
        raise InvalidInput("This day lies ahead.", field="signed_on")
    try:
        with session.begin_nested():
            mandate.state, mandate.signed_on = ACTIVE, signed_on
            session.flush()
    except IntegrityError as other:
        _refuse_second(session, mandate, other)
    outbox.publish(session, tenant, "mandate.signed", mandate_id=mandate.id)
    return mandate


def ask_signature(session: Session, tenant: Tenant, *, mandate_id: str) -> SepaMandate:
    """Mail the form to the client; a job prints it.

    :raises Conflict: if it is signed or revoked, or the client has no e-mail address.
    """
    mandate = get_mandate(session, tenant, mandate_id=mandate_id)
    if mandate.state != DRAFT:
        raise Conflict(f"{mandate.reference} is {mandate.state}: nothing is left to sign.")
    client = session.scalars(scoped(Client, tenant).where(Client.id == mandate.client_id)).one()
    if not client.email:
        raise Conflict(f"Give an e-mail address of {client.name} first.")
    if not company_of(session, tenant).creditor_id:
        raise Conflict("Give the creditor identifier under Company and bank first.")
    audit.note(
        session, action="mail", subject="sepa_mandate", subject_id=mandate.id, details={"to": client.email}
    )
    outbox.publish(session, tenant, "mandate.signature_asked", mandate_id=mandate.id)
    return mandate


def revoke_mandate(session: Session, tenant: Tenant, *, mandate_id: str, on: date) -> SepaMandate:
    """Nothing more is ordered by it; what is ordered already is the bank's."""
    mandate = lock_mandate(session, tenant, mandate_id=mandate_id)
    if mandate.state == REVOKED:
        return mandate
    if mandate.state == DRAFT:
        mandate.signed_on = on  # a draft that is thrown away counts as ended on that day
    mandate.state, mandate.revoked_on = REVOKED, on
    session.flush()
    outbox.publish(session, tenant, "mandate.revoked", mandate_id=mandate.id)
    return mandate


def list_mandates(tenant: Tenant, *, client_id: str | None = None) -> sa.Select[SepaMandate]:
    """Mandates, to be paged by the caller."""
    statement = scoped(SepaMandate, tenant)
    return statement.where(SepaMandate.client_id == client_id) if client_id else statement


def get_mandate(session: Session, tenant: Tenant, *, mandate_id: str) -> SepaMandate:
    """The mandate.

    :raises NotFound: if this tenant has none by that id.
    """
    return _found(session, scoped(SepaMandate, tenant), mandate_id)


def lock_mandate(session: Session, tenant: Tenant, *, mandate_id: str) -> SepaMandate:
    """The mandate, which nobody else changes until the transaction ends."""
    statement = scoped(SepaMandate, tenant).with_for_update().execution_options(populate_existing=True)
    return _found(session, statement, mandate_id)


def _found(session: Session, statement: sa.Select[SepaMandate], mandate_id: str) -> SepaMandate:
    found = session.scalar(statement.where(SepaMandate.id == mandate_id))
    if found is None:
        raise NotFound(f"There is no mandate {mandate_id}.")
    return found


def _refuse_second(session: Session, mandate: SepaMandate, cause: IntegrityError) -> NoReturn:
    session.refresh(mandate)
    raise Conflict("The client has an active mandate: revoke it first.") from cause
