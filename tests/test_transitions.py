"""The tables of docs/progress.md, tested row by row on a real database, and the rules below them."""

import re
from collections.abc import Iterator
from contextlib import contextmanager
from itertools import product
from pathlib import Path
from typing import NamedTuple
from uuid import UUID, uuid4

import psycopg
import pytest
from pytest_postgresql.executors import NoopExecutor

from _sync.factories import TABLES
from conftest import _database
from skilltree import Database, errors
from skilltree.errors import InvalidTransition, SkillInactive, SkillTreeError
from skilltree.models.enums import SkillProgressStatus, TreeProgressStatus
from skilltree.models.ids import CategoryId, SkillId, TreeId, UserId

RULES = (Path(__file__).parents[1] / "docs" / "progress.md").read_text(encoding="utf-8")
SKILL_ACTIONS = ("start_skill", "record_activity", "record_attempt", "complete_skill", "skip_skill", "reset_skill")
TREE_ACTIONS = ("start_tree", "pause_tree", "resume_tree", "reset_tree")

Connection = psycopg.Connection[tuple[object, ...]]
Row = tuple[str, str, str]


def table_under(heading: str) -> list[Row]:
    """Return the rows of the first table under a heading, without its header."""
    section = re.split(r"^## ", RULES, flags=re.MULTILINE)
    [text] = [part for part in section if part.startswith(f"{heading}\n")]
    found = re.findall(r"^\|\s*(\w+)\s*\|\s*(\w+)\s*\|\s*(\w+)\s*\|$", text, flags=re.MULTILINE)
    return [(start, action, outcome) for start, action, outcome in found]


SKILL_ROWS = table_under("Skills")
TREE_ROWS = table_under("Trees")


@pytest.fixture(scope="module")
def db(template: NoopExecutor) -> Iterator[Database]:
    for url in _database(template, "transitions", clone=True):
        with Database(url) as database:
            yield database


@pytest.fixture(scope="module")
def connection(db: Database) -> Iterator[Connection]:
    with psycopg.connect(db._url, autocommit=True) as connection:
        connection.execute("set max_parallel_workers_per_gather = 0")
        yield connection


@pytest.fixture(scope="module")
def category_id(db: Database) -> CategoryId:
    return db.categories.create(name="Transitions", slug="transitions").id


class Place(NamedTuple):
    """A learner and a tree: `target` depends on `base` and is optional; `other` is not completed."""

    user_id: UserId
    tree_id: TreeId
    slug: str
    base: SkillId
    target: SkillId
    other: SkillId


@pytest.fixture
def place(db: Database, category_id: CategoryId) -> Place:
    slug = f"tree-{uuid4()}"
    user = db.users.register(email=f"{slug}@example.org", username=slug[-12:], password="open sesame", bcrypt_cost=4)
    tree = db.trees.create(category_id, name=slug, slug=slug)
    base = db.skills.create(tree.id, name="base")
    target = db.skills.create(tree.id, name="target", dependencies=[base.id], is_optional=True)
    other = db.skills.create(tree.id, name="other")
    return Place(user.id, tree.id, slug, base.id, target.id, other.id)


def fingerprint(connection: Connection) -> list[tuple[object, ...]]:
    """Return a fingerprint that changes with every written row, even with equal values."""
    prints = " union all ".join(
        f"select '{table}', count(*), md5(string_agg({table}.xmin || {table}::text, ' ' order by {table}::text))"
        f" from {table}"
        for table in TABLES
    )
    return sorted(connection.execute(prints).fetchall())


@contextmanager
def refused(connection: Connection, error: type[SkillTreeError]) -> Iterator[None]:
    before = fingerprint(connection)
    with pytest.raises(InvalidTransition) as caught:
        yield
    assert caught.type is error
    assert fingerprint(connection) == before


def act_on_skill(db: Database, action: str, user_id: UserId, skill_id: SkillId) -> object:
    given = {"minutes": 5} if action == "record_activity" else {}
    return getattr(db.progress, action)(user_id, skill_id, **given)


def skill_status(db: Database, place: Place) -> SkillProgressStatus:
    """Return the learner's status of `target`, after checking that ``load``, ``load_map`` and ``can_unlock`` agree."""
    [loaded] = [skill for skill in db.trees.load(place.slug, place.user_id).skills if skill.id == place.target]
    [drawn] = [skill for skill in db.trees.load_map(place.slug, place.user_id).skills if skill.id == place.target]
    assert drawn.status == loaded.status
    if loaded.status in {"LOCKED", "AVAILABLE"}:
        assert db.progress.can_unlock(place.user_id, place.target) is (loaded.status == "AVAILABLE")
    return loaded.status


