"""The audit trail: who changed which row when, from what to what."""

import re
from datetime import date
from uuid import UUID, uuid4

import psycopg
import pytest
from psycopg import sql

from _async.factories import (
    add_achievement,
    add_session,
    add_skills,
    add_tree,
    add_user,
    all_pages,
    expect_refusal,
    rows,
    value,
)
from concurrency import concurrently_async, failures
from layout import NO_SHARD, SHARD
from skilltree._core.queries import read
from skilltree.errors import InvalidCursor, InvalidValue, PermissionDenied, UserNotFound
from skilltree.models.enums import AuditAction

# For each audited table: a change, and whether the row itself is the record of its insert.
CHANGES = {
    "users": ("first_name", "Ada", False),
    "user_profiles": ("bio", "Countess", False),
    "skill_categories": ("description", "new", False),
    "skill_trees": ("description", "new", False),
    "skills": ("description", "new", False),
    "achievements": ("description", "new", False),
    "user_skill_tree_progress": ("started_at", "2000-01-01T00:00:00+00:00", False),
    "user_skill_progress": ("attempts_count", 7, False),
    "user_sessions": ("ip_address", "192.0.2.7", False),
    "user_achievements": ("progress", 50, True),
    "xp_events": ("xp", 3, True),
    "user_activity_days": ("minutes", 5, True),
}

NOT_ON_THE_TRAIL = {
    "audit_log": "the trail itself",
    "shared_audit_log": "the trail itself, on a distributed server",
    "levels": "the same everywhere, written by a migration",
    "user_scores": "follows from the ledger",
    "leaderboard_counts": "follows from the scores",
    "begun_trees": "follows from the progress in trees",
    "achievement_backfills": "how far a job has come",
    "login_attempts": "guesses, most of them nobody's",
    "user_tokens": "secrets for a day; what they are used for is on the trail",
}

# Columns of audited tables that are not audited: author and time, which an entry has itself, and derived values.
NOT_LOOKED_AT = {
    "users": {"last_login_at", "updated_at", "created_by", "updated_by"},
    "user_profiles": {
        "total_xp",
        "current_level",
        "current_streak",
        "max_streak",
        "last_activity_at",
        "last_activity_on",
        "last_activity_offset",
        "streak_started_at",
        "skills_completed",
        "hours_learned",
        "trees_started",
        "trees_completed",
        "updated_at",
    },
    "skill_categories": {"updated_at"},
    "skill_trees": {"search_document", "updated_at", "created_by", "updated_by"},
    "skills": {"dependents", "graph_change", "language", "search_document", "updated_at", "created_by", "updated_by"},
    "achievements": {
        "criterion",
        "threshold",
        "for_category_id",
        "for_tree_id",
        "for_difficulty",
        "for_skill_type",
        "is_limited",
        "updated_at",
    },
    "user_skill_tree_progress": {
        "progress_percent",
        "skills_completed",
        "total_skills",
        "time_spent_minutes",
        "last_activity_at",
        "milestones_reached",
        "updated_at",
    },
    "user_skill_progress": {"last_activity_at", "updated_at"},
    "user_sessions": {"last_activity_at"},
    "user_achievements": set(),
    "xp_events": set(),
    "user_activity_days": set(),
}

AUTHOR = UUID(int=7)
EDITOR = UUID(int=8)
REMOVER = UUID(int=9)


@pytest.fixture
async def audited_rows(db, connection):
    """The ids that select the history of one row in each audited table. AUTHOR created the rows."""
    service = db.as_service(AUTHOR)
    learner = await add_user(service)
    tree = await add_tree(service, published=False)
    [skill] = await add_skills(service, tree, "html")
    achievement = await add_achievement(service)
    session = await add_session(service, learner.id)
    await service.progress.complete_skill(learner.id, skill.id)
    return {
        "users": (learner.id, None),
        "user_profiles": (learner.id, None),
        "skill_categories": (tree.category_id, None),
        "skill_trees": (tree.id, None),
        "skills": (skill.id, None),
        "achievements": (achievement.id, None),
        "user_skill_tree_progress": (tree.id, learner.id),
        "user_skill_progress": (skill.id, learner.id),
        "user_sessions": (session.id, learner.id),
        "user_achievements": (achievement.id, learner.id),
        "xp_events": (skill.id, learner.id),
        "user_activity_days": (await value(connection, "select activity_date from user_activity_days"), learner.id),
    }


