"""The library works with every implementation of psycopg, including pure Python with the system's libpq."""

import os
import subprocess
import sys
from ctypes.util import find_library
from importlib.metadata import requires

import pytest

WORK = """
import asyncio, sys
from psycopg import pq
from skilltree import AsyncDatabase, Database

assert pq.__impl__ == "python", pq.__impl__
url = sys.argv[1]
with Database(url) as db:
    learner = db.users.register(email="ada@example.org", username="ada", password="a long password", bcrypt_cost=4)
    category = db.categories.create(name="Art", slug="art")
    for _ in range(8):
        assert [found.slug for found in db.categories.list()] == ["art"]
    with db.as_user(learner.id) as unit:
        assert unit.users.get(learner.id).id == learner.id
    db.as_user(learner.id).users.update_profile(learner.id, bio="Mine")

async def main():
    async with AsyncDatabase(url) as db:
        assert (await db.as_user(learner.id).users.get_profile(learner.id)).bio == "Mine"
        async with db.transaction() as unit:
            await asyncio.gather(*(unit.categories.list() for _ in range(5)))

asyncio.run(main())
print("done")
"""


@pytest.mark.skipif(find_library("pq") is None, reason="the system has no libpq: install libpq5")
def test_the_library_works_with_psycopg_in_pure_python(migrated_url: str) -> None:
    done = subprocess.run(
        [sys.executable, "-W", "error", "-c", WORK, migrated_url],
        env={**os.environ, "PSYCOPG_IMPL": "python"},
        capture_output=True,
        text=True,
        check=False,
    )

    assert (done.returncode, done.stdout, done.stderr) == (0, "done\n", "")


def test_the_package_does_not_choose_the_psycopg_implementation() -> None:
    required = [line for line in requires("skilltree") or [] if "psycopg" in line and "extra ==" not in line]

    assert required
    assert not any("binary" in line or "[c" in line for line in required)
