"""Every error that the migrations raise has an SQLSTATE of our own, by which its error is found, even from a worker.

A worker is a server of Citus that holds a part of the tables. Of its errors, the client receives SQLSTATE, message,
detail and hint.
"""

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import psycopg
import pytest
from psycopg.pq import DiagnosticField
from pytest_postgresql.executors import NoopExecutor

from _sync.factories import all_rows_fingerprint
from conftest import _database
from skilltree import Database, errors
from skilltree._core.driver_errors import BY_CONSTRAINT, from_driver
from skilltree._core.limits import LIMITS
from skilltree._core.sqlstates import BY_SQLSTATE, CONSTRAINTS, REFUSALS
from skilltree.errors import ConcurrentUpdate, CyclicGraph, DatabaseFailure, GraphError, InvalidValue, SkillTreeError

Connection = psycopg.Connection[Any]

ROOT = Path(__file__).parents[1]
SOURCES = {path.name: path.read_text() for path in sorted((ROOT / "migrations").glob("*.sql"))}
RAISE = re.compile(r"raise exception\s+'((?:[^']|'')*)'(.*?);\n", re.DOTALL)
RAISED = {
    message: re.findall(r"errcode = '(\w+)'", rest)
    for source in SOURCES.values()
    for message, rest in RAISE.findall(source)
}
"""The message of each raise, and its codes."""

TREE, OTHER_TREE, LEARNER, A, B, C, FOREIGN, STRANGER = (f"'00000000-0000-7000-8000-00000000000{n}'" for n in range(8))

ROWS = f"""
    insert into users (id, email, username, password_hash)
    values ({LEARNER}, 'ada@example.org', 'ada', '$2b$04$' || repeat('.', 53));
    insert into user_profiles (user_id) values ({LEARNER}) on conflict do nothing;
    insert into skill_categories (id, name, slug) values ({STRANGER}, 'Web', 'web');
    insert into skill_trees (id, name, slug, category_id)
    values ({TREE}, 'HTML', 'html', {STRANGER}), ({OTHER_TREE}, 'CSS', 'css', {STRANGER});
    insert into skills (id, skill_tree_id, name)
    values ({A}, {TREE}, 'a'), ({B}, {TREE}, 'b'), ({FOREIGN}, {OTHER_TREE}, 'foreign');
    insert into skills (id, skill_tree_id, name, dependencies) values ({C}, {TREE}, 'c', array[{A}::uuid]);
    update skills set dependents = array[{C}::uuid] where id = {A};
    insert into user_skill_tree_progress (user_id, skill_tree_id) values ({LEARNER}, {TREE})
"""

HOLD_TREE = f"select pg_advisory_xact_lock_shared(hashtextextended('learners of tree ' || {TREE}, 0))"


def do_block(tag: str) -> str:
    """Return the block that 0014 runs to create or grant roles."""
    [block] = re.findall(rf"do \${tag}\$.*?\${tag}\$", SOURCES["0014.create-roles.sql"], re.DOTALL)
    return str(block)


NEEDS = "update skills set dependencies = array[{1}::uuid], dependents = array[{1}::uuid] where id = {0}"