async def as_actor(connection, actor, statement, *values):
    """Run a statement as the service, with this actor."""
    async with connection.transaction():
        await connection.execute("select begin_as_service(%s)", [actor])
        await connection.execute(statement, values)


async def history(db, table, id, user_id=None):  # noqa: A002 (the parameter's name)
    page = await db.audit.history(table, id, user_id=user_id)
    assert page.next_cursor is None
    return page.items


async def count(connection):
    return await value(connection, "select count(*) from audit_trail")


# --- what is on the trail --------------------------------------------------------------------------------------------


@pytest.mark.parametrize("table", CHANGES)
async def test_insert_update_and_delete_of_a_row_are_recorded_with_who_did_it(db, connection, audited_rows, table):
    column, new, is_ledger = CHANGES[table]
    id, user_id = audited_rows[table]  # noqa: A001 (the parameter's name)
    where = "xp_events.source_kind = 'SKILL'" if table == "xp_events" else "true"

    await as_actor(connection, EDITOR, f"update {table} set {column} = %s where {where}", new)
    if table == "skill_categories":
        await connection.execute("delete from skill_trees")
    await as_actor(connection, REMOVER, f"delete from {table} where {where}")

    entries = await history(db, table, id, user_id)
    found = [(entry.action.value, entry.actor_id, entry.role_name) for entry in entries]
    kept = [("DELETE", REMOVER, "app_service"), ("UPDATE", EDITOR, "app_service")]
    assert found == kept + ([] if is_ledger else [("INSERT", AUTHOR, "app_service")])
    assert (entries[1].before.keys(), entries[1].after) == ({column}, {column: new})
    assert entries[0].before == entries[0].before | entries[1].after
    assert (entries[0].after, entries[0].table_name) == (None, table)
    if not is_ledger:
        assert entries[2].before is None
        assert entries[2].after == entries[0].before | entries[1].before


@pytest.mark.parametrize("table", [table for table, (_, _, is_ledger) in CHANGES.items() if is_ledger])
async def test_a_ledger_row_is_its_own_first_entry(db, audited_rows, table):
    id, user_id = audited_rows[table]  # noqa: A001 (the parameter's name)

    [entry] = await history(db, table, id, user_id)

    assert (entry.id, entry.action, entry.actor_id, entry.before) == (0, AuditAction.INSERT, None, None)
    assert entry.after["user_id"] == str(user_id)
    assert entry.after.keys() >= {CHANGES[table][0]}


async def test_every_table_is_on_the_trail_or_deliberately_not(connection):
    tables = await rows(
        connection,
        "select relname from pg_class where relnamespace = 'public'::regnamespace and relkind in ('r', 'p')"
        " and not relispartition and relname !~ 'yoyo|^skilltree_' order by 1",
    )

    triggers = await rows(
        connection,
        "select tgrelid::regclass::text, array_agg(tgname::text) from pg_trigger"
        # Those of partitions are their table's.
        f" where tgname ~ '_audit_' and tgparentid = 0 and {NO_SHARD} group by 1",
    )

    wanted = {
        table: {f"{table}_audit_{event}" for event in ("insert", "update", "delete")[is_ledger:]}
        for table, (_, _, is_ledger) in CHANGES.items()
    }
    assert {table for (table,) in tables} == CHANGES.keys() | NOT_ON_THE_TRAIL.keys()
    assert {table: set(names) for table, names in triggers} == wanted


@pytest.mark.parametrize("table", CHANGES)
async def test_every_column_is_on_the_trail_or_deliberately_not(connection, table):
    source = await value(connection, f"select prosrc from pg_proc where proname = 'audit_update_of_{table}'")

    columns = await rows(
        connection,
        "select attname from pg_attribute where attrelid = %s::regclass and attnum > 0 and not attisdropped",
        table,
    )

    assert {name for (name,) in columns if f"case when old.{name} is distinct" not in source} == NOT_LOOKED_AT[table]


