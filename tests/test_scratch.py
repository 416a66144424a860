from pathlib import Path

import psycopg
import pytest
from psycopg.conninfo import conninfo_to_dict, make_conninfo

from skilltree import errors, migrate
from skilltree.migrate import scratch


def exists(url: str, database: object) -> bool:
    with psycopg.connect(url) as connection:
        return connection.execute("select from pg_database where datname = %s", [database]).fetchone() is not None


def test_a_scratch_database_is_migrated_and_gone_afterwards(empty_url):
    with scratch.scratch_database(empty_url) as url:
        states = {found.applied_at is not None for found in migrate.status(url)}
        name = conninfo_to_dict(url)["dbname"]
        was_there = exists(empty_url, name)

    assert states == {True}
    assert was_there
    assert not exists(empty_url, name)


def test_a_scratch_database_without_migrations_is_dropped_even_after_an_error(empty_url):
    with pytest.raises(ZeroDivisionError), scratch.scratch_database(empty_url, migrated=False) as url:
        found = migrate.fingerprint(url)
        connection = psycopg.connect(url)
        raise ZeroDivisionError

    connection.close()
    assert found == {}
    assert not exists(empty_url, conninfo_to_dict(url)["dbname"])


def test_a_role_that_cannot_create_databases_gets_a_message(empty_url):
    with psycopg.connect(empty_url, autocommit=True) as connection:
        connection.execute("create role scratch_nobody")
    try:
        url = make_conninfo(empty_url, options="-c role=scratch_nobody")

        with pytest.raises(errors.PermissionDenied, match="create database"), scratch.scratch_database(url):
            pass
    finally:
        with psycopg.connect(empty_url, autocommit=True) as connection:
            connection.execute("drop role scratch_nobody")


def test_without_a_server_a_temporary_one_is_started(monkeypatch):
    monkeypatch.delenv("DATABASE_URL", raising=False)

    with scratch.scratch_database() as url:
        folder = Path(str(conninfo_to_dict(url)["host"]))
        was_there = folder.is_dir()

    assert was_there
    assert not folder.exists()
    with pytest.raises(errors.ServerUnavailable):
        migrate.status(url)


def test_database_url_selects_the_server(empty_url, monkeypatch):
    monkeypatch.setenv("DATABASE_URL", empty_url)

    with scratch.scratch_database(migrated=False) as url:
        host = conninfo_to_dict(url)["host"]

    assert host == conninfo_to_dict(empty_url)["host"]
