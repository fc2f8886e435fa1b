"""Examples of the changing routes of exports: profiles, mapping, destination, batches."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from sqlalchemy.orm import Session

from invoicing.exports import batches, destinations, profiles, sftp
from invoicing.exports.models import ExportBatch
from tests.architecture.examples import Example
from tests.cast import PEPPER, Cast
from tests.invoicing.world import NOW, an_invoice

NO_ID = "it makes a profile of the caller's own house; there is no id to guess"
# A public key of nobody's.
KEY = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIJdD7y3aLq454yWBdwLWbieU1ebz9/cu7/QEXn9OIeZJ"
ROWS = [
    ("account", "receivables", "1100"),
    ("account", "tax", "2200"),
    ("account", "line:rent", "4000"),
    ("account", "line:interim_rent", "4200"),
]


def a_profile(session: Session, cast: Cast) -> Mapping[str, str]:
    """A journal of invoices, mailed to the accountant."""
    made = profiles.create_profile(
        session, cast.tenant, name="Books", format="journal_csv", content="invoices", at=NOW
    )
    profiles.set_names(session, cast.tenant, profile_id=made.id, rows=ROWS)
    destinations.send_by_mail(session, cast.tenant, profile_id=made.id, address="books@example.com")
    return {"profile_id": made.id}


def a_server(session: Session, cast: Cast) -> Mapping[str, str]:
    """A profile whose server showed a key."""
    made = a_profile(session, cast)
    profile = destinations.send_by_sftp(
        session,
        cast.tenant,
        profile_id=made["profile_id"],
        host="127.0.0.1",
        port=9,
        user="haas",
        folder="/in",
        secret="sesame",
        secret_key=PEPPER,
    )
    profile.destination = {**profile.destination, "offered_key": KEY}
    session.flush()
    return made


def what_waits(session: Session, cast: Cast) -> Mapping[str, str]:
    """A profile for which an invoice waits."""
    an_invoice(session, cast.tenant, client_id=cast.acme.id)
    return a_profile(session, cast)


def a_batch(session: Session, cast: Cast) -> Mapping[str, str]:
    """A batch that is written."""
    made = what_waits(session, cast)
    batch: ExportBatch = batches.start(session, cast.tenant, profile_id=made["profile_id"], at=NOW)
    batches.finish(
        session,
        cast.tenant,
        batch_id=batch.id,
        name=f"{batch.number}.csv",
        media_type="text/csv",
        content=b"a,b",
        at=NOW,
    )
    return {**made, "batch_id": batch.id}


def of_profile(_cast: Cast, values: Mapping[str, str]) -> dict[str, Any]:
    """The profile's id, which the body names."""
    return {"profile_id": values["profile_id"]}


PROFILE = {"name": "Accountant", "format": "xero", "content": "sales"}
CHANGE = {"name": "Accountant", "contact_rule": "name", "rhythm": "weekly", "cut": "ended_months"}
MAIL = {"channel": "mail", "address": "books@example.org"}
SHOWN = {"fingerprint": sftp.fingerprint(KEY)}
REFUSED = "the server on that port does not answer, and nothing changes"

EXAMPLES: dict[str, Example | list[Example]] = {
    # REST
    "export_profiles_api.create_profile": Example(
        json=PROFILE, user="fay", status=201, cleo=201, cleo_because=NO_ID
    ),
    "export_profiles_api.change_profile": Example(
        a_profile, json={**CHANGE, "at": "06:30"}, user="fay", method="PUT"
    ),
    "export_profiles_api.archive_profile": Example(a_profile, user="fay", method="DELETE"),
    "export_profiles_api.set_mapping": Example(
        a_profile, json={"rows": [{"kind": "account", "key": "tax", "value": "2300"}]}, user="fay"
    ),
    "export_profiles_api.set_destination": Example(a_profile, json=MAIL, user="fay"),
    "export_profiles_api.ask_host_key": Example(
        a_server, user="fay", status=409, method="POST", audited=False, unaudited_because=REFUSED
    ),
    "export_profiles_api.confirm_host_key": Example(a_server, json=SHOWN, user="fay", method="PUT"),
    "export_batches_api.start_batch": Example(what_waits, json=of_profile, user="fay", status=202),
    "export_batches_api.reverse_batch": Example(a_batch, json={"reason": "Twice"}, user="fay", status=202),
    "export_batches_api.send_batch": Example(a_batch, user="fay", status=202),
    # pages
    "exports.create_profile": Example(form=PROFILE, user="fay", status=303, cleo=303, cleo_because=NO_ID),
    "exports.change_profile": Example(
        a_profile, form={**CHANGE, "at_minute": "06:30", "weekday": "2"}, user="fay", status=303
    ),
    "exports.save_mapping": Example(
        a_profile,
        form={
            "rows-0-kind": "account",
            "rows-0-key": "tax",
            "rows-0-value": "2300",
            # The page's last row, which nobody filled in.
            "rows-1-kind": "account",
            "rows-1-key": "",
            "rows-1-value": "",
        },
        user="fay",
        status=303,
    ),
    "exports.fill_mapping": Example(
        a_profile,
        user="fay",
        status=303,
        audited=False,
        unaudited_because="this partner has no chart yet to fill it from",
    ),
    "exports.set_destination": Example(a_profile, form=MAIL, user="fay", status=303),
    "exports.ask_host_key": Example(
        a_server, user="fay", status=303, audited=False, unaudited_because=REFUSED
    ),
    "exports.confirm_host_key": Example(a_server, form=SHOWN, user="fay", status=303),
    "exports.archive_profile": Example(a_profile, user="fay", status=303),
    "exports.start_batch": Example(what_waits, form={}, user="fay", status=303),
    "exports.reverse_batch": Example(a_batch, form={"reason": "Twice"}, user="fay", status=303),
    "exports.send_batch": Example(a_batch, user="fay", status=303),
}
