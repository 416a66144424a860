"""``[tool.skilltree]`` in an application's pyproject.toml."""

import re
from pathlib import Path

import pytest

from skilltree import project
from skilltree.errors import SkillTreeError


def write(folder: Path, *lines: str) -> None:
    (folder / "pyproject.toml").write_text("\n".join(lines), encoding="utf-8")


def test_a_project_is_read_with_all_that_it_may_have(tmp_path: Path) -> None:
    (tmp_path / "sql" / "migrations").mkdir(parents=True)
    (tmp_path / "queries").mkdir()
    write(
        tmp_path,
        "[tool.skilltree]",
        'migrations = "sql/migrations"',
        'queries = "queries"',
        'repositories = ["shop.courses", "shop.payments"]',
        'models = "shop.models"',
        "[tool.skilltree.lint.row_security_missing]",
        'currencies = "a list that everybody may read"',
        "[tool.skilltree.examples]",
        '"payments.currency" = "EUR"',
    )

    found = project.find(tmp_path)

    assert found == project.Project(
        tmp_path,
        migrations=tmp_path / "sql" / "migrations",
        queries=tmp_path / "queries",
        repositories=("shop.courses", "shop.payments"),
        models=("shop.models",),
        lint={("row_security_missing", "currencies"): "a list that everybody may read"},
        examples={"payments.currency": "EUR"},
    )
    assert found.shown(tmp_path / "queries" / "a.sql") == "queries/a.sql"
    assert found.shown(Path("/elsewhere/a.sql")) == "/elsewhere/a.sql"


def test_the_nearest_project_above_is_found_and_others_are_passed_over(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    inner = tmp_path / "service" / "src"
    inner.mkdir(parents=True)
    write(tmp_path, "[tool.skilltree]")
    write(tmp_path / "service", "[project]", 'name = "service"')
    monkeypatch.chdir(inner)

    assert project.find() == project.Project(tmp_path)


def test_without_a_project_there_is_none(tmp_path: Path) -> None:
    write(tmp_path, "[tool.other]")

    assert project.find(tmp_path) is None


@pytest.mark.parametrize(
    ("lines", "told"),
    [
        (["[tool.skilltree"], "pyproject.toml cannot be read"),
        (["[tool]", "skilltree = 1"], "tool.skilltree must be a table"),
        (["[tool.skilltree]", 'migration = "x"'], "has no key 'migration'; it has migrations, queries"),
        (["[tool.skilltree]", "migrations = 3"], "migrations must be the path of a folder, not 3"),
        (["[tool.skilltree]", 'queries = "nowhere"'], "queries is 'nowhere', but there is no such folder"),
        (["[tool.skilltree]", 'migrations = "pyproject.toml"'], "but there is no such folder"),
        (["[tool.skilltree]", "models = 3"], "models must be the name of a module or a list of names, not 3"),
        (["[tool.skilltree]", 'repositories = ["a", 3]'], "repositories must be the name of a module"),
        (["[tool.skilltree]", 'lint = "x"'], "lint must be a table, not 'x'"),
        (["[tool.skilltree.lint]", 'not_valid = "x"'], "lint.not_valid must be a table, not 'x'"),
        (["[tool.skilltree.lint.not_valid]", 'a = " "'], "lint.not_valid must have a text for a, not ' '"),
        (["[tool.skilltree]", "examples = []"], "examples must be a table, not []"),
        (["[tool.skilltree.examples]", "a = 1"], "examples must have a text for a, not 1"),
    ],
)
def test_what_cannot_be_used_is_refused_with_its_key(tmp_path: Path, lines: list[str], told: str) -> None:
    write(tmp_path, *lines)

    with pytest.raises(project.InvalidProject, match=re.escape(told)) as caught:
        project.find(tmp_path)

    assert str(tmp_path / "pyproject.toml") in str(caught.value)
    assert isinstance(caught.value, SkillTreeError)


def test_a_file_that_is_not_text_is_refused(tmp_path: Path) -> None:
    (tmp_path / "pyproject.toml").write_bytes(b"\xff\xfe")

    with pytest.raises(project.InvalidProject, match="cannot be read"):
        project.find(tmp_path)
