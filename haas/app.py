"""create_app(settings): extensions, blueprints, error handlers; nothing else builds a Flask app."""

from __future__ import annotations

import secrets
from importlib import import_module
from pathlib import Path
from typing import Any

from flask import Flask, Response, current_app, g, request
from flask_babel import Babel
from flask_wtf import CSRFProtect
from sqlalchemy import text
from werkzeug.middleware.proxy_fix import ProxyFix

from devices import asset_parts
from devices.views import FLEET
from haas import db, models
from haas.accounts import client_parts, clients
from haas.auth.caller import find_caller, public
from haas.auth.identify import PROGRAM_PATHS
from haas.portal import shell
from haas.rest import openapi, problems
from haas.rest.limits import limiter
from haas.saved_views.lists import join
from haas.settings import Settings
from haas.settings import use as use_settings
from invoicing.dunning.portal.invoice_part import tell_reminders
from invoicing.exposure import demand_within_limit
from invoicing.ledger.net_rents import tax_within
from invoicing.payments.portal.invoice_part import tell_payments
from invoicing.portal import asset_page as billed_assets
from invoicing.portal import exposure_part
from invoicing.portal.invoices import INVOICES
from invoicing.portal.invoices import parts as invoice_parts
from leases import classifying, credit, queries
from leases.portal import asset_page as leased_assets
from leases.portal.lists import LEASES

ROOT = Path(__file__).parent.parent
LANGUAGES = ("en", "de", "es")

