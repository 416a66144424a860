"""Measure calls while the data grow: the number of learners, the skills of a tree, the skills of the catalogue.

Each kind of growth has a database of its own, on a new embedded server or that of ``DATABASE_URL`` (as a superuser);
it is dropped at the end. Prints, for each call, the lower quartile of its time, because other work on the machine only
adds to it, and the median of the buffers it touches, from the server's own counters, which include triggers and foreign
keys. ``--write`` puts the tables into docs/benchmarks.md, with a chart.
"""

import argparse
import os
import shlex
import statistics
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any, NamedTuple

import psycopg
from psycopg import Connection
from psycopg.conninfo import make_conninfo

from skilltree import Database, embedded, seed
from skilltree.budgets.dataset_catalogue import load_catalogue
from skilltree.migrate.scratch import scratch_database
from skilltree.models.ids import UserId
from skilltree.models.trees import LoadedTree
from tools.bench import report, scale_chart
from tools.bench.scale_data import Place, chosen, fill, new_learners, place_in, wide
from tools.bench.scale_report import Growth, Point, written

DOCS = Path(__file__).parents[2] / "docs"
LEARNERS, TREE, CATALOGUE = (10_000, 100_000, 1_000_000), (100, 1_000, 5_000), (1_000, 10_000, 100_000)
_SLUG = "practical-postgresql"
_WORD = "postgresql"
_TREE_SIZE = 40
_GIGABYTE = 2**30
_FEWEST_CALLS = 3
_MOST_SECONDS = 3.0

Calls = dict[str, Callable[[UserId], object]]


class Server(NamedTuple):
    """A database: for an application, under row-level security, for its owner, and for the server's counters."""

    db: Database
    owner: Database
    connection: Connection[Any]


@contextmanager
def opened(server: str) -> Iterator[Server]:
    """Create a migrated database, and drop it at the end."""
    with (
        scratch_database(server) as url,
        Database(make_conninfo(url, options="-c role=app_service"), max_size=1) as db,
        Database(url, max_size=1) as owner,
        psycopg.connect(url, autocommit=True) as connection,
    ):
        yield Server(db, owner, connection)


def by_learners(server: str, sizes: Sequence[int], calls: int, most_gigabytes: float) -> Growth:
    """Measure in a tree of 40 skills while more learners work in it. Leaves out a size that would not fit."""
    growth = Growth("learners", "learners")
    with opened(server) as on:
        for _ in seed.seed(on.owner):
            pass
        tree = on.db.trees.load(_SLUG)
        place = place_in(tree)
        done, begun_with = 0, _bytes(on.connection)
        for size in sizes:
            each = (_bytes(on.connection) - begun_with) / done if done else 0.0
            if each * size > most_gigabytes * _GIGABYTE:
                growth.notes[size] = f"not run: it would take about {each * size / _GIGABYTE:.0f} GB"
                continue
            begun = time.perf_counter()
            fill(on.connection, done + 1, size, place)
            done, took = size, time.perf_counter() - begun
            growth.notes[size] = f"{_bytes(on.connection) / _GIGABYTE:.1f} GB, filled in {took:.0f} s"
            growth.points += measured(on, size, learner_calls(on.db, tree, place), chosen(on.connection, calls * 3))
    return growth


def by_tree(server: str, sizes: Sequence[int], calls: int) -> Growth:
    """Measure in one tree after the other, each with more skills. Each learner completes the first skill."""
    growth = Growth("tree", "skills in the tree")
    with opened(server) as on:
        learners = iter(new_learners(on.connection, calls * 3 * len(sizes)))
        for size in sizes:
            begun = time.perf_counter()
            imported = on.owner.trees.import_tree(wide(f"tree-of-{size}", size))
            growth.notes[size] = f"imported in {time.perf_counter() - begun:.1f} s"
            on.owner.trees.publish(imported.tree_id)
            tree = on.owner.trees.load(f"tree-of-{size}")
            on.connection.execute("vacuum analyze")
            some = [next(learners) for _ in range(calls * 3)]
            growth.points += measured(on, size, tree_calls(on.db, tree), some)
    return growth


