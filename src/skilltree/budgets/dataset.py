"""A large data set for plans and budgets. The same seed gives the same data, except for the day it ends on.

The learners' actions are made up (dataset_catalogue, dataset_learners) and written by COPY. The database derives the
rest (derive.sql), so that the doctor finds nothing.
"""

from pathlib import Path
from typing import Any, NamedTuple

from psycopg import Connection, sql

from skilltree.budgets.dataset_catalogue import load_catalogue
from skilltree.budgets.dataset_learners import load_learners
from skilltree.errors import SkillTreeError


class Size(NamedTuple):
    """The number of trees, skills, learners and rows to load."""

    users: int
    trees: int
    skills: int
    progress: int

    @classmethod
    def of(cls, factor: float) -> "Size":
        """Return the full size times a factor. Fewer learners are as active as those of the full size."""
        users, progress = round(20_000 * factor), round(1_000_000 * factor)
        return cls(max(users, 20), max(round(200 * factor), 20), max(round(8_000 * factor), 400), max(progress, 1_000))


def load(connection: Connection[Any], size: Size) -> dict[str, int]:
    """Fill a migrated database without users, and return the number of rows of each table.

    The connection must be in autocommit mode and a superuser's: foreign keys and triggers are not checked for millions
    of rows, because the tests check the data set instead. Raises SkillTreeError if there are users.
    """
    if not _one(connection, b"select rolsuper from pg_roles where rolname = current_user"):
        raise SkillTreeError("loading the data set needs a superuser, because it switches triggers off")
    if _one(connection, b"select exists (select from users)"):
        raise SkillTreeError("the data set needs a database without users, but this one has some")
    with connection.transaction():
        connection.execute("set local session_replication_role = replica")
        trees = load_catalogue(connection, tree_count=size.trees, skill_count=size.skills)
        load_learners(connection, trees, user_count=size.users, row_count=size.progress)
        connection.execute(_derivation())
    connection.execute("vacuum analyze")
    tables = connection.execute(
        "select relname from pg_stat_user_tables"
        " where schemaname = 'public' and relname !~ 'yoyo|migrations|^audit_log' order by relname"
    ).fetchall()
    return {table: _count(connection, table) for (table,) in tables}


def count_leaderboards(connection: Connection[Any]) -> None:
    """Count the learners of every leaderboard from their scores. There must be no counts yet."""
    connection.execute(_file("count_leaderboards.sql"))


def _derivation() -> bytes:
    return _file("derive.sql") + _file("count_leaderboards.sql")


def _file(name: str) -> bytes:
    return (Path(__file__).parent / name).read_bytes()


def _count(connection: Connection[Any], table: str) -> int:
    return int(_one(connection, sql.SQL("select count(*) from {}").format(sql.Identifier(table))))


def _one(connection: Connection[Any], statement: bytes | sql.Composed) -> Any:
    row = connection.execute(statement).fetchone()
    return row[0] if row else None