# Every door of the product. `api` blueprints go to the OpenAPI document, the others are pages.
API_BLUEPRINTS: tuple[str, ...] = (
    "devices.api",
    "devices.api:exports_api",
    "devices.catalogue.api:pictures_api",
    "devices.catalogue.api:models_api",
    "devices.catalogue.api:imports_api",
    "devices.catalogue.api:scans_api",
    "devices.agents.api",
    "devices.agents.api:codes_api",
    "devices.agents.api:quarantine_api",
    "haas.alerts.api",
    "haas.alerts.api:routes_api",
    "haas.accounts.api:clients_api",
    "haas.accounts.api:sites_api",
    "haas.accounts.api:tokens_api",
    "haas.accounts.api:me_api",
    "haas.accounts.api:audit_api",
    "haas.accounts.company_api",
    "leases.api.agreements",
    "leases.api.leases",
    "leases.api.handover",
    "leases.api.swaps",
    "leases.api.swaps:of_lease",
    "leases.api.proposals",
    "leases.api.returns",
    "leases.api.returns:requests_api",
    "leases.api.books",
    "leases.api.asset_books",
    "leases.api.book_policies",
    "leases.api.profit",
    "leases.api.profit:assets_api",
    "leases.api.prices",
    "leases.api.prices:prices_api",
    "haas.agenda.api:calendar_api",
    "haas.agenda.api:cash_flow_api",
    "leases.api.prices:cards_api",
    "leases.api.price_rises",
    "leases.api.price_rises:indexes_api",
    "leases.api.ends:ends_api",
    "leases.api.ends:prices_api",
    "leases.api.ends:buyouts_api",
    "leases.api.ends:losses_api",
    "leases.api.ends:notes_api",
    "leases.api.ends:holdover_api",
    "leases.api.classification",
    "leases.api.funders",
    "leases.api.fundings",
    "leases.api.fundings:of_lease",
    "leases.quotes.api.quotes",
    "leases.quotes.api.needs:terms_api",
    "leases.quotes.api.needs:needs_api",
    "invoicing.api",
    "invoicing.deposits_api",
    "invoicing.charges_api",
    "invoicing.arrangements_api:orders_api",
    "invoicing.arrangements_api:rules_api",
    "invoicing.arrangements_api:grouping_api",
    "invoicing.statements_api",
    "invoicing.pro_forma.api",
    "invoicing.money.rates_api:exchange_rates_api",
    "invoicing.money.api:receipts_api",
    "invoicing.money.api:balances_api",
    "invoicing.money.api:refunds_api",
    "invoicing.offboarding_api:clients_api",
    "invoicing.offboarding_api:works_api",
    "invoicing.amendments_api",
    "invoicing.wholesale_api",
    "invoicing.api:runs_api",
    "invoicing.api:rates_api",
    "invoicing.api:exports_api",
    "invoicing.dunning.api:dunning_api",
    "invoicing.dunning.api:reports_api",
    "invoicing.dunning.forecast_api:forecast_api",
    "invoicing.dunning.api:disputes_api",
    "invoicing.dunning.api:invoices_api",
    "invoicing.bank.api:accounts_api",
    "invoicing.bank.api:statements_api",
    "invoicing.bank.api:lines_api",
    "invoicing.bank.debits_api:mandates_api",
    "invoicing.bank.debits_api:collections_api",
    "invoicing.bank.transfers_api:transfers_api",
    "invoicing.payments.api:accounts_api",
    "invoicing.payments.api:clients_api",
    "invoicing.payments.api:methods_api",
    "invoicing.payments.api:invoices_api",
    "invoicing.payments.api:attempts_api",
    "invoicing.payments.api:payouts_api",
    "invoicing.exports.api:profiles_api",
    "invoicing.exports.api:batches_api",
    "invoicing.ledger.api",
)
PAGE_BLUEPRINTS: tuple[str, ...] = (
    "devices.portal",
    "devices.moves_portal",
    "devices.catalogue.models_portal",
    "devices.catalogue.pictures_portal",
    "devices.catalogue.imports_portal",
    "devices.labels_portal",
    "devices.scan_portal",
    "devices.offline_portal",
    "haas.accounts.portal.sign_in",
    "haas.accounts.portal.account",
    "haas.accounts.portal.factors",
    "haas.accounts.portal.team",
    "haas.accounts.portal.tokens",
    "haas.accounts.portal.branding",
    "haas.accounts.portal.settings",
    "haas.accounts.portal.company",
    "haas.accounts.portal.clients",
    "haas.accounts.portal.sites",
    "haas.accounts.portal.audit",
    "haas.accounts.portal.operator",
    "haas.saved_views.portal",
    "invoicing.portal",
    "invoicing.portal.amendments",
    "invoicing.payments.webhook",
    "invoicing.payments.portal.settings",
    "invoicing.payments.portal.methods",
    "invoicing.payments.portal.invoices",
    "invoicing.payments.portal.by_link",
    "invoicing.payments.portal.payouts",
    "invoicing.portal.billing",
    "invoicing.portal.deposits",
    "invoicing.portal.credit",
    "invoicing.dunning.portal",
    "invoicing.dunning.portal.disputes",
    "invoicing.dunning.portal.forecast",
    "invoicing.dunning.portal.settings",
    "invoicing.bank.portal",
    "invoicing.portal.charges",
    "invoicing.pro_forma.portal",
    "invoicing.portal.billing_terms",
    "invoicing.portal.offboarding",
    "leases.portal.book_settings",
    "leases.portal.contract_settings",
    "invoicing.portal.exchange_rates",
    "invoicing.portal.taxes",
    "invoicing.exports.portal",
    "invoicing.portal.wholesale",
    "invoicing.portal.desk",
    "invoicing.ledger.portal",
    "devices.agent_api",
    "devices.agents.portal",
    "haas.alerts.portal",
    "haas.agenda.portal",
    "haas.portal.views:overview_pages",
    "haas.portal.views:search_pages",
    "haas.portal.jobs",
    "haas.portal.files",
    "haas.portal.reference",
    "leases.portal.doors:leases",
    "leases.portal.agreements",
    "leases.portal.prices",
    "leases.portal.funders",
    "leases.portal.fundings",
    "leases.portal.profit",
    "leases.portal.partner_profit",
    "leases.portal.swaps",
    "leases.portal.returns",
    "leases.portal.buyouts",
    "leases.quotes.portal.doors:quotes",
    "leases.quotes.portal.by_link",
    "leases.quotes.portal.texts",
    "leases.quotes.portal.needs",
)

CONTENT_SECURITY_POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data: blob:; font-src 'self';"
    " connect-src 'self'; manifest-src 'self'; worker-src 'self'; media-src 'self' blob:;"
    " form-action 'self'; base-uri 'none'; frame-ancestors 'none'"
)

csrf = CSRFProtect()


