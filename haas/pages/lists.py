"""read_list(): sort, filters, search and cursor of a list page from its URL; the URL is the page's state."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any
from urllib.parse import urlencode

from flask import request
from werkzeug.datastructures import MultiDict
from werkzeug.urls import iri_to_uri

from haas.rest.paging import Sort, read_limit


@dataclass(frozen=True, slots=True)
class ListState:
    """What the URL of a list says: hand `sort`, `cursor` and `limit` to `fetch_page`."""

    sort: Sort
    sort_key: str  # as in the URL: "tag", or "-tag" for descending
    filters: dict[str, str]  # only those that are set
    search: str
    cursor: str | None
    limit: int

    @property
    def is_narrowed(self) -> bool:
        """Whether filters or a search leave rows out: an empty list then means something else."""
        return bool(self.filters or self.search)


def read_list(
    *,
    sorts: Mapping[str, Sort],
    default: str,
    filters: Sequence[str] = (),
    search: str = "q",
) -> ListState:
    """Read the request's query. An unknown sort is the default one: old bookmarks keep working.

    :param sorts: name in the URL → column; "-name" in the URL turns its direction.
    :param default: the sort when none is asked for, with "-" if that is how the list begins.
    :raises InvalidInput: for a limit that is not a number from 1 to 200.
    """
    asked = request.args.get("sort", default)
    if asked.removeprefix("-") not in sorts:
        asked = default
    chosen = sorts[asked.removeprefix("-")]
    return ListState(
        sort=replace(chosen, descending=asked.startswith("-")),
        sort_key=asked,
        filters={name: value for name in filters if (value := request.args.get(name, "").strip())},
        search=request.args.get(search, "").strip()[:200],
        cursor=request.args.get("cursor"),
        limit=read_limit(request.args.get("limit")),
    )


def url_with(**changes: Any) -> str:
    """This page's URL with some of its query changed; None or "" takes a name away.

    A change of anything but the cursor goes back to the first page.
    """
    query: MultiDict[str, str] = MultiDict(request.args)
    if "cursor" not in changes:
        query.poplist("cursor")
    for name, value in changes.items():
        query.poplist(name)
        if value not in (None, ""):
            query.add(name, str(value))
    text = urlencode(list(query.items(multi=True)))
    return iri_to_uri(request.path) + (f"?{text}" if text else "")


def next_sort(key: str, sort_key: str) -> str:
    """What a click on the head of column `key` sorts by."""
    return f"-{key}" if sort_key == key else key
