"""The primary is lost while clients complete skills, and its standby takes over. Nothing acknowledged is lost.

``SKILLTREE_FAILOVERS=10`` does it ten times in a row, and prints what each cost (``-s``).
"""

import os
import random
import threading
import time
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from itertools import pairwise
from pathlib import Path

import psycopg
import pytest
from psycopg.conninfo import make_conninfo

from backups import Server, until
from skilltree import Database, migrate
from skilltree.errors import DatabaseFailure, OutcomeUnknown, ServerReadOnly, ServerUnavailable
from skilltree.models.ids import SkillId, UserId
from skilltree.testing import Factory
from standby import Standby, crash

FAILOVERS = int(os.environ.get("SKILLTREE_FAILOVERS", "1"))
CLIENTS = 8
LEARNERS = 60 * FAILOVERS
SKILLS = 100
# How long it takes until somebody, or a program, has seen that the primary is gone.
SECONDS_UNTIL_NOTICED = 0.5


def tell(line: str) -> None:
    print(line)  # noqa: T201 (for whoever measures)


class Clients:
    """Threads that complete skills, and record what was acknowledged and which errors there were."""

    def __init__(self, db: Database, learners: list[UserId], skills: list[SkillId]) -> None:
        self._db = db
        self._work = [(learner, skill) for learner in learners for skill in skills]
        random.Random(0).shuffle(self._work)  # noqa: S311 (not for secrets)
        self._is_over = threading.Event()
        self.acknowledged: list[tuple[float, UserId, SkillId]] = []
        self.errors: list[tuple[float, DatabaseFailure]] = []

    @contextmanager
    def at_work(self) -> Iterator[None]:
        with ThreadPoolExecutor(CLIENTS) as threads:
            working = [threads.submit(self._complete) for _ in range(CLIENTS)]
            try:
                yield
            finally:
                self._is_over.set()
        for each in working:
            each.result()

    def _complete(self) -> None:
        while not self._is_over.is_set():
            learner, skill = self._work.pop()
            while not self._is_over.is_set():
                try:
                    self._db.as_user(learner).progress.complete_skill(learner, skill)
                except DatabaseFailure as error:
                    self.errors.append((time.monotonic(), error))
                    time.sleep(0.02)
                else:
                    self.acknowledged.append((time.monotonic(), learner, skill))
                    break
            time.sleep(0.01)

    def more(self, count: int) -> None:
        """Wait until so many more are acknowledged."""
        wanted = len(self.acknowledged) + count
        until(lambda: len(self.acknowledged) >= wanted)


def replicate_synchronously(primary: Server) -> None:
    with psycopg.connect(primary.url, autocommit=True) as connection:
        connection.execute("alter system set synchronous_standby_names = '*'")
        connection.execute("select pg_reload_conf()")
        state = "select sync_state from pg_stat_replication"
        until(lambda: connection.execute(state).fetchall() == [("sync",)])


def test_a_failover_under_load_loses_nothing_that_was_acknowledged(request: pytest.FixtureRequest, place: Path) -> None:
    folders = [place / f"server{number}" for number in range(FAILOVERS + 1)]
    primary = Server(folders[0], int(request.config.getoption("pg")))
    try:
        migrate.migrate(primary.url)
        url = make_conninfo(
            primary.url, host=",".join(map(str, folders)), target_session_attrs="read-write", connect_timeout=2
        )
        with Database(url, max_size=CLIENTS) as db:
            make = Factory(db)
            skills = [one.id for one in make.tree(*(f"skill {number}" for number in range(SKILLS)), needs={}).skills]
            clients = Clients(db, [make.learner().id for _ in range(LEARNERS)], skills)
            with clients.at_work():
                for folder in folders[1:]:
                    primary = _fail_over(clients, primary, folder)
            assert db.doctor.examine() == []
        with psycopg.connect(primary.url) as connection:
            statement = "select user_id, skill_id from user_skill_progress where status = 'COMPLETED'"
            kept = set(connection.execute(statement).fetchall())
    finally:
        crash(primary)

    acknowledged = {(learner, skill) for _, learner, skill in clients.acknowledged}
    tell(f"{len(acknowledged)} acknowledged, {len(kept - acknowledged)} more written")
    assert acknowledged <= kept
    # A client that lost its connection during a commit cannot know, and had no time to ask again.
    assert len(kept - acknowledged) <= CLIENTS
    assert {type(error) for _, error in clients.errors} <= {ServerUnavailable, OutcomeUnknown, ServerReadOnly}


def _fail_over(clients: Clients, primary: Server, folder: Path) -> Server:
    """Add a standby, lose the primary, and let the standby take over."""
    standby = Standby(folder, primary)
    replicate_synchronously(primary)
    clients.more(100)
    lost = time.monotonic()
    errors, acknowledged = len(clients.errors), len(clients.acknowledged)
    crash(primary)
    time.sleep(SECONDS_UNTIL_NOTICED)
    standby.promote()
    promoted = time.monotonic()
    clients.more(100)

    times = [at for at, *_ in clients.acknowledged[acknowledged - 1 :]]
    at = [at for at, _ in clients.errors[errors:]]
    longest = max(later - earlier for earlier, later in pairwise(times))
    names = dict(Counter(type(error).__name__ for _, error in clients.errors[errors:]))
    tell(
        f"{folder.name}: promoted after {promoted - lost:.2f} s; nothing acknowledged for"
        f" {longest:.2f} s; errors for {at[-1] - at[0]:.2f} s: {names}"
    )
    return standby
