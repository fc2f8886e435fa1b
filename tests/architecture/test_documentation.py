"""What the product has is written down: settings, events, permissions, and what each module is for."""

from __future__ import annotations

import ast
import re

import pytest

from haas.auth.permissions import PERMISSIONS
from haas.cli import _COMMANDS
from tests.architecture.reference import ARCHITECTURE, ROOT, modules, published, rewritten

WRITTEN = (ROOT / "README.md").read_text() + (ROOT / "ARCHITECTURE.md").read_text()
# Read by the tests and by the crash matrix alone: nothing that anyone sets in a deployment.
FOR_TESTS = {"HAAS_TESTING", "HAAS_CRASH", "HAAS_CRASH_MARK"}


class TestEveryModule:
    def test_says_in_its_first_line_what_it_knows(self) -> None:
        wrong = []
        for path, tree in modules():
            first = (ast.get_docstring(tree) or "").split("\n")[0]
            if not first.endswith((".", "…")) or len(first) < 12:
                wrong.append(f"{path.relative_to(ROOT)}: {first!r}")
        assert wrong == []

    def test_has_one_subject_and_no_junk_drawer(self) -> None:
        drawers = {"utils", "util", "helpers", "helper", "common", "base", "misc", "manager", "managers"}
        assert [str(path) for path, _ in modules() if path.stem in drawers] == []

    def test_stays_within_four_hundred_lines(self) -> None:
        long = [
            (str(path.relative_to(ROOT)), lines)
            for path, _ in modules()
            if (lines := len(path.read_text().splitlines())) > 400 and "migrations" not in path.parts
        ]
        assert long == []


class TestEverySetting:
    def test_is_written_down(self) -> None:
        used = set()
        for path, _tree in modules():
            used |= set(re.findall(r"[\"'](HAAS_[A-Z0-9_]*[A-Z0-9])[\"']", path.read_text()))
        missing = {name for name in used - FOR_TESTS if f"`{name}`" not in WRITTEN}
        assert missing == set()

    def test_that_is_written_down_is_there(self) -> None:
        source = "".join(path.read_text() for path, _ in modules())
        assert {name for name in re.findall(r"`(HAAS_[A-Z0-9_]+)`", WRITTEN) if name not in source} == set()


class TestEveryPermission:
    def test_is_asked_for_somewhere(self) -> None:
        source = "".join(path.read_text() for path, _ in modules() if path.name != "permissions.py")
        source += "".join(path.read_text() for path in (ROOT / "templates").rglob("*.html"))
        assert {name for name in PERMISSIONS if f'"{name}"' not in source} == set()


class TestTheDocuments:
    @pytest.mark.parametrize("name", ["README.md", "ARCHITECTURE.md", "CONTRIBUTING.md", "CHANGELOG.md"])
    def test_lead_to_files_that_are_there(self, name: str) -> None:
        text = (ROOT / name).read_text()
        named = re.findall(r"\]\(([^)#:]+)\)|<img src=\"([^\":]+)\"", text)
        assert [link for pair in named for link in pair if link and not (ROOT / link).is_file()] == []

    def test_show_every_picture_that_is_taken_and_say_in_words_what_is_seen(self) -> None:
        text = (ROOT / "README.md").read_text()
        pictures = ROOT / "tests" / "browser" / "pictures"
        assert {path.name for path in pictures.glob("*.png")} == set(
            re.findall(r"(?:!\[[^\]]{20,}\]\(|<img src=\")tests/browser/pictures/([a-z-]+\.png)", text)
        )

    def test_name_commands_that_there_are(self) -> None:
        text = "".join((ROOT / name).read_text() for name in ("README.md", "CONTRIBUTING.md", "Makefile"))
        targets = set(re.findall(r"^([a-z-]+):", (ROOT / "Makefile").read_text(), re.MULTILINE))
        assert set(re.findall(r"(?:`|^)make ([a-z-]+)", text, re.MULTILINE)) <= targets
        assert set(re.findall(r"(?:`|^)haas ([a-z-]+)", text, re.MULTILINE)) <= set(_COMMANDS)


class TestTheTables:
    def test_of_events_and_permissions_are_those_of_the_code(self) -> None:
        text = ARCHITECTURE.read_text()
        assert text == rewritten(text), "run `.venv/bin/python tests/architecture/reference.py`"
        assert all(f"| `{name}` |" in text for name in [*PERMISSIONS, *published()])
