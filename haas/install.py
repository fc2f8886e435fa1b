"""Set-up: virtual environment, locked packages, system libraries, front-end packages. Standard library only.

`python3 haas/install.py [--with-tests]`. Every step is shown; what is there already is skipped.
"""

from __future__ import annotations

import sys

if __name__ == "__main__":
    # Run by its path, Python puts haas/ first: our calendar.py would then stand in for the library's.
    sys.path = sys.path[1:] if sys.path and sys.path[0].endswith("haas") else sys.path

import argparse
import fcntl
import hashlib
import importlib.util
import json
import os
import platform
import shutil
import subprocess
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from types import ModuleType
from typing import NamedTuple

ROOT = Path(__file__).resolve().parent.parent
VENV = ROOT / ".venv"
OLDEST_PYTHON = (3, 11)
_PYTHONS = ("python3.13", "python3.12", "python3.11", "python3.14", "python3")
_STAMP = VENV / ".haas-setup.json"
_LOG = VENV / "setup.log"
_IS_MAC = platform.system() == "Darwin"


class SetupError(RuntimeError):
    """A step that failed; the message ends with what to type."""


class SystemPackage(NamedTuple):
    """Something that the operating system brings."""

    what: str
    needed_for: str
    debian: str
    brew: str
    library: str = ""  # a shared library's name on Linux, without its version …
    mac_library: str = ""
    programs: tuple[str, ...] = ()  # … or programs, of which one is enough
    font: str = ""  # … or the beginning of a font file's name
    jar: str = ""  # … or a Java library's file name
    required: bool = True

    def is_there(self) -> bool:
        """Whether this machine has it."""
        if self.programs:
            return any(find_program(name) for name in self.programs)
        if self.font:
            return _IS_MAC or _any_file(
                *(f"{tree}/fonts/**/{self.font}*" for tree in ("/usr/share", "/usr/local/share"))
            )
        if self.jar:
            return _IS_MAC or _any_file(f"usr/share/java/{self.jar}")  # Homebrew has none of ours
        if _IS_MAC:
            return _any_file(f"/opt/homebrew/lib/{self.mac_library}", f"/usr/local/lib/{self.mac_library}")
        folders = ("/usr/lib", "/usr/lib/*-linux-*", "/usr/lib64", "/lib/*-linux-*", "/usr/local/lib")
        return _any_file(*(f"{folder}/{self.library}.*" for folder in folders))


def _any_file(*patterns: str) -> bool:
    return any(next(Path("/").glob(pattern.lstrip("/")), None) for pattern in patterns)


_CHROMIUMS = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")
_MAC_CHROMIUMS = (
    "/Applications/Google Chrome.app/Contents/MacOS/Google Chrome",
    "/Applications/Chromium.app/Contents/MacOS/Chromium",
)
SYSTEM = (
    SystemPackage(
        "Pango", "PDF documents", "libpangoft2-1.0-0", "pango", "libpangoft2-1.0.so", "libpangoft2-1.0*.dylib"
    ),
    SystemPackage(
        "HarfBuzz subset", "PDF documents", "libharfbuzz-subset0", "harfbuzz",
        "libharfbuzz-subset.so", "libharfbuzz-subset*.dylib",
    ),
    SystemPackage("Liberation fonts", "PDF documents", "fonts-liberation", "", font="Liberation"),
    SystemPackage("DejaVu fonts", "PDF documents", "fonts-dejavu-core", "", font="DejaVu"),
    # Downloads of 12, 57 and 10 MB. Without them a name in such a script fails its document, and no other.
    SystemPackage(
        "Noto fonts", "Arabic, Hebrew, Thai, Devanagari … on paper", "fonts-noto-core", "",
        font="NotoSansArabic", required=False,
    ),
    SystemPackage(
        "Noto CJK fonts", "Chinese, Japanese and Korean on paper", "fonts-noto-cjk", "",
        font="NotoSansCJK", required=False,
    ),
    SystemPackage(
        "Noto emoji font", "emoji on paper", "fonts-noto-color-emoji", "",
        font="NotoColorEmoji", required=False,
    ),
    SystemPackage(
        "mosquitto", "device messages", "mosquitto", "mosquitto", programs=("mosquitto",), required=False
    ),
    SystemPackage(
        "smartctl", "disk health", "smartmontools", "smartmontools", programs=("smartctl",), required=False
    ),
)  # fmt: skip
BROWSER = SystemPackage(
    "Chromium", "browser tests", "chromium", "--cask chromium", programs=(*_CHROMIUMS, *_MAC_CHROMIUMS)
)

