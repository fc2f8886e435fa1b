"""Quotes: written, sent and frozen, answered once, turned into a lease, its devices and what is bought."""

from __future__ import annotations

from datetime import UTC, date, datetime
from decimal import Decimal
from typing import Any

import pytest
import sqlalchemy as sa
from sqlalchemy.exc import DBAPIError
from sqlalchemy.orm import Session

from devices import edits
from haas import db
from haas.errors import Conflict, InvalidInput, NotFound
from haas.lifecycle import IllegalMove
from haas.outbox import OutboxEvent
from haas.tenancy.scope import scoped
from leases.amendments import early_return
from leases.finance.classification import Thresholds
from leases.models import Agreement, Lease, Line
from leases.queries import get_lease
from leases.quotes import (
    answers,
    drafting,
    figures,
    links,
    papers,
    queries,
    sending,
    staging,
    texts,
    versions,
)
from leases.quotes.answers import Signer
from leases.quotes.assessment import Terms, assess
from leases.quotes.errors import QuoteFrozen, QuoteIncomplete, QuoteNotOpen
from leases.quotes.figures import PricedLine
from leases.quotes.lifecycle import NEED_LIFECYCLE, QUOTE_LIFECYCLE, NeedState, QuoteState
from leases.quotes.models import PurchaseNeed, Quote, QuoteLine
from leases.quotes.needs import Lacking, judge
from leases.terms import LeaseTerms
from tests.cast import PEPPER, Cast
from tests.leases.fleet import a_model, a_spare
from tests.leases.offers import (
    TERMS,
    a_draft_quote,
    a_sent_quote,
    accepted_quote,
    option_named,
    published_terms,
)

AT = datetime(2026, 6, 15, 15, 0, tzinfo=UTC)
ADA = Signer("Ada Client", "Practice manager", via="link", address="203.0.113.9", user_agent="Phone")


def events(session: Session, cast: Cast) -> list[str]:
    """What was published, oldest first."""
    return list(
        session.scalars(
            scoped(OutboxEvent, cast.tenant)
            .where(OutboxEvent.name.startswith("quote."))
            .with_only_columns(OutboxEvent.name)
            .order_by(OutboxEvent.published_at, OutboxEvent.id)
        )
    )


class TestTheLifecycle:
    def test_refuses_every_move_that_is_not_in_its_table(self) -> None:
        for state in QuoteState:
            for verb in set(QUOTE_LIFECYCLE.moves) - set(QUOTE_LIFECYCLE.verbs_from(state)):
                with pytest.raises(IllegalMove):
                    QUOTE_LIFECYCLE.after(state, verb)

    def test_of_a_purchase_need_does_the_same(self) -> None:
        for state in NeedState:
            for verb in set(NEED_LIFECYCLE.moves) - set(NEED_LIFECYCLE.verbs_from(state)):
                with pytest.raises(IllegalMove):
                    NEED_LIFECYCLE.after(state, verb)


