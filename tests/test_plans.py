"""Plans of the query files: running them with samples in their roles, and reading the plans."""

import json
import os
import subprocess
from collections.abc import Callable
from typing import Any

import psycopg
import pytest
from click.testing import Result
from typer.testing import CliRunner

from skilltree import Database, embedded
from skilltree._core.queries import read
from skilltree.cli import app
from skilltree.explain import plan
from skilltree.explain.explain import explain
from skilltree.explain.samples import has_plan, is_about_the_schema, names, unsampled
from skilltree.testing import Factory

Run = Callable[..., Result]


@pytest.fixture
def run(loaded_url: str, monkeypatch: pytest.MonkeyPatch) -> Run:
    monkeypatch.setenv("DATABASE_URL", loaded_url)
    monkeypatch.setenv("COLUMNS", "200")
    return lambda *arguments: CliRunner().invoke(app, arguments, catch_exceptions=False)


@pytest.fixture
def connection(loaded_url: str) -> Any:
    with psycopg.connect(loaded_url, autocommit=True, prepare_threshold=None) as connection:
        yield connection


def top(connection: psycopg.Connection[Any], statement: str) -> plan.Json:
    """Return the top node of the plan of a statement outside the query files."""
    row = connection.execute(f"explain (analyze, buffers, format json) {statement}".encode()).fetchone()
    assert row is not None
    found: plan.Json = row[0][0]["Plan"]
    return found


def found_in(connection: psycopg.Connection[Any], statement: str, **sizes: int) -> list[str]:
    return [each for node in plan.nodes(top(connection, statement)) for each in plan.findings(node, sizes)]


def all_rows_fingerprint(connection: psycopg.Connection[Any]) -> Any:
    return connection.execute(
        """select count(*), sum(hashtext(user_skill_progress::text)), (select sum(hashtext(xp_events::text))
        from xp_events), (select sum(hashtext(skills::text)) from skills) from user_skill_progress"""
    ).fetchone()


def test_every_query_finds_rows_with_its_samples_and_is_rolled_back(
    connection: psycopg.Connection[Any],
) -> None:
    before = all_rows_fingerprint(connection)
    measured = [name for name in names() if has_plan(read(name)) and not is_about_the_schema(name)]
    wanting = {name: unsampled(read(name)) for name in measured}

    explained = [explain(connection, read(name), {}) for name in measured]

    assert {name: missing for name, missing in wanting.items() if missing} == {}
    assert {each.name: each.unknown for each in explained if each.unknown} == {}
    assert all_rows_fingerprint(connection) == before


@pytest.mark.parametrize(
    ("name", "role"),
    [("trees/load", "app_user"), ("progress/complete_skill", "app_engine"), ("leaderboards/top", "app_service")],
)
def test_a_query_runs_in_its_role(connection: psycopg.Connection[Any], name: str, role: str) -> None:
    assert explain(connection, read(name), {}).role == role


def test_a_learners_query_runs_under_row_level_security(connection: psycopg.Connection[Any]) -> None:
    of_one = explain(connection, read("progress/list_for_user"), {})
    row = connection.execute("select id from users where id <> %(user_id)s limit 1", of_one.params).fetchone()
    assert row is not None

    of_another = explain(connection, read("achievements/standings"), {"user_id": str(row[0])})

    assert "app.current_user_id" in json.dumps(of_one.json)
    assert "app.current_user_id" in json.dumps(of_another.json)


def test_a_step_sees_the_changes_of_the_steps_before_it(connection: psycopg.Connection[Any]) -> None:
    alone = read("progress/settle").statement
    explained = explain(connection, read("progress/settle"), {})

    with connection.transaction(force_rollback=True):
        before = connection.execute(alone, explained.params).fetchone()
        connection.execute(
            read("progress/work_on_skill").statement, explain(connection, read("progress/work_on_skill"), {}).params
        )
        after = connection.execute(alone, explained.params).fetchone()

    assert [each.text for each in read("progress/settle").directives if each.word == "after"] == [
        "progress/work_on_skill"
    ]
    assert before != after


def test_buffers_of_triggers_are_counted_even_if_deferred(connection: psycopg.Connection[Any]) -> None:
    cascading = explain(connection, read("users/delete"), {})
    deferred = explain(connection, read("skills/change_dependencies"), {})
    reading = explain(connection, read("trees/load"), {})

    # Triggers delete the learner's rows in eight tables and check the graph.
    assert cascading.trigger_buffers > 10 * cascading.buffers
    assert deferred.trigger_buffers > 20
    assert reading.trigger_buffers == 0


def test_the_plan_is_the_one_that_serves_all_values(connection: psycopg.Connection[Any]) -> None:
    generic = explain(connection, read("progress/for_skill"), {})
    custom = explain(connection, read("progress/for_skill"), {}, custom=True)

    assert "$1" in str(generic.plan)
    assert str(custom.params["user_id"]) in str(custom.plan)
    assert generic.plan["Actual Rows"] == custom.plan["Actual Rows"] == 1


