"""The large data set, at a small size."""

import psycopg
import pytest
from psycopg import sql

from skilltree import Database
from skilltree.budgets.dataset import Size, load
from skilltree.errors import SkillTreeError

TINY = Size(users=30, trees=6, skills=120, progress=1_200)

DIGEST = """
select
    (select md5(string_agg(skills::text, ';' order by id)) from (
        select id, name, dependencies, dependents, content, is_active from skills) as skills),
    (select md5(string_agg(work::text, ';' order by user_id, skill_id)) from (
        select user_id, skill_id, id, status, time_spent_minutes, completed_at from user_skill_progress) as work),
    (select md5(string_agg(profile::text, ';' order by user_id)) from (
        select user_id, total_xp, current_level, max_streak, hours_learned from user_profiles) as profile)
"""


def test_the_doctor_finds_no_fault_in_the_data_set(loaded_url: str) -> None:
    with Database(loaded_url) as db:
        assert db.doctor.examine() == []


def test_every_foreign_key_of_the_data_set_holds(loaded_url: str) -> None:
    with psycopg.connect(loaded_url) as connection:
        keys = connection.execute(
            """select conrelid::regclass::text, conname, pg_get_constraintdef(oid) from pg_constraint
            where contype = 'f' and connamespace = 'public'::regnamespace and conparentid = 0"""
        ).fetchall()
        for table, name, definition in keys:
            which = (sql.Identifier(table), sql.Identifier(name))
            connection.execute(sql.SQL("alter table {} drop constraint {}").format(*which))
            connection.execute(sql.SQL("alter table {} add constraint {} {}").format(*which, sql.SQL(definition)))
        connection.rollback()

    assert len(keys) > 10


def test_the_data_set_fills_every_table_except_what_one_server_does_not_need(migrated_url: str) -> None:
    with psycopg.connect(migrated_url, autocommit=True) as connection:
        rows = load(connection, TINY)

    assert {table for table, count in rows.items() if count == 0} == {"achievement_backfills", "shared_audit_log"}
    assert (rows["users"], rows["skill_trees"], rows["skills"]) == (30, 6, 120)
    assert 1_200 <= rows["user_skill_progress"] < 1_350


def test_the_data_set_is_the_same_each_time(migrated_url: str) -> None:
    with psycopg.connect(migrated_url, autocommit=True) as connection:
        load(connection, TINY)
        first = connection.execute(DIGEST).fetchone()
        # `truncate` is refused for audited tables.
        for table in (
            "users",
            "skill_trees",
            "skill_categories",
            "achievements",
            "leaderboard_counts",
            "login_attempts",
        ):
            connection.execute(f"delete from {table}")
        load(connection, TINY)

        assert connection.execute(DIGEST).fetchone() == first


def test_the_data_set_is_not_loaded_over_existing_data(loaded_url: str) -> None:
    with psycopg.connect(loaded_url, autocommit=True) as connection:
        with pytest.raises(SkillTreeError, match="needs a database without users"):
            load(connection, TINY)
