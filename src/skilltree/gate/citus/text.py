"""A text with SQL, and the lines of its parts."""

from dataclasses import dataclass

from skilltree.gate.citus.rules import finding
from skilltree.gate.facts import Node
from skilltree.gate.report import Finding


@dataclass(frozen=True)
class Text:
    """A piece of a file: its path, its text, and the line with which it begins."""

    path: str
    sql: str
    first_line: int = 1

    def line_at(self, offset: int | None) -> int:
        """Return the line of the file for an offset in characters."""
        return self.first_line + self.sql.count("\n", 0, max(offset or 0, 0))

    def found(self, rule: str, node: Node, what: str) -> Finding:
        """Return a finding at a node."""
        return finding(rule, self.path, self.line_at(getattr(node, "location", 0)), what)