def stored_status(db: Database, place: Place) -> str | None:
    work = db.progress.for_skill(place.user_id, place.target)
    return None if work is None else work.status


def bring_skill_to(db: Database, place: Place, status: str) -> None:
    if status != "LOCKED":
        db.progress.complete_skill(place.user_id, place.base)
    action = {"IN_PROGRESS": "start_skill", "COMPLETED": "complete_skill", "SKIPPED": "skip_skill"}.get(status)
    if action is not None:
        act_on_skill(db, action, place.user_id, place.target)
    assert skill_status(db, place) == status


def bring_tree_to(db: Database, place: Place, status: str) -> None:
    if status == "COMPLETED":
        db.progress.complete_skill(place.user_id, place.base)
        db.progress.complete_skill(place.user_id, place.other)
    elif status != "NOT_STARTED":
        db.progress.start_tree(place.user_id, place.tree_id)
    if status == "PAUSED":
        db.progress.pause_tree(place.user_id, place.tree_id)
    assert tree_status(db, place) == status


def tree_status(db: Database, place: Place) -> str:
    way = db.progress.for_tree(place.user_id, place.tree_id)
    return "NOT_STARTED" if way is None else way.status


# --- the tables ------------------------------------------------------------------------------------------------------


def test_every_status_and_action_of_a_skill_has_one_row() -> None:
    rows = sorted((start, action) for start, action, _ in SKILL_ROWS)

    assert rows == sorted(product([status.value for status in SkillProgressStatus], SKILL_ACTIONS))


def test_every_status_and_action_of_a_tree_has_one_row() -> None:
    rows = sorted((start, action) for start, action, _ in TREE_ROWS)

    assert rows == sorted(product([status.value for status in TreeProgressStatus], TREE_ACTIONS))


def test_every_action_is_in_a_table() -> None:
    started = ("start_", "pause_", "resume_", "reset_", "record_", "complete_", "skip_")
    actions = {name for name in dir(Database("").progress) if name.startswith(started)}

    assert actions == {*SKILL_ACTIONS, *TREE_ACTIONS}


@pytest.mark.parametrize(("start", "action", "outcome"), SKILL_ROWS)
def test_each_action_on_a_skill_has_the_outcome_of_its_row(
    db: Database, connection: Connection, place: Place, start: str, action: str, outcome: str
) -> None:
    bring_skill_to(db, place, start)

    if outcome in SkillProgressStatus.__members__:
        act_on_skill(db, action, place.user_id, place.target)
        assert skill_status(db, place) == outcome
    else:
        with refused(connection, getattr(errors, outcome)):
            act_on_skill(db, action, place.user_id, place.target)
        assert skill_status(db, place) == start


@pytest.mark.parametrize(("start", "action", "outcome"), TREE_ROWS)
def test_each_action_on_a_tree_has_the_outcome_of_its_row(
    db: Database, connection: Connection, place: Place, start: str, action: str, outcome: str
) -> None:
    bring_tree_to(db, place, start)

    if outcome in TreeProgressStatus.__members__:
        answer = getattr(db.progress, action)(place.user_id, place.tree_id)
        assert answer.status == tree_status(db, place) == outcome
    else:
        with refused(connection, getattr(errors, outcome)):
            getattr(db.progress, action)(place.user_id, place.tree_id)
        assert tree_status(db, place) == start


@pytest.mark.parametrize(
    ("start", "action", "outcome"), [row for row in SKILL_ROWS if row[2] not in SkillProgressStatus.__members__]
)
def test_a_refused_action_leaves_a_unit_of_work_usable(
    db: Database, place: Place, start: str, action: str, outcome: str
) -> None:
    bring_skill_to(db, place, start)

    with db.transaction() as unit:
        with pytest.raises(getattr(errors, outcome)):
            getattr(unit.progress, action)(
                place.user_id, place.target, **({"minutes": 5} if action == "record_activity" else {})
            )
        unit.progress.start_skill(place.user_id, place.other)

    work = db.progress.for_skill(place.user_id, place.other)
    assert work is not None
    assert work.status == "IN_PROGRESS"


# --- rules below the tables ------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("start", "error"),
    [
        ("LOCKED", "SkillNotOptional"),
        ("AVAILABLE", "SkillNotOptional"),
        ("IN_PROGRESS", "SkillNotOptional"),
        ("COMPLETED", "AlreadyCompleted"),
    ],
)
def test_a_required_skill_cannot_be_skipped(
    db: Database, connection: Connection, place: Place, start: str, error: str
) -> None:
    bring_skill_to(db, place, start)
    db.skills.update(place.target, is_optional=False)

    with refused(connection, getattr(errors, error)):
        db.progress.skip_skill(place.user_id, place.target)


