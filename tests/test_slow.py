"""Slow query files with their plans, and the review of indexes."""

import json
from collections.abc import Callable, Iterator
from pathlib import Path

import psycopg
import pytest
from click.testing import Result as Ran
from psycopg.conninfo import make_conninfo
from typer.testing import CliRunner

from skilltree import Database
from skilltree._core.queries import read
from skilltree.cli import app
from skilltree.explain.samples import has_plan, is_about_the_schema, names
from skilltree.monitor import connect
from skilltree.monitor.plans import plan_of
from skilltree.monitor.statements import OTHER, normal, texts
from statistics_server import statistics_server

Run = Callable[..., Ran]


@pytest.fixture(scope="module")
def counted(request: pytest.FixtureRequest) -> Iterator[str]:
    """The URL of a database whose server counts statements."""
    with statistics_server(request.config.getoption("pg")) as url:
        yield url


@pytest.fixture
def run(monkeypatch: pytest.MonkeyPatch) -> Run:
    monkeypatch.setenv("COLUMNS", "160")

    def run(url: str, *arguments: str) -> Ran:
        monkeypatch.setenv("DATABASE_URL", url)
        return CliRunner().invoke(app, arguments, catch_exceptions=False)

    return run


def test_statements_are_counted_under_their_query_files_also_without_the_comment(
    run: Run, counted: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    place = tmp_path / "queries"
    (place / "notes").mkdir(parents=True)
    (place / "notes" / "all.sql").write_text("select 1e3 as thousand from users limit 5")
    (tmp_path / "pyproject.toml").write_text('[tool.skilltree]\nqueries = "queries"\n')
    with Database(counted) as db, psycopg.connect(counted, autocommit=True) as connection:
        connection.execute("select pg_stat_statements_reset()")
        category = db.categories.create(name="Art", slug="art")
        for _ in range(7):  # The statement is prepared after the fifth.
            db.trees.list()
            db.json.trees.list()
        learner = db.users.register(email="a@b.org", username="a", password="long password", bcrypt_cost=4)
        tree = db.trees.create(category.id, name="Ink", slug="ink")
        db.trees.publish(tree.id)
        db.as_user(learner.id).progress.for_tree(learner.id, tree.id)
        connection.execute("select 'nobody knows', 5")
        connection.execute(read("notes/all", place).statement)
        raw = [text for (text,) in connection.execute("select query from pg_stat_statements")]

    monkeypatch.chdir(tmp_path)
    shown = json.loads(run(counted, "slow", "--json", "--limit", "1000").output)
    table = run(counted, "slow", "--by", "buffers", "--limit", "1000")

    calls = {row["query"]: row["calls"] for row in shown}
    assert (calls["trees/list"], calls["categories/create"], calls["trees/publish or trees/unpublish"]) == (7, 1, 1)
    assert calls["progress/for_tree"] == 1
    assert calls["json/trees/list"] == 7
    assert calls["notes/all"] == 1
    assert calls[OTHER] >= 1
    # From 18 on, the server drops the comment in front.
    with psycopg.connect(counted) as connection:
        drops = connection.info.server_version >= 180000
    assert any("/* trees/list */" in text for text in raw) is not drops
    budgets = {row["query"]: (row["budget"], row["budget_ratio"]) for row in shown}
    assert budgets["trees/list"][0] == budgets["json/trees/list"][0] > 0
    assert budgets["trees/list"][1] < 1
    plans = {row["query"]: row["plan"] for row in shown}
    assert [name for name, plan in plans.items() if plan and plan[0].startswith("no ")] == []
    assert "trees/list" in table.output
    assert "Limit" in table.output


def test_each_query_file_is_told_from_the_others_by_its_text() -> None:
    # They differ in a constant, so that they are one statement for the server.
    together = [name for name in texts().values() if name not in names() and not name.startswith("json/")]

    assert together == ["trees/publish or trees/unpublish"]
    assert "json/trees/list" in texts().values()


@pytest.mark.parametrize(
    ("sent", "stored"),
    [
        ("select -1, a - 1, $1::int, null", "select $2, a - $3, $1::int, $4"),
        (
            "select 'it''s', E'a', true -- why\nfrom t where b in (1, 2, 3);",
            "select $1, $2, $3 from t where b in ($4 /*, ... */)",
        ),
        ("select a ->> 'key', interval '1 day' from t2", "select a ->> $1, interval $2 from t2"),
    ],
)
def test_what_the_server_changes_in_a_text_makes_no_difference(sent: str, stored: str) -> None:
    assert normal(sent) == normal(stored)


def test_without_pg_stat_statements_the_command_says_what_to_install(run: Run, migrated_url: str) -> None:
    shown = run(migrated_url, "slow")

    assert shown.exit_code == 1
    told = shown.output.replace("\n", " ")
    assert "pg_stat_statements is missing" in told
    assert "shared_preload_libraries" in told
    assert "create extension pg_stat_statements" in told


def test_a_role_that_sees_no_statements_of_others_is_told_which_grant_it_needs(run: Run, counted: str) -> None:
    shown = run(make_conninfo(counted, user="skilltree_app"), "slow")

    assert (shown.exit_code, "grant pg_read_all_stats" in shown.output.replace("\n", " ")) == (1, True)


def test_every_file_has_a_plan_without_being_run(migrated_url: str) -> None:
    with connect(migrated_url) as connection:
        plans = {
            name: plan_of(connection, name)
            for name in names()
            if has_plan(read(name)) and not is_about_the_schema(name)
        }

    missing = {name: plan[0] for name, plan in plans.items() if plan[0].startswith("no plan")}
    # Those of an import read a temporary table.
    assert {name for name, told in missing.items() if "imported_progress" not in told} == set()


def test_the_review_names_each_kind_of_index_with_advice(run: Run, migrated_url: str) -> None:
    with psycopg.connect(migrated_url, autocommit=True) as connection:
        connection.execute(
            """
            alter table login_attempts set (autovacuum_enabled = off);
            insert into login_attempts (identifier_hash, network)
            select sha256(number::text::bytea), '10.0.0.1' from generate_series(1, 120000) as number;
            create index idx_again on login_attempts (last_failed_at);
            create index idx_broken on login_attempts (failures);
            update pg_index set indisvalid = false where indexrelid = 'idx_broken'::regclass;
            analyze login_attempts;
            delete from login_attempts where identifier_hash < '\\xe0';
            """
        )
        connection.execute("vacuum analyze login_attempts")
        for _ in range(11):
            connection.execute("set enable_indexscan = off")
            connection.execute("select count(*) from login_attempts where failures = 7")
        connection.execute("select pg_stat_force_next_flush()")

    shown = json.loads(run(migrated_url, "indexes", "--json").output)
    table = run(migrated_url, "indexes")

    found = {(each["kind"], each["object"]): each for each in shown["advice"]}
    assert found["bloated", "login_attempts_pkey"]["advice"] == "skilltree maintain reindex"
    assert found["invalid", "idx_broken"]["advice"] == "skilltree maintain leftovers reindex"
    assert found["redundant", "idx_login_attempt_age"]["told"].startswith("idx_again")
    assert "was never used" in found["unused", "idx_again"]["told"]
    assert ("missing", "login_attempts") in found
    assert "uses are counted since this database was created" in table.output
