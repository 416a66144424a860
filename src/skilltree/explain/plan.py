"""Reads plans: their nodes, their shape, the buffers they touch, and what is remarkable in them."""

import re
from collections.abc import Iterator, Mapping
from typing import Any, NamedTuple

Json = Mapping[str, Any]

LARGE_TABLE = 10_000
CONDITIONS = (
    "Index Cond",
    "Recheck Cond",
    "Hash Cond",
    "Merge Cond",
    "Join Filter",
    "Filter",
    "Sort Key",
    "Group Key",
)
"""What says which rows a node returns, in the order in which to show it."""
_PARTITION = re.compile(r"_p\d{2,}$")
"""The end of a partition's name, as `skilltree partition` gives it."""
_OFF_BY = 10
_FEW_ROWS = 100
_MANY_LOOPS = 1_000


class Node(NamedTuple):
    """A node of a plan, its depth, and whether its parent may stop it early, as a Limit does."""

    depth: int
    json: Json
    may_stop: bool

    @property
    def kind(self) -> str:
        """Return what the node does, such as ``Seq Scan``."""
        return str(self.json["Node Type"])

    @property
    def table(self) -> str | None:
        """Return the table that the node reads or writes. A learner's partition counts as its table."""
        name = self.json.get("Relation Name")
        return None if name is None else _PARTITION.sub("", str(name))

    @property
    def title(self) -> str:
        """Return the node in EXPLAIN's words, without the aliases of the query."""
        words = [self.kind]
        if self.json.get("Operation"):
            words = [str(self.json["Operation"])]
        if self.json.get("Parallel Aware"):
            words.insert(0, "Parallel")
        if self.json.get("Join Type") not in {None, "Inner"}:
            words.append(str(self.json["Join Type"]))
        if self.json.get("Index Name"):
            words.append(f"using {self.json['Index Name']}")
        named = self.table or self.json.get("CTE Name") or self.json.get("Function Name")
        if named:
            words.append(f"on {named}")
        return " ".join(words)

    @property
    def part(self) -> str | None:
        """Return the part of the statement that the node begins, such as ``CTE open``, or ``None``."""
        name = self.json.get("Subplan Name") or self.json.get("Parent Relationship")
        return None if name in {None, "Outer", "Inner", "Member", "Subquery"} else str(name)

    @property
    def conditions(self) -> dict[str, str]:
        """Return what says which rows the node returns, by EXPLAIN's names."""
        found = {name: self.json[name] for name in CONDITIONS if name in self.json}
        return {name: ", ".join(each) if isinstance(each, list) else str(each) for name, each in found.items()}

    @property
    def loops(self) -> int:
        """Return how often the node ran."""
        return int(self.json.get("Actual Loops", 0))

    @property
    def rows(self) -> float:
        """Return how many rows it returned per run, on average."""
        return float(self.json.get("Actual Rows", 0))

    @property
    def buffers(self) -> int:
        """Return the shared buffers that the node and those below it touched."""
        return buffers(self.json)


def buffers(json: Json) -> int:
    """Return the shared buffers touched, cached or not."""
    return int(json.get("Shared Hit Blocks", 0)) + int(json.get("Shared Read Blocks", 0))


def nodes(plan: Json, depth: int = 0, *, may_stop: bool = False) -> Iterator[Node]:
    """Yield the nodes of a plan, from the top down."""
    yield Node(depth, plan, may_stop)
    # A semi-join stops at the first match, and so does a Limit.
    stops = may_stop or plan["Node Type"] == "Limit" or plan.get("Join Type") in {"Semi", "Anti"}
    for child in plan.get("Plans", ()):
        yield from nodes(child, depth + 1, may_stop=stops)


def shape(plan: Json) -> list[str]:
    """Return a plan as one line for each node. Plans of the same shape differ only in numbers."""
    return [f"{'  ' * node.depth}{node.title}" for node in nodes(plan)]


def writes(plan: Json) -> bool:
    """Return whether the plan changes rows."""
    return any(node.kind == "ModifyTable" for node in nodes(plan))


def findings(node: Node, sizes: Mapping[str, int]) -> list[str]:
    """Return what is remarkable at a node. ``sizes`` has the number of rows of each table."""
    if node.loops == 0:
        return []
    json = node.json
    found = []
    planned, rows = float(json["Plan Rows"]), node.rows
    too_many = planned > rows and not node.may_stop
    if max(planned, rows) >= _FEW_ROWS and (planned < rows or too_many):
        factor = (max(planned, rows) + 1) / (min(planned, rows) + 1)
        if factor >= _OFF_BY:
            found.append(f"{planned:,.0f} rows were expected, {rows:,.0f} came: off by {factor:,.0f} times")
    size = sizes.get(node.table or "", 0)
    if node.kind == "Seq Scan" and size >= LARGE_TABLE:
        found.append(f"reads all {size:,} rows of {node.table}")
    for what in ("Rows Removed by Filter", "Rows Removed by Join Filter"):
        removed = int(json.get(what, 0))
        if removed >= _FEW_ROWS and removed > _OFF_BY * rows:
            found.append(f"a filter removed {removed:,} rows for each {rows:,.0f} kept")
    if json.get("Sort Space Type") == "Disk":
        found.append(f"sorted on disk: {json['Sort Space Used']:,} kB")
    if int(json.get("Hash Batches", 1)) > 1:
        found.append(f"hashed in {json['Hash Batches']} batches on disk: work_mem is too small for them")
    if own_temporary(json):
        found.append(f"wrote {own_temporary(json):,} blocks to temporary files")
    if node.kind != "Memoize" and node.loops >= _MANY_LOOPS and node.buffers:
        found.append(f"ran {node.loops:,} times")
    return found


def own_temporary(json: Json) -> int:
    """Return the blocks of temporary files that this node itself wrote, without the nodes below it."""
    below = sum(int(child.get("Temp Written Blocks", 0)) for child in json.get("Plans", ()))
    return max(int(json.get("Temp Written Blocks", 0)) - below, 0)
