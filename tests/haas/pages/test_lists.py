"""Sort, filters and cursor of a list, to and from its URL."""

from __future__ import annotations

import pytest
from flask import Flask
from werkzeug.datastructures import MultiDict

from haas.errors import InvalidInput
from haas.pages.lists import ListNames, kept_query, next_sort, read_list, url_with
from haas.progress import LongJob
from haas.rest.paging import Sort

SORTS = {"created": Sort(LongJob.created_at, LongJob.id), "title": Sort(LongJob.title, LongJob.id)}


@pytest.fixture
def at():
    return Flask("lists").test_request_context


class TestReadList:
    def test_reads_sort_filters_search_and_cursor(self, at):
        with at("/jobs?sort=-title&state=done&q= lap &cursor=abc&limit=20"):
            listed = read_list(sorts=SORTS, default="created", filters=("state", "kind"))
        assert (listed.sort.column, listed.sort.descending) == (LongJob.title, True)
        assert (listed.sort_key, listed.filters, listed.search) == ("-title", {"state": "done"}, "lap")
        assert (listed.cursor, listed.limit, listed.is_narrowed) == ("abc", 20, True)

    def test_falls_back_to_its_default_sort(self, at):
        with at("/jobs?sort=partner_id"):
            listed = read_list(sorts=SORTS, default="-created")
        assert (listed.sort_key, listed.sort.descending, listed.is_narrowed) == ("-created", True, False)

    def test_refuses_a_limit_that_is_none(self, at):
        with at("/jobs?limit=100000"), pytest.raises(InvalidInput):
            read_list(sorts=SORTS, default="created")


class TestKeptQuery:
    NAMES = ListNames(
        sorts=SORTS,
        default="-created",
        filters=("kind",),
        several=("state", "col"),
        known={"state": ["done", "failed"]},
    )

    def kept(self, *asked):
        return kept_query(MultiDict(asked), names=self.NAMES)

    def test_is_one_form_for_all_ways_to_write_it(self):
        one = self.kept(("state", "failed"), ("kind", " pdf "), ("state", "done"), ("state", "failed"))
        assert one == {"kind": ["pdf"], "state": ["done", "failed"]}
        assert one == self.kept(("state", "done"), ("state", "failed"), ("kind", "pdf"), ("kind", "csv"))

    def test_leaves_out_what_the_list_does_not_know_and_what_is_the_case_anyway(self):
        asked = [("next", "//evil.example"), ("cursor", "abc"), ("limit", "5"), ("_anchor", "x")]
        assert self.kept(*asked, ("sort", "-created"), ("state", "nonsense"), ("kind", ""), ("q", " ")) == {}
        assert self.kept(("sort", "partner_id"), ("sort", "title")) == {}

    def test_keeps_a_sort_that_is_not_the_usual_one_and_the_search(self):
        assert self.kept(("sort", "-title"), ("q", "lap")) == {"q": ["lap"], "sort": ["-title"]}

    def test_is_bounded_and_printable(self):
        assert self.kept(("kind", "x" * 201), ("q", "a\0b"), ("col", "\u202e")) == {}
        assert len(self.kept(*(("col", str(number)) for number in range(99)))["col"]) == 50


class TestUrlWith:
    def test_keeps_the_rest_of_the_url_and_goes_back_to_the_first_page(self, at):
        with at("/jobs?state=done&cursor=abc"):
            assert url_with(sort="-title") == "/jobs?state=done&sort=-title"
            assert url_with(state=None) == "/jobs"
            assert url_with(cursor="x&y") == "/jobs?state=done&cursor=x%26y"


class TestNextSort:
    def test_turns_the_direction_of_the_present_column(self):
        assert [next_sort("tag", present) for present in ("tag", "-tag", "cost")] == ["-tag", "tag", "tag"]
