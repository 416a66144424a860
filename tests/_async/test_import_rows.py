"""Importing progress that learners made in another system."""

from datetime import UTC, datetime, timedelta
from uuid import UUID

import pytest
from psycopg.conninfo import make_conninfo

from _async.factories import add_skills, all_rows_fingerprint, expect_refusal, rows, value
from layout import kept_by_refusals
from skilltree import AsyncDatabase
from skilltree.errors import (
    InvalidValue,
    PermissionDenied,
    ProgressExists,
    SkillNotFound,
    SkillNotOptional,
    UserNotFound,
)
from skilltree.models.progress import ProgressImport

YESTERDAY = datetime.now(UTC) - timedelta(days=1)
UNKNOWN = UUID(int=0)


@pytest.fixture
async def skills(db, tree):
    html, css, layout = await add_skills(db, tree, "html", "css", layout=["html", "css"])
    return html, css, layout


def completed(learner, skill, **given):
    return {
        "user_id": learner.id,
        "skill_id": skill.id,
        "status": "COMPLETED",
        "progress_percent": 100,
        "completed_at": YESTERDAY,
        **given,
    }


async def test_imported_rows_are_stored_unchanged(db, learner, skills):
    html, css, _ = skills
    work = ProgressImport(
        user_id=learner.id, skill_id=css.id, status="IN_PROGRESS", time_spent_minutes=30, started_at=YESTERDAY
    )

    count = await db.progress.import_rows(
        [
            completed(
                learner, html, completion_score=87.5, evidence_data={"type": "text", "content": 'a "note",\n\\N and é'}
            ),
            work,
        ]
    )

    assert count == 2
    first = await db.progress.for_skill(learner.id, html.id)
    assert (first.status, first.completion_score, first.completed_at) == ("COMPLETED", 87.5, YESTERDAY)
    assert first.evidence_data.content == 'a "note",\n\\N and é'
    assert first.skill_tree_id == html.skill_tree_id
    second = await db.progress.for_skill(learner.id, css.id)
    assert (second.status, second.time_spent_minutes, second.completed_at) == ("IN_PROGRESS", 30, None)


async def test_an_empty_import_is_no_error(db):
    assert await db.progress.import_rows([]) == 0


async def test_a_repair_derives_what_follows_from_imported_rows(db, learner, skills):
    html, css, layout = skills
    await db.progress.import_rows([completed(learner, html), completed(learner, css)])

    await db.doctor.repair()

    assert await db.doctor.examine() == []
    assert (await db.users.get_profile(learner.id)).total_xp == html.xp_value + css.xp_value
    assert (await db.progress.for_skill(learner.id, layout.id)).status == "AVAILABLE"
    assert (await db.progress.for_tree(learner.id, html.skill_tree_id)).skills_completed == 2


@pytest.mark.parametrize(
    ("wrong", "error", "message"),
    [
        ({"user_id": UNKNOWN}, UserNotFound, f"row 2: there is no user with id {UNKNOWN}"),
        ({"skill_id": UNKNOWN}, SkillNotFound, f"row 2: there is no skill with id {UNKNOWN}"),
        ({"status": "SKIPPED", "completed_at": None}, SkillNotOptional, "row 2: skill .* is required"),
        ({"status": "LOCKED", "completed_at": None}, InvalidValue, "row 2: status: "),
        ({"completed_at": None}, InvalidValue, "row 2: .*completed_at is required"),
        ({"failed_attempts": 1}, InvalidValue, "row 2: .*failed_attempts cannot be more"),
        ({"completion_score": float("nan")}, InvalidValue, "row 2: completion_score: "),
        ({"time_spent_minutes": 2**31}, InvalidValue, "row 2: time_spent_minutes: "),
        ({"completed_at": datetime(2026, 1, 1)}, InvalidValue, "row 2: completed_at: "),  # noqa: DTZ001
        ({"evidence_data": {"type": "text", "content": "\0"}}, InvalidValue, "row 2: evidence_data|Unicode escape"),
        ({"evidence_data": {"type": "text", "content": "\ud800"}}, InvalidValue, "row 2: evidence_data"),
        ({"nonsense": 1}, InvalidValue, "row 2: nonsense: "),
    ],
)
async def test_one_wrong_row_is_named_and_no_row_is_imported(db, connection, learner, skills, wrong, error, message):
    html, css, _ = skills

    async with expect_refusal(connection, error, message):
        await db.progress.import_rows([completed(learner, html), {**completed(learner, css), **wrong}])

    for table in kept_by_refusals(["begun_trees", "user_skill_progress"]):
        assert await value(connection, f"select count(*) from {table}") == 0
    assert await db.progress.import_rows([completed(learner, html)]) == 1


