"""Writes ``queries/routed``. ``--check`` only reports whether it is up to date."""

import sys

from skilltree._core.sql_folders import folder
from tools.generated import written
from tools.routed_twins import queries

if __name__ == "__main__":
    sys.exit(written(queries.files(), folder("queries") / "routed"))
