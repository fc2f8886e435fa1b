"""Examples of the changing routes of pro-formas."""

from __future__ import annotations

from collections.abc import Mapping

from sqlalchemy.orm import Session

from haas.files import store_file
from invoicing.pro_forma import operations
from tests.architecture.examples import Example
from tests.architecture.examples.charges import a_charge
from tests.architecture.examples.leases import LATER, of
from tests.cast import Cast
from tests.invoicing.world import APRIL, PDF, PORTAL


def due(session: Session, cast: Cast) -> Mapping[str, str]:
    """120.00 of Acme that wait for the next run."""
    return {**a_charge(session, cast), "client_id": cast.acme.id}


def made(session: Session, cast: Cast) -> Mapping[str, str]:
    """A pro-forma of them, with its PDF."""
    due(session, cast)
    (paper,) = operations.make(
        session,
        cast.tenant,
        client_id=cast.acme.id,
        as_of=APRIL,
        issued_on=APRIL,
        at=LATER,
        portal_url=PORTAL,
    )
    stored = store_file(
        session,
        cast.tenant,
        kind="pro_forma_pdf",
        name=f"{paper.number}.pdf",
        media_type="application/pdf",
        content=PDF,
        client_id=cast.acme.id,
    )
    paper.pdf_file_id = stored.id
    return {"pro_forma_id": paper.id}


EXAMPLES: dict[str, Example | list[Example]] = {
    "pro_formas_api.make_pro_formas": Example(
        due, json=of("client_id", as_of="2026-04-01"), user="fay", status=201
    ),
    "pro_formas_api.send_pro_forma": Example(made, user="fay", status=202),
    "pro_formas.new": Example(due, form=of("client_id", as_of="2026-04-01"), user="fay", status=303),
    "pro_formas.send": Example(made, user="fay", status=303),
}
