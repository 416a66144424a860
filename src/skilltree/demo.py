"""The main job in the terminal: a learner finds a tree, works through it for some days, and sees what came of it."""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from graphlib import TopologicalSorter
from itertools import islice
from uuid import NAMESPACE_URL, uuid5

from rich.columns import Columns
from rich.console import Console
from rich.panel import Panel
from rich.table import Table
from rich.text import Text

from skilltree._sync.database import Database
from skilltree.errors import IdTaken, NotFound, PrerequisitesNotMet
from skilltree.models.enums import SkillProgressStatus
from skilltree.models.ids import AchievementId, SkillId
from skilltree.models.progress import Completion, SkillOutcome
from skilltree.models.trees import LoadedSkill, LoadedTree
from skilltree.models.users import User

_SEARCH = "postgresql production"
_BAR_WIDTH = 40
_DAYS = 3
_SKILLS_A_DAY = 4
_OTHERS = {"grace": 9, "linus": 12, "edsger": 5}
"""Other learners, and how many skills each has completed."""

_ACHIEVEMENTS = {
    "Ten Down": ({"type": "skill_completion_count", "threshold": 10}, 50),
    "Three in a Row": ({"type": "streak_days", "threshold": 3}, 30),
    "Five Hundred": ({"type": "xp_threshold", "threshold": 500}, 0),
}

_STYLES = {
    SkillProgressStatus.COMPLETED: ("✔", "bold green"),
    SkillProgressStatus.SKIPPED: ("»", "green"),
    SkillProgressStatus.IN_PROGRESS: ("▶", "bold yellow"),
    SkillProgressStatus.AVAILABLE: ("●", "bold cyan"),
    SkillProgressStatus.LOCKED: ("○", "bright_black"),
}


def run(db: Database, console: Console) -> None:
    """Let a learner find a tree by full-text search, be refused what is locked, work for three days, and look back.

    The learners of the demonstration are made anew each time.
    """
    ada = _learner(db, "ada")
    console.print(f"[bold]1[/] The learner [cyan]{ada.username}[/] <{ada.email}>")

    hits = db.trees.search(_SEARCH, limit=3)
    console.print(f"[bold]2[/] A search for [cyan]{_SEARCH}[/] finds")
    for hit in hits:
        console.print(
            Text("    ").append_text(_highlighted(f"{hit.name}  {hit.snippet}")), overflow="ellipsis", no_wrap=True
        )
    if not hits:
        raise NotFound(f"nothing matches {_SEARCH!r}: seed the database first (make seed)")
    slug = hits[0].slug
    tree = db.trees.load(slug)
    _make_achievements(db)
    for username, count in _OTHERS.items():
        other = _learner(db, username)
        for skill in islice(_in_order(tree), count):
            db.progress.complete_skill(other.id, skill.id)

    goal = tree.skills[-1]
    db.progress.start_tree(ada.id, tree.id)
    console.print(f"[bold]3[/] She starts it, and wants to begin with the end: [cyan]{goal.name}[/]")
    try:
        db.progress.start_skill(ada.id, goal.id)
    except PrerequisitesNotMet as refusal:
        first = ", ".join(refusal.names[:3])
        console.print(f"    [red]refused[/]: {len(refusal.missing)} skills come before, first {first}")

    console.print(f"[bold]4[/] So she works through it, {_SKILLS_A_DAY} skills a day:")
    way = _in_order(tree)
    for ago in reversed(range(_DAYS)):
        console.print(f"    [dim]{'today' if not ago else f'{ago} days ago' if ago > 1 else 'yesterday'}[/]")
        at = datetime.now(UTC) - timedelta(days=ago)
        for skill in islice(way, _SKILLS_A_DAY):
            worked = db.progress.record_activity(ada.id, skill.id, minutes=skill.estimated_minutes or 30, at=at)
            console.print(_line(skill, worked, db.progress.complete_skill(ada.id, skill.id, at=at)))

    console.print("[bold]5[/] The tree, loaded with her progress in one statement:\n")
    console.print(drawing(db.trees.load(slug, ada.id)))
    console.print(_bar(db.progress.calculate_tree_progress(ada.id, tree.id).percent))
    console.print("[bold]6[/] Her profile, and what to do next:")
    _show_dashboard(db, ada, console)
    console.print("[bold]7[/] The leaderboard:")
    for place in db.leaderboards.around(ada.id):
        console.print(f"    {place.rank}. {place.username:8} {place.xp:5} XP", highlight=False)


def _learner(db: Database, username: str) -> User:
    email = f"{username}@skilltree.dev"
    known = db.users.find_by_email(email)
    if known is not None:
        db.users.delete(known.id)
    return db.users.register(
        email=email,
        username=username,
        password="correct horse battery staple",  # noqa: S106 (of a made-up learner)
        bcrypt_cost=4,
    )


def _make_achievements(db: Database) -> None:
    for name, (criteria, xp_reward) in _ACHIEVEMENTS.items():
        id = AchievementId(uuid5(NAMESPACE_URL, f"skilltree:demo:{name}"))  # noqa: A001 (what it is)
        try:
            db.achievements.create(id=id, name=name, description=name, criteria=criteria, xp_reward=xp_reward)
        except IdTaken:
            continue


def _in_order(tree: LoadedTree) -> Iterator[LoadedSkill]:
    """Yield the skills of a tree, each after all that it needs."""
    return (skill for level in levels(tree) for skill in level)


def _line(skill: LoadedSkill, worked: SkillOutcome, done: Completion) -> Text:
    xp = worked.xp_awarded + done.xp_awarded
    line = Text.assemble("      ", ("✔ ", "bold green"), f"{skill.short_name or skill.name}  +{xp} XP")
    if done.level_after > worked.level_before:
        line.append(f"  level {done.level_after}!", "bold magenta")
    for achievement in worked.achievements + done.achievements:
        line.append(f"  ★ {achievement.name}", "bold yellow")
    if done.unlocked:
        line.append(f"  opens {', '.join(opened.name for opened in done.unlocked)}", "cyan")
    return line


def _show_dashboard(db: Database, learner: User, console: Console) -> None:
    now = db.progress.dashboard(learner.id)
    lines = [
        f"level {now.current_level}, {now.total_xp} XP (the next level at {now.next_level_xp})",
        f"a streak of {now.current_streak} days, {now.skills_completed} skills, {now.hours_learned:.1f} hours",
        f"achievements: {', '.join(sorted(each.name for each in now.recent_achievements))}",
    ]
    for skill in db.progress.next_skills(learner.id, limit=3):
        lines += [f"next: [cyan]{skill.name}[/]", f"      [dim]{', '.join(skill.reasons)}[/]"]
    for line in lines:
        console.print(f"    {line}", highlight=False, no_wrap=True, overflow="ellipsis")


def _bar(percent: float) -> Text:
    done = round(percent / 100 * _BAR_WIDTH)
    return Text.assemble(
        ("█" * done, "green"), ("░" * (_BAR_WIDTH - done), "bright_black"), f" {percent:.0f} % of the required skills"
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
