"""Building and starting the one-file agent: `python -m agent.bundle OUT` makes a zipapp.

paho-mqtt is pure Python and runs from inside the archive. psutil is compiled, and Python cannot
load a compiled module from an archive; so the archive holds psutil for the platform it was built
on, and at its start:

1. A psutil that the system has (python3-psutil of the distribution) is used.
2. Else the one in the archive is unpacked, once, into a directory that only this user can write,
   named by the hash of its content, and compared with the archive at every start.
3. If that does not load (another processor, musl instead of glibc), the agent says which package
   to install and ends with exit code 15.

The archive is reproducible: sorted names, one time stamp.
"""

from __future__ import annotations

import hashlib
import importlib
import os
import stat
import sys
import zipfile
from pathlib import Path
from typing import Dict, List, Optional

STAMP = (2025, 1, 1, 0, 0, 0)
PSUTIL_PREFIX = "_unpack/"
SUFFIXES = {".py", ".so", ".txt"}
MISSING_LIBRARY = 15

_MAIN = """\
import sys

from agent.bundle import provide_libraries

provide_libraries()

from agent.__main__ import main  # noqa: E402

sys.exit(main())
"""


class CannotBuild(Exception):
    """Something to be bundled is not there."""


def build(target: Path) -> Path:
    """Write the zipapp of this very agent and the libraries it runs with; return its path.

    :raises CannotBuild: if paho-mqtt or psutil are not installed.
    """
    files: Dict[str, bytes] = {"__main__.py": _MAIN.encode("ascii")}
    files.update(_package_files("agent", ""))
    files.update(_package_files("paho", ""))
    files.update(_package_files("psutil", PSUTIL_PREFIX))
    fresh = target.with_name(target.name + ".new")
    with fresh.open("wb") as file:
        file.write(b"#!/usr/bin/env python3\n")
        with zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED) as archive:
            for name in sorted(files):
                entry = zipfile.ZipInfo(name, date_time=STAMP)
                entry.compress_type = zipfile.ZIP_DEFLATED
                entry.external_attr = 0o644 << 16
                archive.writestr(entry, files[name])
    fresh.chmod(0o755)
    fresh.replace(target)
    return target


def running_archive() -> Optional[Path]:
    """Return the zipapp this program was started from, or None if it was none."""
    loader = globals().get("__loader__")
    archive = getattr(loader, "archive", None)
    return Path(archive) if isinstance(archive, str) else None


def provide_libraries() -> None:
    """Make psutil importable, or end the program with the remedy."""
    try:
        importlib.import_module("psutil")
        return
    except ImportError:
        pass
    archive = running_archive()
    if archive is not None:
        sys.path.insert(0, str(_unpack(archive, _library_home())))
        importlib.invalidate_caches()
        try:
            importlib.import_module("psutil")
            return
        except ImportError as error:
            print(f"the bundled psutil does not load here: {error}", file=sys.stderr)
    print(
        "psutil is missing: install it with 'apt install python3-psutil' (or dnf, apk, pip) and try again",
        file=sys.stderr,
    )
    sys.exit(MISSING_LIBRARY)


def _package_files(package: str, prefix: str) -> Dict[str, bytes]:
    """Return the files of a package from where this program finds it, itself an archive or not."""
    archive = running_archive()
    if archive is not None:
        with zipfile.ZipFile(archive) as source:
            start = f"{prefix}{package}/"
            return {name: source.read(name) for name in source.namelist() if name.startswith(start)}
    try:
        found = importlib.import_module(package)
    except ImportError as error:
        raise CannotBuild(f"{package} is not installed") from error
    home = Path(next(iter(found.__path__)))
    return {
        f"{prefix}{package}/{path.relative_to(home).as_posix()}": path.read_bytes()
        for path in home.rglob("*")
        if path.is_file() and path.suffix in SUFFIXES and "tests" not in path.parts
    }


def _library_home() -> Path:
    """Return a directory that is ours alone."""
    state = os.environ.get("STATE_DIRECTORY")
    if state:
        return Path(state) / "lib"
    if os.geteuid() == 0:
        return Path("/var/lib/haas-agent/lib")
    return Path.home() / ".cache" / "haas-agent" / "lib"


def _unpack(archive: Path, home: Path) -> Path:
    """Put psutil where it can be loaded from; whatever differs from the archive is replaced."""
    with zipfile.ZipFile(archive) as source:
        names: List[str] = sorted(name for name in source.namelist() if name.startswith(PSUTIL_PREFIX))
        files = {name[len(PSUTIL_PREFIX) :]: source.read(name) for name in names}
    digest = hashlib.sha256(b"".join(files.values())).hexdigest()[:16]
    place = home / digest
    place.mkdir(parents=True, exist_ok=True, mode=0o700)
    found = place.stat()
    if found.st_uid != os.geteuid() or stat.S_IMODE(found.st_mode) & 0o022:
        print(f"{place} could be changed by others; remove it", file=sys.stderr)
        sys.exit(MISSING_LIBRARY)
    for name, content in files.items():
        path = place / name
        if path.is_file() and path.read_bytes() == content:
            continue
        path.parent.mkdir(parents=True, exist_ok=True)
        fresh = path.with_name(f"{path.name}.{os.getpid()}")
        fresh.write_bytes(content)
        fresh.replace(path)
    return place


if __name__ == "__main__":
    if len(sys.argv) != 2:
        sys.exit("usage: python -m agent.bundle OUT")
    print(build(Path(sys.argv[1])))
