"""The initial data: that of the specification, and a whole curriculum. Seeding again changes nothing."""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from uuid import NAMESPACE_URL, uuid5

from skilltree._core.passwords import HashedPassword, hash_password
from skilltree._sync.database import Database, Scope
from skilltree.curriculum import parse_file
from skilltree.errors import IdTaken
from skilltree.models.ids import AchievementId

_FOLDER = Path(__file__).parent

TEST_EMAIL = "test@skillTree.dev"
FIRST_STEPS = AchievementId(uuid5(NAMESPACE_URL, "skilltree:achievement:first-steps"))


@dataclass(frozen=True)
class Seeded:
    """A seeded thing, and whether it was there before."""

    kind: str
    name: str
    outcome: str


def seed(db: Database | Scope, *, test_user: bool = True) -> Iterator[Seeded]:
    """Write what is missing or was edited, and yield each thing after it.

    The test user's password is public. Leave the user out wherever people other than developers can log in.
    """
    yield from _categories(db)
    yield from _trees(db)
    if test_user:
        yield _test_user(db)
    yield _achievement(db)


def _categories(db: Database | Scope) -> Iterator[Seeded]:
    for name, slug, description, color, icon, sort_order in (
        ("Programming", "programming", "Software development and programming languages", "#3B82F6", "code", 1),
        ("Web Development", "web-development", "Frontend and backend web technologies", "#10B981", "globe", 2),
    ):
        found = db.categories.find_by_slug(slug)
        if found is None:
            db.categories.create(
                name=name, slug=slug, description=description, color=color, icon=icon, sort_order=sort_order
            )
        yield Seeded("category", name, _outcome(there=found is not None))


def _trees(db: Database | Scope) -> Iterator[Seeded]:
    for path in sorted(_FOLDER.glob("*.json")):
        for tree in parse_file(path.read_bytes()).trees:
            with db.transaction() as unit:
                report = unit.trees.import_tree(tree)
                if report.tree_added:
                    unit.trees.publish(report.tree_id)
                    unit.trees.update(report.tree_id, is_featured=True)
            changed = "updated" if not report.tree_added and not report.is_unchanged else None
            yield Seeded(
                "tree", f"{tree.name} ({len(tree.skills)} skills)", changed or _outcome(there=not report.tree_added)
            )


def _test_user(db: Database | Scope) -> Seeded:
    if db.users.find_by_email(TEST_EMAIL) is not None:
        return Seeded("user", TEST_EMAIL, _outcome(there=True))
    with db.transaction() as unit:
        user = unit.users.register(
            email=TEST_EMAIL,
            username="testuser",
            # The password of the specification, for development only, because everybody knows it.
            password=HashedPassword(hash_password("password123", cost=10)),
            first_name="Test",
            last_name="User",
        )
        unit.users.update_profile(
            user.id,
            bio="Learning frontend development",
            learning_goals=["Learn React", "Build portfolio"],
            interests=["web development", "design"],
        )
        unit.users.mark_email_verified(user.id)
    return Seeded("user", TEST_EMAIL, _outcome(there=False))


def _achievement(db: Database | Scope) -> Seeded:
    try:
        db.achievements.create(
            id=FIRST_STEPS,
            name="First Steps",
            description="Complete your first skill",
            criteria={"type": "skill_completion_count", "threshold": 1},
            xp_reward=25,
            badge_icon="trophy",
            badge_color="#F59E0B",
        )
    except IdTaken:
        return Seeded("achievement", "First Steps", _outcome(there=True))
    return Seeded("achievement", "First Steps", _outcome(there=False))


def _outcome(*, there: bool) -> str:
    return "already there" if there else "created"
