"""Every address that answers GET, walked on the demo: sound, quick, closed to whom it is not meant for."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from functools import cache
from itertools import islice, product
from typing import Any
from urllib.parse import urljoin, urlsplit

import pytest
import sqlalchemy as sa
from flask import Flask
from flask.testing import FlaskClient
from werkzeug.routing import Rule

from haas import clock, db
from haas.accounts import one_time_links
from haas.auth.identify import PROGRAM_PATHS
from haas.auth.models import User
from haas.auth.permissions import PERMISSIONS, permissions_of
from haas.db import Base, PartnerOwned
from haas.tenancy.company import COMPANY_ID
from haas.tenancy.scope import Tenant
from invoicing import pay_links
from invoicing import queries as invoices
from leases.quotes import links, queries
from leases.quotes.papers import frozen
from tests.architecture.demo import FINDERS, Demo, House, Statements
from tests.architecture.markup import Page
from tests.architecture.test_routes import LIBRARY_ENDPOINTS, permission_of
from tests.cast import PEPPER

Web = Callable[[User | None], FlaskClient]

STATEMENTS_OF_A_LIST, STATEMENTS_OF_A_RECORD = 12, 20
# Endpoint -> (statements, why more are right).
MANY_STATEMENTS: dict[str, tuple[int, str]] = {
    "billing.index": (
        28,
        "it works out the next run by the rules that bill: leases, stays, charges, discounts, orders, sites",
    ),
    "charges.bill": (28, "it works out the client's next run by the rules that bill, with this charge alone"),
    "charges_api.preview_charge": (26, "the same"),
    "pro_formas.new": (28, "it works out the client's next run by the rules that bill"),
    "bank.list_debits": (
        17,
        "it asks for what is due, mandates, company, what is held, announced, ordered, items: each once",
    ),
    "billing_runs_api.preview_run": (26, "it works out the run by the rules that bill, as the page does"),
    "collections.index": (
        41,
        "it asks for open items, what is held, letters, promises, disputes, who is over a limit: each once",
    ),
    "clients.index": (38, "of those with a credit limit it asks what they owe, all at once"),
    "clients.show": (46, "it asks what the client owes: invoices, rents, charges, taxes, accepted, credit"),
    "clients_api.get_client": (34, "the same"),
    "cash_forecast.show": (
        31,
        "it asks for open items, habits, debits, promises, rents, charges, taxes, credit, client: each once",
    ),
    "cash_forecast_api.get_forecast": (28, "the same"),
    "profit.index": (
        20,
        "it adds up leases, stays, books and costs of the whole fleet, each by one statement",
    ),
    "profit_api.get_league": (20, "the same"),
    "books.index": (
        40,
        "it works out what a run would post by the rules that post, finance leases in a savepoint",
    ),
    "books.ask_lock": (38, "the same, before a month is closed for good"),
    "ledger_api.list_unposted": (30, "the same"),
    "offboarding.show": (100, "it shows what leaving does by doing it in a savepoint, lease by lease"),
    "offboarding_api.preview": (100, "the same"),
    "swaps.new": (110, "it shows what the swap does by doing it, as the next"),
    "swaps_api.preview": (90, "it does the whole swap in a savepoint and takes it back, so it never errs"),
}
# What the address needs after `?`, or what makes the same page look different. "" is the bare address.
QUERIES: dict[str, list[str]] = {
    "allowance_rules_api.list_rules": ["client_id={client_id}"],
    "assets.index": ["", "view=in_service", "state=ready", "sort=-added&limit=5", "q=le", "q=nothing"],
    "assets.show": ["", "tab=health", "tab=money", "tab=documents", "tab=history"],
    "bank.index": ["", "state=booked", "state=ignored", "q=nothing"],
    "cash_forecast.show": [
        "",
        "span=month&weeks=26&dso_method=count_back&client_id={client_id}",
        "format=csv",
    ],
    "clients.index": ["", "q=nothing"],
    "clients.show": ["", "tab=sites", "tab=people"],
    "labels.index": ["", "id={asset_id}"],
    "leases.new": ["", "client_id={client_id}", "agreement_id={agreement_id}"],
    "charges.index": ["", "state=waiting", "category=repair"],
    "charges.new": ["", "client={client_id}"],
    "pro_formas.index": ["", "sent=no&limit=1", "q=nothing"],
    "pro_formas.new": ["", "client={client_id}", "client={client_id}&as_of=nonsense"],
    "calendar.index": ["", "view=list", "month=2026-02"],
    "calendar.cash": ["", "format=csv", "client_id={client_id}", "lease_id={lease_id}"],
    "leases.holdover": ["", "format=csv"],
    "leases.show": ["", "tab=rent", "tab=assets", "tab=documents", "tab=history", "tab=end"],
    "moves.ask_several": ["", "id={asset_id}"],
    "statements_api.get_statement": ["start=2026-01-01&last=2026-06-30"],
    "statements_api.get_pdf": ["start=2026-01-01&last=2026-06-30"],
    "profit.index": [
        "",
        "by=category&period=12m",
        "by=age&period=year&sort=-rent",
        "by=client&period=month",
        "by=lease&sort=name&limit=2",
        "by=asset&client={client_id}",
    ],
    "returns.new": ["", "asset_id={outgoing_id}"],
    "swaps.new": [
        "",
        "lease_id={lease_id}",
        "outgoing_id={outgoing_id}",
        "outgoing_id={outgoing_id}&incoming_id={incoming_id}&reason=upgrade",
    ],
    "leases.index": ["", "state=active", "sort=-ends&limit=3"],
    "invoices.index": ["", "state=issued", "limit=3"],
    "quotes.index": ["", "state=sent", "q=nothing"],
    "purchase_needs.index": ["", "state=open", "state=cancelled"],
    "search.index": ["", "q=le", "q=inv", "q=zzz"],
    "search.found": ["q=le"],
    "fundings_api.preview_settlement": ["on=2099-01-01"],
    "lease_funding_api.preview_funding": ["amount=1000&annual_rate_pct=5&starts_on=2026-01-01"],
    "files.download": ["", "inline=1"],
    "prices.price_model": [
        "",
        "model_id={model_id}&client_id={client_id}&yield_pct=9",
        "model_id={model_id}&rent=45&quantity=12",
    ],
    "rate_cards_api.get_offers": ["cost=1200"],
    "prices_api.get_price": ["model_id={model_id}"],
    "billing_runs_api.preview_run": [f"as_of={clock.today('UTC')}"],
    "ledger_api.list_unposted": ["month=2026-01"],
    "ledger_api.get_trial_balance": [
        "first=2026-01&last=2026-06",
        "first=2026-01&last=2026-06&converted=last_day",
    ],
    "ledger_api.get_differences": ["first=2026-01-01&last=2026-06-30"],
    "ledger_api.get_roll_forward": ["first=2026-01&last=2026-06"],
    "books.list_entries": ["", "kind=invoice&limit=3", "purpose=receivables&from=2020-01"],
    "books.show_report": ["", "from=2020-01", "book=tax", "converted=posting_day"],
    "exchange_rates.index": ["", "from=CHF&in=USD&since=2026-01-01&until=2026-06-30", "from=EUR&in=EUR"],
    "calendar_api.list_entries": ["start=2026-11-01&until=2026-12-01"],
    "holdover_api.list_holdover_days": ["start=2026-11-01&until=2026-12-01"],
    "swaps_api.preview": ["outgoing_id={outgoing_id}&incoming_id={incoming_id}&reason=upgrade"],
}
# Arguments that name nobody's rows.
NO_ROWS = {name for name, finder in FINDERS.items() if isinstance(finder, list)}
# What may answer 404 to whoever owns the row, and why.
# A document that lacks what an e-invoice must have is refused with the terms, as what a field lacks.
E_INVOICES = {
    "invoices.factur_x", "invoices.ubl", "invoices_api.get_factur_x", "invoices_api.get_ubl",
}  # fmt: skip
MAY_LACK = {
    "depreciation_api.get_depreciation": "an asset that was never in service has no book",
    "asset_books_api.get_book": "the same, and a tax book is kept only where the partner says so",
    "asset_books_api.download_schedule": "the same",
    "leases.book_schedule": "the same",
    "leases.book_event": "the same",
    "leases.split_book": "the same",
    "leases.reverse_book_event": "an event is one asset's: at another it is not found",
    "bank.mandate_form": "without a creditor identifier, which that partner lacks, nothing is signed",
    "bank.show_transfers": "the same as of a direct debit: SEPA pays in EUR",
    "bank.transfers_file": "the same",
    "transfers_api.get_transfers": "the same",
    "bank.show_debits": "the partner that is walked has its clients in USD, where SEPA collects nothing",
    "bank.debits_file": "the same",
    "collections_api.get_collection": "the same",
    "calendar.feed": "an address that nobody made answers nothing",
    "files.download": "a kind of file asks for its own right beside the one to read files",
    "files.page_picture": "what is no PDF has no pages, and a page of it may not be there",
    "invoices.own_statement": "it is a client's own; the partner reads it under the client",
    "invoices_api.get_pdf": "a job renders the paper; until then the answer is 409",
    "pro_formas_api.get_pdf": "the same",
    "pictures.of_asset": "neither it nor its model has to have a picture",
    "pictures.of_model": "a model does not have to have a picture",
    "pictures_api.show_asset_picture": "neither it nor its model has to have a picture",
    "pictures_api.show_model_picture": "a model does not have to have a picture",
    "wholesale_api.get_wholesale": "the operator has no account for every partner",
    "wholesale_api.list_invoices": "the same",
    "wholesale_api.list_margins": "the same",
    "wholesale.invoice_pdf": "a partner's own invoices are not the operator's to it",
    "lease_funding_api.get_funding_of_lease": "not every lease is funded",
    "lease_funding_api.preview_funding": "a lease may be funded already, or be none to fund",
    "quote_links.pdf": "a job prints the paper",
    "pay_links.show": "a link of what was settled long ago is gone",
    "pay_links.back": "the same",
    "pay_links.pdf": "the same, and a job prints the paper",
    "payment_methods.back": "a visit to the provider is one client's: at another it is not found",
    "invoice_payments.ask_refund": "an attempt is one invoice's: at another it is not found",
    "quotes.accept": "a draft cannot be accepted",
    "quotes.paper_page": "a draft without options or terms has no paper",
    "quotes.paper_pdf": "a draft without options or terms has no paper",
    "quotes_api.get_acceptance": "a quote that was not accepted has none",
    "quotes_api.get_pdf": "a draft has no paper, and a job prints it: until then the answer is 409",
    "leases.asset_book": "an asset that was never in service has no book",
}
SECRETS = {"accounts.invitation": "invitation", "accounts.reset_password": "password_reset"}
# Public by their nature: the address itself is the key, so it opens for whoever holds it.
QUOTE_LINKS = {"quote_links.show", "quote_links.accept", "quote_links.decline", "quote_links.pdf"}
PAY_LINKS = {"pay_links.show", "pay_links.back", "pay_links.pdf"}
KEYED = {"labels.landing", "brand.logo", *SECRETS, *QUOTE_LINKS, *PAY_LINKS}
LINKS_ALIKE = 3  # how many links to the same kind of page are followed
FOUND, ELSEWHERE = {200, 304}, {301, 302, 303}
IDS = re.compile(r"\b[a-z]{3}_[0-9a-hjkmnp-tv-z]{26}\b|\bd-[0-9a-hjkmnp-tv-z]{26}\b")


@dataclass(frozen=True, slots=True)
class Address:
    """One address to visit, and whose rows it names."""

    endpoint: str
    rule: Rule
    path: str
    names_rows: bool

    def __str__(self) -> str:
        return f"{self.path} ({self.endpoint})"

    @property
    def for_programs(self) -> bool:
        """Whether it wants a token."""
        return self.path.startswith(PROGRAM_PATHS)


def get_rules(app: Flask) -> list[Rule]:
    """Every rule that answers GET."""
    rules = [rule for rule in app.url_map.iter_rules() if "GET" in (rule.methods or ())]
    return sorted((rule for rule in rules if rule.endpoint not in LIBRARY_ENDPOINTS), key=str)


def secret_of(house: House, purpose: str) -> str:
    """A link as it is mailed to the owner."""
    with db.unit_of_work(house.tenant) as session:
        owner = session.get_one(User, house.owner.id)
        return one_time_links.make_link(session, owner, purpose=purpose, pepper=PEPPER, now=clock.now())


def quote_links_of(house: House) -> Iterator[dict[str, str]]:
    """The link of a quote in each state, as it is mailed, with an option of it."""
    with db.unit_of_work(house.tenant) as session:
        for quote_id in house.ids["quote_id"]:
            quote = queries.get_quote(session, house.tenant, quote_id=quote_id)
            if quote.document is not None:
                secret = links.make_link(session, house.tenant, quote=quote, pepper=PEPPER, now=clock.now())
                yield {"secret": secret, "option_id": frozen(quote).options[0].id}


def pay_links_of(house: House) -> Iterator[dict[str, str]]:
    """The link on an invoice in each state."""
    with db.unit_of_work(house.tenant) as session:
        for invoice_id in house.ids["invoice_id"]:
            invoice = invoices.get_invoice(session, house.tenant, invoice_id=invoice_id)
            yield {"secret": pay_links.make_link(session, house.tenant, invoice=invoice, at=clock.now())}


def values_of(house: House, rule: Rule) -> Iterator[Mapping[str, str]]:
    """The sets of values with which to visit `rule`."""
    if rule.endpoint in QUOTE_LINKS:
        yield from ({name: each[name] for name in rule.arguments} for each in quote_links_of(house))
        return
    if rule.endpoint in PAY_LINKS:
        yield from pay_links_of(house)
        return
    if rule.endpoint in SECRETS:
        yield {"secret": secret_of(house, SECRETS[rule.endpoint])}
        return
    names = sorted(rule.arguments)
    wanted = [_matching(house, rule, name) for name in names]
    # A record in each of its states; two lists are not multiplied but walked side by side.
    if len(names) > 1 and all(FINDERS[name] == house.ids[name] or len(house.ids[name]) > 1 for name in names):
        yield from (dict(zip(names, values, strict=True)) for values in islice(product(*wanted), 6))
        return
    yield from (dict(zip(names, values, strict=True)) for values in product(*wanted))


def _matching(house: House, rule: Rule, name: str) -> list[str]:
    """The ids of `name`; where the address names a parent too, only parents that have such a child."""
    parents = {
        "amendment_id": ("lease_id", "amendment"),
        "certificate_id": ("asset_id", "wipe_certificate"),
        "line_id": ("lease_id", "lease_line"),
        "option_id": ("quote_id", "quote_option"),
    }
    for child, (parent, table) in parents.items():
        if name == parent and child in rule.arguments and house.ids[child]:
            with db.unit_of_work(house.tenant) as session:
                return [
                    session.scalars(
                        sa.text(f"select {parent} from {table} where id = :id"), {"id": house.ids[child][0]}
                    ).one()
                ]
    return house.ids.get(f"{rule.endpoint.partition('.')[0]}:{name}", house.ids[name])


def addresses(app: Flask, house: House) -> list[Address]:
    """Every address of the product with this partner's rows in it."""
    adapter = app.url_map.bind("localhost")
    found = []
    for rule in get_rules(app):
        for values in values_of(house, rule):
            path = adapter.build(rule.endpoint, dict(values), method="GET")
            for query in QUERIES.get(rule.endpoint, [""]):
                filled = query.format_map({name: ids[0] for name, ids in house.ids.items() if ids})
                names_rows = bool(set(values) - NO_ROWS) and rule.endpoint not in KEYED
                found.append(Address(rule.endpoint, rule, f"{path}?{filled}" if filled else path, names_rows))
    return found


