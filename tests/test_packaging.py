"""A wheel installed elsewhere has everything it needs."""

import os
import re
import runpy
import shutil
import subprocess
import sys
import tarfile
import venv
from pathlib import Path
from zipfile import ZipFile

import pytest
from packaging.metadata import Metadata

ROOT = Path(__file__).parents[1]

JOB = """
from skilltree import Database
import os, skilltree
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


@pytest.fixture(scope="module")
def source(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The source distribution, and the wheel that is made from it alone, in one folder."""
    folder = tmp_path_factory.mktemp("source")
    build = [sys.executable, "-m", "build", "--no-isolation", "--outdir", str(folder), str(ROOT)]
    subprocess.run(build, check=True, capture_output=True)
    return folder


def contents(wheel: Path) -> dict[str, int]:
    """Return the checksum of each file of a wheel."""
    with ZipFile(wheel) as archive:
        return {each.filename: each.CRC for each in archive.infolist()}


def test_the_source_distribution_makes_the_wheel_of_the_checkout(source: Path, wheel: Path) -> None:
    (made,) = source.glob("*.whl")
    files = contents(made)

    assert files == contents(wheel)
    assert {"skilltree/py.typed", "skilltree/queries/schema.json", "skilltree-0.1.0.dist-info/licenses/LICENSE"} <= set(
        files
    )
    assert {name.split("/")[0] for name in files} == {"skilltree", "skilltree-0.1.0.dist-info"}


def test_the_source_distribution_has_the_tests_and_the_documentation(source: Path) -> None:
    (made,) = source.glob("*.tar.gz")
    with tarfile.open(made) as archive:
        names = {name.partition("/")[2] for name in archive.getnames()}

    here = {path.relative_to(ROOT).as_posix() for folder in ("docs", "tests") for path in (ROOT / folder).rglob("*.*")}
    assert {name for name in here if "__pycache__" not in name} <= names
    assert {"CHANGELOG.md", "CITATION.cff", "LICENSE", "Makefile", "schema.sql", "tools/site/conf.py"} <= names


def test_the_description_of_the_package_has_no_link_that_leads_nowhere(wheel: Path) -> None:
    with ZipFile(wheel) as archive:
        metadata = Metadata.from_email(archive.read("skilltree-0.1.0.dist-info/METADATA"), validate=True)

    assert metadata.description_content_type == "text/markdown"
    assert metadata.description is not None
    assert metadata.description.startswith("# SkillTree\n")
    assert "![" not in metadata.description
    assert re.findall(r"\]\((?!https://)[^)]*\)", metadata.description) == []
    assert "The guide goes on with sync code" in metadata.description


def test_links_of_the_description_lead_to_the_repository_if_it_has_an_address() -> None:
    text = "![A plan](docs/plan.png) [guide](docs/guide.md#roles) [site](https://example.org/)\n\n```py\n[a](b)\n```\n"

    described = runpy.run_path(str(ROOT / "setup.py"))["description"]

    assert described(text, "https://example.org/skilltree/", "1.2.0") == (
        "![A plan](https://example.org/skilltree/raw/v1.2.0/docs/plan.png)"
        " [guide](https://example.org/skilltree/blob/v1.2.0/docs/guide.md#roles)"
        " [site](https://example.org/)\n\n```py\n[a](b)\n```\n"
    )
    assert described(text, None, "1.2.0") == " guide [site](https://example.org/)\n\n```py\n[a](b)\n```\n"


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
