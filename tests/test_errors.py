"""Every refusal of the database that a caller can cause has its own error."""

import pickle
from collections.abc import Iterator
from typing import Any
from uuid import uuid4

import psycopg
import pytest
from pytest_postgresql.executors import NoopExecutor

from conftest import _database
from skilltree import Database, errors
from skilltree._core import driver_errors
from skilltree._core.driver_errors import from_driver, translated
from skilltree.errors import (
    AlreadyExists,
    CategoryNotFound,
    GraphError,
    IdTaken,
    InvalidValue,
    NotFound,
    PermissionDenied,
    SkillTreeError,
    SlugTaken,
    TreeNotFound,
    UnknownTimezone,
    UserNotFound,
)
from skilltree.models.ids import CategoryId, TreeId, UserId

CLASSES = sorted(
    (one for one in vars(errors).values() if isinstance(one, type) and issubclass(one, Exception)),
    key=lambda one: one.__name__,
)

# Keys that no repository can violate: its statements read the referenced row, or generate the key.
UNREACHABLE = {
    "achievement_backfills_pkey",
    "begun_trees_pkey",
    "leaderboard_counts_pkey",
    "levels_pkey",
    "login_attempts_pkey",
    "unique_level_min_xp",
    "unique_session_token",
    "unique_user_achievement",
    "unique_user_tree_progress",
    "user_activity_days_pkey",
    "user_profiles_pkey",
    "user_scores_pkey",
    "user_tokens_pkey",
    "xp_events_pkey",
}


@pytest.fixture(scope="module")
def db(template: NoopExecutor) -> Iterator[Database]:
    for url in _database(template, "errors", clone=True):
        with Database(url) as database:
            yield database


@pytest.fixture
def connection(db: Database) -> Iterator[psycopg.Connection[tuple[Any, ...]]]:
    with psycopg.connect(db._url) as connection:
        yield connection
        connection.rollback()


def names(connection: psycopg.Connection[tuple[Any, ...]], query: str) -> set[str]:
    return {row[0] for row in connection.execute(query)}


def constraints(connection: psycopg.Connection[tuple[Any, ...]], kinds: str) -> set[str]:
    return names(
        connection,
        f"""
        select conname from pg_constraint
        where connamespace = 'public'::regnamespace and position(contype in '{kinds}') > 0
            and conrelid::regclass::text !~ 'yoyo|^skilltree_'
            and conrelid in (select oid from pg_class where not relispartition)
        """,
    )


def unique_indexes(connection: psycopg.Connection[tuple[Any, ...]]) -> set[str]:
    return names(
        connection,
        """
        select relname from pg_index inner join pg_class on pg_class.oid = indexrelid
        where indisunique and relnamespace = 'public'::regnamespace and relname !~ 'yoyo|^skilltree_'
            and not relispartition
        """,
    )


# --- the classes -----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("one", CLASSES, ids=lambda one: one.__name__)
def test_every_error_is_a_skilltree_error_with_a_docstring(one: type[Exception]) -> None:
    assert issubclass(one, SkillTreeError)
    assert vars(one).get("__doc__")


def test_the_default_message_of_an_error_is_its_docstring() -> None:
    assert str(SlugTaken()) == SlugTaken.__doc__
    assert str(UserNotFound()) == UserNotFound.__doc__


def test_a_not_found_error_names_its_key() -> None:
    user_id = uuid4()

    error = UserNotFound(id=user_id)

    assert str(error) == f"there is no user with id {user_id}"
    assert error.key == {"id": user_id}


@pytest.mark.parametrize("one", CLASSES, ids=lambda one: one.__name__)
def test_no_error_has_the_name_of_a_builtin(one: type[Exception]) -> None:
    assert one.__name__ not in __builtins__  # type: ignore[operator]


@pytest.mark.parametrize(
    "error",
    [
        UserNotFound(id=uuid4()),
        SlugTaken("taken"),
        InvalidValue("bad", field="name", constraint="x_name_length"),
        errors.InvalidDocument("bad", field="content", path=("modules", 0)),
        errors.InvalidStoredDocument("bad", row={"id": "0199"}, path=("content", "modules", 0)),
        errors.CyclicDependency("cycle", ids=(uuid4(), uuid4())),
        errors.UnknownCurriculumKeys((("a", "b"),)),
        errors.StatementTimeout("slow", sqlstate="57014"),
    ],
    ids=lambda error: type(error).__name__,
)
def test_an_error_can_be_pickled_unchanged(error: SkillTreeError) -> None:
    copy = pickle.loads(pickle.dumps(error))  # noqa: S301 (made here)

    assert type(copy) is type(error)
    assert str(copy) == str(error)
    assert vars(copy) == vars(error)


