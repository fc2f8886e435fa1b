"""REST: /v1/clients, /v1/sites, /v1/tokens, /v1/me, /v1/audit."""

from __future__ import annotations

from typing import Any

from flask_smorest import Blueprint

from haas import clock
from haas.accounts import audit_log, client_parts, clients, sites, tokens
from haas.accounts.schemas import (
    AuditEntryResource,
    AuditListed,
    ChainResource,
    ClientChange,
    ClientDetail,
    ClientDetailResource,
    ClientListed,
    ClientRequest,
    ClientResource,
    MeResource,
    SiteChange,
    SiteListed,
    SiteRequest,
    SiteResource,
    TokenResource,
)
from haas.auth.caller import current_caller, requires
from haas.rest.etags import demand_match, etag_of
from haas.rest.openapi import Paged, page_of
from haas.rest.paging import Page

clients_api = Blueprint("clients_api", __name__, url_prefix="/v1/clients", description="Clients")
sites_api = Blueprint("sites_api", __name__, url_prefix="/v1/sites", description="Sites of clients")
tokens_api = Blueprint("tokens_api", __name__, url_prefix="/v1/tokens", description="API tokens")
me_api = Blueprint("me_api", __name__, url_prefix="/v1/me", description="The caller")
audit_api = Blueprint("audit_api", __name__, url_prefix="/v1/audit", description="The audit trail")

Answer = dict[str, Any]


@clients_api.get("")
@requires("client.read")
@clients_api.arguments(ClientListed, location="query")
@clients_api.response(200, page_of(ClientResource))
def list_clients(query: dict[str, Any]) -> Answer:
    """Clients by name."""
    caller = current_caller()
    page = clients.list_clients(
        caller.session,
        caller.tenant,
        search=query["q"],
        archived=query["archived"],
        cursor=query.get("cursor"),
        limit=query["limit"],
    )
    return _page(page)


@clients_api.post("")
@requires("client.manage")
@clients_api.arguments(ClientRequest)
@clients_api.response(201, ClientResource)
def create_client(client: dict[str, Any]) -> Any:
    """Add a client."""
    caller = current_caller()
    made = clients.create_client(caller.session, caller.tenant, **client)
    return made, 201, {"Location": f"/v1/clients/{made.id}", "ETag": etag_of(made)}


@clients_api.get("/<client_id>")
@requires("client.read")
@clients_api.response(200, ClientDetailResource)
def get_client(client_id: str) -> Any:
    """One client, with what it owes against its limit."""
    caller = current_caller()
    found = clients.get_client(caller.session, caller.tenant, client_id=client_id)
    told = [tell(caller, found) for tell in client_parts.exposures]
    return ClientDetail(found, next(iter(told), None)), 200, {"ETag": etag_of(found)}


@clients_api.patch("/<client_id>")
@requires("client.manage")
@clients_api.arguments(ClientChange)
@clients_api.response(200, ClientResource)
def edit_client(changes: dict[str, Any], client_id: str) -> Any:
    """Change some of a client's facts. With If-Match, only if nobody changed it meanwhile."""
    caller = current_caller()
    demand_match(clients.get_client(caller.session, caller.tenant, client_id=client_id, lock=True))
    edited = clients.edit_client(caller.session, caller.tenant, client_id=client_id, changes=changes)
    return edited, 200, {"ETag": etag_of(edited)}


@clients_api.post("/<client_id>/archive")
@requires("client.manage")
@clients_api.response(200, ClientResource)
def archive_client(client_id: str) -> Any:
    """Put a client away; its people are signed out."""
    caller = current_caller()
    return clients.archive_client(caller.session, caller.tenant, client_id=client_id, now=clock.now())


@clients_api.post("/<client_id>/restore")
@requires("client.manage")
@clients_api.response(200, ClientResource)
def restore_client(client_id: str) -> Any:
    """Bring an archived client back."""
    caller = current_caller()
    return clients.restore_client(caller.session, caller.tenant, client_id=client_id)


@sites_api.get("")
@requires("site.read")
@sites_api.arguments(SiteListed, location="query")
@sites_api.response(200, page_of(SiteResource))
def list_sites(query: dict[str, Any]) -> Answer:
    """Sites by name, of one client or of all."""
    caller = current_caller()
    page = sites.list_sites(
        caller.session,
        caller.tenant,
        client_id=query.get("client_id"),
        archived=query["archived"],
        cursor=query.get("cursor"),
        limit=query["limit"],
    )
    return _page(page)


