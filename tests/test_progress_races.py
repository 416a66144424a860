"""Learners and authors act at the same time, on separate connections. Each effect of an action happens once.

Each race starts with new trees and learners, so that no later action can repair a fault.
"""

import threading
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor, wait
from itertools import chain, cycle
from typing import Any
from uuid import UUID, uuid4

import psycopg
import pytest
from psycopg.conninfo import make_conninfo
from pytest_postgresql.executors import NoopExecutor

import cluster
from _sync.factories import add_achievement, delete_all_rows, rows, value, wait_for_lock_waiters
from conftest import _database
from drift import drift
from skilltree import Database
from skilltree.errors import (
    ConcurrentUpdate,
    PrerequisitesNotMet,
    SkillInactive,
    SkillNotFound,
    SkillTreeError,
    TreeNotFound,
    UnsupportedIsolation,
)
from skilltree.models.enums import Leaderboard
from skilltree.models.ids import SkillId, TreeId, UserId
from skilltree.models.progress import SkillOutcome
from skilltree.passwords import hash_password

ROUNDS = 10 if cluster.URL else 100
HASH = hash_password("correct horse", cost=4)

Connection = psycopg.Connection[tuple[Any, ...]]
Action = Callable[[], object]
Graph = Mapping[str, Sequence[str]]

BEGUN = pytest.mark.parametrize("begun", [True, False], ids=["begun", "first"])
"""In a started tree learners share a lock. The first learner of a tree takes it exclusively."""


@pytest.fixture(scope="module")
def clone(template: NoopExecutor) -> Iterator[str]:
    yield from _database(template, "progress_races", clone=True)


@pytest.fixture
def connection(clone: str) -> Iterator[Connection]:
    with psycopg.connect(clone, autocommit=True) as connection:
        delete_all_rows(connection)
        connection.execute("insert into skill_categories (name, slug) values ('Programming', 'programming')")
        yield connection


@pytest.fixture
def db(clone: str, connection: Connection) -> Iterator[Database]:
    with opened(clone) as db:
        yield db


def opened(clone: str, deadlock_timeout: str = "5ms", isolation: str = "read\\ committed") -> Database:
    """Return a pool with a short deadlock timeout, because the races cause many deadlocks."""
    options = f"-c deadlock_timeout={deadlock_timeout} -c default_transaction_isolation={isolation}"
    return Database(make_conninfo(clone, options=options), max_size=8, timeout=30)


class Race:
    """Runs actions at the same time, repeatedly, in one thread and on one connection each."""

    def __init__(self) -> None:
        self._threads = ThreadPoolExecutor(8)

    def close(self) -> None:
        self._threads.shutdown()

    def run(self, *actions: Action) -> list[Any]:
        """Return the result or error of each action. Raise any error that is not a SkillTreeError."""
        start = threading.Barrier(len(actions), timeout=30)
        futures = [self._threads.submit(self._attempt, start, action) for action in actions]
        return [future.result(timeout=60) for future in futures]

    def _attempt(self, start: threading.Barrier, action: Action) -> object:
        start.wait()
        try:
            return action()
        except SkillTreeError as error:
            return error


@pytest.fixture
def race() -> Iterator[Race]:
    race = Race()
    yield race
    race.close()


class Tree(dict[str, SkillId]):
    """The skills of a tree by name."""

    def __init__(self, skills: Mapping[str, SkillId]) -> None:
        super().__init__(skills)
        self.id = TreeId(uuid4())


def insert_trees(
    connection: Connection, graph: Graph, count: int = ROUNDS, **columns: Mapping[str, object]
) -> list[Tree]:
    """Insert equal trees by plain SQL. ``xp_value={"html": 5}`` sets a column of a skill."""
    trees = [Tree({name: SkillId(uuid4()) for name in graph}) for _ in range(count)]
    dependents = {name: [other for other, needed in graph.items() if name in needed] for name in graph}
    names = ", ".join(("id", "skill_tree_id", "name", "dependencies", "dependents", *columns))
    defaults = {"xp_value": 10, "is_optional": False, "is_milestone": False, "is_active": True}
    with connection.transaction(), connection.cursor() as cursor:
        cursor.executemany(
            "insert into skill_trees (id, category_id, name, slug) select %s, id, 'Tree', %s from skill_categories",
            [(tree.id, f"tree-{tree.id}") for tree in trees],
        )
        with cursor.copy(f"copy skills ({names}) from stdin") as copy:
            for tree, (name, needed) in ((tree, edge) for tree in trees for edge in graph.items()):
                sides = ([tree[one] for one in needed], [tree[one] for one in dependents[name]])
                given = (columns[column].get(name, defaults[column]) for column in columns)
                copy.write_row((tree[name], tree.id, name, *sides, *given))
    return trees


