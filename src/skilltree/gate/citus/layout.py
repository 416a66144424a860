"""Where each table is on a distributed server, according to ``skilltree distribute`` and the migrations."""

from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from typing import Literal

from skilltree.distribute.layout import LOCAL, OF_LEARNERS, ON_COORDINATOR, SHARED

Place = Literal["learner", "copies", "local"]
LEARNER_COLUMN = "user_id"
_ON_ONE_SERVER = (*LOCAL, *ON_COORDINATOR)
LEARNER_COLUMNS = frozenset({LEARNER_COLUMN, *OF_LEARNERS.values()})


@dataclass(frozen=True)
class Layout:
    """The places of tables and views."""

    columns: Mapping[str, Collection[str]] = field(default_factory=dict)
    """The tables and views that migrations create, and their columns."""
    views: Mapping[str, frozenset[str]] = field(default_factory=dict)
    """The tables that each view reads."""

    def learner_column(self, name: str) -> str | None:
        """Return the column of a learner's table or view that says on which server a row is."""
        if name in OF_LEARNERS:
            return OF_LEARNERS[name]
        if name in SHARED or name in _ON_ONE_SERVER or name not in self.columns:
            return None
        if name in self.views:
            found = {column for table in self.views[name] if (column := self.learner_column(table))}
            return next((column for column in sorted(found, reverse=True) if column in self.columns[name]), None)
        return LEARNER_COLUMN if LEARNER_COLUMN in self.columns[name] else None

    def place(self, name: str) -> Place:
        """Return where a table is: with its learner, copied to each server, or unknown to Citus.

        A table that Citus has on the coordinator counts as copied, because the same statements are refused.
        """
        if self.learner_column(name):
            return "learner"
        return "copies" if name in self.columns and name not in LOCAL else "local"

    def is_ours(self, name: str) -> bool:
        """Return whether the layout of ``skilltree distribute`` has the table."""
        return name in SHARED or name in OF_LEARNERS or name in _ON_ONE_SERVER
