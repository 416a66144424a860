"""Each test makes a mistake in a copy of the migrations. The gate must find it and name the file."""

import json
import re
import shutil
import subprocess
from collections.abc import Callable
from pathlib import Path

import psycopg
import pytest
from typer.testing import CliRunner

from skilltree import errors, migrate, migration_gate
from skilltree.cli import app
from skilltree.migrate.files import Problem
from skilltree.migration_gate.compatibility import queries_before
from skilltree.migration_gate.example_rows import ExampleRows, contents
from skilltree.migration_gate.walk import walk

LAST = max(file.name for file in migrate.folder().glob("*.sql"))
NEXT = int(LAST[:4]) + 1
NEW = f"{NEXT:04}.new"
FIRST = "0001.create-types"


@pytest.fixture
def copy(tmp_path: Path) -> Path:
    """A copy of our migrations."""
    return Path(shutil.copytree(migrate.folder(), tmp_path / "migrations"))


def add(folder: Path, forward: str, back: str, *, name: str = NEW) -> None:
    """Add a migration that has landed on main."""
    (folder / f"{name}.sql").write_text(forward)
    (folder / f"{name}.rollback.sql").write_text(back)
    migration_gate.record(folder)


def commit(checkout: Path, message: str) -> None:
    author = ["-c", "user.name=a", "-c", "user.email=a@example.org"]
    for command in (["init", "-q"], ["add", "-A"], [*author, "commit", "-q", "--allow-empty", "-m", message]):
        subprocess.run(["git", *command], cwd=checkout, check=True)


def write_query(checkout: Path, name: str, text: str) -> None:
    file = checkout / "queries" / f"{name}.sql"
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text(text)


# --- the files -------------------------------------------------------------------------------------------------------


def append(file: str) -> Callable[[Path], object]:
    return lambda folder: (folder / file).write_text((folder / file).read_text() + "\n-- More.\n")


def remove(*files: str) -> Callable[[Path], object]:
    return lambda folder: [(folder / file).unlink() for file in files]


def new(name: str, *, landed: bool = True) -> Callable[[Path], object]:
    def make(folder: Path) -> None:
        listed = (folder / "SHA256SUMS").read_text()
        add(folder, "create table a (id integer);", "drop table a;", name=name)
        if not landed:
            (folder / "SHA256SUMS").write_text(listed)

    return make


FILE_MISTAKES = [
    ("an edited migration", append(f"{FIRST}.sql"), f"{FIRST}.sql", "edited after it landed"),
    ("an edited rollback", append(f"{FIRST}.rollback.sql"), f"{FIRST}.rollback.sql", "edited after it landed"),
    ("a rollback that is missing", remove(f"{FIRST}.rollback.sql"), f"{FIRST}.sql", "has no"),
    (
        "a migration that was deleted",
        remove(LAST, LAST.replace(".sql", ".rollback.sql")),
        LAST,
        "deleted after it landed",
    ),
    ("a gap in the numbers", new(f"{NEXT + 1:04}.new"), f"{NEXT + 1:04}.new.sql", f"number {NEXT:04} is missing"),
    ("a number taken twice", new("0003.new"), "0003.new.sql", "0003 is already taken"),
    ("a migration that is not recorded", new(NEW, landed=False), f"{NEW}.sql", "not in SHA256SUMS"),
    (
        "an invalid name",
        lambda folder: (folder / "0003_new.sql").write_text("select 1;"),
        "0003_new.sql",
        "is not a migration",
    ),
]


def test_our_files_follow_the_rules():
    assert migration_gate.check_files() == []


@pytest.mark.parametrize(
    ("mistake", "file", "problem"), [case[1:] for case in FILE_MISTAKES], ids=[case[0] for case in FILE_MISTAKES]
)
def test_a_mistake_in_the_files_is_found_and_named(copy, mistake, file, problem):
    mistake(copy)

    found = migration_gate.check_files(copy)

    assert any(file in (each.file + each.problem) and problem in each.problem and each.remedy for each in found)


def test_sha256sum_can_check_the_checksums():
    result = subprocess.run(["sha256sum", "--check", "--quiet", "SHA256SUMS"], cwd=migrate.folder(), check=False)

    assert result.returncode == 0