class TestFigures:
    TERMS = Terms(term_months=36, interval_months=1, timing="arrears", currency="USD")
    LAPTOPS = PricedLine("asset", "hardware", Decimal(2), Decimal(40), Decimal(1200), Decimal(120))
    CARE = PricedLine("service", "service", Decimal(1), Decimal(5))
    SETUP = PricedLine("one_off", "service", Decimal(1), Decimal("99.90"))

    def test_add_up_what_the_client_pays(self) -> None:
        found = figures.price(
            [self.LAPTOPS, self.CARE, self.SETUP], term_months=36, interval_months=1, currency="USD"
        )
        assert (found.rent, found.monthly) == (Decimal("85.00"), Decimal("85.00"))  # 2 x 40 + 5
        assert found.total == Decimal("3159.90")  # 36 x 85 + 99.90

    def test_round_each_device_as_its_invoices_will(self) -> None:
        laptops = PricedLine("asset", "hardware", Decimal(10), Decimal("39.995"))
        found = figures.price([laptops], term_months=12, interval_months=1, currency="USD")
        assert (found.rent, found.total) == (Decimal("400.00"), Decimal("4800.00"))  # 10 x 40.00

    def test_take_a_quarter_as_three_months(self) -> None:
        found = figures.price([self.CARE], term_months=36, interval_months=3, currency="USD")
        assert (found.rent, found.monthly) == (Decimal("5.00"), Decimal("1.67"))  # 5 / 3
        assert found.total == Decimal("60.00")  # 12 quarters

    def test_tell_the_partner_what_the_hardware_brings(self) -> None:
        found = figures.margin([self.LAPTOPS, self.CARE], term_months=36, interval_months=1, currency="USD")
        assert found.cost == Decimal("2400.00")
        assert found.margin == Decimal("720.00")  # 36 x 80 + 240 - 2400
        assert found.margin_pct == Decimal("30.00")
        assert found.lease_rate_factor == Decimal("0.033333")  # 80 / 2400

    def test_say_how_many_lines_have_no_known_cost(self) -> None:
        unknown = PricedLine("asset", "hardware", Decimal(1), Decimal(10))
        found = figures.margin([unknown], term_months=36, interval_months=1, currency="USD")
        assert (found.lines_without_cost, found.lease_rate_factor) == (1, None)

    def test_charge_for_leaving_early_a_share_of_what_is_left(self) -> None:
        table = figures.early_returns(
            [self.LAPTOPS, self.CARE], pct=Decimal(12), term_months=36, interval_months=1, currency="USD"
        )
        assert table[0].charge == Decimal("357.00")  # 35 x (2 x 40 + 5) x 12 %
        assert (table[-1].after_months, table[-1].charge) == (36, Decimal("0.00"))

    def test_print_for_leaving_early_what_an_amendment_will_charge(self) -> None:
        laptop = PricedLine("asset", "hardware", Decimal(1), Decimal("39.97"))
        printed = figures.early_returns(
            [laptop], pct=Decimal(35), term_months=36, interval_months=1, currency="USD"
        )
        start = date(2026, 2, 1)
        charged = early_return.table(
            early_return.Rule(early_return.Policy.REMAINING_RENTS, pct=Decimal(35)),
            LeaseTerms(commences_on=start, term_months=36, rent=Decimal("39.97"), currency="USD"),
            line_start=start,
        )
        assert [row.charge for row in charged[1:]] == [row.charge for row in printed[:-1]]

    def test_print_for_quarters_only_what_whole_ones_leave(self) -> None:
        laptop = PricedLine("asset", "hardware", Decimal(1), Decimal("119.91"))
        printed = figures.early_returns(
            [laptop], pct=Decimal(35), term_months=12, interval_months=3, currency="USD"
        )
        start = date(2026, 2, 1)
        terms = LeaseTerms(start, 12, Decimal("119.91"), "USD", interval_months=3)
        rule = early_return.Rule(early_return.Policy.REMAINING_RENTS, pct=Decimal(35))
        charged = {row.month - 1: row.charge for row in early_return.table(rule, terms, line_start=start)}
        assert [row.after_months for row in printed] == [3, 6, 9, 12]
        assert [row.charge for row in printed[:-1]] == [charged[month] for month in (3, 6, 9)]

    def test_classify_by_term_and_value_and_call_a_nominal_price_a_sale(self) -> None:
        lasting = PricedLine("asset", "hardware", Decimal(2), Decimal(40), Decimal(1200), Decimal(480))

        def judged(*, life: int = 60, price: str | None = None, line: PricedLine = lasting) -> list[str]:
            found = assess(
                self.TERMS,
                [line],
                lives=[life],
                buyout_price=Decimal(price) if price else None,
                thresholds=Thresholds(),
            )
            assert found.is_nominal is (price == "24.00")
            return [each.result.value for each in found.classes]

        assert judged() == ["operating", "operating"]  # 36 of 60 months; 960 of 2400 stay at the end
        assert judged(life=48) == ["sales_type", "finance"]  # 36 of 48 is 75 percent
        assert judged(line=self.LAPTOPS) == ["sales_type", "finance"]  # 240 of 2400 stay: over 90 percent
        assert judged(price="24.01") == ["operating", "operating"]
        assert judged(price="24.00") == ["sales_type", "finance"]  # a hundredth of 2 x 1200

    def test_say_nothing_of_a_class_where_no_cost_is_known(self) -> None:
        unknown = PricedLine("asset", "hardware", Decimal(1), Decimal(10))
        found = assess(self.TERMS, [unknown], lives=[60], buyout_price=None, thresholds=Thresholds())
        assert (found.classes, found.yields) == ((), None)

    def test_part_a_bundle_by_what_each_costs_alone(self) -> None:
        bundle = [
            PricedLine("asset", "hardware", Decimal(1), Decimal(40), standalone_price=Decimal(45)),
            PricedLine("service", "service", Decimal(1), Decimal(20), standalone_price=Decimal(15)),
        ]
        assert figures.hardware_rent(bundle, currency="USD") == Decimal("45.00")  # 60 x 45 / (45 + 15)

    def test_share_the_stock_among_needs_first_come_first_served(self) -> None:
        found = judge([Lacking("a", "m", 2), Lacking("b", "m", 2), Lacking("c", "m", 1)], free={"m": 3})
        assert [found[name].is_covered for name in "abc"] == [True, False, True]  # 2 + 1 of 3


