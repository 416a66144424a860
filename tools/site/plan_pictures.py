"""The picture of a query's plan: its nodes as a tree of boxes, which a browser wraps to the width of its window."""

import re
from collections.abc import Sequence
from html import escape
from pathlib import Path

from skilltree.explain.kept_plans import KeptNode, KeptPlan, kept

ROOT = Path(__file__).parents[2]
_PLACE = re.compile("<!-- plan of (?P<name>[\\w/]+) -->")
_MOST_OPEN = 15
_NAMES = re.compile(r"(?P<word> (?:using|on) )(?P<name>\w+)")
_KINDS = (
    ("write", re.compile(r"^(?:Insert|Update|Delete|Merge on|LockRows)")),
    ("scan", re.compile(r"Scan")),
    ("join", re.compile(r"^(?:Nested Loop|Hash|Merge)|Join")),
)
# Index Cond, of the node below, says the same.
_OMITTED = {"Recheck Cond"}


def with_plans(page: str) -> str:
    """Return a page with a picture of the plan wherever a comment asks for it.

    Pages get the pictures when they are written, because the search should not find words of plans.
    """
    plans = kept(ROOT / "queries")
    return _PLACE.sub(lambda place: _picture(place["name"], plans[place["name"]]), page)


def _picture(name: str, plan: KeptPlan) -> str:
    count = len(plan.nodes)
    total = f"{plan.buffers:,} buffers" + (f", {plan.of_triggers:,} of them by triggers" if plan.of_triggers else "")
    is_open = " open" if count <= _MOST_OPEN else ""
    return (
        f"<details{is_open}><summary>Plan of {name}: {_counted(count, 'node')}, {total}</summary>\n"
        f'<div class="plan">{_list(plan.nodes)}</div>\n</details>\n'
    )


def _list(nodes: Sequence[KeptNode]) -> str:
    """Return nodes of one depth, each followed by those below it, as a list."""
    if not nodes:
        return ""
    starts = [place for place, node in enumerate(nodes) if node.depth == nodes[0].depth]
    ends = [*starts[1:], len(nodes)]
    items = (_item(nodes[start], nodes[start + 1 : end]) for start, end in zip(starts, ends, strict=True))
    return f"<ul>{''.join(items)}</ul>"


def _item(node: KeptNode, below: Sequence[KeptNode]) -> str:
    part, colon, title = node.title.rpartition(": ")
    titled = _NAMES.sub(r"\g<word><code>\g<name></code>", escape(title))
    said = [
        f"<em>{escape(part)}{colon}</em>" if part else "",
        f"<b>{titled}</b> ",
        f"<span>{_numbers(node, below)}</span>",
        *(f"<small>{kind}: {escape(text)}</small>" for kind, text in node.conditions.items() if kind not in _OMITTED),
    ]
    return f'<li><div class="{_kind(title)}">{"".join(said)}</div>{_list(below)}</li>'


def _kind(title: str) -> str:
    """Return what the node does, for its colour."""
    return next((kind for kind, words in _KINDS if words.search(title)), "other")


def _numbers(node: KeptNode, below: Sequence[KeptNode]) -> str:
    expected = f"{_counted(node.expected, 'row')} expected"
    if node.loops == 0:
        return f"{expected}, never run"
    loops = f", {node.loops:,} times" if node.loops > 1 else ""
    own = node.buffers - sum(each.buffers for each in below if each.depth == node.depth + 1)
    inside = f" ({own:,} its own)" if below and 0 < own < node.buffers else ""
    return f"{expected}, {node.rows:,} came{loops}; {_counted(node.buffers, 'buffer')}{inside}"


def _counted(number: int, what: str) -> str:
    return f"{number:,} {what}" if number == 1 else f"{number:,} {what}s"
