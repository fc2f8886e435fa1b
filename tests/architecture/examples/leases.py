"""Examples of the leases' changing routes: agreements, leases, hand-over, swaps, returns, books."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

from sqlalchemy.orm import Session

from devices.queries import get_asset
from leases import handover, operations, proposals, returns
from leases.models import Lease, Line
from tests.architecture.examples import Example
from tests.cast import Cast
from tests.leases.fleet import a_model, a_spare, day, lease_in_service
from tests.leases.verdicts import judged

ACCEPTED = datetime(2026, 3, 1, 15, 0, tzinfo=UTC)
LATER = datetime(2026, 9, 20, 15, 0, tzinfo=UTC)
DUE = "2026-12-31"
OWN = "asked for by the client's own people: a partner's user has no such permission"


def an_agreement(session: Session, cast: Cast) -> Mapping[str, str]:
    """A master agreement with Acme."""
    agreement = operations.create_agreement(session, cast.tenant, client_id=cast.acme.id, at=ACCEPTED)
    return {"agreement_id": agreement.id}


def _draft(session: Session, cast: Cast, *, kind: str = "asset") -> tuple[Lease, Line]:
    agreement = operations.create_agreement(session, cast.tenant, client_id=cast.acme.id, at=ACCEPTED)
    model = a_model(session, cast.tenant, at=ACCEPTED)
    lease = operations.draft_lease(
        session, cast.tenant, agreement_id=agreement.id, term_months=36, at=ACCEPTED
    )
    line = operations.add_line(
        session,
        cast.tenant,
        lease_id=lease.id,
        at=ACCEPTED,
        kind=kind,
        description="ThinkPad T14",
        unit_price=Decimal(30),
        model_id=model.id if kind == "asset" else None,
    )
    return lease, line


def a_draft(session: Session, cast: Cast) -> Mapping[str, str]:
    """A draft with one line."""
    lease, line = _draft(session, cast)
    return {"lease_id": lease.id, "line_id": line.id}


def a_quote(session: Session, cast: Cast, *, kind: str = "asset") -> Mapping[str, str]:
    """An offer that holds for years."""
    lease, line = _draft(session, cast, kind=kind)
    operations.quote(session, cast.tenant, lease_id=lease.id, valid_until=day("2099-01-01"), at=ACCEPTED)
    return {"lease_id": lease.id, "line_id": line.id}


def accepted(session: Session, cast: Cast, *, kind: str = "asset") -> Mapping[str, str]:
    """An accepted lease with an empty place, and a spare that fits it."""
    made = a_quote(session, cast, kind=kind)
    lease = operations.accept(
        session,
        cast.tenant,
        lease_id=made["lease_id"],
        signer="Ada",
        accepted_on=ACCEPTED.date(),
        at=ACCEPTED,
    )
    if kind != "asset":
        return made
    line = session.get_one(Line, (cast.northwind.id, made["line_id"]))
    model = a_model(session, cast.tenant, name="Spare", at=ACCEPTED)
    line.model_id = model.id
    spare = a_spare(session, cast.tenant, model=model, at=ACCEPTED)
    return {**made, "lease_id": lease.id, "asset_id": spare.id}


def services_only(session: Session, cast: Cast) -> Mapping[str, str]:
    """An accepted lease without hardware."""
    return accepted(session, cast, kind="service")


def reserved(session: Session, cast: Cast) -> Mapping[str, str]:
    """A lease with a device reserved for it."""
    made = accepted(session, cast)
    handover.reserve(
        session,
        cast.tenant,
        lease_id=made["lease_id"],
        line_id=made["line_id"],
        asset_id=made["asset_id"],
        at=ACCEPTED,
    )
    return made


def shipped(session: Session, cast: Cast) -> Mapping[str, str]:
    """A lease with a device under way for it."""
    made = reserved(session, cast)
    handover.ship(session, cast.tenant, asset_id=made["asset_id"], at=ACCEPTED)
    return made


def in_service(session: Session, cast: Cast) -> Mapping[str, str]:
    """A device in service at Acme, and a spare of its model."""
    made = lease_in_service(session, cast.tenant, client_id=cast.acme.id, accepted_at=ACCEPTED)
    spare = a_spare(session, cast.tenant, model=made.model, at=ACCEPTED)
    return {
        "lease_id": made.lease.id,
        "asset_id": made.assets[0].id,
        "spare_id": spare.id,
        "serial": made.assets[0].serial or "",
    }


def failing(session: Session, cast: Cast) -> Mapping[str, str]:
    """A device in service that fails, so that its swap is proposed."""
    made = in_service(session, cast)
    asset = get_asset(session, cast.tenant, asset_id=made["asset_id"])
    judged(session, cast.tenant, asset=asset, verdict="failing", at=LATER)
    proposal = proposals.reconsider(session, cast.tenant, asset_id=asset.id, at=LATER)
    assert proposal is not None
    return {**made, "proposal_id": proposal.id}


def under_notice(session: Session, cast: Cast) -> Mapping[str, str]:
    """A lease that ends."""
    made = in_service(session, cast)
    operations.give_notice(
        session, cast.tenant, lease_id=made["lease_id"], noticed_on=day("2026-09-20"), at=LATER
    )
    return made


def a_return(session: Session, cast: Cast, *, until: str = "requested") -> Mapping[str, str]:
    """A return order, brought as far as `until`."""
    made = in_service(session, cast)
    order = returns.request_return(
        session,
        cast.tenant,
        asset_id=made["asset_id"],
        reason="scale down",
        notice_on=day("2026-09-01"),
        due_on=day("2026-09-30"),
        at=LATER - timedelta(days=3),
    )
    found = {**made, "return_id": order.id}
    if until == "requested":
        return found
    returns.collect(session, cast.tenant, return_id=order.id, at=LATER - timedelta(days=1))
    if until == "collected":
        return found
    returns.receive(session, cast.tenant, return_id=order.id, at=LATER, serial_seen=made["serial"])
    if until == "received":
        return found
    returns.inspect(
        session,
        cast.tenant,
        return_id=order.id,
        at=datetime.now(UTC),
        grade="C",
        repair_cost=Decimal(80),
        fair_market_value=Decimal(310),
        damage_notes="Cracked lid",
    )
    return found


def collected(session: Session, cast: Cast) -> Mapping[str, str]:
    """A return on its way."""
    return a_return(session, cast, until="collected")


def received(session: Session, cast: Cast) -> Mapping[str, str]:
    """A return on the dock."""
    return a_return(session, cast, until="received")


def inspected(session: Session, cast: Cast) -> Mapping[str, str]:
    """A return with a charge that may be disputed."""
    return a_return(session, cast, until="inspected")


def of(*names: str, **fixed: Any) -> Callable[[Cast, Mapping[str, str]], dict[str, Any]]:
    """A body of some of the prepared ids and fixed values; `a=b` takes the id `b` under the name `a`."""

    def body(_cast: Cast, values: Mapping[str, str]) -> dict[str, Any]:
        picked = {}
        for name in names:
            key, _, source = name.partition("=")
            picked[key] = values[source or key]
        return {**picked, **fixed}

    return body


def of_acme(cast: Cast, values: Mapping[str, str]) -> dict[str, Any]:
    """A new agreement with Acme."""
    return {"client_id": cast.acme.id}


AGREEMENT_FORM = {
    "number": "",
    "terms_version": "2026-01",
    "proration": "actual_period",
    "day_count": "actual",
    "notice_days": "90",
    "payment_terms_days": "14",
    "holdover_rate_pct": "110",
    "flex_down_pct": "5",
    "acceptance_silent_days": "5",
    "damage_dispute_days": "14",
}
TERMS_FORM = {
    "title": "Laptops",
    "site_id": "",
    "term_months": "24",
    "timing": "advance",
    "anchor_day": "1",
    "interval_months": "1",
    "interim_rent": "1",
    "end_option": "return",
}
LINE_FORM = {"kind": "service", "description": "Care", "unit_price": "5.00", "count": "1"}
SIGNED = {"signer_name": "Ada Client"}
FINDINGS = {
    "grade": "C",
    "fair_market_value": "310.00",
    "repair_cost": "480.00",
    "damage_notes": "Cracked lid",
}
BOOK = {"method": "sum_of_years_digits", "life_months": 36, "residual_value": "100.00"}
BOOK_FORM = {
    **BOOK,
    "factor": "2",
    "total_units": "",
    "first_month": "full",
    "last_month": "none",
    "day_basis": "months",
}

EXAMPLES: dict[str, Example | list[Example]] = {
    # REST
    "agreements_api.create_agreement": Example(json=of_acme, status=201),
    "leases_api.create_lease": Example(an_agreement, json=of("agreement_id", term_months=36), status=201),
    "leases_api.edit_lease": Example(a_draft, json={"term_months": 24}),
    "leases_api.add_line": Example(
        a_draft, json={"kind": "service", "description": "Care", "unit_price": "5.00"}, status=201
    ),
    "leases_api.remove_line": Example(a_draft, status=204),
    "leases_api.quote": Example(a_draft, json={"valid_until": "2099-01-01"}),
    "leases_api.revise": Example(a_quote),
    "leases_api.accept": [
        Example(a_quote, json={"signer": "Ada Client"}),
        Example(a_quote, json={"signer": "Ada Client"}, user="ada"),
    ],
    "leases_api.activate": Example(services_only, json={"first_day": "2026-04-01"}),
    "leases_api.give_notice": Example(in_service, json={"noticed_on": "2026-09-20", "recall_assets": True}),
    "leases_api.withdraw_notice": Example(under_notice),
    "leases_api.renew": Example(in_service, json={"months": 12}),
    "leases_api.cancel": Example(a_draft, json={"reason": "Another offer won"}),
    "handover_api.reserve": Example(accepted, json=of("asset_id"), status=201),
    "handover_api.release": Example(reserved),
    "handover_api.ship": Example(reserved, json={"carrier": "Courier"}),
    "handover_api.accept": Example(shipped, json=SIGNED, status=201),
    "swaps_api.create_swap": Example(
        in_service, json=of("outgoing_id=asset_id", "incoming_id=spare_id", reason="fault"), status=201
    ),
    "swap_proposals_api.accept": [
        Example(failing, json={}, status=201),
        Example(failing, json=of("incoming_id=spare_id", condition="Clicks"), user="ben", status=201),
    ],
    "swap_proposals_api.dismiss": Example(failing, json={"reason": "A known counter"}),
    "returns_api.create_return": Example(
        in_service, json=of("asset_id", reason="scale down", due_on=DUE), status=201
    ),
    "return_requests_api.ask_return": Example(
        in_service,
        json=of("asset_id", reason="not needed", due_on=DUE),
        status=201,
        user="ada",
        cleo=403,
        cleo_because=OWN,
    ),
    "returns_api.collect": Example(a_return, json={"carrier": "Courier"}),
    "returns_api.receive": Example(collected, json=of("serial_seen=serial")),
    "returns_api.inspect": Example(received, json=FINDINGS),
    "returns_api.dispute": [Example(inspected), Example(inspected, user="ada")],
    "returns_api.settle": Example(inspected, json={"charge": "40.00"}),
    "returns_api.cancel": Example(a_return),
    "depreciation_api.change_conventions": Example(in_service, json=BOOK),
    "depreciation_api.record_usage": Example(
        lambda session, cast: {**in_service(session, cast), "month": "2026-04"}, json={"units": "120"}
    ),
    # pages
    "agreements.new": Example(
        form=lambda cast, values: {**AGREEMENT_FORM, "client_id": cast.acme.id}, status=303
    ),
    "leases.create": Example(an_agreement, form=of("agreement_id", **TERMS_FORM), status=303),
    "leases.edit": Example(a_draft, form=TERMS_FORM, status=303),
    "leases.lines": Example(a_draft, form=LINE_FORM, status=303),
    "leases.remove_line": Example(a_draft, status=303),
    "leases.quote": Example(a_draft, form={"valid_until": "2099-01-01"}, status=303),
    "leases.revise": Example(a_quote, status=303),
    "leases.accept": [
        Example(a_quote, form={"signer": "Ada", "accepted_on": "2026-03-02"}, status=303),
        Example(a_quote, form={"signer": "Ada"}, status=303, user="ada"),
    ],
    "leases.activate": Example(services_only, form={"first_day": "2026-04-01"}, status=303),
    "leases.notice": Example(
        in_service,
        form={"noticed_on": "2026-09-20", "reason": "", "recall_assets": "1", "confirmed": "1"},
        status=303,
    ),
    "leases.withdraw_notice": Example(under_notice, status=303),
    "leases.renew": Example(in_service, form={"months": "12", "confirmed": "1"}, status=303),
    "leases.cancel": Example(a_draft, form={"reason": "Another offer won"}, status=303),
    "leases.reserve": Example(accepted, form=of("asset_id"), status=303),
    "leases.reserve_all": Example(accepted, status=303),
    "leases.release": Example(reserved, status=303),
    "leases.ship": Example(reserved, form=of("asset_id", carrier="Courier"), status=303),
    "leases.sign": Example(shipped, form=of("asset_id", **SIGNED), status=303),
    "leases.asset_book": Example(in_service, form=BOOK_FORM, status=303),
    "swaps.create": Example(
        in_service,
        form=of("outgoing_id=asset_id", "incoming_id=spare_id", reason="fault", key="k-1"),
        status=303,
    ),
    "swaps.dismiss": Example(failing, form={"reason": "A known counter"}, status=303),
    "returns.new": Example(in_service, form=of("asset_id", reason="scale down", due_on=DUE), status=303),
    "returns.ask": Example(
        in_service,
        form=of("asset_id", reason="not needed", due_on=DUE),
        status=303,
        user="ada",
        cleo=403,
        cleo_because=OWN,
    ),
    "returns.collect": Example(a_return, form={"carrier": "Courier"}, status=303),
    "returns.receive": Example(collected, form=of("serial_seen=serial"), status=303),
    "returns.inspect": Example(
        received, form={**FINDINGS, "kit_present": "charger", "confirmed": "1"}, status=303
    ),
    "returns.dispute": [Example(inspected, status=303), Example(inspected, status=303, user="ada")],
    "returns.settle": Example(inspected, form={"charge": "40.00"}, status=303),
    "returns.cancel": Example(a_return, status=303),
}
