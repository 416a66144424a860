"""Convert a database of many learners by `skilltree partition` while clients work in it, and look for what is lost.

The database is on a new embedded server, or on that of ``DATABASE_URL`` (as a superuser); it is dropped at the end.
Each client completes skills, records activity, begins and ends sessions, and reads, for one learner after the other and
as that learner. Prints the longest waits, and compares afterwards: what the clients were told, and all rows of the
learners they did not touch. Ends with 1 if something differs.
"""

import argparse
import json
import os
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from threading import Event, Lock
from typing import Any, NamedTuple

import psycopg
from psycopg import Connection, sql

from skilltree import Database, seed
from skilltree.migrate.partition import TABLES
from skilltree.migrate.scratch import scratch_database
from skilltree.models.ids import SkillId, UserId
from skilltree.models.trees import LoadedTree
from tools.bench.scale import embedded_or_given
from tools.bench.scale_data import chosen, fill, place_in

_SLUG = "practical-postgresql"
_MINUTES = 7
_PAUSE = 0.02
_WRITTEN = """
    select 'activity', user_id from user_skill_progress
    where skill_id = %(skill_id)s and time_spent_minutes = %(minutes)s
    union all
    select 'day', user_id from user_activity_days where minutes = %(minutes)s
    union all
    select 'completion', user_id from user_skill_progress where skill_id = %(skill_id)s and status = 'COMPLETED'
    union all
    select 'XP', user_id from xp_events where source_kind = 'SKILL' and source_id = %(skill_id)s
    union all
    select 'session', user_id from user_sessions where not is_active
"""
_PROGRAM = Path(sys.executable).parent / "skilltree"

Checksums = dict[str, object]


class Wait(NamedTuple):
    """A call of a client: when it began, on the clock of ``time.monotonic``, and how long it took."""

    call: str
    begun: float
    seconds: float


class Work:
    """What the clients did, and what they were told."""

    def __init__(self, db: Database, tree: LoadedTree, skill: SkillId, learners: Sequence[UserId]) -> None:
        self.waits: list[Wait] = []
        self.completed: set[UserId] = set()
        self.active: set[UserId] = set()
        self.ended: set[UserId] = set()
        self.problems: list[str] = []
        self._db, self._tree, self._skill = db, tree, skill
        self._learners, self._turn, self.stop = iter(learners), Lock(), Event()

    def run(self) -> None:
        """Work for one learner after the other until told to stop."""
        while not self.stop.is_set():
            with self._turn:
                learner = next(self._learners, None)
            if learner is None:
                self.problems.append("there were too few learners: give more --touched")
                return
            try:
                self._serve(learner)
            except Exception as error:
                self.problems.append(f"{type(error).__name__}: {error}")
                time.sleep(_PAUSE)

    def _serve(self, learner: UserId) -> None:
        me = self._db.as_user(learner)
        with self._timed("sessions.start"):
            session = self._db.as_service().sessions.start(learner)
        with self._timed("dashboard"):
            me.progress.dashboard(learner)
        with self._timed("record_activity"):
            me.progress.record_activity(learner, self._skill, minutes=_MINUTES)
        self.active.add(learner)
        with self._timed("trees.load"):
            me.trees.load(self._tree.slug, learner)
        with self._timed("complete_skill"):
            me.progress.complete_skill(learner, self._skill)
        self.completed.add(learner)
        with self._timed("next_skills"):
            me.progress.next_skills(learner, tree_id=self._tree.id)
        with self._timed("sessions.end"):
            me.sessions.end(learner, session.session.id)
        self.ended.add(learner)

    @contextmanager
    def _timed(self, call: str) -> Iterator[None]:
        begun = time.monotonic()
        try:
            yield
        finally:
            self.waits.append(Wait(call, begun, time.monotonic() - begun))
        time.sleep(_PAUSE)


class Outcome(NamedTuple):
    """What was measured: the tables as the command reports them, the calls before and during it, what is wrong."""

    tables: list[dict[str, Any]]
    seconds: float
    before: list[Wait]
    during: list[Wait]
    deadlocks: int
    problems: list[str]


