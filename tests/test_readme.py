"""The examples of the README and of the guide run as they are written."""

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

from skilltree import Database, seed

ROOT = Path(__file__).parents[1]
EXAMPLES = [
    example
    for page in ("README.md", "docs/guide.md")
    for example in re.findall(r"```python\n(.*?)```", (ROOT / page).read_text(), re.DOTALL)
]


def run(example: str, url: str) -> str:
    environment = os.environ | {"DATABASE_URL": url, "PYTHONUTF8": "1"}
    done = subprocess.run(
        [sys.executable, "-c", example], env=environment, capture_output=True, text=True, check=False, timeout=60
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


@pytest.fixture
def seeded_url(migrated_url: str) -> str:
    with Database(migrated_url) as db:
        list(seed.seed(db))
    return migrated_url


def test_the_readme_has_one_async_example_and_the_guide_sync_ones() -> None:
    assert ["AsyncDatabase" in example for example in EXAMPLES] == [True, *[False] * (len(EXAMPLES) - 1)]


def test_the_async_example_runs_as_written(seeded_url: str) -> None:
    printed = run(EXAMPLES[0], seeded_url)

    assert "dependency cycle: " in printed
    assert "[('Dough', 'AVAILABLE'), ('Loaf', 'LOCKED')]" in printed


def test_the_sync_example_runs_as_written(seeded_url: str) -> None:
    printed = run(EXAMPLES[1], seeded_url)

    assert "Practical PostgreSQL" in printed
    assert "0 Tables, rows and psql" in printed


def test_the_learners_example_prints_its_comments(seeded_url: str) -> None:
    printed = run(EXAMPLES[2], seeded_url).splitlines()

    assert printed[:5] == ["('HTML Fundamentals',)", "75 1 1", "['CSS Styling']", "True", "False"]
    assert printed[5].startswith("CSS Styling (")
    assert printed[6:] == ["50.0", "1", "First Steps 100.0"]


def test_the_example_of_roles_runs_as_the_application(seeded_url: str) -> None:
    printed = run(EXAMPLES[3], f"{seeded_url} user=skilltree_app").splitlines()

    assert printed[:3] == ["0", "Learning in public", "nobody else is there"]
    assert printed[3].startswith("leaderboards/top works across learners; use db.as_user")


def test_the_example_of_logging_in_runs_as_the_application(seeded_url: str) -> None:
    printed = run(EXAMPLES[4], f"{seeded_url} user=skilltree_app").splitlines()

    assert printed == [
        "The e-mail address or the password is wrong, or the account is inactive.",
        "1",
    ]