# --- the map ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", driver_errors.BY_CONSTRAINT)
def test_every_constraint_with_an_error_exists(connection: psycopg.Connection[tuple[Any, ...]], name: str) -> None:
    assert name in constraints(connection, "cfpu") | unique_indexes(connection)


def test_every_key_and_foreign_key_that_a_caller_can_violate_has_an_error(
    connection: psycopg.Connection[tuple[Any, ...]],
) -> None:
    reachable = (constraints(connection, "fpu") | unique_indexes(connection)) - UNREACHABLE

    # Only triggers write to the trail.
    reachable = {name for name in reachable if not name.startswith(("audit_log_", "shared_audit_log_"))}
    assert reachable - set(driver_errors.BY_CONSTRAINT) == set()


def test_unique_keys_map_to_taken_errors_and_foreign_keys_to_not_found_errors(
    connection: psycopg.Connection[tuple[Any, ...]],
) -> None:
    keys = {
        name
        for name in constraints(connection, "pu") | unique_indexes(connection)
        if name in driver_errors.BY_CONSTRAINT
    }
    foreign = constraints(connection, "f")

    assert all(issubclass(driver_errors.BY_CONSTRAINT[name], AlreadyExists) for name in keys)
    assert all(issubclass(driver_errors.BY_CONSTRAINT[name], NotFound | GraphError) for name in foreign)


def test_the_name_of_every_check_gives_its_field(connection: psycopg.Connection[tuple[Any, ...]]) -> None:
    query = """
        select conname, relname, array(select attname::text from pg_attribute where attrelid = conrelid and attnum > 0)
        from pg_constraint inner join pg_class on pg_class.oid = conrelid
        where contype = 'c' and connamespace = 'public'::regnamespace and not relispartition
    """

    fields = {
        name: (name.removeprefix(f"{table}_").rpartition("_")[0], columns)
        for name, table, columns in connection.execute(query)
    }

    assert len(fields) > 50
    assert {name: field for name, (field, columns) in fields.items() if field not in columns} == {}


# --- from the driver's errors ----------------------------------------------------------------------------------------


def refuse(connection: psycopg.Connection[tuple[Any, ...]], statement: str) -> SkillTreeError:
    with pytest.raises(SkillTreeError) as caught, translated(), connection.transaction():
        connection.execute(statement)
    assert isinstance(caught.value.__cause__, psycopg.Error)
    return caught.value


def test_a_violated_check_names_field_and_constraint(connection: psycopg.Connection[tuple[Any, ...]]) -> None:
    error = refuse(connection, "insert into skill_categories (name, slug, color) values ('a', 'a', 'red')")

    assert type(error) is InvalidValue
    assert (error.field, error.constraint) == ("color", "skill_categories_color_form")


def test_a_missing_value_names_its_field(connection: psycopg.Connection[tuple[Any, ...]]) -> None:
    error = refuse(connection, "insert into skill_categories (name) values ('a')")

    assert type(error) is InvalidValue
    assert error.field == "slug"
    assert str(error) == "slug must have a value"