def test_recording_does_not_change_landed_checksums(copy):
    before = (copy / "SHA256SUMS").read_text()
    append(f"{FIRST}.sql")(copy)

    migration_gate.record(copy)

    assert (copy / "SHA256SUMS").read_text() == before


# --- locks -----------------------------------------------------------------------------------------------------------

UNSAFE = [
    ("alter table skills alter column name type varchar(300);", "changing-column-type"),
    ("create index slow on skills (name);", "require-concurrent-index-creation"),
    ("alter table skills add constraint named check (name <> 'x');", "constraint-missing-not-valid"),
    (
        "alter table skills add constraint fk foreign key (created_by) references users (id);",
        "adding-foreign-key-constraint",
    ),
    ("alter table skills alter column description set not null;", "adding-not-nullable-field"),
    ("alter table skills rename column name to title;", "renaming-column"),
    ("alter table skills add column code uuid not null default uuidv7();", "adding-field-with-default"),
    ("drop table user_sessions;", "ban-drop-table"),
]


def test_our_migrations_block_nobody():
    assert migration_gate.check_locks() == []


@pytest.mark.parametrize(("statement", "rule"), UNSAFE, ids=[rule for _, rule in UNSAFE])
def test_a_statement_that_blocks_others_is_found_with_its_line(copy, statement, rule):
    add(copy, f"-- Why.\n\n{statement}\n", "select 1;")

    found = migration_gate.check_locks(copy)

    assert [(each.file, each.line, each.problem.split(":")[0]) for each in found if rule in each.problem] == [
        (f"{NEW}.sql", 3, rule)
    ]


def test_a_concurrent_index_is_accepted_only_outside_a_transaction(copy):
    add(copy, "-- transactional: false\ncreate index concurrently slow on skills (name);", "drop index slow;")
    outside = migration_gate.check_locks(copy)
    add(copy, "create index concurrently slow on skills (name);\nselect 1;", "drop index slow;")

    inside = migration_gate.check_locks(copy)

    assert outside == []
    assert ["ban-concurrent-index-creation-in-transaction" in each.problem for each in inside] == [True]


@pytest.mark.parametrize(
    ("comment", "problem"),
    [
        ("-- The table is small.\n-- squawk-ignore require-concurrent-index-creation\n", None),
        ("-- squawk-ignore require-concurrent-index-creation\n", "without a reason"),
        ("-- The table is small.\n-- squawk-ignore\n", "every rule"),
        ("-- squawk-ignore-file require-concurrent-index-creation\n", "without a reason"),
        ("-- The table is small.\n-- squawk-ignore ban-drop-table\n", "require-concurrent-index-creation"),
    ],
)
def test_an_exception_must_name_its_rule_and_a_reason(copy, comment, problem):
    add(copy, f"create table a (id integer);\n\n{comment}create index slow on skills (name);", "select 1;")

    found = migration_gate.check_locks(copy)

    assert {each.file for each in found} == ({f"{NEW}.sql"} if problem else set())
    assert problem is None or any(problem in each.problem for each in found)


# --- forward and back------------------------------------------------------------------------------------------------


def test_every_migration_goes_forward_back_and_forward_on_rows_in_every_table(empty_url):
    assert walk(empty_url) == []

    with psycopg.connect(empty_url, autocommit=True) as connection:
        assert [found.problem for found in migrate.status(empty_url) if found.applied_at is None] == []
        ExampleRows(connection).add()
        assert [table for table, rows in contents(connection).items() if not rows] == []


TABLE = "create table notes (id integer constraint notes_pkey primary key, body text);"
TRIGGER = (
    "create function note() returns trigger language plpgsql as 'begin return new; end';"
    "create trigger skills_note before insert on skills for each row execute function note();"
)

