"""Numbers of a series have no gaps and no doubles, whoever takes them and whatever is rolled back."""

from __future__ import annotations

import random
import threading

from sqlalchemy.orm import Session

from haas import db
from haas.series import take_number, take_numbers
from tests.cast import Cast


class Undone(RuntimeError):
    """A transaction that does not come to its end."""


class TestTakeNumbers:
    def test_begins_at_one_and_goes_on(self, session: Session, cast: Cast) -> None:
        assert take_numbers(session, cast.tenant, series="tag") == range(1, 2)
        assert take_numbers(session, cast.tenant, series="tag", count=3) == range(2, 5)
        assert take_numbers(session, cast.tenant, series="tag") == range(5, 6)

    def test_counts_each_series_apart(self, session: Session, cast: Cast) -> None:
        take_numbers(session, cast.tenant, series="invoice-2026", count=9)
        assert take_numbers(session, cast.tenant, series="invoice-2027")[0] == 1

    def test_counts_each_partner_apart(self, cast: Cast) -> None:
        for tenant in (cast.tenant, cast.stranger):
            with db.unit_of_work(tenant) as session:
                assert take_numbers(session, tenant, series="tag")[0] == 1

    def test_gives_numbers_back_that_were_not_used(self, cast: Cast) -> None:
        with db.open_session(cast.tenant) as session:
            take_numbers(session, cast.tenant, series="tag", count=7)
            session.rollback()
        with db.unit_of_work(cast.tenant) as session:
            assert take_numbers(session, cast.tenant, series="tag")[0] == 1

    def test_leaves_no_gap_among_rivals_of_whom_a_fifth_roll_back(self, cast: Cast) -> None:
        taken: list[int] = []
        gate = threading.Barrier(6)

        def rival(seed: int) -> None:
            dice = random.Random(seed)  # noqa: S311 - dice of a test
            mine: list[int] = []
            gate.wait()
            for _ in range(25):
                try:
                    with db.unit_of_work(cast.tenant) as session:
                        numbers = take_numbers(
                            session, cast.tenant, series="invoice", count=dice.choice((1, 1, 3))
                        )
                        if dice.random() < 0.2:
                            raise Undone
                except Undone:
                    continue
                mine.extend(numbers)
            taken.extend(mine)

        rivals = [threading.Thread(target=rival, args=(seed,)) for seed in range(6)]
        for each in rivals:
            each.start()
        for each in rivals:
            each.join()
        assert len(taken) > 100
        assert sorted(taken) == list(range(1, len(taken) + 1))


class TestTakeNumber:
    def test_prints_it(self, session: Session, cast: Cast) -> None:
        assert take_number(session, cast.tenant, series="lease", pattern="L-{:05d}") == "L-00001"
        assert take_number(session, cast.tenant, series="lease", pattern="L-{:05d}") == "L-00002"
