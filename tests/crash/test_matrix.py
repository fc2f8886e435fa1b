"""Killed at any named point, whichever time it is reached: no gap, no duplicate, no lost cent, all once.

The story is told once, and the database, the provider and the places that are delivered to are kept as they
are at the beginning of each chapter. A point is tried in a chapter that reaches it: told by one who dies
there and by an heir, the chapter must leave the very rows, sums, states, events, mails and files that it
leaves when nobody dies.

One seed a point here; `make crash-matrix` tries twenty. A seed draws the chapter, the order in which
deliveries are done, which of the times that a point is reached is the last one, and, for every second seed,
where the heir dies too.
"""

from __future__ import annotations

import copy
import os
import random
from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, fields, replace
from pathlib import Path
from typing import Any

import pytest
from redis import Redis

from haas import crash, db
from haas.settings import Settings
from haas.settings import use as use_settings
from invoicing.payments.local_server.engine import Engine
from invoicing.payments.local_server.server import Desk
from tests.crash.effects import Effects, differences
from tests.crash.process import fork, was_killed, without_children, work
from tests.crash.story import Chapter, Story
from tests.fixtures_stack import SharedStack
from tests.invoicing.exports.sftp_server import Server, serving

SEEDS = range(int(os.environ.get("HAAS_CRASH_SEEDS", "1")))
ELSEWHERE = {"ingest.before_commit", "ingest.after_commit"}  # in tests/devices, with the subscriber itself
POINTS = sorted(crash.POINTS - ELSEWHERE)
_NOT_STATE = ("address", "on_event", "path", "lock", "clock")  # of the provider


@dataclass(frozen=True, slots=True)
class Page:
    """The beginning of a chapter, how often it reaches each point, and what it leaves when nobody dies."""

    chapter: Chapter
    template: str
    provider: dict[str, Any]
    reached: Counter[str]
    effects: Effects


@dataclass(frozen=True, slots=True)
class Told:
    """The story with its pages, and where it happens."""

    story: Story
    pages: Sequence[Page]
    stage: Stage

    def pages_with(self, point: str) -> list[Page]:
        """Those that reach it."""
        return [page for page in self.pages if page.reached[point]]


@dataclass(frozen=True, slots=True)
class Stage:
    """A database, a queue, a letter box, a provider and a server, to be set to any page."""

    stack: SharedStack
    settings: Settings
    worker_id: str
    engine: Engine
    server: Server

    @property
    def name(self) -> str:
        """Of the database in which all of it happens: one address, so that one engine reaches every page."""
        return f"haas_crash_{self.worker_id}"

    def kept(self, number: int) -> str:
        """The database as it is now, under a name of its own."""
        db.engine().dispose()
        name = f"{self.name}_{number}"
        self.stack.database(name, worker_id=self.worker_id, template=self.name)
        return name

    def kept_provider(self) -> dict[str, Any]:
        """What the provider knows now."""
        with self.engine.lock:
            names = [each.name for each in fields(Engine) if each.name not in _NOT_STATE]
            return copy.deepcopy({name: getattr(self.engine, name) for name in names})

    def restore_provider(self, kept: dict[str, Any]) -> None:
        """Let it know that again, and nothing else."""
        with self.engine.lock:
            for name, rows in copy.deepcopy(kept).items():
                setattr(self.engine, name, rows)

    @contextmanager
    def begun(self, page: Page, folder: Path) -> Iterator[Settings]:
        """A copy of the page, an empty queue and an empty letter box."""
        db.engine().dispose()
        self.stack.postgres.drop_database(self.name)
        self.stack.database(self.name, worker_id=self.worker_id, template=page.template)
        self.restore_provider(page.provider)
        yield self.emptied(folder)

    def emptied(self, folder: Path) -> Settings:
        """Nothing waits, and nothing was sent."""
        Redis.from_url(self.settings.redis_url).flushdb()
        for path in self.server.folder.iterdir():
            path.unlink()
        return replace(
            self.settings,
            mail_url=f"folder://{folder}/mail",
            data_dir=folder,
            sftp_private_hosts=True,
        )


@pytest.fixture(scope="module")
def stage(
    stack: SharedStack,
    settings: Settings,
    worker_id: str,
    payment_desk: Desk,
    tmp_path_factory: pytest.TempPathFactory,
) -> Iterator[Stage]:
    """Where it happens; other tests find the provider as they left it."""
    with serving(tmp_path_factory.mktemp("sftp")) as server, without_children():
        url = stack.database(f"haas_crash_{worker_id}", worker_id=worker_id).app_url
        db.configure(url, pool_size=2)
        own = replace(settings, database_url=url)
        made = Stage(stack, own, worker_id, payment_desk.engine, server)
        before = made.kept_provider()
        yield made
        made.restore_provider(before)
        db.configure(settings.database_url)
        use_settings(settings)  # the story's own letter box is nobody else's


@pytest.fixture(scope="module")
def told(stage: Stage, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Told]:
    """The story as it goes when nobody dies."""
    story = Story(stage.settings, engine=stage.engine, server=stage.server)
    pages: list[Page] = []
    for number, chapter in enumerate(story.chapters):
        template, provider = stage.kept(number), stage.kept_provider()
        settings = stage.emptied(tmp_path_factory.mktemp("crash"))
        counted = crash.count()
        work(settings, chapter.acts, seed=0)
        pages.append(Page(chapter, template, provider, Counter(counted), story.effects(settings)))
        crash.arm("")
        assert story.problems(settings) == [], chapter.name
    yield Told(story, pages, stage)
    db.engine().dispose()
    for name in (stage.name, *(page.template for page in pages)):
        stage.stack.postgres.drop_database(name)


class TestKilledAtANamedPoint:
    def test_reaches_every_point(self, told: Told) -> None:
        assert {point for point in POINTS if not told.pages_with(point)} == set()

    @pytest.mark.parametrize("point", POINTS)
    @pytest.mark.parametrize("seed", SEEDS)
    def test_does_everything_once(self, point: str, seed: int, told: Told, tmp_path: Path) -> None:
        draw = random.Random(f"{point}:{seed}")  # noqa: S311 - it must draw the same each time
        pages = told.pages_with(point)
        page = pages[seed % len(pages)]
        acts = page.chapter.acts
        with told.stage.begun(page, tmp_path) as settings:
            killed = fork(settings, acts, seed=seed, die_at=point, nth=draw.randint(1, page.reached[point]))
            assert was_killed(killed), f"{point} was not reached"
            if seed % 2:
                fork(settings, acts, seed=seed + 1, die_at=draw.choice(sorted(page.reached)))
            assert fork(settings, acts, seed=seed + 2) == 0
            problems = told.story.problems(settings)
            problems += differences(page.effects, told.story.effects(settings))
        assert problems == []


def test_names_every_point_of_the_product() -> None:
    root = Path(crash.__file__).parent.parent
    named: set[Any] = set()
    for room in ("haas", "devices", "leases", "invoicing"):
        for path in (root / room).rglob("*.py"):
            parts = path.read_text(encoding="utf-8").split('crashpoint("')[1:]
            named |= {part.partition('"')[0] for part in parts}
    assert named == set(crash.POINTS)
