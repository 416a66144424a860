"""The command line: one module for each group of commands. Other packages add theirs as entry points of a group.

Exit codes: 0 all is well, 1 something is not and is named, 2 the command was misused, or `drift` found some, 130
interrupted, 141 whoever read the output has stopped.
"""

from importlib.metadata import entry_points

from skilltree.cli import curricula, gate, plans, schema, starter_data, upkeep
from skilltree.cli.application import app

__all__ = ["app", "curricula", "gate", "plans", "schema", "starter_data", "upkeep"]

for commands in entry_points(group="skilltree.commands"):
    commands.load()
