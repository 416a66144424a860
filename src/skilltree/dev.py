"""What developers run in a checkout. None of it works on an installed package."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

from skilltree import embedded
from skilltree.errors import SkillTreeError

_LEFTOVERS = (".hypothesis", ".mypy_cache", ".pytest_cache", ".ruff_cache", "build", "dist")


def checkout() -> Path:
    """Return the checkout that this package runs from. Raises SkillTreeError when it is installed."""
    root = Path(__file__).parents[2]
    if not (root / "pyproject.toml").exists():
        raise SkillTreeError("this command needs a checkout of the project")
    return root


def test(pg: str, arguments: list[str]) -> int:
    """Run the tests on a throw-away server of this version."""
    workers = ["-n", str(min(os.cpu_count() or 1, 4))] if not arguments else []
    return _run("pytest", "--pg", pg, *workers, *arguments)


def check() -> int:
    """Run every check, and return the first exit code that is not 0."""
    results = [
        _run("ruff", "check", "."),
        _run("ruff", "format", "--check", "."),
        _script("scripts/unasync.py", "--check"),
        _run("mypy"),
        _run("sqlfluff", "lint", "--processes", str(os.cpu_count() or 1), "migrations", "queries"),
    ]
    return next((code for code in results if code), 0)


def format() -> int:  # noqa: A001 (what the command is called)
    """Bring everything into the project's style, and write the sync code anew."""
    results = [
        _run("ruff", "check", "--fix", "--quiet", "."),
        _run("ruff", "format", "."),
        _script("scripts/unasync.py"),
        _run("sqlfluff", "fix", "--quiet", "migrations", "queries"),
    ]
    return next((code for code in results if code), 0)


def clean() -> None:
    """Stop the embedded server and remove its data and whatever else a build leaves behind."""
    root = checkout()
    embedded.stop()
    for folder in (embedded.home(), *(root / name for name in _LEFTOVERS)):
        shutil.rmtree(folder, ignore_errors=True)


def _run(module: str, *arguments: str) -> int:
    return _script("-m", module, *arguments)


def _script(*arguments: str) -> int:
    return subprocess.run([sys.executable, *arguments], cwd=checkout(), check=False).returncode  # noqa: S603 (our own tools)