def create_app(settings: Settings) -> Flask:
    """The web application, connected to its database.

    :raises haas.db.WeakDatabaseRole: if the database role could bypass row-level security.
    """
    use_settings(settings)
    engine = db.configure(settings.database_url)
    with engine.connect() as connection:
        db.assert_safe_role(connection)

    app = Flask(
        "haas",
        root_path=str(ROOT / "haas"),
        template_folder=str(ROOT / "templates"),
        static_folder=None,
    )
    app.config.update(
        HAAS=settings,
        SECRET_KEY=settings.secret_key,
        TESTING=settings.testing,
        MAX_CONTENT_LENGTH=16 * 1024 * 1024,
        SESSION_COOKIE_NAME="haas",
        SESSION_COOKIE_HTTPONLY=True,
        SESSION_COOKIE_SAMESITE="Lax",
        SESSION_COOKIE_SECURE=settings.secure_cookies,
        WTF_CSRF_CHECK_DEFAULT=False,
        WTF_CSRF_TIME_LIMIT=None,  # lives as long as the session
        # flask-limiter knows a socket by another name than redis-py.
        RATELIMIT_STORAGE_URI=settings.redis_url.replace("unix://", "redis+unix://"),
        BABEL_DEFAULT_LOCALE="en",
        BABEL_TRANSLATION_DIRECTORIES=str(ROOT / "haas" / "translations"),
    )
    if settings.trusted_proxies:
        n = settings.trusted_proxies
        app.wsgi_app = ProxyFix(app.wsgi_app, x_for=n, x_proto=n, x_host=n)  # type: ignore[method-assign]

    csrf.init_app(app)
    limiter.init_app(app)
    Babel(app, locale_selector=_language, timezone_selector=_time_zone)
    problems.install(app)
    app.before_request(_name_request)
    app.before_request(problems.refuse_unreadable)
    app.before_request(_check_csrf)
    app.after_request(_secure)
    app.add_url_rule(
        "/healthz",
        "healthz",
        public("a probe of the load balancer")(limiter.exempt(_healthz)),
    )
    shell.install(app)
    _join()
    _register(app)
    return app


def _join() -> None:
    """What a lower room asks of a higher one, without knowing it."""
    if queries.running_lease not in clients.archive_obstacles:
        clients.archive_obstacles.append(queries.running_lease)
    if leased_assets.tell_history not in asset_parts.histories:
        asset_parts.histories.append(leased_assets.tell_history)
        asset_parts.money.append(leased_assets.tell_money)
        asset_parts.notices.append(leased_assets.tell_notice)
        asset_parts.papers += [leased_assets.tell_papers, billed_assets.tell_papers]
    if tell_payments not in invoice_parts:
        invoice_parts.extend((tell_payments, tell_reminders))
    if demand_within_limit not in credit.checks:
        credit.checks.append(demand_within_limit)
        client_parts.cards.append(exposure_part.tell_exposure)
        client_parts.over_limit.append(exposure_part.who_is_over)
        client_parts.exposures.append(exposure_part.exposure_told)
    if tax_within not in classifying.taxes_within:
        classifying.taxes_within.append(tax_within)
    join(FLEET, LEASES, INVOICES)


def _register(app: Flask) -> None:
    if not models.EVERY_TABLE:
        raise RuntimeError("no models were loaded")
    api = openapi.install(app)
    for name in API_BLUEPRINTS:
        api.register_blueprint(_named(name))
    for name in PAGE_BLUEPRINTS:
        app.register_blueprint(_named(name))


def _named(name: str) -> Any:
    module, _, attribute = name.partition(":")
    return getattr(import_module(module), attribute or "blueprint")


def _language() -> str:
    caller = find_caller()
    if caller is not None and caller.user.language in LANGUAGES:
        return caller.user.language
    return request.accept_languages.best_match(LANGUAGES) or "en"


def _time_zone() -> str | None:
    caller = find_caller()
    return caller.user.time_zone if caller is not None else None


def _name_request() -> None:
    g.request_id = secrets.token_hex(8)


def _check_csrf() -> None:
    if current_app.config["WTF_CSRF_ENABLED"] and not request.path.startswith(PROGRAM_PATHS):
        csrf.protect()


def _secure(answer: Response) -> Response:
    headers = answer.headers
    headers.setdefault("Content-Security-Policy", CONTENT_SECURITY_POLICY)
    headers.setdefault("Permissions-Policy", "camera=(), microphone=(), geolocation=()")
    headers["X-Content-Type-Options"] = "nosniff"
    headers["Referrer-Policy"] = "same-origin"
    headers["Cross-Origin-Opener-Policy"] = "same-origin"
    headers["X-Request-Id"] = g.get("request_id", "")
    if request.is_secure:
        headers["Strict-Transport-Security"] = "max-age=31536000; includeSubDomains"
    if "Cache-Control" not in headers:
        headers["Cache-Control"] = "no-store"
    return answer


def _healthz() -> dict[str, str]:
    with db.engine().connect() as connection:
        connection.execute(text("select 1"))
    return {"status": "ok"}
