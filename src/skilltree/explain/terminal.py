"""Shows a plan in a terminal."""

from collections.abc import Iterator, Mapping

from rich.console import Group, RenderableType
from rich.text import Text
from rich.tree import Tree

from skilltree.explain.explain import Explained
from skilltree.explain.plan import Json, Node, findings, nodes


def shown(explained: Explained, sizes: Mapping[str, int]) -> RenderableType:
    """Return the plan as a tree: the totals first, then each node with its remarks."""
    return Group(Text(headline(explained), style="bold"), _tree(explained.plan, sizes), *_triggers(explained.json))


def headline(explained: Explained) -> str:
    """Return the total costs of a query."""
    parts = [
        f"{explained.name} as {explained.role}: {explained.buffers:,} buffers",
        *([f"{explained.trigger_buffers:,} more by triggers"] if explained.trigger_buffers else []),
        f"{explained.seconds * 1000:,.1f} ms",
    ]
    return ", ".join(parts)


def _tree(top: Json, sizes: Mapping[str, int]) -> Tree:
    root: Tree | None = None
    path: list[Tree] = []
    for node in nodes(top):
        label = _label(node, sizes)
        if root is None:
            root = branch = Tree(label, guide_style="dim")
        else:
            branch = path[node.depth - 1].add(label)
        path[node.depth :] = [branch]
    assert root is not None  # noqa: S101 (a plan has a node)
    return root


def _label(node: Node, sizes: Mapping[str, int]) -> Text:
    label = Text()
    if node.part:
        label.append(f"{node.part}: ", style="dim")
    label.append(node.title, style="bold" if findings(node, sizes) else "")
    label.append(f"  {_numbers(node)}", style="cyan")
    for name, text in node.conditions.items():
        label.append(f"\n{name}: {text}", style="dim")
    for each in findings(node, sizes):
        label.append(f"\n▲ {each}", style="yellow")
    return label


def _numbers(node: Node) -> str:
    if node.loops == 0:
        return "never run"
    rows = f"rows={node.rows:,.0f} of {node.json['Plan Rows']:,} expected"
    loops = f", {node.loops:,} times" if node.loops > 1 else ""
    milliseconds = float(node.json.get("Actual Total Time", 0)) * node.loops
    return f"{rows}{loops}, {node.buffers:,} buffers, {milliseconds:,.2f} ms"


def _triggers(json: Json) -> Iterator[Text]:
    for trigger in json.get("Triggers", ()):
        name = trigger.get("Constraint Name") or trigger["Trigger Name"]
        calls, milliseconds = int(trigger["Calls"]), float(trigger.get("Time", 0))
        yield Text(f"trigger {name} on {trigger['Relation']}: {calls:,} calls, {milliseconds:,.2f} ms", style="dim")
