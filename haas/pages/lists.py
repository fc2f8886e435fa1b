"""read_list(): sort, filters, search and cursor of a list page from its URL; the URL is the page's state."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any
from urllib.parse import urlencode

from flask import request
from werkzeug.datastructures import MultiDict
from werkzeug.urls import iri_to_uri

from haas.rest.paging import Sort, read_limit

VALUE_LENGTH_MAX = 200
VALUES_MAX = 50  # of one name, such as a column each

Query = Mapping[str, list[str]]  # name in the URL -> its values


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
        search=request.args.get(search, "").strip()[:VALUE_LENGTH_MAX],
        cursor=request.args.get("cursor"),
        limit=read_limit(request.args.get("limit")),
    )


@dataclass(frozen=True, slots=True)
class ListNames:
    """What a list knows of its URL: all of it that a kept view may hold."""

    sorts: Collection[str]
    default: str  # the sort when none is asked for, as in `read_list`
    filters: Sequence[str] = ()  # of one value
    several: Sequence[str] = ()  # of any number of values, whose order says nothing
    known: Mapping[str, Collection[str]] = field(default_factory=dict)  # where not every value has a meaning
    search: str = "q"


def kept_query(asked: MultiDict[str, str], *, names: ListNames) -> dict[str, list[str]]:
    """What of a query narrows, sorts or shapes a list, in one form for all ways to write it.

    The query is a stranger's until it went through here: what the list does not know is left out, and so are
    the cursor (a view begins at its first page) and what is the case anyway.
    """
    kept = {}
    for name in (*names.filters, names.search, *names.several):
        values = [value.strip() for value in asked.getlist(name)]
        if name not in names.several:
            values = values[:1]  # as `read_list` reads it
        usable = {value for value in values if _is_usable(value, names.known.get(name))}
        if usable:
            kept[name] = sorted(usable)[:VALUES_MAX]
    sort = asked.get("sort", names.default)
    if sort != names.default and sort.removeprefix("-") in names.sorts:
        kept["sort"] = [sort]
    return kept


def _is_usable(value: str, known: Collection[str] | None) -> bool:
    if known is not None:
        return value in known
    return 0 < len(value) <= VALUE_LENGTH_MAX and value.isprintable()


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
