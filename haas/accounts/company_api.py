"""REST: /v1/company, the partner's own company details."""

from __future__ import annotations

from typing import Any

from flask_smorest import Blueprint

from haas.accounts import company
from haas.accounts.company_schemas import CompanyChange, CompanyResource
from haas.auth.caller import Caller, current_caller, requires
from haas.rest.etags import demand_match, etag_of
from haas.tenancy.company import Company

blueprint = Blueprint("company_api", __name__, url_prefix="/v1/company", description="The partner's company")


@blueprint.get("")
@requires("company.manage")
@blueprint.response(200, CompanyResource)
def get_company() -> Any:
    """Company details, tax numbers and bank accounts, as invoices will freeze them."""
    caller = current_caller()
    found = company.company_of(caller.session, caller.tenant)
    return _shape(caller, found), 200, {"ETag": etag_of(found)}


@blueprint.patch("")
@requires("company.manage")
@blueprint.arguments(CompanyChange)
@blueprint.response(200, CompanyResource)
def edit_company(changes: dict[str, Any]) -> Any:
    """Change some of them; accounts as a whole. With If-Match, only if nobody changed them meanwhile."""
    caller = current_caller()
    demand_match(company.company_of(caller.session, caller.tenant, lock=True))
    edited = company.edit_company(caller.session, caller.tenant, changes=changes)
    return _shape(caller, edited), 200, {"ETag": etag_of(edited)}


def _shape(caller: Caller, found: Company) -> dict[str, Any]:
    names = (*CompanyResource().fields.keys() - {"legal_name", "country"},)
    return {
        "legal_name": caller.partner.legal_name,
        "country": caller.partner.country,
        **{name: getattr(found, name) for name in names},
    }