class TestDrafting:
    def test_takes_cost_and_residual_from_the_model(self, session: Session, cast: Cast) -> None:
        quote = a_draft_quote(session, cast.tenant, client_id=cast.acme.id, at=AT)
        first = queries.options_of(session, cast.tenant, quote_id=quote.id)[0].lines[0]
        assert (first.unit_cost, first.residual_value) == (Decimal(1200), Decimal(120))  # 10 percent
        assert first.description == "Lenovo ThinkPad T14"

    def test_copies_an_option_with_its_lines(self, session: Session, cast: Cast) -> None:
        quote = a_draft_quote(session, cast.tenant, client_id=cast.acme.id, at=AT)
        drafting.copy_option(
            session,
            cast.tenant,
            quote_id=quote.id,
            option_id=queries.options_of(session, cast.tenant, quote_id=quote.id)[0].option.id,
            title="48 months",
        )
        copy = queries.options_of(session, cast.tenant, quote_id=quote.id)[-1]
        assert (copy.option.title, [line.unit_price for line in copy.lines]) == (
            "48 months",
            [Decimal(40), Decimal(5)],
        )

    @pytest.mark.parametrize(
        ("wrong", "field"),
        [
            ({"title": " "}, "title"),
            ({"term_months": 0}, "term_months"),
            ({"end_option": "buyout_fixed"}, "buyout_price"),
            ({"early_return_pct": Decimal(101)}, "early_return_pct"),
        ],
    )
    def test_names_the_field_that_is_wrong(
        self, session: Session, cast: Cast, wrong: dict[str, object], field: str
    ) -> None:
        quote = a_draft_quote(session, cast.tenant, client_id=cast.acme.id, at=AT)
        with pytest.raises(InvalidInput) as refusal:
            drafting.add_option(
                session, cast.tenant, quote_id=quote.id, **{"title": "A", "term_months": 36, **wrong}
            )
        assert list(refusal.value.fields) == [field]

    def test_never_edits_published_terms(self, session: Session, cast: Cast) -> None:
        terms_id = published_terms(session, cast.tenant, at=AT)
        with pytest.raises(Conflict, match="published before"):
            texts.publish(session, cast.tenant, version="2026-01", body="Other", at=AT)
        with pytest.raises(DBAPIError, match="permission denied"), session.begin_nested():
            session.execute(sa.text("update terms_version set body = 'x' where id = :id"), {"id": terms_id})


