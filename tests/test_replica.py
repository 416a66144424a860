"""Reads that may be stale go to a real streaming standby, and learners see what they have written."""

import logging
import random
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from typing import NamedTuple

import psycopg
import pytest

from backups import Server, until
from proxy import Proxy
from skilltree import AsyncDatabase, Database
from skilltree._async import replica as async_replica
from skilltree._sync import replica as sync_replica
from skilltree.errors import InvalidCredentials, InvalidValue
from skilltree.models.ids import UserId
from skilltree.models.skills import SkillBody
from skilltree.testing import Factory
from standby import Standby, pair


class Both(NamedTuple):
    """Both servers."""

    primary: Server
    standby: Standby

    def database(self, **options: float) -> Database:
        return Database(self.primary.url, replica=self.standby.url, **options)  # type: ignore[arg-type] # of numbers

    def learners(self, count: int, *skills: str) -> tuple[list[UserId], list[SkillBody]]:
        """Make learners and skills, and wait until the standby has them."""
        with Database(self.primary.url) as db:
            make = Factory(db)
            made = make.tree(*(skills or ("a", "b")), needs={}).skills
            ids = [make.learner().id for _ in range(count)]
        self.standby.wait_for(self.primary)
        return ids, list(made)

    @contextmanager
    def paused(self) -> Iterator[None]:
        """Let the standby replay nothing."""
        with psycopg.connect(self.standby.url, autocommit=True) as connection:
            connection.execute("select pg_wal_replay_pause()")
            while connection.execute("select pg_get_wal_replay_pause_state()").fetchone() != ("paused",):
                time.sleep(0.01)
            try:
                yield
            finally:
                connection.execute("select pg_wal_replay_resume()")


@pytest.fixture(scope="module")
def servers(request: pytest.FixtureRequest) -> Iterator[Both]:
    with pair(int(request.config.getoption("pg"))) as (primary, standby):
        yield Both(primary, standby)


def reads(db: Database) -> int:
    return db.statistics()["replica_reads"]


def test_reads_outside_of_transactions_go_to_the_standby_and_all_else_to_the_primary(servers):
    [ada], skills = servers.learners(1)
    with servers.database() as db:
        db.trees.list()
        assert reads(db) == 0, "the first one learns where the primary is"

        db.trees.list()
        db.as_user(ada).progress.list_for_user(ada)
        db.json.skills.get(skills[0].id)
        db.as_service().leaderboards.top(3)
        db.together(lambda at: at.skills.get(skills[0].id), lambda at: at.trees.list())
        assert reads(db) == 5

        with db.as_user(ada) as unit:
            unit.progress.list_for_user(ada)
        list(db.users.export(ada))
        db.doctor.examine()
        db.sessions.list_active(ada)
        with pytest.raises(InvalidCredentials):
            db.accounts.log_in("nobody@example.org", "wrong", address="192.0.2.1")
        assert reads(db) == 5
        assert db.statistics()["replica_failures"] == 0


async def test_async_reads_go_to_the_standby(servers):
    [ada], skills = servers.learners(1)
    async with AsyncDatabase(servers.primary.url, replica=servers.standby.url) as db:
        await db.trees.list()
        await db.trees.list()
        assert db.statistics()["replica_reads"] == 1

        with servers.paused():
            await db.as_user(ada).progress.complete_skill(ada, skills[0].id)
            assert len((await db.as_user(ada).progress.list_for_user(ada)).items) == 1
            assert db.statistics()["replica_reads"] == 1


def test_a_learner_reads_their_own_writes_while_others_read_the_standby(servers):
    [ada, grace], skills = servers.learners(2)
    with servers.database() as db, servers.paused():
        db.trees.list()
        with db.as_user(ada) as unit:
            unit.progress.complete_skill(ada, skills[0].id)
        db.as_user(ada).progress.complete_skill(ada, skills[1].id)

        for reader in (db.as_user(ada), db.as_service(), db):
            assert len(reader.progress.list_for_user(ada).items) == len(skills)
        assert (reads(db), db.statistics()["replica_behind"]) == (0, 2)
        assert db.as_user(grace).progress.list_for_user(grace).items == ()
        assert reads(db) == 1
    servers.standby.wait_for(servers.primary)
    with servers.database() as db:
        db.trees.list()
        assert len(db.as_user(ada).progress.list_for_user(ada).items) == len(skills)
        assert reads(db) == 1


def test_what_the_service_writes_is_seen_by_everybody(servers):
    [ada], skills = servers.learners(1)
    with servers.database() as db, servers.paused():
        db.trees.list()
        db.as_service().skills.update(skills[0].id, name="Renamed")

        assert db.as_user(ada).skills.get(skills[0].id).name == "Renamed"
        assert db.skills.get(skills[0].id).name == "Renamed"
        assert reads(db) == 0


