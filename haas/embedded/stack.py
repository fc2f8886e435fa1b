"""The stack of one data folder as one object: databases, queues and broker, and the settings they imply."""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from types import TracebackType
from typing import Self
from urllib.parse import unquote, urlsplit

from haas.embedded.broker import Broker, BrokerAddress
from haas.embedded.errors import StackError
from haas.embedded.folder import DataFolder
from haas.embedded.postgres import APPLICATION, OWNER, Postgres
from haas.embedded.supervisor import Service, Supervisor
from haas.embedded.valkey import Valkey


@dataclass(frozen=True, slots=True)
class External:
    """Servers that are already there: a URL in the settings wins, and then ours is not started."""

    database_url: str | None = field(default=None, repr=False)
    owner_database_url: str | None = field(default=None, repr=False)
    redis_url: str | None = field(default=None, repr=False)
    mqtt_url: str | None = field(default=None, repr=False)
    mqtt_ca_file: str | None = None
    mqtt_public_host: str | None = None

    @classmethod
    def from_environment(cls, environment: Mapping[str, str] | None = None) -> External:
        """Read the same `HAAS_…` variables that the settings have.

        :raises StackError: if only one of the two database URLs is set.
        """
        env = os.environ if environment is None else environment
        found = cls(
            database_url=env.get("HAAS_DATABASE_URL"),
            owner_database_url=env.get("HAAS_OWNER_DATABASE_URL"),
            redis_url=env.get("HAAS_REDIS_URL"),
            mqtt_url=env.get("HAAS_MQTT_URL"),
            mqtt_ca_file=env.get("HAAS_MQTT_CA_FILE"),
            mqtt_public_host=env.get("HAAS_MQTT_PUBLIC_HOST"),
        )
        if bool(found.database_url) != bool(found.owner_database_url):
            raise StackError(
                "Set both HAAS_DATABASE_URL (the application's role) and HAAS_OWNER_DATABASE_URL "
                "(the tables' owner, for migrations), or neither."
            )
        return found


class Stack:
    """PostgreSQL, Valkey and an MQTT broker in one folder, restarted when they die.

    Use as a context manager, or call `start` and `stop`. A second start finds the data again. With
    `durable=False` the database survives the death of processes only, which is enough for tests.
    """

    def __init__(
        self,
        data_dir: Path | str,
        *,
        external: External | None = None,
        report: Callable[[str], None] | None = None,
        with_broker: bool = True,
        durable: bool = True,
    ) -> None:
        self.folder = DataFolder(Path(data_dir))
        self._external = external or External()
        self.postgres = Postgres(self.folder, durable=durable)
        self.valkey = Valkey(self.folder)
        self.broker = Broker(self.folder, host=self._external.mqtt_public_host or "127.0.0.1")
        self.supervisor = Supervisor(report)
        self._with_broker = with_broker

    def start(self) -> Self:
        """Start what the settings do not name elsewhere, side by side; return when all answer.

        :raises StackError: with the remedy, after stopping what did start.
        """
        self.folder.prepare()
        self.folder.lock()
        try:
            self.supervisor.start(self._own_services())
        except BaseException:
            self.stop()
            raise
        return self

    def stop(self) -> None:
        """Stop everything the supervisor watches, last started first."""
        self.supervisor.stop()
        self.folder.unlock()

    def __enter__(self) -> Self:
        """Start it."""
        return self.start()

    def __exit__(
        self,
        kind: type[BaseException] | None,
        value: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """Stop it."""
        self.stop()

    def stop_leftovers(self) -> list[str]:
        """Stop servers that a crashed run left behind; names of those that were running."""
        stopped = []
        for service in (self.postgres, self.valkey, self.broker):
            if service.adopt():
                service.stop()
                stopped.append(service.name)
        return stopped

    @property
    def owner_url(self) -> str:
        """The tables' owner: migrations only."""
        return self._external.owner_database_url or self.postgres.url(OWNER)

    @property
    def app_url(self) -> str:
        """The role the product runs as; it cannot bypass row-level security."""
        return self._external.database_url or self.postgres.url(APPLICATION)

    @property
    def redis_url(self) -> str:
        """Queues and rate limits."""
        return self._external.redis_url or self.valkey.url()

    @property
    def mqtt(self) -> BrokerAddress:
        """The server's way into the broker."""
        if self._external.mqtt_url is None:
            return self.broker.server
        parts = urlsplit(self._external.mqtt_url)
        ca_file = self._external.mqtt_ca_file
        return BrokerAddress(
            host=parts.hostname or "127.0.0.1",
            port=parts.port or (8883 if parts.scheme == "mqtts" else 1883),
            user=unquote(parts.username) if parts.username else None,
            password=unquote(parts.password) if parts.password else None,
            ca_file=Path(ca_file) if ca_file else None,
        )

    @property
    def runs_broker(self) -> bool:
        """Whether the broker is ours, so that its password file is ours to write."""
        return self._with_broker and self._external.mqtt_url is None

    def environment(self) -> dict[str, str]:
        """The `HAAS_…` variables for the product's processes on this stack."""
        variables = {
            "HAAS_DATABASE_URL": self.app_url,
            "HAAS_OWNER_DATABASE_URL": self.owner_url,
            "HAAS_REDIS_URL": self.redis_url,
            "HAAS_SECRET_KEY": self.folder.secret("application"),
            "HAAS_DATA_DIR": str(self.folder.path),
        }
        if self.runs_broker:
            variables["HAAS_MQTT_URL"] = self.mqtt.url
            variables["HAAS_MQTT_PUBLIC_HOST"] = self.broker.devices.host
            variables["HAAS_MQTT_PUBLIC_PORT"] = str(self.broker.devices.port)
            if self.mqtt.ca_file is not None:
                variables["HAAS_MQTT_CA_FILE"] = str(self.mqtt.ca_file)
        return variables

    def _own_services(self) -> list[Service]:
        services: list[Service] = []
        if self._external.database_url is None:
            services.append(self.postgres)
        if self._external.redis_url is None:
            services.append(self.valkey)
        if self.runs_broker:
            services.append(self.broker)
        return services