def insert_learners(connection: Connection, count: int, *, slot: int | None = None) -> list[UserId]:
    """Insert learners by plain SQL. Learners of one slot share the rows of leaderboard counts."""
    ids = [UserId(uuid4()) for _ in range(count)]
    if slot is not None:
        ids = [UserId(UUID(bytes=one.bytes[:-1] + bytes([slot]))) for one in ids]
    with connection.transaction(), connection.cursor() as cursor:
        cursor.executemany(
            "insert into users (id, email, username, password_hash) values (%s, %s || '@example.org', %s, %s)",
            [(one, str(one), f"u{one.hex[:24]}", HASH) for one in ids],
        )
        cursor.executemany("insert into user_profiles (user_id) values (%s)", [(one,) for one in ids])
    return ids


def begin_trees(db: Database, connection: Connection, trees: Sequence[Tree]) -> None:
    """Let another learner start each tree."""
    (other,) = insert_learners(connection, 1)
    with db.transaction() as unit:
        for tree in trees:
            unit.progress.start_tree(other, tree.id)


def completing_in_turn(db: Database, learner: UserId, *skills: SkillId) -> Action:
    """Return an action that completes skills in turn and returns the last outcome."""
    return lambda: [db.progress.complete_skill(learner, skill) for skill in skills][-1]


def unlocked(results: Sequence[SkillOutcome]) -> list[SkillId]:
    return [skill.id for result in results for skill in result.unlocked]


def completed(connection: Connection, learner: UserId, skills: Sequence[SkillId]) -> int:
    """Return how many of these skills a learner has completed."""
    count = (
        "select count(*) from user_skill_progress where user_id = %s and skill_id = any(%s) and status = 'COMPLETED'"
    )
    found: int = value(connection, count, learner, list(skills))
    return found


# --- learners --------------------------------------------------------------------------------------------------------


@BEGUN
def test_a_skill_completed_eight_times_at_once_pays_once(
    db: Database, connection: Connection, race: Race, begun: bool
) -> None:
    (learner,) = insert_learners(connection, 1)
    trees = insert_trees(connection, {"html": []})
    if begun:
        begin_trees(db, connection, trees)

    for tree in trees:
        results = race.run(
            *(
                lambda score=score, tree=tree: db.progress.complete_skill(learner, tree["html"], score=score)
                for score in range(10, 90, 10)
            )
        )
        assert Counter(result.already_completed for result in results) == {False: 1, True: 7}
        assert sorted(result.xp_awarded for result in results) == [0] * 7 + [10]
        assert len({result.progress.completed_at for result in results}) == 1
        assert max(result.progress.completion_score for result in results) == 80

    assert rows(connection, "select count(*), sum(xp) from xp_events") == [(ROUNDS, 10 * ROUNDS)]
    assert (
        value(connection, "select min(completion_score) from user_skill_progress where completed_at is not null") == 80
    )
    assert drift(connection) == {}
    assert db.doctor.examine() == []


@BEGUN
@pytest.mark.parametrize("second", ["complete_skill", "skip_skill"])
def test_a_skill_opens_when_its_two_prerequisites_are_satisfied_at_once(
    db: Database, connection: Connection, race: Race, begun: bool, second: str
) -> None:
    (learner,) = insert_learners(connection, 1)
    trees = insert_trees(
        connection, {"html": [], "css": [], "layout": ["html", "css"]}, is_optional={"css": second == "skip_skill"}
    )
    if begun:
        begin_trees(db, connection, trees)

    for tree in trees:
        results = race.run(
            lambda: db.progress.complete_skill(learner, tree["html"]),  # noqa: B023 (it runs in this round)
            lambda: getattr(db.progress, second)(learner, tree["css"]),  # noqa: B023
        )
        assert unlocked(results) == [tree["layout"]]
        layout = db.progress.for_skill(learner, tree["layout"])
        assert layout is not None
        assert layout.status == "AVAILABLE"
        assert layout.unlocked_at is not None

    assert drift(connection) == {}
    assert db.doctor.examine() == []


