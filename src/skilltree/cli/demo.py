"""A demonstration in the terminal: a learner finds a tree, works through it for some days, and sees the result."""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from itertools import islice
from secrets import token_urlsafe
from uuid import NAMESPACE_URL, uuid5

from rich.console import Console
from rich.text import Text

from skilltree._core.terminal_text import harmless
from skilltree._sync.database import Database
from skilltree.cli.drawing import drawing
from skilltree.drawing import levels
from skilltree.errors import IdTaken, NotFound, PrerequisitesNotMet
from skilltree.models.ids import AchievementId
from skilltree.models.progress import Completion, SkillOutcome
from skilltree.models.trees import LoadedSkill, LoadedTree
from skilltree.models.users import User

_SEARCH = "postgresql production"
_BAR_WIDTH = 40
_DAYS = 3
_SKILLS_A_DAY = 4
_OTHERS = {"grace": 9, "linus": 12, "edsger": 5}
"""Other learners, and how many skills each of them has completed."""

_ACHIEVEMENTS = {
    "Ten Down": ({"type": "skill_completion_count", "threshold": 10}, 50),
    "Three in a Row": ({"type": "streak_days", "threshold": 3}, 30),
    "Five Hundred": ({"type": "xp_threshold", "threshold": 500}, 0),
}


def run(db: Database, console: Console) -> None:
    """Let a learner search for a tree, try a locked skill, work for three days, and look at the result.

    The learners of the demonstration are created again each time.
    """
    ada = _learner(db, "ada")
    console.print(_step(1, "The learner ", (ada.username, "cyan"), f" <{ada.email}>"))

    db.sessions.start(ada.id)
    hits = db.trees.search(_SEARCH, limit=3)
    console.print(_step(2, "A search for ", (_SEARCH, "cyan"), " finds"))
    for hit in hits:
        console.print(
            Text("    ").append_text(_highlighted(f"{hit.name}  {hit.snippet}")), overflow="ellipsis", no_wrap=True
        )
    if not hits:
        raise NotFound(f"nothing matches {_SEARCH!r}: seed the database first (skilltree seed)")
    slug = hits[0].slug
    tree = db.trees.load(slug)
    _make_achievements(db)
    for username, count in _OTHERS.items():
        other = _learner(db, username)
        for skill in islice(_in_order(tree), count):
            db.progress.complete_skill(other.id, skill.id)

    goal = tree.skills[-1]
    db.progress.start_tree(ada.id, tree.id)
    console.print(_step(3, "She starts it, and tries the last skill first: ", (goal.name, "cyan")))
    try:
        db.progress.start_skill(ada.id, goal.id)
    except PrerequisitesNotMet as refusal:
        first = ", ".join(refusal.names[:3])
        console.print(
            Text.assemble("    ", ("refused", "red"), f": {len(refusal.missing)} skills come before, first {first}")
        )

    console.print(_step(4, f"So she works through it, {_SKILLS_A_DAY} skills a day:"))
    way = _in_order(tree)
    for ago in reversed(range(_DAYS)):
        console.print(Text(f"    {'today' if not ago else f'{ago} days ago' if ago > 1 else 'yesterday'}", style="dim"))
        at = datetime.now(UTC) - timedelta(days=ago)
        for skill in islice(way, _SKILLS_A_DAY):
            worked = db.progress.record_activity(ada.id, skill.id, minutes=skill.estimated_minutes or 30, at=at)
            console.print(_line(skill, worked, db.progress.complete_skill(ada.id, skill.id, at=at)))

    console.print(_step(5, "The tree, loaded with her progress in one statement:\n"))
    console.print(drawing(db.trees.load(slug, ada.id)))
    console.print(_bar(db.progress.calculate_tree_progress(ada.id, tree.id).percent))
    console.print(_step(6, "Her profile, and what to do next:"))
    _show_dashboard(db, ada, console)
    console.print(_step(7, "The leaderboard:"))
    for place in db.leaderboards.around(ada.id):
        console.print(f"    {place.rank}. {harmless(place.username):8} {place.xp:5} XP", markup=False, highlight=False)


def _step(number: int, *parts: str | tuple[str, str]) -> Text:
    return Text.assemble((f"{number} ", "bold"), *parts)


def _learner(db: Database, username: str) -> User:
    email = f"{username}@skilltree.dev"
    known = db.users.find_by_email(email)
    if known is not None:
        db.users.delete(known.id)
    return db.users.register(
        email=email,
        username=username,
        password=token_urlsafe(),  # nobody logs in as a made-up learner
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
    """Yield the skills of a tree, prerequisites first."""
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
    lines: list[str | Text] = [
        f"level {now.current_level}, {now.total_xp} XP (the next level at {now.next_level_xp})",
        f"a streak of {now.current_streak} days, {now.skills_completed} skills, {now.hours_learned:.1f} hours",
        f"achievements: {', '.join(sorted(each.name for each in now.recent_achievements))}",
    ]
    for skill in db.progress.next_skills(learner.id, limit=3):
        lines += [
            Text.assemble("next: ", (harmless(skill.name), "cyan")),
            Text(f"      {harmless(', '.join(skill.reasons))}", style="dim"),
        ]
    for line in lines:
        console.print(Text("    ").append(line), no_wrap=True, overflow="ellipsis")


def _bar(percent: float) -> Text:
    done = round(percent / 100 * _BAR_WIDTH)
    return Text.assemble(
        ("█" * done, "green"), ("░" * (_BAR_WIDTH - done), "bright_black"), f" {percent:.0f} % of the required skills"
    )


def _highlighted(snippet: str) -> Text:
    text = Text(style="dim")
    for index, part in enumerate(harmless(snippet).replace("\n", " ").split("**")):
        text.append(part, style="bold yellow" if index % 2 else None)
    return text
