"""Sort, filters and cursor of a list, to and from its URL."""

from __future__ import annotations

import pytest
from flask import Flask

from haas.errors import InvalidInput
from haas.pages.lists import next_sort, read_list, url_with
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


class TestUrlWith:
    def test_keeps_the_rest_of_the_url_and_goes_back_to_the_first_page(self, at):
        with at("/jobs?state=done&cursor=abc"):
            assert url_with(sort="-title") == "/jobs?state=done&sort=-title"
            assert url_with(state=None) == "/jobs"
            assert url_with(cursor="x&y") == "/jobs?state=done&cursor=x%26y"


class TestNextSort:
    def test_turns_the_direction_of_the_present_column(self):
        assert [next_sort("tag", present) for present in ("tag", "-tag", "cost")] == ["-tag", "tag", "tag"]