@pytest.mark.parametrize("trees", [200, 6000])
def test_a_page_of_the_catalogue_reads_little_more_than_it_returns(
    connection: psycopg.Connection[Any], trees: int
) -> None:
    with connection.transaction(force_rollback=True):
        connection.execute(
            "insert into skill_trees (name, slug, category_id, difficulty, is_published, tags)"
            " select md5(number::text), 'tree-' || number, (select id from skill_categories limit 1), 'BEGINNER', true,"
            " array['sql']"
            " from generate_series(1, %s) as number",
            (trees,),
        )
        connection.execute("analyze skill_trees")
        [(name, tree_id)] = connection.execute(
            "select name, id from skill_trees where is_published order by name, id offset %s limit 1", (trees // 2,)
        )

        first = explain(connection, read("trees/list"), {"any_tags": "{sql}"})
        later = explain(
            connection, read("trees/list"), {"any_tags": "{sql}", "after_name": name, "after_id": str(tree_id)}
        )

    assert first.plan["Actual Rows"] == later.plan["Actual Rows"]
    assert [node.kind for page in (first, later) for node in plan.nodes(page.plan) if node.kind == "Sort"] == []
    assert max(first.buffers, later.buffers) < 100


@pytest.mark.parametrize("name", ["leaderboards/top", "leaderboards/around"])
def test_leaderboard_rows_come_in_index_order_even_under_row_level_security(
    connection: psycopg.Connection[Any], name: str
) -> None:
    explained = explain(connection, read(name), {})

    scans = [node for node in plan.nodes(explained.plan) if node.table == "user_scores"]
    assert explained.role == "app_service"
    assert [node.kind for node in scans if not node.kind.startswith("Index")] == []
    assert max(node.rows for node in scans) <= 10


@pytest.mark.parametrize(
    "name",
    [
        "skills/related",
        "skills/learning_path",
        "progress/missing_prerequisites",
        "progress/way_to_skill",
    ],
)
def test_a_graph_query_reads_its_tree_once(connection: psycopg.Connection[Any], name: str) -> None:
    explained = explain(connection, read(name), {})

    scans = [node for node in plan.nodes(explained.plan) if node.table == "skills"]
    (tree,) = (node for node in scans if node.rows > 1)
    assert all(node.loops == 1 for node in scans)
    assert tree.rows < 400


def test_a_batch_of_a_backfill_reads_only_its_own_learners(connection: psycopg.Connection[Any]) -> None:
    every = connection.execute("select id, criterion, is_limited from achievements").fetchall()
    kinds = {(criterion, is_limited): id_ for id_, criterion, is_limited in every}

    read_rows = set()
    for id_ in kinds.values():
        explained = explain(
            connection, read("achievements/next_backfill_batch"), {"achievement_id": str(id_), "limit": "10"}
        )
        read_rows |= {node.rows for node in plan.nodes(explained.plan) if node.table == "user_profiles"}

    assert len(kinds) >= 4
    assert max(read_rows) <= 10


def expect_one_row(connection: psycopg.Connection[Any], tables: str) -> None:
    """Make the planner expect one row in these tables, as after they were emptied and analyzed."""
    connection.execute(
        "update pg_class set reltuples = 1, relpages = pg_relation_size(oid) / 8192"
        " where relkind = 'r' and relname ~ %(tables)s"
        " or oid in (select indexrelid from pg_index where indrelid::regclass::text ~ %(tables)s)",
        {"tables": tables},
    )


def test_skills_are_opened_in_time_whatever_the_planner_expects(migrated_url: str) -> None:
    with (
        Database(migrated_url, statement_timeout=5) as db,
        psycopg.connect(migrated_url, autocommit=True) as connection,
    ):
        make = Factory(db)
        tree, learner = make.tree("a", "b", "c", needs={"b": ["a"], "c": ["b"]}), make.learner()
        first, second = (skill.id for skill in tree.skills if skill.name in ("a", "b"))
        connection.execute("update skills set is_optional = name = 'b' where skill_tree_id = %s", [tree.id])
        connection.execute(
            "insert into skills (skill_tree_id, name, key) select %s, repeat('long', 40), n::text"
            " from generate_series(1, 2000) as n",
            [tree.id],
        )
        connection.execute(
            "insert into user_skill_progress (user_id, skill_id, skill_tree_id)"
            " select %s, id, skill_tree_id from skills where name ~ '^long'",
            [learner.id],
        )
        expect_one_row(connection, "^(skills|user_skill_progress)")

        assert [each.name for each in db.progress.complete_skill(learner.id, first).unlocked] == ["b"]
        assert [each.name for each in db.progress.skip_skill(learner.id, second).unlocked] == ["c"]


def test_the_dashboard_does_not_compare_all_skills_with_all_work_whatever_the_planner_expects(
    migrated_url: str,
) -> None:
    with (
        Database(migrated_url) as db,
        psycopg.connect(migrated_url, autocommit=True, prepare_threshold=None) as connection,
    ):
        make = Factory(db)
        tree, learner = make.tree("a"), make.learner()
        db.progress.start_tree(learner.id, tree.id)
        connection.execute(
            "insert into skills (skill_tree_id, name, key)"
            " select %s, 'Done', n::text from generate_series(1, 1000) as n",
            [tree.id],
        )
        connection.execute(
            "insert into user_skill_progress"
            " (user_id, skill_id, skill_tree_id, status, progress_percent, started_at, completed_at)"
            " select %s, id, skill_tree_id, 'COMPLETED', 100, now(), now() from skills where name = 'Done'",
            [learner.id],
        )
        expect_one_row(connection, "^(skills|user_skill)")

        assert [each.name for each in db.progress.dashboard(learner.id).open_skills] == ["a"]
        statement = read("progress/dashboard").statement.replace(b"%(user_id)s", f"'{learner.id}'".encode()).decode()
        removed = [node.json.get("Rows Removed by Join Filter", 0) for node in plan.nodes(top(connection, statement))]

    assert sum(removed) < 10_000


def test_explain_shows_several_plans_with_warnings(run: Run) -> None:
    shown = run("explain", "trees/load", "doctor/xp_total")

    assert shown.exit_code == 0
    assert "trees/load as app_user: " in shown.output
    assert "Index Scan using " in shown.output
    assert "doctor/xp_total as app_service: " in shown.output
    assert "▲ reads all " in shown.output


def test_wrong_estimates_are_reported_except_below_a_limit(connection: psycopg.Connection[Any]) -> None:
    # Without statistics, the planner expects a range to select 0.005 of the rows.
    off = found_in(connection, "select from users where length(email) > 0 and length(email) < 1000")
    stopped = found_in(connection, "select from users limit 1")

    assert [each for each in off if "off by" in each]
    assert stopped == []


def test_a_sequential_scan_of_a_large_table_is_reported(connection: psycopg.Connection[Any]) -> None:
    statement = "select from users"

    assert found_in(connection, statement, users=20_000) == ["reads all 20,000 rows of users"]
    assert found_in(connection, statement, users=200) == []


def test_discarded_rows_and_many_loops_are_reported(connection: psycopg.Connection[Any]) -> None:
    filtered = found_in(connection, "select from user_skill_progress where md5(skill_id::text) = 'x'")
    looped = found_in(connection, "select (select name from skills where id = skill_id) from user_skill_progress")

    assert any("a filter removed" in each for each in filtered)
    assert any(each.startswith("ran ") for each in looped)


def test_spilling_to_disk_is_reported(connection: psycopg.Connection[Any]) -> None:
    connection.execute("set work_mem = '64kB'; set max_parallel_workers_per_gather = 0")

    found = found_in(connection, "select from user_skill_progress order by md5(skill_id::text)")

    assert any(each.startswith("sorted on disk: ") for each in found)
    assert any("temporary files" in each for each in found)


def programs() -> str:
    return os.path.dirname(embedded.program("psql"))


@pytest.mark.parametrize("name", ["trees/load", "progress/complete_skill", "trees/import_tree", "achievements/create"])
def test_the_option_sql_prints_a_script_for_psql_and_pgbench(
    run: Run, connection: psycopg.Connection[Any], loaded_url: str, name: str, tmp_path: Any
) -> None:
    before = all_rows_fingerprint(connection)
    for_psql, for_pgbench = run("sql", name).output, run("sql", name, "--pgbench").output
    (tmp_path / "query.sql").write_text(for_pgbench)

    psql = [f"{programs()}/psql", "--set=ON_ERROR_STOP=1", "--no-psqlrc", loaded_url]
    ran = subprocess.run(psql, input=for_psql, capture_output=True, text=True, check=True)
    pgbench = [
        f"{programs()}/pgbench",
        "-n",
        "-t",
        "3",
        "-M",
        "prepared",
        "-f",
        str(tmp_path / "query.sql"),
        loaded_url,
    ]
    benched = subprocess.run(pgbench, capture_output=True, text=True, check=True)

    assert "ROLLBACK" in ran.stdout
    assert f"/* {name} */" in for_psql
    assert "processed: 3/3" in benched.stdout
    assert all_rows_fingerprint(connection) == before


def test_the_option_sql_accepts_a_parameter_instead_of_its_sample(run: Run) -> None:
    printed = run("sql", "categories/find_by_slug", "--set", "slug=it's").output

    assert "\\set slug '''it''''s'''\n" in printed
    assert "skill_categories.slug = :slug" in printed