@dataclass(frozen=True, slots=True)
class Visit:
    """What somebody was answered at an address."""

    address: Address
    status: int
    mimetype: str
    location: str
    text: str
    statements: int

    @property
    def page(self) -> Page | None:
        """The page, if it is one."""
        return _read(self.text) if self.status == 200 and self.mimetype == "text/html" else None

    def shows(self, secrets: set[str]) -> list[str]:
        """Which of the secrets the answer holds; what the address itself says is no secret."""
        words = {each for each in secrets if not IDS.fullmatch(each) and each in self.text}
        named = set(IDS.findall(self.address.path))
        return sorted({*words, *(secrets & set(IDS.findall(self.text)))} - named)[:3]


@cache  # each page is looked at for its faults, for its links, and for what they ask for
def _read(text: str) -> Page:
    return Page.read(text)


class Visitor:
    """Somebody with a browser and, if of a partner, a token."""

    def __init__(self, user: User | None, web: Web, api: Callable[..., FlaskClient]) -> None:
        self.browser = web(user)
        self.program = api(user) if user is not None and user.partner_id else web(None)
        self.statements = Statements()

    def visit(self, address: Address) -> Visit:
        """Go there by the door that the address belongs to."""
        with self.statements.counted() as counted:
            answer = (self.program if address.for_programs else self.browser).get(address.path)
        kind = answer.mimetype or ""
        readable = kind.startswith("text/") or kind.endswith("json")
        text = answer.get_data(as_text=True) if readable else ""
        return Visit(address, answer.status_code, kind, answer.location or "", text, len(counted))