REFUSED = {
    # names and values
    "% contains the character U+%, which is invisible or changes how the text around it is shown": (
        "update users set first_name = E'A\\u200Bda'"
    ),
    'unknown time zone "%"': "update user_profiles set timezone = 'Mars/Olympus'",
    'skilltree.late_window is not an interval: "%"': (
        "set local skilltree.late_window = 'a week'; select late_window()"
    ),
    'skilltree.late_window is negative: "%"': "set local skilltree.late_window = '-1 day'; select late_window()",
    "the audit trail must be kept for at least 1 month, not %": "select drop_audit_partitions_before(0)",
    # the graph
    "dependency cycle: %": f"{NEEDS.format(A, B)}; {NEEDS.format(B, A)}",
    "parent cycle: %": (
        f"update skills set parent_skill_id = {B} where id = {A};"
        f" update skills set parent_skill_id = {A} where id = {B}"
    ),
    "prerequisite cycle: %": (
        f"update skill_trees set prerequisites = array[{TREE}::uuid, {OTHER_TREE}::uuid] where id = {TREE}"
    ),
    "skill % no longer exists, but skill % still refers to it": f"delete from skills where id = {A}",
    "skill % refers to skills that are not in its tree": (
        f"update skills set dependencies = array[{FOREIGN}::uuid] where id = {B}"
    ),
    "tree % no longer exists, but is still a prerequisite of tree %": f"""
        update skill_trees set prerequisites = array[{OTHER_TREE}::uuid] where id = {TREE};
        set constraints all immediate;
        delete from skills where id = {FOREIGN};
        delete from skill_trees where id = {OTHER_TREE}
    """,
    "tree % has prerequisites that do not exist": (
        f"update skill_trees set prerequisites = array[{STRANGER}::uuid] where id = {TREE}"
    ),
    "dependencies of skill % and dependents of skill % do not agree": (
        f"update skills set dependencies = array[{B}::uuid] where id = {A}"
    ),
    "skill % cannot move to another tree": f"update skills set skill_tree_id = {OTHER_TREE} where id = {B}",
    "current_path contains skills that are not in tree %": (
        f"update user_skill_tree_progress set current_path = array[{FOREIGN}::uuid]"
    ),
    # transactions
    "the skill graph cannot be edited at isolation level %": (
        f"set transaction isolation level repeatable read; update skills set dependencies = '{{}}' where id = {C}"
    ),
    "tree prerequisites cannot be edited at isolation level %": (
        "set transaction isolation level serializable;"
        f" update skill_trees set prerequisites = array[{OTHER_TREE}::uuid] where id = {TREE}"
    ),
    "progress cannot be changed at isolation level %": (
        "set transaction isolation level repeatable read; select refuse_old_snapshot()"
    ),
    "timed out waiting for other sessions that work in tree % (% s)": f"select hold_off_learners({TREE})",
    "several authors were editing tree % when its first learner started it": (
        f"{HOLD_TREE}; select hold_off_learners({TREE})"
    ),
    # the audit trail
    "table % cannot be truncated: the audit trail would not record its rows": "truncate skills cascade",
    "the audit trail of account % cannot be removed: this transaction does not delete it": (
        f"select anonymise_audit({LEARNER}, null)"
    ),
    "the audit trail of account % cannot be removed: it is no placeholder created in this transaction": (
        f"delete from users where id = {LEARNER}; select anonymise_audit({LEARNER}, {A})"
    ),
    # roles
    "role % bypasses row-level security": f"alter role app_user bypassrls; {do_block('create_roles')}",
    "role %, which owns the tables, is not a member of app_service": (
        f"create role stranger; set local role stranger; {do_block('grant_roles')}"
    ),
}
"""The message of each raise, and statements after which it comes, at the commit at the latest."""


@pytest.fixture(scope="module")
def url(template: NoopExecutor) -> Iterator[str]:
    for url in _database(template, "refusals", clone=True):
        with psycopg.connect(url) as connection:
            connection.execute(ROWS)
        yield url


@pytest.fixture
def connection(url: str) -> Iterator[Connection]:
    with psycopg.connect(url) as connection:
        yield connection
        connection.rollback()


@pytest.fixture
def other(url: str) -> Iterator[Connection]:
    """Another session that works in the tree."""
    with psycopg.connect(url) as connection:
        connection.execute(HOLD_TREE)
        yield connection
        connection.rollback()


def refuse(connection: Connection, statements: str) -> psycopg.Error:
    """Return the error of the statements, or else of their commit. Check that nothing was written."""
    before = all_rows_fingerprint(connection)
    connection.rollback()
    with pytest.raises(psycopg.Error) as caught:
        connection.execute(statements)
        connection.commit()
    connection.rollback()
    assert all_rows_fingerprint(connection) == before
    connection.rollback()
    return caught.value


def from_worker(error: psycopg.Error, message: str | None = None) -> psycopg.Error:
    """Return the error as a coordinator of Citus passes it on from a worker."""
    given = {
        DiagnosticField.SQLSTATE: error.diag.sqlstate,
        DiagnosticField.MESSAGE_PRIMARY: message or error.diag.message_primary,
        DiagnosticField.MESSAGE_DETAIL: error.diag.message_detail,
        DiagnosticField.MESSAGE_HINT: error.diag.message_hint,
        DiagnosticField.CONTEXT: f"{error.diag.context}\nwhile executing command on 10.0.0.7:5432",
    }
    return with_fields(error, given)


def with_fields(error: psycopg.Error, fields: dict[DiagnosticField, str | None]) -> psycopg.Error:
    """Return the same error with these fields only."""
    info = {int(field): text and text.encode() for field, text in fields.items()}
    return type(error)(str(error), info=info, encoding="utf-8")  # type: ignore[arg-type]


def told(error: SkillTreeError) -> tuple[object, ...]:
    return type(error), str(error), vars(error)


# --- the list --------------------------------------------------------------------------------------------------------


