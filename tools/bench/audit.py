"""Measure what the audit trail costs: the same work on two databases, one of them without the trail.

``DATABASE_URL`` must be a superuser's, on a Linux server on this machine. The two databases are created there and
dropped at the end. The databases take turns, and each pair runs in the opposite order of the one before. Prints the
median of the ratios and their middle half: of the elapsed time, and of the CPU time of the server's processes, which
other work on the machine hardly affects.
"""

import os
import statistics
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import psycopg
from psycopg import sql
from psycopg.conninfo import make_conninfo
from psycopg.rows import dict_row

from skilltree import Database, migrate
from skilltree.models.ids import SkillId, UserId
from skilltree.models.progress import ProgressImport
from tools.bench.data import LEARNERS, first_steps

ROUNDS = 600
BULK_ROUNDS = 15
WARM_UP = 30
ROWS = 10_000
NAMES = ("skilltree_without_trail", "skilltree_with_trail")

MORE_LEARNERS = """insert into users (email, username, password_hash)
    select 'v' || n || '@example.org', 'v' || n, '$2b$04$' || repeat('a', 53) from generate_series(1, %s) as n"""
ROW_EACH = """insert into user_skill_progress (user_id, skill_id, skill_tree_id, status, unlocked_at)
    select users.id, skills.id, skills.skill_tree_id, 'AVAILABLE', now()
    from users, (select id, skill_tree_id from skills order by id offset %s limit 1) as skills
    where users.username like 'v%%'"""
ROW_EACH_CHANGED = """update user_skill_progress set attempts_count = attempts_count + 1
    where skill_id = (select id from skills order by id offset %s limit 1)"""
SKILLS = """insert into skills (skill_tree_id, name, description, content)
    select skill_trees.id, 'Skill ' || n, repeat('words about ' || n || ' ', 20),
        jsonb_build_object('body', repeat('text ', 200))
    from skill_trees, generate_series(1, %s) as n"""

Work = Callable[[int], object]


class Side:
    """One of the two databases, with a connection for each kind of work."""

    def __init__(self, url: str) -> None:
        self.db = Database(url, max_size=1)
        self.db.open()
        self.connection = psycopg.connect(url, autocommit=True)
        self.skills = [SkillId(each) for each in self._column("select id from skills order by id")]
        self.root = SkillId(self._column("select id from skills where key = 'root'")[0])
        users = "select id from users where username like '{}%' order by id"
        self.learners = [UserId(each) for each in self._column(users.format("u"))]
        self.more_learners = [UserId(each) for each in self._column(users.format("v"))]
        backends = "select pid from pg_stat_activity where datname = current_database()"
        self._processes = [Path(f"/proc/{each}/schedstat") for each in self._column(backends)]

    def cpu(self) -> float:
        """Return the CPU seconds that the server has spent on this side."""
        return sum(int(process.read_text().split()[0]) for process in self._processes) / 1e9

    def close(self) -> None:
        self.db.close()
        self.connection.close()

    def complete(self, number: int) -> None:
        self.db.progress.complete_skill(self.learners[number], self.root)

    def complete_begun(self, number: int) -> None:
        self.db.progress.complete_skill(self.learners[-1 - number], self.root)

    def begin(self, number: int) -> None:
        self.db.progress.start_skill(self.learners[-1 - number], self.root)

    def import_some(self, number: int) -> None:
        self._import(self.learners[2000 + number * 100 : 2100 + number * 100], self.skills)

    def import_row_each(self, number: int) -> None:
        self._import(self.more_learners, self.skills[-1 - number : len(self.skills) - number])

    def _import(self, learners: list[UserId], skills: list[SkillId]) -> None:
        rows = (
            ProgressImport(user_id=learner, skill_id=skill, status="AVAILABLE")
            for learner in learners
            for skill in skills
        )
        if self.db.progress.import_rows(rows) != ROWS:
            raise ValueError("the number of imported rows is wrong")

    def row_each(self, number: int) -> None:
        self.connection.execute(ROW_EACH, [number])

    def change_row_each(self, number: int) -> None:
        self.connection.execute(ROW_EACH_CHANGED, [number])

    def add_skills(self, number: int) -> None:
        self.connection.execute(SKILLS, [ROWS])

    def _column(self, query: str) -> list[Any]:
        return [row[0] for row in self.connection.execute(query)]


