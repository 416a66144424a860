"""The main job in the terminal: a learner finds a tree and sees it drawn."""

from graphlib import TopologicalSorter

from rich.columns import Columns
from rich.console import Console
from rich.panel import Panel
from rich.table import Table
from rich.text import Text

from skilltree._sync.database import Database
from skilltree.errors import NotFound
from skilltree.models.enums import SkillProgressStatus
from skilltree.models.ids import SkillId
from skilltree.models.progress import CalculatedProgress
from skilltree.models.trees import LoadedSkill, LoadedTree
from skilltree.models.users import User

_EMAIL = "ada@skilltree.dev"
_SEARCH = "postgresql production"
_BAR_WIDTH = 40

_STYLES = {
    SkillProgressStatus.COMPLETED: ("✔", "bold green"),
    SkillProgressStatus.SKIPPED: ("»", "green"),
    SkillProgressStatus.IN_PROGRESS: ("▶", "bold yellow"),
    SkillProgressStatus.AVAILABLE: ("●", "bold cyan"),
    SkillProgressStatus.LOCKED: ("○", "bright_black"),
}


def run(db: Database, console: Console) -> None:
    """Register a learner, find a tree by full-text search, load it with progress in one statement, and draw it."""
    learner = _learner(db)
    console.print(f"[bold]1[/] The learner [cyan]{learner.username}[/] <{learner.email}>, {learner.id}")

    hits = db.trees.search(_SEARCH, limit=3)
    console.print(f"[bold]2[/] A search for [cyan]{_SEARCH}[/] finds")
    for hit in hits:
        console.print(
            Text("    ").append_text(_highlighted(f"{hit.name}  {hit.snippet}")), overflow="ellipsis", no_wrap=True
        )
    if not hits:
        raise NotFound(f"nothing matches {_SEARCH!r}: seed the database first (make seed)")

    tree = db.trees.load(hits[0].slug, learner.id)
    console.print(f"[bold]3[/] The first, loaded with {learner.username}'s progress in one statement:\n")
    console.print(drawing(tree))
    progress = db.progress.calculate_tree_progress(learner.id, tree.id)
    console.print(_bar(progress))


def _bar(progress: CalculatedProgress) -> Text:
    done = round(progress.percent / 100 * _BAR_WIDTH)
    return Text.assemble(
        ("█" * done, "green"),
        ("░" * (_BAR_WIDTH - done), "bright_black"),
        f" {progress.percent:.0f} %, {progress.completed} of {progress.total} required skills",
    )


def _learner(db: Database) -> User:
    known = db.users.find_by_email(_EMAIL)
    return known or db.users.register(
        email=_EMAIL,
        username="ada",
        password="correct horse battery staple",  # noqa: S106 (of a made-up learner)
        first_name="Ada",
        timezone="Europe/London",
    )


def drawing(tree: LoadedTree) -> Panel:
    """Return a tree as a picture for the terminal: a line per level, what needs nothing first, status in colour."""
    table = Table.grid(padding=(0, 2))
    table.add_column(justify="right", style="dim")
    table.add_column()
    for level, skills in enumerate(levels(tree)):
        table.add_row(str(level), Columns([_label(skill) for skill in skills], padding=(0, 3)))
    table.add_row()
    legend = [
        Text(f"{sign} {status.lower().replace('_', ' ')}", style=style) for status, (sign, style) in _STYLES.items()
    ]
    signs = [*legend, Text("★ milestone"), Text("(optional)", style="italic")]
    table.add_row("", Columns(signs, padding=(0, 3)))
    return Panel(table, title=f"{tree.name}, {len(tree.skills)} skills", title_align="left", padding=(1, 2))


def levels(tree: LoadedTree) -> list[list[LoadedSkill]]:
    """Return the skills by level: each one below all that it needs, as high as it can be."""
    skills = {skill.id: skill for skill in tree.skills}
    needed = {skill.id: [needed_id for needed_id in skill.dependencies if needed_id in skills] for skill in tree.skills}
    level_of: dict[SkillId, int] = {}
    for skill_id in TopologicalSorter(needed).static_order():
        level_of[skill_id] = max((level_of[needed_id] + 1 for needed_id in needed[skill_id]), default=0)
    found: list[list[LoadedSkill]] = [[] for _ in range(max(level_of.values(), default=-1) + 1)]
    for skill in tree.skills:
        found[level_of[skill.id]].append(skill)
    return found


def _label(skill: LoadedSkill) -> Text:
    sign, style = _STYLES[skill.status]
    name = skill.short_name or skill.name
    return Text(
        f"{sign} {f'({name})' if skill.is_optional else name}{' ★' if skill.is_milestone else ''}",
        style=f"{style} italic" if skill.is_optional else style,
        no_wrap=True,
    )


def _highlighted(snippet: str) -> Text:
    text = Text(style="dim")
    for index, part in enumerate(snippet.replace("\n", " ").split("**")):
        text.append(part, style="bold yellow" if index % 2 else None)
    return text