# Forward, back, the file with the mistake, part of the message.
WALK_MISTAKES = {
    "a rollback that forgets a trigger": (
        "create trigger skills_again before update on skills for each row execute function set_updated_at();",
        "select 1;", "rollback.sql", "trigger skills_again on public.skills is left over",
    ),
    "a rollback that forgets a function": (
        TRIGGER, "drop trigger skills_note on skills;", "rollback.sql", "function public.note() is left over",
    ),
    "a rollback that forgets a table": (TABLE, "select 1;", "rollback.sql", "table public.notes is left over"),
    "a rollback that forgets an enum": (
        "create type mood as enum ('GOOD');", "select 1;", "rollback.sql", "type public.mood is left over",
    ),
    "a rollback that forgets a grant": (
        "grant select on user_sessions to app_engine;", "select 1;", "rollback.sql",
        "grants on table public.user_sessions differs",
    ),
    "a rollback that forgets a policy": (
        "create policy more on levels for select to app_engine using (true);", "select 1;", "rollback.sql",
        "policy more on public.levels is left over",
    ),
    "a rollback that leaves row-level security off": (
        "alter table levels no force row level security;", "select 1;", "rollback.sql",
        "table public.levels differs",
    ),
    "a rollback that drops too much": (
        TABLE, "drop table notes; drop index idx_skill_position;", "rollback.sql",
        "index public.idx_skill_position is missing",
    ),
    "a rollback that restores an index differently": (
        "drop index idx_skill_position;", "create index idx_skill_position on skills (position_y, position_x);",
        "rollback.sql", "index public.idx_skill_position differs",
    ),
    "a rollback that fails": (TABLE, "drop table note;", "rollback.sql", 'table "note" does not exist'),
    "a rollback that deletes rows": (
        TABLE, "drop table notes; delete from user_sessions;", "rollback.sql", "rows of user_sessions do not come back",
    ),
    "a rollback that cannot restore the data of a column": (
        "alter table user_sessions drop column device_info;",
        "alter table user_sessions add column device_info jsonb"
        " constraint user_sessions_device_info_form check (jsonb_typeof(device_info) = 'object');",
        "rollback.sql", "column public.user_sessions.device_info differs",
    ),
    "a migration that deletes rows": (
        "delete from user_sessions;", "select 1;", "sql", "it changes or loses rows of user_sessions",
    ),
    "a migration that changes rows": (
        "update skills set xp_value = 7;", "select 1;", "sql", "it changes or loses rows of skills",
    ),
    "a migration that fails on rows": (
        "alter table skills add column code text not null;", "alter table skills drop column code;", "sql",
        "contains null values",
    ),
    "a constraint that rows violate": (
        "alter table skills add constraint dear check (xp_value > 500);", "alter table skills drop constraint dear;",
        "sql", "is violated by some row",
    ),
}  # fmt: skip


@pytest.mark.parametrize(("forward", "back", "file", "problem"), WALK_MISTAKES.values(), ids=WALK_MISTAKES)
def test_a_mistake_going_forward_or_back_is_found_and_named(migrated_url, copy, forward, back, file, problem):
    add(copy, forward, back)

    found = walk(migrated_url, copy)

    assert {each.file for each in found if problem in each.problem and each.remedy} == {f"{NEW}.{file}"}


def test_a_migration_with_another_result_the_second_time_is_found(migrated_url, copy):
    with psycopg.connect(migrated_url, autocommit=True) as connection:
        connection.execute("create sequence times")
    add(
        copy,
        "do $$ begin execute format('create table notes_%s (id integer)', nextval('times')); end $$;",
        "do $$ begin execute format('drop table notes_%s', currval('times')); end $$;",
    )

    found = walk(migrated_url, copy)

    assert {each.file for each in found if "applied again, table public.notes_2 is left over" in each.problem} == {
        f"{NEW}.sql"
    }


def test_rows_may_change_if_the_header_gives_a_reason(migrated_url, copy):
    add(
        copy,
        "-- @changes skills: nothing is worth more than 7\nupdate skills set xp_value = 7;",
        "-- @changes skills: what they were worth is lost\nselect 1;",
    )

    assert walk(migrated_url, copy) == []


def test_a_table_for_which_no_example_row_works_is_named(migrated_url, copy):
    add(copy, "create table odd (id integer not null, constraint odd_id check (id = 17));", "drop table odd;")

    with pytest.raises(errors.MigrationError, match=r"(?s)for odd: .*odd_id.*EXAMPLES"):
        walk(migrated_url, copy)


