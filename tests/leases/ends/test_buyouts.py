"""A client buys a device: the price of any day, frozen, billed, and the title passed."""

from __future__ import annotations

from datetime import UTC, date, datetime
from decimal import Decimal

import pytest
from sqlalchemy.orm import Session

from devices.queries import get_asset
from haas.documents.rendering import render_pdf
from haas.errors import Conflict, InvalidInput, NotFound
from haas.tenancy.models import Partner
from haas.tenancy.scope import scoped
from invoicing import corrections, titles
from invoicing import queries as invoicing
from invoicing.models import Invoice
from invoicing.rates import add_rate
from leases import books, queries, returns
from leases.end_paper import sale_pdf
from leases.end_papers import sale_of_buyout
from leases.ends import buyouts
from leases.ends.models import Buyout
from leases.ends.policy import POLICY, Method
from leases.errors import AssetNotOnLease
from tests.cast import Cast
from tests.invoicing.world import PORTAL, a_rate, bill
from tests.leases.fleet import InService, day, lease_in_service
from tests.paper import text_of

AT = datetime(2026, 3, 1, 15, 0, tzinfo=UTC)
ENDS = day("2026-06-01")  # three months from 1 March
LATER = datetime(2026, 5, 20, 15, 0, tzinfo=UTC)


@pytest.fixture
def made(session: Session, cast: Cast) -> InService:
    """Two laptops of 1,200 at 100.00 a month for three months."""
    a_rate(session, cast.tenant)
    return lease_in_service(
        session, cast.tenant, client_id=cast.acme.id, accepted_at=AT, term_months=3, lines=2
    )


def offered(session: Session, cast: Cast, made: InService, **changes: object) -> Buyout:
    """The first laptop at the end of the term, by fixed percent: 120.00."""
    wanted = {"asset_id": made.assets[0].id, "priced_on": ENDS, "method": Method.FIXED, **changes}
    return buyouts.offer(session, cast.tenant, today=day("2026-05-20"), at=LATER, **wanted)  # type: ignore[arg-type]


def agreed(session: Session, cast: Cast, made: InService, **changes: object) -> Buyout:
    """The same, taken."""
    found = offered(session, cast, made, **changes)
    return buyouts.agree(
        session, cast.tenant, buyout_id=found.id, agreed_by="Ada", agreed_on=day("2026-05-21"), at=LATER
    )


class TestPriceAsset:
    @pytest.mark.parametrize(
        ("as_of", "method", "price"),
        [
            ("2026-03-01", Method.BOOK, "1380.00"),  # 1,200 x 1.15
            # 1,080 over 36 months are 30.00 a month: after March and April 1,140.00 are left, x 1.15
            ("2026-04-30", Method.BOOK, "1311.00"),
            ("2029-03-01", Method.BOOK, "138.00"),  # the residual value of 120.00 x 1.15
            ("2029-03-01", Method.CURVE, "300.00"),
        ],
    )
    def test_is_true_as_of_any_day(
        self, session: Session, cast: Cast, made: InService, as_of: str, method: Method, price: str
    ) -> None:
        found = buyouts.price_asset(
            session, cast.tenant, asset_id=made.assets[0].id, as_of=day(as_of), method=method
        )
        assert found.amount == Decimal(price)

    def test_of_another_partners_device_is_not_found(
        self, session: Session, cast: Cast, made: InService
    ) -> None:
        with pytest.raises(NotFound):
            buyouts.price_asset(session, cast.stranger, asset_id=made.assets[0].id, as_of=ENDS)


class TestOffer:
    def test_freezes_the_price(self, session: Session, cast: Cast, made: InService) -> None:
        found = offered(session, cast, made)
        session.get_one(Partner, cast.northwind.id).policies = {POLICY: {"fixed_pct": "90"}}
        made.assets[0].cost = Decimal(5000)
        assert (found.price, found.valid_until, found.state) == (Decimal(120), day("2026-06-19"), "offered")
        again = buyouts.get_buyout(session, cast.tenant, buyout_id=found.id)
        assert again.price == Decimal(120)

    def test_is_printed_for_the_client_without_cost(
        self, session: Session, cast: Cast, made: InService
    ) -> None:
        found = offered(session, cast, made)
        paper = sale_of_buyout(session, cast.tenant, buyout_id=found.id, kind="quote", base_url=PORTAL)
        assert paper is not None
        text = text_of(sale_pdf(paper, render=render_pdf))
        for said in ("Offer to buy", found.number, "Jun 19, 2026", "$120.00", made.assets[0].serial or ""):
            assert said in text
        assert "1,200" not in text

    def test_that_would_have_run_out_is_refused(self, session: Session, cast: Cast, made: InService) -> None:
        with pytest.raises(InvalidInput):
            offered(session, cast, made, valid_until=day("2026-05-01"))


