"""Runs developers' tasks in a checkout."""

import os
import shutil
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from skilltree import embedded, migration_gate
from skilltree.migrate.scratch import scratch_database
from tools import schema_file

ROOT = Path(__file__).parents[1]

_SKILLTREE = ("-c", "from skilltree.cli import app; app()")
_LEFTOVERS = (".hypothesis", ".mypy_cache", ".pytest_cache", ".ruff_cache", "build", "dist")


def test(pg: str, arguments: list[str]) -> int:
    """Run the tests on a temporary server of this version."""
    workers = ["-n", str(min(os.cpu_count() or 1, 4))] if not arguments else []
    return _run("pytest", "--pg", pg, *workers, *arguments)


def check() -> int:
    """Run all checks in parallel, and return the first exit code that is not 0."""
    with embedded.throw_away() as server, scratch_database(server) as url, ThreadPoolExecutor() as pool:
        # A migrated database for the checks that need one.
        environment = {**os.environ, "DATABASE_URL": url}
        running = [
            pool.submit(_captured, environment, *tool)
            for tool in (
                ("-m", "sqlfluff", "lint", "migrations", "queries"),
                ("-m", "mypy"),
                ("-m", "ruff", "check", "."),
                ("-m", "ruff", "format", "--check", "."),
                ("tools/unasync.py", "--check"),
                ("-m", "tools.json_twins", "--check"),
                ("-m", "tools.routed_twins", "--check"),
                ("-m", "tools.schema_file", "--check"),
                ("-m", "tools.site", "check"),
                (*_SKILLTREE, "check-migrations"),
                (*_SKILLTREE, "lint"),
                (*_SKILLTREE, "check-queries"),
                (*_SKILLTREE, "check", "--target", "citus"),
            )
        ]
        results = [future.result() for future in running]
    return next((code for code in results if code), 0)


def format() -> int:  # noqa: A001 (what the command is called)
    """Format everything, and generate again what is generated."""
    results = [
        _run("ruff", "check", "--fix", "--quiet", "."),
        _run("ruff", "format", "."),
        _script("tools/unasync.py"),
        _run("sqlfluff", "fix", "--quiet", "migrations", "queries"),
    ]
    migration_gate.record()
    schema_file.write()
    # Imported late, because pglast loads slowly.
    from skilltree.gate import write_description  # noqa: PLC0415

    write_description()
    # The types of the columns are in the description.
    results += [_script("-m", "tools.json_twins"), _script("-m", "tools.routed_twins"), _script("tools/unasync.py")]
    return next((code for code in results if code), 0)


def clean() -> None:
    """Stop the embedded server, and remove its data and all build artefacts."""
    data = ROOT / ".skilltree"
    embedded.stop(folder=data)
    for folder in (data, *(ROOT / name for name in _LEFTOVERS)):
        shutil.rmtree(folder, ignore_errors=True)


def _captured(environment: dict[str, str], *arguments: str) -> int:
    """Run a tool, and show its output when it has finished."""
    result = subprocess.run(
        [sys.executable, *arguments], cwd=ROOT, env=environment, capture_output=True, text=True, check=False
    )
    print(result.stdout + result.stderr, end="", flush=True)
    return result.returncode


def _run(module: str, *arguments: str) -> int:
    return _script("-m", module, *arguments)


def _script(*arguments: str) -> int:
    return subprocess.run([sys.executable, *arguments], cwd=ROOT, check=False).returncode
