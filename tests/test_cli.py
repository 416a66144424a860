"""The commands, each on its own database."""

import json
import re
from collections.abc import Callable
from pathlib import Path

import psycopg
import pytest
from click.testing import Result
from typer.testing import CliRunner

from skilltree import Database, migrate, seed
from skilltree._core.invariants import INVARIANTS
from skilltree.cli import app
from skilltree.migrate.partition import TABLES

Run = Callable[..., Result]


@pytest.fixture
def run(empty_url: str, monkeypatch: pytest.MonkeyPatch) -> Run:
    monkeypatch.setenv("DATABASE_URL", empty_url)
    monkeypatch.setenv("COLUMNS", "120")
    return lambda *arguments: CliRunner().invoke(app, arguments, catch_exceptions=False)


@pytest.fixture
def seeded(run: Run, empty_url: str) -> str:
    assert run("migrate").exit_code == 0
    assert run("seed", "--demo-data").exit_code == 0
    return empty_url


def test_demo_shows_a_learners_journey_and_a_second_run_shows_the_same(run: Run) -> None:
    first = run("demo", "--demo-data")
    second = run("demo", "--demo-data")

    assert first.exit_code == 0
    for shown in (
        "refused: ",
        "✔ Tables and psql  +",
        "level 2!",
        "★ First Steps",
        "★ Three in a Row",
        "★ Ten Down",
        "○ Capstone ★",
        "31 % of the required skills",
        "a streak of 3 days",
        "next: ",
        "1. ada ",
    ):
        assert shown in first.output
    assert second.output == first.output


def test_status_exits_1_until_everything_is_applied(run: Run) -> None:
    before = run("status", "--json")
    run("migrate")
    after = run("status", "--json")

    assert before.exit_code == 1
    assert {row["problem"] for row in json.loads(before.output)} == {"pending"}
    assert after.exit_code == 0
    assert {row["problem"] for row in json.loads(after.output)} == {None}


def test_migrate_and_rollback_name_what_they_did(run: Run) -> None:
    applied = json.loads(run("migrate", "--json").output)
    undone = json.loads(run("rollback", "--count", "2", "--yes", "--json").output)

    assert len(applied) == len(list(migrate.folder().glob("*.rollback.sql")))
    assert [row["migration"] for row in undone] == [row["migration"] for row in reversed(applied[-2:])]
    assert run("status").exit_code == 1


def test_seed_is_idempotent(run: Run, seeded: str) -> None:
    with Database(seeded) as db:
        before = db.trees.load("practical-postgresql")

    again = json.loads(run("seed", "--demo-data", "--json").output)

    assert {row["outcome"] for row in again} == {"already there"}
    with Database(seeded) as db:
        assert db.trees.load("practical-postgresql") == before


def test_seed_writes_what_the_specification_asks_for(seeded: str) -> None:
    with Database(seeded) as db:
        user = db.users.find_by_email(seed.TEST_EMAIL)
        assert user is not None
        profile = db.users.get_profile(user.id)
        tree = db.trees.load("frontend-web-development")
        categories = {category.slug: category.color for category in db.categories.list()}
        (achievement,) = db.achievements.list()

    assert (user.username, user.email_verified, profile.learning_goals) == (
        "testuser",
        True,
        ("Learn React", "Build portfolio"),
    )
    html, css = tree.skills
    assert (html.name, html.xp_value, html.is_milestone, html.dependents) == ("HTML Fundamentals", 50, True, (css.id,))
    assert (css.name, css.dependencies, css.position_x) == ("CSS Styling", (html.id,), 200)
    assert (tree.is_published, tree.is_featured, tree.estimated_hours) == (True, True, 120)
    assert categories == {"programming": "#3B82F6", "web-development": "#10B981"}
    assert (achievement.name, achievement.xp_reward, achievement.criteria.threshold) == ("First Steps", 25, 1)


def test_reset_asks_first_and_deletes_all_other_data(run: Run, seeded: str) -> None:
    with Database(seeded) as db:
        db.categories.create(name="Mine", slug="mine")

    refused = run("reset", "--demo-data")
    kept = run("explain", "categories/find_by_slug", "--set", "slug=mine")
    done = run("reset", "--yes", "--demo-data")

    assert refused.exit_code == 1
    assert "rows=1" in kept.output
    assert done.exit_code == 0
    with Database(seeded) as db:
        assert db.categories.find_by_slug("mine") is None
        assert db.trees.find_by_slug("practical-postgresql") is not None


