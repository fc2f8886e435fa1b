"""Is everything here that haas needs, and what to do about what is not."""

from __future__ import annotations

import json
import os
import platform
import re
import subprocess
import sys
from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass
from importlib import metadata
from typing import Literal, NoReturn

from haas.embedded.binaries import find_mosquitto, find_postgres, find_valkey
from haas.embedded.errors import StackError
from haas.install import BROWSER, READERS, ROOT, SYSTEM, SystemPackage, find_program
from haas.portal.assets import MANIFEST, find_npm, is_built

Level = Literal["ok", "missing", "optional"]
_FONTS = " ".join(package.debian for package in SYSTEM if package.font)
_SIGNS = {"ok": "ok      ", "missing": "MISSING ", "optional": "optional"}


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing looked at. `optional` is missing too, but the product runs without it."""

    what: str
    level: Level
    detail: str
    remedy: str = ""

    @property
    def is_failure(self) -> bool:
        """Whether the product cannot do its work without it."""
        return self.level == "missing"

    def line(self) -> str:
        """For people."""
        remedy = f"\n{'':>10}{self.remedy}" if self.remedy else ""
        return f"{_SIGNS[self.level]}  {self.what:<20} {self.detail}{remedy}"

    def as_json(self) -> dict[str, str]:
        """For programs."""
        return asdict(self)


class _Missing(RuntimeError):
    def __init__(self, detail: str, remedy: str) -> None:
        super().__init__(detail)
        self.detail = detail
        self.remedy = remedy


def examine() -> list[Finding]:
    """Look at everything, whatever else is missing."""
    return list(_findings())


def _findings() -> Iterator[Finding]:
    yield _look("Python", _python)
    yield _look("Python packages", _packages)
    for name, needed_unless, check in (
        ("PostgreSQL", "HAAS_DATABASE_URL", _postgres),
        ("Valkey", "HAAS_REDIS_URL", _valkey),
        ("MQTT broker", "HAAS_MQTT_URL", _broker),
    ):
        if os.environ.get(needed_unless):
            yield Finding(name, "ok", f"elsewhere, by {needed_unless}")
        else:
            yield _look(name, check)
    yield _look("PDF renderer", _renderer)
    for package in SYSTEM:
        if package.what == "mosquitto":
            continue  # the MQTT broker above
        yield _system_package(package)
    yield _look("Chromium", _chromium, optional=True)
    for package in READERS:
        yield _system_package(package._replace(needed_for=f"{package.needed_for}, in tests", required=False))
    yield _look("front-end packages", _front_end)
    yield _look("settings", _settings)


def _system_package(package: SystemPackage) -> Finding:
    detail = f"for {package.needed_for}"
    if package.is_there():
        return Finding(package.what, "ok", detail)
    remedy = f"apt-get install {package.debian}" + f", or brew install {package.brew}" * bool(package.brew)
    return Finding(package.what, "missing" if package.required else "optional", detail, remedy)


def _look(what: str, check: Callable[[], str], *, optional: bool = False) -> Finding:
    try:
        return Finding(what, "ok", check())
    except _Missing as missing:
        return Finding(what, "optional" if optional else "missing", missing.detail, missing.remedy)
    except StackError as missing:
        return Finding(what, "optional" if optional else "missing", str(missing))


def _python() -> str:
    return f"{platform.python_version()} in {sys.prefix}"


def _packages() -> str:
    """Every locked package that this platform takes is there in its locked version."""
    wrong = []
    seen = 0
    for name, version, marker in _locked():
        if not _applies(marker):
            continue
        seen += 1
        try:
            found = metadata.version(name)
        except metadata.PackageNotFoundError:
            found = "none"
        if found != version:
            wrong.append(f"{name} {found} instead of {version}")
    if wrong:
        more = f" and {len(wrong) - 5} more" if len(wrong) > 5 else ""
        _missing(", ".join(wrong[:5]) + more, "make setup")
    return f"{seen}, as locked"


def _locked() -> Iterator[tuple[str, str, str]]:
    for line in (ROOT / "requirements.lock").read_text().splitlines():
        pin = re.match(r"([A-Za-z0-9._-]+)(?:\[[^]]*\])?==([^ ;\\]+)(?: *; *([^\\]+))?", line)
        if pin:
            yield pin[1], pin[2], (pin[3] or "").strip()


def _applies(marker: str) -> bool:
    if not marker:
        return True
    from packaging.markers import Marker

    return Marker(marker).evaluate()


def _postgres() -> str:
    tree = find_postgres()
    return f"{tree.major} in {tree.bin}"


def _valkey() -> str:
    program = find_valkey()
    answer = subprocess.run([program, "--version"], check=False, capture_output=True, text=True)
    version = re.search(r"v=([0-9.]+)", answer.stdout)
    return f"{version[1] if version else ''} {program}".strip()


def _broker() -> str:
    program = find_mosquitto()
    if program is not None:
        return str(program)
    try:
        return f"iotcore {metadata.version('iotcore')} (no access rules: one machine only)"
    except metadata.PackageNotFoundError:
        _missing(
            "neither mosquitto nor the iotcore wheel", "apt-get install mosquitto, or brew install mosquitto"
        )


def _renderer() -> str:
    """WeasyPrint loads its libraries when it is imported, and a process tries it so that ours stays whole."""
    probe = (
        "import weasyprint; from haas.documents.glyphs import count_fonts;"
        " print(weasyprint.__version__, count_fonts())"
    )
    answer = subprocess.run([sys.executable, "-c", probe], check=False, capture_output=True, text=True)
    if answer.returncode != 0:
        reason = answer.stderr.strip().splitlines()[-1:] or ["it cannot be imported"]
        _missing(reason[0][:200], "make setup (it names the system packages)")
    version, fonts = answer.stdout.split()
    if fonts == "0":
        _missing("no fonts are installed, so no document can be printed", f"apt-get install {_FONTS}")
    return f"WeasyPrint {version}, {fonts} font faces"


def _chromium() -> str:
    found = next(filter(None, map(find_program, BROWSER.programs)), None)
    if found is None:
        remedy = f"apt-get install {BROWSER.debian}, or brew install {BROWSER.brew}"
        _missing("needed for the browser tests only", remedy)
    return found


def _front_end() -> str:
    if not is_built():
        node = "" if find_npm() else " (no node yet: the set-up brings one)"
        _missing(f"not built from the present sources{node}", "make setup")
    return f"{len(json.loads(MANIFEST.read_text())['files'])} files"


def _settings() -> str:
    """Either none of the required ones (then `haas up` makes them) or all of them, well formed."""
    from haas.settings import MissingSetting, Settings

    if not any(os.environ.get(name) for name in ("HAAS_DATABASE_URL", "HAAS_REDIS_URL", "HAAS_SECRET_KEY")):
        return "none: `haas up` makes its own"
    try:
        settings = Settings.from_environment()
    except (MissingSetting, ValueError) as wrong:
        _missing(str(wrong), "See the table of settings in the README")
    return f"complete; portal at {settings.base_url}"


def _missing(detail: str, remedy: str) -> NoReturn:
    raise _Missing(detail, remedy)
