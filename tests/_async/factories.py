"""Factories of rows, with defaults for what a test does not care about, and common queries and checks."""

import re
from contextlib import asynccontextmanager
from datetime import UTC, datetime

import pytest
from psycopg import sql

from layout import LOCK_WAITERS, kept_by_refusals
from skilltree.errors import SkillTreeError

TABLES = (
    "login_attempts",
    "user_tokens",
    "audit_log",
    "shared_audit_log",
    "leaderboard_counts",
    "user_scores",
    "user_activity_days",
    "achievement_backfills",
    "begun_trees",
    "xp_events",
    "user_achievements",
    "user_sessions",
    "user_skill_progress",
    "user_skill_tree_progress",
    "user_profiles",
    "users",
    "achievements",
    "skills",
    "skill_trees",
    "skill_categories",
)


async def delete_all_rows(connection):
    """Delete every row without running triggers, even rows that another session has locked."""
    await connection.execute(
        "select pg_terminate_backend(pg_stat_activity.pid) from pg_stat_activity"
        " where datname = current_database() and pid <> pg_backend_pid() and backend_type = 'client backend'"
        # On a cluster, connections between the servers.
        " and application_name not like 'citus%'"
    )
    deletions = "; ".join(f"delete from {table}" for table in TABLES)
    async with connection.transaction():
        # In a message of its own: a cluster passes on the message that it came with.
        await connection.execute("set local session_replication_role = replica")
        await connection.execute(deletions)


async def all_rows_fingerprint(connection):
    """Return a fingerprint of every row of every table."""
    prints = " union all ".join(
        f"select '{table}', count(*), md5(string_agg({table}::text, ' ' order by {table}::text)) from {table}"
        for table in kept_by_refusals(TABLES)
    )
    return await rows(connection, f"{prints} order by 1")


@asynccontextmanager
async def expect_nothing_written(connection):
    """Check that the block changes no row."""
    before = await all_rows_fingerprint(connection)
    yield
    assert await all_rows_fingerprint(connection) == before


@asynccontextmanager
async def expect_refusal(connection, error=SkillTreeError, match=None):
    """Check that the block raises this error and writes nothing."""
    before = await all_rows_fingerprint(connection)
    with pytest.raises(error, match=match) as refusal:
        yield refusal
    assert await all_rows_fingerprint(connection) == before


@asynccontextmanager
async def case(subtests, given):
    """Run one case as a subtest, so that the others still run when it fails."""
    with subtests.test(given=parameter_id(given)):
        yield


async def rows(connection, statement, *values):
    """Return the rows of a statement."""
    return await (await connection.execute(statement, values)).fetchall()


async def value(connection, statement, *values):
    """Return the only value of the only row of a statement."""
    [(only,)] = await rows(connection, statement, *values)
    return only


async def wait_for_lock_waiters(connection, count=1):
    """Wait until this many other sessions wait for a lock."""
    for _ in range(2000):
        if await value(connection, LOCK_WAITERS) >= count:
            return
        # Statistics do not change within a transaction. In autocommit mode, each statement sees new ones.
        await connection.execute("select pg_sleep(0.005)")
    raise AssertionError(f"fewer than {count} sessions wait for a lock")


async def all_pages(ask, *positional, **named):
    """Return all pages of a list, from first to last."""
    pages = [await ask(*positional, **named)]
    while pages[-1].next_cursor is not None:
        pages.append(await ask(*positional, after=pages[-1].next_cursor, **named))
    return pages


def parameter_id(given):
    """Return a short id for a test with this parameter."""
    return re.sub(" object at 0x[0-9a-f]+", "", ascii(given))[:60]


async def add_user(db, username="ada", **given):
    wanted = {"email": f"{username}@example.org", "password": "correct horse", "bcrypt_cost": 4, **given}
    return await db.users.register(username=username, **wanted)


async def add_session(db, user_id, **given):
    return (await db.sessions.start(user_id, **given)).session


async def add_category(db, slug="programming", **given):
    return await db.categories.create(**{"name": slug.capitalize(), "slug": slug, **given})


async def add_tree(db, slug="web", *, published=True, category_id=None, **given):
    if category_id is None:
        category = await db.categories.find_by_slug("programming") or await add_category(db)
        category_id = category.id
    tree = await db.trees.create(category_id, **{"name": slug.capitalize(), "slug": slug, **given})
    return await db.trees.publish(tree.id) if published else tree


async def add_skills(db, tree, *names, **needs):
    """Add skills whose keys are their names. Names alone have no dependencies; ``layout=["html", "css"]`` has two."""
    skills = {}
    for name, needed in {**dict.fromkeys(names, ()), **needs}.items():
        skills[name] = await db.skills.create(
            tree.id, name=name, key=name, dependencies=[skills[other].id for other in needed]
        )
    return [await db.skills.get(skill.id) for skill in skills.values()]


async def add_progress(connection, learner, skill, status="COMPLETED", **columns):
    given = {
        "user_id": learner.id,
        "skill_id": skill.id,
        "skill_tree_id": skill.skill_tree_id,
        "status": status,
        **({"completed_at": datetime.now(UTC)} if status == "COMPLETED" else {}),
        **columns,
    }
    await connection.execute(
        sql.SQL("insert into user_skill_progress ({}) values ({})").format(
            sql.SQL(", ").join(map(sql.Identifier, given)), sql.SQL(", ").join(map(sql.Placeholder, given))
        ),
        given,
    )


async def add_achievement(db, name="First steps", **given):
    wanted = {"description": "A skill completed", "criteria": {"type": "xp_threshold", "threshold": 10}, **given}
    return await db.achievements.create(name=name, **wanted)