def test_doctor_shows_drift_until_it_is_repaired(run: Run, seeded: str) -> None:
    healthy = run("doctor")
    with psycopg.connect(seeded) as connection:
        connection.execute("update user_profiles set total_xp = 7")

    found = run("doctor")
    listed = run("doctor", "--json")
    mended = run("doctor", "--repair")
    again = run("doctor", "--json")

    assert (healthy.exit_code, healthy.output) == (0, f"all {len(INVARIANTS)} invariants hold\n")
    assert (found.exit_code, listed.exit_code, mended.exit_code, again.exit_code) == (1, 1, 0, 0)
    assert "xp_total" in found.output
    [finding] = json.loads(listed.output)
    assert (finding["invariant"], finding["subject_kind"], finding["what"]) == ("xp_total", "learner", "total_xp")
    assert (finding["expected"], finding["found"]) == ("0", "7")
    assert "total_xp" in mended.output
    assert mended.output.endswith(f"all {len(INVARIANTS)} invariants hold\n")
    assert json.loads(again.output) == []


def test_doctor_exits_1_when_something_cannot_be_repaired(run: Run, seeded: str) -> None:
    with psycopg.connect(seeded) as connection:
        connection.execute("set session_replication_role = replica")
        connection.execute("update skill_trees set prerequisites = array[id] where slug = 'practical-postgresql'")

    shown = run("doctor", "--repair")
    listed = run("doctor", "--repair", "--json")

    assert (shown.exit_code, listed.exit_code) == (1, 1)
    assert "no_prerequisite_cycle" in shown.output
    repair = json.loads(listed.output)
    assert (repair["changes"], repair["failures"]) == ([], [])
    assert [each["what"] for each in repair["remaining"]] == ["prerequisites"]


def test_explain_shows_a_plan_and_rolls_the_query_back(run: Run, seeded: str) -> None:
    with Database(seeded) as db:
        tree = db.trees.find_by_slug("practical-postgresql")
        assert tree is not None

    shown = run("explain", "trees/unpublish", "--set", f"tree_id={tree.id}")

    assert shown.exit_code == 0
    assert "Update on skill_trees" in shown.output
    assert re.search(r"\d+ buffers", shown.output)
    with Database(seeded) as db:
        assert db.trees.get(tree.id).is_published


@pytest.mark.parametrize(
    ("arguments", "code", "message"),
    [
        (("explain", "trees/nothing"), 1, "there is no query trees/nothing"),
        (("explain", "trees/get", "--set", "foo=1"), 1, "trees/get has no parameter foo; it has tree_id"),
        (("explain", "trees/get", "--set", "foo"), 2, "name=value"),
        (("export", "nothing"), 1, "there is no tree with slug nothing"),
        (("export-learner", "nobody@example.org"), 1, "there is no user with email nobody@example.org"),
        (("rollback", "--count", "0"), 2, "--count"),
        (("nothing",), 2, "No such command"),
    ],
)
def test_wrong_usage_gets_a_message(run: Run, seeded: str, arguments: tuple[str, ...], code: int, message: str) -> None:
    result = run(*arguments)

    assert result.exit_code == code
    assert message in " ".join(result.output.replace("│", " ").split())


