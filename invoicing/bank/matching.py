"""Who paid what: suggestions for a line of a statement, ranked, each with the reasons it stands on."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from decimal import Decimal
from enum import StrEnum

from invoicing.bank.names import Names
from invoicing.bank.statement import StatementLine
from invoicing.bank.subsets import sums_to
from invoicing.open_items import OpenItem
from invoicing.references import numbers_in, reference_key


class Reason(StrEnum):
    """What speaks for a suggestion. The portal says each in words."""

    REFERENCE = "reference"  # check digits vouch for the invoice's reference
    NUMBER = "number"  # the invoice's number stands in the text
    DIGITS = "digits"  # its year and number do, without the series
    AMOUNT = "amount"  # exactly what is open of one invoice
    SUM = "sum"  # exactly what is open of several
    DISCOUNT = "discount"  # exactly that less the discount for paying so early
    FEES = "fees"  # a little less than is open, as when a bank keeps its fee
    PART = "part"  # less than is open
    OVER = "over"  # more than is open: the rest goes to the client's balance
    OLDEST = "oldest"  # nothing is named: the oldest invoices first
    IBAN = "iban"  # this account has paid for this client before
    KNOWN_NAME = "known_name"  # this name has
    MANDATE = "mandate"  # the client's mandate for direct debits
    NAME = "name"  # the name is much like the client's


# How much each weighs: a name alone never beats a number, and no amount alone looks certain.
POINTS = {
    Reason.REFERENCE: 60,
    Reason.NUMBER: 45,
    Reason.DIGITS: 25,
    Reason.AMOUNT: 30,
    Reason.SUM: 22,
    Reason.DISCOUNT: 28,
    Reason.FEES: 12,
    Reason.PART: 5,
    Reason.OVER: 5,
    Reason.OLDEST: 2,
    Reason.IBAN: 25,
    Reason.KNOWN_NAME: 15,
    Reason.MANDATE: 30,
    Reason.NAME: 12,
}
_FEE_MOST = Decimal(15)  # what a bank may have kept of a payment
_MOST = 5
_SINGLES_MOST = 3


@dataclass(frozen=True, slots=True, kw_only=True)
class Hint:
    """What matches before have taught: this account, name or mandate pays for this client."""

    kind: str  # iban | name | mandate
    key: str  # as `hint_key` writes it
    client_id: str
    confirmed: int
    refuted: int = 0

    @property
    def is_good(self) -> bool:
        """Whether it was right more often than wrong, a wrong one counting double."""
        return self.confirmed > 2 * self.refuted


@dataclass(frozen=True, slots=True, kw_only=True)
class Suggestion:
    """Book the line for this client: so much to each invoice, the rest to the client's balance."""

    client_id: str
    allocations: tuple[tuple[str, Decimal], ...]  # invoice id, amount
    to_balance: Decimal
    score: int  # 0 to 100
    reasons: tuple[Reason, ...]
    is_certain: bool = False
    discounts: tuple[tuple[str, Decimal], ...] = ()  # invoice id, what is credited of it for paying early

    def discount_of(self, invoice_id: str) -> Decimal:
        """What of it an invoice is credited."""
        return dict(self.discounts).get(invoice_id, Decimal(0))


@dataclass(frozen=True, slots=True, kw_only=True)
class Known:
    """What lines are held against: one read for a whole statement."""

    items: Sequence[OpenItem]
    hints: Sequence[Hint] = ()
    names: Names = field(default_factory=lambda: Names({}))


def hint_key(kind: str, text: str) -> str:
    """An account, name or mandate as it is compared."""
    return reference_key(text) if kind in ("iban", "mandate") else Names.key(text)


def hints_of(line: StatementLine) -> dict[str, str]:
    """What a match of this line teaches: kind -> key, only of what the line tells."""
    told = {"iban": line.counterparty_iban, "name": line.counterparty_name, "mandate": line.mandate}
    found = {kind: hint_key(kind, text) for kind, text in told.items() if text}
    return {kind: key for kind, key in found.items() if key}


