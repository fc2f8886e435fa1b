"""What a deployment of one's own begins with: the first operator, and the files of its broker."""

from __future__ import annotations

import os
import secrets
import signal
import subprocess
import sys
from pathlib import Path

import pytest
import sqlalchemy as sa

from haas import db
from haas.auth.models import User
from haas.broker import acl_file_text, mosquitto_password_hash
from haas.commands.broker import KeptFiles, ingest_password
from haas.embedded.product import ROOT
from haas.errors import InvalidInput
from haas.settings import Settings
from haas.tenancy.scope import Platform
from tests.cast import Cast


def haas(settings: Settings, *words: str, said: str = "") -> subprocess.CompletedProcess[str]:
    """Run the command as an administrator does: settings by environment."""
    return subprocess.run(
        [sys.executable, "-m", "haas.cli", *words],
        cwd=ROOT,
        env={
            "PATH": os.environ["PATH"],
            "HAAS_DATABASE_URL": settings.database_url,
            "HAAS_REDIS_URL": settings.redis_url,
            "HAAS_SECRET_KEY": settings.secret_key,
            "HAAS_MQTT_URL": "mqtts://ingest:sea%40salt@broker.example:8884",
        },
        input=said,
        capture_output=True,
        text=True,
        check=False,
        timeout=120,
    )


class TestAnOperator:
    def test_is_added_with_a_password_that_is_no_argument(self, cast: Cast, settings: Settings) -> None:
        email = f"olga-{secrets.token_hex(4)}@vendor.example"
        words = ["operator", email, "--name", "Olga Reyes"]

        refused = haas(settings, *words, said="password\n")
        assert refused.returncode == 1
        assert "Traceback" not in refused.stderr

        added = haas(settings, *words, said=secrets.token_urlsafe(16) + "\n")
        assert added.returncode == 0, added.stderr
        scope = Platform("operator", actor="test", door="cli")
        with db.unit_of_work(scope) as session:
            olga = session.scalars(sa.select(User).where(User.email_norm == email)).one()
        assert (olga.level, olga.role, olga.partner_id) == ("operator", "operator.admin", None)


class TestTheBrokersFiles:
    def test_are_written_for_a_mosquitto_elsewhere(
        self, cast: Cast, settings: Settings, tmp_path: Path
    ) -> None:
        pem = tmp_path / "some.pem"
        pem.touch()
        folder = tmp_path / "broker"

        done = haas(
            settings, "broker", str(folder), "--once",
            "--certificate", str(pem), "--key", str(pem), "--ca-file", str(pem),
        )  # fmt: skip

        assert done.returncode == 0, done.stderr
        assert (folder / "acl").read_text() == acl_file_text()
        assert f"certfile {pem}" in (folder / "mosquitto.conf").read_text()
        assert [line.split(":")[0] for line in (folder / "passwords").read_text().splitlines()].count(
            "ingest"
        ) == 1
        assert (folder / "passwords").stat().st_mode & 0o777 == 0o600

    def test_tell_mosquitto_of_a_change_and_of_nothing_else(self, tmp_path: Path) -> None:
        kept = KeptFiles(tmp_path, ingest_password="salt")
        (tmp_path / "pid").write_text(str(os.getpid()))
        heard: list[int] = []
        before = signal.signal(signal.SIGHUP, lambda number, _frame: heard.append(number))
        try:
            rows = [("d-ana", mosquitto_password_hash("first"))]
            assert kept.write_passwords(rows)
            assert not kept.write_passwords(rows)
        finally:
            signal.signal(signal.SIGHUP, before)
        assert heard == [signal.SIGHUP]

    @pytest.mark.parametrize("url", [None, "mqtts://ana:first@broker.example", "mqtts://broker.example"])
    def test_need_the_servers_own_password(self, url: str | None) -> None:
        with pytest.raises(InvalidInput, match="HAAS_MQTT_URL"):
            ingest_password(url)