def test_an_achievement_earned_by_two_skills_completed_at_once_is_awarded_once(
    db: Database, connection: Connection, race: Race
) -> None:
    (tree,) = insert_trees(connection, {"html": [], "css": []}, 1, xp_value={"html": 30, "css": 40})
    pair = add_achievement(
        db,
        "A pair",
        criteria={"type": "skill_completion_count", "threshold": 2, "additionalParams": {"treeId": str(tree.id)}},
        xp_reward=50,
    )
    rich = add_achievement(db, "Rich", criteria={"type": "xp_threshold", "threshold": 120}, xp_reward=5)

    for learner in insert_learners(connection, ROUNDS):
        results = race.run(completing_in_turn(db, learner, tree["html"]), completing_in_turn(db, learner, tree["css"]))
        awards = [[one.id for one in result.achievements] for result in results]
        assert sorted(len(award) for award in awards) == [0, 2]
        assert {*chain(*awards)} == {pair.id, rich.id}
        assert sum(result.xp_awarded for result in results) == max(result.total_xp for result in results) == 125

    assert rows(
        connection, "select source_kind::text, count(*), sum(xp) from xp_events group by source_kind order by 1"
    ) == [("ACHIEVEMENT", 2 * ROUNDS, 55 * ROUNDS), ("SKILL", 2 * ROUNDS, 70 * ROUNDS)]
    assert value(connection, "select count(*) from user_achievements") == 2 * ROUNDS
    assert drift(connection) == {}
    assert db.doctor.examine() == []


@pytest.mark.parametrize("slots", [(3, 3), (3, 4)], ids=["shared", "apart"])
def test_leaderboard_counts_are_exact_after_two_concurrent_completions(
    db: Database, connection: Connection, race: Race, slots: tuple[int, int]
) -> None:
    (ada,), (ben,) = (insert_learners(connection, 1, slot=slot) for slot in slots)
    prices = cycle([1, 63, 64, 640, 4095, 4096, 0, 30_000])
    names = [f"skill {number}" for number in range(2 * ROUNDS)]
    (tree,) = insert_trees(connection, {name: [] for name in names}, 1, xp_value=dict(zip(names, prices, strict=False)))
    begin_trees(db, connection, [tree])

    for ahead, behind in zip(names[::2], names[1::2], strict=True):
        first, second = race.run(completing_in_turn(db, ada, tree[ahead]), completing_in_turn(db, ben, tree[behind]))
        ranks = [db.leaderboards.rank(learner) for learner in (ada, ben)]
        xp = [first.total_xp, second.total_xp]
        assert ranks == [1 + sum(other > own for other in xp) for own in xp]

    assert drift(connection) == {}
    assert db.doctor.examine() == []


def test_leaderboard_counts_are_exact_after_learners_join_and_leave_during_completions(
    db: Database, connection: Connection, race: Race
) -> None:
    trees = insert_trees(connection, {"html": [], "css": ["html"]}, xp_value={"html": 60, "css": 70})
    ada, ben = insert_learners(connection, 2, slot=5)

    for number, tree in enumerate(trees):
        (gone,) = insert_learners(connection, 1, slot=5)
        db.progress.complete_skill(gone, tree["html"])
        results = race.run(
            completing_in_turn(db, ada, tree["html"], tree["css"]),
            completing_in_turn(db, ben, tree["html"]),
            lambda: db.users.update_profile(ada, is_on_leaderboard=number % 2 == 0),  # noqa: B023 (it runs in this round)
            lambda: db.users.deactivate(gone) if number % 2 else db.users.delete(gone),  # noqa: B023
        )
        assert [result for result in results if isinstance(result, SkillTreeError)] == []
        assert (db.leaderboards.rank(ada) is None) == (number % 2 == 1)
        assert db.leaderboards.rank(ben) is not None

    assert len(db.leaderboards.top(10, board=Leaderboard.ALL_TIME)) == 1
    assert drift(connection) == {}
    assert db.doctor.examine() == []


# --- learners and authors --------------------------------------------------------------------------------------------


def import_without(db: Database, tree: Tree, name: str) -> None:
    form = db.trees.export_tree(f"tree-{tree.id}")
    gone = {skill.key for skill in form.skills if skill.name == name}
    kept = [
        skill.model_copy(update={"dependencies": tuple(key for key in skill.dependencies if key not in gone)})
        for skill in form.skills
        if skill.key not in gone
    ]
    db.trees.import_tree(form.model_copy(update={"skills": tuple(kept)}))