def suggest(line: StatementLine, *, known: Known) -> list[Suggestion]:
    """The likeliest first, at most five; none for money that went out.

    A suggestion is certain if check digits name every invoice it pays, the amount is exactly what is open
    of them, and nothing that was learned says that another client pays from this account.
    """
    if line.amount <= 0:
        return []
    items = [item for item in known.items if item.currency == line.currency and item.open > 0]
    named = _named(line, items)
    about = _clients(line, known, items, named)
    found = [
        _suggestion(client_id, reasons, paid, line=line, about=about)
        for client_id, reasons in about.items()
        for paid in _ways(line, [item for item in items if item.client_id == client_id], named)
    ]
    if not about:
        singles = [item for item in items if item.open == line.amount][:_SINGLES_MOST]
        found = [
            _suggestion(item.client_id, (), _Way(((item, item.open),), (Reason.AMOUNT,)), line=line, about={})
            for item in singles
        ]
    due = {item.invoice_id: item.due_on for item in items}
    found.sort(key=lambda one: (-one.score, *(due[invoice_id] for invoice_id, _ in one.allocations[:1])))
    return found[:_MOST]


@dataclass(frozen=True, slots=True)
class _Way:
    """One way to spend the money on a client's invoices."""

    paid: tuple[tuple[OpenItem, Decimal], ...]
    reasons: tuple[Reason, ...]
    is_checked: bool = False  # check digits name every invoice that it pays, and it spends all
    discounts: tuple[tuple[OpenItem, Decimal], ...] = ()


def _named(line: StatementLine, items: Iterable[OpenItem]) -> dict[str, Reason]:
    """Invoice id -> how surely the line names it."""
    numbers = numbers_in(f"{line.reference} {line.end_to_end_id} {line.text}")
    checked = {number.key for number in numbers if number.is_checked}
    plain = {number.key for number in numbers if not number.is_checked}
    digits = {number.digits for number in numbers if not number.is_checked}
    found = {}
    for item in items:
        key = reference_key(item.number)
        if key in checked:
            found[item.invoice_id] = Reason.REFERENCE
        elif key in plain:
            found[item.invoice_id] = Reason.NUMBER
        elif key.lstrip("ABCDEFGHIJKLMNOPQRSTUVWXYZ") in digits:
            found[item.invoice_id] = Reason.DIGITS
    return found


def _clients(
    line: StatementLine, known: Known, items: Iterable[OpenItem], named: Mapping[str, Reason]
) -> dict[str, tuple[Reason, ...]]:
    """Client id -> what says that it is the payer; a client whose invoice is named may have nothing else."""
    found: dict[str, list[Reason]] = {item.client_id: [] for item in items if item.invoice_id in named}
    told = hints_of(line)
    kinds = {"iban": Reason.IBAN, "name": Reason.KNOWN_NAME, "mandate": Reason.MANDATE}
    for hint in known.hints:
        if hint.is_good and told.get(hint.kind) == hint.key:
            found.setdefault(hint.client_id, []).append(kinds[hint.kind])
    for client_id in known.names.like(line.counterparty_name):
        if Reason.KNOWN_NAME not in found.get(client_id, []):
            found.setdefault(client_id, []).append(Reason.NAME)
    return {client_id: tuple(reasons) for client_id, reasons in found.items()}


def _ways(line: StatementLine, items: list[OpenItem], named: Mapping[str, Reason]) -> list[_Way]:
    """How the money can be spent on these invoices of one client."""
    items = sorted(items, key=lambda item: (item.due_on, item.number))
    wanted = [item for item in items if item.invoice_id in named]
    # Digits alone are a coincidence where a whole number is named as well.
    sure = [item for item in wanted if named[item.invoice_id] != Reason.DIGITS]
    wanted = sure or wanted
    if wanted:
        return [_of_named(line, items, wanted, named)]
    ways = [_Way(((item, item.open),), (Reason.AMOUNT,)) for item in items if item.open == line.amount][
        :_SINGLES_MOST
    ]
    for places in sums_to([item.open for item in items], total=line.amount):
        ways.append(_Way(tuple((items[at], items[at].open) for at in places), (Reason.SUM,)))
    for early in (_paid_early(line, [item]) for item in items):
        if early is not None and len(ways) < _SINGLES_MOST:
            ways.append(early)
    if not ways:
        short = [item for item in items if Decimal(0) < item.open - line.amount <= _fees(line, item)][
            :_SINGLES_MOST
        ]
        ways = [_Way(((item, line.amount),), (Reason.FEES,)) for item in short]
    return ways or [_oldest_first(line.amount, items)]


