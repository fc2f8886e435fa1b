"""A partner whose every text means harm: no page runs it, no template reads it, no spreadsheet starts it."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Callable, Iterator

import pytest
import sqlalchemy as sa
from flask import Flask
from flask.testing import FlaskClient
from openpyxl import load_workbook

from haas import db
from haas.auth.models import User
from haas.embedded.postgres import ADMIN
from haas.settings import Settings
from haas.settings import use as use_settings
from tests.architecture.demo import House, find_house
from tests.architecture.hostile import EVALUATED, HARM, SCRIPT, poison
from tests.architecture.markup import Page
from tests.architecture.test_pages import E_INVOICES, MAY_LACK, Address, Visit, Visitor, addresses, may, none
from tests.fixtures_stack import SharedStack

FORMULA_STARTS = ("=", "+", "-", "@", "\t", "\r", "\n", "＝", "＋", "－", "＠")


@pytest.fixture(scope="module")
def house(
    app: Flask, settings: Settings, demo_copy: Settings, stack: SharedStack, worker_id: str
) -> Iterator[House]:
    """Northwind in a database of this module's own, with harm in every text."""
    use_settings(demo_copy)
    db.configure(demo_copy.database_url)
    app.config["HAAS"] = demo_copy
    partner_id = find_house("northwind").partner.id
    admin_url = stack.postgres.url(ADMIN, database=f"haas_markup_{worker_id}")
    superuser = sa.create_engine(admin_url, poolclass=sa.pool.NullPool)
    with superuser.begin() as connection:
        poisoned = poison(connection, partner_id)
    assert len(poisoned) > 50
    yield find_house("northwind")
    app.config["HAAS"] = settings
    use_settings(settings)
    db.configure(settings.database_url)


@pytest.fixture(scope="module")
def visits(
    app: Flask, house: House, web: Callable[[User | None], FlaskClient], api: Callable[..., FlaskClient]
) -> list[Visit]:
    """What the owner is answered everywhere."""
    owner = Visitor(house.owner, web, api)
    return [owner.visit(address) for address in addresses(app, house)]


class TestEveryPage:
    def test_is_still_answered(self, app: Flask, house: House, visits: list[Visit]) -> None:
        none(
            f"{visit.address}: {visit.status} {' '.join(visit.text.split())[:150]}"
            for visit in visits
            if may(app, visit.address, house.owner)
            and visit.status >= 400
            and visit.address.endpoint not in MAY_LACK
            and visit.address.endpoint not in E_INVOICES
        )

    def test_shows_the_text_and_runs_nothing(self, visits: list[Visit]) -> None:
        problems, shown = [], 0
        for visit in visits:
            if visit.mimetype != "text/html" or visit.status != 200:
                continue
            shown += "&lt;script&gt;alert(1)" in visit.text
            if SCRIPT in visit.text or "<img src=x" in visit.text:
                problems.append(f"{visit.address}: the text is markup")
            page = Page.read(visit.text)
            # What is still in braces is the harmful text itself, as it was typed.
            problems += [
                f"{visit.address}: {each}"
                for each in page.problems
                if not each.startswith("unrendered") and HARM[:6] not in each and "{{" not in each
            ]
        assert shown > 20
        none(problems)

    def test_evaluates_nothing(self, visits: list[Visit]) -> None:
        none(str(visit.address) for visit in visits if EVALUATED in visit.text)

    def test_gives_json_that_is_json_and_is_not_read_as_a_page(self, visits: list[Visit]) -> None:
        problems = []
        for visit in visits:
            if visit.mimetype.endswith("json"):
                json.loads(visit.text)
            elif SCRIPT in visit.text and visit.mimetype not in ("text/csv", "text/plain"):
                problems.append(f"{visit.address}: {visit.mimetype}")
        none(problems)


class TestEveryTable:
    def test_as_csv_starts_no_formula(self, visits: list[Visit]) -> None:
        problems, harmful = [], 0
        for visit in visits:
            if visit.mimetype != "text/csv" or visit.status != 200:
                continue
            harmful += "alert(1)" in visit.text
            for row in csv.reader(io.StringIO(visit.text.lstrip("\ufeff"))):
                problems += [f"{visit.address}: {cell[:40]}" for cell in row if starts_a_formula(cell)]
        assert harmful > 0
        none(problems)

    def test_as_xlsx_has_texts_for_texts(
        self, house: House, web: Callable[[User | None], FlaskClient], places: list[Address]
    ) -> None:
        sheets, problems = 0, []
        for address in places:
            if ".xlsx" not in address.path:
                continue
            answer = web(house.owner).get(address.path)
            if answer.status_code != 200:
                continue
            sheets += 1
            for row in load_workbook(io.BytesIO(answer.data)).worksheets[0].iter_rows():
                problems += [f"{address}: {cell.coordinate}" for cell in row if cell.data_type == "f"]
                problems += [f"{address}: {cell.coordinate} is a link" for cell in row if cell.hyperlink]
        assert sheets > 0
        none(problems)


@pytest.fixture(scope="module")
def places(app: Flask, house: House) -> list[Address]:
    """Every address with this partner's rows in it."""
    return addresses(app, house)


def starts_a_formula(cell: str) -> bool:
    """Whether a spreadsheet would calculate it; a plain number may have a sign."""
    if not cell.startswith(FORMULA_STARTS):
        return False
    try:
        float(cell)
    except ValueError:
        return True
    return False