def test_an_unreachable_server_is_named(run: Run, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("DATABASE_URL", f"host={tmp_path} user=nobody")

    result = run("seed", "--demo-data")

    assert result.exit_code == 1
    assert "ServerUnavailable" in result.output


def test_export_after_import_gives_the_same_file(run: Run, seeded: str, tmp_path: Path) -> None:
    file = tmp_path / "curriculum.json"
    file.write_text(run("export", "practical-postgresql").output)

    (report,) = json.loads(run("import", str(file), "--json").output)

    assert (report["unchanged"], report["added"], report["changed"], report["removed"]) == ("40", "0", "0", "0")


def test_export_learner_prints_one_document_with_all_data(run: Run, seeded: str) -> None:
    held = json.loads(run("export-learner", "TEST@skilltree.dev").output)

    assert held["account"]["email"].lower() == "test@skilltree.dev"
    assert held["skill_progress"] == []


def test_import_writes_all_trees_of_a_file_or_none_of_them(run: Run, seeded: str, tmp_path: Path) -> None:
    file = tmp_path / "curriculum.json"
    good = {"slug": "good", "name": "Good", "category": "Programming", "skills": [{"key": "a", "name": "A"}]}
    bad = good | {"slug": "bad", "skills": [{"key": "a", "name": "A", "dependencies": ["a"]}]}
    file.write_text(json.dumps({"trees": [good, bad]}))

    result = run("import", str(file))

    assert result.exit_code == 1
    assert "dependency cycle: a → a" in result.output
    with Database(seeded) as db:
        assert db.trees.find_by_slug("good") is None


def test_backfill_awards_and_prints_how_many(run: Run, seeded: str) -> None:
    with Database(seeded) as db:
        user = db.users.find_by_email(seed.TEST_EMAIL)
        assert user is not None
        tree = db.trees.load("frontend-web-development")
        db.progress.complete_skill(user.id, tree.skills[0].id)
        achievement = db.achievements.create(
            name="Late", description="Made later", criteria={"type": "skill_completion_count", "threshold": 1}
        )

    done = run("backfill", str(achievement.id), "--json")
    shown = run("backfill", str(achievement.id))
    unknown = run("backfill", "00000000-0000-0000-0000-000000000000")

    assert json.loads(done.stdout) == [{"learners": "1", "awarded": "1"}]
    assert (shown.exit_code, "100%" in shown.output) == (0, True)
    assert (unknown.exit_code, "AchievementNotFound" in unknown.output) == (1, True)


def test_audit_creates_partitions_and_drops_old_ones(run: Run, seeded: str) -> None:
    with psycopg.connect(seeded) as connection:
        connection.execute(
            "insert into audit_log (subject_id, occurred_at, table_name, action, row_keys)"
            " values (gen_random_uuid(), '2020-02-02', 'skills', 'INSERT', '{x}')"
        )

    made = json.loads(run("audit", "--json").stdout)
    dropped = json.loads(run("audit", "--keep", "24", "--json").stdout)

    assert made == [{"partition": "audit_log_2020_02", "outcome": "made"}]
    assert dropped == [{"partition": "audit_log_2020_02", "outcome": "dropped"}]


def test_partition_shows_what_it_will_do_asks_and_does_it_once(run: Run, seeded: str) -> None:
    def states() -> set[str]:
        return {row["state"] for row in json.loads(run("partition", "--dry-run", "--json").stdout)}

    planned = json.loads(run("partition", "--dry-run", "--json").stdout)
    declined = run("partition")
    untouched = states()
    done = json.loads(run("partition", "user_sessions", "xp_events", "--parts", "2", "--yes", "--json").stdout)
    begun = states()
    rest = json.loads(run("partition", "--parts", "2", "--yes", "--json").stdout)
    again = run("partition", "--json")

    assert {(row["table"], row["state"], row["obstacles"]) for row in planned} == {
        (table, "plain", None) for table in TABLES
    }
    assert (declined.exit_code, "--yes" in declined.output) == (1, True)
    assert untouched == {"plain"}
    assert {row["name"] for row in done} == {"user_sessions", "xp_events"}
    assert begun == {"plain", "partitioned"}
    assert {row["name"] for row in rest} == set(TABLES) - {"user_sessions", "xp_events"}
    assert (again.exit_code, json.loads(again.stdout), states()) == (0, [], {"partitioned"})


def test_partition_names_what_stands_against_it(run: Run, seeded: str) -> None:
    with psycopg.connect(seeded) as connection:
        connection.execute("create unique index xp_once on xp_events (source_id, xp)")

    planned = run("partition", "xp_events", "--dry-run", "--json")
    refused = run("partition", "--yes")
    unknown = run("partition", "users", "--dry-run")

    told = "the unique index public.xp_once does not contain user_id"
    assert (planned.exit_code, json.loads(planned.stdout)[0]["obstacles"]) == (1, told)
    assert (refused.exit_code, told in refused.output) == (1, True)
    assert (unknown.exit_code, "users is not partitioned by learner" in unknown.output) == (1, True)
