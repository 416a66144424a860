"""Importing, exporting and drawing trees from the command line."""

import json
import re
import shlex
from collections.abc import Callable
from pathlib import Path
from xml.etree import ElementTree

import psycopg
import pytest
from click.testing import Result
from typer.testing import CliRunner

import skilltree.models
from skilltree import Database
from skilltree.cli import app

Run = Callable[..., Result]

TABLE = "tree,key,name,dependencies,minutes\nBaking bread,flour,Flour,,30\nBaking bread,loaf,Loaf,flour,\n"


@pytest.fixture
def run(migrated_url: str, monkeypatch: pytest.MonkeyPatch) -> Run:
    monkeypatch.setenv("DATABASE_URL", migrated_url)
    monkeypatch.setenv("COLUMNS", "100")
    return lambda *arguments: CliRunner().invoke(app, arguments, catch_exceptions=False)


@pytest.fixture
def table(tmp_path: Path) -> Path:
    file = tmp_path / "bread.csv"
    file.write_text(TABLE)
    return file


def written(url: str) -> list[tuple[object, ...]]:
    with psycopg.connect(url) as connection:
        return connection.execute(
            "select 'skill', xmin::text, id::text from skills union all select 'tree', xmin::text, id::text"
            " from skill_trees union all select 'trail', xmin::text, id::text from audit_log order by 1, 3"
        ).fetchall()