@pytest.fixture(scope="module")
def visitor(demo: Demo, web: Web, api: Callable[..., FlaskClient]) -> Callable[[User | None], Visitor]:
    """`visitor(user)`, signed in everywhere."""
    return lambda user: Visitor(user, web, api)


@pytest.fixture(scope="module")
def places(app: Flask, demo: Demo) -> list[Address]:
    """Every address of the product with Northwind's rows in it."""
    return addresses(app, demo.northwind)


@pytest.fixture(scope="module")
def one_each(places: list[Address]) -> list[Address]:
    """One address of every route."""
    return list({address.endpoint: address for address in reversed(places)}.values())


@pytest.fixture(scope="module")
def two_each(places: list[Address]) -> list[Address]:
    """Two addresses of every route: the walls do not depend on a row's state."""
    count: Counter[str] = Counter()
    found = []
    for address in places:
        count[address.endpoint] += 1
        if count[address.endpoint] <= 2:
            found.append(address)
    return found


@pytest.fixture(scope="module")
def owners(
    demo: Demo, places: list[Address], everyones: list[tuple[User, Visit]], visitor: Any
) -> list[Visit]:
    """What the owner sees everywhere, after everyone: what a process learns once is not a page's cost."""
    owner = visitor(demo.northwind.owner)
    return [owner.visit(address) for address in places]