async def test_an_import_does_not_overwrite_existing_progress(db, connection, learner, skills):
    html, css, _ = skills
    await db.progress.start_skill(learner.id, html.id)

    async with expect_refusal(connection, ProgressExists, "row 2: "):
        await db.progress.import_rows([completed(learner, css), completed(learner, html)])
    async with expect_refusal(connection, ProgressExists, "row 2: "):
        await db.progress.import_rows([completed(learner, css), completed(learner, css)])


async def test_two_imports_fit_in_one_unit_of_work(db, learner, skills):
    html, css, _ = skills

    async with db.transaction() as unit:
        await unit.progress.import_rows([completed(learner, html)])
        await unit.progress.import_rows([completed(learner, css)])

    assert len((await db.progress.list_for_user(learner.id)).items) == 2


async def test_only_the_service_can_import(url, db, connection, learner, skills):
    html, *_ = skills

    async with AsyncDatabase(make_conninfo(url, user="skilltree_app")) as application:
        async with expect_refusal(connection, PermissionDenied):
            await application.as_user(learner.id).progress.import_rows([completed(learner, html)])
        async with expect_refusal(connection, PermissionDenied):
            await application.progress.import_rows([completed(learner, html)])
        assert await application.as_service().progress.import_rows([completed(learner, html)]) == 1


async def test_ten_thousand_rows_are_imported_at_once(db, connection, learner, tree):
    await connection.execute(
        "insert into skills (skill_tree_id, name) select %s, 'Skill ' || n from generate_series(1, 100) as n", [tree.id]
    )
    await connection.execute(
        "insert into users (email, username, password_hash)"
        " select n || '@example.org', n::text, '$2b$04$' || repeat('a', 53) from generate_series(1, 100) as n"
    )
    skills = [skill_id for (skill_id,) in await rows(connection, "select id from skills")]
    users = [user_id for (user_id,) in await rows(connection, "select id from users where id <> %s", learner.id)]

    count = await db.progress.import_rows(
        {"user_id": user, "skill_id": skill, "status": "AVAILABLE"} for user in users for skill in skills
    )

    assert count == 10_000
    assert await value(connection, "select count(*) from user_skill_progress") == 10_000


async def test_an_import_waits_only_for_learners_of_its_trees(db, connection, learner, skills):
    html, css, _ = skills
    before = await all_rows_fingerprint(connection)

    async with db.transaction() as unit:
        await unit.progress.start_skill(learner.id, html.id)
        await unit.progress.import_rows([completed(learner, css)])
        assert await all_rows_fingerprint(connection) == before

    assert await db.progress.for_skill(learner.id, css.id) is not None


async def test_a_temporary_table_left_on_a_connection_is_not_used(app_url, learner, skills):
    html, css, _ = skills
    async with AsyncDatabase(app_url, min_size=1, max_size=1) as app:
        async with app.as_service() as unit:
            for leftover in (
                "create temporary table imported_progress (position text, status text)",
                "create type pg_temp.skill_progress_status as enum ('NONE')",
                "create type pg_temp.completion_method as enum ('NONE')",
            ):
                await unit._connection.execute(leftover)

        imported = [await app.as_service().progress.import_rows([completed(learner, skill)]) for skill in (html, css)]

        assert imported == [1, 1]
        assert (await app.as_user(learner.id).progress.for_skill(learner.id, html.id)).status == "COMPLETED"
