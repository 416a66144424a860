"""Measure what partitions cost a call: the same calls on plain tables and on partitioned ones.

As ``tools.bench.audit``, with its databases: ``DATABASE_URL`` must be a superuser's, on a Linux server on this machine.
Also prints how many locks the server holds for a call, and how many of them are in its shared table, the size of which
``max_locks_per_transaction`` sets.
"""

import os
import sys
from collections.abc import Callable

import psycopg

from skilltree._sync.repositories import Repositories
from skilltree.migrate.partition import partition
from skilltree.models.ids import SkillId, UserId
from tools.bench.audit import BULK_ROUNDS, ROUNDS, WARM_UP, Side, Work, compare, databases

NAMES = ("skilltree_plain", "skilltree_partitioned")
_LOCKS = """
    select count(*), count(*) filter (where not fastpath)
    from pg_locks
    where pid <> pg_backend_pid()
        and database = (select oid from pg_database where datname = current_database())
"""


def _read(call: Callable[[Repositories, UserId, SkillId], object]) -> Callable[[Side], Work]:
    return lambda side: lambda number: call(side.db, side.learners[number], side.root)


CALLS: dict[str, Callable[[Repositories, UserId, SkillId], object]] = {
    "complete_skill": lambda db, learner, skill: db.progress.complete_skill(learner, skill),
    "record_activity": lambda db, learner, skill: db.progress.record_activity(learner, skill, minutes=1),
    "dashboard": lambda db, learner, _: db.progress.dashboard(learner),
    "trees.load": lambda db, learner, _: db.trees.load("steps", learner),
    "next_skills": lambda db, learner, _: db.progress.next_skills(learner),
}


def show_locks(side: Side) -> None:
    """Print the locks of a call in its transaction, with plans that are generic."""
    for name, call in CALLS.items():
        for learner in side.learners[-_UNTIL_GENERIC:]:
            with side.db.transaction() as unit:
                call(unit, learner, side.root)
                row = side.connection.execute(_LOCKS).fetchone()
        print(f"  {name:20} {row}")


_UNTIL_GENERIC = 8


def main() -> int:
    """Compare, and count locks."""
    parts = int(sys.argv[1]) if sys.argv[1:] else 16

    def change(_: str, partitioned: str) -> None:
        partition(partitioned, parts=parts)
        with psycopg.connect(partitioned, autocommit=True) as connection:
            connection.execute("vacuum analyze")

    with databases(os.environ["DATABASE_URL"], NAMES, change) as sides:
        for name, call in CALLS.items():
            compare(name, sides, _read(call), ROUNDS, WARM_UP)
        compare("import_rows, 10,000 of 100 learners", sides, lambda side: side.import_some, BULK_ROUNDS, 1)
        compare("import_rows, 10,000, a learner each", sides, lambda side: side.import_row_each, BULK_ROUNDS, 1)
        for name, side in zip(NAMES, sides, strict=True):
            print(f"locks of {name}, and those in the shared table:")
            show_locks(side)
    return 0


if __name__ == "__main__":
    sys.exit(main())
