"""Changing the secret without ever being locked out, whatever instant the power fails.

1. The new secret is saved as `next_secret`.
2. It is posted. Until an answer comes both are kept, and the post may be repeated.
3. The server's yes is saved (`next_accepted`), and the agent connects with the new secret.
4. Connected with it: it becomes the secret, and the old one is forgotten.

A crash after 1 or 2 finds the old secret valid, a crash after 3 tries the new one first.
"""

from __future__ import annotations

import logging
from concurrent.futures import Future
from dataclasses import replace
from typing import Any, Callable, Mapping, Optional, Protocol

from agent import enrolment
from agent.clock import Clock
from agent.identity import Credentials, StateDirectory

log = logging.getLogger(__name__)

FIRST_RETRY_SECONDS = 30.0
LAST_RETRY_SECONDS = 600.0


class Background(Protocol):
    """Does slow things beside the loop, one after the other."""

    def submit(self, work: Callable[[], Any]) -> Future[Any]: ...


class Tell(Protocol):
    """Reports what became of a command."""

    def __call__(
        self, id: str, st: str, *, code: Optional[str] = None, out: Optional[Mapping[str, Any]] = None
    ) -> None: ...


class Rotation:
    """Holds the credentials and changes them."""

    def __init__(
        self,
        credentials: Credentials,
        *,
        state: StateDirectory,
        background: Background,
        clock: Clock,
        tell: Tell,
        reconnect: Callable[[str], None],
    ) -> None:
        self.credentials = credentials
        self._state = state
        self._background = background
        self._clock = clock
        self._tell = tell
        self._reconnect = reconnect
        self._refusals = 0
        self._answer: Optional[Future[Any]] = None
        self._retry_in = FIRST_RETRY_SECONDS
        unfinished = credentials.next_secret is not None and not credentials.next_accepted
        self._post_at: Optional[float] = clock.steady() if unfinished else None

    @property
    def is_busy(self) -> bool:
        return self._answer is not None

    def due_in(self) -> float:
        if self._answer is not None:
            return 0.25
        if self._post_at is not None:
            return max(0.0, self._post_at - self._clock.steady())
        return 3600.0

    def password(self) -> str:
        """Return the secret to try now; a refusal moves on to the other, if there is one."""
        choices = self.credentials.passwords()
        return choices[self._refusals % len(choices)]

    def begin(self, command: Optional[str]) -> None:
        """Begin to change the secret, or go on with a change that was begun."""
        self._save(enrolment.with_next_secret(self.credentials, command=command))
        self._refusals = 0
        if self.credentials.next_accepted:
            self._reconnect("using the new secret")
        elif self._answer is None:
            self._post_at = self._clock.steady()

    def step(self) -> None:
        """Post when it is time, and take the answer when it is there."""
        now = self._clock.steady()
        if self._answer is None and self._post_at is not None and now >= self._post_at:
            posted = self.credentials
            self._post_at = None
            self._answer = self._background.submit(lambda: enrolment.rotate(posted))
        if self._answer is None or not self._answer.done():
            return
        answer, self._answer = self._answer, None
        try:
            answer.result()
        except enrolment.Unreachable as error:
            log.warning("the new secret was not delivered: %s", error)
            self._post_at = now + self._retry_in
            self._retry_in = min(LAST_RETRY_SECONDS, self._retry_in * 2)
            return
        except enrolment.Refused as error:
            self._give_up(error)
            return
        self._retry_in = FIRST_RETRY_SECONDS
        if self.credentials.next_secret is None:
            return  # it was promoted while the answer was on its way
        self._save(replace(self.credentials, next_accepted=True))
        self._refusals = 0
        self._reconnect("using the new secret")

    def connected_with(self, password: str) -> None:
        """Note which secret the broker accepted."""
        credentials = self.credentials
        if credentials.next_secret is not None and password == credentials.next_secret:
            command = credentials.rotate_command
            self._save(credentials.promoted())
            self._refusals = 0
            self._post_at = None
            if command is not None:
                self._tell(command, "done")

    def refused(self) -> None:
        """Note that the broker turned the last secret down."""
        self._refusals += 1

    def _give_up(self, error: enrolment.Refused) -> None:
        command = self.credentials.rotate_command
        self._save(replace(self.credentials, next_secret=None, next_accepted=False, rotate_command=None))
        self._refusals = 0
        if command is not None:
            self._tell(command, "failed", code=error.code, out={"detail": str(error)})

    def _save(self, credentials: Credentials) -> None:
        self._state.save_credentials(credentials)
        self.credentials = credentials
