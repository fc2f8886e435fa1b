"""Why no payment is asked for."""

from __future__ import annotations

from haas.errors import Conflict


class NoProvider(Conflict):
    """The partner takes no payments through a provider."""

    code = "no_payment_provider"


class NothingToPay(Conflict):
    """The invoice is settled."""

    code = "nothing_to_pay"


class PaymentUnderWay(Conflict):
    """An attempt that is not over yet: a second one could take the money twice."""

    code = "payment_under_way"


class NoMethod(Conflict):
    """The client has saved no means of payment."""

    code = "no_payment_method"
