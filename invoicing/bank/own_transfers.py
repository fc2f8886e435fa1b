"""Lines that are refunds of ours, out or back: whoever books one by hand counts it twice."""

from __future__ import annotations

from sqlalchemy.orm import Session

from haas.errors import Conflict
from haas.tenancy.scope import Tenant, scoped
from invoicing.bank.models import IGNORED, BankLine
from invoicing.bank.transfer_models import FAILED, SETTLED, TransferItem

REFUND = "refund"  # the category of such a line


class OwnTransfer(Conflict):
    """The line is no payment of a client but a refund, whose own row says what it is for the client."""

    code = "own_transfer"


def check_not_transfer(session: Session, tenant: Tenant, *, line: BankLine) -> None:
    """That a line is none of our transfers, whatever became of that one: told by its end-to-end reference.

    :raises OwnTransfer: naming the transfer, and what to do instead.
    """
    item = _named(session, tenant, references=[line.end_to_end_id])
    if item is not None:
        what = "that came back" if line.amount > 0 else "that left"
        raise OwnTransfer(
            f"This is the refund {item.end_to_end_id} {what}. Note on the refund what became of it, which"
            " moves the client's credit once, and set this line aside as a refund."
        )


def check_not_settled(session: Session, tenant: Tenant, *, line: BankLine) -> None:
    """That no refund was settled by a line: it is no client's money, however often it is looked at.

    :raises OwnTransfer: naming the transfer.
    """
    if line.state != IGNORED or line.category != REFUND:
        return
    item = _named(session, tenant, references=[line.end_to_end_id, line.note])
    if item is not None and item.state in (SETTLED, FAILED):
        raise OwnTransfer(
            f"This line settled the refund {item.end_to_end_id}: it stays set aside. What the bank does with"
            " it next comes as a line of its own."
        )


def _named(session: Session, tenant: Tenant, *, references: list[str]) -> TransferItem | None:
    told = [reference for reference in references if reference]
    if not told:
        return None
    return session.scalar(scoped(TransferItem, tenant).where(TransferItem.end_to_end_id.in_(told)).limit(1))
