"""Set-up: quick when all is there, clear when it cannot go on."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from haas import install
from haas.install import READERS, ROOT, SYSTEM, SetupError, SystemPackage


class TestSetUp:
    def test_says_each_step_and_is_quick_when_all_is_there(self) -> None:
        answer = subprocess.run(
            [sys.executable, str(ROOT / "haas" / "install.py"), "--with-tests"],
            capture_output=True,
            text=True,
            check=False,
        )

        assert answer.returncode == 0, answer.stderr
        steps = [line[2:26].strip() for line in answer.stdout.splitlines()]
        assert steps[:-1] == [
            "Python",
            "virtual environment",
            "Python packages",
            "haas",
            "system packages",
            "front-end packages",
        ]
        assert float(steps[-1].removeprefix("ready in").removesuffix("s")) < 1

    def test_names_no_registry(self) -> None:
        for name in ("requirements.lock", "requirements-node.lock", "haas/install.py", "Makefile"):
            text = (ROOT / name).read_text()
            assert "http" not in text, name
            assert "index-url" not in text, name

    def test_makes_an_environment_in_a_tree_that_has_none(self, tmp_path: Path) -> None:
        tree = tmp_path / "tree with spaces"
        (tree / "haas").mkdir(parents=True)
        for name in ("install.py", "__init__.py"):
            shutil.copy(ROOT / "haas" / name, tree / "haas")
        (tree / "pyproject.toml").touch()
        (tree / "requirements.lock").touch()
        (tree / "haas" / "cli.py").write_text("def main():\n    print('it runs')\n    return 0\n")

        answer = subprocess.run(
            [sys.executable, str(tree / "haas" / "install.py")], capture_output=True, text=True, check=False
        )

        assert "virtual environment      making .venv" in answer.stdout, answer.stderr
        ran = subprocess.run([tree / ".venv/bin/haas"], capture_output=True, text=True, check=False)
        assert ran.stdout == "it runs\n", ran.stderr


class TestSystemPackages:
    @pytest.mark.parametrize("package", [*SYSTEM, *READERS], ids=lambda package: package.what)
    def test_are_found_where_they_are(self, package: SystemPackage) -> None:
        assert package.is_there()

    def test_are_missed_where_they_are_not(self) -> None:
        assert not SystemPackage("x", "x", "x", "x", library="libhaas-none.so").is_there()
        assert not SystemPackage("x", "x", "x", "x", programs=("haas-none",)).is_there()
        assert not SystemPackage("x", "x", "x", "x", font="HaasNone").is_there()
        assert not SystemPackage("x", "x", "x", "x", jar="haas-none.jar").is_there()

    def test_come_with_the_line_to_type_for_who_may_not_install(
        self, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(os, "geteuid", lambda: 1000)
        lost = SystemPackage("Lost", "tests", "lost-package", "lost", programs=("haas-none",), required=False)

        with pytest.raises(SetupError, match=r"Type as root: apt-get update .* lost-package"):
            install._install_system([lost], strict=True)
        install._install_system([lost], strict=False)  # the demo goes on without what is optional

    def test_stop_the_set_up_when_a_required_one_cannot_come(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(os, "geteuid", lambda: 1000)
        lost = SystemPackage("Lost", "PDF documents", "lost-package", "lost", programs=("haas-none",))

        with pytest.raises(SetupError, match="only root may install"):
            install._install_system([lost], strict=False)
