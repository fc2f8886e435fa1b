"""Writes the generated tables of ARCHITECTURE.md: `python tests/architecture/reference.py`."""

from __future__ import annotations

import ast
import re
from functools import cache
from pathlib import Path

from haas.auth.permissions import PERMISSIONS, ROLE_NAMES
from haas.reactions import REACTIONS

ROOT = Path(__file__).parents[2]
ARCHITECTURE = ROOT / "ARCHITECTURE.md"
PRODUCT = ("haas", "devices", "leases", "invoicing", "agent")
_EVENT = re.compile(r"[a-z_]+\.[a-z_]+")
_PUBLISHERS = ("publish", "tell")


@cache  # a second of parsing, for each of the many who ask
def modules() -> tuple[tuple[Path, ast.Module], ...]:
    """Every module of the product."""
    return tuple(
        (path, ast.parse(path.read_text()))
        for package in PRODUCT
        for path in sorted((ROOT / package).rglob("*.py"))
        if not {"node_modules", "static"} & set(path.parts)
    )


@cache
def published() -> list[str]:
    """The names of all events: the texts that are given to a function called `publish`."""
    found: set[str] = set()
    for _path, tree in modules():
        for node in ast.walk(tree):
            if not isinstance(node, ast.Call):
                continue
            name = getattr(node.func, "attr", getattr(node.func, "id", ""))
            if name.lstrip("_") not in _PUBLISHERS:
                continue
            for each in [part for argument in node.args for part in ast.walk(argument)]:
                if (
                    isinstance(each, ast.Constant)
                    and isinstance(each.value, str)
                    and _EVENT.fullmatch(each.value)
                ):
                    found.add(each.value)
    return sorted(found | set(REACTIONS))


def event_table() -> str:
    """What happens, and what follows."""
    rows = ["| event | followed by |", "|---|---|"]
    for name in published():
        follow = ", ".join(f"`{job}`" for job, _queue in REACTIONS.get(name, [])) or "–"
        rows.append(f"| `{name}` | {follow} |")
    return "\n".join(rows)


def permission_table() -> str:
    """Permission × role."""
    rows = [
        f"| permission | {' | '.join(ROLE_NAMES.values())} |",
        "|---|" + ":-:|" * len(ROLE_NAMES),
    ]
    for name, roles in PERMISSIONS.items():
        marks = " | ".join("●" if role in roles else "" for role in ROLE_NAMES)
        rows.append(f"| `{name}` | {marks} |")
    return "\n".join(rows)


def rewritten(text: str) -> str:
    """The text with both tables as they should be."""
    for name, table in (("events", event_table()), ("permissions", permission_table())):
        before, begin, rest = text.partition(f"<!-- {name}: written by tests/architecture/reference.py -->\n")
        _old, end, after = rest.partition(f"<!-- /{name} -->")
        if not end:
            raise ValueError(f"ARCHITECTURE.md has no place for the table of {name}")
        text = f"{before}{begin}\n{table}\n\n{end}{after}"
    return text


if __name__ == "__main__":
    ARCHITECTURE.write_text(rewritten(ARCHITECTURE.read_text()))