@pytest.fixture(scope="module")
def clients(demo: Demo, places: list[Address], visitor: Any) -> list[Visit]:
    """What a client's admin sees everywhere."""
    admin = visitor(demo.northwind.people["client.admin"])
    return [admin.visit(address) for address in places]


@pytest.fixture(scope="module")
def everyones(
    demo: Demo, one_each: list[Address], clients: list[Visit], visitor: Any
) -> list[tuple[User, Visit]]:
    """What each role of the partner and of its client sees, once on every route."""
    people = dict(demo.northwind.people)
    admin = people.pop("client.admin")
    once = {str(address) for address in one_each}
    seen = [(admin, visit) for visit in clients if str(visit.address) in once]
    for user in people.values():
        guest = visitor(user)
        seen += [(user, guest.visit(address)) for address in one_each]
    return seen


def none(problems: Iterable[str]) -> None:
    """Fail with every problem on a line of its own."""
    found = sorted(set(problems))
    assert not found, f"{len(found)} problems\n" + "\n".join(found)


class TestEveryArgument:
    def test_of_an_address_is_found_in_the_demo(self, app: Flask, demo: Demo) -> None:
        arguments = {name for rule in get_rules(app) for name in rule.arguments} - {"secret"}
        assert arguments - set(FINDERS) == set(), "say in tests/architecture/demo.py where their values are"
        none(f"the demo has no {name}" for name in arguments if not demo.northwind.ids[name])