# --- compatible migrations -------------------------------------------------------------------------------------------

OLD_QUERIES = {
    "skills/get": b"-- A skill.\n-- 100% of it.\nselect name, xp_value from skills where id = %(id)s",
    "skills/add": b"insert into skills (skill_tree_id, name) values (%(tree)s, %(name)s || '%%')",
    "skills/gone": b"select nothing from nowhere",
}

COMPATIBLE = [
    ("alter table skills add column code text;", "alter table skills drop column code;"),
    ("alter table skills add column code text not null default 'x';", "alter table skills drop column code;"),
    (TABLE, "drop table notes;"),
    ("drop index idx_skill_position;", "create index idx_skill_position on skills (position_x, position_y);"),
]

INCOMPATIBLE = [
    ("alter table skills rename column name to title;", "alter table skills rename column title to name;",
     "the older skills/get.sql no longer runs: column \"name\" does not exist"),
    ("alter table skills drop column xp_value;",
     "alter table skills add column xp_value integer not null default 10;",
     "the older skills/get.sql no longer runs: column \"xp_value\" does not exist"),
    ("alter table skills alter column xp_value type bigint;", "alter table skills alter column xp_value type integer;",
     "the older skills/get.sql returns name text, xp_value bigint for id uuid, not name text, xp_value integer"),
    ("alter table skills alter column key drop default;",
     "alter table skills alter column key set default uuidv7()::text;",
     "old code does not know that skills.key must have a value"),
]  # fmt: skip


@pytest.mark.parametrize(("forward", "back"), COMPATIBLE)
def test_a_compatible_migration_is_accepted(migrated_url, copy, forward, back):
    add(copy, f"-- @compatible\n{forward}", back)

    assert walk(migrated_url, copy, old_queries=lambda _: OLD_QUERIES) == []


@pytest.mark.parametrize(("forward", "back", "problem"), INCOMPATIBLE)
def test_a_migration_that_is_not_as_compatible_as_promised_is_found(migrated_url, copy, forward, back, problem):
    add(copy, f"-- @compatible\n{forward}", back)

    found = walk(migrated_url, copy, old_queries=lambda _: OLD_QUERIES)

    assert [each.file for each in found if problem in each.problem] == [f"{NEW}.sql"]


def test_a_migration_without_the_promise_may_break_old_queries(migrated_url, copy):
    add(copy, INCOMPATIBLE[0][0], INCOMPATIBLE[0][1])

    assert walk(migrated_url, copy, old_queries=lambda _: OLD_QUERIES) == []


def test_the_old_queries_are_those_of_the_commit_before_the_migration(copy):
    checkout = copy.parent
    write_query(checkout, "skills/get", "select 1")
    commit(checkout, "Before")
    add(copy, "select 1;", "select 1;")
    uncommitted = queries_before(copy / f"{NEW}.sql", checkout / "queries")
    write_query(checkout, "skills/get", "select 2")
    commit(checkout, "With the migration")
    write_query(checkout, "skills/get", "select 3")
    commit(checkout, "Later")

    landed = queries_before(copy / f"{NEW}.sql", checkout / "queries")

    assert uncommitted == landed == {"skills/get": b"select 1"}


def test_the_queries_of_the_last_release_must_run_after_a_compatible_migration_too(migrated_url, copy):
    write_query(copy.parent, "skills/worth", "-- What it is worth.\nselect xp_value from skills where id = %(id)s")
    commit(copy.parent, "Released")
    subprocess.run(["git", "tag", "v1.0.0"], cwd=copy.parent, check=True)
    write_query(copy.parent, "skills/worth", "select 10 as xp_value")
    commit(copy.parent, "The column is not read any more")
    add(
        copy,
        "-- @compatible\nalter table skills drop column xp_value;",
        "alter table skills add column xp_value integer;",
    )

    found = walk(migrated_url, copy)

    assert "the older skills/worth.sql of v1.0.0 no longer runs" in found[0].problem


