"""A wheel installed elsewhere has everything it needs."""

import os
import re
import shutil
import subprocess
import sys
import venv
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]

JOB = """
from skilltree import Database
import os, skilltree

# Each worker would build the wheel and its environment again.
pytestmark = pytest.mark.xdist_group("packaging")
with Database(os.environ["DATABASE_URL"]) as db:
    tree = db.trees.load("practical-postgresql")
print(skilltree.__file__, len(tree.skills))
"""


ONLY_IN_A_CHECKOUT = {"bench", "clean", "format", "test"}


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("wheel")
    # setuptools would pack query files that an earlier build has left there and that are gone since.
    shutil.rmtree(ROOT / "build", ignore_errors=True)
    build = [sys.executable, "-m", "build", "--wheel", "--no-isolation", "--outdir", str(folder), str(ROOT)]
    subprocess.run(build, check=True, capture_output=True)
    (made,) = folder.glob("*.whl")
    return made


@pytest.fixture(scope="module")
def environment(wheel: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A virtual environment with the wheel and its required dependencies."""
    folder = tmp_path_factory.mktemp("installed") / "venv"
    venv.create(folder, with_pip=True)
    install(folder, str(wheel))
    return folder


def install(environment: Path, what: str) -> None:
    command = [environment / "bin" / "pip", "install", "--quiet", "--constraint", ROOT / "constraints.txt", what]
    subprocess.run(command, check=True, capture_output=True)


def run(environment: Path, *command: str, url: str = "") -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [environment / "bin" / command[0], *command[1:]],
        cwd=environment.parent,
        env={"PATH": os.environ["PATH"], "DATABASE_URL": url},
        check=False,
        capture_output=True,
        text=True,
    )


def test_a_plain_install_uses_the_database_and_names_the_extra_for_commands(environment: Path) -> None:
    packages = run(environment, "pip", "list", "--format=freeze").stdout.lower().replace("_", "-")
    library = run(environment, "python", "-c", "from skilltree import AsyncDatabase, Database, curriculum, passwords")
    command = run(environment, "skilltree", "status")
    migrations = run(environment, "python", "-c", "import skilltree.migrate")
    gate = run(environment, "python", "-c", "import skilltree.gate")

    names = {line.partition("==")[0] for line in packages.split()}
    assert {"bcrypt", "psycopg", "psycopg-pool", "pydantic"} <= names
    assert {"pglast", "rich", "typer", "yoyo-migrations"} & names == set()
    assert (library.returncode, library.stderr) == (0, "")
    assert (command.returncode, command.stdout) == (1, "")
    assert re.fullmatch(r"skilltree: .*: pip install 'skilltree\[cli\]'\n", command.stderr)
    assert migrations.stderr.splitlines()[-1].endswith("pip install 'skilltree[cli]'")
    assert gate.stderr.splitlines()[-1].endswith("pip install 'skilltree[gate]'")


def test_a_wheel_in_an_empty_environment_migrates_seeds_and_loads_a_tree(
    wheel: Path, environment: Path, empty_url: str
) -> None:
    install(environment, f"{wheel}[cli]")

    for command in (["skilltree", "migrate"], ["skilltree", "seed", "--demo-data"], ["python", "-c", JOB]):
        done = run(environment, *command, url=empty_url)
        assert done.returncode == 0, done.stderr

    where, skills = done.stdout.split()
    assert where.startswith(str(environment))
    assert int(skills) == 40


def test_the_installed_command_line_has_no_commands_of_the_checkout(
    wheel: Path, environment: Path, empty_url: str
) -> None:
    install(environment, f"{wheel}[cli]")

    listed = run(environment, "skilltree", "--help")
    checked = run(environment, "skilltree", "check")
    gated = run(environment, "skilltree", "check-queries", "--offline")

    assert ONLY_IN_A_CHECKOUT & set(re.findall(r"^  ([a-z-]+)  ", listed.stdout, re.MULTILINE)) == set()
    assert (checked.returncode, "NoProject: No pyproject.toml of this folder" in checked.stderr) == (1, True)
    assert (gated.returncode, gated.stderr) == (
        1,
        "GateMissing: The query gate needs pglast: pip install 'skilltree[gate]'.\n",
    )


def test_the_installed_command_line_can_explain_a_query(wheel: Path, environment: Path, empty_url: str) -> None:
    install(environment, f"{wheel}[cli]")
    run(environment, "skilltree", "migrate", url=empty_url)

    explained = run(environment, "skilltree", "explain", "trees/list", url=empty_url)

    assert explained.returncode == 0, explained.stderr
    assert "trees/list as app_user" in explained.stdout


def test_the_extra_of_the_query_gate_is_enough_for_it(wheel: Path, environment: Path) -> None:
    install(environment, f"{wheel}[gate]")

    checked = run(environment, "skilltree", "check-queries", "--offline")

    assert (checked.returncode, checked.stdout, checked.stderr) == (0, "All query files pass.\n", "")


def test_the_extra_of_the_pytest_plugin_is_enough_for_its_example(wheel: Path, environment: Path) -> None:
    install(environment, f"{wheel}[pytest]")
    folder = environment.parent / "tests of courses"
    folder.mkdir()
    [example, *_] = re.findall(r"```python\n(.*?)```", (ROOT / "docs" / "testing.md").read_text(), re.DOTALL)
    (folder / "test_courses.py").write_text(example)

    tested = run(environment, "pytest", "-W", "error", str(folder))

    assert "3 passed" in tested.stdout, tested.stdout


def test_own_migrations_are_checked_from_a_wheel(wheel: Path, environment: Path) -> None:
    install(environment, f"{wheel}[embedded,gate]")
    folder = environment.parent
    (folder / "migrations").mkdir()
    (folder / "pyproject.toml").write_text('[tool.skilltree]\nmigrations = "migrations"\n')
    (folder / "migrations" / "0001.create-courses.sql").write_text("create table courses (id uuid primary key);")
    (folder / "migrations" / "0001.create-courses.rollback.sql").write_text("select 1;")

    checked = run(environment, "skilltree", "check-migrations", "--record")

    assert (checked.returncode, checked.stderr) == (1, "")
    assert "migrations/0001.create-courses.rollback.sql: after it, table public.courses is left over" in checked.stdout


def test_the_extras_of_integrations_are_enough_for_them(wheel: Path, environment: Path) -> None:
    install(environment, f"{wheel}[django,fastapi,flask,prometheus]")

    for module in ("django", "fastapi", "flask", "prometheus"):
        imported = run(environment, "python", "-W", "error", "-c", f"import skilltree.contrib.{module}")
        assert (imported.returncode, imported.stderr) == (0, "")
