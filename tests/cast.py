"""The cast: Northwind IT and Contoso; Ana owns, Ben is a technician, Cleo is at the other partner.

Each test gets partners of its own, committed: row-level security keeps tests apart, so nothing is cleaned up.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import cache

from argon2 import PasswordHasher

from haas import db
from haas.auth import permissions as roles
from haas.auth.models import ApiToken, PortalSession, User
from haas.auth.permissions import permissions_of
from haas.auth.tokens import keyed_hash, new_token
from haas.ids import new_id, new_secret
from haas.tenancy.company import COMPANY_ID, Company
from haas.tenancy.models import Client, Partner, Site
from haas.tenancy.scope import Platform, Tenant

NOW = datetime(2026, 6, 15, 9, 0, tzinfo=UTC)
PASSWORD = "correct horse battery staple"
PEPPER = "test-secret-key-of-more-than-thirty-two-characters"


@dataclass(frozen=True, slots=True)
class Cast:
    """Who plays in a test."""

    northwind: Partner
    contoso: Partner
    acme: Client  # Northwind's client, with a site
    globex: Client  # Northwind's other client
    initech: Client  # Contoso's client
    acme_site: Site
    globex_site: Site
    ana: User  # owner
    sam: User  # sales
    fay: User  # finance
    ben: User  # technician
    ada: User  # client admin at Acme
    vic: User  # client viewer at Acme
    cleo: User  # owner at Contoso
    olga: User  # operator admin

    @property
    def tenant(self) -> Tenant:
        """Northwind, with Ana at the desk."""
        return Tenant(self.northwind.id, actor=self.ana.id, door="portal")

    @property
    def stranger(self) -> Tenant:
        """Contoso, with Cleo at the desk."""
        return Tenant(self.contoso.id, actor=self.cleo.id, door="portal")

    @property
    def acme_tenant(self) -> Tenant:
        """What Acme's own people see of Northwind."""
        return Tenant(self.northwind.id, client_id=self.acme.id, actor=self.ada.id, door="portal")


def make_cast() -> Cast:
    """Two new partners with their people, committed."""
    northwind, contoso = _partner("Northwind IT", "USD"), _partner("Contoso Managed", "EUR")
    acme, globex = _client(northwind, "Acme Dental", "C-0001"), _client(northwind, "Globex Law", "C-0002")
    initech = _client(contoso, "Initech", "C-0001")
    acme_site, globex_site = _site(acme, "Main Street"), _site(globex, "Tower")
    people = {
        "ana": _user("Ana Owner", roles.OWNER, northwind),
        "sam": _user("Sam Sales", roles.SALES, northwind),
        "fay": _user("Fay Finance", roles.FINANCE, northwind),
        "ben": _user("Ben Technician", roles.TECHNICIAN, northwind),
        "ada": _user("Ada Client", roles.CLIENT_ADMIN, northwind, acme),
        "vic": _user("Vic Viewer", roles.CLIENT_VIEWER, northwind, acme),
        "cleo": _user("Cleo Stranger", roles.OWNER, contoso),
        "olga": _user("Olga Operator", roles.OPERATOR),
    }
    with db.unit_of_work(Platform("operator", actor="test", door="cli")) as session:
        session.add_all([northwind, contoso, people["olga"]])
    with db.unit_of_work(Tenant(northwind.id, actor="test", door="cli")) as session:
        session.add_all([acme, globex, company(northwind)])
        session.flush()
        session.add_all([acme_site, globex_site])
        session.add_all(user for user in people.values() if user.partner_id == northwind.id)
    with db.unit_of_work(Tenant(contoso.id, actor="test", door="cli")) as session:
        session.add_all([initech, company(contoso), people["cleo"]])
    return Cast(
        northwind=northwind,
        contoso=contoso,
        acme=acme,
        globex=globex,
        initech=initech,
        acme_site=acme_site,
        globex_site=globex_site,
        **people,
    )


def browser_session(user: User) -> str:
    """Sign `user` in without a browser; answers the token for the cookie."""
    token, now = new_secret(), datetime.now(UTC)
    scope = Tenant(user.partner_id) if user.partner_id else Platform("operator")
    with db.unit_of_work(scope) as session:
        session.add(
            PortalSession(
                id=new_id("ses"),
                token_hash=keyed_hash(token, pepper=PEPPER, purpose="portal_session"),
                user_id=user.id,
                partner_id=user.partner_id,
                created_at=now,
                seen_at=now,
                expires_at=now + timedelta(days=1),
            )
        )
    return token


