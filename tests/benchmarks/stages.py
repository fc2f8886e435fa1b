"""Where a benchmark's time goes: a second thread looks every few milliseconds at what the first one does."""

from __future__ import annotations

import sys
import threading
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from types import CodeType, FrameType
from typing import Any

LOOK_SECONDS = 0.005
REST = "the rest"


class Watch:
    """How often the watched thread was seen in each stage."""

    def __init__(self, stages: Mapping[Callable[..., Any], str]) -> None:
        self._stages: dict[CodeType, str] = {each.__code__: stage for each, stage in stages.items()}
        self._seen: Counter[str] = Counter()

    @contextmanager
    def look(self) -> Iterator[None]:
        """Watch this thread within the block; several blocks add up."""
        watched, done = threading.get_ident(), threading.Event()

        def look() -> None:
            while not done.wait(LOOK_SECONDS):
                self._seen[self._stage(sys._current_frames().get(watched))] += 1

        watcher = threading.Thread(target=look, name="watch", daemon=True)
        watcher.start()
        try:
            yield
        finally:
            done.set()
            watcher.join()

    def shares(self) -> dict[str, float]:
        """Each stage's part of the time, the greatest first."""
        total = sum(self._seen.values()) or 1
        return {stage: round(number / total, 3) for stage, number in self._seen.most_common()}

    def _stage(self, frame: FrameType | None) -> str:
        """That of the innermost function that has one."""
        while frame is not None:
            if (stage := self._stages.get(frame.f_code)) is not None:
                return stage
            frame = frame.f_back
        return REST
