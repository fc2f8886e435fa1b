"""Examples of the changing routes of charges, purchase orders, discounts and groupings."""

from __future__ import annotations

from collections.abc import Mapping
from decimal import Decimal
from io import BytesIO

from sqlalchemy.orm import Session

from haas.files import store_file
from invoicing.allowances.operations import NewRule, agree_rule
from invoicing.charges.operations import NewCharge, make_charge
from invoicing.purchase_orders.operations import add_order
from tests.architecture.examples import Example
from tests.architecture.examples.leases import LATER, an_agreement, in_service, of
from tests.cast import Cast
from tests.invoicing.world import a_rate
from tests.leases.fleet import day

FACTS = {"description": "Set-up", "unit_price": "120.00", "charged_on": "2026-04-01"}
RULE = {"reason": "Loyalty", "percent": "2.5", "valid_from": "2026-01-01"}


def a_client(session: Session, cast: Cast) -> Mapping[str, str]:
    """Acme, with a tax rate."""
    a_rate(session, cast.tenant)
    return {"client_id": cast.acme.id}


def a_charge(session: Session, cast: Cast, *, recurs: str = "once") -> Mapping[str, str]:
    """120.00 that waits for the next run."""
    a_rate(session, cast.tenant)
    wanted = NewCharge(
        client_id=cast.acme.id,
        description="Set-up",
        unit_price=Decimal(120),
        charged_on=day("2026-04-01"),
        recurs=recurs,
    )
    return {"charge_id": make_charge(session, cast.tenant, wanted=wanted, at=LATER).id}


def a_monthly_charge(session: Session, cast: Cast) -> Mapping[str, str]:
    """120.00 each month."""
    return a_charge(session, cast, recurs="monthly")


def an_order(session: Session, cast: Cast) -> Mapping[str, str]:
    """An open order of Acme."""
    order = add_order(session, cast.tenant, client_id=cast.acme.id, number="4500017", at=LATER)
    return {"order_id": order.id, "client_id": cast.acme.id}


def a_rule(session: Session, cast: Cast) -> Mapping[str, str]:
    """2.5 % off Acme's papers."""
    wanted = NewRule(
        client_id=cast.acme.id, reason="Loyalty", percent=Decimal("2.5"), valid_from=day("2026-01-01")
    )
    rule = agree_rule(session, cast.tenant, wanted=wanted, at=LATER)
    return {"rule_id": rule.id, "client_id": cast.acme.id}


def in_service_of_acme(session: Session, cast: Cast) -> Mapping[str, str]:
    """A lease of Acme in service."""
    return {**in_service(session, cast), "client_id": cast.acme.id}


def a_table(session: Session, cast: Cast) -> Mapping[str, str]:
    """A table of one charge that was looked at."""
    content = f"client,text,price,date,reference\n{cast.acme.number},A,1,2026-04-01,R-1\n".encode()
    stored = store_file(
        session, cast.tenant, kind="charge_import", name="c.csv", media_type="text/csv", content=content
    )
    return {"file_id": stored.id}


EXAMPLES: dict[str, Example | list[Example]] = {
    "charges_api.make_charge": Example(a_client, json=of("client_id", **FACTS), status=201),
    "charges_api.void_charge": Example(a_charge, json={"reason": "Twice"}, status=200),
    "charges_api.end_charge": Example(a_monthly_charge, json={"until": "2026-12-01"}, status=200),
    "charges_api.bill_charge": Example(a_charge, status=200),
    "charges_api.import_charges": Example(
        json=lambda cast, _: {
            "csv": f"client,text,price,date,reference\n{cast.acme.number},Set-up,12.50,2026-04-01,R-1\n",
            "dry_run": False,
        },
        status=200,
        cleo=200,
        cleo_because="a client's number means Contoso's own",
    ),
    "charges.new": Example(a_client, form=of("client_id", **FACTS), status=303),
    "charges.void": Example(a_charge, form={"reason": "Twice"}, status=303),
    "charges.end": Example(a_monthly_charge, form={"until": "2026-12-01"}, status=303),
    "charges.bill": Example(a_charge, status=303),
    "charges.bring_in": Example(
        a_client,
        form=lambda cast, _: {
            "file": (
                BytesIO(
                    f"client,text,price,date,reference\n{cast.acme.number},A,1,2026-04-01,R-1\n".encode()
                ),
                "charges.csv",
            )
        },
        status=200,
        cleo=200,
        cleo_because="a client's number means Contoso's own",
    ),
    "charges.confirm_import": Example(a_table, form=of("file_id"), status=303),
    "billing_terms.part": Example(a_client, form={"grouping": "site"}, status=303),
    "billing_terms.add_order": Example(a_client, form={"number": "PO-1"}, status=303),
    "billing_terms.close_order": Example(an_order, status=303),
    "billing_terms.reopen_order": Example(
        an_order, status=303, audited=False, unaudited_because="it is open already, and nothing changes"
    ),
    "billing_terms.name_order": Example(
        in_service_of_acme,
        form=of("lease_id"),
        status=303,
        audited=False,
        unaudited_because="it is under none, and nothing changes",
    ),
    "billing_terms.agree_rule": Example(a_client, form={**RULE, "position": "10"}, status=303),
    "billing_terms.end_rule": Example(a_rule, form={"until": "2026-12-01"}, status=303),
    "purchase_orders_api.add_order": Example(a_client, json=of("client_id", number="PO-1"), status=201),
    "purchase_orders_api.change_order": Example(an_order, json={"amount_limit": "900.00"}, status=200),
    "purchase_orders_api.close_order": Example(an_order, status=200),
    "purchase_orders_api.reopen_order": Example(
        an_order, status=200, audited=False, unaudited_because="it is open already, and nothing changes"
    ),
    "allowance_rules_api.agree_rule": Example(a_client, json=of("client_id", **RULE), status=201),
    "allowance_rules_api.end_rule": Example(a_rule, json={"until": "2026-12-01"}, status=200),
    "grouping_api.part_client": Example(a_client, json={"grouping": "site"}, status=200),
    "grouping_api.part_agreement": Example(an_agreement, json={"grouping": "lease"}, status=200),
    "grouping_api.name_order": Example(
        in_service,
        json={"purchase_order_id": None},
        status=204,
        audited=False,
        unaudited_because="it is under none, and nothing changes",
    ),
}