async def test_derived_values_leave_no_entry(db, connection, audited_rows):
    before = await count(connection)

    await connection.execute("update user_profiles set total_xp = 5, last_activity_at = now()")
    await connection.execute("update user_skill_tree_progress set progress_percent = 50")
    await connection.execute("update users set last_login_at = now()")
    await connection.execute("update skills set name = name, updated_at = now()")
    await connection.execute("update skills set name = 'x' where false")

    assert await count(connection) == before


async def test_an_entry_holds_only_the_changed_columns(db, tree):
    [skill] = await add_skills(db, tree, "html")
    await db.skills.update(skill.id, description="long " * 1000)

    await db.skills.update(skill.id, name="HTML", xp_value=15)

    latest = (await history(db, "skills", skill.id))[0]
    assert latest.before == {"name": "html", "xp_value": 10}
    assert latest.after == {"name": "HTML", "xp_value": 15}


async def test_an_entry_keeps_types_and_distinguishes_null_from_absent(db, connection, learner):
    await db.users.update_profile(
        learner.id, bio='quo"ted \\ \n ü', interests=["a", 'b"'], preferences={"x": [1, None]}
    )

    latest = (await history(db, "user_profiles", learner.id))[0]

    assert latest.before == {"bio": None, "interests": [], "preferences": {}}
    assert latest.after == {"bio": 'quo"ted \\ \n ü', "interests": ["a", 'b"'], "preferences": {"x": [1, None]}}


async def test_a_row_whose_key_changes_is_recorded_under_both(db, connection):
    category = await db.categories.create(name="Art", slug="art")
    other = uuid4()

    await connection.execute("update skill_categories set id = %s", [other])

    for key in (other, category.id):
        latest = (await history(db, "skill_categories", key))[0]
        assert latest.action == AuditAction.UPDATE
        assert (latest.before, latest.after) == ({"id": str(category.id)}, {"id": str(other)})


async def test_rows_inserted_for_a_learner_by_one_statement_share_an_entry(db, connection, learner, tree):
    skills = await add_skills(db, tree, "a", "b", "c")

    await connection.execute(
        "insert into user_skill_progress (user_id, skill_id, skill_tree_id) select %s, id, skill_tree_id from skills",
        [learner.id],
    )

    found = await rows(connection, "select row_keys from audit_log where table_name = 'user_skill_progress'")
    assert [sorted(keys) for (keys,) in found] == [[str(skill.id) for skill in skills]]
    for skill in skills:
        [entry] = await history(db, "user_skill_progress", skill.id, learner.id)
        assert (entry.row_key, entry.after["skill_id"]) == (str(skill.id), str(skill.id))


async def test_rows_inserted_by_copy_are_recorded(db, connection):
    async with (
        connection.cursor() as cursor,
        cursor.copy("copy skill_categories (name, slug) from stdin") as copy,
    ):
        await copy.write_row(("Art", "art"))
        await copy.write_row(("Music", "music"))

    found = await rows(connection, "select action::text, table_name from audit_trail order by occurred_at, id")
    assert found == [("INSERT", "skill_categories")] * 2


async def test_rows_deleted_with_an_account_are_recorded_whole(db, connection, audited_rows):
    learner_id = audited_rows["users"][0]

    await as_actor(connection, REMOVER, "delete from users")

    found = await rows(
        connection,
        "select table_name, before from audit_trail where subject_id = %s and action = 'DELETE' and actor_id = %s",
        learner_id,
        REMOVER,
    )
    kept = {table for table, (_, user_id) in audited_rows.items() if user_id} | {"users", "user_profiles"}
    assert {table for table, _ in found} == kept
    assert all(document.get("user_id", document.get("id")) == str(learner_id) for _, document in found)


