"""A database as deployed: its owner, who migrated it, is not a superuser. Two learners work in it."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, NamedTuple
from uuid import UUID

import psycopg
from psycopg import sql
from psycopg.conninfo import make_conninfo

from _sync.factories import rows
from _sync.method_calls import SampleLearner, add_course, add_sample_learner
from _sync.row_owners import personal_texts, tables_with_owner
from layout import lay_out
from skilltree import Database, migrate
from skilltree.seed import seed

Connection = psycopg.Connection[Any]

ROLES = ("app_user", "app_engine")
"""The roles in which a learner's statements run."""

VIEWS = ("achievement_standings", "skill_work", "streaks", "tree_standings", "unsatisfied_skills")


class Deployment(NamedTuple):
    """The superuser's URL, two learners, and the owner column of each table (``None`` if it has none)."""

    url: str
    ada: SampleLearner
    grace: SampleLearner
    owners: dict[str, str | None]
    personal_texts_of_grace: set[str]

    @property
    def owner_url(self) -> str:
        return make_conninfo(self.url, user="migrator")

    @property
    def app_url(self) -> str:
        return make_conninfo(self.url, user="skilltree_app")

    @property
    def owned(self) -> list[tuple[str, str]]:
        """Every table and view with rows of learners, and the column that holds the learner's id."""
        tables = [(table, owner) for table, owner in self.owners.items() if owner]
        return [*tables, *((view, "user_id") for view in VIEWS), ("audit_trail", "subject_id")]

    def leaked(self, said: str) -> list[str]:
        """Return grace's personal texts that an answer shows. Her id does not count: the question contained it."""
        return [trace for trace in self.personal_texts_of_grace - {str(self.grace.user_id)} if trace in said]

    @contextmanager
    def superuser(self) -> Iterator[Connection]:
        with psycopg.connect(self.url, autocommit=True) as connection:
            yield connection

    @contextmanager
    def session(self, role: str, user_id: UUID | str | None) -> Iterator[Connection]:
        """Yield a connection of the application in this role, for this learner. It is rolled back at the end."""
        with psycopg.connect(self.app_url) as connection:
            # In these forms, both reach the other servers of a cluster.
            connection.execute("select set_config('role', %s, true)", [role])
            if user_id is not None:
                connection.execute(sql.SQL("set local app.current_user_id = {}").format(str(user_id)))
            yield connection
            connection.rollback()


def create_deployment(host: str) -> Deployment:
    """Create and migrate a database whose owner is not a superuser, and populate it."""
    server = f"host={host} user=postgres"
    with psycopg.connect(f"{server} dbname=postgres", autocommit=True) as connection:
        connection.execute("create role migrator login createrole")
        connection.execute("create database learning owner migrator")
    url = f"{server} dbname=learning"
    owner_url = make_conninfo(url, user="migrator")
    migrate.migrate(owner_url)
    lay_out(owner_url)
    return populated(url, owner_url)


def populated(url: str, owner_url: str) -> Deployment:
    """Seed a migrated database, and add the two learners."""
    with Database(owner_url) as db:
        list(seed(db))
        course = add_course(db)
        ada, grace = add_sample_learner(db, "ada", course), add_sample_learner(db, "grace", course)
    with psycopg.connect(url, autocommit=True) as connection:
        # As on a distributed server, which has the trail of accounts there.
        connection.execute(
            "insert into shared_audit_log (subject_id, table_name, action, row_keys, actor_id, before, after)"
            " select subject_id, table_name, action, row_keys, actor_id, before, after"
            " from audit_log where subject_id = any(%s) and table_name = 'users'",
            [[ada.user_id, grace.user_id]],
        )
        connection.execute("vacuum analyze")
        return Deployment(
            url, ada, grace, dict(tables_with_owner(connection)), personal_texts(connection, grace.user_id)
        )


def try_statement(connection: Connection, statement: str, *values: object) -> tuple[str | None, int, str]:
    """Run a statement and roll it back. Return its SQLSTATE if it failed, its row count, and all its output."""
    said: list[str] = []
    connection.add_notice_handler(note := lambda notice: said.append(repr(notice.message_primary)))
    try:
        with connection.transaction(force_rollback=True):
            cursor = connection.execute(statement, values or None)
            found = cursor.fetchall() if cursor.description else []
            return None, cursor.rowcount, "".join([repr(found), *said])
    except psycopg.Error as error:
        told = [str(error), error.diag.message_detail, error.diag.message_hint, error.diag.context, *said]
        return error.sqlstate, 0, repr(told)
    finally:
        connection.remove_notice_handler(note)


def one_row(connection: Connection, table: str, owner: str, user_id: UUID) -> str:
    """Return one row of a learner as JSON text, as PostgreSQL writes it."""
    ((row,),) = rows(connection, f"select to_jsonb(t)::text from {table} as t where {owner} = %s limit 1", user_id)
    return str(row)
