"""The teller of a journey: sets the date, speaks to the doors, lets the jobs run."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

from flask.testing import FlaskClient
from redis import Redis
from rq import Queue, SimpleWorker
from werkzeug.test import TestResponse

from haas import db, relay
from haas.auth.models import User
from haas.outbox import OutboxDelivery
from haas.reactions import QUEUES
from haas.settings import Settings
from haas.tenancy.scope import scoped
from tests.cast import Cast

LEASE = timedelta(seconds=60)


@dataclass(slots=True)
class Story:
    """Who plays, what time it is, and the doors."""

    cast: Cast
    settings: Settings
    valkey: Redis
    api: Callable[..., FlaskClient]
    web: Callable[..., FlaskClient]
    now: datetime = datetime(2026, 1, 5, 14, 0, tzinfo=UTC)
    _programs: dict[str, FlaskClient] = field(default_factory=dict)

    def on(self, text: str) -> datetime:
        """It is now this moment of 2026 in UTC: "03-17 15:00"."""
        self.now = datetime.fromisoformat(f"2026-{text}").replace(tzinfo=UTC)
        return self.now

    def get(self, user: User, path: str) -> Any:
        """What the API answers to `user`."""
        answer = self._program(user).get(path)
        assert answer.status_code == 200, answer.get_data(as_text=True)
        return answer.json if answer.is_json else answer.data

    def post(self, user: User, path: str, body: dict[str, Any] | None = None, *, refused: int = 0) -> Any:
        """Ask the API to change something, or see it `refused` with this status."""
        return self._changed(self._program(user).post(path, json=body or {}), refused=refused)

    def patch(self, user: User, path: str, body: dict[str, Any]) -> Any:
        """Ask the API to correct something."""
        return self._changed(self._program(user).patch(path, json=body))

    def put(self, user: User, path: str, body: dict[str, Any]) -> Any:
        """Ask the API to set something."""
        return self._changed(self._program(user).put(path, json=body))

    def work(self) -> None:
        """Let the relay hand over and the workers work until nothing waits; each job must have succeeded."""
        while relay.step(self.valkey, now=self.now, lease=LEASE) or self._waits():
            for name in QUEUES:
                queue = Queue(name, connection=self.valkey)
                if queue.count:
                    SimpleWorker([queue], connection=self.valkey).work(burst=True, logging_level="ERROR")
        with db.unit_of_work(self.cast.tenant) as session:
            undone = session.scalars(
                scoped(OutboxDelivery, self.cast.tenant).where(OutboxDelivery.state != "done")
            )
            assert [(row.reaction, row.error) for row in undone] == []

    def _waits(self) -> bool:
        return any(Queue(name, connection=self.valkey).count for name in QUEUES)

    def _program(self, user: User) -> FlaskClient:
        if user.id not in self._programs:
            self._programs[user.id] = self.api(user)
        return self._programs[user.id]

    @staticmethod
    def _changed(answer: TestResponse, *, refused: int = 0) -> Any:
        expected = {refused} if refused else {200, 201, 202}
        assert answer.status_code in expected, f"{answer.status_code}: {answer.get_data(as_text=True)}"
        return answer.json
