"""examples/courses: an application with its own migrations, queries and repositories, and the tools on its files."""

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
EXAMPLE = ROOT / "examples" / "courses"
SKILLTREE = "from skilltree.cli import app; app()"

Run = Callable[..., "subprocess.CompletedProcess[str]"]


@pytest.fixture(scope="module")
def shop(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A copy of the example that a test may change in a file of its own."""
    unneeded = shutil.ignore_patterns("__pycache__", ".skilltree", ".pytest_cache")
    return Path(shutil.copytree(EXAMPLE, tmp_path_factory.mktemp("copy") / "courses", ignore=unneeded))


@pytest.fixture
def run(shop: Path, empty_url: str) -> Run:
    """Run a Python program in the folder of the copy, with an empty database."""

    def run(*arguments: str, folder: Path = shop) -> "subprocess.CompletedProcess[str]":
        environment = {**os.environ, "DATABASE_URL": empty_url, "PYTHONPATH": str(folder / "src")}
        environment["MYPYPATH"] = os.pathsep.join([str(folder / "src"), str(ROOT / "src")])
        return subprocess.run(
            [sys.executable, *arguments], cwd=folder, env=environment, capture_output=True, text=True, check=False
        )

    return run


def test_the_tests_of_the_example_pass_on_a_server_of_their_own(run: Run, shop: Path) -> None:
    ran = run("-m", "pytest", "-q", "-p", "no:cacheprovider", "tests")

    assert (ran.returncode, "8 passed" in ran.stdout) == (0, True), ran.stdout + ran.stderr


def test_the_example_passes_the_gates_of_its_queries_and_of_its_generated_code(run: Run, shop: Path) -> None:
    checked = run("-c", SKILLTREE, "check", folder=EXAMPLE)
    generated = run("-c", SKILLTREE, "unasync", "--check", folder=EXAMPLE)
    migrated = run("-c", SKILLTREE, "migrate", "--json", folder=EXAMPLE)
    linted = run("-c", SKILLTREE, "lint", folder=EXAMPLE)
    explained = run("-c", SKILLTREE, "explain", "courses/list", "--json", folder=EXAMPLE)
    printed = run("-c", SKILLTREE, "sql", "payments/list", folder=EXAMPLE)

    assert (checked.returncode, checked.stdout) == (0, "All query files pass.\n")
    assert generated.returncode == 0
    assert [each["history"] for each in json.loads(migrated.stdout)][-2:] == ["application", "application"]
    assert linted.returncode == 0
    assert list(json.loads(explained.stdout)) == ["courses/list"]
    assert "from payments" in printed.stdout


def test_the_gate_for_citus_names_what_keeps_the_example_on_one_server(run: Run) -> None:
    checked = run("-c", SKILLTREE, "check", "--target", "citus", folder=EXAMPLE)

    assert checked.returncode == 1
    assert [tuple(line.split(":")[i].strip() for i in (0, 2)) for line in checked.stdout.splitlines()] == [
        ("migrations/0002.create-payments.sql", "key_without_learner"),
        ("migrations/0002.create-payments.sql", "reference_without_learner"),
        ("src/courses/queries/courses/withdraw.sql", "correlated_not_on_learner"),
        ("src/courses/queries/payments/erase.sql", "learner_changed"),
    ]


def test_mistakes_in_the_files_of_an_application_are_found_and_named(run: Run, shop: Path, tmp_path: Path) -> None:
    copy = Path(shutil.copytree(shop, tmp_path / "courses"))
    repositories = copy / "src" / "courses" / "_async" / "repositories.py"
    for file, old, new in (
        ("queries/payments/list.sql", "payments.cents,", "payments.amount,"),
        ("queries/courses/list.sql", ") as is_enrolled", ") as enrolled"),
        ("queries/courses/create.sql", "courses.title,", "nullif(courses.title, '') as title,"),
        ("queries/enrolments/enrol.sql", "and payments.user_id = %(user_id)s", "and payments.user_id is not null"),
        ("models.py", "enrolled_at: datetime", "enrolled_at: str"),
        ("_async/repositories.py", 'exports=("enrolments/export",),', ""),
        ("queries/courses/withdraw.sql", "%(tree_id)s", "%(course_id)s"),
        ("queries/payments/export.sql", "\nselect", "\n--\n-- @role app_service\nselect"),
    ):
        path = copy / "src" / "courses" / file
        text = path.read_text()
        assert old in text
        path.write_text(text.replace(old, new))
    (copy / "src/courses/queries/courses/prepare.sql").write_text(
        "-- Prepare.\n--\n-- @across for operators\n-- @role app_service\n"
        "select partition.name\nfrom ensure_audit_partitions(1) as partition (name);\n"
    )
    (copy / "src/courses/queries/courses/of_price.sql").write_text(
        "-- The courses.\n--\n-- @step it is not used\nselect courses.id from courses where %(cents)s is null;\n"
    )
    # A table whose learner shows only by a key of two columns, and one of another schema.
    (copy / "migrations/0003.add-gifts.sql").write_text(
        "create schema shop;\n"
        "alter table payments add constraint payments_id_of_user unique (user_id, id);\n"
        "create table gifts (id uuid primary key, giver_id uuid, payment_id uuid, labels difficulty_level[],"
        " foreign key (giver_id, payment_id) references payments (user_id, id));\n"
        "create table shop.baskets (id uuid primary key, owner_id uuid references users (id));\n"
    )
    (copy / "migrations/0003.add-gifts.rollback.sql").write_text("drop table shop.baskets, gifts;\n")
    extras = {
        "merged": "merge into courses using payments on payments.course_id = courses.id when matched then do nothing"
        " returning courses.title",
        "marked": "select courses.title from courses where courses.title <> '%(course_id)s'",
        "also_marked": "select courses.title from courses\nwhere %(title)s = courses.title\nor 'a %(title)s' is null",
        "labelled": "select gifts.labels as title from gifts",
    }
    (copy / "src/courses/queries/extras").mkdir()
    for name, text in extras.items():
        (copy / f"src/courses/queries/extras/{name}.sql").write_text(f"-- Titles.\n{text};\n")
    repositories.write_text(
        repositories.read_text()
        + "\n\nfrom skilltree.models.base import Model\n\n\nclass Title(Model):\n    title: tuple[str, ...]\n\n\n"
        + "class AsyncExtras(AsyncRepository, queries=_QUERIES):\n"
        + "".join(
            f'    async def {name}(self) -> "list[Title]":\n        return await self.all(Title, "extras/{name}")\n\n'
            for name in extras
        )
    )
    (copy / "src/courses/queries/courses/list_all.sql").write_bytes(b"-- All \xe4.\nselect 1;\n")
    (copy / "src/courses/queries/trees").mkdir()
    shutil.copy(copy / "src/courses/queries/courses/list.sql", copy / "src/courses/queries/trees/load.sql")

    ran = run("-c", SKILLTREE, "check", "--format", "json", folder=copy)

    assert ran.returncode == 1, ran.stderr
    found = [(each["file"], each["field"], each["problem"]) for each in json.loads(ran.stdout)]

    def told(file: str, field: str, problem: str) -> bool:
        return any(file in one and field in other and problem in last for one, other, last in found)

    assert told("src/courses/queries/payments/list.sql", "statement", "column payments.amount does not exist"), found
    assert told("courses/list.sql", "is_enrolled", ""), found
    assert told("courses/create.sql", "title", "null"), found
    assert told("enrolments/enrol.sql", 'table "payments"', "without the user's id"), found
    assert told("enrolments/enrol.sql", "enrolled_at", ""), found
    assert told("courses/withdraw.sql", 'parameter "course_id"', "withdraw"), found
    assert told("courses/of_price.sql", "statement", "type of parameter %(cents)s"), found
    assert told("courses/prepare.sql", 'function "ensure_audit_partitions"', "is volatile"), found
    assert told("migrations", 'table "enrolments"', "users.export leaves them out"), found
    assert told("trees/load.sql", "file", "has the name of one of SkillTree's query files"), found
    assert told("migrations", 'table "gifts"', "users.export leaves them out"), found
    assert told("migrations", 'table "shop.baskets"', "users.erase does not mention them"), found
    assert told("extras/merged.sql", "title", "a statement that is not followed"), found
    assert told("extras/marked.sql", 'parameter "course_id"', "stands in a string"), found
    assert told("extras/also_marked.sql", 'parameter "title"', "stands in a string"), found
    marked = [each for each in json.loads(ran.stdout) if "also_marked" in each["file"] and "stands" in each["problem"]]
    assert [each["line"] for each in marked] == [4]
    assert told("courses/list_all.sql", "file", "it is not UTF-8"), found
    assert told("payments/export.sql", "@role", "would refuse them"), found
    assert told("extras/labelled.sql", "title", "whose elements psycopg does not read"), found


def test_a_new_query_gets_a_model_a_method_and_a_test_that_pass_every_check(
    run: Run, shop: Path, tmp_path: Path
) -> None:
    copy = Path(shutil.copytree(shop, tmp_path / "courses"))
    queries = copy / "src" / "courses" / "queries" / "reviews"
    queries.mkdir()
    (queries / "of_course.sql").write_text(
        "-- The enrolments of a course since a day. The latest come first.\n--\n-- @across for authors\n"
        "-- @role app_service\n"
        "select enrolments.user_id, enrolments.enrolled_at, skill_trees.difficulty, skill_trees.description,"
        " skill_trees.tags, array_agg(skill_trees.description) as texts\n"
        "from enrolments\ninner join courses on courses.id = enrolments.course_id\n"
        "inner join visible_trees as skill_trees on skill_trees.id = courses.skill_tree_id\n"
        "where enrolments.course_id = %(course_id)s and enrolments.enrolled_at >= %(since)s\n"
        "group by enrolments.user_id, enrolments.enrolled_at, skill_trees.difficulty, skill_trees.description,"
        " skill_trees.tags\n"
        "order by enrolments.enrolled_at desc, enrolments.user_id;\n"
    )

    written = run("-c", SKILLTREE, "new-query", "reviews/of_course", "--write", folder=copy)
    again = run("-c", SKILLTREE, "new-query", "reviews/of_course", "--write", folder=copy)

    module, test = copy / "src/courses/_async/reviews.py", copy / "tests/test_reviews_of_course.py"
    assert written.returncode == 0, written.stderr
    fields = "    description: str | None\n    tags: tuple[str, ...]\n    texts: tuple[str | None, ...]\n"
    assert fields in module.read_text()
    assert "reviews.py exists. Nothing was written" in again.stderr
    checked = run("-c", SKILLTREE, "check", folder=copy)
    assert (checked.returncode, checked.stdout) == (0, "All query files pass.\n")
    typed = run("-m", "mypy", "--strict", str(module), folder=copy)
    assert typed.returncode == 0, typed.stdout
    for command in (["check"], ["format", "--check"]):
        styled = run("-m", "ruff", *command, str(module), str(test), folder=copy)
        assert styled.returncode == 0, styled.stdout
    tested = run("-m", "pytest", "-q", str(test), folder=copy)
    assert "1 passed" in tested.stdout, tested.stdout


def test_drafts_of_writes_and_of_a_copy_pass_their_own_tests(run: Run, shop: Path, tmp_path: Path) -> None:
    copy = Path(shutil.copytree(shop, tmp_path / "courses"))
    tests = [copy / f"tests/test_{aggregate}_change.py" for aggregate in ("levels", "trees_of", "loads")]
    for aggregate, text in (
        ("levels", "update courses set title = %(title)s where courses.id = any(%(ids)s);"),
        ("trees_of", "select count(*) as trees from skill_trees where skill_trees.difficulty = %(difficulty)s;"),
        ("loads", "copy courses (title) from stdin;"),
        ("page", "select courses.id from courses;"),
    ):
        file = copy / f"src/courses/queries/{aggregate}/{'stream' if aggregate == 'page' else 'change'}.sql"
        file.parent.mkdir()
        file.write_text(f"-- A draft.\n--\n-- @role app_service\n{text}\n")

    for test in tests:
        name = test.stem.removeprefix("test_").removesuffix("_change")
        written = run("-c", SKILLTREE, "new-query", f"{name}/change", "--write", folder=copy)
        assert written.returncode == 0, written.stderr
    refused = run("-c", SKILLTREE, "new-query", "page/stream", "--write", folder=copy)

    assert "page/stream.sql: each repository has a method stream of its own" in refused.stderr
    assert not (copy / "src/courses/_async/page.py").exists()
    assert 'self.copy("loads/change", rows)' in (copy / "src/courses/_async/loads.py").read_text()
    tested = run("-m", "pytest", "-q", *map(str, tests), folder=copy)
    assert "3 passed" in tested.stdout, tested.stdout

    # Other ways to write the same: a list of a sequence, and the attribute of an object that may be None.
    module = copy / "src/courses/_async/levels.py"
    text = module.read_text()
    assert "ids=[*ids]" in text
    text = text.replace("ids=[*ids]", "ids=list(ids)").replace("title: str", "course: Course | None")
    text = text.replace("title=title", "title=course and course.title")
    module.write_text(text.replace("from skilltree import", "from courses.models import Course\nfrom skilltree import"))
    (copy / "src/courses/queries/page/stream.sql").unlink()
    checked = run("-c", SKILLTREE, "check", folder=copy)
    assert (checked.returncode, checked.stdout) == (0, "All query files pass.\n")


def test_a_folder_without_a_project_is_told_what_is_missing(run: Run, tmp_path: Path) -> None:
    ran = run("-c", "from skilltree.cli.gate import check_application; check_application()", folder=tmp_path)

    assert "NoProject: No pyproject.toml of this folder or one above it has [tool.skilltree]" in ran.stderr
