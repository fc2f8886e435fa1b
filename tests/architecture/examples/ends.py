"""Examples of the changing routes of a lease's end: choices, buyouts, losses, the partner's rules."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

from sqlalchemy.orm import Session

from leases.ends import buyouts, choices
from leases.ends.choices import Wish
from leases.ends.places import places_on
from leases.ends.policy import EndPolicy, Method, Option
from leases.portal.ends import _policy_form
from tests.architecture.examples import Example
from tests.architecture.examples.leases import in_service, inspected, of
from tests.cast import Cast
from tests.leases.fleet import day

NOW = datetime.now(UTC)
CONTRACT_RULES = {
    "amendment_four_eyes": "1",
    "notice_days": "60",
    "purchase_lead_days": "10",
    "major_part": "80",
    "substantially_all": "90",
    "nominal_option": "1",
    "bargain_option": "50",
    "end_of_life": "25",
}
OWN_RULES = "it changes the caller's own rules: there is no id to hide"
PRICED = {"priced_on": "2026-11-30", "method": "fixed_pct"}


def on_a_line(session: Session, cast: Cast) -> Mapping[str, str]:
    """A device in service, with its line."""
    made = in_service(session, cast)
    (place,) = places_on(session, cast.tenant, lease_ids=[made["lease_id"]])
    return {**made, "line_id": place.line.id}


def chosen(session: Session, cast: Cast) -> Mapping[str, str]:
    """A device that is to come back."""
    made = on_a_line(session, cast)
    wish = Wish(made["line_id"], Option.RETURN)
    choices.choose(session, cast.tenant, lease_id=made["lease_id"], wishes=[wish], today=NOW.date(), at=NOW)
    return made


def offered(session: Session, cast: Cast) -> Mapping[str, str]:
    """A device offered to Acme."""
    made = in_service(session, cast)
    bought = buyouts.offer(
        session,
        cast.tenant,
        asset_id=made["asset_id"],
        priced_on=NOW.date(),
        today=NOW.date(),
        valid_until=day("2099-01-01"),
        method=Method.FIXED,
        at=NOW,
    )
    return {**made, "buyout_id": bought.id}


def a_wish(_cast: Cast, values: Mapping[str, str]) -> dict[str, Any]:
    """To buy the device."""
    return {"choices": [{"line_id": values["line_id"], "option": "buy"}]}


def a_wish_form(_cast: Cast, values: Mapping[str, str]) -> dict[str, Any]:
    """The same as a form sends it."""
    return {"choices-0-line_id": values["line_id"], "choices-0-option": "buy"}


def lost(**more: str) -> Any:
    """The device is lost."""
    return of("asset_id", cause="lost", lost_on="2026-11-01", **more)


NOTE = {"text": "The lid was cracked when it came"}

EXAMPLES: dict[str, Example | list[Example]] = {
    "lease_ends_api.choose": [
        Example(on_a_line, json=a_wish, status=201),
        Example(on_a_line, json=a_wish, status=201, user="ada"),
    ],
    "lease_ends_api.carry_out": Example(chosen),
    "damage_notes_api.write_note": [
        Example(inspected, json=NOTE, status=201),
        Example(inspected, json=NOTE, status=201, user="ada"),
    ],
    "returns.write_note": [
        Example(inspected, form=NOTE, status=303),
        Example(inspected, form=NOTE, status=303, user="ada"),
    ],
    "buyouts_api.create_buyout": Example(in_service, json=of("asset_id", **PRICED), status=201),
    "buyouts_api.agree": [
        Example(offered, json={"agreed_by": "Ada Client"}),
        Example(offered, json={"agreed_by": "Ada Client"}, user="ada"),
    ],
    "buyouts_api.withdraw": Example(offered),
    "losses_api.create_loss": Example(in_service, json=lost(), status=201),
    "leases.choose_end": [
        Example(on_a_line, form=a_wish_form, status=303),
        Example(on_a_line, form=a_wish_form, status=303, user="ada"),
    ],
    "leases.carry_out_end": Example(chosen, status=303),
    "leases.end_settings": Example(
        form=_policy_form(EndPolicy(choice_days=21)).values, status=303, cleo=303, cleo_because=OWN_RULES
    ),
    "contract_settings.edit": Example(form=CONTRACT_RULES, status=303, cleo=303, cleo_because=OWN_RULES),
    "buyouts.agree": [
        Example(offered, form={"agreed_by": "Ada Client"}, status=303),
        Example(offered, form={"agreed_by": "Ada Client"}, status=303, user="ada"),
    ],
    "buyouts.withdraw": Example(offered, status=303),
    "buyouts.offer": Example(in_service, form={**PRICED, "confirmed": "1"}, status=303),
    "buyouts.loss": Example(
        in_service, form={"cause": "lost", "lost_on": "2026-11-01", "confirmed": "1"}, status=303
    ),
}