def test_every_raise_has_one_code_of_the_list() -> None:
    others = {message: codes for message, codes in RAISED.items() if len(codes) != 1 or codes[0] not in REFUSALS}

    # A deadlock has PostgreSQL's code, because other clients try again by it, too.
    assert others == {"several authors were editing tree % when its first learner started it": ["deadlock_detected"]}
    for source in SOURCES.values():
        assert source.count("raise exception") == len(RAISE.findall(source))


def test_every_code_of_the_list_is_raised() -> None:
    assert {code for codes in RAISED.values() for code in codes} - {"deadlock_detected"} == set(REFUSALS)


def test_every_raise_is_tested() -> None:
    assert set(REFUSED) == set(RAISED)


def test_no_code_is_one_of_postgresql_or_the_standard() -> None:
    # The standard leaves classes that begin with 5 to 9 or I to Z to implementations.
    assert all(re.fullmatch(r"ST[1-9]\d\d", code) for code in REFUSALS)
    assert not {code[:2] for code in psycopg.errors._sqlcodes if len(code) == len("ST101")} & {"ST"}
    assert not set(REFUSALS) & set(BY_SQLSTATE)


def test_the_documentation_lists_every_code_with_its_error() -> None:
    text = (ROOT / "docs" / "errors.md").read_text()

    listed = dict(re.findall(r"^\| `(ST\d{3})` \|.*\| `(\w+)` \|$", text, re.MULTILINE))

    assert listed == {code: kind.__name__ for code, kind in REFUSALS.items()}


# --- refusals --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("message", REFUSED)
def test_a_refusal_becomes_the_error_of_its_code(connection: Connection, other: Connection, message: str) -> None:
    [code] = RAISED[message]

    refusal = refuse(connection, REFUSED[message])
    error = from_driver(refusal)

    assert re.fullmatch(re.sub("%", ".+", re.escape(message)), refusal.diag.message_primary or "")
    assert refusal.sqlstate == {"deadlock_detected": "40P01"}.get(code, code)
    assert type(error) is REFUSALS.get(code, ConcurrentUpdate)
    assert refusal.diag.message_primary in str(error)
    if code in CONSTRAINTS:
        assert isinstance(error, InvalidValue)
        assert (error.field, error.constraint) == (refusal.diag.column_name, refusal.diag.constraint_name)
    if isinstance(error, CyclicGraph):
        assert error.path[0] == error.path[-1]
    if isinstance(error, GraphError) and not isinstance(error, errors.UnsupportedIsolation):
        assert error.ids
    if isinstance(error, DatabaseFailure):
        assert error.sqlstate == refusal.sqlstate


@pytest.mark.parametrize("message", REFUSED)
def test_a_refusal_by_a_worker_becomes_the_same_error(connection: Connection, other: Connection, message: str) -> None:
    refusal = refuse(connection, REFUSED[message])

    remote = from_worker(refusal)

    assert remote.diag.constraint_name is remote.diag.column_name is remote.diag.table_name is None
    assert told(from_driver(remote)) == told(from_driver(refusal))


def test_a_refusal_at_the_commit_of_a_unit_of_work_becomes_its_error(url: str) -> None:
    with Database(url) as db, pytest.raises(errors.CyclicDependency) as caught, db.transaction() as unit:
        unit._connection.execute(REFUSED["dependency cycle: %"])

    assert isinstance(caught.value.__cause__, psycopg.Error)
    assert caught.value.__cause__.sqlstate == "ST201"


def test_a_refusal_without_its_detail_still_has_its_error() -> None:
    for code, kind in REFUSALS.items():
        bare = with_fields(psycopg.DatabaseError(), {DiagnosticField.SQLSTATE: code})

        assert type(from_driver(bare)) is kind


# --- constraints -----------------------------------------------------------------------------------------------------

VIOLATIONS = {
    "users_email_form": "update users set email = 'nobody'",
    "idx_user_email": """
        insert into users (email, username, password_hash) select email, 'grace', password_hash from users
    """,
    "skill_trees_category_id_fkey": f"update skill_trees set category_id = {TREE}",
    "skills_parent_skill_id_fkey": f"update skills set parent_skill_id = {STRANGER} where id = {B}",
    "user_skill_tree_progress_completed_at_agrees": (
        "update user_skill_tree_progress set started_at = now(), completed_at = now() - interval '1 day'"
    ),
    "skills_dependencies_distinct": f"update skills set dependencies = array[{A}::uuid, {A}] where id = {C}",
}