PAGES: Graph = {"html": [], "css": [], "script": [], "layout": ["html", "css"], "page": ["layout", "idle"], "idle": []}

Edit = Callable[[Database, Tree], object]

EDITS: dict[str, Edit] = {
    "add a dependency": lambda db, tree: db.skills.add_dependency(tree["layout"], tree["script"]),
    "remove a dependency": lambda db, tree: db.skills.remove_dependency(tree["layout"], tree["css"]),
    "replace dependencies": lambda db, tree: db.skills.set_dependencies(tree["layout"], [tree["script"]]),
    "create a required skill": lambda db, tree: db.skills.create(tree.id, name="new", dependencies=[tree["html"]]),
    "create an optional skill": lambda db, tree: db.skills.create(tree.id, name="new", is_optional=True),
    "deactivate": lambda db, tree: db.skills.deactivate(tree["css"]),
    "activate": lambda db, tree: db.skills.update(tree["idle"], is_active=True),
    "make a skill optional": lambda db, tree: db.skills.update(tree["script"], is_optional=True),
    "make a skill a milestone": lambda db, tree: db.skills.update(tree["html"], is_milestone=True),
    "delete what comes first": lambda db, tree: db.skills.delete(tree["css"]),
    "delete the tree": lambda db, tree: db.trees.delete(tree.id),
    "import the tree without a skill": lambda db, tree: import_without(db, tree, "css"),
    "delete what is left": lambda db, tree: [db.skills.delete(tree[name]) for name in ("page", "layout", "idle")],
}


def completing_what_opens(db: Database, learner: UserId, skills: Sequence[SkillId]) -> Action:
    """Return an action that completes as many of these skills as possible and returns the errors."""

    def work() -> list[SkillTreeError]:
        errors: list[SkillTreeError] = []
        for skill in skills:
            try:
                db.progress.complete_skill(learner, skill)
            except SkillTreeError as error:
                errors.append(error)
        return errors

    return work


def editing_in_one_unit(db: Database, tree: Tree, *edits: Edit) -> Action:
    """Return an action that makes edits in one unit of work."""

    def edit() -> None:
        with db.transaction() as unit:
            for one in edits:
                one(unit, tree)  # type: ignore[arg-type]

    return edit


@BEGUN
def test_completions_during_an_edit_of_their_tree_have_all_effects(
    db: Database, connection: Connection, race: Race, begun: bool
) -> None:
    trees = insert_trees(
        connection, PAGES, is_optional={"idle": False}, is_milestone={"layout": True}, is_active={"idle": False}
    )
    if begun:
        begin_trees(db, connection, trees)
    orders = cycle([("html", "css"), ("css", "script"), ("script", "html", "css", "layout", "page")])
    edits = cycle(EDITS.values())

    for tree in trees:
        learners = insert_learners(connection, 3)
        refusals, *errors = race.run(
            editing_in_one_unit(db, tree, next(edits)),
            *(completing_what_opens(db, learner, [tree[name] for name in next(orders)]) for learner in learners),
        )
        assert refusals is None or isinstance(refusals, cluster.DEADLOCKS)
        assert {type(error) for error in chain(*errors)} <= {PrerequisitesNotMet, SkillInactive, SkillNotFound}

    assert drift(connection) == {}
    assert db.doctor.examine() == []


def test_completions_while_two_authors_edit_their_tree_have_all_effects(
    db: Database, connection: Connection, race: Race
) -> None:
    trees = insert_trees(connection, PAGES, is_active={"idle": False}, is_milestone={"layout": True})
    begin_trees(db, connection, trees[::2])
    edits = cycle(EDITS.values())

    for tree in trees:
        ada, ben = insert_learners(connection, 2)
        results = race.run(
            editing_in_one_unit(db, tree, next(edits), next(edits)),
            lambda: next(edits)(db, tree),  # noqa: B023 (it runs in this round)
            completing_what_opens(db, ada, [tree[name] for name in ("html", "css", "layout")]),
            completing_what_opens(db, ben, [tree[name] for name in ("css", "html")]),
        )
        assert {type(one) for one in results[:2] if isinstance(one, Exception)} <= {
            ConcurrentUpdate,
            SkillNotFound,
            TreeNotFound,
        }
        assert {type(one) for one in chain(*results[2:])} <= {PrerequisitesNotMet, SkillInactive, SkillNotFound}

    assert drift(connection) == {}
    assert db.doctor.examine() == []


