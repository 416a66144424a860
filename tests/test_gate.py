"""The query gate accepts correct files, and reports each mistake with file, line, field and remedy."""

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from typer.testing import CliRunner

from mistakes import MISTAKES, MODELS, Mistake
from skilltree import gate
from skilltree.cli import app
from skilltree.gate import Finding, check_queries
from skilltree.gate.report import as_github, as_json, as_text

ROOT = Path(__file__).parents[1]
CHECK = """
import sys, psycopg
from skilltree.gate import check_against, check_queries
from skilltree.gate.report import as_json
if sys.argv[1:]:
    with psycopg.connect(sys.argv[1], autocommit=True) as connection:
        print(as_json(check_against(connection)))
else:
    print(as_json(check_queries(offline=True)))
"""


def batches(mistakes: list[Mistake]) -> list[list[Mistake]]:
    """Return batches of mistakes in different files. Each batch is made in one copy, which is checked once."""
    found: list[list[Mistake]] = []
    for mistake in mistakes:
        fitting = (batch for batch in found if not any(mistake.files & other.files for other in batch))
        batch = next(fitting, None)
        if batch is None:
            found.append([mistake])
        else:
            batch.append(mistake)
    return found


class Copies:
    """Copies of the project with mistakes, and the findings of the gate in them."""

    def __init__(self, folder: Path, url: str) -> None:
        self._folder, self._url = folder, url
        self._found: dict[int, tuple[Path, list[Finding]]] = {}
        self._batches = batches(MISTAKES)

    def with_mistake(self, mistake: Mistake) -> tuple[Path, list[Finding]]:
        place = next(place for place, batch in enumerate(self._batches) if mistake in batch)
        if place not in self._found:
            copy = copied(self._folder / str(place))
            for each in self._batches[place]:
                each.make(copy)
            self._found[place] = copy, check(copy, self._url)
        return self._found[place]


def copied(folder: Path) -> Path:
    """Copy the files that the gate reads."""
    for name in ("src", "queries", "migrations", "tools"):
        shutil.copytree(ROOT / name, folder / name)
    return folder


def check(copy: Path, *arguments: str) -> list[Finding]:
    """Return the findings of the gate in a copy, using a database or the stored schema."""
    ran = subprocess.run(
        [sys.executable, "-c", CHECK, *arguments],
        cwd=copy,
        env=os.environ | {"PYTHONPATH": str(copy / "src")},
        capture_output=True,
        text=True,
        check=False,
    )
    assert ran.returncode == 0, ran.stderr
    return [Finding(**fields) for fields in json.loads(ran.stdout)]


@pytest.fixture(scope="module")
def url(template):
    return f"host={template.host} user={template.user} dbname={template.template_dbname}"


@pytest.fixture(scope="module")
def copies(tmp_path_factory, url):
    return Copies(tmp_path_factory.mktemp("copies"), url)


@pytest.mark.parametrize("mistake", MISTAKES, ids=str)
def test_a_mistake_is_found_and_named(mistake, copies):
    copy, findings = copies.with_mistake(mistake)

    file = mistake.found_in or mistake.file
    found = [
        finding
        for finding in findings
        if (finding.file, finding.field) == (file, mistake.field) and mistake.problem in finding.problem
    ]
    assert found, f"\n{as_text(findings)}"
    assert found[0].remedy
    assert mistake.at in (copy / file).read_text().splitlines()[found[0].line - 1]


def test_there_is_a_mistake_of_every_kind():
    assert len(MISTAKES) == len({mistake.name for mistake in MISTAKES}) >= 30


def test_the_project_passes_the_gate(url):
    assert check(ROOT, url) == []


def test_the_project_passes_the_gate_without_a_server():
    assert check_queries(offline=True) == []


def test_without_a_server_a_mistake_in_a_model_is_found(tmp_path):
    copy = copied(tmp_path)
    path = copy / f"{MODELS}/users.py"
    path.write_text(path.read_text().replace("first_name: str | None", "first_name: str", 1))

    findings = check(copy)

    assert {finding.field for finding in findings} == {'column "first_name"'}
    assert "queries/users/get.sql" in {finding.file for finding in findings}


def test_without_a_server_a_changed_statement_makes_the_stored_schema_outdated(tmp_path):
    copy = copied(tmp_path)
    path = copy / "queries/users/get.sql"
    path.write_text(path.read_text().replace("users.username,", "users.nickname as username,"))

    plan, statement = check(copy)

    assert plan.file == statement.file == "queries/users/get.sql"
    assert statement.problem == "differs from the one that queries/schema.json describes"
    assert "make format" in statement.remedy
    assert plan.problem == "queries/plans.json keeps that of an earlier statement"
    assert plan.remedy == "run `skilltree budgets --update users/get`"


@pytest.mark.parametrize("text", [None, "", "{}", "[]", '{"queries": {"a": {}}}'])
def test_without_a_server_an_invalid_stored_schema_is_named(text, tmp_path):
    copy = copied(tmp_path)
    path = copy / "queries/schema.json"
    path.unlink() if text is None else path.write_text(text)

    [finding] = check(copy)

    assert (finding.file, finding.field) == ("queries/schema.json", "description")


def test_a_changed_header_does_not_make_the_stored_schema_outdated(tmp_path):
    copy = copied(tmp_path)
    path = copy / "queries/users/get.sql"
    path.write_text(f"-- Found by its id.\n{path.read_text()}")

    assert check(copy) == []


FINDING = Finding("queries/a/b.sql", 3, 'column "x"', "is 100% wrong", "say, mend it")


def test_findings_are_printed_like_compiler_errors():
    assert as_text([FINDING]) == 'queries/a/b.sql:3: column "x": is 100% wrong; say, mend it'


def test_findings_are_printed_as_json():
    assert json.loads(as_json([FINDING])) == [
        {
            "file": "queries/a/b.sql",
            "line": 3,
            "field": 'column "x"',
            "problem": "is 100% wrong",
            "remedy": "say, mend it",
        }
    ]


def test_findings_are_printed_as_annotations():
    assert as_github([FINDING]) == (
        '::error file=queries/a/b.sql,line=3,title=column "x"::is 100%25 wrong; say, mend it'
    )


def test_the_command_prints_its_findings_and_fails(monkeypatch):
    monkeypatch.setattr(gate, "check_queries", lambda *_, **__: [FINDING])

    plain, as_objects, annotated = (
        CliRunner().invoke(app, ["check-queries", *form]) for form in ([], ["--json"], ["--github"])
    )

    assert (plain.exit_code, plain.stdout) == (1, f"{FINDING}\n")
    assert (as_objects.exit_code, json.loads(as_objects.stdout)[0]["line"]) == (1, 3)
    assert (annotated.exit_code, annotated.stdout[:8]) == (1, "::error ")


def test_the_command_says_that_it_found_nothing():
    ran = CliRunner().invoke(app, ["check-queries", "--offline"])

    assert (ran.exit_code, ran.stdout) == (0, "All query files pass.\n")


def test_the_command_prints_an_empty_array_if_it_found_nothing():
    ran = CliRunner().invoke(app, ["check-queries", "--offline", "--json"])

    assert (ran.exit_code, json.loads(ran.stdout)) == (0, [])


def test_the_command_accepts_one_output_format_only():
    assert CliRunner().invoke(app, ["check-queries", "--json", "--github"]).exit_code == 2