@pytest.mark.parametrize(
    ("statement", "kind"),
    [
        ("select 1 / 0", "InvalidValue"),
        ("select 'x'::integer", "InvalidValue"),
        ("select 'HARD'::difficulty_level", "InvalidValue"),
        ("select 99999999999::integer", "InvalidValue"),
        ("select * from nowhere", "SchemaOutdated"),
        ("select nothing()", "SchemaOutdated"),
        ("select skills.nothing from skills", "SchemaOutdated"),
        ("select null::nothing", "SchemaOutdated"),
        ("set local statement_timeout = 1; select pg_sleep(1)", "StatementTimeout"),
        ("set local role app_user; select password_hash from users", "PermissionDenied"),
        ("select from from", "DatabaseFailure"),
        ("do $$ begin raise exception using errcode = '40001'; end $$", "ConcurrentUpdate"),
        ("do $$ begin raise exception using errcode = '40P01'; end $$", "ConcurrentUpdate"),
        ("do $$ begin raise exception using errcode = '55P03'; end $$", "LockTimeout"),
        ("do $$ begin raise exception using errcode = '57P01'; end $$", "ServerUnavailable"),
        ("do $$ begin raise exception using errcode = '53300'; end $$", "ServerUnavailable"),
        ("do $$ begin raise exception using errcode = '53100'; end $$", "ServerExhausted"),
        ("do $$ begin raise exception using errcode = '53200'; end $$", "ServerExhausted"),
        ("do $$ begin raise exception using errcode = '53400'; end $$", "ServerExhausted"),
        ("do $$ begin raise exception using errcode = '08006'; end $$", "ServerUnavailable"),
    ],
)
def test_a_server_error_becomes_our_error(
    connection: psycopg.Connection[tuple[Any, ...]], statement: str, kind: str
) -> None:
    error = refuse(connection, statement)

    assert type(error).__name__ == kind


def test_an_unreachable_server_raises_server_unavailable() -> None:
    with pytest.raises(errors.ServerUnavailable), translated():
        psycopg.connect("host=/nonexistent user=nobody dbname=nothing")


def test_a_value_that_the_driver_cannot_send_raises_invalid_value(
    connection: psycopg.Connection[tuple[Any, ...]],
) -> None:
    with pytest.raises(InvalidValue), translated():
        connection.execute("select %s::text", ["a\0b"])


def test_an_unknown_error_raises_database_failure() -> None:
    error = from_driver(psycopg.InternalError("odd"))

    assert type(error) is errors.DatabaseFailure
    assert str(error) == "odd"


# --- from the repositories -------------------------------------------------------------------------------------------


def test_ids_and_slugs_in_use_are_named(db: Database) -> None:
    category = db.categories.create(name="Taken", slug="taken")

    with pytest.raises(SlugTaken) as slug:
        db.categories.create(name="Other", slug="taken")
    with pytest.raises(errors.CategoryNameTaken):
        db.categories.create(name="Taken", slug="other")
    with pytest.raises(IdTaken):
        db.categories.create(name="Third", slug="third", id=category.id)

    assert "taken" in str(slug.value)
    assert [one.slug for one in db.categories.list()] == ["taken"]


def test_a_new_row_must_refer_to_existing_rows(db: Database) -> None:
    with pytest.raises(CategoryNotFound):
        db.trees.create(CategoryId(uuid4()), name="x", slug="x")
    with pytest.raises(TreeNotFound):
        db.skills.create(TreeId(uuid4()), name="x")
    with pytest.raises(UserNotFound):
        db.sessions.start(UserId(uuid4()))


def test_email_and_username_in_use_are_named(db: Database) -> None:
    db.users.register(email="ada@example.org", username="ada", password="long password", bcrypt_cost=4)

    with pytest.raises(errors.EmailTaken):
        db.users.register(email="ADA@example.org", username="ada2", password="long password", bcrypt_cost=4)
    with pytest.raises(errors.UsernameTaken):
        db.users.register(email="ada2@example.org", username="ada", password="long password", bcrypt_cost=4)


def test_an_unknown_time_zone_names_field_and_constraint(db: Database) -> None:
    with pytest.raises(UnknownTimezone) as caught:
        db.users.register(
            email="z@example.org", username="z", password="long password", bcrypt_cost=4, timezone="Mars/Olympus"
        )

    assert "Mars/Olympus" in str(caught.value)
    assert caught.value.constraint == "user_profiles_timezone_known"
    assert caught.value.field == "timezone"
    assert db.users.find_by_username("z") is None


def test_a_missing_privilege_says_that_it_must_be_granted(migrated_url: str) -> None:
    row = "insert into user_activity_days (user_id, activity_date) values (gen_random_uuid(), now())"
    with psycopg.connect(f"{migrated_url} user=skilltree_app", autocommit=True) as connection:
        connection.execute("set role app_user")
        with pytest.raises(PermissionDenied, match="levels; .*; what is your own must be granted to the role"):
            with translated():
                connection.execute("delete from levels")
        connection.execute("set role app_engine")
        with pytest.raises(PermissionDenied, match="row-level security .* work across learners$"), translated():
            connection.execute(row)
