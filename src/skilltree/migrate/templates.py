"""Databases for tests: one is migrated, and each test gets a clone of it."""

import re
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from itertools import count
from uuid import uuid4

from psycopg import Connection, errors, sql
from psycopg.conninfo import make_conninfo

from skilltree import migrate
from skilltree._core.driver_errors import translated
from skilltree._core.urls import checked_url

_NAME = re.compile(r"(skilltree_test_[0-9a-f]{12})(_\d+)?")


class Template:
    """A migrated database without connections."""

    def __init__(self, server: str, connection: Connection, name: str) -> None:
        self._server = server
        self._connection = connection
        self._name = name
        self._numbers = count(1)

    @contextmanager
    def clone(self) -> Iterator[str]:
        """Yield the URL of a new clone. It is dropped afterwards, even if it is in use."""
        name = f"{self._name}_{next(self._numbers)}"
        with translated():
            self._connection.execute(
                sql.SQL("create database {} template {}").format(sql.Identifier(name), sql.Identifier(self._name))
            )
        try:
            yield make_conninfo(self._server, dbname=name)
        finally:
            _drop(self._connection, name)


@contextmanager
def template(server: str, prepare: Callable[[str], object]) -> Iterator[Template]:
    """Yield a template on this server. ``prepare`` is called with its URL when it is migrated.

    ``server`` is the URL of any database of the server, for a role that may create databases and migrate. Only
    databases with names of this module are dropped: the template, its clones, and those of processes that were killed.
    """
    checked_url(server)
    name = f"skilltree_test_{uuid4().hex[:12]}"
    with translated():
        # The application name shows other processes that the databases with this name are in use.
        connection = Connection.connect(make_conninfo(server, application_name=name), autocommit=True)
    with connection:
        with translated():
            _drop_abandoned(connection)
            connection.execute(sql.SQL("create database {} template template0").format(sql.Identifier(name)))
        try:
            url = make_conninfo(server, dbname=name)
            migrate.migrate(url)
            prepare(url)
            # A database in use cannot be cloned.
            connection.execute("select pg_terminate_backend(pid) from pg_stat_activity where datname = %s", [name])
            yield Template(server, connection, name)
        finally:
            _drop(connection, name)


def _drop_abandoned(connection: Connection) -> None:
    """Drop this role's databases of processes that no longer run."""
    found = connection.execute(
        "select datname from pg_database where datname ~ '^skilltree_test_' and datdba = current_user::regrole"
    ).fetchall()
    running = {name for (name,) in connection.execute("select application_name from pg_stat_activity")}
    for (name,) in found:
        if (parts := _NAME.fullmatch(name)) and parts[1] not in running:
            with suppress(errors.InsufficientPrivilege, errors.ObjectInUse):
                _drop(connection, name)


def _drop(connection: Connection, name: str) -> None:
    drop = sql.SQL("drop database if exists {}").format(sql.Identifier(name))
    try:
        connection.execute(drop + sql.SQL(" with (force)"))
    except errors.InsufficientPrivilege:
        # Only a superuser may end the sessions of another role. The server waits five seconds for them to end.
        connection.execute(drop)
