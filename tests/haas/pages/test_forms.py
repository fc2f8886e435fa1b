"""An HTML form -> a schema's values, and what is wrong beside each field."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import marshmallow as ma
import pytest
from flask import Flask
from flask_babel import Babel

from haas.errors import Conflict, InvalidInput
from haas.pages.forms import Form, blank_form, read_form


class LineForm(ma.Schema):
    description = ma.fields.String(required=True)
    price = ma.fields.Decimal(required=True)


class LeaseForm(ma.Schema):
    title = ma.fields.String(required=True)
    notes = ma.fields.String()
    rent = ma.fields.Decimal(allow_none=True, load_default=None)
    term_months = ma.fields.Integer(load_default=36)
    starts_on = ma.fields.Date()
    interim = ma.fields.Boolean()
    password = ma.fields.String()
    states = ma.fields.List(ma.fields.String())
    lines = ma.fields.List(ma.fields.Nested(LineForm))


@pytest.fixture
def read() -> Any:
    app = Flask("forms")
    Babel(app)

    def reading(sent: dict[str, Any], schema: type[ma.Schema] = LeaseForm) -> Form:
        with app.test_request_context("/", method="POST", data=sent):
            return read_form(schema)

    return reading


class TestReadForm:
    def test_loads_values_by_the_schema(self, read):
        form = read({"title": " Desks ", "rent": "12.50", "interim": "1", "csrf_token": "x"})
        assert form.data == {
            "title": "Desks",
            "rent": Decimal("12.50"),
            "term_months": 36,
            "interim": True,
            "states": [],
            "lines": [],
        }

    def test_takes_empty_fields_for_not_filled_in(self, read):
        form = read({"title": "Desks", "notes": "", "rent": "", "term_months": " ", "starts_on": ""})
        assert form.data is not None
        assert form.data["notes"] == ""
        assert form.data["rent"] is None
        assert form.data["term_months"] == 36
        assert "starts_on" not in form.data

    def test_takes_an_unticked_box_for_no(self, read):
        assert read({"title": "x"}).data["interim"] is False

    def test_keeps_the_blanks_of_a_password(self, read):
        assert read({"title": "x", "password": " two words "}).data["password"] == " two words "

    def test_reads_lists_and_forms_within_forms(self, read):
        form = read(
            {
                "title": "x",
                "states": ["ready", "", "lost"],
                "lines-0-description": "Laptop",
                "lines-0-price": "30",
                "lines-4-description": "Dock",
                "lines-4-price": "3",
                "lines-7-description": "",
                "lines-7-price": "",
            }
        )
        assert form.data["states"] == ["ready", "lost"]
        assert form.data["lines"] == [
            {"description": "Laptop", "price": Decimal(30)},
            {"description": "Dock", "price": Decimal(3)},
        ]

    def test_says_what_is_wrong_in_words_and_keeps_what_was_typed(self, read):
        form = read({"title": "", "rent": "much", "starts_on": "tomorrow"})
        assert form.data is None
        assert form.errors == {
            "title": ["Fill this in."],
            "rent": ["Write a number, such as 1234.50."],
            "starts_on": ["Choose a date."],
        }
        assert form.value("rent") == "much"

    def test_names_the_line_that_is_wrong(self, read):
        form = read({"title": "x", "lines-0-description": "Dock", "lines-1-price": "3", "lines-0-price": "1"})
        assert form.errors_of("lines") == ["Line 2, description: Fill this in."]

    def test_does_not_pass_a_misspelt_field(self, read):
        assert read({"title": "x", "tilte": "y"}).top_errors == ["tilte: This field is not expected."]


class TestRefuse:
    def test_puts_a_refusal_at_its_field(self):
        form = blank_form(serial="S-1")
        form.refuse(InvalidInput("This serial is taken.", field="serial"))
        assert form.errors_of("serial") == ["This serial is taken."]

    def test_puts_any_other_refusal_at_the_top(self):
        form = blank_form(serial="S-1")
        form.refuse(Conflict("Cannot deploy an asset that is lost."))
        form.refuse(InvalidInput("Not this one.", field="elsewhere"))
        assert form.top_errors == ["Cannot deploy an asset that is lost.", "elsewhere: Not this one."]
        assert form.data is None
