"""Settings from the environment, read once and checked at boot."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path


class MissingSetting(RuntimeError):
    """A setting that the process cannot start without."""


@dataclass(frozen=True, slots=True)
class Settings:
    """Everything a process is told from outside. Secrets never reach `repr`."""

    database_url: str = field(repr=False)  # the application role: cannot bypass row-level security
    redis_url: str = field(repr=False)
    secret_key: str = field(repr=False)  # signs cookies, peppers token hashes, encrypts stored secrets
    owner_database_url: str | None = field(default=None, repr=False)  # migrations only
    mqtt_url: str | None = field(default=None, repr=False)  # mqtts://user:password@host:port
    mqtt_ca_file: Path | None = None
    mqtt_public_host: str = "127.0.0.1"  # what an enrolled device is told to connect to …
    mqtt_public_port: int = 8883  # … and where; mqtt_url is the server's own way in
    base_url: str = "http://127.0.0.1:8080"  # how browsers and phones reach the portal
    mail_url: str = field(default="", repr=False)  # smtp://…, smtps://… or folder:///path
    data_dir: Path = Path("var")
    trusted_proxies: int = 0  # how many reverse proxies set X-Forwarded-*
    outbox_lease_seconds: float = 10  # how soon the work of a killed worker is handed out again
    sftp_private_hosts: bool = False  # whether exports may go to SFTP servers of private networks
    # Where `haas payment-provider` answers; empty: it is not on offer.
    payment_provider_url: str = field(default="", repr=False)
    stripe_url: str = field(default="https://api.stripe.com", repr=False)
    testing: bool = False

    @property
    def secure_cookies(self) -> bool:
        """Cookies go over TLS alone, unless the portal itself is plain HTTP on one machine."""
        return self.base_url.startswith("https://")

    @classmethod
    def from_environment(cls, environment: Mapping[str, str] | None = None) -> Settings:
        """Read `HAAS_…` variables.

        :raises MissingSetting: naming every variable that is required and absent.
        """
        env = os.environ if environment is None else environment
        required = ("HAAS_DATABASE_URL", "HAAS_REDIS_URL", "HAAS_SECRET_KEY")
        missing = [name for name in required if not env.get(name)]
        if missing:
            raise MissingSetting(
                f"Set {', '.join(missing)}; `haas up` starts a whole stack and sets them for you."
            )
        ca_file = env.get("HAAS_MQTT_CA_FILE")
        return cls(
            database_url=env["HAAS_DATABASE_URL"],
            redis_url=env["HAAS_REDIS_URL"],
            secret_key=env["HAAS_SECRET_KEY"],
            owner_database_url=env.get("HAAS_OWNER_DATABASE_URL"),
            mqtt_url=env.get("HAAS_MQTT_URL"),
            mqtt_ca_file=Path(ca_file) if ca_file else None,
            mqtt_public_host=env.get("HAAS_MQTT_PUBLIC_HOST", "127.0.0.1"),
            mqtt_public_port=int(env.get("HAAS_MQTT_PUBLIC_PORT", "8883")),
            base_url=env.get("HAAS_BASE_URL", "http://127.0.0.1:8080").rstrip("/"),
            mail_url=env.get("HAAS_MAIL_URL", ""),
            data_dir=Path(env.get("HAAS_DATA_DIR", "var")),
            trusted_proxies=int(env.get("HAAS_TRUSTED_PROXIES", "0")),
            outbox_lease_seconds=float(env.get("HAAS_OUTBOX_LEASE_SECONDS", "10")),
            sftp_private_hosts=env.get("HAAS_SFTP_PRIVATE_HOSTS") == "1",
            payment_provider_url=env.get("HAAS_PAYMENT_PROVIDER_URL", "").rstrip("/"),
            stripe_url=env.get("HAAS_STRIPE_URL", "https://api.stripe.com").rstrip("/"),
            testing=env.get("HAAS_TESTING") == "1",
        )


_in_use: Settings | None = None


def use(settings: Settings) -> None:
    """Make these the settings of this process; called once where a process starts, before its first job."""
    global _in_use
    _in_use = settings


def current() -> Settings:
    """This process's settings: for jobs, which are handed ids alone. Everything else is passed its settings.

    :raises MissingSetting: if none were set and the environment does not name them.
    """
    return _in_use if _in_use is not None else Settings.from_environment()