@pytest.mark.parametrize("table", CHANGES)
async def test_truncating_an_audited_table_is_refused(connection, audited_rows, table):
    async with expect_refusal(connection, psycopg.DatabaseError, "cannot be truncated"):
        await connection.execute(f"truncate {table} cascade")


# --- actors ----------------------------------------------------------------------------------------------------------


async def test_the_actor_is_the_learner_or_whom_the_service_acts_for_or_null(db, connection, learner):
    await db.as_user(learner.id).users.update_profile(learner.id, bio="1")
    await db.as_service(EDITOR).users.update_profile(learner.id, bio="2")
    await db.as_service().users.update_profile(learner.id, bio="3")
    await db.users.update_profile(learner.id, bio="4")

    entries = (await history(db, "user_profiles", learner.id))[:4]

    login = await value(connection, "select session_user")
    assert [(entry.actor_id, entry.role_name, entry.after["bio"]) for entry in entries] == [
        (None, login, "4"),
        (None, "app_service", "3"),
        (EDITOR, "app_service", "2"),
        (learner.id, "app_engine", "1"),
    ]


async def test_derived_changes_have_the_learner_who_caused_them_as_actor(db, connection, learner, tree):
    html, css = await add_skills(db, tree, "html", css=["html"])

    await db.as_user(learner.id).progress.complete_skill(learner.id, html.id)

    found = await rows(
        connection,
        "select distinct actor_id, role_name, transaction_id from audit_log where table_name ~ 'progress$'",
    )
    assert [each[:2] for each in found] == [(learner.id, "app_engine")]
    [entry] = await history(db, "user_skill_progress", css.id, learner.id)
    assert entry.after["status"] == "AVAILABLE"


# --- write protection ------------------------------------------------------------------------------------------------


FORGERIES = [
    "insert into {} (subject_id, table_name, action, row_keys) values (gen_random_uuid(), 'users', 'INSERT', '{{x}}')",
    "update {} set actor_id = null",
    "delete from {}",
    "truncate {}",
]


@pytest.mark.parametrize("role", ["app_user", "app_engine"])
async def test_a_learner_cannot_create_partitions_of_the_trail(connection, learner, role):
    async with expect_refusal(connection, psycopg.errors.InsufficientPrivilege):
        await as_role(connection, role, "select ensure_audit_partitions(1)")


@pytest.mark.parametrize("role", ["app_user", "app_engine", "app_service"])
@pytest.mark.parametrize("table", ["audit_log", "audit_log_default"])
async def test_no_application_role_can_write_the_trail(connection, learner, subtests, role, table):
    for forgery in FORGERIES:
        with subtests.test(forgery=forgery):
            async with expect_refusal(connection, psycopg.errors.InsufficientPrivilege):
                await as_role(connection, role, forgery.format(table))


@pytest.mark.parametrize("role", ["app_user", "app_engine", "app_service"])
@pytest.mark.parametrize(
    "call",
    [
        "select drop_audit_partitions(1)",
        "call protect_audit_partition('audit_log_default')",
        "call audit_table('users', 'id', 'id')",
        "alter table users disable trigger users_audit_update",
        "set session_replication_role = replica",
    ],
)
async def test_no_application_role_can_call_the_functions_of_the_trail(connection, learner, role, call):
    async with expect_refusal(connection, psycopg.errors.InsufficientPrivilege):
        await as_role(connection, role, call)


@pytest.mark.parametrize(
    ("role", "table"),
    [
        ("app_user", "audit_log"),
        ("app_engine", "audit_log_default"),
        ("app_service", "audit_log_default"),
    ],
)
async def test_the_trail_cannot_be_read_by_learners_nor_through_a_partition(connection, learner, role, table):
    async with expect_refusal(connection, psycopg.errors.InsufficientPrivilege):
        await as_role(connection, role, f"select count(*) from {table}")


async def test_a_temporary_table_with_the_name_of_the_trail_receives_no_entries(db, connection, learner):
    async with connection.transaction():
        await connection.execute("select begin_as_service(null)")
        await connection.execute("create temporary table audit_log (like public.audit_log) on commit drop")
        await connection.execute("update users set first_name = 'Eve'")
        caught = await value(connection, "select count(*) from pg_temp.audit_log")

    assert caught == 0
    assert (await history(db, "users", learner.id))[0].after == {"first_name": "Eve"}


