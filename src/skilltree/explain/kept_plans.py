"""The plans of the query files on the large data set, kept in ``plans.json`` beside them, for readers and reviewers.

``skilltree budgets --update`` writes the file. A line of it is a node, so that a change of a plan shows in a diff.
"""

import json
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import NamedTuple

from skilltree.explain import plan
from skilltree.explain.budget import Checked

FILE = "plans.json"
_NOISE = 0.1
_FEW = 5


class KeptNode(NamedTuple):
    """A node of a kept plan. ``rows`` and ``buffers`` are those of the run; ``expected`` is the planner's estimate.

    ``rows`` and ``expected`` are per loop. A node that never ran has no loop.
    """

    depth: int
    title: str
    expected: int
    rows: float
    loops: int
    buffers: int
    conditions: Mapping[str, str]


class KeptPlan(NamedTuple):
    """The plan of a query file whose statement has this digest, and the buffers of it and its triggers."""

    digest: str
    buffers: int
    of_triggers: int
    nodes: Sequence[KeptNode]

    @property
    def shape(self) -> list[tuple[int, str]]:
        """Return the nodes without their numbers."""
        return [(node.depth, node.title) for node in self.nodes]


def kept(place: Path) -> dict[str, KeptPlan]:
    """Return the plans that are kept in a folder of query files, by the names of the files."""
    path = place / FILE
    if not path.exists():
        return {}
    return {
        name: KeptPlan(digest, buffers, of_triggers, [KeptNode(*node) for node in nodes])
        for name, (digest, buffers, of_triggers, *nodes) in json.loads(path.read_text(encoding="utf-8")).items()
    }


def keep(place: Path, checks: Iterable[Checked], names: Iterable[str]) -> None:
    """Write the plans of these measurements, and keep those of other query files that exist.

    A plan whose shape and statement are kept already, with nearly the same buffers, stays as it is.
    """
    earlier = kept(place)
    plans = {name: earlier[name] for name in names if name in earlier}
    for each in checks:
        name, now = each.explained.name, _plan(each)
        if name not in plans or _differs(plans[name], now):
            plans[name] = now
    written = ",\n".join(_lines(name, plans[name]) for name in sorted(plans))
    (place / FILE).write_text(f"{{\n{written}\n}}\n", encoding="utf-8")


def _plan(checked: Checked) -> KeptPlan:
    explained = checked.explained
    nodes = [
        KeptNode(
            node.depth,
            f"{node.part}: {node.title}" if node.part else node.title,
            int(node.json["Plan Rows"]),
            int(node.rows) if node.rows.is_integer() else round(node.rows, 1),
            node.loops,
            node.buffers,
            node.conditions,
        )
        for node in plan.nodes(explained.plan)
    ]
    return KeptPlan(explained.query.digest, checked.buffers, explained.trigger_buffers, nodes)


def _differs(before: KeptPlan, now: KeptPlan) -> bool:
    return (
        before.digest != now.digest
        or before.shape != now.shape
        or abs(now.buffers - before.buffers) > max(_FEW, _NOISE * before.buffers)
    )


def _lines(name: str, each: KeptPlan) -> str:
    nodes = ",\n".join(f"    {json.dumps(node, ensure_ascii=False)}" for node in each.nodes)
    return f'"{name}": ["{each.digest}", {each.buffers}, {each.of_triggers},\n{nodes}]'
