"""Long work shows how far it is while it runs, and what came of it in the transaction of its effect."""

from __future__ import annotations

import pytest
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session

from haas import db, progress
from haas.errors import NotFound
from haas.files import store_file
from haas.progress import LongJob
from haas.tenancy.scope import Tenant
from tests.cast import Cast


def begin(session: Session, tenant: Tenant) -> LongJob:
    """A job that was just asked for."""
    return progress.start(session, tenant, kind="export", title="Export", arguments={"a": 1}, total=10)


@pytest.fixture
def job_id(cast: Cast) -> str:
    with db.unit_of_work(cast.tenant) as session:
        return begin(session, cast.tenant).id


def read(cast: Cast, job_id: str) -> LongJob:
    with db.unit_of_work(cast.tenant) as session:
        return progress.get(session, cast.tenant, job_id=job_id)


class TestStart:
    def test_waits_in_the_name_of_whoever_asked(self, cast: Cast, job_id: str) -> None:
        job = read(cast, job_id)
        assert (job.state, job.done, job.total, job.created_by) == ("queued", 0, 10, cast.ana.id)
        assert job.finished_at is None


class TestAdvance:
    def test_is_seen_at_once_while_the_work_is_not_committed(self, cast: Cast, job_id: str) -> None:
        with db.unit_of_work(cast.tenant) as work:
            begin(work, cast.tenant)  # the long transaction
            progress.advance(cast.tenant, job_id=job_id, done=4, message="row 4")
            seen = read(cast, job_id)
        assert (seen.state, seen.done, seen.total, seen.message) == ("running", 4, 10, "row 4")

    def test_keeps_the_words_and_may_learn_the_total_late(self, cast: Cast, job_id: str) -> None:
        progress.advance(cast.tenant, job_id=job_id, done=1, message="reading")
        progress.advance(cast.tenant, job_id=job_id, done=2, total=7)
        seen = read(cast, job_id)
        assert (seen.done, seen.total, seen.message) == (2, 7, "reading")


class TestFinish:
    def test_is_whole_with_its_file_and_result(self, cast: Cast, job_id: str) -> None:
        with db.unit_of_work(cast.tenant) as session:
            stored = store_file(
                session, cast.tenant, kind="export", name="a", media_type="text/csv", content=b"a"
            )
            progress.finish(session, cast.tenant, job_id=job_id, result={"rows": 10}, file_id=stored.id)
        job = read(cast, job_id)
        assert (job.state, job.done, job.result, job.file_id) == ("done", 10, {"rows": 10}, stored.id)
        assert job.finished_at is not None

    def test_says_what_went_wrong_and_how_far_it_came(self, cast: Cast, job_id: str) -> None:
        progress.advance(cast.tenant, job_id=job_id, done=3)
        with db.unit_of_work(cast.tenant) as session:
            progress.finish(session, cast.tenant, job_id=job_id, error="Row 4: this serial is taken.")
        job = read(cast, job_id)
        assert (job.state, job.done, job.message) == ("failed", 3, "Row 4: this serial is taken.")

    def test_is_undone_with_the_effect(self, cast: Cast, job_id: str) -> None:
        with db.open_session(cast.tenant) as session:
            progress.finish(session, cast.tenant, job_id=job_id)
            session.rollback()
        assert read(cast, job_id).state == "queued"


class TestAStranger:
    def test_finds_no_job(self, cast: Cast, job_id: str) -> None:
        with db.unit_of_work(cast.stranger) as session, pytest.raises(NotFound):
            progress.get(session, cast.stranger, job_id=job_id)

    def test_cannot_hang_its_file_on_a_job(self, cast: Cast, job_id: str) -> None:
        with db.unit_of_work(cast.stranger) as session:
            foreign = store_file(
                session, cast.stranger, kind="export", name="a", media_type="text/csv", content=b"a"
            ).id
        with pytest.raises(IntegrityError), db.unit_of_work(cast.tenant) as session:
            progress.finish(session, cast.tenant, job_id=job_id, file_id=foreign)