# Readers of our papers and books that nobody here wrote: what the tests judge by, and the product never runs.
READERS = (
    SystemPackage("Java compiler", "veraPDF", "default-jdk-headless", "openjdk", programs=("javac",)),
    SystemPackage("JAXB", "veraPDF", "libjaxb-java", "", jar="jaxb-runtime.jar"),
    SystemPackage("Exempi", "the metadata of PDFs", "exempi", "exempi", programs=("exempi",)),
    SystemPackage("Poppler", "the text of PDFs", "poppler-utils", "poppler", programs=("pdftotext",)),
    SystemPackage("hledger", "exported journals", "hledger", "hledger", programs=("hledger",)),
)


def find_program(name: str) -> str | None:
    """A program on the PATH or where Debian and Homebrew hide servers from it."""
    more = "/usr/sbin:/sbin:/usr/local/sbin:/opt/homebrew/bin:/opt/homebrew/sbin"
    return shutil.which(name, path=f"{os.environ.get('PATH', os.defpath)}:{more}")


def main() -> int:
    """Do every step; 0 when all is there."""
    parser = argparse.ArgumentParser(description="Set up haas in .venv; what is there already is skipped.")
    parser.add_argument("--with-tests", action="store_true", help="also what only the tests need")
    wanted = parser.parse_args()
    started = time.monotonic()
    try:
        with (ROOT / "pyproject.toml").open() as turn:
            fcntl.flock(turn, fcntl.LOCK_EX)  # two set-ups of one tree wait for each other
            _require_python()
            _make_environment()
            _install_packages()
            _install_project()
            _install_system(
                [*SYSTEM, *((BROWSER, *READERS) if wanted.with_tests else ())], strict=wanted.with_tests
            )
            _build_front_end()
    except SetupError as failure:
        print(f"\nSet-up stopped. {failure}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        print("\nSet-up stopped. The next one continues here.", file=sys.stderr)
        return 130
    print(f"  ready in {time.monotonic() - started:.1f} s", flush=True)
    return 0


def _say(step: str, outcome: str) -> None:
    print(f"  {step:<24} {outcome}", flush=True)


def _require_python() -> None:
    """Go on under a new enough Python, if there is one.

    :raises SetupError: if there is none.
    """
    if sys.version_info >= OLDEST_PYTHON:
        _say("Python", f"{platform.python_version()}")
        return
    for name in _PYTHONS:
        program = shutil.which(name)
        probe = f"import sys; sys.exit(sys.version_info < {OLDEST_PYTHON})"
        if program and subprocess.run([program, "-c", probe], check=False).returncode == 0:
            os.execv(program, [program, *sys.argv])  # noqa: S606 - the same script, by a newer Python
    raise SetupError(
        f"Python {platform.python_version()} is too old: 3.11 or newer is needed. "
        "Type: " + ("brew install python" if _IS_MAC else "apt-get install python3.11")
    )


def _make_environment() -> None:
    stamp = _read_stamp()
    python = VENV / "bin" / "python"
    if stamp.get("root") == str(ROOT) and python.exists():
        _say("virtual environment", ".venv")
        return
    _say("virtual environment", "making .venv …")
    if importlib.util.find_spec("ensurepip") is None:
        version = f"{sys.version_info.major}.{sys.version_info.minor}"
        _apt([f"python{version}-venv"], what="Python's venv module")
    if (VENV / "pyvenv.cfg").exists() and not _works(python):
        shutil.rmtree(VENV)  # it was moved here, or its Python is gone
    _run([sys.executable, "-m", "venv", str(VENV)], remedy=f"rm -r {VENV} && make setup")
    _write_stamp(root=str(ROOT))


def _works(python: Path) -> bool:
    if not python.exists():
        return False
    probe = "import sys, pip; print(sys.prefix)"
    answer = subprocess.run([python, "-c", probe], check=False, capture_output=True, text=True)
    return answer.stdout.strip() == str(VENV)


def _install_packages() -> None:
    lock = ROOT / "requirements.lock"
    count = sum(1 for line in lock.read_text().splitlines() if "==" in line)
    _pip_install(lock, step="Python packages", what=f"{count} locked and hashed")


def _pip_install(lock: Path, *, step: str, what: str) -> None:
    digest = hashlib.sha256(lock.read_bytes()).hexdigest()
    if _read_stamp().get(lock.name) == digest:
        _say(step, what)
        return
    _say(step, f"{what}: installing …")
    # The lock is complete, so nothing is resolved: asked for `coverage[toml]`, pip would otherwise take the
    # newest release instead of the locked one, and refuse it for its hash on the day there is a newer one.
    command = [str(VENV / "bin" / "python"), "-m", "pip", "install", "--require-hashes", "--no-deps"]
    command += ["--no-input", "--disable-pip-version-check", "--requirement", str(lock)]
    _run(command, remedy="make setup", progress=_pip_progress())
    _write_stamp(**{lock.name: digest})


def _pip_progress() -> Callable[[str], None]:
    """Show what pip is at, on one line of a terminal."""
    seen: set[str] = set()

    def show(line: str) -> None:
        words = line.split()
        if not sys.stdout.isatty() or not words:
            return
        if words[0] == "Collecting" and len(words) > 1:
            seen.add(words[1])
            print(f"\r    {len(seen):>3} {words[1][:60]:<60}", end="", flush=True)
        elif line.startswith("Installing collected"):
            print(f"\r    unpacking {len(seen)} packages{'':<50}", flush=True)

    return show


def _install_project() -> None:
    """Put the tree on the environment's path, and `haas` among its programs.

    A path file instead of an editable install: nothing to build, and tests can be imported too.
    """
    library = next((VENV / "lib").glob("python3*")) / "site-packages"
    script = (
        "#!/bin/sh\n"
        '\'\'\'exec\' "$(dirname "$0")/python" "$0" "$@"\n'  # any path length, any spaces in it
        "' '''\n"
        "import sys\n\n"
        "from haas.cli import main\n\n"
        'if __name__ == "__main__":\n'  # a process that it spawns (`haas bench`) reads this file again
        "    sys.exit(main())\n"
    )
    _write_if_changed(library / "haas.pth", f"{ROOT}\n", mode=0o644)
    _write_if_changed(VENV / "bin" / "haas", script, mode=0o755)
    _say("haas", ".venv/bin/haas")


def _write_if_changed(path: Path, text: str, *, mode: int) -> None:
    if not path.exists() or path.read_text() != text:
        path.write_text(text)
        path.chmod(mode)


def _install_system(packages: Sequence[SystemPackage], *, strict: bool) -> None:
    """Install what the operating system lacks.

    :raises SetupError: if something required cannot be installed; with `strict`, anything at all.
    """
    missing = [each for each in packages if not each.is_there()]
    if missing:
        names = ", ".join(each.what for each in missing)
        _say("system packages", f"missing: {names}")
        try:
            if _IS_MAC:
                _brew(missing)
            else:
                _apt([each.debian for each in missing], what=names)
        except SetupError as failure:
            if strict or any(each.required for each in missing):
                raise
            uses = " and ".join(dict.fromkeys(each.needed_for for each in missing))
            _say("system packages", f"going on without ({uses} will be less). {failure}")
            return
        still = [each for each in missing if not each.is_there()]
        if still and (strict or any(each.required for each in still)):
            raise SetupError(f"Installed, yet not found: {', '.join(each.what for each in still)}.")
    _say("system packages", ", ".join(each.what for each in packages))


def _apt(packages: Sequence[str], *, what: str) -> None:
    """Install Debian packages, refreshing the lists first if they are too old to find them.

    :raises SetupError: with the line to type, if we may not or it fails.
    """
    line = f"apt-get update && apt-get install -y --no-install-recommends {' '.join(packages)}"
    apt = shutil.which("apt-get")
    if apt is None:
        raise SetupError(f"{what} must be installed by this system's own means ({' '.join(packages)}).")
    if os.geteuid() != 0:
        raise SetupError(f"{what}: only root may install. Type as root: {line}")
    install = [apt, "install", "-y", "--no-install-recommends", *packages]
    environment = {"DEBIAN_FRONTEND": "noninteractive"}
    try:
        _run(install, remedy=line, environment=environment)
    except SetupError:
        _run([apt, "update"], remedy=line, environment=environment)
        _run(install, remedy=line, environment=environment)


def _brew(packages: Sequence[SystemPackage]) -> None:
    formulas = [word for each in packages for word in each.brew.split()]
    line = f"brew install {' '.join(formulas)}"
    brew = find_program("brew")
    if brew is None or os.geteuid() == 0:
        raise SetupError(f"Homebrew installs these, as an ordinary user. Type: {line}")
    _say("system packages", line)
    _run([brew, "install", *formulas], remedy=line)


def _build_front_end() -> None:
    assets = _assets_module()
    if assets.is_built():
        _say("front-end packages", "built")
        return
    if assets.find_npm() is None:
        # The tool is looked for with the environment's packages in view, as the build itself will.
        _pip_install(ROOT / "requirements-node.lock", step="node", what="from its wheel")
    _say("front-end packages", "fetching and building …")
    _run([str(VENV / "bin" / "python"), "-m", "haas.portal.assets"], remedy="make setup")
    _say("front-end packages", "built")


def _assets_module() -> ModuleType:
    spec = importlib.util.spec_from_file_location("haas_portal_assets", ROOT / "haas/portal/assets.py")
    if spec is None or spec.loader is None:
        raise SetupError("haas/portal/assets.py is missing from this tree.")
    module = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = module
    spec.loader.exec_module(module)
    return module


def _run(
    command: Sequence[str],
    *,
    remedy: str,
    environment: dict[str, str] | None = None,
    progress: Callable[[str], None] | None = None,
) -> None:
    """Run one tool, its words kept in .venv/setup.log.

    :raises SetupError: with the end of what it said, if it fails.
    """
    said: list[str] = []
    variables = {**os.environ, "PYTHONDONTWRITEBYTECODE": "", **(environment or {})}
    process = subprocess.Popen(
        command,
        cwd=ROOT,
        env=variables,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        errors="replace",
    )
    with process:
        for line in process.stdout or ():
            said.append(line)
            if progress is not None:
                progress(line)
    if VENV.exists():
        with _LOG.open("a") as log:
            log.write(f"$ {' '.join(command)}\n{''.join(said)}\n")
    if process.returncode != 0:
        end = "".join(said[-12:]).strip()
        raise SetupError(f"{Path(command[0]).name} failed:\n{end}\nWhen its cause is gone, type: {remedy}")


def _read_stamp() -> dict[str, str]:
    try:
        stamp: dict[str, str] = json.loads(_STAMP.read_text())
    except (OSError, ValueError):
        return {}
    return stamp


def _write_stamp(**entries: str) -> None:
    _STAMP.write_text(json.dumps({**_read_stamp(), **entries}, indent=1) + "\n")


if __name__ == "__main__":
    sys.exit(main())