def convert(url: str, learners: int, *, clients: int, touched: int, parts: int, quiet_seconds: float) -> Outcome:
    """Fill the database, partition it while clients work, and compare. It must be migrated and empty."""
    with Database(url, max_size=clients) as db, psycopg.connect(url, autocommit=True) as connection:
        for _ in seed.seed(db):
            pass
        tree = db.trees.load(_SLUG)
        place = place_in(tree)
        _say(f"filling in {learners:,} learners")
        fill(connection, 1, learners, place)
        some = chosen(connection, touched)
        _say("computing checksums")
        expected, findings = _checksums(connection, some), db.doctor.examine()
        deadlocks = _deadlocks(connection)
        work = Work(db, tree, place.open[0].id, some)
        with ThreadPoolExecutor(clients) as pool:
            working = [pool.submit(work.run) for _ in range(clients)]
            try:
                time.sleep(quiet_seconds)
                _say("partitioning")
                begun = time.monotonic()
                tables = _partition(url, parts)
                seconds = time.monotonic() - begun
            finally:
                work.stop.set()
            for each in working:
                each.result()
        _say("comparing")
        problems = [*work.problems, *_lost(connection, work, place.open[0].id)]
        found = _checksums(connection, some)
        problems += [
            f"{table}: the rows of other learners differ" for table in TABLES if found[table] != expected[table]
        ]
        problems += [f"doctor: {finding}" for finding in db.doctor.examine() if finding not in findings]
        return Outcome(
            tables,
            seconds,
            [wait for wait in work.waits if wait.begun < begun],
            [wait for wait in work.waits if wait.begun >= begun],
            _deadlocks(connection) - deadlocks,
            problems,
        )


def _partition(url: str, parts: int) -> list[dict[str, Any]]:
    told = subprocess.run(
        [_PROGRAM, "partition", "--yes", "--json", "--parts", str(parts)],
        env=os.environ | {"DATABASE_URL": url},
        stdout=subprocess.PIPE,
        check=True,
    ).stdout
    tables: list[dict[str, Any]] = json.loads(told)
    return tables


def _deadlocks(connection: Connection[Any]) -> int:
    row = connection.execute("select deadlocks from pg_stat_database where datname = current_database()").fetchone()
    return int(row[0]) if row else 0


def _checksums(connection: Connection[Any], touched: Sequence[UserId]) -> Checksums:
    statement = sql.SQL(
        "select count(*), sum(hashtextextended(original::text, 0)::numeric) from {} as original"
        " where user_id <> all(%s)"
    )
    return {
        table: connection.execute(statement.format(sql.Identifier(table)), [list(touched)]).fetchone()
        for table in TABLES
    }


def _lost(connection: Connection[Any], work: Work, skill: SkillId) -> Iterator[str]:
    """Yield what clients were told and the tables do not have, and what they have more than once."""
    told = {
        "activity": work.active,
        "day": work.active,
        "completion": work.completed,
        "XP": work.completed,
        "session": work.ended,
    }
    rows = connection.execute(_WRITTEN, {"skill_id": skill, "minutes": _MINUTES}).fetchall()
    for what, learners in told.items():
        found = [learner for name, learner in rows if name == what]
        if lost := learners.difference(found):
            yield f"{what}: lost for {len(lost)} of {len(learners)} learners, one is {min(lost)}"
        if len(found) > len(set(found)):
            yield f"{what}: {len(found) - len(set(found))} too many"


def shown(outcome: Outcome) -> Iterator[str]:
    """Yield the lines of the report."""
    for table in outcome.tables:
        yield (
            f"{table['name']:26} {table['rows']:>12,} rows {table['seconds']:>8.1f} s,"
            f" locked {table['locked_seconds'] * 1000:>5.0f} ms at attempt {table['attempts']}"
        )
    yield f"the whole command: {outcome.seconds:.1f} s, with {outcome.deadlocks} deadlocks"
    for when, waits in (("before", outcome.before), ("during", outcome.during)):
        if waits:
            times = sorted(wait.seconds for wait in waits)
            longest = max(waits, key=lambda wait: wait.seconds)
            yield (
                f"{len(times):,} calls {when}: median {times[len(times) // 2] * 1000:.1f} ms, 99.9 % below"
                f" {times[int(len(times) * 0.999)] * 1000:.0f} ms, longest {longest.seconds * 1000:.0f} ms"
                f" ({longest.call})"
            )
    yield from outcome.problems or ["nothing is lost"]


def _say(what: str) -> None:
    print(f"{what} …", file=sys.stderr, flush=True)


def main() -> int:
    """Fill, convert, compare, print."""
    parser = argparse.ArgumentParser(prog="python -m tools.bench.partition", description=__doc__.partition("\n")[0])
    parser.add_argument("--learners", type=int, default=100_000)
    parser.add_argument("--clients", type=int, default=8)
    parser.add_argument("--touched", type=int, default=100_000, help="for how many learners the clients may work")
    parser.add_argument("--parts", type=int, default=16)
    parser.add_argument("--quiet-seconds", type=float, default=20, help="how long clients work before the command")
    given = parser.parse_args()
    with embedded_or_given() as server, scratch_database(server) as url:
        outcome = convert(
            url,
            given.learners,
            clients=given.clients,
            touched=given.touched,
            parts=given.parts,
            quiet_seconds=given.quiet_seconds,
        )
    print("\n".join(shown(outcome)))
    return 1 if outcome.problems else 0


if __name__ == "__main__":
    sys.exit(main())