class TestSending:
    def test_freezes_what_the_client_is_told(self, session: Session, cast: Cast) -> None:
        quote = a_sent_quote(session, cast.tenant, client_id=cast.acme.id, at=AT)
        document = papers.frozen(quote)
        assert document.sha256 == quote.document_sha256
        assert [option.monthly for option in document.options] == [Decimal(85), Decimal(115)]
        assert document.options[0].leaving_early[0].charge == Decimal("357.00")
        assert document.options[1].leaving_early == ()  # a rental ends by notice
        assert document.terms == TERMS
        assert events(session, cast) == ["quote.sent"]
        for secret in ("1200", "unit_cost", "residual", "margin"):
            assert secret not in document.to_json().decode()

    def test_refuses_later_changes_in_code_and_in_the_database(self, session: Session, cast: Cast) -> None:
        quote = a_sent_quote(session, cast.tenant, client_id=cast.acme.id, at=AT)
        with pytest.raises(QuoteFrozen):
            drafting.edit_quote(session, cast.tenant, quote_id=quote.id, changes={"title": "Other"})
        with pytest.raises(DBAPIError, match="frozen"), session.begin_nested():
            session.execute(sa.update(QuoteLine).where(QuoteLine.quote_id == quote.id).values(unit_price=1))
        with pytest.raises(DBAPIError, match="frozen"), session.begin_nested():
            session.execute(sa.update(Quote).where(Quote.id == quote.id).values(valid_until=date(2030, 1, 1)))

    def test_asks_for_terms_options_and_lines(self, session: Session, cast: Cast) -> None:
        quote = drafting.create_quote(session, cast.tenant, client_id=cast.acme.id, at=AT)
        with pytest.raises(QuoteIncomplete, match="terms"):
            sending.send(session, cast.tenant, quote_id=quote.id, at=AT)
        published_terms(session, cast.tenant, at=AT)
        with pytest.raises(QuoteIncomplete, match="option"):
            sending.send(session, cast.tenant, quote_id=quote.id, at=AT)
        drafting.add_option(session, cast.tenant, quote_id=quote.id, title="A", term_months=12)
        with pytest.raises(QuoteIncomplete, match="no lines"):
            sending.send(session, cast.tenant, quote_id=quote.id, at=AT)

    def test_a_new_version_replaces_the_one_before(self, session: Session, cast: Cast) -> None:
        first = a_sent_quote(session, cast.tenant, client_id=cast.acme.id, at=AT)
        second = versions.revise(session, cast.tenant, quote_id=first.id, at=AT)
        assert first.state == "sent"  # it stands until the next one is sent
        with pytest.raises(Conflict, match="being written"):
            versions.revise(session, cast.tenant, quote_id=first.id, at=AT)
        sending.send(session, cast.tenant, quote_id=second.id, at=AT)
        assert (first.state, second.state) == ("withdrawn", "sent")
        assert (first.number, second.revision) == (second.number, 2)

    def test_lets_it_run_out_after_its_last_day_where_the_client_is(
        self, session: Session, cast: Cast
    ) -> None:
        quote = a_draft_quote(session, cast.tenant, client_id=cast.acme.id, at=AT)
        sending.send(session, cast.tenant, quote_id=quote.id, valid_until=date(2026, 6, 20), at=AT)
        evening = datetime(2026, 6, 21, 2, 0, tzinfo=UTC)  # still the 20th in New York
        assert sending.expire_due(session, cast.tenant, now=evening) == 0
        morning = datetime(2026, 6, 21, 5, 0, tzinfo=UTC)
        assert [sending.expire_due(session, cast.tenant, now=morning) for _ in range(2)] == [1, 0]
        assert quote.state == "expired"


