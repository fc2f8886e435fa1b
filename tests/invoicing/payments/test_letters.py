"""Mails about a card: refused for good, or about to expire; in the client's language, once."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import UTC, date, datetime
from pathlib import Path

import pytest
import sqlalchemy as sa
from flask.testing import FlaskClient

from haas import db
from haas.outbox import OutboxEvent
from haas.settings import Settings
from haas.settings import use as use_settings
from haas.tenancy.models import Client
from invoicing.payments import letters, settling
from invoicing.payments.local_server.server import Desk
from invoicing.payments.models import PaymentMethod
from invoicing.payments.protocol import Outcome
from tests.cast import Cast
from tests.invoicing.payments.house import Till, open_till
from tests.invoicing.test_sending import mails

NOW = datetime.now(UTC)


@pytest.fixture
def till(cast: Cast, settings: Settings, payment_desk: Desk) -> Till:
    return open_till(cast, settings, payment_desk)


@pytest.fixture
def mailbox(settings: Settings, tmp_path: Path) -> Iterator[Path]:
    """A folder of this test's own in the place of a mail server."""
    use_settings(replace(settings, mail_url=f"folder://{tmp_path}"))
    yield tmp_path
    use_settings(settings)


def declined(till: Till, reason: str, decline: str) -> dict[str, object]:
    """What `payment.declined` tells."""
    attempt = till.charge(till.invoice())
    with db.unit_of_work(till.tenant) as session:
        outcome = Outcome("declined", decline=decline, reason=reason)  # type: ignore[arg-type]
        settling.settle(session, till.tenant, attempt_id=attempt.id, outcome=outcome, at=NOW)
        return {"attempt_id": attempt.id, "kind": decline, "reason": reason}


class TestADecline:
    def test_asks_for_another_means_of_payment_by_a_link_that_pays(
        self, till: Till, mailbox: Path, web: Callable[..., FlaskClient]
    ) -> None:
        till.card()
        told = declined(till, "expired_card", "hard")
        for _ in range(2):  # a job may run twice
            letters.mail_declined(partner_id=till.tenant.partner_id, event_id="evt_1", **told)  # type: ignore[arg-type]

        (mail,) = mails(mailbox)
        text = mail.get_body(("plain",)).get_content()  # type: ignore[union-attr]
        assert "no longer valid" in text
        assert f"/clients/{till.cast.acme.id}/payment-methods" in text
        (path,) = re.findall(r"(/pay/\S+)", text)
        assert "168.48" in web(None).get(path).text

    def test_that_is_soft_is_tried_again_without_a_mail(self, till: Till, mailbox: Path) -> None:
        till.card()
        told = declined(till, "insufficient_funds", "soft")
        letters.mail_declined(partner_id=till.tenant.partner_id, event_id="evt_1", **told)  # type: ignore[arg-type]
        assert mails(mailbox) == []


class TestACardThatExpires:
    def test_is_told_about_once_in_the_month_before(self, till: Till, mailbox: Path) -> None:
        card = till.card()
        with db.unit_of_work(till.tenant) as session:
            session.execute(
                sa.update(PaymentMethod)
                .where(PaymentMethod.id == card.id)
                .values(expires_year=2028, expires_month=1)
            )
            session.get_one(Client, (till.tenant.partner_id, till.cast.acme.id)).email = "ap@acme.example"
            days = [date(2027, 11, 30), date(2027, 12, 1), date(2027, 12, 31), date(2028, 1, 1)]
            told = [letters.note_expiring(session, till.tenant, today=day) for day in days]
            assert told == [0, 1, 0, 0]
            event = session.scalars(
                sa.select(OutboxEvent).where(OutboxEvent.name == "payment_method.expires_soon")
            ).one()
        letters.mail_expiring(partner_id=till.tenant.partner_id, event_id=event.id, **event.payload)
        (mail,) = mails(mailbox)
        assert "good until January 31, 2028" in mail.get_body(("plain",)).get_content()  # type: ignore[union-attr]
