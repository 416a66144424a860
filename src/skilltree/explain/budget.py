"""The budgets of the query files: how many buffers each may touch on the large data set, and what no plan may do.

In the header of a file::

    -- @budget buffers 60
    -- @never Seq Scan on user_skill_progress, xp_events
"""

import re
from collections.abc import Iterable, Iterator, Mapping
from math import inf
from pathlib import Path
from typing import NamedTuple

from skilltree._core.queries import Directive, Query, read
from skilltree._core.sql_folders import folder
from skilltree.errors import NotFound, SkillTreeError
from skilltree.explain import plan
from skilltree.explain.explain import Explained
from skilltree.explain.samples import before

_BUDGET = re.compile(r"buffers (\d+)")
_NEVER = re.compile(r"(?P<kind>\w+(?: \w+)*) on (?P<tables>\w+(?:, \w+)*)")
_WRITES = re.compile(r"^-- @(?:setup|after)|^\s*(?:insert into|update|delete from)\b", re.MULTILINE)
_LEAST_HEADROOM = 8
_UPDATE = "or run `skilltree budgets --update` to accept it"


class Breach(NamedTuple):
    """A fault of a query's plan, and the line of its header that states the rule."""

    path: Path
    line: int
    message: str

    def __str__(self) -> str:
        return f"{self.path}:{self.line}: {self.message}"


class Checked(NamedTuple):
    """A measured query and its budget."""

    explained: Explained
    budget: int | None
    breaches: list[Breach]

    @property
    def buffers(self) -> int:
        """Return the buffers that count for the budget: those of the statement and of its triggers."""
        return self.explained.buffers + self.explained.trigger_buffers


def path_of(query: Query) -> Path:
    """Return the path of a query file."""
    return folder_of(query) / f"{query.name}.sql"


def folder_of(query: Query) -> Path:
    """Return the folder of query files that has the query."""
    return query.place or folder("queries")


def check(explained: Explained) -> Checked:
    """Compare a measured query with its budget. Raises SkillTreeError for a malformed directive."""
    query = explained.query
    budget = budget_of(query)
    checked = Checked(explained, None if budget is None else budget[0], [])
    checked.breaches.extend(_breaches(query, checked, budget))
    return checked


def _breaches(query: Query, checked: Checked, budget: tuple[int, Directive] | None) -> Iterator[Breach]:
    path = path_of(query)
    if budget is None:
        yield Breach(path, 1, "has no budget: run `skilltree budgets --update` to write one, and review it")
    elif checked.buffers > budget[0]:
        message = f"{checked.buffers:,} buffers, budget {budget[0]:,}. See `skilltree explain {query.name}`, {_UPDATE}"
        yield Breach(path, budget[1].line, message)
    for kind, tables, directive in _forbidden(query):
        for node in plan.nodes(checked.explained.plan):
            if node.kind == kind and node.table in tables:
                message = (
                    f"the plan has {kind} on {node.table}: is an index missing? See `skilltree explain {query.name}`"
                )
                yield Breach(path, directive.line, message)


def _says(query: Query, word: str) -> bool:
    return any(directive.word == word for directive in query.directives)


def budget_of(query: Query) -> tuple[int, Directive] | None:
    """Return the number of buffers that a query may touch, and the directive that sets it."""
    for directive in query.directives:
        if directive.word == "budget":
            match = _BUDGET.fullmatch(directive.text)
            if not match:
                raise _unreadable(query, directive, "buffers 60")
            return int(match[1]), directive
    return None


def in_order(queries: Iterable[Query]) -> list[Query]:
    """Return the queries in the order of their measurement: those that only read, then by budget.

    A write leaves dead rows behind even if it is rolled back, and later queries touch them, too. The largest budget
    counts, of the query and of those that run before it (``@after``). A query without a budget comes last.
    """

    def place(query: Query) -> tuple[bool, float]:
        budgets = [_budget(query, inf), *(_budget(each, 0) for each in _before(query))]
        return _WRITES.search(path_of(query).read_text()) is not None, max(budgets)

    return sorted(queries, key=place)


def _before(query: Query) -> list[Query]:
    try:
        return before(query)
    except NotFound:
        # The measurement names what is missing.
        return []


def _budget(query: Query, default: float) -> float:
    budget = budget_of(query)
    return default if budget is None else budget[0]


def _forbidden(query: Query) -> Iterator[tuple[str, list[str], Directive]]:
    for directive in query.directives:
        if directive.word == "never":
            match = _NEVER.fullmatch(directive.text)
            if not match:
                raise _unreadable(query, directive, "Seq Scan on user_skill_progress, xp_events")
            yield match["kind"], match["tables"].split(", "), directive


def _unreadable(query: Query, directive: Directive, example: str) -> SkillTreeError:
    where = f"{path_of(query)}:{directive.line}"
    return SkillTreeError(f"{where}: cannot read @{directive.word} {directive.text}; write @{directive.word} {example}")


def with_headroom(buffers: int) -> int:
    """Return the number plus a quarter plus the least headroom, rounded up to two digits."""
    wanted = buffers + buffers // 4 + _LEAST_HEADROOM
    unit: int = 10 ** max(len(str(wanted)) - 2, 0)
    return -(-wanted // unit) * unit


def update(checked: Checked, sizes: Mapping[str, int]) -> int | None:
    """Write a budget if there is none, or if it is too small or twice as large as needed. Returns the new budget.

    A budget is too small if it leaves less than eight buffers: if statistics have just changed, PostgreSQL reads its
    catalogues again, and that touches a few.

    A file without a budget also gets an ``@never`` for the large tables that it does not scan now. Nothing else
    changes.
    """
    due = with_headroom(checked.buffers)
    if checked.budget is not None and checked.buffers + _LEAST_HEADROOM <= checked.budget < 2 * due:
        return None
    query = checked.explained.query
    path = path_of(query)
    lines = path.read_text().splitlines(keepends=True)
    written = f"-- @budget buffers {due}\n"
    found = budget_of(query)
    if found:
        lines[found[1].line - 1] = written
    else:
        end = next((number for number, line in enumerate(lines) if not line.startswith("--")), len(lines))
        spared = [] if _says(query, "never") else _spared(checked.explained, sizes)
        never = [f"-- @never Seq Scan on {', '.join(spared)}\n"] if spared else []
        is_apart = bool(query.directives) or not end or lines[end - 1].rstrip() == "--"
        lines[end:end] = [*([] if is_apart else ["--\n"]), written, *never]
    path.write_text("".join(lines))
    read.cache_clear()
    return due


def _spared(explained: Explained, sizes: Mapping[str, int]) -> list[str]:
    read_whole = {node.table for node in plan.nodes(explained.plan) if node.kind == "Seq Scan"}
    reads = {node.table for node in plan.nodes(explained.plan) if node.kind != "ModifyTable"}
    return sorted(table for table in reads - read_whole if table and sizes.get(table, 0) >= plan.LARGE_TABLE)
