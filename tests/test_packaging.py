"""A wheel installed elsewhere has all it needs."""

import os
import subprocess
import sys
import venv
from pathlib import Path

ROOT = Path(__file__).parents[1]

JOB = """
from skilltree import Database
import os, skilltree
with Database(os.environ["DATABASE_URL"]) as db:
    tree = db.trees.load("practical-postgresql")
print(skilltree.__file__, len(tree.skills))
"""


def test_a_wheel_in_an_empty_environment_migrates_seeds_and_loads_a_tree(tmp_path: Path, empty_url: str) -> None:
    build = [sys.executable, "-m", "build", "--wheel", "--no-isolation", "--outdir", str(tmp_path), str(ROOT)]
    subprocess.run(build, check=True, capture_output=True)
    (wheel,) = tmp_path.glob("*.whl")
    venv.create(tmp_path / "venv", with_pip=True)
    programs = tmp_path / "venv" / "bin"
    install = [programs / "pip", "install", "--quiet", "--constraint", ROOT / "constraints.txt", wheel]
    subprocess.run(install, check=True, capture_output=True)
    environment = {"PATH": os.environ["PATH"], "DATABASE_URL": empty_url}

    for command in (["skilltree", "migrate"], ["skilltree", "seed", "--demo-data"], ["python", "-c", JOB]):
        program = [programs / command[0], *command[1:]]
        done = subprocess.run(program, cwd=tmp_path, env=environment, check=True, capture_output=True, text=True)

    where, skills = done.stdout.split()
    assert where.startswith(str(tmp_path / "venv"))
    assert int(skills) == 40