async def as_role(connection, role, statement):
    async with connection.transaction():
        await connection.execute(sql.SQL("set local role {}").format(sql.Identifier(role)))
        await connection.execute(statement)


# --- secrets ---------------------------------------------------------------------------------------------------------


async def test_the_trail_shows_of_a_password_only_that_it_changed(db, connection):
    learner = await add_user(db)
    first = await value(connection, "select password_hash from users")
    second = first[:-1] + ("a" if first[-1] != "a" else "b")

    await connection.execute("update users set password_hash = %s", [second])
    entries = await history(db, "users", learner.id)
    await connection.execute("delete from users")

    assert (entries[0].before, entries[0].after) == ({"password_hash": "(secret)"}, {"password_hash": "(secret)"})
    assert "password_hash" not in entries[-1].after
    for (entry,) in await rows(connection, "select audit_trail::text from audit_trail"):
        assert first[:-1] not in entry


# --- transactions ----------------------------------------------------------------------------------------------------


async def test_a_rolled_back_change_leaves_no_entry(db, connection):
    with pytest.raises(ZeroDivisionError):
        async with db.transaction() as unit:
            await unit.categories.create(name="Art", slug="art")
            raise ZeroDivisionError

    assert await count(connection) == 0


async def test_a_change_rolled_back_to_a_savepoint_leaves_no_entry(db, connection):
    async with db.transaction() as unit:
        art = await unit.categories.create(name="Art", slug="art")
        with pytest.raises(ZeroDivisionError):
            async with unit.transaction() as inner:
                await inner.categories.update(art.id, name="Arts")
                raise ZeroDivisionError

    assert [entry.action for entry in await history(db, "skill_categories", art.id)] == [AuditAction.INSERT]


async def test_changes_of_one_transaction_are_in_order(db):
    async with db.transaction() as unit:
        art = await unit.categories.create(name="0", slug="art")
        for name in "12345":
            await unit.categories.update(art.id, name=name)

    entries = await history(db, "skill_categories", art.id)
    assert [entry.after["name"] for entry in entries] == ["5", "4", "3", "2", "1", "0"]
    assert len({entry.transaction_id for entry in entries}) == 1


async def test_concurrent_changes_form_one_chain(db):
    art = await db.categories.create(name="0", slug="art")

    results = await concurrently_async(*(_rename(db, art.id, str(number)) for number in range(1, 9)))

    assert failures(results) == []
    entries = await history(db, "skill_categories", art.id)
    assert len(entries) == 9
    assert [entry.before["name"] for entry in entries[:-1]] == [entry.after["name"] for entry in entries[1:]]


def _rename(db, id, name):  # noqa: A002 (the parameter's name)
    return lambda: db.categories.update(id, name=name)


# --- history ---------------------------------------------------------------------------------------------------------


async def test_history_comes_in_pages(db):
    art = await db.categories.create(name="0", slug="art")
    for name in "1234":
        await db.categories.update(art.id, name=name)

    pages = await all_pages(db.audit.history, "skill_categories", art.id, limit=2)

    assert [[entry.after["name"] for entry in page.items] for page in pages] == [["4", "3"], ["2", "1"], ["0"]]


async def test_the_history_of_a_ledger_row_comes_in_pages(db, connection, audited_rows):
    skill_id, learner_id = audited_rows["xp_events"]
    for xp in (3, 4):
        await connection.execute("update xp_events set xp = %s where source_kind = 'SKILL'", [xp])

    pages = await all_pages(db.audit.history, "xp_events", skill_id, user_id=learner_id, limit=1)

    assert [page.items[0].after["xp"] for page in pages] == [4, 3, 10]


