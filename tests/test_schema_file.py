"""schema.sql shows everything that the migrations make, and is found out when it does not."""

import psycopg
import pytest

from tools import schema_file


def run(url: str, statement: str) -> None:
    with psycopg.connect(url, autocommit=True) as connection:
        connection.execute(statement)


def test_a_table_is_shown_with_all_that_belongs_to_it(migrated_url):
    shown = schema_file.text(migrated_url)

    start = shown.index("create table user_activity_days (")
    table = shown[start : shown.index("create table", start + 1)]
    for part in (
        "    activity_date date not null,\n",
        "    minutes bigint not null default 0,\n",
        "    constraint user_activity_days_pkey PRIMARY KEY (user_id, activity_date),\n",
        "CREATE INDEX idx_activity_day_joining ON user_activity_days ",
        "CREATE TRIGGER user_activity_days_refuse_truncate ",
        "alter table user_activity_days enable row level security, force row level security;\n",
        "create policy user_activity_days_own on user_activity_days for all to app_user\n",
        "grant delete, insert, select, update on table user_activity_days to app_service;\n",
        "grant update (minutes) on user_activity_days to app_engine;\n",
    ):
        assert part in table


def test_tables_stand_in_the_order_in_which_they_are_taught(migrated_url):
    shown = schema_file.text(migrated_url)

    taught = ["users", "user_profiles", "skill_categories", "skill_trees", "skills", "user_skill_progress", "audit_log"]
    assert sorted(taught, key=lambda table: shown.index(f"create table {table} (")) == taught


@pytest.mark.parametrize(
    ("statement", "problem"),
    [
        ("create domain short_text as text", "cannot show: kind d text"),
        ("create rule quiet as on delete to levels do instead nothing", "has no place for rule quiet on levels"),
    ],
)
def test_what_has_no_place_in_the_file_is_an_error(migrated_url, statement, problem):
    run(migrated_url, statement)

    with pytest.raises(ValueError, match=problem):
        schema_file.text(migrated_url)


def test_the_check_fails_and_says_what_to_do_when_the_file_is_old(migrated_url, tmp_path, monkeypatch, capsys):
    file = tmp_path / "schema.sql"
    file.write_text(schema_file.text(migrated_url), encoding="utf-8")
    monkeypatch.setattr(schema_file, "FILE", file)
    monkeypatch.setenv("DATABASE_URL", migrated_url)
    fresh = schema_file.main(["--check"])
    run(migrated_url, "alter table users add column nickname text")

    old = schema_file.main(["--check"])

    assert (fresh, old) == (0, 1)
    assert capsys.readouterr().err == "schema.sql is not what the migrations make: run make format\n"
