"""Writes ``queries/json`` and ``_async/json_reads.py``. ``--check`` only reports whether they are up to date."""

import sys

from skilltree._core.sql_folders import folder
from tools.generated import written
from tools.json_twins import methods, queries

if __name__ == "__main__":
    sys.exit(written({**queries.files(), methods.TARGET: methods.text()}, folder("queries") / "json"))
