"""Budgets of queries: checking, breaking, writing and comparing them."""

import difflib
import json
import shutil
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import psycopg
import pytest
from click.testing import Result
from typer.testing import CliRunner

from skilltree._core import queries as query_files
from skilltree._core import sql_folders
from skilltree.cli import app
from skilltree.explain import budget, kept_plans, samples

Run = Callable[..., Result]

WATCHED = ("leaderboards/top", "progress/list_for_user", "trees/load")


@pytest.fixture
def run(loaded_url: str, monkeypatch: pytest.MonkeyPatch) -> Run:
    monkeypatch.setenv("DATABASE_URL", loaded_url)
    monkeypatch.setenv("COLUMNS", "300")
    # A measurement of a write leaves dead rows behind. Autovacuum would remove them between two measurements.
    with psycopg.connect(loaded_url, autocommit=True) as connection:
        connection.execute("vacuum")
    return lambda *arguments: CliRunner().invoke(app, arguments, catch_exceptions=False)


@pytest.fixture
def queries(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """A copy of the query files, which the tools use instead of ours."""
    copy = shutil.copytree(sql_folders.folder("queries"), tmp_path / "queries")
    for module in (query_files, samples, budget):
        monkeypatch.setattr(module, "folder", lambda name: tmp_path / name)
    query_files.read.cache_clear()
    yield copy
    query_files.read.cache_clear()


@pytest.fixture
def queries_with_budgets(run: Run, queries: Path) -> Path:
    """Query files in which the watched ones have budgets for the small data set."""
    for name in WATCHED:
        change(queries / f"{name}.sql", "-- @never", None)
    top = queries / "leaderboards" / "top.sql"
    change(top, "-- @budget", "-- @budget buffers 500\n-- @never Seq Scan on user_scores\n")
    assert run("budgets", "--here", "--update", *WATCHED).exit_code == 0
    return queries


@contextmanager
def without_index(url: str, name: str) -> Iterator[None]:
    """Drop an index, and create it again afterwards."""
    with psycopg.connect(url, autocommit=True) as connection:
        row = connection.execute("select pg_get_indexdef(%s::regclass)", [name]).fetchone()
        assert row is not None
        connection.execute(f"drop index {name}".encode())
        try:
            yield
        finally:
            connection.execute(row[0])


def change(path: Path, pattern: str, line: str | None) -> None:
    """Replace the line that starts with a pattern, or remove it."""
    lines = path.read_text().splitlines(keepends=True)
    kept = [(line if each.startswith(pattern) else each) for each in lines]
    path.write_text("".join(each for each in kept if each))
    query_files.read.cache_clear()


@pytest.mark.usefixtures("queries_with_budgets")
def test_queries_stay_within_their_budgets(run: Run) -> None:
    checked = run("budgets", "--here", *WATCHED)

    assert checked.exit_code == 0, checked.output
    assert all(name in checked.output for name in WATCHED)


@pytest.mark.usefixtures("queries_with_budgets")
def test_a_dropped_index_is_caught(run: Run, loaded_url: str) -> None:
    with without_index(loaded_url, "idx_user_score_rank"):
        checked = run("budgets", "--here", *WATCHED)

    assert checked.exit_code == 1
    line = checked.stderr.splitlines()[-1]
    assert "queries/leaderboards/top.sql:" in line
    assert "the plan has Seq Scan on user_scores: is an index missing? See `skilltree explain leaderboards/top`" in line


def test_a_broken_budget_is_named_with_file_line_and_numbers(run: Run, queries: Path) -> None:
    path = queries / "trees" / "load.sql"
    change(path, "-- @budget", "-- @budget buffers 5\n")

    checked = run("budgets", "--here", "trees/load")

    place = path.read_text().splitlines().index("-- @budget buffers 5") + 1
    assert checked.exit_code == 1
    assert f"{path}:{place}: " in checked.stderr
    assert " buffers, budget 5. See `skilltree explain trees/load`" in checked.stderr


def test_buffers_of_triggers_count_toward_the_budget(run: Run, queries: Path) -> None:
    change(queries / "users" / "delete.sql", "-- @budget", "-- @budget buffers 40\n")

    assert run("budgets", "--here", "users/delete").exit_code == 1


def test_a_query_without_a_budget_fails_until_update_writes_only_that_line(run: Run, queries: Path) -> None:
    path = queries / "trees" / "load.sql"
    change(path, "-- @budget", None)
    change(path, "-- @never", None)
    without = path.read_text()

    refused = run("budgets", "--here", "trees/load")
    written = run("budgets", "--here", "--update", "trees/load")
    accepted = run("budgets", "--here", "trees/load")

    assert refused.exit_code == 1
    assert "trees/load.sql:1: has no budget" in refused.stderr
    assert "trees/load: " in written.output
    assert accepted.exit_code == 0
    diff = [line for line in difflib.ndiff(without.splitlines(), path.read_text().splitlines()) if line[0] in "+-"]
    assert diff[0].startswith("+ -- @budget buffers ")
    assert diff[1:] == ["+ -- @never Seq Scan on user_skill_progress"]


def test_update_keeps_a_budget_that_fits(run: Run, queries: Path) -> None:
    run("budgets", "--here", "--update", "trees/load")
    queries_with_budgets = (queries / "trees" / "load.sql").read_text()

    run("budgets", "--here", "--update", "trees/load")

    assert (queries / "trees" / "load.sql").read_text() == queries_with_budgets


def test_update_lowers_a_budget_that_is_twice_too_high(run: Run, queries: Path) -> None:
    path = queries / "trees" / "load.sql"
    change(path, "-- @budget", "-- @budget buffers 99999\n")

    run("budgets", "--here", "--update", "trees/load")

    (line,) = (line for line in path.read_text().splitlines() if line.startswith("-- @budget"))
    assert int(line.split()[-1]) < 200


def test_update_raises_a_budget_that_is_almost_used_up(run: Run, queries: Path) -> None:
    path = queries / "trees" / "load.sql"
    measured = json.loads(run("budgets", "--here", "--json", "trees/load").stdout)["queries"]["trees/load"]["buffers"]
    change(path, "-- @budget", f"-- @budget buffers {measured + 7}\n")

    run("budgets", "--here", "--update", "trees/load")

    assert f"-- @budget buffers {budget.with_headroom(measured)}\n" in path.read_text()


def test_update_keeps_plans_and_writes_one_again_when_it_changes(run: Run, queries: Path, loaded_url: str) -> None:
    name, other = "leaderboards/top", "trees/load"
    (queries / kept_plans.FILE).unlink()
    run("budgets", "--here", "--update", name, other)
    written = (queries / kept_plans.FILE).read_text()

    run("budgets", "--here", "--update", name, other)
    again = (queries / kept_plans.FILE).read_text()
    with without_index(loaded_url, "idx_user_score_rank"):
        run("budgets", "--here", "--update", name)

    after = kept_plans.kept(queries)
    assert again == written
    assert "idx_user_score_rank" in written
    assert list(after) == [name, other]
    assert "Seq Scan on user_scores" in [node.title for node in after[name].nodes]
    assert after[name].buffers > 0
    assert after[other].nodes[0].depth == 0


def test_the_plan_of_every_query_with_a_budget_is_kept_and_is_that_of_its_statement() -> None:
    place = sql_folders.folder("queries")
    having_budgets = {
        name: query.digest for name in samples.names() if budget.budget_of(query := query_files.read(name)) is not None
    }

    assert {name: each.digest for name, each in kept_plans.kept(place).items()} == having_budgets
    assert (place / kept_plans.FILE).stat().st_size < 400_000


def test_a_query_is_measured_after_those_that_leave_fewer_dead_rows() -> None:
    # The first deletes a learner before it runs, so the others would find its dead rows.
    asked = ["erasure/forget_entries", "progress/recount_streak", "progress/settle", "users/get"]
    ordered = budget.in_order(map(samples.find, asked))
    assert [each.name for each in ordered] == [
        "users/get",
        "progress/recount_streak",
        "progress/settle",
        "erasure/forget_entries",
    ]


@pytest.mark.parametrize(("measured", "budget_"), [(0, 8), (3, 11), (100, 140), (1_234, 1_600), (100_000, 130_000)])
def test_headroom_is_a_quarter_and_eight_buffers(measured: int, budget_: int) -> None:
    assert budget.with_headroom(measured) == budget_


def test_a_new_query_needs_samples(run: Run, queries: Path) -> None:
    (queries / "trees" / "new.sql").write_text("-- New.\nselect %(unheard_of)s::integer as n;\n")

    checked = run("budgets", "--here", "trees/new")

    assert checked.exit_code == 1
    assert "trees/new.sql:1: no @sample for unheard_of: add it to the header, or to " in checked.stderr


def test_empty_samples_and_failing_queries_are_named_and_the_others_are_measured(run: Run, queries: Path) -> None:
    (queries / "trees" / "none.sql").write_text("-- @sample n: (select 1 where false)\nselect %(n)s::integer as n;\n")
    (queries / "trees" / "wrong.sql").write_text("-- @sample n: 0\nselect 1 / %(n)s::integer as n;\n")

    checked = run("budgets", "--here", "trees/none", "trees/wrong", "trees/get")

    assert checked.exit_code == 1
    assert "trees/none.sql:1: the sample for n finds nothing" in checked.stderr
    assert "trees/wrong.sql:1: does not run with its samples: InvalidValue: division by zero" in checked.stderr
    assert "trees/get" in checked.output


@pytest.mark.parametrize("line", ["-- @budget 5 buffers", "-- @never read skills"])
def test_an_invalid_directive_is_named(run: Run, queries: Path, line: str) -> None:
    (queries / "trees" / "new.sql").write_text(f"-- New.\n{line}\nselect 1 as n;\n")

    checked = run("budgets", "--here", "trees/new")

    assert checked.exit_code == 1
    assert f"trees/new.sql:2: cannot read {line[3:]}; write " in checked.stderr


def test_two_measurements_of_the_same_queries_are_equal(run: Run, tmp_path: Path) -> None:
    (tmp_path / "old.json").write_text(run("budgets", "--here", "--json", *WATCHED).stdout)

    compared = run("budgets", "--here", "--compare", str(tmp_path / "old.json"), *WATCHED)

    assert (compared.exit_code, compared.output) == (0, "0 of 3 queries differ\n")


def test_a_comparison_shows_which_plans_and_buffers_changed(run: Run, loaded_url: str, tmp_path: Path) -> None:
    (tmp_path / "old.json").write_text(run("budgets", "--here", "--json", *WATCHED).stdout)

    with without_index(loaded_url, "idx_user_score_rank"):
        compared = run("budgets", "--here", "--compare", str(tmp_path / "old.json"), *WATCHED)

    assert compared.exit_code == 1
    assert "leaderboards/top: " in compared.output
    assert "another plan" in compared.output
    added = [line for line in compared.output.splitlines() if line.startswith("    +")]
    assert any("Seq Scan on user_scores" in line for line in added)
    assert "1 of 3 queries differ" in compared.output


def test_measurements_of_different_sizes_are_not_compared(run: Run, tmp_path: Path) -> None:
    old = json.loads(run("budgets", "--here", "--json", "trees/get").stdout) | {"size": 0.5}
    (tmp_path / "old.json").write_text(json.dumps(old))
    (tmp_path / "none.json").write_text("[]")

    compared = run("budgets", "--here", "--compare", str(tmp_path / "old.json"), "trees/get")
    unreadable = run("budgets", "--here", "--compare", str(tmp_path / "none.json"), "trees/get")

    assert "measured with another size: 0.5 before, 1.0 now" in compared.output
    assert "not the output of `skilltree budgets --json`" in unreadable.output
    assert (compared.exit_code, unreadable.exit_code) == (1, 1)


def test_a_measurement_creates_loads_and_drops_its_database(run: Run, loaded_url: str) -> None:
    with psycopg.connect(loaded_url) as connection:
        # Other tests create databases on this server at the same time.
        ours = "select datname from pg_database where datname ~ '^skilltree_budgets' order by datname"
        before = connection.execute(ours).fetchall()

        checked = run("budgets", "--size", "0.002", "--json", "trees/get")

        assert json.loads(checked.stdout)["queries"]["trees/get"]["buffers"] > 0
        assert connection.execute(ours).fetchall() == before
