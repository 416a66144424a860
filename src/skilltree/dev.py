"""What developers run in a checkout. None of it works on an installed package."""

import importlib
import os
import shutil
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from types import ModuleType
from typing import TYPE_CHECKING, Literal

from skilltree import embedded, migration_gate
from skilltree.errors import SkillTreeError
from skilltree.scratch import scratch_database

if TYPE_CHECKING:
    from skilltree.gate.report import Finding

_SKILLTREE = ("-c", "from skilltree.cli import app; app()")
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
    """Run every check, all at once, and return the first exit code that is not 0."""
    with embedded.throw_away() as server, scratch_database(server) as url, ThreadPoolExecutor() as pool:
        # What needs a migrated database finds one there.
        environment = {**os.environ, "DATABASE_URL": url}
        running = [
            pool.submit(_captured, environment, *tool)
            for tool in (
                ("-m", "sqlfluff", "lint", "migrations", "queries"),
                ("-m", "mypy"),
                ("-m", "ruff", "check", "."),
                ("-m", "ruff", "format", "--check", "."),
                ("scripts/unasync.py", "--check"),
                (*_SKILLTREE, "check-migrations"),
                (*_SKILLTREE, "lint"),
                (*_SKILLTREE, "check-queries"),
            )
        ]
        results = [future.result() for future in running]
    return next((code for code in results if code), 0)


def check_queries(*, offline: bool = False, form: Literal["text", "json", "github"] = "text") -> int:
    """Hold the query files against the schema, their methods and their models; print what is wrong, and return 1 then.

    ``offline`` takes the description that is committed for the server.
    """
    report = importlib.import_module("skilltree.gate.report")
    findings = _findings(offline=offline)
    if findings or form == "json":
        print({"text": report.as_text, "json": report.as_json, "github": report.as_github}[form](findings))  # noqa: T201 (what was asked for)
    elif form == "text":
        print("All query files fit.")  # noqa: T201 (as the other checks do)
    return 1 if findings else 0


def format() -> int:  # noqa: A001 (what the command is called)
    """Bring everything into the project's style, and write the sync code anew."""
    results = [
        _run("ruff", "check", "--fix", "--quiet", "."),
        _run("ruff", "format", "."),
        _script("scripts/unasync.py"),
        _run("sqlfluff", "fix", "--quiet", "migrations", "queries"),
    ]
    migration_gate.record()
    _gate().write_description()
    return next((code for code in results if code), 0)


def clean() -> None:
    """Stop the embedded server and remove its data and whatever else a build leaves behind."""
    root = checkout()
    data = root / ".skilltree"
    embedded.stop(folder=data)
    for folder in (data, *(root / name for name in _LEFTOVERS)):
        shutil.rmtree(folder, ignore_errors=True)


def _captured(environment: dict[str, str], *arguments: str) -> int:
    """Run a tool, and show what it says once it is done."""
    result = subprocess.run(  # noqa: S603 (our own tools)
        [sys.executable, *arguments], cwd=checkout(), env=environment, capture_output=True, text=True, check=False
    )
    print(result.stdout + result.stderr, end="", flush=True)  # noqa: T201 (what it says)
    return result.returncode


def _findings(*, offline: bool) -> "list[Finding]":
    found: list[Finding] = _gate().check_queries(offline=offline)
    return found


def _gate() -> ModuleType:
    """Import the query gate, which the installed package does not have."""
    checkout()
    return importlib.import_module("skilltree.gate")


def _run(module: str, *arguments: str) -> int:
    return _script("-m", module, *arguments)


def _script(*arguments: str) -> int:
    return subprocess.run([sys.executable, *arguments], cwd=checkout(), check=False).returncode  # noqa: S603 (our own tools)