def test_no_learner_misses_a_write_of_their_own_under_load(servers):
    learners, skills = servers.learners(8, *(f"skill {number}" for number in range(25)))
    with psycopg.connect(servers.standby.url, autocommit=True) as connection:
        connection.execute("alter system set recovery_min_apply_delay = '15ms'")
        connection.execute("select pg_reload_conf()")
    with servers.database(max_size=8) as db, ThreadPoolExecutor(8) as threads:

        def learn(learner: UserId) -> int:
            chance = random.Random(str(learner))  # noqa: S311 (not for secrets)
            me = db.as_user(learner)
            for done, skill in enumerate(skills, start=1):
                me.progress.complete_skill(learner, skill.id)
                for _ in range(chance.randrange(1, 6)):
                    assert len(me.progress.list_for_user(learner).items) == done
                    time.sleep(chance.random() * 0.01)
            return done

        assert list(threads.map(learn, learners)) == [len(skills)] * 8
        found = db.statistics()
    with psycopg.connect(servers.standby.url, autocommit=True) as connection:
        connection.execute("alter system reset recovery_min_apply_delay")
        connection.execute("select pg_reload_conf()")
    assert found["replica_reads"] > 20
    assert found["replica_behind"] > 20
    assert found["replica_failures"] == 0


def test_a_standby_that_is_too_far_behind_is_not_read(servers):
    _, skills = servers.learners(1)
    with servers.database(replica_lag=0.3) as db, servers.paused(), Database(servers.primary.url) as other:
        db.trees.list()
        other.skills.update(skills[0].id, name="Of another process")
        assert db.skills.get(skills[0].id).name != "Of another process", "it may be stale"

        time.sleep(0.31)
        db.trees.list()

        assert db.skills.get(skills[0].id).name == "Of another process"
        assert (reads(db), db.statistics()["replica_behind"]) == (1, 1)


@pytest.mark.parametrize("lag", [0, -1, float("nan")])
def test_a_lag_that_is_no_time_is_refused(servers, lag):
    with pytest.raises(InvalidValue, match="replica_lag must be more than 0"):
        servers.database(replica_lag=lag)


def test_a_url_of_the_standby_with_another_isolation_is_refused(servers):
    url = f"{servers.standby.url} options='-c default_transaction_isolation=serializable'"
    with pytest.raises(InvalidValue, match="must not set default_transaction_isolation"):
        Database(servers.primary.url, replica=url)


def test_reads_go_to_the_primary_while_the_standby_is_down(servers, monkeypatch, caplog):
    _, skills = servers.learners(1)
    monkeypatch.setattr(sync_replica, "_PAUSE", 0.1)
    with servers.database() as db:
        db.trees.list()
        db.trees.list()
        assert reads(db) == 1
        servers.standby.stop()

        for _ in range(3):
            assert db.skills.get(skills[0].id).id == skills[0].id
        with servers.database() as opened_meanwhile:
            opened_meanwhile.trees.list()
        assert reads(db) == 1
        assert db.statistics()["replica_failures"] >= 1
        assert "the replica is not read for 0 s: ServerUnavailable" in caplog.text

        servers.standby.start()
        time.sleep(0.2)
        db.trees.list()
        db.trees.list()
        assert reads(db) >= 2


def test_a_read_is_one_round_trip_and_goes_to_the_primary_if_the_connection_breaks(servers, caplog):
    _, skills = servers.learners(1)
    caplog.set_level(logging.INFO, "skilltree.replica")
    with (
        # It ends last. A read that waits for the author would keep it from ending.
        ThreadPoolExecutor(1) as thread,
        Proxy(servers.standby.url) as proxy,
        Database(servers.primary.url, replica=proxy.url, replica_lag=60) as db,
        psycopg.connect(servers.primary.url) as author,
        psycopg.connect(servers.standby.url, autocommit=True) as standby,
    ):
        db.trees.list()
        proxy.reset()
        db.skills.get(skills[0].id)
        assert (reads(db), proxy.round_trips) == (1, 1)
        author.execute("lock table skills in access exclusive mode")
        servers.standby.wait_for(servers.primary)

        reading = thread.submit(db.skills.get, skills[0].id)
        waiting = "select 1 from pg_stat_activity where wait_event_type = 'Lock'"
        until(lambda: standby.execute(waiting).fetchone() == (1,))
        proxy.cut()
        author.rollback()

        assert reading.result().id == skills[0].id
        assert (reads(db), db.statistics()["replica_failures"]) == (1, 1)
        assert "a read goes to the primary after ServerUnavailable" in caplog.text


def test_a_primary_in_the_place_of_the_standby_is_not_read(servers, caplog):
    with Database(servers.primary.url, replica=servers.primary.url) as db:
        for _ in range(3):
            db.trees.list()

        assert reads(db) == 0
    assert caplog.text.count("the replica is not read for 5 s: it is no standby") == 1


def test_a_standby_that_was_promoted_is_not_read_any_more(servers, caplog):
    _, skills = servers.learners(1)
    with servers.database() as db:
        db.trees.list()
        db.trees.list()
        assert reads(db) == 1

        servers.standby.promote()
        with Database(servers.standby.url) as promoted:
            promoted.skills.update(skills[0].id, name="Of the other history")

        assert db.skills.get(skills[0].id).name != "Of the other history"
        assert reads(db) == 1
    assert "it is no standby" in caplog.text
    assert async_replica._PAUSE == sync_replica._PAUSE