class TestAccepting:
    def accept(self, session: Session, cast: Cast, quote: Quote, *, title: str = "36 months") -> str:
        made = answers.accept(
            session,
            cast.acme_tenant,
            quote_id=quote.id,
            option_id=option_named(quote, title),
            signer=ADA,
            agreed=True,
            document_sha256=quote.document_sha256,
            at=AT,
        )
        return made.lease_id

    def test_makes_one_lease_of_the_option_however_often_it_is_pressed(
        self, session: Session, cast: Cast
    ) -> None:
        quote = a_sent_quote(session, cast.tenant, client_id=cast.acme.id, at=AT)
        assert len({self.accept(session, cast, quote) for _ in range(2)}) == 1
        db.change_scope(session, cast.tenant)
        lease = get_lease(session, cast.tenant, lease_id=quote.lease_id or "")
        assert (lease.state, lease.commercial_model, lease.term_months) == ("accepted", "term", 36)
        assert sorted((line.kind, line.component, line.unit_price) for line in lease.lines) == [
            ("asset", "hardware", Decimal(40)),
            ("asset", "hardware", Decimal(40)),  # a place for each device
            ("service", "service", Decimal(5)),
        ]
        agreement = session.get_one(Agreement, (cast.northwind.id, lease.agreement_id))
        assert (agreement.terms_version, agreement.early_return_pct) == ("2026-01", Decimal(12))
        assert session.scalar(sa.select(sa.func.count()).select_from(Lease)) == 1
        assert events(session, cast) == ["quote.sent", "quote.accepted"]

    def test_keeps_the_model_s_tax_class_unless_a_line_has_its_own(
        self, session: Session, cast: Cast
    ) -> None:
        quote = a_draft_quote(session, cast.tenant, client_id=cast.acme.id, at=AT)
        given: dict[str, Any] = {
            "quote_id": quote.id, "at": AT, "unit_price": Decimal(1),
            "option_id": queries.options_of(session, cast.tenant, quote_id=quote.id)[0].option.id,
            "model_id": a_model(session, cast.tenant, at=AT).id,
        }  # fmt: skip
        edits.update_model(session, cast.tenant, model_id=given["model_id"], changes={"tax_class": "reduced"})
        drafting.add_line(session, cast.tenant, **given)
        drafting.add_line(session, cast.tenant, **given, tax_class="zero")
        with pytest.raises(InvalidInput, match="Use one of"):
            drafting.add_line(session, cast.tenant, **given, tax_class="luxury")
        sending.send(session, cast.tenant, quote_id=quote.id, valid_until=date(2099, 12, 31), at=AT)

        self.accept(session, cast, quote)
        db.change_scope(session, cast.tenant)
        lines = get_lease(session, cast.tenant, lease_id=quote.lease_id or "").lines
        # Two laptops and their service were offered before the model had a class.
        assert sorted(line.tax_class for line in lines) == ["reduced", *["standard"] * 3, "zero"]

    def test_keeps_who_agreed_to_what_from_where(self, session: Session, cast: Cast) -> None:
        quote = a_sent_quote(session, cast.tenant, client_id=cast.acme.id, at=AT)
        self.accept(session, cast, quote)
        db.change_scope(session, cast.tenant)
        kept = queries.find_acceptance(session, cast.tenant, quote_id=quote.id)
        assert kept is not None
        assert (kept.signer_name, kept.signer_title, kept.via) == ("Ada Client", "Practice manager", "link")
        assert (kept.address, kept.user_agent, kept.accepted_at) == ("203.0.113.9", "Phone", AT)
        assert kept.document_sha256 == papers.frozen(quote).sha256
        assert kept.terms_sha256 == papers.frozen(quote).terms_sha256

    def test_takes_the_agreement_that_there_is_under_the_same_terms(
        self, session: Session, cast: Cast
    ) -> None:
        first, second = (
            accepted_quote(session, cast.tenant, client_id=cast.acme.id, at=AT) for _ in range(2)
        )
        leases = [get_lease(session, cast.tenant, lease_id=row.lease_id) for row in (first, second)]
        assert len({lease.agreement_id for lease in leases}) == 1

    def test_refuses_a_second_answer_and_what_ran_out(self, session: Session, cast: Cast) -> None:
        quote = a_sent_quote(session, cast.tenant, client_id=cast.acme.id, at=AT)
        self.accept(session, cast, quote)
        with pytest.raises(QuoteNotOpen, match="accepted already"):
            self.accept(session, cast, quote, title="Rental")
        db.change_scope(session, cast.tenant)
        late = a_sent_quote(session, cast.tenant, client_id=cast.acme.id, at=AT)
        with pytest.raises(QuoteNotOpen, match="run out"):
            answers.demand_open(late, at=datetime(2100, 1, 2, tzinfo=UTC))

    @pytest.mark.parametrize(("name", "agreed", "field"), [("", True, "signer_name"), ("A", False, "agreed")])
    def test_asks_for_a_name_and_the_tick(
        self, session: Session, cast: Cast, name: str, *, agreed: bool, field: str
    ) -> None:
        quote = a_sent_quote(session, cast.tenant, client_id=cast.acme.id, at=AT)
        with pytest.raises(InvalidInput) as refusal:
            answers.accept(
                session,
                cast.tenant,
                quote_id=quote.id,
                option_id=option_named(quote),
                signer=Signer(name),
                agreed=agreed,
                at=AT,
            )
        assert list(refusal.value.fields) == [field]
        assert quote.state == "sent"

    def test_is_hidden_from_another_client_and_as_a_draft(self, session: Session, cast: Cast) -> None:
        draft = a_draft_quote(session, cast.tenant, client_id=cast.acme.id, at=AT)
        other = a_sent_quote(session, cast.tenant, client_id=cast.globex.id, at=AT)
        for quote in (draft, other):
            with pytest.raises(NotFound):
                queries.get_quote(session, cast.acme_tenant, quote_id=quote.id)

    def test_shows_a_client_no_row_that_holds_costs(self, session: Session, cast: Cast) -> None:
        a_sent_quote(session, cast.tenant, client_id=cast.acme.id, at=AT)
        db.change_scope(session, cast.acme_tenant)
        counts = [
            session.scalar(sa.text(f"select count(*) from {table}"))
            for table in ("quote", "quote_option", "quote_line", "quote_link", "purchase_need")
        ]
        assert counts == [1, 0, 0, 0, 0]

    def test_keeps_a_reason_and_a_question(self, session: Session, cast: Cast) -> None:
        quote = a_sent_quote(session, cast.tenant, client_id=cast.acme.id, at=AT)
        answers.ask(session, cast.acme_tenant, quote_id=quote.id, text="In grey?", by="Ada", at=AT)
        answers.decline(session, cast.acme_tenant, quote_id=quote.id, reason="Too late", by="Ada", at=AT)
        assert (quote.state, quote.reason) == ("declined", "Too late")
        db.change_scope(session, cast.tenant)
        assert events(session, cast) == ["quote.sent", "quote.question_asked", "quote.declined"]