def test_a_dropped_column_is_found_with_the_queries_that_git_knows(migrated_url, copy):
    write_query(copy.parent, "skills/worth", "-- What it is worth.\nselect xp_value from skills where id = %(id)s")
    commit(copy.parent, "Before")
    add(
        copy,
        "-- Nobody needs it.\n-- @compatible\nalter table skills drop column xp_value;",
        "alter table skills add column xp_value integer;",
    )
    write_query(copy.parent, "skills/worth", "select 10 as xp_value")

    found = walk(migrated_url, copy)

    assert "the older skills/worth.sql no longer runs" in found[0].problem


def test_a_shallow_git_history_is_reported(copy, tmp_path):
    write_query(copy.parent, "skills/get", "select 1")
    commit(copy.parent, "Before")
    add(copy, "select 1;", "select 1;")
    commit(copy.parent, "With the migration")
    shallow = tmp_path / "shallow"
    subprocess.run(["git", "clone", "-q", "--depth", "1", f"file://{copy.parent}", str(shallow)], check=True)

    with pytest.raises(
        errors.MigrationError, match=rf"(?s)git does not have the queries from before {NEW}\.sql.*--unshallow"
    ):
        queries_before(shallow / "migrations" / f"{NEW}.sql", shallow / "queries")


# --- the example of the docs -----------------------------------------------------------------------------------------

DOCS = (Path(__file__).parents[1] / "docs" / "migrations.md").read_text(encoding="utf-8")
EXAMPLE = re.findall(r"^`([a-z-]+(?:\.rollback)?)\.sql`:\n\n```sql\n(.*?)```$", DOCS, re.DOTALL | re.MULTILINE)


def test_the_docs_say_what_each_file_of_the_baseline_teaches():
    told = re.findall(r"^\| `(\d{4}\.[a-z-]+)` \| .", DOCS, re.MULTILINE)

    ours = sorted(file.stem for file in migrate.folder().glob("*.sql") if ".rollback" not in file.name)
    assert told == ours[: len(told)]
    assert f"The first {len(told)} files are the schema of version 0.1.0" in DOCS


def test_the_example_of_the_docs_goes_forward_and_back_and_holds_nobody_up(migrated_url, copy):
    for number, (name, text) in enumerate((each for each in EXAMPLE if ".rollback" not in each[0]), start=NEXT):
        add(copy, text, dict(EXAMPLE)[f"{name}.rollback"], name=f"{number:04}.{name}")

    problems = migration_gate.check_files(copy) + migration_gate.check_locks(copy)
    walked = walk(migrated_url, copy, old_queries=lambda _: OLD_QUERIES)

    assert len(EXAMPLE) == 8
    assert problems == []
    assert walked == []


# --- together --------------------------------------------------------------------------------------------------------


def test_the_gate_finds_one_mistake_of_every_kind_and_nothing_else(empty_url, tmp_path):
    table = "create table skills (id integer constraint skills_pkey primary key);"
    add(tmp_path, table, "drop table skills;", name="0001.a")
    right = migration_gate.check(empty_url, tmp_path)
    add(tmp_path, "create index slow on skills (id);", "select 1;", name="0002.b")
    wrong = migration_gate.check(empty_url, tmp_path)
    append("0001.a.sql")(tmp_path)

    edited = migration_gate.check(empty_url, tmp_path)

    assert right == []
    assert [(each.file, each.problem.split(":")[0]) for each in wrong] == [
        ("0002.b.sql", "require-concurrent-index-creation"),
        ("0002.b.rollback.sql", "after it, index public.slow is left over"),
    ]
    assert [(each.file, each.problem) for each in edited] == [("0001.a.sql", "it was edited after it landed")]


def test_the_command_prints_file_line_and_remedy_and_exits_1(monkeypatch):
    found = [Problem("0001.a.sql", 3, "it is wrong", "mend it")]
    monkeypatch.setattr(migration_gate, "check", lambda *_, **__: found)

    plain = CliRunner().invoke(app, ["check-migrations"])
    as_json = CliRunner().invoke(app, ["check-migrations", "--json"])

    assert (plain.exit_code, as_json.exit_code) == (1, 1)
    assert plain.output == "migrations/0001.a.sql:3: it is wrong\n    mend it\n"
    assert json.loads(as_json.output) == [
        {"file": "0001.a.sql", "line": 3, "problem": "it is wrong", "remedy": "mend it"}
    ]