def test_two_trees_completed_by_concurrent_edits_count_for_all_learners(
    db: Database, connection: Connection, race: Race
) -> None:
    learners = insert_learners(connection, 2)
    trees = insert_trees(connection, {"html": [], "css": []}, 2 * ROUNDS)

    for left, right in zip(trees[::2], trees[1::2], strict=True):
        with db.transaction() as unit:
            for learner in learners:
                unit.progress.complete_skill(learner, left["html"])
            for learner in reversed(learners):
                unit.progress.complete_skill(learner, right["html"])
        results = race.run(
            lambda: db.skills.delete(left["css"]),  # noqa: B023 (it runs in this round)
            lambda: db.skills.deactivate(right["css"]),  # noqa: B023
        )
        assert [result for result in results if isinstance(result, SkillTreeError)] == []

    assert value(connection, "select min(trees_completed) from user_profiles") == 2 * ROUNDS
    assert drift(connection) == {}
    assert db.doctor.examine() == []


def test_an_edit_waits_for_a_learner_even_if_the_first_learner_is_deleted(db: Database, connection: Connection) -> None:
    (tree,) = insert_trees(connection, {"html": [], "css": []}, 1)
    (ada,), (ben,) = insert_learners(connection, 1, slot=1), insert_learners(connection, 1, slot=2)
    db.progress.complete_skill(ada, tree["html"])
    with ThreadPoolExecutor(2) as threads:
        with db.transaction() as unit:
            unit.progress.complete_skill(ben, tree["html"])
            # Each of them may have to wait for the end of the unit of work.
            deletion = threads.submit(db.users.delete, ada)
            wait([deletion], timeout=0.3)
            edit = threads.submit(db.skills.create, tree.id, name="new")
            wait([edit], timeout=0.3)
        deletion.result(timeout=30)
        edit.result(timeout=30)

    assert drift(connection) == {}


@pytest.mark.parametrize("isolation", ["repeatable\\ read", "serializable"])
def test_actions_at_a_higher_isolation_level_are_refused(
    db: Database, connection: Connection, clone: str, isolation: str
) -> None:
    (tree,) = insert_trees(connection, {"html": [], "css": []}, 1)
    (learner,) = insert_learners(connection, 1)
    db.progress.start_tree(learner, tree.id)
    before = rows(connection, "select * from user_profiles")

    with opened(clone, isolation=isolation) as strict:
        for change in (
            lambda: strict.progress.complete_skill(learner, tree["html"]),
            lambda: strict.progress.pause_tree(learner, tree.id),
            lambda: strict.skills.deactivate(tree["css"]),
            lambda: strict.skills.create(tree.id, name="js"),
            lambda: strict.users.update_profile(learner, is_on_leaderboard=False),
        ):
            with pytest.raises(UnsupportedIsolation):
                change()

    assert rows(connection, "select * from user_profiles") == before
    assert drift(connection) == {}


def test_an_edit_is_not_refused_because_a_learner_is_deleted_meanwhile(db: Database, connection: Connection) -> None:
    (tree,) = insert_trees(connection, {"html": [], "css": [], "layout": ["html", "css"]}, 1)
    ada, ben = insert_learners(connection, 2)
    for learner in (ada, ben):
        db.progress.complete_skill(learner, tree["html"])

    with ThreadPoolExecutor(1) as thread:
        with db.transaction() as unit:
            unit.users.delete(ada)
            edit = thread.submit(db.skills.remove_dependency, tree["layout"], tree["css"])
            wait_for_lock_waiters(connection)
        edit.result(timeout=30)

    assert drift(connection) == {}


# --- deadlocks and serialization failures ----------------------------------------------------------------------------


def crossing_units(
    db: Database, *halves: tuple[Callable[[Database], object], Callable[[Database], object]]
) -> list[Action]:
    """Return units of work that all finish their first half before any starts its second."""
    ready = threading.Barrier(len(halves), timeout=30)

    def run(first: Callable[[Database], object], second: Callable[[Database], object]) -> None:
        with db.transaction() as unit:
            first(unit)  # type: ignore[arg-type]
            ready.wait()
            second(unit)  # type: ignore[arg-type]

    return [lambda half=half: run(*half) for half in halves]  # type: ignore[misc]


