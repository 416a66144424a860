"""The command line: one module for each group of commands.

Exit codes: 0 all is well, 1 something is not and is named, 2 the command was misused, or `drift` found some, 130
interrupted, 141 whoever read the output has stopped.
"""

from skilltree.cli import checkout, curricula, data, first_day, plans, schema
from skilltree.cli._app import app

__all__ = ["app", "checkout", "curricula", "data", "first_day", "plans", "schema"]
