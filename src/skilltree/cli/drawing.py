"""Draws a loaded tree for the terminal."""

from rich.columns import Columns
from rich.panel import Panel
from rich.table import Table
from rich.text import Text

from skilltree._core.terminal_text import harmless
from skilltree.drawing import Drawn, DrawnTree, S, levels, title_of
from skilltree.models.enums import SkillProgressStatus as Status

_STYLES = {
    Status.COMPLETED: ("✔", "bold green"),
    Status.SKIPPED: ("»", "green"),
    Status.IN_PROGRESS: ("▶", "bold yellow"),
    Status.AVAILABLE: ("●", "bold cyan"),
    Status.LOCKED: ("○", "bright_black"),
}


def drawing(tree: DrawnTree[S], *, with_status: bool = True) -> Panel:
    """Return a tree as a picture for the terminal: a line for each level, the first level on top, status in colour."""
    table = Table.grid(padding=(0, 2))
    table.add_column(justify="right", style="dim", no_wrap=True)
    table.add_column()
    for level, skills in enumerate(levels(tree)):
        table.add_row(str(level), Columns([_label(skill, with_status) for skill in skills], padding=(0, 3)))
    table.add_row()
    legend = [
        Text(f"{sign} {status.lower().replace('_', ' ')}", style=style)
        for status, (sign, style) in _STYLES.items()
        if with_status
    ]
    signs = [*legend, Text("★ milestone"), Text("(optional)", style="italic")]
    table.add_row("", Columns(signs, padding=(0, 3)))
    title = Text(f"{harmless(tree.name)}, {len(tree.skills)} skills")
    return Panel(table, title=title, title_align="left", padding=(1, 2))


def _label(skill: Drawn, with_status: bool) -> Text:
    sign, style = _STYLES[skill.status] if with_status else ("•", "")
    style = f"{style} italic" if skill.is_optional else style
    return Text(f"{sign} {title_of(skill)}", style=style, no_wrap=True, overflow="ellipsis")