def api_token(user: User, scopes: list[str] | None = None) -> str:
    """An API token of `user`, with all that the user may do unless `scopes` narrows it."""
    token_id, now = new_id("tok"), datetime.now(UTC)
    token = new_token(token_id)
    assert user.partner_id is not None
    with db.unit_of_work(Tenant(user.partner_id, actor=user.id)) as session:
        session.add(
            ApiToken(
                partner_id=user.partner_id,
                id=token_id,
                client_id=user.client_id,
                name="test",
                token_hmac=keyed_hash(token, pepper=PEPPER, purpose="api_token"),
                last_four=token[-4:],
                scopes=sorted(scopes if scopes is not None else permissions_of(user.role)),
                created_by=user.id,
                created_at=now,
                expires_at=now + timedelta(days=30),
            )
        )
    return token


def _partner(name: str, currency: str) -> Partner:
    partner_id = new_id("par")
    return Partner(
        id=partner_id,
        slug=f"{name.split(maxsplit=1)[0].lower()}-{partner_id[-10:]}",
        name=name,
        legal_name=f"{name} Inc.",
        country="US" if currency == "USD" else "DE",
        currency=currency,
        language="en",
        time_zone="America/New_York" if currency == "USD" else "Europe/Berlin",
        branding={},
        policies={},
        created_at=NOW,
    )


def company(partner: Partner) -> Company:
    """What no invoice goes without: a tax number whose check digits hold; and an account in its currency."""
    is_american = partner.country == "US"
    account = {"holder": partner.legal_name, "iban": "", "bic": "", "account_number": "", "bank_code": ""}
    if is_american:
        account |= {"account_number": "000123456789", "bank_code": "021000021"}
    else:
        account |= {"iban": "DE02120300000000202051", "bic": "BYLADEM1001"}
    return Company(
        partner_id=partner.id,
        id=COMPANY_ID,
        address=["1 Harbour Street"],
        postcode="10001" if is_american else "20457",
        city="New York" if is_american else "Hamburg",
        tax_id=_VAT_IDS.get(partner.country, ""),
        tax_registration="91-1144442" if is_american else "",
        accounts=[account | {"currency": partner.currency}],
        **dict.fromkeys(_BLANK, ""),
    )


_VAT_IDS = {"DE": "DE136695976", "IE": "IE6433435F"}
_BLANK = (
    "region", "legal_id", "tax_currency", "contact_name", "phone", "email", "endpoint_scheme", "endpoint_id",
    "creditor_id",
)  # fmt: skip


def _client(partner: Partner, name: str, number: str) -> Client:
    client_id = new_id("cli")
    return Client(
        partner_id=partner.id,
        id=client_id,
        client_id=client_id,
        number=number,
        name=name,
        name_norm=name.casefold(),
        legal_name=f"{name} LLC",
        email=f"ap@{number.lower()}.example",
        address=["1 Main Street", "Springfield"],
        country=partner.country,
        currency=partner.currency,
        time_zone=partner.time_zone,
        created_at=NOW,
    )


def _site(client: Client, name: str) -> Site:
    return Site(
        partner_id=client.partner_id,
        id=new_id("sit"),
        client_id=client.id,
        name=name,
        address=["1 Main Street", "Springfield"],
        country=client.country,
        time_zone=client.time_zone,
        created_at=NOW,
    )


def _user(name: str, role: str, partner: Partner | None = None, client: Client | None = None) -> User:
    user_id = new_id("usr")
    email = f"{name.split(maxsplit=1)[0].lower()}.{user_id[-8:]}@example.test"
    return User(
        id=user_id,
        level="client" if client else "partner" if partner else "operator",
        partner_id=partner.id if partner else None,
        client_id=client.id if client else None,
        role=role,
        name=name,
        email=email,
        email_norm=email,
        password_hash=_hashed(PASSWORD),
        created_at=NOW,
    )


@cache
def _hashed(password: str) -> str:
    # Cheap on purpose: the strength of the hash is tested where passwords are.
    return PasswordHasher(time_cost=1, memory_cost=8, parallelism=1).hash(password)
