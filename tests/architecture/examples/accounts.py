"""Examples of the changing routes of sign-in, account, team, tokens, clients, branding, audit, operator."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime, timedelta

from sqlalchemy.orm import Session

from haas.accounts import one_time_links, second_factor, sites, tokens
from haas.auth import totp
from haas.auth.models import Passkey, PortalSession, User
from haas.auth.permissions import permissions_of
from haas.auth.tokens import keyed_hash
from haas.ids import new_id, new_secret
from tests.architecture.examples import Example
from tests.cast import PASSWORD, PEPPER, Cast

NEW_PASSWORD = "seventeen purple walruses"
OWN = "everyone changes only their own account"
OWN_PARTNER = "it acts on the caller's own partner; there is no id to guess"
DESK = "the operator's desk is closed to every partner"


def now() -> datetime:
    return datetime.now(UTC)


def link(purpose: str):
    def prepare(session: Session, cast: Cast) -> Mapping[str, str]:
        ana = session.get_one(User, cast.ana.id)
        secret = one_time_links.make_link(session, ana, purpose=purpose, pepper=PEPPER, now=now())
        return {"secret": secret}

    return prepare


def browser_of_ana(session: Session, cast: Cast) -> Mapping[str, str]:
    opened = PortalSession(
        id=new_id("ses"),
        token_hash=keyed_hash(new_secret(), pepper=PEPPER, purpose="portal_session"),
        user_id=cast.ana.id,
        partner_id=cast.northwind.id,
        created_at=now(),
        seen_at=now(),
        expires_at=now() + timedelta(days=1),
    )
    session.add(opened)
    return {"session_id": opened.id}


def app_begun(session: Session, cast: Cast) -> Mapping[str, str]:
    ana = session.get_one(User, cast.ana.id)
    secret = second_factor.begin_enrolment(session, ana, secret_key=PEPPER)
    return {"code": totp.code_at(secret, now())}


def app_unconfirmed(session: Session, cast: Cast) -> Mapping[str, str]:
    app_begun(session, cast)
    return {}


def passkey_of_ana(session: Session, cast: Cast) -> Mapping[str, str]:
    passkey = Passkey(
        id=new_secret(),
        user_id=cast.ana.id,
        partner_id=cast.northwind.id,
        name="my laptop",
        public_key=b"-",
        sign_count=0,
        created_at=now(),
    )
    session.add(passkey)
    return {"passkey_id": passkey.id}


def ben(session: Session, cast: Cast) -> Mapping[str, str]:
    return {"user_id": cast.ben.id}


def ben_disabled(session: Session, cast: Cast) -> Mapping[str, str]:
    session.get_one(User, cast.ben.id).disabled_at = now()
    return {"user_id": cast.ben.id}


def ben_invited(session: Session, cast: Cast) -> Mapping[str, str]:
    session.get_one(User, cast.ben.id).password_hash = None
    return {"user_id": cast.ben.id}


def token_of_ana(session: Session, cast: Cast) -> Mapping[str, str]:
    token, _ = tokens.create_token(
        session,
        cast.tenant,
        user=cast.ana,
        held=permissions_of(cast.ana.role),
        name="a program",
        scopes=["asset.read"],
        lasts_days=30,
        pepper=PEPPER,
        now=now(),
    )
    return {"token_id": token.id}


def acme(session: Session, cast: Cast) -> Mapping[str, str]:
    return {"client_id": cast.acme.id}


def acme_site(session: Session, cast: Cast) -> Mapping[str, str]:
    return {"site_id": cast.acme_site.id}


def acme_site_archived(session: Session, cast: Cast) -> Mapping[str, str]:
    sites.archive_site(session, cast.tenant, site_id=cast.acme_site.id, now=now())
    return {"site_id": cast.acme_site.id}


def northwind(session: Session, cast: Cast) -> Mapping[str, str]:
    return {"partner_id": cast.northwind.id}


CLIENT = {
    "name": "Umbrella",
    "email": "ap@umbrella.example",
    "country": "US",
    "currency": "USD",
    "language": "en",
    "time_zone": "America/New_York",
}
SITE = {"name": "Annex", "country": "US", "time_zone": "America/New_York"}
BRANDING = {
    "display_name": "Brightside",
    "legal_name": "Brightside Inc.",
    "accent_colour": "#aa3300",
    "page_size": "letter",
}
NEW_PARTNER = {
    "name": "Fabrikam",
    "legal_name": "Fabrikam GmbH",
    "country": "DE",
    "currency": "EUR",
    "language": "de",
    "time_zone": "Europe/Berlin",
    "owner_name": "Otto Owner",
    "owner_email": "otto@fabrikam.example",
}


def twice(password: str = NEW_PASSWORD) -> dict[str, str]:
    return {"password": password, "password_again": password}


EXAMPLES = {
    # before sign-in
    "accounts.sign_in": Example(
        form=lambda cast, _: {"email": cast.ana.email, "password": PASSWORD}, user="nobody"
    ),
    "accounts.choose": Example(
        form={"email": "a@b.example", "choice": "made-up", "user_id": "usr_1"},
        user="nobody",
        audited=False,
        unaudited_because="a made-up choice is sent back to sign-in",
    ),
    "accounts.code": Example(
        form={"code": "123456"},
        user="nobody",
        audited=False,
        unaudited_because="a stranger is sent to sign-in; wrong codes are counted in test_sign_in.py",
    ),
    "accounts.passkey_options": Example(
        user="nobody", audited=False, unaudited_because="a challenge says nothing about anybody"
    ),
    "accounts.passkey": Example(
        form={"credential": "{}"},
        user="nobody",
        status=422,
        audited=False,
        unaudited_because="a real passkey needs a browser: tests/browser/test_passkeys.py",
    ),
    "accounts.forgotten": Example(form=lambda cast, _: {"email": cast.ana.email}, user="nobody"),
    "accounts.reset_password": Example(
        prepare=link(one_time_links.PASSWORD_RESET), form=twice(), user="nobody"
    ),
    "accounts.invitation": Example(prepare=link(one_time_links.INVITATION), form=twice(), user="nobody"),
    "accounts.sign_out": Example(cleo=302, cleo_because=OWN),
    # one's own account
    "account.save": Example(
        form={"name": "Ana Maria", "language": "de", "time_zone": "Europe/Berlin"},
        cleo=302,
        cleo_because=OWN,
    ),
    "account.change_password": Example(
        form={"current_password": PASSWORD, **twice()}, cleo=302, cleo_because=OWN
    ),
    "account.end_session": Example(prepare=browser_of_ana),
    "account.end_other_sessions": Example(prepare=browser_of_ana, cleo=302, cleo_because=OWN),
    "account.confirm": Example(form={"password": PASSWORD}, cleo=302, cleo_because=OWN),
    "account.confirm_options": Example(
        audited=False,
        unaudited_because="a challenge says nothing about anybody",
        cleo=200,
        cleo_because=OWN,
    ),
    "account.confirm_by_passkey": Example(
        form={"credential": "{}"},
        status=422,
        audited=False,
        unaudited_because="a real passkey needs a browser: tests/browser/test_passkeys.py",
        cleo=422,
        cleo_because=OWN,
    ),
    "factors.begin_app": Example(cleo=302, cleo_because=OWN),
    "factors.confirm_app": Example(
        prepare=app_begun, form=lambda _, values: {"code": values["code"]}, cleo=302, cleo_because=OWN
    ),
    "factors.remove_app": Example(prepare=app_unconfirmed, cleo=409, cleo_because=OWN),
    "factors.renew_codes": Example(
        status=409,
        audited=False,
        unaudited_because="without an app there are no codes; with one: test_second_factor.py",
        cleo=409,
        cleo_because=OWN,
    ),
    "factors.passkey_options": Example(
        audited=False,
        unaudited_because="a challenge says nothing about anybody",
        cleo=200,
        cleo_because=OWN,
    ),
    "factors.add_passkey": Example(
        form={"credential": "{}", "name": "my laptop"},
        audited=False,
        unaudited_because="a real passkey needs a browser: tests/browser/test_passkeys.py",
        cleo=302,
        cleo_because=OWN,
    ),
    "factors.rename_passkey": Example(prepare=passkey_of_ana, form={"name": "old laptop"}),
    "factors.remove_passkey": Example(prepare=passkey_of_ana),
    # the house
    "team.invite": Example(
        form={"name": "Zoe", "email": "zoe@example.test", "role": "partner.sales"},
        cleo=302,
        cleo_because=OWN_PARTNER,
    ),
    "team.change_role": Example(prepare=ben, form={"role": "partner.sales"}),
    "team.disable": Example(prepare=ben),
    "team.enable": Example(prepare=ben_disabled),
    "team.invite_again": Example(
        prepare=ben_invited, audited=False, unaudited_because="the new link is audited when the job makes it"
    ),
    "tokens.create": Example(
        form={"name": "reports", "scopes": ["asset.read"], "lasts_days": "30"},
        cleo=200,
        cleo_because=OWN_PARTNER,
    ),
    "tokens.revoke": Example(prepare=token_of_ana),
    "branding.save": Example(form=BRANDING, cleo=302, cleo_because=OWN_PARTNER),
    "branding.preview": Example(
        form=BRANDING,
        audited=False,
        unaudited_because="nothing is kept",
        cleo=200,
        cleo_because=OWN_PARTNER,
    ),
    "settings.save": Example(
        form={
            "name": "Northwind",
            "legal_name": "Northwind IT Inc.",
            "language": "en",
            "time_zone": "America/Chicago",
            "currency": "USD",
            "currency_policy": "per_client",
            "payment_terms_days": "30",
        },
        cleo=302,
        cleo_because=OWN_PARTNER,
    ),
    "company_api.edit_company": Example(json={"city": "Boston"}, cleo=200, cleo_because=OWN_PARTNER),
    "company.save": Example(
        form={"legal_name": "Northwind IT Inc.", "country": "US", "damages": "taxed", "city": "Boston"},
        cleo=303,
        cleo_because=OWN_PARTNER,
    ),
    "audit.verify": Example(cleo=200, cleo_because=OWN_PARTNER),
    # clients and sites
    "clients.create": Example(form=CLIENT, cleo=302, cleo_because=OWN_PARTNER),
    "clients.edit": Example(prepare=acme, form={**CLIENT, "number": "C-0077"}),
    "clients.archive": Example(prepare=acme),
    "clients.restore": Example(
        prepare=acme, audited=False, unaudited_because="a client in use is not changed by restoring it"
    ),
    "sites.create": Example(prepare=acme, form=SITE),
    "sites.edit": Example(prepare=acme_site, form=SITE),
    "sites.archive": Example(prepare=acme_site),
    "sites.restore": Example(prepare=acme_site_archived),
    # the operator
    "operator.create": Example(form=NEW_PARTNER, user="olga", cleo=403, cleo_because=DESK),
    "operator.suspend": Example(prepare=northwind, user="olga", cleo=403, cleo_because=DESK),
    "operator.resume": Example(
        prepare=northwind,
        user="olga",
        audited=False,
        unaudited_because="a partner in use is not changed by resuming it",
        cleo=403,
        cleo_because=DESK,
    ),
    "operator.enter": Example(
        prepare=northwind, form={"reason": "ticket 7"}, user="olga", cleo=403, cleo_because=DESK
    ),
    "operator.leave": Example(
        user="olga",
        audited=False,
        unaudited_because="whoever is at the desk has nothing to leave; test_operator.py leaves a partner",
        cleo=403,
        cleo_because=DESK,
    ),
    # programs
    "clients_api.create_client": Example(
        json={"name": "Umbrella", "email": "ap@umbrella.example"}, cleo=201, cleo_because=OWN_PARTNER
    ),
    "clients_api.edit_client": Example(prepare=acme, json={"phone": "+1 555 0100"}),
    "clients_api.archive_client": Example(prepare=acme),
    "clients_api.restore_client": Example(
        prepare=acme, audited=False, unaudited_because="a client in use is not changed by restoring it"
    ),
    "sites_api.create_site": Example(json=lambda cast, _: {"client_id": cast.acme.id, "name": "Annex"}),
    "sites_api.edit_site": Example(prepare=acme_site, json={"contact": "Front desk"}),
    "sites_api.archive_site": Example(prepare=acme_site),
    "sites_api.restore_site": Example(prepare=acme_site_archived),
    "tokens_api.revoke_token": Example(prepare=token_of_ana),
    "audit_api.verify_chain": Example(cleo=201, cleo_because=OWN_PARTNER),
}
