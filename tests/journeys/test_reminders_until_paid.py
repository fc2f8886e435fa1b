"""An invoice that is not paid: reminded, charged, disputed, promised, and left alone once it is paid."""

from __future__ import annotations

from datetime import date
from decimal import Decimal

from sqlalchemy.orm import Session

from haas.tenancy.models import Partner
from haas.tenancy.scope import scoped
from invoicing import queries
from invoicing.charges.models import Charge
from invoicing.dunning import disputing, reminding, worklist
from invoicing.dunning.policy import DunningPolicy
from invoicing.holds import held
from invoicing.money.receipts import record_receipt
from tests.cast import Cast
from tests.invoicing.world import NOW, PORTAL, an_invoice


def day(told: str) -> date:
    """A day of the year in which all this happens."""
    return date.fromisoformat(f"2026-{told}")


def test_reminders_go_on_until_the_invoice_is_paid(session: Session, cast: Cast) -> None:
    tenant, acme = cast.tenant, cast.acme.id
    partner = session.get_one(Partner, tenant.partner_id)
    partner.policies = {**partner.policies, "dunning": DunningPolicy(is_on=True).check().kept()}
    invoice = an_invoice(session, tenant, client_id=acme)  # 168.48, due on 15 April

    def morning(told: str) -> list[tuple[int, Decimal]]:
        """The letters of the day: which step, and what comes onto the next invoice."""
        made = reminding.remind(session, tenant, today=day(told), at=NOW)
        return [(letter.step_days, letter.fee + letter.interest) for letter in made]

    # 12 April: three days before it is due; a Sunday, so on Monday.
    assert morning("04-12") == []
    assert morning("04-13") == [(-3, Decimal(0))]
    # 20 April: five days late. 29 April: two weeks late, for 5.00.
    assert morning("04-20") == [(5, Decimal(0))]
    assert morning("04-28") == []
    assert morning("04-29") == [(14, Decimal(5))]

    # 8 May: the client disputes it, so that the last reminder, due on the 13th, waits.
    dispute = disputing.open_dispute(
        session, tenant, invoice_id=invoice.id, reason="faulty", words="One is broken.", at=NOW
    )
    assert morning("05-13") == []
    disputing.decide(
        session, tenant, dispute_id=dispute.id, state="rejected", decision="It worked.", today=day("05-14"),
        at=NOW, portal_url=PORTAL,
    )  # fmt: skip

    # 14 May: it promises to pay by the 20th, and is believed until then.
    held.pause(
        session, tenant, client_id=acme, kind="promise", reason="Cash is short", until=day("05-20"),
        today=day("05-14"), at=NOW,
    )  # fmt: skip
    assert morning("05-14") == []
    assert morning("05-20") == []

    # 21 May: the promise is broken. 10.00, and 168.48 x 9 % x 36/365 = 1.4955 of interest.
    (row,) = worklist.work_list(session, tenant, today=day("05-21"))
    assert row.broken_promise == day("05-20")
    assert morning("05-21") == [(28, Decimal("11.50"))]
    charges = session.scalars(scoped(Charge, tenant).order_by(Charge.id)).all()
    assert [charge.unit_price for charge in charges] == [Decimal(5), Decimal("11.50")]

    # 22 May: paid. Nobody is written to or called any more.
    record_receipt(
        session, tenant, client_id=acme, amount=Decimal("168.48"), currency="USD", received_on=day("05-22"),
        method="transfer", reference="BANK-1", allocations=None, source="manual", at=NOW,
    )  # fmt: skip
    assert queries.open_items(session, tenant, client_id=acme) == []
    assert morning("06-15") == []
    assert worklist.work_list(session, tenant, today=day("06-15")) == []