class TestTheOwner:
    def test_sees_every_page_without_a_fault(self, app: Flask, demo: Demo, owners: list[Visit]) -> None:
        problems = []
        for visit in owners:
            right = FOUND | ELSEWHERE if may(app, visit.address, demo.northwind.owner) else {403}
            if visit.address.endpoint in MAY_LACK:
                right |= {404, 409}
            if visit.address.endpoint in E_INVOICES:
                right |= {422}
            if visit.status not in right:
                problems.append(f"{visit.address}: {visit.status} {' '.join(visit.text.split())[:200]}")
            elif (page := visit.page) is not None:
                whole = "<html" in visit.text[:400].lower()
                problems += [
                    f"{visit.address}: {each}" for each in (page.as_document() if whole else page.problems)
                ]
        none(problems)

    def test_waits_for_few_statements(self, owners: list[Visit]) -> None:
        problems = []
        for visit in owners:
            most = STATEMENTS_OF_A_RECORD if visit.address.rule.arguments else STATEMENTS_OF_A_LIST
            most, _reason = MANY_STATEMENTS.get(visit.address.endpoint, (most, ""))
            if visit.statements > most:
                problems.append(f"{visit.address}: {visit.statements} statements, {most} allowed")
        none(problems)

    def test_finds_no_dead_link(self, app: Flask, demo: Demo, owners: list[Visit], web: Web) -> None:
        browser, problems = web(demo.northwind.owner), []
        seen = {visit.address.path for visit in owners if visit.status in FOUND | ELSEWHERE}
        followed: Counter[tuple[str, str]] = Counter()
        for visit in owners:
            for link in visit.page.links if visit.page else ():
                target = urlsplit(urljoin(visit.address.path, link))
                place = f"{target.path}?{target.query}" if target.query else target.path
                if target.netloc or target.scheme or place in seen or place.startswith("/static/"):
                    continue
                seen.add(place)
                alike = (endpoint_of(app, target.path), re.sub(r"=[^&]*", "", target.query))
                followed[alike] += 1
                if followed[alike] > LINKS_ALIKE:
                    continue
                status = browser.get(place).status_code
                if status not in FOUND | ELSEWHERE:
                    problems.append(f"{visit.address} -> {place}: {status}")
        none(problems)