def test_one_of_two_units_of_work_with_crossing_locks_on_learners_is_rolled_back(
    db: Database, connection: Connection, race: Race
) -> None:
    trees = insert_trees(connection, {"html": [], "css": []}, 2 * ROUNDS)
    (ada,), (ben,) = insert_learners(connection, 1, slot=1), insert_learners(connection, 1, slot=2)
    begin_trees(db, connection, trees)

    for left, right in zip(trees[::2], trees[1::2], strict=True):
        errors = race.run(
            *crossing_units(
                db,
                (
                    lambda unit: unit.progress.complete_skill(ada, left["html"]),  # noqa: B023 (it runs in this round)
                    lambda unit: unit.progress.complete_skill(ben, right["html"]),  # noqa: B023
                ),
                (
                    lambda unit: unit.progress.complete_skill(ben, right["css"]),  # noqa: B023
                    lambda unit: unit.progress.complete_skill(ada, left["css"]),  # noqa: B023
                ),
            )
        )
        assert Counter(map(type, errors)) == {type(None): 1, ConcurrentUpdate: 1}
        kept, lost = ("html", "css") if errors[0] is None else ("css", "html")
        assert [completed(connection, ada, [left[name]]) for name in (kept, lost)] == [1, 0]
        assert [completed(connection, ben, [right[name]]) for name in (kept, lost)] == [1, 0]

    assert drift(connection) == {}
    assert db.doctor.examine() == []


def test_one_of_two_units_of_work_that_learn_and_edit_crosswise_is_rolled_back(
    db: Database, connection: Connection, race: Race
) -> None:
    trees = insert_trees(connection, {"html": [], "css": []}, 2 * ROUNDS)

    for left, right in zip(trees[::2], trees[1::2], strict=True):
        (ada,), (ben,) = insert_learners(connection, 1, slot=1), insert_learners(connection, 1, slot=2)
        errors = race.run(
            *crossing_units(
                db,
                (
                    lambda unit: unit.progress.complete_skill(ada, left["html"]),  # noqa: B023 (it runs in this round)
                    lambda unit: unit.skills.create(right.id, name="new"),  # noqa: B023
                ),
                (
                    lambda unit: unit.progress.complete_skill(ben, right["html"]),  # noqa: B023
                    lambda unit: unit.skills.deactivate(left["css"]),  # noqa: B023
                ),
            )
        )
        assert Counter(map(type, errors)) == {type(None): 1, ConcurrentUpdate: 1}
        assert [completed(connection, ada, [left["html"]]), completed(connection, ben, [right["html"]])] == [
            int(error is None) for error in errors
        ]
        assert len(db.skills.list_for_tree(right.id)) == (3 if errors[0] is None else 2)
        assert db.skills.get(left["css"]).is_active == (errors[1] is not None)

    assert drift(connection) == {}
    assert db.doctor.examine() == []


def test_a_call_is_retried_after_a_deadlock_and_counted(db: Database, connection: Connection, clone: str) -> None:
    trees = insert_trees(connection, {"html": [], "css": []})
    begin_trees(db, connection, trees)
    undone = 0

    # The call waits for a count that the unit of work has changed. The unit then waits for the learner locked by the
    # call. The session that checks for deadlocks first is cancelled.
    with opened(clone, "20ms") as hasty, opened(clone, "2s") as patient, ThreadPoolExecutor(1) as thread:
        for tree in trees:
            # Both get their first XP, and share rows of leaderboard counts.
            ada, ben = insert_learners(connection, 2, slot=6)
            try:
                with patient.transaction() as unit:
                    unit.progress.complete_skill(ada, tree["html"])
                    call = thread.submit(hasty.progress.complete_skill, ben, tree["html"])
                    wait_for_lock_waiters(connection)
                    unit.progress.complete_skill(ben, tree["css"])
            except ConcurrentUpdate:
                undone += 1
            assert not call.result(timeout=30).already_completed
        retries = hasty.statistics()["retries"]

    # On a slow machine the unit may be too late to block the call.
    assert undone + retries >= ROUNDS
    assert retries > ROUNDS // 10
    assert patient.statistics()["retries"] == 0
    assert value(connection, "select count(*) from xp_events") == 3 * ROUNDS - 2 * undone
    assert drift(connection) == {}
    assert db.doctor.examine() == []
