"""Changing routes of the portal's shell."""

from __future__ import annotations

from tests.architecture.examples import Example

EXAMPLES = {
    "appearance.choose": Example(
        form={"theme": "dark", "next": "/"},
        user="ben",
        cleo=302,
        cleo_because="everyone changes their own theme: the address names no row",
    ),
}
