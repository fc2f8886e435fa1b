"""REST: /v1/book-policies: by which conventions books open, and when later costs are capitalised."""

from __future__ import annotations

from typing import Any

from flask_smorest import Blueprint

from haas.auth.caller import current_caller, requires
from haas.errors import NotFound
from haas.tenancy.models import Partner
from leases import book_policies
from leases.book_policies import RepairPolicy
from leases.book_records import BOOK_NAMES
from leases.book_schemas import PolicyRequest, PolicyResource, RepairPolicyRequest, RepairPolicyResource

blueprint = Blueprint(
    "book_policies_api", __name__, url_prefix="/v1/book-policies", description="How books are kept"
)


@blueprint.get("")
@requires("depreciation.read")
@blueprint.response(200, PolicyResource(many=True))
def list_policies() -> list[dict[str, Any]]:
    """Every book that can be kept, with its conventions."""
    return [_told(current_caller().partner, name) for name in BOOK_NAMES]


@blueprint.put("/<book_name>")
@requires("depreciation.manage")
@blueprint.arguments(PolicyRequest)
@blueprint.response(200, PolicyResource)
def change_policy(policy: dict[str, Any], book_name: str) -> dict[str, Any]:
    """Keep a book by these conventions from now on: it opens with an asset's first service."""
    return _change(book_name, policy)


@blueprint.delete("/<book_name>")
@requires("depreciation.manage")
@blueprint.response(200, PolicyResource)
def drop_policy(book_name: str) -> dict[str, Any]:
    """Open this book no more; the financial one goes back to the usual conventions."""
    return _change(book_name, None)


@blueprint.put("/<book_name>/models/<model_id>")
@requires("depreciation.manage")
@blueprint.arguments(PolicyRequest)
@blueprint.response(200, PolicyResource)
def change_model_policy(policy: dict[str, Any], book_name: str, model_id: str) -> dict[str, Any]:
    """Keep the book otherwise for one hardware model."""
    return _change(book_name, policy, model_id=model_id)


@blueprint.delete("/<book_name>/models/<model_id>")
@requires("depreciation.manage")
@blueprint.response(200, PolicyResource)
def drop_model_policy(book_name: str, model_id: str) -> dict[str, Any]:
    """The hardware model goes by the book's own conventions again."""
    return _change(book_name, None, model_id=model_id)


@blueprint.get("/repairs")
@requires("depreciation.read")
@blueprint.response(200, RepairPolicyResource)
def get_repair_policy() -> RepairPolicy:
    """When later costs add to an asset's cost."""
    return book_policies.repair_policy(current_caller().partner)


@blueprint.put("/repairs")
@requires("depreciation.manage")
@blueprint.arguments(RepairPolicyRequest)
@blueprint.response(200, RepairPolicyResource)
def change_repair_policy(policy: dict[str, Any]) -> RepairPolicy:
    """Capitalise by this rule from now on."""
    caller = current_caller()
    partner = book_policies.change_repair_policy(caller.session, caller.tenant, **policy)
    return book_policies.repair_policy(partner)


def _change(book_name: str, policy: dict[str, Any] | None, model_id: str | None = None) -> dict[str, Any]:
    if book_name not in BOOK_NAMES:
        raise NotFound(f"There are the books {', '.join(BOOK_NAMES)}.")
    caller = current_caller()
    partner = book_policies.change_policy(
        caller.session, caller.tenant, name=book_name, conventions=policy, model_id=model_id
    )
    return _told(partner, book_name)


def _told(partner: Partner, name: str) -> dict[str, Any]:
    differing = book_policies.model_overrides(partner)
    return {
        "name": name,
        "kept": name in book_policies.kept_books(partner),
        "conventions": book_policies.policy_of(partner, name),
        "models": {model_id: own[name] for model_id, own in differing.items() if name in own},
    }