def test_the_commands_of_the_documentation_run_as_written(
    run: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    text = (Path(__file__).parents[1] / "docs" / "curricula.md").read_text()
    [block] = re.findall(r"```console\n(.*?)```", text, re.DOTALL)
    commands = [shlex.split(line, comments=True) for line in block.splitlines()]
    monkeypatch.chdir(tmp_path)

    ran = [run(*arguments) for _, _, *arguments in commands]

    assert [each[:2] for each in commands] == [["$", "skilltree"]] * 4
    assert [each.exit_code for each in ran] == [0, 0, 0, 0]
    assert "Kneading" in ran[-1].stdout


def test_a_dry_run_shows_what_a_new_tree_would_add_and_writes_nothing(run: Run, migrated_url: str, table: Path) -> None:
    before = written(migrated_url)

    [row] = json.loads(run("import", "--dry-run", "--json", str(table)).stdout)

    assert (row["tree"], row["outcome"], row["added"]) == ("baking-bread", "would be added", "2")
    assert written(migrated_url) == before


def test_a_dry_run_shows_changes_and_affected_learners_and_writes_nothing(
    run: Run, migrated_url: str, table: Path
) -> None:
    assert run("import", str(table)).exit_code == 0
    with Database(migrated_url) as db:
        learner = db.users.register(email="a@example.org", username="ada", password="a long password", bcrypt_cost=4)
        tree = db.trees.load("baking-bread")
        db.progress.start_tree(learner.id, tree.id)
        db.progress.complete_skill(learner.id, tree.skills[0].id)
    table.write_text(TABLE.replace("Loaf,flour", "A loaf,yeast") + "Baking bread,yeast,Yeast,,\n")
    before = written(migrated_url)

    [row] = json.loads(run("import", "--dry-run", "--json", str(table)).stdout)

    assert written(migrated_url) == before
    assert (row["outcome"], row["added"], row["changed"], row["unchanged"]) == ("would be changed", "1", "1", "1")
    assert (row["learners"], row["lose_open"]) == ("1", "1")
    [done] = json.loads(run("import", "--json", str(table)).stdout)
    assert (done["added"], done["changed"], done["unchanged"]) == ("1", "1", "1")
    [again] = json.loads(run("import", "--dry-run", "--json", str(table)).stdout)
    assert (again["outcome"], again["changed"], again["unchanged"]) == ("unchanged", "0", "3")


@pytest.mark.parametrize("command", [["--dry-run"], []])
def test_faults_in_several_trees_are_all_shown_and_nothing_is_written(
    run: Run, migrated_url: str, tmp_path: Path, command: list[str]
) -> None:
    tree = {"name": "x", "category": "Web"}
    skills = [{"key": "a", "name": "a", "dependencies": ["b"]}, {"key": "b", "name": "b", "dependencies": ["a"]}]
    file = tmp_path / "x.json"
    file.write_text(json.dumps({"trees": [{**tree, "slug": slug, "skills": skills} for slug in ("one", "two")]}))
    before = written(migrated_url)

    result = run("import", *command, str(file))

    assert result.exit_code == 1
    for slug in ("one", "two"):
        assert f"tree {slug}: dependency cycle: a → b → a" in result.output
    assert written(migrated_url) == before


def test_a_file_that_holds_a_tree_twice_is_refused_and_nothing_is_written(
    run: Run, migrated_url: str, tmp_path: Path
) -> None:
    tree = {"slug": "bread", "name": "Bread", "category": "Baking", "skills": [{"key": "flour", "name": "Flour"}]}
    file = tmp_path / "bread.json"
    file.write_text(json.dumps({"trees": [tree, tree | {"skills": []}]}))
    before = written(migrated_url)

    refused = run("import", str(file))

    assert refused.exit_code == 1
    assert "tree bread: trees 1 and 2 of the file have this slug" in " ".join(refused.output.split())
    assert written(migrated_url) == before


@pytest.mark.parametrize("form", ["json", "yaml", "csv"])
def test_an_export_in_any_format_is_imported_without_a_change(run: Run, table: Path, tmp_path: Path, form: str) -> None:
    run("import", str(table))
    file = tmp_path / f"out.{form}"

    assert run("export", "baking-bread", "--output", str(file)).exit_code == 0
    [row] = json.loads(run("import", "--json", str(file)).stdout)

    assert (row["added"], row["changed"], row["removed"], row["unchanged"]) == ("0", "0", "0", "2")


@pytest.mark.parametrize("form", ["json", "yaml", "csv"])
def test_a_template_is_imported(run: Run, tmp_path: Path, form: str) -> None:
    file = tmp_path / f"template.{form}"
    file.write_text(run("template", "--format", form).stdout)

    assert run("import", str(file)).exit_code == 0


def test_a_tree_is_drawn_with_and_without_a_learner(run: Run, migrated_url: str, table: Path) -> None:
    run("import", str(table))
    with Database(migrated_url) as db:
        db.users.register(email="a@example.org", username="ada", password="a long password", bcrypt_cost=4)

    nobodys = run("show", "baking-bread").output
    hers = run("show", "baking-bread", "--learner", "a@example.org").output
    picture = ElementTree.fromstring(run("show", "baking-bread", "--svg").stdout)  # noqa: S314 (our own)
    chart = run("show", "baking-bread", "--mermaid").stdout

    assert "• Flour" in nobodys
    assert "● Flour" in hers
    assert "○ Loaf" in hers
    assert picture.tag == "{http://www.w3.org/2000/svg}svg"
    assert "s0 --> s1" in chart


def test_a_map_shows_the_level_of_each_skill(run: Run, migrated_url: str, tmp_path: Path) -> None:
    needed = {"a": [], "b": ["a"], "c": ["a", "b"], "d": ["c"], "alone": []}
    skills = [{"key": key, "name": key, "dependencies": keys} for key, keys in needed.items()]
    skills[4]["position"] = [1, 1]
    with Database(migrated_url) as db:
        db.trees.import_tree({"slug": "t", "name": "t", "category": "Web", "skills": skills})

        drawn = db.trees.load_map("t").skills

    assert {skill.name: skill.level for skill in drawn} == {"a": 0, "b": 1, "c": 2, "d": 3, "alone": 0}
    assert {skill.name for skill in drawn if skill.is_placed} == {"alone"}


def test_all_models_can_be_imported_from_skilltree_models() -> None:
    assert sorted(set(skilltree.models.__all__)) == skilltree.models.__all__
    assert {"LoadedTree", "TreeMap", "Completion", "UserId", "DifficultyLevel"} <= set(skilltree.models.__all__)
    assert all(hasattr(skilltree.models, name) for name in skilltree.models.__all__)


# --- input -----------------------------------------------------------------------------------------------------------


def test_a_file_can_be_read_from_a_pipe(migrated_url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DATABASE_URL", migrated_url)

    result = CliRunner().invoke(app, ["import", "--format", "csv", "--json", "-"], input=TABLE)

    assert [row["tree"] for row in json.loads(result.stdout)] == ["baking-bread"]


def test_a_missing_file_is_wrong_usage(run: Run, tmp_path: Path) -> None:
    result = run("import", str(tmp_path / "nothing.csv"))

    assert result.exit_code == 2
    assert "nothing.csv: No such file" in result.stderr.replace("\n", "")


def test_a_file_may_list_a_tree_before_its_prerequisites(run: Run, tmp_path: Path) -> None:
    skills = [{"key": "a", "name": "A"}]
    trees = [
        {"slug": "second", "name": "2", "category": "c", "skills": skills, "prerequisites": ["first"]},
        {"slug": "first", "name": "1", "category": "c", "skills": skills},
    ]
    file = tmp_path / "two.json"
    file.write_text(json.dumps({"trees": trees}))

    assert [row["tree"] for row in json.loads(run("import", "--json", str(file)).stdout)] == ["second", "first"]


def test_a_cycle_of_trees_is_refused_by_a_dry_run_too(run: Run, migrated_url: str, tmp_path: Path) -> None:
    trees = [
        {"slug": slug, "name": slug, "category": "c", "skills": [{"key": "a", "name": "A"}], "prerequisites": [other]}
        for slug, other in (("egg", "hen"), ("hen", "egg"))
    ]
    file = tmp_path / "cycle.json"
    file.write_text(json.dumps({"trees": trees}))

    for options in (["--dry-run"], []):
        result = run("import", *options, str(file))
        assert result.exit_code == 1
        assert "CyclicPrerequisites: prerequisite cycle: egg → hen → egg" in result.stderr
    assert written(migrated_url) == []
