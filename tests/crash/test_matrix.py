"""Killed at any named point, whichever time it is reached: no gap, no duplicate, no lost cent, all once.

One seed a point here; `make crash-matrix` tries twenty. A seed draws the order in which deliveries are
done, which of the times that a point is reached is the last one, and, for every second seed, where the
heir dies too.
"""

from __future__ import annotations

import os
import random
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import pytest
from redis import Redis

from haas import crash, db
from haas.settings import Settings
from tests.crash.acts import Matrix
from tests.crash.process import fork, render_in_this_process, was_killed, work
from tests.fixtures_stack import SharedStack

SEEDS = range(int(os.environ.get("HAAS_CRASH_SEEDS", "1")))
ELSEWHERE = {"ingest.before_commit", "ingest.after_commit"}  # in tests/devices, with the subscriber itself
POINTS = sorted(crash.POINTS - ELSEWHERE)


@dataclass(frozen=True, slots=True)
class Prepared:
    """A database in which the story is about to begin, and how often it reaches each point."""

    matrix: Matrix
    stack: SharedStack
    settings: Settings
    worker_id: str
    template: str

    @contextmanager
    def begun(self, folder: Path) -> Iterator[Settings]:
        """A copy of the story's first page, an empty queue and an empty letter box."""
        Redis.from_url(self.settings.redis_url).flushdb()
        made = self.stack.database(f"{self.template}_run", worker_id=self.worker_id, template=self.template)
        db.configure(made.app_url)
        yield replace(
            self.settings, database_url=made.app_url, mail_url=f"folder://{folder}/mail", data_dir=folder
        )
        db.engine().dispose()
        self.stack.postgres.drop_database(made.name)


@pytest.fixture(scope="module")
def prepared(stack: SharedStack, settings: Settings, worker_id: str) -> Iterator[Prepared]:
    """The story's first page."""
    render_in_this_process()
    first = stack.database(f"haas_crash_{worker_id}", worker_id=worker_id)
    db.configure(first.app_url)
    matrix = Matrix(settings)
    db.engine().dispose()
    yield Prepared(matrix, stack, settings, worker_id, first.name)
    db.configure(settings.database_url)
    stack.postgres.drop_database(first.name)


@pytest.fixture(scope="module")
def reached(prepared: Prepared, tmp_path_factory: pytest.TempPathFactory) -> Counter[str]:
    """How often each point is reached when nobody dies."""
    with prepared.begun(tmp_path_factory.mktemp("crash")) as settings:
        counted = crash.count()
        work(settings, prepared.matrix.acts, seed=0)
        found = Counter(counted)
        crash.arm("")
        assert prepared.matrix.problems(settings) == []
    return found


class TestKilledAtANamedPoint:
    def test_reaches_every_point(self, reached: Counter[str]) -> None:
        assert {point for point in POINTS if not reached[point]} == set()

    @pytest.mark.parametrize("seed", SEEDS)
    @pytest.mark.parametrize("point", POINTS)
    def test_does_everything_once(
        self, point: str, seed: int, prepared: Prepared, reached: Counter[str], tmp_path: Path
    ) -> None:
        draw = random.Random(f"{point}:{seed}")  # noqa: S311 - it must draw the same each time
        acts = prepared.matrix.acts
        with prepared.begun(tmp_path) as settings:
            killed = fork(settings, acts, seed=seed, die_at=point, nth=draw.randint(1, reached[point]))
            assert was_killed(killed), f"{point} was not reached"
            if seed % 2:
                fork(settings, acts, seed=seed + 1, die_at=draw.choice(POINTS))
            assert fork(settings, acts, seed=seed + 2) == 0
            problems = prepared.matrix.problems(settings)
        assert problems == []


def test_names_every_point_of_the_product() -> None:
    root = Path(crash.__file__).parent.parent
    named: set[Any] = set()
    for room in ("haas", "devices", "leases", "invoicing"):
        for path in (root / room).rglob("*.py"):
            parts = path.read_text(encoding="utf-8").split('crashpoint("')[1:]
            named |= {part.partition('"')[0] for part in parts}
    assert named == set(crash.POINTS)
