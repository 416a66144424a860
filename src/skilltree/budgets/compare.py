"""The differences between the measurements of two checkouts: plans and buffers."""

import difflib
import json
from collections.abc import Iterable, Iterator, Mapping
from typing import Any, NamedTuple

from skilltree.errors import SkillTreeError
from skilltree.explain import plan
from skilltree.explain.budget import Checked

_NOISE = 0.1
_FEW = 5


class Changed(NamedTuple):
    """A query that differs: its buffers before and after, and the lines that differ in the shape of its plan."""

    name: str
    before: int | None
    after: int | None
    shape: list[str]

    @property
    def what(self) -> str:
        """Return the difference in words."""
        if self.before is None:
            return "new"
        if self.after is None:
            return "gone"
        share = f"{(self.after - self.before) / max(self.before, 1):+.0%}"
        return f"{self.before:,} to {self.after:,} buffers ({share})" + (", another plan" if self.shape else "")


def measurement(checks: Iterable[Checked], *, size: float, version: int) -> dict[str, Any]:
    """Return the document that `skilltree budgets --json` prints, and that ``changes`` compares."""
    return {
        "size": size,
        "postgresql": version // 10_000,
        "queries": {
            each.explained.name: {
                "buffers": each.buffers,
                "of_triggers": each.explained.trigger_buffers,
                "budget": each.budget,
                "role": each.explained.role,
                "plan": plan.shape(each.explained.plan),
                "breaches": [str(breach) for breach in each.breaches],
            }
            for each in checks
        },
    }


def changes(before: Mapping[str, Any], after: Mapping[str, Any]) -> Iterator[Changed]:
    """Yield the queries whose plan has another shape or whose buffers differ by a tenth or more, the worst first.

    Raises SkillTreeError for measurements that cannot be compared.
    """
    for what in ("size", "postgresql"):
        if before[what] != after[what]:
            raise SkillTreeError(f"measured with another {what}: {before[what]} before, {after[what]} now")
    found = [
        _changed(name, before["queries"].get(name), after["queries"].get(name))
        for name in sorted({*before["queries"], *after["queries"]})
    ]
    differs = (each for each in found if each.shape or _differ(each.before, each.after))
    yield from sorted(differs, key=lambda each: (each.before or 0) - (each.after or 0))


def read_measurement(text: str) -> Mapping[str, Any]:
    """Return a measurement from its JSON text. Raises SkillTreeError for any other text."""
    try:
        found = json.loads(text)
        _ = found["size"], found["postgresql"], found["queries"]
    except (ValueError, KeyError, TypeError) as error:
        raise SkillTreeError("not the output of `skilltree budgets --json`") from error
    return dict(found)


def _changed(name: str, before: Mapping[str, Any] | None, after: Mapping[str, Any] | None) -> Changed:
    old, new = (before["plan"] if before else []), (after["plan"] if after else [])
    lines = difflib.unified_diff(old, new, lineterm="", n=1) if before and after else ()
    shape = [line for line in lines if not line.startswith(("---", "+++"))]
    return Changed(name, before["buffers"] if before else None, after["buffers"] if after else None, shape)


def _differ(before: int | None, after: int | None) -> bool:
    if before is None or after is None:
        return True
    return abs(after - before) > max(_FEW, _NOISE * before)
