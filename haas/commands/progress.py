"""How long work shows how far it is: a bar on a terminal, a line a step elsewhere."""

from __future__ import annotations

import threading
from types import TracebackType
from typing import Protocol, Self

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TaskID, TextColumn, TimeRemainingColumn


class Report(Protocol):
    """What long work calls as it goes on; `total` may be learnt later than the first call."""

    def __call__(self, step: str, done: int, total: int) -> None:
        """`done` of `total` pieces of the step are done."""


class StoppedByUser(RuntimeError):
    """Somebody asked us to stop in the middle of long work; the next run continues."""


class ProgressBars:
    """A `Report` with one bar a step. With `stop`, long work ends at its next report once that is set."""

    def __init__(self, console: Console, *, stop: threading.Event | None = None) -> None:
        self._stop = stop
        self._console = console
        self._bars: dict[str, TaskID] = {}
        self._finished: set[str] = set()
        self._progress = Progress(
            TextColumn("  {task.description:<24}"),
            BarColumn(bar_width=32),
            MofNCompleteColumn(),
            TimeRemainingColumn(),
            console=console,
            disable=not console.is_terminal,
        )

    def __enter__(self) -> Self:
        """Show the bars."""
        self._progress.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, value: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Leave them as they are."""
        self._progress.stop()

    def __call__(self, step: str, done: int, total: int) -> None:
        """Move the step's bar.

        :raises StoppedByUser: if we were asked to stop.
        """
        if self._stop is not None and self._stop.is_set():
            raise StoppedByUser("Stopped. The next start continues.")
        if step not in self._bars:
            self._bars[step] = self._progress.add_task(step, total=total)
        self._progress.update(self._bars[step], completed=done, total=total)
        if done >= total and step not in self._finished:
            self._finished.add(step)
            if not self._console.is_terminal:
                self._console.print(f"  {step:<24} {done}")
