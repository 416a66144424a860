"""Checks every migration: its number, checksum, locks, rollback, and the promises in its header.

Without a project, the migrations are SkillTree's own; with one, they are those of the application.
"""

import json
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

from skilltree import migrate
from skilltree.errors import MigrationError
from skilltree.migrate.files import CHECKSUMS, InvalidMigration, Problem, read
from skilltree.migrate.scratch import scratch_database
from skilltree.migration_gate.compatibility import queries_before
from skilltree.migration_gate.walk import walk
from skilltree.project import Project

_FILE = re.compile(r"[0-9]{4}\.[a-z0-9-]+(\.rollback)?\.sql")
_SQUAWK = Path(__file__).with_name("squawk.toml")
_OWN_SQUAWK = ".squawk.toml"
_IGNORE = re.compile(r"\s*-- squawk-ignore(?:-file)?\b(?P<rules>.*)")


def check(
    server: str, folder: Path | None = None, *, project: Project | None = None, landing: bool = False
) -> list[Problem]:
    """Return all faults of the migrations. They are tried on a new database of this server.

    With a project, its migrations are tried, on top of SkillTree's. ``landing``: new files are added to the list of
    checksums if there is no fault. A rollback drops roles that no other database of the server needs, so use a
    temporary server.
    """
    place = (project.migrations if project else None) or folder
    problems = check_files(place, landing=landing)
    if not problems:
        problems = _try(server, folder, project)
    if landing and not problems:
        record(place)
    return problems


def _try(server: str, folder: Path | None, project: Project | None) -> list[Problem]:
    own = None if project is None else project.migrations
    place = own or folder
    problems = check_locks(place, config=_config(project))
    with scratch_database(server, migrated=False) as url:
        if project is None:
            return problems + walk(url, folder)
        return problems + walk(
            url,
            folder,
            application=own,
            examples=project.examples,
            old_queries=lambda file: queries_before(file, project.queries),
        )


def _config(project: Project | None) -> Path:
    own = None if project is None else project.root / _OWN_SQUAWK
    return own if own is not None and own.is_file() else _SQUAWK


def check_files(folder: Path | None = None, *, landing: bool = False) -> list[Problem]:
    """Return the faults of the files themselves: wrong numbers or names, and edits after they landed.

    ``landing``: that a file is not in the list of checksums is no fault.
    """
    folder = folder or migrate.folder()
    try:
        migrations = read(folder)
    except InvalidMigration as error:
        named = _FILE.search(str(error))
        file = named[0] if named else folder.name
        return [
            Problem(file, None, str(error), "give it a name like 0001.create-users.sql, and a .rollback.sql beside it")
        ]
    return [*_numbers(list(migrations)), *_checksums(folder, landing=landing)]


def record(folder: Path | None = None) -> None:
    """Add missing files to the list of checksums. Listed files keep their checksum."""
    folder = folder or migrate.folder()
    listed = _present(folder) | _listed(folder)
    lines = (f"{checksum}  {file}\n" for file, checksum in sorted(listed.items()))
    (folder / CHECKSUMS).write_text("".join(lines))


def check_locks(folder: Path | None = None, *, config: Path = _SQUAWK) -> list[Problem]:
    """Return squawk's findings: statements that block others on a table in use, unless the file gives a reason."""
    migrations = list(read(folder).values())
    problems = [problem for migration in migrations for problem in _unexplained(migration.apply.path)]
    for transactional in (True, False):
        files = [migration.apply.path for migration in migrations if migration.transactional == transactional]
        if files:
            problems += _squawk(files, config, transactional=transactional)
    return problems


def _numbers(names: list[str]) -> list[Problem]:
    problems = []
    expected = 1
    for name in sorted(names):
        number = int(name[:4])
        if number != expected:
            what = f"number {number:04} is already taken" if number < expected else f"number {expected:04} is missing"
            problems.append(Problem(f"{name}.sql", None, what, f"number it {expected:04}, and its rollback, too"))
        expected = max(expected, number + 1)
    return problems


def _checksums(folder: Path, *, landing: bool) -> list[Problem]:
    listed, present = _listed(folder), _present(folder)
    problems = []
    for file in sorted(listed.keys() | present.keys()):
        if file not in present:
            problems.append(Problem(file, None, "it was deleted after it landed", f"git restore {folder.name}/{file}"))
        elif file not in listed:
            if landing:
                continue
            problems.append(
                Problem(file, None, f"it is not in {CHECKSUMS}", "skilltree check-migrations --record adds it")
            )
        elif listed[file] != present[file]:
            problems.append(
                Problem(
                    file,
                    None,
                    "it was edited after it landed",
                    "restore it and write a new migration; if it has not landed yet,"
                    f" delete its line from {CHECKSUMS} and run skilltree check-migrations --record",
                )
            )
    return problems


def _listed(folder: Path) -> dict[str, str]:
    file = folder / CHECKSUMS
    lines = file.read_text().splitlines() if file.exists() else []
    return {name: checksum for checksum, name in (line.split(maxsplit=1) for line in lines)}


def _present(folder: Path) -> dict[str, str]:
    return {
        file.path.name: file.checksum
        for migration in read(folder).values()
        for file in (migration.apply, migration.rollback)
    }


def _unexplained(file: Path) -> list[Problem]:
    problems = []
    lines = file.read_text().splitlines()
    for number, line in enumerate(lines, start=1):
        if match := _IGNORE.match(line):
            above = lines[number - 2].strip() if number > 1 else ""
            if not match["rules"].strip():
                problems.append(Problem(file.name, number, "it ignores every rule", "name the rules to ignore"))
            if not above.startswith("-- ") or _IGNORE.match(above):
                problems.append(
                    Problem(file.name, number, "it ignores a rule without a reason", "add the reason above")
                )
    return problems


def _squawk(files: list[Path], config: Path, *, transactional: bool) -> list[Problem]:
    places = os.pathsep.join([str(Path(sys.executable).parent), os.environ.get("PATH", "")])
    program = shutil.which("squawk", path=places)
    if program is None:
        raise MigrationError("squawk is not installed: pip install 'skilltree[gate]'")
    mode = "--assume-in-transaction" if transactional else "--no-assume-in-transaction"
    command = [program, "--config", str(config), "--reporter", "json", mode, *map(str, files)]
    result = subprocess.run(command, capture_output=True, text=True, check=False)  # noqa: S603 (squawk)
    try:
        found = json.loads(result.stdout or "[]")
    except json.JSONDecodeError as error:
        raise MigrationError(f"squawk failed: {result.stderr.strip() or result.stdout.strip()}") from error
    if result.returncode and not found:
        raise MigrationError(f"squawk failed: {result.stderr.strip()}")
    return [
        Problem(
            Path(each["file"]).name,
            each["line"] + 1,
            f"{each['rule_name']}: {each['message']}",
            f"{each['help'] or 'find another way'}"
            f"; or give the reason in a comment, and below it: -- squawk-ignore {each['rule_name']}",
        )
        for each in found
    ]
