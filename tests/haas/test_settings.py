"""Settings come from the environment whole, and their secrets stay out of what is printed."""

from __future__ import annotations

from dataclasses import fields
from pathlib import Path

import pytest

from haas.settings import MissingSetting, Settings

NEEDED = {
    "HAAS_DATABASE_URL": "postgresql+psycopg://app:app-password@/haas",
    "HAAS_REDIS_URL": "redis://:redis-password@localhost/0",
    "HAAS_SECRET_KEY": "the-secret-key",
}
ALL = {
    **NEEDED,
    "HAAS_OWNER_DATABASE_URL": "postgresql+psycopg://owner:owner-password@/haas",
    "HAAS_MQTT_URL": "mqtts://server:mqtt-password@localhost:8883",
    "HAAS_MQTT_CA_FILE": "/etc/haas/ca.pem",
    "HAAS_MQTT_PUBLIC_HOST": "mqtt.example",
    "HAAS_MQTT_PUBLIC_PORT": "18883",
    "HAAS_BASE_URL": "https://portal.example/",
    "HAAS_MAIL_URL": "smtps://mail:mail-password@mail.example",
    "HAAS_DATA_DIR": "/srv/haas",
    "HAAS_TRUSTED_PROXIES": "2",
    "HAAS_OUTBOX_LEASE_SECONDS": "2.5",
}


class TestFromEnvironment:
    def test_reads_every_one(self) -> None:
        read = Settings.from_environment(ALL)
        assert read.database_url == ALL["HAAS_DATABASE_URL"]
        assert read.owner_database_url == ALL["HAAS_OWNER_DATABASE_URL"]
        assert read.mqtt_ca_file == Path("/etc/haas/ca.pem")
        assert (read.mqtt_public_host, read.mqtt_public_port) == ("mqtt.example", 18883)
        assert read.base_url == "https://portal.example"  # no slash at the end: addresses are put behind it
        assert read.data_dir == Path("/srv/haas")
        assert (read.trusted_proxies, read.outbox_lease_seconds) == (2, 2.5)
        assert not read.testing

    def test_does_with_the_three_that_are_needed(self) -> None:
        assert Settings.from_environment(NEEDED).mqtt_url is None

    @pytest.mark.parametrize("missing", sorted(NEEDED))
    @pytest.mark.parametrize("value", [None, ""])
    def test_names_what_is_missing(self, missing: str, value: str | None) -> None:
        environment = {name: text for name, text in NEEDED.items() if name != missing}
        if value is not None:
            environment[missing] = value
        with pytest.raises(MissingSetting, match=missing):
            Settings.from_environment(environment)

    def test_names_all_that_are_missing_at_once(self) -> None:
        with pytest.raises(MissingSetting) as refusal:
            Settings.from_environment({})
        assert all(name in str(refusal.value) for name in NEEDED)
        assert "haas up" in str(refusal.value)


class TestRepr:
    def test_shows_no_secret(self) -> None:
        shown = repr(Settings.from_environment(ALL))
        for secret in ("app-password", "owner-password", "redis-password", "mqtt-password", "mail-password"):
            assert secret not in shown
        assert "the-secret-key" not in shown
        assert "portal.example" in shown

    def test_hides_every_url_with_a_password_in_it(self) -> None:
        hidden = {each.name for each in fields(Settings) if not each.repr}
        assert {each.name for each in fields(Settings) if each.name.endswith("_url")} - hidden == {"base_url"}
        assert "secret_key" in hidden


class TestCookies:
    def test_go_over_tls_alone_where_the_portal_does(self) -> None:
        assert Settings.from_environment({**NEEDED, "HAAS_BASE_URL": "https://a.example"}).secure_cookies
        assert not Settings.from_environment(NEEDED).secure_cookies
