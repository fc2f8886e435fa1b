"""The reference tells people what the document tells programs."""

from __future__ import annotations

from collections.abc import Callable

from flask import Flask
from flask.testing import FlaskClient

from haas.auth.models import User
from haas.rest.openapi import document_of
from haas.rest.reference import chapters
from tests.cast import Cast


class TestChapters:
    def test_hold_every_operation_once(self, app: Flask) -> None:
        document = document_of(app)
        told = sorted(each.name for chapter in chapters(document) for each in chapter.operations)
        there = [
            operation["operationId"]
            for item in document["paths"].values()
            for method, operation in item.items()
            if method != "parameters"
        ]
        assert told == sorted(there)

    def test_have_addresses_of_their_own(self, app: Flask) -> None:
        keys = [chapter.key for chapter in chapters(document_of(app))]
        assert len(keys) == len(set(keys))

    def test_tell_what_a_body_takes(self, app: Flask) -> None:
        found = {each.name: each for chapter in chapters(document_of(app)) for each in chapter.operations}
        create = found["assets.create_asset"]
        body = {row.path: row for row in create.body}
        assert (create.method, create.permission) == ("POST", "asset.manage")
        assert body["model_id"].required
        assert not body["notes"].required
        assert "one of ordered, received, ready" in body["state"].words
        assert [each.status for each in create.answers] == ["201 Created"]

    def test_tell_what_lies_within_a_list(self, app: Flask) -> None:
        found = {each.name: each for chapter in chapters(document_of(app)) for each in chapter.operations}
        listed = {row.path for row in found["assets.list_assets"].answers[0].fields}
        assert {"items", "items[].tag", "items[].model.name", "next"} <= listed


class TestThePages:
    def test_are_for_everyone_who_is_signed_in(
        self, web: Callable[[User | None], FlaskClient], cast: Cast
    ) -> None:
        for user in (cast.ana, cast.ben, cast.vic):
            assert "/v1/assets" in web(user).get("/reference").text
        assert "Register an asset" in web(cast.ana).get("/reference/assets").text

    def test_say_when_there_is_no_such_chapter(
        self, web: Callable[[User | None], FlaskClient], cast: Cast
    ) -> None:
        assert web(cast.ana).get("/reference/none").status_code == 404