async def test_a_row_deleted_and_inserted_again_has_one_history(db, connection, learner, tree):
    [skill] = await add_skills(db, tree, "html")
    insert = (
        "insert into user_skill_progress (user_id, skill_id, skill_tree_id, attempts_count) values (%s, %s, %s, %s)"
    )
    key = [learner.id, skill.id, tree.id]
    await connection.execute(insert, [*key, 1])
    await connection.execute("update user_skill_progress set attempts_count = 2")
    await connection.execute("delete from user_skill_progress")
    await connection.execute(insert, [*key, 5])
    await connection.execute("update user_skill_progress set attempts_count = 6")

    entries = await history(db, "user_skill_progress", skill.id, learner.id)

    told = [
        (entry.action.value, *(side and side["attempts_count"] for side in (entry.before, entry.after)))
        for entry in entries
    ]
    assert told == [
        ("UPDATE", 5, 6),
        ("INSERT", None, 5),
        ("DELETE", 2, None),
        ("UPDATE", 1, 2),
        ("INSERT", None, 1),
    ]


@pytest.mark.parametrize(
    "table", ["user_skill_tree_progress", "user_skill_progress", "user_achievements", "xp_events", "user_sessions"]
)
async def test_the_history_of_a_learners_row_is_found_by_its_id(db, connection, audited_rows, table):
    id, user_id = audited_rows[table]  # noqa: A001 (the parameter's name)
    where = "source_kind = 'SKILL'" if table == "xp_events" else "true"
    handle = await value(connection, f"select id from {table} where {where}")

    assert await history(db, table, handle, user_id) == await history(db, table, id, user_id)


async def test_rows_of_two_learners_have_separate_histories(db, audited_rows):
    other = await add_user(db, "grace")
    skill_id, _ = audited_rows["user_skill_progress"]

    assert await history(db, "user_skill_progress", skill_id, other.id) == ()


@pytest.mark.parametrize(
    ("given", "field"),
    [
        ({"table": "levels"}, "table"),
        ({"table": "users; drop table users"}, "table"),
        ({"table": ""}, "table"),
        ({"table": None}, "table"),
        ({"table": "audit_log"}, "table"),
        ({"table": "xp_events"}, "user_id"),
        ({"table": "users", "limit": 0}, "limit"),
    ],
)
async def test_invalid_arguments_of_a_history_are_refused(db, learner, given, field):
    with pytest.raises(InvalidValue) as refusal:
        await db.audit.history(id=learner.id, **given)

    assert refusal.value.field == field


async def test_a_cursor_of_another_list_is_refused(db, learner):
    with pytest.raises(InvalidCursor):
        await db.audit.history("users", learner.id, after="x")


async def test_a_learner_cannot_read_a_history(db, learner):
    with pytest.raises(PermissionDenied):
        await db.as_user(learner.id).audit.history("users", learner.id)


async def test_reading_a_history_stays_cheap_on_a_long_trail(db, connection):
    arts = [await db.categories.create(name=str(number), slug=f"art-{number}") for number in range(3)]
    await connection.execute(
        "insert into audit_log (subject_id, table_name, action, row_keys)"
        " select gen_random_uuid(), 'skill_categories', 'INSERT', '{x}' from generate_series(1, 20000)"
    )
    await connection.execute("analyze audit_log")

    plan = await connection.execute(
        b"explain (analyze, buffers, format json) " + read("audit/history").statement,
        {
            "table_name": "skill_categories",
            "subject_id": arts[1].id,
            "row_key": str(arts[1].id),
            "after_occurred_at": None,
            "after_id": None,
            "limit": 50,
        },
    )

    [([explained],)] = await plan.fetchall()
    assert await value(connection, "select pg_relation_size(%s)", await partition_of(connection, "now")) > 200 * 8192
    assert explained["Plan"]["Shared Hit Blocks"] < 60


# --- partitions ------------------------------------------------------------------------------------------------------


async def add_entry(connection, month):
    await connection.execute(
        "insert into audit_log (subject_id, occurred_at, table_name, action, row_keys)"
        " values (%s, %s, 'skills', 'INSERT', '{x}')",
        [AUTHOR, month],
    )