class TestAgree:
    def test_ends_the_rent_and_bills_the_price_on_its_day(
        self, session: Session, cast: Cast, made: InService
    ) -> None:
        add_rate(
            session, cast.tenant, country="US", category="S", tax_class="reduced", rate_pct=Decimal(5),
            name="Reduced", valid_from=day("2020-01-01"),
        )  # fmt: skip
        made.lines[0].tax_class = "reduced"
        agreed(session, cast, made, priced_on=day("2026-05-16"))  # taken on the 21st: then it counts
        lines = queries.get_lease(session, cast.tenant, lease_id=made.lease.id).lines
        assert [line.ends_on for line in lines] == [day("2026-05-21"), None]
        (invoice,) = bill(session, cast.tenant, day("2026-05-21"))
        # Five months of rent are 2 x 200.00 + 100.00 and 20 of 31 days: 64.52; with the price of 120.00.
        assert invoice.net_total == Decimal("684.52")
        billed = invoicing.lines_of(session, cast.tenant, invoice_id=invoice.id)
        [bought] = [line for line in billed if line.kind == "buy_out"]
        assert (bought.tax_rate_pct, bought.tax) == (Decimal(5), Decimal(6))  # 120 as its rent was taxed

    def test_calls_off_a_return_that_was_not_collected(
        self, session: Session, cast: Cast, made: InService
    ) -> None:
        order = returns.request_return(
            session,
            cast.tenant,
            asset_id=made.assets[0].id,
            reason="end",
            notice_on=day("2026-05-01"),
            due_on=ENDS,
            at=LATER,
        )
        agreed(session, cast, made)
        assert queries.get_return(session, cast.tenant, return_id=order.id).state == "cancelled"

    def test_is_refused_after_the_offer_has_run_out_or_twice(
        self, session: Session, cast: Cast, made: InService
    ) -> None:
        found = offered(session, cast, made)
        late = {"agreed_by": "Ada", "agreed_on": day("2026-06-20"), "at": LATER}
        with pytest.raises(Conflict, match="ran out"):
            buyouts.agree(session, cast.tenant, buyout_id=found.id, **late)  # type: ignore[arg-type]
        other = offered(session, cast, made)
        agreed(session, cast, made)
        with pytest.raises(AssetNotOnLease):
            buyouts.agree(
                session,
                cast.tenant,
                buyout_id=other.id,
                agreed_by="Ada",
                agreed_on=day("2026-05-21"),
                at=LATER,
            )


class TestPassTitle:
    def pay(self, session: Session, cast: Cast, invoice: Invoice, amount: str) -> None:
        corrections.record_payment(
            session,
            cast.tenant,
            invoice_id=invoice.id,
            amount=Decimal(amount),
            received_on=ENDS,
            method="transfer",
            reference=f"{invoice.number}-{amount}",
            at=datetime(2026, 6, 2, tzinfo=UTC),
        )

    def due(self, session: Session, cast: Cast, on: str) -> list[str]:
        at = datetime.fromisoformat(f"{on}T15:00+00:00")
        found = titles.pass_due(session, cast.tenant, today=day(on), at=at)
        return [row.state for row in found]

    def test_waits_for_the_whole_payment(self, session: Session, cast: Cast, made: InService) -> None:
        agreed(session, cast, made)
        # Three months of two laptops, 600.00, one month of holdover, 100.00, and 120.00: with 8 percent
        # 885.60.
        (invoice,) = bill(session, cast.tenant, ENDS)
        assert invoice.total == Decimal("885.60")
        assert self.due(session, cast, "2026-06-02") == []
        self.pay(session, cast, invoice, "885.00")
        assert self.due(session, cast, "2026-06-02") == []
        self.pay(session, cast, invoice, "0.60")
        assert self.due(session, cast, "2026-06-02") == ["passed"]
        assert self.due(session, cast, "2026-06-02") == []
        asset = get_asset(session, cast.tenant, asset_id=made.assets[0].id)
        assert asset.state == "bought_out"

    def test_or_for_the_invoice_alone_and_closes_the_book_against_the_price(
        self, session: Session, cast: Cast, made: InService
    ) -> None:
        session.get_one(Partner, cast.northwind.id).policies = {POLICY: {"title_passes": "on_issue"}}
        found = agreed(session, cast, made)
        bill(session, cast.tenant, day("2026-05-31"))
        assert self.due(session, cast, "2026-05-31") == []
        bill(session, cast.tenant, ENDS)
        assert self.due(session, cast, "2026-06-01") == ["passed"]
        # March, April and May at 30.00: 1,110.00 are left, 120.00 came in.
        outcome = books.close_book(
            session,
            cast.tenant,
            asset_id=made.assets[0].id,
            disposed_on=ENDS,
            proceeds=found.price,
        )
        assert outcome is not None
        assert outcome.gain == Decimal("-990.00")
        paper = sale_of_buyout(session, cast.tenant, buyout_id=found.id, kind="bill_of_sale", base_url=PORTAL)
        assert paper is not None
        text = text_of(sale_pdf(paper, render=render_pdf))
        for said in ("Bill of sale", found.number, "Jun 1, 2026", "$120.00", "The title has passed"):
            assert said in text

    def test_of_the_last_device_closes_the_lease(self, session: Session, cast: Cast, made: InService) -> None:
        for asset in made.assets:
            agreed(session, cast, made, asset_id=asset.id)
        for row in session.scalars(scoped(Buyout, cast.tenant)):
            buyouts.pass_title(session, cast.tenant, buyout_id=row.id, at=LATER)
        lease = queries.get_lease(session, cast.tenant, lease_id=made.lease.id)
        assert (lease.state, lease.closed_on) == ("closed", ENDS)

    def test_needs_somebody_who_agreed(self, session: Session, cast: Cast, made: InService) -> None:
        found = offered(session, cast, made)
        with pytest.raises(Conflict):
            buyouts.pass_title(session, cast.tenant, buyout_id=found.id, at=LATER)


def test_a_client_sees_its_own_buyouts_alone(session: Session, cast: Cast, made: InService) -> None:
    found = offered(session, cast, made)
    seen = session.scalars(scoped(Buyout, cast.acme_tenant).with_only_columns(Buyout.id)).all()
    assert seen == [found.id]
    with pytest.raises(NotFound):
        buyouts.get_buyout(session, cast.stranger, buyout_id=found.id)
    assert date(2026, 6, 19) == found.valid_until