def by_catalogue(server: str, sizes: Sequence[int], calls: int) -> Growth:
    """Measure in catalogues with more and more skills, in trees of 40 on average."""
    growth = Growth("catalogue", "skills in the catalogue")
    for size in sizes:
        with opened(server) as on:
            begun = time.perf_counter()
            with on.connection.transaction():
                on.connection.execute("set local session_replication_role = replica")
                trees = load_catalogue(on.connection, tree_count=max(size // _TREE_SIZE, 1), skill_count=size)
            took = time.perf_counter() - begun
            growth.notes[size] = (
                f"{len(trees):,} trees, {_bytes(on.connection) / _GIGABYTE:.1f} GB, filled in {took:.0f} s"
            )
            on.connection.execute("vacuum analyze")
            middle = sorted((tree for tree in trees if tree.made.is_published), key=lambda tree: len(tree.skill_ids))
            tree = on.db.trees.load(middle[len(middle) // 2].made.slug)
            learners = new_learners(on.connection, calls * 3)
            growth.points += measured(on, size, catalogue_calls(on.db, tree), learners)
    return growth


def learner_calls(db: Database, tree: LoadedTree, place: Place) -> Calls:
    """Return the calls whose cost could depend on the number of learners."""
    return {
        "complete_skill": lambda learner: db.progress.complete_skill(learner, place.open[0].id),
        "trees.get": lambda _: db.trees.get(tree.id),
        "trees.load": lambda learner: db.trees.load(tree.slug, learner),
        "trees.list": lambda _: db.trees.list(),
        "trees.search": lambda _: db.trees.search(_WORD),
        "dashboard": db.progress.dashboard,
        "next_skills": lambda learner: db.progress.next_skills(learner, tree_id=tree.id),
        "leaderboards.top": lambda _: db.leaderboards.top(50),
        "leaderboards.rank": db.leaderboards.rank,
        "leaderboards.around": db.leaderboards.around,
    }


def tree_calls(db: Database, tree: LoadedTree) -> Calls:
    """Return the calls whose cost could depend on the size of a tree."""
    first, last = tree.skills[0].id, tree.skills[-1].id
    return {
        "complete_skill": lambda learner: db.progress.complete_skill(learner, first),
        "trees.get": lambda _: db.trees.get(tree.id),
        "trees.load": lambda learner: db.trees.load(tree.slug, learner),
        "trees.load_map": lambda learner: db.trees.load_map(tree.slug, learner),
        "skills.search": lambda _: db.skills.search("skill 42", tree_id=tree.id),
        "dashboard": db.progress.dashboard,
        "next_skills": lambda learner: db.progress.next_skills(learner, tree_id=tree.id),
        "calculate_tree_progress": lambda learner: db.progress.calculate_tree_progress(learner, tree.id),
        "missing_prerequisites": lambda learner: db.progress.missing_prerequisites(learner, last),
    }


def catalogue_calls(db: Database, tree: LoadedTree) -> Calls:
    """Return the calls whose cost could depend on the size of the catalogue."""
    first = next(skill.id for skill in tree.skills if not skill.dependencies)
    second_page = db.trees.list().next_cursor
    return {
        "complete_skill": lambda learner: db.progress.complete_skill(learner, first),
        "trees.get": lambda _: db.trees.get(tree.id),
        "trees.load": lambda learner: db.trees.load(tree.slug, learner),
        "trees.list": lambda _: db.trees.list(),
        "trees.list, the next page": lambda _: db.trees.list(after=second_page),
        "trees.search": lambda _: db.trees.search(_WORD),
        "skills.search": lambda _: db.skills.search(_WORD),
        "dashboard": db.progress.dashboard,
        "next_skills": db.progress.next_skills,
    }


def measured(on: Server, size: int, calls: Calls, learners: Sequence[UserId]) -> Iterator[Point]:
    """Yield each call's time and buffers: a third of the learners warms up, one is counted, one is timed."""
    share = len(learners) // 3
    warm, counted, timed = (learners[start : start + share] for start in (0, share, 2 * share))
    idle = statistics.median(_buffers(on, lambda _: None, counted))
    for name, call in calls.items():
        _say(f"{size:,}: {name}")
        for learner in _in_time(warm):
            call(learner)
        touched = statistics.median(_buffers(on, call, counted)) - idle
        times = []
        for learner in _in_time(timed):
            begun = time.perf_counter()
            call(learner)
            times.append(time.perf_counter() - begun)
        yield Point(name, size, statistics.quantiles(times, n=4)[0], touched)


def _in_time(learners: Sequence[UserId]) -> Iterator[UserId]:
    """Yield learners until three seconds are over, but at least three."""
    end = time.perf_counter() + _MOST_SECONDS
    for number, learner in enumerate(learners):
        if number >= _FEWEST_CALLS and time.perf_counter() > end:
            return
        yield learner


def _buffers(on: Server, call: Callable[[UserId], object], learners: Sequence[UserId]) -> Iterator[int]:
    for learner in _in_time(learners):
        before = _touched(on)
        call(learner)
        yield _touched(on) - before


def _touched(on: Server) -> int:
    """Return the number of buffers touched in the database so far."""
    for statement in ("select pg_stat_force_next_flush()", "select 1"):
        with on.db._pool.connection() as connection:
            connection.execute(statement)
    return _number(
        on.connection, "select blks_hit + blks_read from pg_stat_database where datname = current_database()"
    )


def _bytes(connection: Connection[Any]) -> int:
    return _number(connection, "select pg_database_size(current_database())")


def _number(connection: Connection[Any], statement: str) -> int:
    row = connection.execute(statement.encode()).fetchone()
    return int(row[0]) if row else 0


def _say(what: str) -> None:
    print(f"{what} …", file=sys.stderr, flush=True)


def _sizes(text: str) -> tuple[int, ...]:
    return tuple(sorted({int(each.replace("_", "")) for each in text.split(",") if each}))


def main() -> int:
    """Fill, measure, fill more, measure again."""
    parser = argparse.ArgumentParser(prog="python -m tools.bench.scale", description=__doc__.partition("\n")[0])
    for name, sizes, what in (
        ("learners", LEARNERS, "the numbers of learners"),
        ("tree", TREE, "the numbers of skills in a tree"),
        ("catalogue", CATALOGUE, "the numbers of skills in the catalogue"),
    ):
        default = ",".join(map(str, sizes))
        parser.add_argument(
            f"--{name}", type=_sizes, default=default, help=f'{what}, default {default}, or "" for none'
        )
    parser.add_argument("--calls", type=int, default=25, help="how many calls are timed; slow ones get 3 seconds")
    parser.add_argument("--gigabytes", type=float, default=15, help="leave out learners that would take more disk")
    parser.add_argument("--write", action="store_true", help="write docs/benchmarks.md and docs/growth.svg")
    given = parser.parse_args()
    if given.calls < _FEWEST_CALLS:
        parser.error(f"--calls must be at least {_FEWEST_CALLS}, not {given.calls}")
    with embedded_or_given() as server:
        growths = [
            by_learners(server, given.learners, given.calls, given.gigabytes),
            by_tree(server, given.tree, given.calls),
            by_catalogue(server, given.catalogue, given.calls),
        ]
    growths = [growth for growth in growths if growth.points]
    text = written(
        growths,
        shlex.join(["python", "-m", "tools.bench.scale", *(each for each in sys.argv[1:] if each != "--write")]),
    )
    print(text)
    if given.write:
        report.write(DOCS, text, "growth")
        (DOCS / "growth.svg").write_text(scale_chart.svg(growths))
    return 0


@contextmanager
def embedded_or_given() -> Iterator[str]:
    """Yield the server of ``DATABASE_URL``, or a new embedded one with PostgreSQL 18."""
    if given := os.environ.get("DATABASE_URL"):
        yield given
    else:
        with embedded.throw_away(version=18) as url:
            yield url


if __name__ == "__main__":
    sys.exit(main())