def _of_named(
    line: StatementLine, items: list[OpenItem], wanted: list[OpenItem], named: Mapping[str, Reason]
) -> _Way:
    how = tuple(dict.fromkeys(named[item.invoice_id] for item in wanted))
    total = sum((item.open for item in wanted), Decimal(0))
    if total == line.amount:
        exact = Reason.AMOUNT if len(wanted) == 1 else Reason.SUM
        paid = tuple((item, item.open) for item in wanted)
        return _Way(paid, (*how, exact), is_checked=how == (Reason.REFERENCE,))
    early = _paid_early(line, wanted)
    if early is not None:
        return _Way(early.paid, (*how, *early.reasons), discounts=early.discounts)
    if total > line.amount:
        is_fee = len(wanted) == 1 and total - line.amount <= _fees(line, wanted[0])
        return _Way(_filled(line.amount, wanted), (*how, Reason.FEES if is_fee else Reason.PART))
    rest, left = [item for item in items if item not in wanted], line.amount - total
    more = [item for item in rest if item.open == left][:1]
    if not more:
        sets = sums_to([item.open for item in rest], total=left)
        more = [rest[at] for at in sets[0]] if len(sets) == 1 else []
    paid = tuple((item, item.open) for item in (*wanted, *more))
    return _Way(paid, (*how, Reason.SUM if more else Reason.OVER))


def _paid_early(line: StatementLine, items: Sequence[OpenItem]) -> _Way | None:
    """The way in which the money pays these invoices less their discounts to the cent; none if it does not.

    It is never certain: a person confirms what is credited.
    """
    off = [(item, item.discount_on(line.booked_on)) for item in items]
    discounts = tuple((item, discount) for item, discount in off if discount)
    if not discounts or sum((item.open - discount for item, discount in off), Decimal(0)) != line.amount:
        return None
    paid = tuple((item, item.open - discount) for item, discount in off)
    return _Way(paid, (Reason.DISCOUNT,), discounts=discounts)


def _fees(line: StatementLine, item: OpenItem) -> Decimal:
    """What may be missing: what the bank says it took, else as much as a bank is known to take."""
    return line.charges or min(_FEE_MOST, item.open / 10)


def _oldest_first(amount: Decimal, items: list[OpenItem]) -> _Way:
    total = sum((item.open for item in items), Decimal(0))
    reasons = (Reason.OLDEST, Reason.OVER) if amount > total else (Reason.OLDEST,)
    return _Way(_filled(amount, items), reasons if items else (Reason.OVER,))


def _filled(amount: Decimal, items: Iterable[OpenItem]) -> tuple[tuple[OpenItem, Decimal], ...]:
    paid = []
    for item in items:
        part = min(amount, item.open)
        if part > 0:
            paid.append((item, part))
            amount -= part
    return tuple(paid)


def _suggestion(
    client_id: str,
    who: tuple[Reason, ...],
    way: _Way,
    *,
    line: StatementLine,
    about: Mapping[str, tuple[Reason, ...]],
) -> Suggestion:
    reasons = (*way.reasons, *who)
    spent = sum((amount for _, amount in way.paid), Decimal(0))
    learned = {Reason.IBAN, Reason.KNOWN_NAME, Reason.MANDATE}
    is_anothers = any(learned & set(told) for other, told in about.items() if other != client_id)
    return Suggestion(
        client_id=client_id,
        allocations=tuple((item.invoice_id, amount) for item, amount in way.paid),
        to_balance=line.amount - spent,
        score=min(sum(POINTS[reason] for reason in reasons), 100),
        reasons=reasons,
        is_certain=way.is_checked and not is_anothers,
        discounts=tuple((item.invoice_id, discount) for item, discount in way.discounts),
    )
