"""A database on the Citus cluster that SKILLTREE_CITUS names: the URL of its coordinator."""

import os
from collections.abc import Iterator
from contextlib import contextmanager

import psycopg
from psycopg import sql
from psycopg.conninfo import make_conninfo

from skilltree import distribute, migrate
from skilltree.errors import ConcurrentUpdate

URL = os.environ.get("SKILLTREE_CITUS")

DEADLOCKS = (ConcurrentUpdate,) if URL else ()
"""What may end a call that changes accounts or the catalogue beside others: Citus locks these tables as a whole."""


@contextmanager
def database(name: str, *, distributed: bool = True) -> Iterator[str]:
    """Yield the URL of a migrated database of this name. All servers of the cluster get one."""
    assert URL is not None
    with psycopg.connect(URL, autocommit=True) as connection:
        nodes = connection.execute(
            "select nodename, nodeport from pg_dist_node where isactive and noderole = 'primary' order by groupid desc"
        ).fetchall()
    url = make_conninfo(URL, dbname=name)
    try:
        for host, port in nodes:
            _drop(make_conninfo(URL, host=host, port=port), name)
            with psycopg.connect(make_conninfo(URL, host=host, port=port), autocommit=True) as connection:
                connection.execute("set citus.enable_create_database_propagation = off")
                connection.execute(sql.SQL("create database {}").format(sql.Identifier(name)))
            with psycopg.connect(make_conninfo(url, host=host, port=port), autocommit=True) as connection:
                connection.execute("create extension citus")
        with psycopg.connect(url, autocommit=True) as connection:
            # Two for each of two workers, because each test deletes the rows of all of them.
            connection.execute(sql.SQL("alter database {} set citus.shard_count = 4").format(sql.Identifier(name)))
        with psycopg.connect(url, autocommit=True) as connection:
            connection.execute("select citus_set_coordinator_host(%s, %s)", nodes[-1])
            for node in nodes[:-1]:
                connection.execute("select citus_add_node(%s, %s)", node)
        migrate.migrate(url)
        if distributed:
            distribute.distribute(url)
        yield url
    finally:
        for host, port in nodes:
            _drop(make_conninfo(URL, host=host, port=port), name)


def set_everywhere(url: str, setting: str, value: str) -> None:
    """Set a setting of the database on all servers. An empty value is the default."""
    with psycopg.connect(url, autocommit=True) as connection:
        command = sql.SQL("alter database {} set {} = {}").format(
            sql.Identifier(connection.info.dbname), sql.SQL(setting), value
        )
        if URL is None:
            connection.execute(command)
        else:
            connection.execute("select run_command_on_all_nodes(%s)", [command.as_string(connection)])


def _drop(url: str, name: str) -> None:
    with psycopg.connect(url, autocommit=True) as connection:
        connection.execute("set citus.enable_create_database_propagation = off")
        connection.execute(sql.SQL("drop database if exists {} with (force)").format(sql.Identifier(name)))