def compare(what: str, sides: tuple[Side, Side], work: Callable[[Side], Work], rounds: int, warm_up: int) -> None:
    """Print the median times of both sides and of the ratios."""
    times, cpus = [], []
    for number in range(warm_up + rounds):
        taken, worked = [0.0, 0.0], [0.0, 0.0]
        for place in (0, 1) if number % 2 else (1, 0):
            side = sides[place]
            started, at_work = time.perf_counter(), side.cpu()
            work(side)(number)
            taken[place], worked[place] = time.perf_counter() - started, side.cpu() - at_work
        times.append(taken)
        cpus.append(worked)
    medians = [statistics.median(pair[place] for pair in times[warm_up:]) * 1000 for place in (0, 1)]
    print(f"{what:45} {medians[0]:8.2f} to {medians[1]:8.2f} ms", end=" ")
    for kind, pairs in (("time", times), ("CPU", cpus)):
        low, middle, high = statistics.quantiles([second / first for first, second in pairs[warm_up:]], n=4)
        print(f"  {kind} {middle:.3f} ({low:.3f} to {high:.3f})", end="")
    print(flush=True)


@contextmanager
def databases(url: str, names: tuple[str, str], change: Callable[[str, str], None]) -> Iterator[tuple[Side, Side]]:
    """Create two databases with the same rows, and change one of them, which is given their URLs."""
    urls = [make_conninfo(url, dbname=name) for name in names]
    with psycopg.connect(url, autocommit=True) as server:
        for name in names:
            server.execute(sql.SQL("drop database if exists {}").format(sql.Identifier(name)))
        server.execute(sql.SQL("create database {}").format(sql.Identifier(names[1])))
        try:
            migrate.migrate(urls[1])
            with (
                Database(urls[1], max_size=1) as db,
                psycopg.connect(urls[1], autocommit=True, row_factory=dict_row) as connection,
            ):
                first_steps(db)
                connection.execute(LEARNERS, [6000, 1])
                connection.execute(MORE_LEARNERS, [ROWS])
                connection.execute("insert into user_profiles (user_id) select id from users on conflict do nothing")
                _each_table(connection, "alter table {} set (autovacuum_enabled = false)")
                connection.execute("vacuum analyze")
            server.execute(
                sql.SQL("create database {} template {}").format(sql.Identifier(names[0]), sql.Identifier(names[1]))
            )
            change(*urls)
            sides = Side(urls[0]), Side(urls[1])
            try:
                yield sides
            finally:
                for side in sides:
                    side.close()
        finally:
            for name in names:
                server.execute(sql.SQL("drop database if exists {}").format(sql.Identifier(name)))


def drop_trail(url: str, _: str) -> None:
    """Drop the triggers that write to the audit trail."""
    with psycopg.connect(url, autocommit=True, row_factory=dict_row) as connection:
        for trigger in connection.execute(
            "select tgname, relname from pg_trigger inner join pg_class on pg_class.oid = tgrelid"
            " where tgname ~ '_audit_(insert|update|delete)$'"
        ).fetchall():
            connection.execute(sql.SQL("drop trigger {} on {}").format(*map(sql.Identifier, trigger.values())))


def _each_table(connection: psycopg.Connection[Any], statement: str) -> None:
    for row in connection.execute(
        "select relname from pg_class where relnamespace = 'public'::regnamespace and relkind = 'r'"
    ).fetchall():
        connection.execute(sql.SQL(statement).format(sql.Identifier(row["relname"])))


def main() -> int:
    """Run the comparison."""
    with databases(os.environ["DATABASE_URL"], NAMES, drop_trail) as sides:
        compare("complete_skill, the first of a learner", sides, lambda side: side.complete, ROUNDS, WARM_UP)
        compare("start_skill", sides, lambda side: side.begin, ROUNDS, WARM_UP)
        compare("complete_skill, begun before", sides, lambda side: side.complete_begun, ROUNDS, WARM_UP)
        compare("import_rows, 10,000 of 100 learners", sides, lambda side: side.import_some, BULK_ROUNDS, 1)
        compare("import_rows, 10,000, a learner each", sides, lambda side: side.import_row_each, BULK_ROUNDS, 1)
        compare("insert 10,000 progress rows, a learner each", sides, lambda side: side.row_each, BULK_ROUNDS, 1)
        compare("update 10,000 progress rows, a learner each", sides, lambda side: side.change_row_each, BULK_ROUNDS, 1)
        compare("insert 10,000 skills", sides, lambda side: side.add_skills, BULK_ROUNDS // 3, 1)
    return 0


if __name__ == "__main__":
    sys.exit(main())
