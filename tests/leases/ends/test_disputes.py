"""Client and partner speak of a charge for damage, with pictures, until it is settled."""

from __future__ import annotations

import io
from collections.abc import Callable
from datetime import UTC, datetime
from decimal import Decimal

import pytest
from flask.testing import FlaskClient

from haas import db
from haas.auth.models import User
from haas.errors import Conflict
from leases import queries
from leases.ends import disputes
from tests.architecture.examples.leases import inspected
from tests.cast import Cast
from tests.paper import logo_png

Web = Callable[[User | None], FlaskClient]


@pytest.fixture
def return_id(cast: Cast) -> str:
    """A charge of 80.00 that was made just now: 14 days to object, and today."""
    with db.unit_of_work(cast.tenant) as session:
        return inspected(session, cast)["return_id"]


def test_the_clients_first_word_is_its_objection_and_the_history_is_kept(
    cast: Cast, web: Web, return_id: str
) -> None:
    page = web(cast.ada).get(f"/returns/{return_id}").get_data(as_text=True)
    assert "days are left to object" in page
    said = {"text": "It was cracked before", "picture": (io.BytesIO(logo_png()), "lid.png")}
    assert web(cast.ada).post(f"/returns/{return_id}/notes", data=said).status_code == 303
    answer = {"text": "The hand-over says it was whole"}
    assert web(cast.sam).post(f"/returns/{return_id}/notes", data=answer).status_code == 303
    assert web(cast.sam).post(f"/returns/{return_id}/settle", data={"charge": "40"}).status_code == 303
    page = web(cast.ada).get(f"/returns/{return_id}").get_data(as_text=True)
    for words in ("It was cracked before", "The hand-over says it was whole", "Settled at", "$40.00"):
        assert words in page
    with db.unit_of_work(cast.tenant) as session:
        order = queries.get_return(session, cast.tenant, return_id=return_id)
        notes = disputes.notes_of(session, cast.tenant, return_id=return_id)
        assert order.disputed_at is not None
        assert [(note.side, note.amount) for note in notes] == [
            ("client", None), ("partner", None), ("partner", Decimal(40)),
        ]  # fmt: skip
    picture = notes[0].file_id
    assert web(cast.ada).get(f"/files/{picture}?inline=1").mimetype in ("image/png", "image/jpeg")
    assert web(cast.cleo).get(f"/files/{picture}").status_code == 404


def test_nothing_is_said_after_it_is_settled_or_without_words(cast: Cast, return_id: str) -> None:
    with db.unit_of_work(cast.tenant) as session:
        disputes.settle(session, cast.tenant, return_id=return_id, charge=Decimal(0), at=datetime.now(UTC))
        with pytest.raises(Conflict):
            disputes.write_note(
                session, cast.tenant, return_id=return_id, text="Too late", at=datetime.now(UTC)
            )


def test_there_is_an_end_to_what_is_said(cast: Cast, return_id: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(disputes, "NOTES_MAX", 1)

    def say() -> None:
        with db.unit_of_work(cast.tenant) as session:
            disputes.write_note(session, cast.tenant, return_id=return_id, text="Whole", at=datetime.now(UTC))

    say()
    with pytest.raises(Conflict, match="call"):
        say()
