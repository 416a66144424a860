"""Settings of the server, role, database or environment do not change results."""

from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any

import psycopg
import pytest
from psycopg.conninfo import make_conninfo

from pgbouncer import needs_pgbouncer, pgbouncer
from skilltree import Database
from skilltree._core.session_settings import kept

HOSTILE = {
    "DateStyle": "German, DMY",
    "IntervalStyle": "sql_standard",
    "TimeZone": "Pacific/Apia",
    "array_nulls": "off",
    "bytea_output": "escape",
    "client_encoding": "LATIN1",
    "default_transaction_isolation": "serializable",
    "default_transaction_deferrable": "on",
    "extra_float_digits": "-15",
    "gin_fuzzy_search_limit": "1",
    "lc_messages": "C",
    "plan_cache_mode": "force_custom_plan",
    "quote_all_identifiers": "on",
    "row_security": "off",
    "search_path": "elsewhere, pg_catalog",
    "standard_conforming_strings": "off",
    "transform_null_equals": "on",
}


def results(url: str, prepare_threshold: int | None = 5) -> list[object]:
    """Do work of every kind, and return the results that no setting may change."""
    at = datetime.now(UTC)
    with Database(url, max_size=1, prepare_threshold=prepare_threshold) as db:
        service = db.as_service()
        learner = service.users.register(
            email="ada@example.org", username="ada", password="a long password", bcrypt_cost=4
        )
        service.users.update_profile(learner.id, timezone="America/New_York", bio="Zoë ™ 雪")
        category = service.categories.create(name="Art", slug="art")
        tree = service.trees.create(category.id, name="Web", slug="web", tags=["snow"])
        html = service.skills.create(tree.id, name="HTML")
        css = service.skills.create(tree.id, name="CSS", dependencies=[html.id])
        service.trees.publish(tree.id)
        me = db.as_user(learner.id)
        done = me.progress.complete_skill(learner.id, html.id, at=at)
        worked = me.progress.record_activity(learner.id, css.id, minutes=1, engagement=0.1 + 0.2)
        with me as unit:
            profile = unit.users.get_profile(learner.id)
            today = unit.progress.activity_by_day(learner.id, since=at.date(), until=at.date())
        service.skills.remove_dependency(css.id, html.id)
        session = service.sessions.start(learner.id, address="192.0.2.1")
        assert done.progress is not None
        assert worked.progress is not None
        return [
            (profile.bio, profile.timezone, profile.current_streak, done.total_xp),
            done.progress.completed_at == at,
            worked.progress.engagement_score,
            [day.activity_date == at.date() for day in today],
            [skill.name for skill in db.trees.load("web").skills],
            [found.slug for found in db.trees.list(any_tags=["snow"]).items],
            [found.slug for found in db.categories.list()],
            learner.created_at.utcoffset(),
            session is not None,
        ]


@pytest.fixture
def connection(migrated_url: str) -> Iterator[psycopg.Connection[Any]]:
    with psycopg.connect(migrated_url, autocommit=True) as connection:
        connection.execute("create schema elsewhere")
        connection.execute("create table elsewhere.users (id integer)")
        connection.execute("create table elsewhere.skill_categories (id integer)")
        connection.execute("grant usage on schema elsewhere to public")
        yield connection
        connection.execute(f"alter role skilltree_app in database {connection.info.dbname} reset all")


@pytest.fixture
def app_url(migrated_url: str) -> str:
    return make_conninfo(migrated_url, user="skilltree_app")


@pytest.fixture
def expected_results(app_url: str, connection: psycopg.Connection[Any]) -> list[object]:
    return results(app_url)


def set_hostile(connection: psycopg.Connection[Any], target: str, settings: dict[str, str]) -> None:
    for name, value in settings.items():
        connection.execute(f"alter {target} set {name} = {value if name == 'search_path' else repr(value)}")


@pytest.mark.parametrize("setting", [*HOSTILE, "all of them"])
def test_a_setting_of_the_database_changes_no_result(
    app_url: str, connection: psycopg.Connection[Any], expected_results: list[object], setting: str
) -> None:
    settings = HOSTILE if setting == "all of them" else {setting: HOSTILE[setting]}
    set_hostile(connection, f"database {connection.info.dbname}", settings)
    reset_settings(connection)

    assert results(app_url) == expected_results


def test_settings_of_the_role_change_no_result(
    app_url: str, connection: psycopg.Connection[Any], expected_results: list[object]
) -> None:
    set_hostile(connection, f"role skilltree_app in database {connection.info.dbname}", HOSTILE)
    reset_settings(connection)

    assert results(app_url) == expected_results


def test_settings_in_the_environment_change_no_result(
    app_url: str, connection: psycopg.Connection[Any], expected_results: list[object], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PGTZ", "Pacific/Apia")
    monkeypatch.setenv("PGDATESTYLE", "German, DMY")
    monkeypatch.setenv("PGCLIENTENCODING", "LATIN1")
    monkeypatch.setenv("PGOPTIONS", "-c search_path=elsewhere -c default_transaction_isolation=serializable")
    reset_settings(connection)

    assert results(app_url) == expected_results


@needs_pgbouncer
def test_settings_of_the_database_change_no_result_behind_a_pooler(
    migrated_url: str, connection: psycopg.Connection[Any], expected_results: list[object]
) -> None:
    set_hostile(connection, f"database {connection.info.dbname}", HOSTILE)
    reset_settings(connection)

    with pgbouncer(migrated_url, prepares=False) as url:
        found = results(url, prepare_threshold=None)

    assert found == expected_results


def reset_settings(connection: psycopg.Connection[Any]) -> None:
    for table in ("users", "skill_trees", "skill_categories"):
        connection.execute(f"delete from public.{table}")


def test_settings_in_the_connection_string_are_kept(app_url: str) -> None:
    url = make_conninfo(app_url, options=r"-c TimeZone=Asia/Tokyo --default-transaction-isolation=repeatable\ read")
    with Database(url) as db, db._pool.connection() as connection:
        shown = [
            connection.execute(f"show {name}").fetchone() for name in ("timezone", "default_transaction_isolation")
        ]
        assert connection.begin == b"begin"

    assert shown == [("Asia/Tokyo",), ("repeatable read",)]


@pytest.mark.parametrize(
    ("given", "used"),
    [
        ("", "force_generic_plan"),
        ("-c plan_cache_mode=auto", "auto"),
        ("-c citus.shard_count=32", "auto"),
    ],
    ids=["on PostgreSQL", "where the connection string says otherwise", "on Citus"],
)
def test_a_connection_plans_each_statement_once_for_all_values(app_url: str, given: str, used: str) -> None:
    with Database(make_conninfo(app_url, options=given)) as db, db._pool.connection() as connection:
        shown = connection.execute("show plan_cache_mode").fetchone()

    assert shown == (used,)


@needs_pgbouncer
def test_behind_a_pooler_only_transactions_carry_how_to_plan(migrated_url: str) -> None:
    with pgbouncer(migrated_url, prepares=False) as url:
        with Database(url, prepare_threshold=None) as db:
            with db._pool.connection() as connection:
                single = connection.must_carry
            with db.transaction() as unit:
                in_transaction = unit._connection.execute("show plan_cache_mode").fetchone()

    assert not single
    assert in_transaction == ("force_generic_plan",)


def test_settings_in_a_connection_string_are_found_in_every_notation() -> None:
    assert kept({"options": "-c a_b=1 -cC=2 --d-e=3 -c lock_timeout=5"}) == {"a_b", "c", "d_e", "lock_timeout"}
    assert kept({}) == frozenset()