async def partition_of(connection, month):
    partition = await value(
        connection, "select tableoid::regclass::text from audit_log where occurred_at <= %s::timestamptz limit 1", month
    )
    return re.sub(SHARD, "", partition)


async def test_an_entry_of_a_month_without_a_partition_goes_to_the_default_partition(db, connection):
    await add_entry(connection, "2020-02-15 12:00Z")
    before = await partition_of(connection, "2020-02-15 12:00Z")

    made = await db.audit.ensure_partitions()
    again = await db.audit.ensure_partitions()

    assert before == "audit_log_default"
    assert (made, again) == (["audit_log_2020_02"], [])
    assert await partition_of(connection, "2020-02-15 12:00Z") == "audit_log_2020_02"
    assert await db.audit.drop_partitions(months_kept=2) == ["audit_log_2020_02"]
    assert await count(connection) == 0


async def test_partitions_of_the_coming_months_are_created(db, connection):
    made = await db.audit.ensure_partitions(months_ahead=14)

    assert len(made) == 2
    for name in made:
        await connection.execute(sql.SQL("drop table {}").format(sql.Identifier(name)))


async def test_the_months_kept_include_the_current_one(db, connection):
    [(kept, lost)] = await rows(
        connection,
        "select date_trunc('month', now(), 'UTC') - interval '2 months',"
        " date_trunc('month', now(), 'UTC') - interval '2 months' - interval '1 microsecond'",
    )
    for month in (kept, lost):
        await add_entry(connection, month)

    await db.audit.ensure_partitions()
    dropped = await db.audit.drop_partitions(months_kept=2)

    assert dropped == [f"audit_log_{lost:%Y_%m}"]
    assert await rows(connection, "select occurred_at from audit_log") == [(kept,)]
    await connection.execute(sql.SQL("drop table {}").format(sql.Identifier(f"audit_log_{kept:%Y_%m}")))


async def test_old_entries_in_the_default_partition_are_deleted(db, connection):
    await add_entry(connection, "2020-02-15 12:00Z")

    dropped = await db.audit.drop_partitions(months_kept=2)

    assert (dropped, await count(connection)) == ([], 0)


async def test_concurrent_calls_that_create_partitions_wait_for_each_other(db, connection):
    await add_entry(connection, "2020-02-15 12:00Z")

    results = await concurrently_async(db.audit.ensure_partitions, db.audit.ensure_partitions)

    assert sorted(results) == [[], ["audit_log_2020_02"]]
    await db.audit.drop_partitions(months_kept=2)


async def test_a_new_partition_has_the_privileges_of_the_trail(db, connection):
    await add_entry(connection, "2020-02-15 12:00Z")
    await db.audit.ensure_partitions()

    closed = await value(
        connection,
        "select bool_and(relrowsecurity and relforcerowsecurity) from pg_class"
        " where relname ~ '^audit_log_' and relkind = 'r'",
    )
    with pytest.raises(psycopg.errors.InsufficientPrivilege):
        await as_role(connection, "app_service", "select from audit_log_2020_02")

    assert closed
    await db.audit.drop_partitions(months_kept=2)


@pytest.mark.parametrize("months", [-1, 121, 1.5, None, "3"])
async def test_an_invalid_number_of_months_is_refused(db, months):
    with pytest.raises(InvalidValue, match="months_ahead"):
        await db.audit.ensure_partitions(months_ahead=months)
    with pytest.raises(InvalidValue, match="months_kept"):
        await db.audit.drop_partitions(months_kept=months)


# --- erasing ---------------------------------------------------------------------------------------------------------


