"""One example for every changing route: how to prepare, what to send, what to expect.

A route without an example fails `tests/architecture/test_routes.py`; so does one whose example leaves no
audit row, answers another partner's user with anything but 404, or lets a role through without permission.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from importlib import import_module
from pathlib import Path
from typing import Any

from sqlalchemy.orm import Session

from tests.cast import Cast

# (session in Northwind's name, cast) -> the values of the URL, e.g. {"asset_id": "ast_…"}; flushed, then
# committed by the caller before the request is sent.
Prepare = Callable[[Session, Cast], Mapping[str, str]]


def nothing(session: Session, cast: Cast) -> Mapping[str, str]:
    """No row is needed."""
    return {}


@dataclass(frozen=True, slots=True)
class Example:
    """One successful use of a changing route."""

    prepare: Prepare = nothing
    json: Any = None  # a value, or a function of (cast, url_values) for API routes
    form: Any = None  # likewise for pages
    method: str | None = None  # when a route has several changing methods
    user: str = "ana"  # attribute of the cast
    status: int | tuple[int, ...] = (200, 201, 202, 204, 302, 303)
    headers: Mapping[str, str] = field(default_factory=dict)
    audited: bool = True
    unaudited_because: str = ""  # required when `audited` is false
    cleo: int | tuple[int, ...] = (
        404  # what the other partner's owner gets; a route without an id says why not 404
    )
    cleo_because: str = ""

    def payload(self, which: Any, cast: Cast, values: Mapping[str, str]) -> Any:
        """The body: as given, or made from the cast and the URL's values."""
        return which(cast, values) if callable(which) else which


def every_example() -> dict[str, list[Example]]:
    """endpoint -> its examples, from all modules of this package."""
    found: dict[str, list[Example]] = {}
    for path in sorted(Path(__file__).parent.glob("*.py")):
        if path.stem == "__init__":
            continue
        examples = import_module(f"tests.architecture.examples.{path.stem}").EXAMPLES
        for endpoint, example in examples.items():
            found.setdefault(endpoint, []).extend(example if isinstance(example, list) else [example])
    return found
