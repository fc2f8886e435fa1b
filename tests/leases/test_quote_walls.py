"""Who may answer a quote by its link, what a refusal leaves behind, and figures that nobody could bill."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime
from decimal import Decimal

import pytest
import sqlalchemy as sa
from flask.testing import FlaskClient
from sqlalchemy.exc import DBAPIError
from sqlalchemy.orm import Session

from haas import db
from haas.accounts.clients import archive_client, restore_client
from haas.auth.models import User
from haas.errors import InvalidInput, NotFound
from haas.tenancy.models import Partner
from haas.tenancy.scope import Platform
from leases.client_requests import in_the_partners_name
from leases.quotes import answers, drafting, links, queries, sending
from leases.quotes.errors import QuoteNotOpen
from leases.quotes.models import Quote
from tests.cast import PEPPER, Cast
from tests.leases.offers import a_draft_quote, a_sent_quote, accepted_quote

AT = datetime(2026, 6, 15, 15, 0, tzinfo=UTC)


def linked(cast: Cast) -> tuple[Quote, str]:
    """A quote in Acme's hands with its link, committed."""
    with db.unit_of_work(cast.tenant) as session:
        quote = a_sent_quote(session, cast.tenant, client_id=cast.acme.id, at=AT)
        return quote, links.make_link(session, cast.tenant, quote=quote, pepper=PEPPER, now=AT)


def is_good(secret: str) -> bool:
    """Whether the link opens anything."""
    try:
        links.find_holder(secret, pepper=PEPPER, now=AT)
    except NotFound:
        return False
    return True


class TestALinkOfSomebodyShutOut:
    def test_opens_nothing_while_its_client_is_archived(self, cast: Cast) -> None:
        _quote, secret = linked(cast)
        with db.unit_of_work(cast.tenant) as session:
            archive_client(session, cast.tenant, client_id=cast.acme.id, now=AT)
        assert not is_good(secret)
        with db.unit_of_work(cast.tenant) as session:
            restore_client(session, cast.tenant, client_id=cast.acme.id)
        assert is_good(secret)

    def test_opens_nothing_while_its_partner_is_suspended(
        self, cast: Cast, web: Callable[[User | None], FlaskClient]
    ) -> None:
        _quote, secret = linked(cast)
        with db.unit_of_work(Platform()) as session:
            session.execute(sa.update(Partner).where(Partner.id == cast.northwind.id).values(suspended_at=AT))
        assert not is_good(secret)
        assert web(None).get(f"/offers/{secret}").status_code == 404


class TestTheWallAfterARefusal:
    def test_stands_again_for_the_client(self, cast: Cast) -> None:
        quote, _secret = linked(cast)
        with db.unit_of_work(cast.tenant) as session:
            sending.withdraw(session, cast.tenant, quote_id=quote.id, reason="", at=AT)
        with db.unit_of_work(cast.acme_tenant) as session:
            with pytest.raises(QuoteNotOpen):
                answers.decline(
                    session, cast.acme_tenant, quote_id=quote.id, reason="Too dear", by="Ada", at=AT
                )
            assert session.scalar(sa.text("select haas_client()")) == cast.acme.id
            assert session.scalar(sa.text("select count(*) from quote_line")) == 0

    def test_keeps_nothing_of_what_was_refused(self, cast: Cast) -> None:
        quote, _secret = linked(cast)

        def half_way(session: Session) -> None:
            with in_the_partners_name(session, cast.acme_tenant) as partner:
                queries.get_quote(session, partner, quote_id=quote.id).reason = "half done"
                session.flush()
                raise QuoteNotOpen("Changed my mind.")

        with db.unit_of_work(cast.acme_tenant) as session, pytest.raises(QuoteNotOpen):
            half_way(session)
        with db.unit_of_work(cast.tenant) as session:
            assert queries.get_quote(session, cast.tenant, quote_id=quote.id).reason == ""


class TestALine:
    def test_is_refused_at_more_than_an_invoice_can_hold(self, session: Session, cast: Cast) -> None:
        quote = a_draft_quote(session, cast.tenant, client_id=cast.acme.id, at=AT)
        (lease, _rental) = queries.options_of(session, cast.tenant, quote_id=quote.id)
        with pytest.raises(InvalidInput) as refused:
            drafting.add_line(
                session,
                cast.tenant,
                quote_id=quote.id,
                option_id=lease.option.id,
                at=AT,
                kind="service",
                description="Care",
                quantity=Decimal(1_000_000),
                unit_price=Decimal(100_000),  # 10^6 x 10^5 = 10^11
            )
        assert list(refused.value.fields) == ["quantity"]


class TestWhatWasSigned:
    @pytest.mark.parametrize(
        "change",
        [
            "update quote set state = 'draft'",
            "update quote set state = 'draft', document = null, document_sha256 = null",
            "update quote set state = 'draft', document = '{}'",
            "delete from quote",
            "update quote_acceptance set signer_name = 'Mallory'",
            "delete from quote_acceptance",
        ],
    )
    def test_is_changed_by_no_hand_on_the_database(self, session: Session, cast: Cast, change: str) -> None:
        accepted_quote(session, cast.tenant, client_id=cast.acme.id, at=AT)
        where = f" where partner_id = '{cast.northwind.id}'"
        with pytest.raises(DBAPIError, match=r"frozen|permission denied"):
            session.execute(sa.text(change + where))

    def test_is_read_by_its_client_and_not_written(self, session: Session, cast: Cast) -> None:
        accepted_quote(session, cast.tenant, client_id=cast.acme.id, at=AT)
        db.change_scope(session, cast.acme_tenant)
        for table, change in (("quote", "reason = 'x'"), ("quote_acceptance", "file_id = null")):
            assert session.scalar(sa.text(f"select count(*) from {table}")) == 1
            assert session.connection().exec_driver_sql(f"update {table} set {change}").rowcount == 0