class TestAStranger:
    """The other partner's owner, who has every permission at home."""

    def test_finds_nothing_of_the_partner(
        self, app: Flask, demo: Demo, two_each: list[Address], visitor: Any
    ) -> None:
        stranger, secrets = visitor(demo.kontor.owner), foreign_to(demo.kontor, demo.northwind)
        problems = []
        for address in two_each:
            visit = stranger.visit(address)
            right = {404} if may(app, address, demo.kontor.owner) else {403, 404}
            if address.names_rows and visit.status not in right:
                problems.append(f"{address}: {visit.status}")
            if address.endpoint not in KEYED:
                problems += [f"{address}: shows {each}" for each in visit.shows(secrets)]
        none(problems)


class TestAClient:
    def test_sees_no_other_client_of_the_partner(self, demo: Demo, clients: list[Visit]) -> None:
        admin = demo.northwind.people["client.admin"]
        secrets = of_other_clients(demo.northwind, str(admin.client_id))
        problems = []
        for visit in clients:
            if visit.status >= 500:
                problems.append(f"{visit.address}: {visit.status}")
            if visit.address.endpoint not in KEYED:
                problems += [f"{visit.address}: shows {each}" for each in visit.shows(secrets)]
        none(problems)


class TestNobody:
    def test_is_asked_to_sign_in(self, app: Flask, one_each: list[Address], visitor: Any) -> None:
        nobody, problems = visitor(None), []
        for address in one_each:
            if is_public(app, address):
                continue
            visit = nobody.visit(address)
            if address.for_programs:
                right = visit.status == 401 and visit.mimetype == "application/problem+json"
            else:
                right = visit.status in ELSEWHERE and visit.location.startswith("/sign-in")
            if not right:
                problems.append(f"{address}: {visit.status} {visit.location}")
        none(problems)


