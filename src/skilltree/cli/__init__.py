"""The command line: one module for each group of commands. Other packages add commands as entry points.

Exit codes: 0 success, 1 failure or a finding, 2 wrong usage or a difference that `drift` found, 3 and 4 of
``maintain``, 130 interrupted, 141 the reader of the output stopped.
"""

from importlib.metadata import entry_points

from skilltree.cli import (
    backups,
    budgets,
    curricula,
    distribution,
    gate,
    generation,
    operations,
    partitioning,
    plans,
    pooling,
    schema,
    starter_data,
    studio,
    upkeep,
    watch,
)
from skilltree.cli.application import app

__all__ = [
    "app",
    "backups",
    "budgets",
    "curricula",
    "distribution",
    "gate",
    "generation",
    "operations",
    "partitioning",
    "plans",
    "pooling",
    "schema",
    "starter_data",
    "studio",
    "upkeep",
    "watch",
]

for commands in entry_points(group="skilltree.commands"):
    commands.load()
