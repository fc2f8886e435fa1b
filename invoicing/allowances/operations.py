"""Discounts and surcharges agreed, ended, and found for a billing run."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal

from sqlalchemy.orm import Session

from haas.errors import InvalidInput, NotFound
from haas.ids import new_id
from haas.money import round_minor
from haas.tenancy.models import Client
from haas.tenancy.scope import Tenant, scoped
from invoicing.allowances.models import AllowanceRule
from invoicing.allowances.rules import SCOPES, Rule
from invoicing.bulk import among
from invoicing.codes import ALLOWANCE_REASONS, CHARGE_REASONS, DISCOUNT, OTHER_SERVICE
from leases.models import Agreement, Lease

# What a line may be of; `invoicing.models.InvoiceLine.kind`.
LINE_KINDS = (
    "rent", "interim_rent", "holdover", "one_off", "charge", "damage", "buy_out", "loss", "early_return",
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class NewRule:
    """What is agreed: percent of, or an amount on, each paper of a client; `valid_until` is exclusive."""

    client_id: str
    reason: str
    valid_from: date
    is_charge: bool = False
    scope: str = "paper"
    percent: Decimal | None = None
    amount: Decimal | None = None
    kinds: Sequence[str] = ()
    agreement_id: str | None = None
    lease_id: str | None = None
    reason_code: str = ""
    position: int = 10
    net_from: Decimal | None = None
    net_below: Decimal | None = None
    valid_until: date | None = None


def agree_rule(session: Session, tenant: Tenant, *, wanted: NewRule, at: datetime) -> AllowanceRule:
    """Take off or put on something from a day on, on every paper issued then.

    :raises NotFound: if the client is not this partner's.
    :raises InvalidInput: naming the field that no paper could follow.
    """
    client = session.scalar(scoped(Client, tenant).where(Client.id == wanted.client_id))
    if client is None:
        raise NotFound(f"There is no client {wanted.client_id}.")
    _check(wanted, currency=client.currency)
    _check_whose(session, tenant, wanted)
    rule = AllowanceRule(
        partner_id=tenant.partner_id,
        id=new_id("alw"),
        client_id=client.id,
        agreement_id=wanted.agreement_id,
        lease_id=wanted.lease_id,
        is_charge=wanted.is_charge,
        scope=wanted.scope,
        kinds=sorted(set(wanted.kinds)),
        percent=wanted.percent,
        amount=wanted.amount,
        currency=client.currency,
        reason=wanted.reason.strip(),
        reason_code=wanted.reason_code or (OTHER_SERVICE if wanted.is_charge else DISCOUNT),
        position=wanted.position,
        net_from=wanted.net_from,
        net_below=wanted.net_below,
        valid_from=wanted.valid_from,
        valid_until=wanted.valid_until,
        created_at=at,
        created_by=tenant.actor,
    )
    session.add(rule)
    session.flush()
    return rule


def end_rule(session: Session, tenant: Tenant, *, rule_id: str, until: date) -> AllowanceRule:
    """Let it hold for no paper that is issued on `until` or later; issued papers keep it."""
    rule = get_rule(session, tenant, rule_id=rule_id)
    if until < rule.valid_from:
        raise InvalidInput("It ends before it begins.", field="until")
    rule.valid_until = until
    session.flush()
    return rule


def get_rule(session: Session, tenant: Tenant, *, rule_id: str) -> AllowanceRule:
    """One rule.

    :raises NotFound: if this tenant has no such rule.
    """
    rule = session.scalar(scoped(AllowanceRule, tenant).where(AllowanceRule.id == rule_id))
    if rule is None:
        raise NotFound("There is no such discount or surcharge.")
    return rule


def list_rules(session: Session, tenant: Tenant, *, client_id: str) -> list[AllowanceRule]:
    """All that was agreed with a client, in the order in which it is applied."""
    statement = scoped(AllowanceRule, tenant).where(AllowanceRule.client_id == client_id)
    return list(
        session.scalars(statement.order_by(AllowanceRule.scope, AllowanceRule.position, AllowanceRule.id))
    )


def load_rules(session: Session, tenant: Tenant, *, client_ids: Sequence[str]) -> dict[str, list[Rule]]:
    """What holds or held for these clients, by client; one query."""
    found: dict[str, list[Rule]] = defaultdict(list)
    for row in session.scalars(
        scoped(AllowanceRule, tenant).where(among(AllowanceRule.client_id, client_ids))
    ):
        found[row.client_id].append(
            Rule(
                id=row.id,
                is_charge=row.is_charge,
                scope=row.scope,
                reason=row.reason,
                reason_code=row.reason_code,
                position=row.position,
                valid_from=row.valid_from,
                valid_until=row.valid_until,
                percent=row.percent,
                amount=row.amount,
                currency=row.currency,
                kinds=frozenset(row.kinds),
                agreement_id=row.agreement_id,
                lease_id=row.lease_id,
                net_from=row.net_from,
                net_below=row.net_below,
            )
        )
    return dict(found)


def _check(wanted: NewRule, *, currency: str) -> None:
    if not wanted.reason.strip():
        raise InvalidInput("Say what it is for; the invoice prints it.", field="reason")
    if wanted.scope not in SCOPES:
        raise InvalidInput(f"Use one of {', '.join(SCOPES)}.", field="scope")
    if unknown := sorted(set(wanted.kinds) - set(LINE_KINDS)):
        raise InvalidInput(f"There are no lines of the kind {', '.join(unknown)}.", field="kinds")
    if (wanted.percent is None) == (wanted.amount is None):
        raise InvalidInput("Give a percentage or an amount.", field="percent")
    if wanted.percent is not None and not 0 < wanted.percent <= (1000 if wanted.is_charge else 100):
        raise InvalidInput("The percentage is more than 0, of a discount at most 100.", field="percent")
    if wanted.amount is not None and (
        wanted.amount <= 0 or wanted.amount != round_minor(wanted.amount, currency)
    ):
        raise InvalidInput(f"The amount is a sum of {currency} above 0.", field="amount")
    known = CHARGE_REASONS if wanted.is_charge else ALLOWANCE_REASONS
    if wanted.reason_code and wanted.reason_code not in known:
        name = "UNCL 7161" if wanted.is_charge else "UNCL 5189"
        raise InvalidInput(f"{name} has no reason {wanted.reason_code}.", field="reason_code")
    if wanted.valid_until is not None and wanted.valid_until < wanted.valid_from:
        raise InvalidInput("It ends before it begins.", field="valid_until")


def _check_whose(session: Session, tenant: Tenant, wanted: NewRule) -> None:
    if wanted.agreement_id is not None and wanted.lease_id is not None:
        raise InvalidInput("Name an agreement or a lease, not both.", field="lease_id")
    if wanted.agreement_id is not None:
        agreement = scoped(Agreement, tenant).where(
            Agreement.id == wanted.agreement_id, Agreement.client_id == wanted.client_id
        )
        if session.scalar(agreement) is None:
            raise InvalidInput("Choose an agreement of this client.", field="agreement_id")
    if wanted.lease_id is not None:
        lease = scoped(Lease, tenant).where(Lease.id == wanted.lease_id, Lease.client_id == wanted.client_id)
        if session.scalar(lease) is None:
            raise InvalidInput("Choose a lease of this client.", field="lease_id")
