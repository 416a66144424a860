"""The server is killed while learners complete skills. All acknowledged completions stay, and none is incomplete.

This test has its own server, which flushes its data to disk.
"""

import os
import random
import shlex
import shutil
import subprocess
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, contextmanager, suppress
from datetime import datetime
from itertools import pairwise
from pathlib import Path
from typing import Any

import psutil
import psycopg
import pytest

from _sync.factories import add_achievement, add_skills, add_tree, add_user, rows, value
from conftest import _start_debian_server, _stop_server
from drift import drift
from skilltree import Database, embedded, migrate
from skilltree.errors import ServerUnavailable
from skilltree.models.ids import SkillId, UserId
from skilltree.models.skills import Skill

KILLS = 12
CLIENTS = 8
LEARNERS = 24
SKILLS = 160
REPEATED = 0.02
SECONDS_BEFORE_A_KILL = (0.02, 0.5)
SETTINGS = ("fsync", "synchronous_commit", "full_page_writes")


def wait_until(condition: Callable[[], bool]) -> None:
    deadline = time.monotonic() + 60
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.005)


def is_dead(process: psutil.Process) -> bool:
    """Return whether a process is dead, even if its parent has not yet waited for it."""
    try:
        return process.status() == psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return True


class Server:
    """A server that can be killed with all its processes, and started again with the same options."""

    def __init__(self, version: str, folder: Path) -> None:
        if version == "15":
            host = _start_debian_server(version, folder)
        else:
            url = embedded.start(version=int(version), folder=folder)
            host = str(psycopg.conninfo.conninfo_to_dict(url)["host"])
        self.url = f"host={host} user=postgres dbname=postgres"
        self._data = folder / f"pg{version}"
        self._command = shlex.split((self._data / "postmaster.opts").read_text())
        # From here on the server is a child of this process, which waits for it. A new server does not start while the
        # old one is still in the process list.
        _stop_server(version, folder)
        self.start()

    def kill(self) -> None:
        postmaster = psutil.Process(self._process.pid)
        # From here on, the postmaster starts no more processes.
        postmaster.suspend()
        children = postmaster.children(recursive=True)
        for process in (*children, postmaster):
            with suppress(psutil.NoSuchProcess):
                process.kill()
        self._process.wait()
        wait_until(lambda: all(is_dead(process) for process in children))

    def start(self) -> None:
        user = self._data.stat().st_uid if os.geteuid() == 0 else None
        with (self._data / "log").open("ab") as log:
            self._process = subprocess.Popen(self._command, user=user, cwd="/", stdout=log, stderr=log)
        wait_until(self._answers)

    def _answers(self) -> bool:
        assert self._process.poll() is None, (self._data / "log").read_text()[-2000:]
        try:
            psycopg.connect(self.url).close()
        except psycopg.OperationalError:
            return False
        return True


@pytest.fixture
def server(request: pytest.FixtureRequest) -> Iterator[Server]:
    folder = Path(tempfile.mkdtemp(prefix="skilltree-"))
    server = Server(request.config.getoption("pg"), folder)
    yield server
    server.kill()
    shutil.rmtree(folder)


class Clients:
    """Threads that complete skills of random learners endlessly, and record what the database has acknowledged."""

    def __init__(self, db: Database, learners: list[UserId], skills: list[Skill]) -> None:
        self._db = db
        self._skills = skills
        self._done: dict[UserId, set[SkillId]] = {learner: set() for learner in learners}
        self._turns = [threading.Lock() for _ in range(CLIENTS)]
        self._go = threading.Event()
        self._stop = threading.Event()
        self.acknowledged: dict[tuple[UserId, SkillId], datetime | None] = {}
        self.outages = 0
        self.errors: list[BaseException] = []

    @contextmanager
    def at_work(self) -> Iterator[None]:
        self._go.set()
        with ThreadPoolExecutor(CLIENTS) as threads:
            for number in range(CLIENTS):
                threads.submit(self._work, number)
            try:
                yield
            finally:
                self._stop.set()
                self._go.set()

    @contextmanager
    def paused(self) -> Iterator[None]:
        """Wait until each thread has finished its call, and let none start another."""
        self._go.clear()
        with ExitStack() as turns:
            for turn in self._turns:
                turns.enter_context(turn)
            yield
        self._go.set()

    def _work(self, number: int) -> None:
        chance = random.Random(number)  # noqa: S311 (not for secrets)
        try:
            while not self._stop.is_set():
                self._go.wait()
                with self._turns[number]:
                    self._complete_one(chance)
        except BaseException as error:
            self.errors.append(error)

    def _complete_one(self, chance: random.Random) -> None:
        learner = chance.choice(list(self._done))
        done = self._done[learner]
        is_open = [one for one in self._skills if done.issuperset(one.dependencies)]
        # Sometimes one that is already completed.
        skill = chance.choice([one for one in is_open if one.id not in done or chance.random() < REPEATED])
        try:
            completion = self._db.progress.complete_skill(learner, skill.id)
        except ServerUnavailable:
            self.outages += 1
            time.sleep(0.02)
        else:
            self.acknowledged[learner, skill.id] = completion.progress.completed_at
            done.add(skill.id)


def completions(connection: psycopg.Connection[tuple[Any, ...]]) -> dict[tuple[UserId, SkillId], datetime]:
    statement = "select user_id, skill_id, completed_at from user_skill_progress where status = 'COMPLETED'"
    return {(learner, skill): at for learner, skill, at in rows(connection, statement)}


def test_killing_the_server_loses_no_acknowledged_completion_and_leaves_none_incomplete(server: Server) -> None:
    migrate.migrate(server.url)
    chance = random.Random(0)  # noqa: S311 (not for secrets)
    with Database(server.url, min_size=CLIENTS, max_size=CLIENTS) as db:
        tree = add_tree(db)
        names = [f"skill {number}" for number in range(SKILLS)]
        ladders = {later: [earlier] for earlier, later in pairwise(names) if int(later.split()[1]) % 4}
        skills = add_skills(db, tree, *(name for name in names if name not in ladders), **ladders)
        for threshold in (5, 20, 60, 120, 200):
            add_achievement(
                db, f"{threshold} skills", criteria={"type": "skill_completion_count", "threshold": threshold}
            )
            add_achievement(
                db,
                f"{threshold * 12} XP",
                criteria={"type": "xp_threshold", "threshold": threshold * 12},
                xp_reward=threshold,
            )
        clients = Clients(db, [add_user(db, f"learner{number}").id for number in range(LEARNERS)], skills)

        with clients.at_work():
            for _ in range(KILLS):
                acknowledged = len(clients.acknowledged)
                wait_until(lambda: len(clients.acknowledged) > acknowledged or bool(clients.errors))  # noqa: B023
                time.sleep(chance.uniform(*SECONDS_BEFORE_A_KILL))
                outages = clients.outages
                server.kill()
                wait_until(lambda: clients.outages > outages or bool(clients.errors))  # noqa: B023
                server.start()
                with clients.paused(), psycopg.connect(server.url, autocommit=True) as connection:
                    assert clients.errors == []
                    assert [value(connection, f"show {setting}") for setting in SETTINGS] == ["on"] * len(SETTINGS)
                    assert clients.acknowledged.items() <= completions(connection).items()
                    assert drift(connection) == {}
                    assert db.doctor.examine() == []
