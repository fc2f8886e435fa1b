"""What a partner has laid down about reminders, retries and credit: every day and sum is a field. Pure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from decimal import Decimal
from typing import Any

import msgspec

from haas.errors import InvalidInput
from invoicing.credit_limit import ACCEPTED_PERIODS, BEYOND_LIMIT, BeyondLimit
from invoicing.credit_limit import POLICY as POLICY  # noqa: PLC0414 - its key in the partner's policies
from invoicing.dunning.plan import Plan, Step
from invoicing.dunning.retries import RetryPlan

NEVER = "never"  # in the place of a plan's name: the client is not reminded
PLANS_MOST = 20

_FRIENDLY = {
    "en": (
        "A reminder: {numbers} will be due soon",
        (
            "Hello {client},\n\n{numbers} over {amount} will be due on {oldest_due}."
            " If you have paid already, thank you; there is nothing to do.\n\n{partner}"
        ),
    ),
    "de": (
        "Zur Erinnerung: {numbers} wird bald fällig",
        (
            "Guten Tag, {client},\n\n{numbers} über {amount} wird am {oldest_due} fällig."
            " Falls Sie schon bezahlt haben, vielen Dank; dann ist nichts zu tun.\n\n{partner}"
        ),
    ),
    "es": (
        "Recordatorio: {numbers} vence pronto",
        (
            "Hola, {client}:\n\n{numbers} por {amount} vence el {oldest_due}."
            " Si ya ha pagado, gracias; no tiene que hacer nada.\n\n{partner}"
        ),
    ),
}
_FIRST = {
    "en": (
        "Payment overdue: {numbers}",
        (
            "Hello {client},\n\n{numbers} over {amount} has been due since {oldest_due}."
            " Please pay by {pay_by}. If something is wrong with it, tell us.\n\n{partner}"
        ),
    ),
    "de": (
        "Zahlung überfällig: {numbers}",
        (
            "Guten Tag, {client},\n\n{numbers} über {amount} ist seit dem {oldest_due} fällig."
            " Bitte zahlen Sie bis zum {pay_by}. Wenn daran etwas nicht stimmt, sagen Sie es uns bitte.\n\n"
            "{partner}"
        ),
    ),
    "es": (
        "Pago vencido: {numbers}",
        (
            "Hola, {client}:\n\n{numbers} por {amount} venció el {oldest_due}."
            " Por favor, pague antes del {pay_by}. Si hay algún error, díganoslo.\n\n{partner}"
        ),
    ),
}
_LAST = {
    "en": (
        "Last reminder before further steps: {numbers}",
        (
            "Hello {client},\n\n{numbers} over {amount} is {days} days overdue. With this letter we charge"
            " {fee} and {interest} of interest. Please pay by {pay_by}; after that we take further steps.\n\n"
            "{partner}"
        ),
    ),
    "de": (
        "Letzte Mahnung vor weiteren Schritten: {numbers}",
        (
            "Guten Tag, {client},\n\n{numbers} über {amount} ist seit {days} Tagen überfällig. Mit diesem"
            " Schreiben berechnen wir {fee} und {interest} Zinsen. Bitte zahlen Sie bis zum {pay_by}; danach"
            " leiten wir weitere Schritte ein.\n\n{partner}"
        ),
    ),
    "es": (
        "Último aviso antes de otras medidas: {numbers}",
        (
            "Hola, {client}:\n\n{numbers} por {amount} lleva {days} días vencido. Con esta carta le cobramos"
            " {fee} y {interest} de intereses. Por favor, pague antes del {pay_by}; después tomaremos otras"
            " medidas.\n\n{partner}"
        ),
    ),
}


def _step(name: str, days: int, words: Mapping[str, tuple[str, str]], **more: Any) -> Step:
    subjects = {language: subject for language, (subject, _) in words.items()}
    return Step(name, days, subjects, {language: text for language, (_, text) in words.items()}, **more)


DEFAULT_RETRIES = RetryPlan()
DEFAULT_PLAN = Plan(
    (
        _step("Friendly reminder", -3, _FRIENDLY),
        _step("First reminder", 5, _FIRST),
        _step("Second reminder", 14, _FIRST, fee=Decimal(5)),
        _step(
            "Last reminder",
            28,
            _LAST,
            fee=Decimal(10),
            interest_pct=Decimal(9),
            as_letter=True,
            stops_charging=True,
        ),
    )
)


@dataclass(frozen=True, slots=True)
class DunningPolicy:
    """A partner's rules. Nobody is reminded until `is_on`: letters go to its clients in its name."""

    is_on: bool = False
    plan: Plan = DEFAULT_PLAN
    retries: RetryPlan = DEFAULT_RETRIES
    beyond_limit: BeyondLimit = BEYOND_LIMIT
    accepted_periods: int = ACCEPTED_PERIODS  # invoicing.credit_limit.CreditPolicy
    fee_tax_category: str = "O"  # damages for delay are no supply (CJEU 222/81, BAZ Bausystem)
    ageing_days: tuple[int, ...] = (0, 30, 60, 90)
    plans: Mapping[str, tuple[Step, ...]] = field(default_factory=dict)  # further steps by name, for clients

    @classmethod
    def of_policies(cls, policies: Mapping[str, Any]) -> DunningPolicy:
        """The partner's own rules, as its policies keep them."""
        kept = policies.get(POLICY)
        return cls() if not kept else msgspec.convert(kept, type=cls, strict=False)

    def kept(self) -> dict[str, Any]:
        """As JSON keeps it: decimals as text."""
        plain: dict[str, Any] = msgspec.to_builtins(self)
        return plain

    def check(self) -> DunningPolicy:
        """The same rules, the plan's steps in order.

        :raises InvalidInput: naming the field.
        """
        bounds = self.ageing_days
        if not bounds or list(bounds) != sorted(set(bounds)) or bounds[0] != 0 or bounds[-1] > 3650:
            raise InvalidInput("Give rising days from 0 on, such as 0, 30, 60, 90.", field="ageing_days")
        if self.fee_tax_category not in ("S", "O"):
            raise InvalidInput(
                "Fees are taxed by S, or outside the scope of tax by O.", field="fee_tax_category"
            )
        if not 0 <= self.accepted_periods <= 12:
            raise InvalidInput("Choose 0 to 12 periods.", field="accepted_periods")
        self.retries.check()
        if len(self.plans) > PLANS_MOST:
            raise InvalidInput(f"Keep at most {PLANS_MOST} plans.", field="plans")
        for name in self.plans:
            if not 1 <= len(name.strip()) <= 60 or name == NEVER:
                raise InvalidInput("Name a plan by 1 to 60 letters.", field="plans")
        plans = {name: self.plan_of(name).check().steps for name in self.plans}
        return replace(self, plan=self.plan.check(), plans=plans)

    def plan_of(self, name: str) -> Plan:
        """The plan of this name: its own steps by the common rules. The empty name is the usual one.

        Never reminding is a plan without steps, and so is one that is gone.
        """
        return self.plan if not name else replace(self.plan, steps=tuple(self.plans.get(name, ())))

    def with_steps(self, name: str, steps: Sequence[Step]) -> DunningPolicy:
        """The same rules with other steps in the plan of this name."""
        if not name:
            return replace(self, plan=replace(self.plan, steps=tuple(steps)))
        return replace(self, plans={**self.plans, name: tuple(steps)})
