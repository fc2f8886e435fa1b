"""Front-end packages: locked without an address, built under hashed names, found by name."""

import base64
import hashlib
import json
import re
import shutil
import subprocess
import tomllib
from pathlib import Path

import pytest

from haas.portal import assets
from haas.portal.assets import VENDOR, AssetsError, find_npm, is_built, vendor_file

HERE = Path(assets.__file__).parent


class TestTheLock:
    def test_names_no_address_and_a_hash_for_each_package(self) -> None:
        text = (HERE / "package-lock.json").read_text()
        packages = {name: each for name, each in json.loads(text)["packages"].items() if name}

        assert "http" not in text
        assert all(each["integrity"].startswith("sha512-") for each in packages.values())

    def test_has_every_package_in_the_version_we_name(self) -> None:
        wanted = json.loads((HERE / "package.json").read_text())
        locked = json.loads((HERE / "package-lock.json").read_text())["packages"]

        for name, version in {**wanted["dependencies"], **wanted["devDependencies"]}.items():
            assert locked[f"node_modules/{name}"]["version"] == version

    def test_is_what_npm_installs_from(self, tmp_path: Path) -> None:
        for name in ("package.json", "package-lock.json"):
            shutil.copy(HERE / name, tmp_path)
        found = find_npm()
        assert found is not None
        npm, path = found

        answer = subprocess.run(
            [*npm, "ci", "--dry-run", "--ignore-scripts", "--no-audit", "--offline"],
            cwd=tmp_path,
            env={"PATH": path, "HOME": str(tmp_path)},
            capture_output=True,
            text=True,
            check=False,
        )

        assert answer.returncode == 0, answer.stderr


class TestTheBuild:
    def test_is_that_of_the_present_sources(self) -> None:
        assert is_built(), "type: make setup"

    def test_names_each_file_by_its_content_and_gives_its_integrity(self) -> None:
        names = tomllib.loads((HERE / "vendor.toml").read_text())["files"]

        for name in [*names, "icons.svg"]:
            found = vendor_file(name)
            content = (VENDOR / found.url.rsplit("/", 1)[1]).read_bytes()
            digest = hashlib.sha384(content).digest()
            assert found.integrity == "sha384-" + base64.b64encode(digest).decode()
            assert hashlib.sha256(content).hexdigest()[:12] in found.url

    def test_has_every_icon_once_in_the_sprite(self) -> None:
        names = tomllib.loads((HERE / "vendor.toml").read_text())["icons"]["names"]
        sprite = (VENDOR / vendor_file("icons.svg").url.rsplit("/", 1)[1]).read_text()

        assert re.findall(r'<symbol id="([^"]+)"', sprite) == names
        assert "style=" not in sprite

    def test_keeps_the_licences_of_what_it_copies(self) -> None:
        manifest = json.loads(assets.MANIFEST.read_text())

        assert set(manifest["licences"].values()) == {"MIT", "BSD-0-Clause"}
        assert (VENDOR / "licences" / "htmx.org.txt").read_text().startswith("Zero-Clause BSD")

    def test_says_what_to_type_when_something_is_missing(self) -> None:
        with pytest.raises(AssetsError, match="make setup"):
            vendor_file("jquery.js")