@pytest.mark.parametrize("start", [*SkillProgressStatus])
def test_a_skill_with_a_new_prerequisite_is_locked_after_a_reset(db: Database, place: Place, start: str) -> None:
    bring_skill_to(db, place, start)
    db.skills.add_dependency(place.target, place.other)

    db.progress.reset_skill(place.user_id, place.target)

    assert skill_status(db, place) == "LOCKED"


@pytest.mark.parametrize("action", [action for action in SKILL_ACTIONS if action != "skip_skill"])
def test_started_work_goes_on_when_the_skill_gains_a_prerequisite(db: Database, place: Place, action: str) -> None:
    bring_skill_to(db, place, "IN_PROGRESS")
    db.skills.add_dependency(place.target, place.other)

    act_on_skill(db, action, place.user_id, place.target)

    expected = {"complete_skill": "COMPLETED", "reset_skill": "LOCKED"}.get(action, "IN_PROGRESS")
    assert skill_status(db, place) == expected


@pytest.mark.parametrize("action", ["start_skill", "record_activity", "record_attempt", "complete_skill"])
def test_a_skipped_skill_with_a_new_prerequisite_is_locked(
    db: Database, connection: Connection, place: Place, action: str
) -> None:
    bring_skill_to(db, place, "SKIPPED")
    db.skills.add_dependency(place.target, place.other)

    with refused(connection, errors.PrerequisitesNotMet):
        act_on_skill(db, action, place.user_id, place.target)


CHANGES_NOTHING = {("COMPLETED", "complete_skill"), ("SKIPPED", "skip_skill")}


@pytest.mark.parametrize(("start", "action"), [*product(SkillProgressStatus, SKILL_ACTIONS)])
def test_an_inactive_skill_cannot_be_worked_on(
    db: Database, connection: Connection, place: Place, start: str, action: str
) -> None:
    bring_skill_to(db, place, start)
    db.skills.deactivate(place.target)
    before = stored_status(db, place)

    if action == "reset_skill":
        db.progress.reset_skill(place.user_id, place.target)
        assert stored_status(db, place) in {None, "AVAILABLE", "LOCKED"}
    elif (start, action) in CHANGES_NOTHING:
        act_on_skill(db, action, place.user_id, place.target)
        assert stored_status(db, place) == before
    else:
        with refused(connection, SkillInactive):
            act_on_skill(db, action, place.user_id, place.target)


@pytest.mark.parametrize("paused", [False, True])
@pytest.mark.parametrize("action", ["start_skill", "record_activity", "record_attempt", "complete_skill"])
def test_work_on_a_skill_starts_or_resumes_its_tree(db: Database, place: Place, action: str, paused: bool) -> None:
    bring_tree_to(db, place, "PAUSED" if paused else "NOT_STARTED")

    act_on_skill(db, action, place.user_id, place.base)

    assert tree_status(db, place) == "IN_PROGRESS"


def test_a_tree_cannot_be_started_before_its_prerequisites(
    db: Database, connection: Connection, place: Place, category_id: CategoryId
) -> None:
    slug = f"tree-{uuid4()}"
    later = db.trees.create(category_id, name=slug, slug=slug, prerequisites=[place.tree_id])
    skill = db.skills.create(later.id, name="later")
    db.progress.start_tree(place.user_id, place.tree_id)

    with refused(connection, errors.PrerequisitesNotMet):
        db.progress.start_tree(place.user_id, later.id)

    assert db.progress.start_skill(place.user_id, skill.id).tree_progress.status == "IN_PROGRESS"  # type: ignore[union-attr]
    db.progress.reset_tree(place.user_id, later.id)
    bring_tree_to(db, place, "COMPLETED")
    assert db.progress.start_tree(place.user_id, later.id).status == "IN_PROGRESS"


@pytest.mark.parametrize("action", [*SKILL_ACTIONS, *TREE_ACTIONS])
@pytest.mark.parametrize("who", ["nobody", "somebody"])
def test_unknown_learners_skills_and_trees_are_named(
    db: Database, connection: Connection, place: Place, action: str, who: str
) -> None:
    of_tree = action in TREE_ACTIONS
    unknown = UUID(int=0)
    subject = (place.tree_id if of_tree else place.base) if who == "nobody" else unknown
    user_id = UserId(unknown) if who == "nobody" else place.user_id
    expected = errors.UserNotFound if who == "nobody" else errors.TreeNotFound if of_tree else errors.SkillNotFound
    before = fingerprint(connection)

    with pytest.raises(expected):
        act_on_skill(db, action, user_id, SkillId(subject))

    assert fingerprint(connection) == before