@pytest.mark.parametrize("name", VIOLATIONS)
@pytest.mark.parametrize("shard", ["", "_102008"])
def test_a_constraint_is_known_by_the_message_of_a_worker(connection: Connection, name: str, shard: str) -> None:
    violation = refuse(connection, VIOLATIONS[name])
    assert violation.diag.constraint_name == name

    remote = from_worker(violation, re.sub(r'"(\w+)"', rf'"\1{shard}"', violation.diag.message_primary or ""))

    expected, error = from_driver(violation), from_driver(remote)
    assert type(error) is type(expected)
    assert vars(error) == vars(expected)
    assert "102008" not in str(error)


@pytest.mark.parametrize("name", VIOLATIONS)
def test_a_constraint_of_a_shard_on_the_same_server_is_known(connection: Connection, name: str) -> None:
    violation = refuse(connection, VIOLATIONS[name])
    fields = {
        DiagnosticField.SQLSTATE: violation.diag.sqlstate,
        DiagnosticField.MESSAGE_PRIMARY: violation.diag.message_primary,
        DiagnosticField.MESSAGE_DETAIL: violation.diag.message_detail,
        DiagnosticField.CONSTRAINT_NAME: f"{violation.diag.constraint_name}_102008",
        DiagnosticField.TABLE_NAME: f"{violation.diag.table_name}_102008",
    }

    assert told(from_driver(with_fields(violation, fields))) == told(from_driver(violation))


def test_a_constraint_is_known_by_a_message_in_another_language(connection: Connection) -> None:
    violation = refuse(connection, VIOLATIONS["users_email_form"])

    german = "neue Zeile für Relation »users_102008« verletzt Check-Constraint »users_email_form«"
    french = (
        "la nouvelle ligne de la relation « users_102008 » viole la contrainte de vérification « users_email_form »"
    )

    assert told(from_driver(from_worker(violation, german))) == told(from_driver(violation))
    assert told(from_driver(from_worker(violation, french))) == told(from_driver(violation))


def test_a_missing_value_is_known_by_the_message_of_a_worker(connection: Connection) -> None:
    violation = refuse(connection, "update users set email = null")

    remote = from_worker(
        violation, 'null value in column "email" of relation "users_102008" violates not-null constraint'
    )

    assert told(from_driver(remote)) == told(from_driver(violation))


def test_an_unknown_constraint_is_an_invalid_value(connection: Connection) -> None:
    violation = refuse(
        connection, "create temporary table numbers (n integer check (n > 0)); insert into numbers values (0)"
    )

    error = from_driver(from_worker(violation))

    assert isinstance(error, InvalidValue)
    assert (error.field, error.constraint) == (None, None)
    assert str(error) == violation.diag.message_primary


@pytest.mark.parametrize(
    ("state", "message", "told", "field"),
    [
        (
            "23514",
            'new row for relation "users_102013" violates check constraint "users_password_hash_form"',
            'new row for relation "users" violates check constraint "users_password_hash_form"',
            "password_hash",
        ),
        (
            "23514",
            'new row for relation "check_ins_102008" violates check constraint "check_ins_minutes_check"',
            'new row for relation "check_ins" violates check constraint "check_ins_minutes_check"',
            "minutes",
        ),
        (
            "23505",
            'duplicate key value violates unique constraint "notes_title_key_102008"',
            "another row already has this value (notes_title_key)",
            None,
        ),
        # The text of an application's trigger.
        ("23514", "lesson lesson_12 needs lesson_video_url", "lesson lesson_12 needs lesson_video_url", None),
    ],
)
def test_other_constraints_are_found_in_what_a_worker_says(
    state: str, message: str, told: str, field: str | None
) -> None:
    fields = {DiagnosticField.SQLSTATE: state, DiagnosticField.MESSAGE_PRIMARY: message}

    error = from_driver(with_fields(psycopg.IntegrityError(), fields))

    assert (str(error), getattr(error, "field", None)) == (told, field)


def test_a_table_may_end_in_a_number() -> None:
    fields = {
        DiagnosticField.SQLSTATE: "23505",
        DiagnosticField.MESSAGE_PRIMARY: 'duplicate key value violates unique constraint "unique_event_2026"',
        DiagnosticField.CONSTRAINT_NAME: "unique_event_2026",
        DiagnosticField.TABLE_NAME: "events_2026",
    }

    error = from_driver(with_fields(psycopg.IntegrityError(), fields))

    assert str(error) == "another row of events_2026 already has this value (unique_event_2026)"


def test_no_constraint_has_a_name_that_is_cut_for_a_shard() -> None:
    # A name has at most 63 characters, of which a shard's number takes some.
    assert max(map(len, BY_CONSTRAINT.keys() | LIMITS)) + len("_1234567") <= 63
