"""The server's clock jumps, by hours or by years, forwards or back. What was earned stays, and the next work counts.

Debian's library libfaketime tells the server the time; it reads it from a file before each answer.
"""

from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import psycopg
import pytest

from backups import Server
from skilltree import Database, migrate
from skilltree.errors import SessionNotFound
from skilltree.maintain import Options, maintain
from skilltree.testing import Factory

LIBRARIES = [*Path("/usr/lib").glob("*/faketime/libfaketime.so.1"), *Path("/usr/lib").glob("faketime/libfaketime.so.1")]
PASSWORD = "a long password"


class Clock:
    """The clock of a server."""

    def __init__(self, file: Path) -> None:
        self._file = file
        self.jump(timedelta())

    def jump(self, by: timedelta) -> None:
        """Let the clock differ from the true time by so much."""
        # One write, because the server may read at any moment.
        self._file.write_text(f"{by.total_seconds():+.0f}\n")


@pytest.fixture
def clock(place: Path) -> Clock:
    if not LIBRARIES:
        pytest.skip("Debian's package libfaketime is not installed")
    clock = Clock(place / "clock")
    (place / "clock").chmod(0o644)
    return clock


@pytest.fixture
def server(
    request: pytest.FixtureRequest, place: Path, clock: Clock, monkeypatch: pytest.MonkeyPatch
) -> Iterator[Server]:
    faked = {
        "LD_PRELOAD": str(LIBRARIES[0]),
        "FAKETIME_TIMESTAMP_FILE": str(place / "clock"),
        "FAKETIME_NO_CACHE": "1",
        "FAKETIME_DONT_FAKE_MONOTONIC": "1",
    }
    with monkeypatch.context() as patched:
        for name, value in faked.items():
            patched.setenv(name, value)
        server = Server(place / "server", int(request.config.getoption("pg")))
    migrate.migrate(server.url)
    yield server
    server.run("pg_ctl", "-w", "-m", "immediate", "stop")


def now(server: Server) -> float:
    with psycopg.connect(server.url) as connection:
        row = connection.execute("select extract(epoch from now())::float8").fetchone()
    assert row is not None
    return float(row[0])


@pytest.mark.parametrize(
    "by",
    [timedelta(hours=-1), timedelta(days=-2), timedelta(days=-400), timedelta(hours=1), timedelta(days=2)],
    ids=lambda by: f"{by.total_seconds() / 3600:+.0f}h",
)
def test_work_after_a_jump_counts_once_and_takes_nothing_away(server: Server, clock: Clock, by: timedelta) -> None:
    with Database(server.url, min_size=1, max_size=2) as db:
        make = Factory(db)
        tree = make.tree("first", "second", "third", needs={"third": ["first", "second"]})
        first, second, third = (one.id for one in tree.skills)
        learner = make.learner().id
        progress = db.as_user(learner).progress
        progress.complete_skill(learner, first)
        before, true = db.users.get_profile(learner), now(server)

        clock.jump(by)

        assert now(server) - true == pytest.approx(by.total_seconds(), abs=60)
        progress.complete_skill(learner, second)
        assert progress.complete_skill(learner, second).already_completed
        between = db.users.get_profile(learner)
        clock.jump(timedelta())
        progress.complete_skill(learner, third)
        after = db.users.get_profile(learner)

        assert before.total_xp < between.total_xp < after.total_xp
        assert after.skills_completed == 3
        assert min(between.current_streak, after.current_streak) >= 0
        assert after.max_streak >= before.max_streak
        assert db.doctor.examine() == []
        with psycopg.connect(server.url) as connection:
            [(events, ids)] = connection.execute("select count(*), count(distinct id) from xp_events").fetchall()
        assert events == ids == 3
        assert all(outcome.result.name != "FAILED" for outcome in maintain(server.url, options=Options()))


def test_a_session_ends_when_the_clock_passes_its_end_and_lives_no_longer_after_a_jump_back(
    server: Server, clock: Clock
) -> None:
    with Database(server.url, min_size=1, max_size=2) as db:
        learner = Factory(db).learner(password=PASSWORD)
        valid = timedelta(days=1)
        session = db.accounts.log_in(learner.email, PASSWORD, valid_for=valid, bcrypt_cost=4)

        clock.jump(timedelta(days=-2))
        resumed = db.sessions.resume(session.token)
        clock.jump(timedelta(hours=25))

        assert resumed.expires_at == session.session.expires_at
        with pytest.raises(SessionNotFound):
            db.sessions.resume(session.token)
        clock.jump(timedelta())
        again = db.accounts.log_in(learner.email, PASSWORD, valid_for=valid, bcrypt_cost=4)
        assert db.sessions.resume(again.token).id == again.session.id