class TestEachRole:
    def test_sees_what_the_table_of_permissions_allows(
        self, app: Flask, everyones: list[tuple[User, Visit]]
    ) -> None:
        problems = []
        for user, visit in everyones:
            at_home = {*FOUND, *ELSEWHERE, *([404] if user.client_id else [])}
            right = at_home if may(app, visit.address, user) else {403, 404}
            if visit.address.endpoint in MAY_LACK:
                right |= {404, 409}
            if visit.address.endpoint in E_INVOICES:
                right |= {422}
            if not is_public(app, visit.address) and visit.status not in right:
                problems.append(f"{user.role} at {visit.address}: {visit.status}")
        none(problems)

    def test_meets_no_link_that_refuses(self, app: Flask, everyones: list[tuple[User, Visit]]) -> None:
        """What a role may not do is not offered: a link that answers 403 is a dead end."""
        problems = []
        for user, visit in everyones:
            for link in visit.page.links if visit.page else ():
                endpoint = endpoint_of(app, urljoin(visit.address.path, link))
                needs = permission_of(app, endpoint, "GET") if endpoint else None
                if needs in PERMISSIONS and needs not in permissions_of(user.role):
                    problems.append(f"{user.role} at {visit.address.endpoint}: a link to {endpoint}: {needs}")
        none(problems)


def may(app: Flask, address: Address, user: User) -> bool:
    """Whether the address is public or the user's role includes its permission."""
    return is_public(app, address) or permission_of(app, address.endpoint, "GET") in permissions_of(user.role)


def is_public(app: Flask, address: Address) -> bool:
    """Whether it needs no sign-in."""
    return str(permission_of(app, address.endpoint, "GET")).startswith("public: ")


def endpoint_of(app: Flask, path: str) -> str:
    """The endpoint that a link leads to; empty for one that leaves the portal."""
    parts = urlsplit(path)
    adapter = app.url_map.bind("localhost")
    if parts.netloc or not parts.path.startswith("/") or not adapter.test(parts.path, method="GET"):
        return ""
    endpoint, _values = adapter.match(parts.path, method="GET")
    return str(endpoint)


def foreign_to(viewer: House, owner: House) -> set[str]:
    """What `viewer` must never read: ids of `owner`'s rows, names of its people and clients, its numbers."""
    with db.unit_of_work(owner.tenant) as session:
        found = set(ids_of(session, ""))
        for column, table in (
            ("name", "client"), ("email", "client"), ("legal_name", "client"), ("email", "app_user"),
            ("number", "invoice"), ("serial", "asset"),
        ):  # fmt: skip
            found |= set(session.scalars(sa.text(f"select {column} from {table} where {column} is not null")))
    with db.unit_of_work(viewer.tenant) as session:
        # Numbers run in each partner's own series, so both have some in common.
        own = set(session.scalars(sa.text("select number from invoice where number is not null")))
        own |= set(session.scalars(sa.text("select serial from asset where serial is not null")))
    return found - own - {COMPANY_ID}  # a word of every page, and the id of each partner's one row


def of_other_clients(house: House, client_id: str) -> set[str]:
    """What one client must never read of the others of its partner."""
    with db.unit_of_work(Tenant(house.partner.id)) as session:
        found = set(ids_of(session, client_id))
        for column, table, owner in (
            ("name", "client", "id"), ("email", "client", "id"), ("legal_name", "client", "id"),
            ("number", "invoice", "client_id"), ("number", "lease", "client_id"),
            ("tag", "asset", "client_id"), ("serial", "asset", "client_id"),
        ):  # fmt: skip
            statement = f"select {column} from {table} where {owner} <> :client and {column} is not null"
            found |= set(session.scalars(sa.text(statement), {"client": client_id}))
    return found


def ids_of(session: Any, but_client: str) -> Iterator[str]:
    """Ids of every partner-owned row in the transaction's name; with a client, of other clients' rows."""
    for mapper in Base.registry.mappers:
        kind = mapper.class_
        if not issubclass(kind, PartnerOwned):
            continue
        statement = sa.select(kind.id)
        if but_client:
            if "client_id" not in mapper.columns:
                continue
            statement = statement.where(mapper.columns["client_id"] != but_client)
        yield from session.scalars(statement)