async def test_erasing_a_learner_anonymises_the_trail(db, connection, audited_rows):
    learner_id = audited_rows["users"][0]
    skill_id = audited_rows["skills"][0]
    other = await add_user(db, "grace")
    await db.as_user(learner_id).users.update_profile(learner_id, bio="my secret")
    await db.as_service(learner_id).skills.update(skill_id, name="HTML 5")

    await db.as_service(REMOVER).users.erase(learner_id)

    whole = "\n".join(row for (row,) in await rows(connection, "select audit_trail::text from audit_trail"))
    assert "my secret" not in whole
    assert "ada@example.org" not in whole
    assert str(learner_id) not in whole
    # The erasure itself stays recorded, and so do changes of the skill and of other learners.
    erasures = "select actor_id, subject_id from audit_trail where action = 'ANONYMISE'"
    assert await rows(connection, erasures) == [(REMOVER, UUID(int=0))]
    latest = (await history(db, "skills", skill_id))[0]
    assert (latest.actor_id, latest.after) == (None, {"name": "HTML 5"})
    [kept] = await history(db, "users", other.id)
    assert kept.after["email"] == "grace@example.org"


async def test_erasing_finds_all_entries_through_an_index(connection):
    await connection.execute("set enable_seqscan = off")

    plans = [
        str(await rows(connection, f"explain select from audit_log where {condition}"))
        for condition in (
            f"subject_id = '{AUTHOR}'",
            f"actor_id = '{AUTHOR}' and actor_id <> subject_id",
        )
    ]

    assert ["Seq Scan" in plan for plan in plans] == [False, False]


async def test_erasing_an_unknown_id_leaves_the_trail_unchanged(db, connection, audited_rows):
    async with expect_refusal(connection, UserNotFound):
        await db.users.erase(audited_rows["skills"][0])


async def test_only_the_service_can_anonymise_the_trail(db, connection, learner):
    for role in ("app_user", "app_engine"):
        async with expect_refusal(connection, psycopg.errors.InsufficientPrivilege):
            await as_role(connection, role, f"select anonymise_audit('{learner.id}', '{AUTHOR}')")


# --- created_by and updated_by ---------------------------------------------------------------------------------------


@pytest.mark.parametrize("table", ["users", "skill_trees", "skills"])
async def test_created_by_and_updated_by_come_from_the_context(connection, audited_rows, table):
    await as_actor(connection, EDITOR, f"update {table} set created_by = %s, updated_by = %s", REMOVER, REMOVER)

    assert await rows(connection, f"select created_by, updated_by from {table}") == [(AUTHOR, EDITOR)]


async def test_a_client_cannot_name_another_author_of_a_row(connection):
    await as_actor(
        connection,
        EDITOR,
        "insert into users (email, username, password_hash, created_by) values ('a@b.org', 'a', %s, %s)",
        "$2b$04$" + "a" * 53,
        REMOVER,
    )

    assert await rows(connection, "select created_by, updated_by from users") == [(EDITOR, EDITOR)]


async def test_without_a_context_the_given_authors_are_kept(db, connection, tree):
    made = await rows(connection, "select created_by, updated_by from skill_trees")

    await connection.execute("update skill_trees set created_by = %s, updated_by = %s", [AUTHOR, EDITOR])
    await db.trees.update(tree.id, name="Other")

    assert made == [(None, None)]
    assert await rows(connection, "select created_by, updated_by from skill_trees") == [(AUTHOR, EDITOR)]


async def test_authorship_can_be_removed_but_not_transferred(connection, audited_rows):
    await as_actor(connection, EDITOR, "update skills set created_by = null")
    await as_actor(connection, EDITOR, "update skills set created_by = %s", REMOVER)

    assert await rows(connection, "select created_by, updated_by from skills") == [(None, EDITOR)]


async def test_the_history_of_an_activity_day_is_found_by_its_date(db, connection, learner):
    await connection.execute("set datestyle = 'German'")
    await connection.execute(
        "insert into user_activity_days (user_id, activity_date, minutes) values (%s, '2026-02-03', 5)", [learner.id]
    )
    await connection.execute("update user_activity_days set minutes = 9")

    latest, first = await history(db, "user_activity_days", date(2026, 2, 3), learner.id)

    assert (latest.before, latest.after) == ({"minutes": 5}, {"minutes": 9})
    assert first.after == {
        "user_id": str(learner.id),
        "activity_date": "2026-02-03",
        "minutes": 5,
        "learnt_at": None,
        "is_counted": True,
        "excuse": None,
    }
