"""What pyright, which editors run, knows about the examples: no error, and the types of own repositories."""

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

PROJECT = Path(__file__).parents[1]
PYRIGHT = "pyright@1.1.414"
SOURCES = ("src", "examples/courses/src", "examples/django_app")
# Django's views have no types of their own.
STRICT = ("courses", "fastapi_app", "flask_app")
PROBE = """
from courses import AsyncShop, Shop
from skilltree import Datbase
from skilltree.models import UserId


async def use(shop: AsyncShop, user_id: UserId) -> None:
    reveal_type(shop.courses)
    reveal_type(shop.trees)
    async with shop.as_user(user_id) as learner:
        reveal_type(learner.enrolments)
    async with shop.transaction() as unit:
        reveal_type(await unit.courses.list())
    await shop.courses.lst()


def use_sync(shop: Shop) -> None:
    reveal_type(shop.courses)
"""


def test_the_examples_have_no_error_and_an_editor_knows_own_repositories(tmp_path):
    if shutil.which("npm") is None:
        pytest.skip("npm, which fetches pyright, is not installed: apt-get install npm")
    probe = tmp_path / "probe.py"
    probe.write_text(PROBE)
    examples = os.path.relpath(PROJECT / "examples", tmp_path)
    settings = {
        "include": [examples, probe.name],
        "strict": [f"{examples}/{name}" for name in STRICT],
        "extraPaths": [str(PROJECT / folder) for folder in SOURCES],
        "typeCheckingMode": "standard",
        "pythonVersion": "3.11",
    }
    (tmp_path / "pyrightconfig.json").write_text(json.dumps(settings))

    command = ["npx", "--yes", PYRIGHT, "--project", str(tmp_path), "--pythonpath", sys.executable, "--outputjson"]
    ran = subprocess.run(command, capture_output=True, text=True, check=False, timeout=300)

    said = json.loads(ran.stdout)
    python_files = [*(PROJECT / "examples").rglob("*.py")]
    assert said["summary"]["filesAnalyzed"] == len(python_files) + 1
    lines = PROBE.splitlines()
    told = {}
    for each in said["generalDiagnostics"]:
        assert Path(each["file"]) == probe, each
        told[lines[each["range"]["start"]["line"]].strip()] = each["message"].partition("\n")[0]
    assert told == {
        "from skilltree import Datbase": '"Datbase" is unknown import symbol',
        "reveal_type(shop.courses)": 'Type of "shop.courses" is "Courses"',
        "reveal_type(shop.trees)": 'Type of "shop.trees" is "AsyncTrees"',
        "reveal_type(learner.enrolments)": 'Type of "learner.enrolments" is "AsyncEnrolments"',
        "reveal_type(await unit.courses.list())": 'Type of "await unit.courses.list()" is "list[OfferedCourse]"',
        "await shop.courses.lst()": 'Cannot access attribute "lst" for class "AsyncCourses"',
    }