@sites_api.post("")
@requires("site.manage")
@sites_api.arguments(SiteRequest)
@sites_api.response(201, SiteResource)
def create_site(site: dict[str, Any]) -> Any:
    """Add a site to a client."""
    caller = current_caller()
    made = sites.create_site(caller.session, caller.tenant, **site)
    return made, 201, {"Location": f"/v1/sites/{made.id}", "ETag": etag_of(made)}


@sites_api.get("/<site_id>")
@requires("site.read")
@sites_api.response(200, SiteResource)
def get_site(site_id: str) -> Any:
    """One site."""
    caller = current_caller()
    found = sites.get_site(caller.session, caller.tenant, site_id=site_id)
    return found, 200, {"ETag": etag_of(found)}


@sites_api.patch("/<site_id>")
@requires("site.manage")
@sites_api.arguments(SiteChange)
@sites_api.response(200, SiteResource)
def edit_site(changes: dict[str, Any], site_id: str) -> Any:
    """Change some of a site's facts. With If-Match, only if nobody changed it meanwhile."""
    caller = current_caller()
    demand_match(sites.get_site(caller.session, caller.tenant, site_id=site_id, lock=True))
    edited = sites.edit_site(caller.session, caller.tenant, site_id=site_id, changes=changes)
    return edited, 200, {"ETag": etag_of(edited)}


@sites_api.post("/<site_id>/archive")
@requires("site.manage")
@sites_api.response(200, SiteResource)
def archive_site(site_id: str) -> Any:
    """Put a site away: nothing new is placed there."""
    caller = current_caller()
    return sites.archive_site(caller.session, caller.tenant, site_id=site_id, now=clock.now())


@sites_api.post("/<site_id>/restore")
@requires("site.manage")
@sites_api.response(200, SiteResource)
def restore_site(site_id: str) -> Any:
    """Bring an archived site back."""
    caller = current_caller()
    return sites.restore_site(caller.session, caller.tenant, site_id=site_id)


@tokens_api.get("")
@requires("token.manage")
@tokens_api.arguments(Paged, location="query")
@tokens_api.response(200, page_of(TokenResource))
def list_tokens(query: dict[str, Any]) -> Answer:
    """The partner's API tokens, oldest first. They are made in the portal, where they are shown once."""
    caller = current_caller()
    page = tokens.list_tokens(
        caller.session,
        caller.tenant,
        sort=tokens.TOKEN_SORTS["created"],
        cursor=query.get("cursor"),
        limit=query["limit"],
    )
    return _page(page)


@tokens_api.delete("/<token_id>")
@requires("token.manage")
@tokens_api.response(200, TokenResource)
def revoke_token(token_id: str) -> Any:
    """End a token at once."""
    caller = current_caller()
    return tokens.revoke_token(caller.session, caller.tenant, token_id=token_id, now=clock.now())


@me_api.get("")
@requires("account.self")
@me_api.response(200, MeResource)
def get_me() -> Answer:
    """Whose token this is, for which partner, and what it may do."""
    caller = current_caller()
    return {
        "user": caller.user,
        "partner": caller.partner,
        "permissions": sorted(caller.identity.permissions),
        "token_id": caller.identity.token_id,
    }


@audit_api.get("")
@requires("audit.read")
@audit_api.arguments(AuditListed, location="query")
@audit_api.response(200, page_of(AuditEntryResource))
def list_audit(query: dict[str, Any]) -> Answer:
    """The audit trail, newest first."""
    caller = current_caller()
    cursor, limit = query.pop("cursor", None), query.pop("limit")
    wanted = audit_log.Filter(**query, zone=caller.partner.time_zone)
    return _page(
        audit_log.list_entries(caller.session, caller.tenant, wanted=wanted, cursor=cursor, limit=limit)
    )


@audit_api.post("/verifications")
@requires("audit.read")
@audit_api.response(201, ChainResource)
def verify_chain() -> Any:
    """Recompute the whole chain, and note that it was done."""
    caller = current_caller()
    return audit_log.verify_chain(caller.session, caller.tenant)


def _page(page: Page[Any]) -> Answer:
    return {"items": page.rows, "next": page.older}