class TestALink:
    def test_shows_one_quote_as_its_client_sees_it_and_decides_once(
        self, session: Session, cast: Cast
    ) -> None:
        with db.unit_of_work(cast.tenant) as own:
            quote = a_sent_quote(own, cast.tenant, client_id=cast.acme.id, at=AT)
            first = links.make_link(own, cast.tenant, quote=quote, pepper=PEPPER, now=AT)
            second = links.make_link(own, cast.tenant, quote=quote, pepper=PEPPER, now=AT)
        holder = links.find_holder(second, pepper=PEPPER, now=AT)
        assert (holder.quote_id, holder.tenant.client_id, holder.is_spent) == (
            quote.id,
            cast.acme.id,
            False,
        )
        assert links.find_holder(first, pepper=PEPPER, now=AT).is_spent
        with pytest.raises(NotFound):
            links.find_holder("made-up", pepper=PEPPER, now=AT)
        with pytest.raises(NotFound):
            links.find_holder(second, pepper=PEPPER, now=datetime(2100, 3, 1, tzinfo=UTC))


class TestStaging:
    def test_reserves_what_is_ready_and_notes_the_rest_once(self, session: Session, cast: Cast) -> None:
        model = a_model(session, cast.tenant, at=AT)
        a_spare(session, cast.tenant, model=model, at=AT)
        made = accepted_quote(session, cast.tenant, client_id=cast.acme.id, at=AT, devices=3)
        reserved = [staging.stage(session, cast.tenant, quote_id=made.quote_id, at=AT) for _ in range(2)]
        assert reserved == [1, 0]
        (need,) = session.scalars(scoped(PurchaseNeed, cast.tenant))
        assert (need.quantity, need.state, need.needed_by) == (2, "open", date(2026, 6, 29))  # 3 - 1; + 14

    def test_closes_a_need_when_all_of_it_is_in_stock_and_opens_it_again(
        self, session: Session, cast: Cast
    ) -> None:
        model = a_model(session, cast.tenant, at=AT)
        made = accepted_quote(session, cast.tenant, client_id=cast.acme.id, at=AT)
        staging.stage(session, cast.tenant, quote_id=made.quote_id, at=AT)
        (need,) = session.scalars(scoped(PurchaseNeed, cast.tenant))
        a_spare(session, cast.tenant, model=model, at=AT)
        staging.recount_waiting(session, cast.tenant, at=AT)
        assert need.state == "open"  # one of two: half a delivery closes nothing
        a_spare(session, cast.tenant, model=model, at=AT)
        staging.recount_waiting(session, cast.tenant, at=AT)
        assert need.state == "received"
        rival = accepted_quote(session, cast.tenant, client_id=cast.globex.id, at=AT, devices=2)
        lease = get_lease(session, cast.tenant, lease_id=rival.lease_id)
        assert staging.reserve_free(session, cast.tenant, lease=lease, at=AT) == 2
        staging.recount_waiting(session, cast.tenant, at=AT)
        assert (need.state, need.quantity) == ("open", 2)

    def test_writes_many_lines_in_as_many_statements_as_few(self, session: Session, cast: Cast) -> None:
        counted = []
        for devices in (2, 200):
            seen: list[str] = []

            def note(_c: object, _u: object, statement: str, *_: object, into: list[str] = seen) -> None:
                into.append(statement)

            sa.event.listen(db.engine(), "before_cursor_execute", note)
            accepted_quote(session, cast.tenant, client_id=cast.acme.id, at=AT, devices=devices)
            sa.event.remove(db.engine(), "before_cursor_execute", note)
            counted.append(len(seen))
        few, many = counted
        assert many <= few
        assert session.scalar(sa.select(sa.func.count()).select_from(Line)) == 2 + 200 + 2
