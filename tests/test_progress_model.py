"""The progress engine compared with a plain model of its rules: random learners and authors, and every number.

The model follows docs/progress.md. It does not share the database's way of keeping numbers up to date. It derives
everything again each time.
"""

from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from functools import partial
from itertools import count, repeat
from typing import Any
from uuid import NAMESPACE_URL, UUID, uuid5
from zoneinfo import ZoneInfo

import networkx as nx
import psycopg
import pytest
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, rule, run_state_machine_as_test
from pytest_postgresql.executors import NoopExecutor

from _sync.factories import TABLES
from conftest import _database
from skilltree import Database
from skilltree.errors import (
    AlreadyCompleted,
    AssessmentNotPassed,
    InvalidValue,
    PrerequisitesNotMet,
    SkillInactive,
    SkillNotFound,
    SkillNotOptional,
    SkillTreeError,
    TreeNotFound,
    TreeNotStarted,
    TreePaused,
    UserNotFound,
)
from skilltree.models.enums import CompletionMethod, DifficultyLevel, SkillType
from skilltree.models.ids import AchievementId, CategoryId, SkillId, TreeId, UserId
from skilltree.models.progress import SkillOutcome, TreeProgress

Connection = psycopg.Connection[tuple[Any, ...]]
Errors = set[type[SkillTreeError]]

_STEPS = settings(
    deadline=None,
    max_examples=15,
    stateful_step_count=50,
    database=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow, HealthCheck.data_too_large],
)

ZONES = ["UTC", "Pacific/Auckland", "America/Los_Angeles", "Europe/London", "Pacific/Kiritimati", "Asia/Kolkata", None]

# Each period starts a few days before a clock change in Los Angeles, London, Auckland, and Los Angeles.
PERIODS = [date(2024, 3, 8), date(2024, 3, 29), date(2024, 4, 5), date(2024, 11, 1)]


@pytest.fixture(scope="module")
def db(template: NoopExecutor) -> Iterator[Database]:
    for url in _database(template, "progress_model", clone=True):
        with Database(url) as database:
            yield database


@pytest.fixture(scope="module")
def connection(db: Database) -> Iterator[Connection]:
    with psycopg.connect(db._url, autocommit=True) as connection:
        connection.execute("set max_parallel_workers_per_gather = 0")
        yield connection


# --- the model -------------------------------------------------------------------------------------------------------


@dataclass
class Skill:
    id: SkillId
    tree: "Tree"
    needs: "set[SkillId]"
    is_optional: bool
    is_milestone: bool
    xp_value: int
    difficulty: DifficultyLevel
    skill_type: SkillType
    passing_score: float | None
    is_active: bool = True


@dataclass
class Tree:
    id: TreeId
    slug: str
    category_id: CategoryId
    needs: set[TreeId] = field(default_factory=set)
    skills: dict[SkillId, Skill] = field(default_factory=dict)

    @property
    def active(self) -> list[Skill]:
        return [skill for skill in self.skills.values() if skill.is_active]

    @property
    def counted(self) -> list[Skill]:
        required = [skill for skill in self.active if not skill.is_optional]
        return required or self.active


@dataclass
class Work:
    status: str = "AVAILABLE"
    minutes: int = 0
    attempts: int = 0
    failed: int = 0
    score: float | None = None


@dataclass(frozen=True)
class Event:
    """XP granted once, with the skill as it was then. Achievements have no tree, category, difficulty or type."""

    xp: int
    day: date
    at: datetime
    tree_id: TreeId | None = None
    category_id: CategoryId | None = None
    difficulty: DifficultyLevel | None = None
    skill_type: SkillType | None = None


@dataclass(frozen=True)
class Criterion:
    kind: str
    threshold: int
    reward: int
    limits: dict[str, object]

    @property
    def document(self) -> dict[str, object]:
        params = {"additional_params": self.limits} if self.limits else {}
        return {"type": self.kind, "threshold": self.threshold, **params}


@dataclass
class Day:
    """A day of a learner's calendar: the time of its first activity, and whether it counts or only joins others."""

    minutes: int = 0
    at: datetime | None = None
    counts: bool = True
    excused: bool = False


@dataclass
class Learner:
    id: UserId
    zone: str | None
    begins_at: int = 0
    is_listed: bool = True
    work: dict[SkillId, Work] = field(default_factory=dict)
    trees: dict[TreeId, str] = field(default_factory=dict)
    days: dict[date, Day] = field(default_factory=dict)
    last: tuple[datetime, timedelta] | None = None
    ledger: dict[tuple[str, UUID], Event] = field(default_factory=dict)

    def offset(self, at: datetime) -> timedelta:
        """Return how far the learner's day is ahead of the UTC day, including the hour at which it starts."""
        return at.astimezone(ZoneInfo(self.zone or "UTC")).utcoffset() - timedelta(hours=self.begins_at)  # type: ignore[operator]

    def day_of(self, at: datetime) -> date:
        return (at.astimezone(UTC) + self.offset(at)).date()

    def goes_on(self, at: datetime) -> bool:
        """Return whether the streak of the latest day has not lapsed."""
        if not self.days or self.day_of(at) <= max(self.days) + timedelta(days=1):
            return bool(self.days)
        if self.last is None:
            return False
        apart, ahead = at - self.last[0], self.offset(at) - self.last[1]
        return apart <= timedelta(hours=24) or (apart <= timedelta(hours=36) and ahead >= timedelta(hours=12))

    def on(self, skill: Skill) -> Work:
        return self.work.setdefault(skill.id, Work())

    def has(self, skill: Skill) -> str:
        return self.work.get(skill.id, Work()).status

    def is_open(self, skill: Skill) -> bool:
        needed = [skill.tree.skills[one] for one in skill.needs]
        return all(self.has(one) in {"COMPLETED", "SKIPPED"} for one in needed if one.is_active)

    def status(self, skill: Skill) -> str:
        begun = self.has(skill)
        if begun != "AVAILABLE":
            return begun
        return "AVAILABLE" if self.is_open(skill) else "LOCKED"

    def tree_status(self, tree: Tree) -> str:
        return self.trees.get(tree.id, "NOT_STARTED")

    def done(self, tree: Tree) -> list[Skill]:
        return [skill for skill in tree.counted if self.has(skill) == "COMPLETED"]

    def settle(self, tree: Tree) -> None:
        """Complete the tree, if it is in progress and all its skills are done."""
        if self.tree_status(tree) in {"IN_PROGRESS", "PAUSED"} and 0 < len(tree.counted) == len(self.done(tree)):
            self.trees[tree.id] = "COMPLETED"

    def begin(self, tree: Tree) -> None:
        """Start or resume a tree, as work in it does."""
        if self.tree_status(tree) != "COMPLETED":
            self.trees[tree.id] = "IN_PROGRESS"

    def learn(self, at: datetime, minutes: int = 0) -> None:
        day = self.day_of(at)
        if day not in self.days:
            latest = max(self.days, default=day)
            goes_on = self.goes_on(at)
            self.days[day] = Day(at=at)
            for skipped in range(1, (day - latest).days) if goes_on else ():
                self.days[day - timedelta(days=skipped)] = Day(counts=False)
            # The second day of a streak may follow at once. Each further day needs 24 hours, or 23 at a clock change.
            run = [one for one in self.run_with(day) if self.days[one].counts]
            moments = [self.moment_of(one) for one in run]
            counts = max(moments) - min(moments) >= (len(run) - 2) * timedelta(hours=24) - timedelta(hours=2)
            if day > latest:
                counts = at >= min(moments[:-1], default=at) + (len(run) - 2) * timedelta(hours=24) - timedelta(hours=2)
            self.days[day].counts = counts
        self.days[day].minutes += minutes
        if self.last is None or at >= self.last[0]:
            self.last = at, self.offset(at)

    def run_with(self, day: date) -> list[date]:
        """Return the consecutive days that include this one."""
        first, last = day, day
        while first - timedelta(days=1) in self.days:
            first -= timedelta(days=1)
        while last + timedelta(days=1) in self.days:
            last += timedelta(days=1)
        return [first + timedelta(days=number) for number in range((last - first).days + 1)]

    def moment_of(self, day: date) -> datetime:
        return self.days[day].at or datetime(day.year, day.month, day.day, tzinfo=UTC)

    @property
    def joining(self) -> set[date]:
        """Return the days that join others without counting."""
        return {one for one, day in self.days.items() if day.excused or not day.counts}

    @property
    def streaks(self) -> list[int]:
        return runs(self.days, {one for one, day in self.days.items() if not day.counts})

    @property
    def total_xp(self) -> int:
        return sum(event.xp for event in self.ledger.values())

    @property
    def level(self) -> int:
        return max(level for level in range(1, 101) if 50 * level * (level - 1) <= self.total_xp)

    @property
    def current_streak(self) -> int:
        return self.streaks[-1] if self.days else 0

    def reported_streak(self, at: datetime) -> int:
        """Return the current streak, or 0 if it has lapsed by this time."""
        return self.current_streak if self.goes_on(at) else 0

    @property
    def max_streak(self) -> int:
        return max(self.streaks, default=0)

    def reached(self, criterion: Criterion) -> int:
        """Return the value that a criterion compares with its threshold."""
        counted = [
            event
            for (kind, _), event in self.ledger.items()
            if kind == "SKILL" and all(getattr(event, name) == wanted for name, wanted in criterion.limits.items())
        ]
        if criterion.kind == "skill_completion_count":
            return len(counted)
        if criterion.kind == "xp_threshold":
            return sum(event.xp for event in counted) if criterion.limits else self.total_xp
        if not criterion.limits:
            return self.max_streak
        return max(runs({event.day for event in counted}, self.joining), default=0) if counted else 0

    def award(self, achievements: dict[AchievementId, Criterion], at: datetime) -> dict[AchievementId, int]:
        """Award every earned achievement, until no further one is earned."""
        earned: dict[AchievementId, int] = {}
        while due := [
            (achievement, criterion)
            for achievement, criterion in achievements.items()
            if ("ACHIEVEMENT", achievement) not in self.ledger and self.reached(criterion) >= criterion.threshold
        ]:
            for achievement, criterion in due:
                self.ledger["ACHIEVEMENT", achievement] = Event(criterion.reward, self.day_of(at), at)
                earned[achievement] = criterion.reward
        return earned

    @property
    def scores(self) -> dict[tuple[str, date], tuple[int, datetime]]:
        """Return the XP on each leaderboard, and the time of the last event."""
        scores: dict[tuple[str, date], tuple[int, datetime]] = {}
        for event in self.ledger.values():
            day = event.at.astimezone(UTC).date()
            monday, first = day - timedelta(days=day.weekday()), day.replace(day=1)
            for board in (("ALL_TIME", date(1970, 1, 1)), ("WEEK", monday), ("MONTH", first)):
                if event.xp > 0:
                    xp, reached_at = scores.get(board, (0, event.at))
                    scores[board] = xp + event.xp, max(reached_at, event.at)
        return scores


def runs(days: Iterable[date], joining: Iterable[date] = ()) -> list[int]:
    """Return the length of each run of consecutive days, in order. Days that only join others do not count."""
    lengths: list[int] = []
    last = None
    for day in sorted({*days, *joining}):
        counts = day not in joining
        if last is not None and day == last + timedelta(days=1):
            lengths[-1] += counts
        else:
            lengths.append(int(counts))
        last = day
    return lengths


# --- the database and the model----------------------------------------------------------------------------------------


@dataclass(frozen=True)
class When:
    """A moment: a number of half hours after the start of a period, or now, or in the future."""

    half_hours: int
    kind: str

    def after(self, start: date) -> datetime:
        if self.kind != "then":
            return datetime.now(UTC) + (timedelta(hours=1) if self.kind == "future" else timedelta())
        midnight = datetime(start.year, start.month, start.day, tzinfo=UTC)
        return midnight + timedelta(minutes=30 * self.half_hours)


PLACE = st.sampled_from(range(64))
WHEN = st.builds(When, st.sampled_from(range(48 * 5)), st.sampled_from(["then"] * 20 + ["now"] * 3 + ["future"]))
TREE_ACTIONS = ["start_tree"] * 3 + ["pause_tree"] * 3 + ["resume_tree", "reset_tree"]
LEADS_TO = {
    "start_tree": "IN_PROGRESS",
    "pause_tree": "PAUSED",
    "resume_tree": "IN_PROGRESS",
    "reset_tree": "NOT_STARTED",
}
REFUSALS: dict[tuple[str, str], type[SkillTreeError]] = {
    ("NOT_STARTED", "pause_tree"): TreeNotStarted,
    ("NOT_STARTED", "resume_tree"): TreeNotStarted,
    ("COMPLETED", "start_tree"): AlreadyCompleted,
    ("COMPLETED", "pause_tree"): AlreadyCompleted,
    ("COMPLETED", "resume_tree"): AlreadyCompleted,
    ("PAUSED", "start_tree"): TreePaused,
}
ALL_TIME = ("ALL_TIME", date(1970, 1, 1))
SCORE = st.none() | st.sampled_from([0.0, 40.0, 69.5, 70.0, 85.0, 100.0, 101.0])


class Progress(RuleBasedStateMachine):
    """Learners and authors act alike in the database and in the model. Numbers that are drawn select who and what."""

    def __init__(self, db: Database, connection: Connection) -> None:
        super().__init__()
        self.db = db
        self.connection = connection
        deletions = "; ".join(f"delete from {table}" for table in TABLES)
        connection.execute(f"begin; set local session_replication_role = replica; {deletions}; commit")
        self.learners: list[Learner] = []
        self.trees: list[Tree] = []
        self.achievements: dict[AchievementId, Criterion] = {}
        # Ids are the same in each run of an example, so everything ordered by id is the same as well.
        self.ids = map(uuid5, repeat(NAMESPACE_URL), map(str, count()))
        self.gone = SkillId(next(self.ids))

    # --- drawing

    @property
    def skills(self) -> list[Skill]:
        return [skill for tree in self.trees for skill in tree.skills.values()]

    def _learner(self, place: int) -> Learner:
        return self.learners[place % len(self.learners)]

    def _tree(self, place: int) -> Tree:
        return self.trees[place % len(self.trees)]

    def _skill(self, place: int, fits: Callable[[Skill], bool] = lambda skill: True) -> Skill | None:
        """Return a skill; three times in four one that fits, if there is one."""
        fitting = [skill for skill in self.skills if fits(skill)]
        skills = fitting if fitting and place % 4 else self.skills
        return skills[place // 4 % len(skills)] if skills else None

    def _within(self, tree: Tree, places: Sequence[int]) -> set[SkillId]:
        known = [*tree.skills]
        return {known[place % len(known)] for place in places} if known else set()

    # --- initial rows

    @initialize(
        zones=st.lists(st.sampled_from(ZONES[:-1]), min_size=2, max_size=3),
        shapes=st.lists(st.lists(st.lists(PLACE, max_size=2), min_size=2, max_size=4), min_size=2, max_size=3),
        kinds=st.lists(st.integers(0, 63), min_size=12, max_size=12),
        start=st.sampled_from(PERIODS),
    )
    def begin(self, zones: list[str], shapes: list[list[list[int]]], kinds: list[int], start: date) -> None:
        self.start = start
        self.categories = [self.db.categories.create(name=name, slug=name).id for name in ("first", "second")]
        kind = iter(kinds)
        for number, shape in enumerate(shapes):
            slug = f"tree-{number}"
            created = self.db.trees.create(self.categories[number % 2], name=slug, slug=slug)
            self.db.trees.publish(created.id)
            self.trees.append(Tree(created.id, slug, self.categories[number % 2]))
            for places in shape:
                self._create(self.trees[-1], places, next(kind))
        for number, zone in enumerate(zones):
            name = f"learner{number}"
            account = {"email": f"{name}@example.org", "username": name, "password": "open sesame", "bcrypt_cost": 4}
            self.learners.append(Learner(self.db.users.register(**account, timezone=zone).id, zone))  # type: ignore[arg-type]
        for criterion in self._criteria():
            self._achievement(criterion)

    def _criteria(self) -> Iterator[Criterion]:
        skills, xp, streak = "skill_completion_count", "xp_threshold", "streak_days"
        tree, category = {"tree_id": self.trees[0].id}, {"category_id": self.categories[1]}
        hard, project = {"difficulty": DifficultyLevel.ADVANCED}, {"skill_type": SkillType.PROJECT}
        yield Criterion(skills, 1, 25, {})
        yield Criterion(skills, 3, 0, {})
        yield Criterion(xp, 60, 40, {})
        yield Criterion(xp, 100, 45, {})
        yield Criterion(xp, 145, 5, {})
        yield Criterion(streak, 2, 15, {})
        yield Criterion(streak, 3, 35, {})
        for limits, reward in (
            (tree, 1),
            (category, 2),
            (hard, 3),
            (project, 4),
            (tree | hard, 6),
            (category | project, 7),
        ):
            yield Criterion(skills, 2, reward, limits)
            yield Criterion(xp, 30, reward, limits)
            yield Criterion(streak, 2, reward, limits)

    def _achievement(self, criterion: Criterion) -> None:
        made = self.db.achievements.create(
            name=f"{criterion.kind} {criterion.threshold}",
            description="For the model",
            criteria=criterion.document,
            xp_reward=criterion.reward,
        )
        self.achievements[made.id] = criterion

    def _create(self, tree: Tree, places: Sequence[int], kind: int) -> None:
        """Create a skill. The bits of ``kind`` select its properties."""
        needs = self._within(tree, places)
        skill = Skill(
            id=SkillId(next(self.ids)),
            tree=tree,
            needs=needs,
            is_optional=kind & 1 == 1,
            is_milestone=kind & 2 == 2,
            xp_value=(0, 10, 25, 35)[kind >> 2 & 3],
            difficulty=DifficultyLevel.ADVANCED if kind & 16 else DifficultyLevel.BEGINNER,
            skill_type=SkillType.PROJECT if kind & 32 else SkillType.KNOWLEDGE,
            passing_score=(None, 70, 40, None)[kind & 3],
        )
        self.db.skills.create(
            tree.id,
            id=skill.id,
            name="skill",
            key=str(skill.id),
            dependencies=[*needs],
            is_optional=skill.is_optional,
            is_milestone=skill.is_milestone,
            xp_value=skill.xp_value,
            difficulty=skill.difficulty,
            skill_type=skill.skill_type,
            assessments=None if skill.passing_score is None else {"passing_score": skill.passing_score},
        )
        tree.skills[skill.id] = skill

    # --- actions of learners

    def _refused(self, faults: Errors, call: Callable[[], object]) -> bool:
        """Return whether there are faults. If so, the call must raise one of them and write nothing."""
        if not faults:
            return False
        before = self._fingerprint()
        with pytest.raises(tuple(faults)) as caught:
            call()
        assert caught.type in faults
        assert self._fingerprint() == before
        return True

    def _fingerprint(self) -> list[tuple[Any, ...]]:
        """Return a fingerprint that changes with every written row, even with equal values."""
        prints = " union all ".join(
            f"select '{table}', count(*), md5(string_agg({table}.xmin || {table}::text, ' ' order by {table}::text))"
            f" from {table}"
            for table in TABLES
        )
        return sorted(self.connection.execute(prints).fetchall())

    def _forbidden(self, action: str, learner: Learner, skill: Skill) -> Errors:
        """Return the errors with which a status forbids an action."""
        status = learner.status(skill)
        if action == "reset_skill" or (action, status) in {("complete_skill", "COMPLETED"), ("skip_skill", "SKIPPED")}:
            return set()
        if not skill.is_active:
            return {SkillInactive}
        if status == "COMPLETED":
            return {AlreadyCompleted} if action in {"start_skill", "skip_skill"} else set()
        if action == "skip_skill" and not skill.is_optional:
            return {SkillNotOptional}
        if status == "LOCKED" or (status == "SKIPPED" and not learner.is_open(skill)):
            return {PrerequisitesNotMet}
        return set()

    @contextmanager
    def _acting(self, learner: Learner, skill: Skill, at: datetime) -> Iterator[list[SkillOutcome]]:
        """Compare the outcome of an action with the change that the block makes to the model."""
        tree = skill.tree
        xp, level = learner.total_xp, learner.level
        locked = {one.id for one in tree.active if learner.status(one) == "LOCKED"}
        answers: list[SkillOutcome] = []

        yield answers

        learner.settle(tree)
        earned = learner.award(self.achievements, at)
        [answer] = answers
        opened = {one.id for one in tree.active if one.id in locked and learner.status(one) == "AVAILABLE"}
        assert {one.id for one in answer.unlocked} == opened
        assert len(answer.unlocked) == len(opened)
        assert {one.id: one.xp for one in answer.achievements} == earned
        assert answer.total_xp == learner.total_xp
        assert answer.xp_awarded == learner.total_xp - xp
        assert (answer.level_before, answer.level_after) == (level, learner.level)
        assert (answer.current_streak, answer.max_streak) == (learner.reported_streak(at), learner.max_streak)
        if answer.progress is not None:
            assert work_of(answer.progress) == learner.on(skill)
        self._compare_tree(learner, tree, answer.tree_progress)
        for one in opened:
            row = self.db.progress.for_skill(learner.id, one)
            assert row is not None
            assert row.status == "AVAILABLE"
            assert row.unlocked_at is not None
        self._compare(learner)

    def _act(
        self,
        action: str,
        who: int,
        what: int,
        when: When | None,
        effect: Callable[[Learner, Skill, datetime], None],
        faults: Iterable[type[SkillTreeError]] = (),
        **given: object,
    ) -> SkillOutcome | None:
        learner = self._learner(who)
        skill = self._skill(what, lambda skill: not self._forbidden(action, learner, skill))
        if skill is None:
            return None
        at = datetime.now(UTC) if when is None else when.after(self.start)
        if when is not None:
            given["at"] = at
        found = {*faults, *self._forbidden(action, learner, skill)}
        if when is not None and when.kind == "future":
            found.add(InvalidValue)
        call = partial(getattr(self.db.progress, action), learner.id, skill.id, **given)
        if self._refused(found, call):
            self._explained(found, learner, skill, call)
            return None

        with self._acting(learner, skill, at) as answers:
            answers.append(call())
            effect(learner, skill, at)
        return answers[0]

    def _explained(self, faults: Errors, learner: Learner, skill: Skill, call: Callable[[], object]) -> None:
        """Check that the error of a locked skill lists all missing skills, each after its own dependencies."""
        if faults != {PrerequisitesNotMet}:
            return
        with pytest.raises(PrerequisitesNotMet) as caught:
            call()
        ways = self._missing(learner, skill)
        ids = [*caught.value.ids]
        assert set(ids) == set(ways) - {skill.id}
        assert all(ids.index(after) > ids.index(before) for after, before in ways.edges if after != skill.id)

    def _missing(self, learner: Learner, skill: Skill) -> "nx.DiGraph[Any]":
        """Return the graph of missing skills before a skill, without those that only started skills need."""
        missing = [one for one in skill.tree.active if learner.has(one) not in {"COMPLETED", "SKIPPED"}]
        known = {one.id for one in missing} | {skill.id}
        edges = [(one, needed) for one in [*missing, skill] for needed in one.needs if needed in known]
        asked: nx.DiGraph[Any] = nx.DiGraph(
            (one.id, needed) for one, needed in edges if learner.has(one) != "IN_PROGRESS"
        )
        asked.add_node(skill.id)
        reached = nx.descendants(asked, skill.id) | {skill.id}
        graph: nx.DiGraph[Any] = nx.DiGraph()
        graph.add_nodes_from(reached)
        graph.add_edges_from((one.id, needed) for one, needed in edges if {one.id, needed} <= reached)
        return graph

    @rule(who=PLACE, what=PLACE, when=WHEN)
    def start_skill(self, who: int, what: int, when: When) -> None:
        def effect(learner: Learner, skill: Skill, at: datetime) -> None:
            learner.on(skill).status = "IN_PROGRESS"
            learner.begin(skill.tree)

        self._act("start_skill", who, what, when, effect)

    @rule(who=PLACE, what=PLACE, when=WHEN, minutes=st.sampled_from([0, 1, 25, 90, 1440, -1, 1441]))
    def record_activity(self, who: int, what: int, when: When, minutes: int) -> None:
        def effect(learner: Learner, skill: Skill, at: datetime) -> None:
            work = learner.on(skill)
            work.minutes += minutes
            if work.status != "COMPLETED":
                work.status = "IN_PROGRESS"
            learner.begin(skill.tree)
            learner.learn(at, minutes)

        faults: Errors = set() if 0 <= minutes <= 1440 else {InvalidValue}
        self._act("record_activity", who, what, when, effect, faults, minutes=minutes)

    @rule(who=PLACE, what=PLACE, when=WHEN, score=SCORE, failed=st.booleans())
    def record_attempt(self, who: int, what: int, when: When, score: float | None, failed: bool) -> None:
        def effect(learner: Learner, skill: Skill, at: datetime) -> None:
            work = learner.on(skill)
            work.attempts += 1
            work.failed += failed
            work.score = best(work.score, score)
            if work.status != "COMPLETED":
                work.status = "IN_PROGRESS"
            learner.begin(skill.tree)
            learner.learn(at)

        faults: Errors = set() if score is None or score <= 100 else {InvalidValue}
        self._act("record_attempt", who, what, when, effect, faults, score=score, failed=failed)

    @rule(who=PLACE, what=PLACE, when=WHEN, score=SCORE, assessed=st.sampled_from([False, False, False, True]))
    def complete_skill(self, who: int, what: int, when: When, score: float | None, assessed: bool) -> None:
        learner = self._learner(who)
        skill = self._skill(what, lambda skill: not self._forbidden("complete_skill", learner, skill))
        if skill is None:
            return
        method = CompletionMethod.ASSESSMENT if assessed else CompletionMethod.MANUAL
        repeated = learner.has(skill) == "COMPLETED"

        def effect(learner: Learner, skill: Skill, at: datetime) -> None:
            work = learner.on(skill)
            work.score = best(work.score, score)
            if repeated:
                return
            work.status = "COMPLETED"
            learner.begin(skill.tree)
            learner.learn(at)
            paid = Event(
                skill.xp_value,
                learner.day_of(at),
                at,
                skill.tree.id,
                skill.tree.category_id,
                skill.difficulty,
                skill.skill_type,
            )
            learner.ledger.setdefault(("SKILL", skill.id), paid)

        faults: Errors = set() if score is None or score <= 100 else {InvalidValue}
        if assessed and not repeated:
            faults |= self._unpassed(learner, skill, score)
        answer = self._act("complete_skill", who, what, when, effect, faults, score=score, method=method)
        if answer is not None:
            assert answer.already_completed == repeated  # type: ignore[attr-defined]

    def _unpassed(self, learner: Learner, skill: Skill, score: float | None) -> Errors:
        reached = best(learner.work.get(skill.id, Work()).score, score)
        if reached is None:
            return {InvalidValue}
        return {AssessmentNotPassed} if reached < (skill.passing_score or 0) else set()

    @rule(
        who=PLACE, whats=st.lists(PLACE, min_size=2, max_size=4), when=WHEN, every=st.sampled_from([0, 24, 47, 48, 50])
    )
    def study(self, who: int, whats: list[int], when: When, every: int) -> None:
        """Complete several skills, ``every`` half hours apart."""
        learner = self._learner(who)
        for number, what in enumerate(whats):
            places = [
                place
                for place, skill in enumerate(self.skills)
                if learner.status(skill) in {"AVAILABLE", "IN_PROGRESS"}
            ]
            if places:
                then = When(when.half_hours + number * every, "then")
                self.complete_skill(who, 4 * places[what % len(places)], then, None, False)

    @rule(who=PLACE, what=PLACE, when=WHEN)
    def skip_skill(self, who: int, what: int, when: When) -> None:
        def effect(learner: Learner, skill: Skill, at: datetime) -> None:
            if learner.has(skill) != "SKIPPED":
                learner.on(skill).status = "SKIPPED"
                learner.begin(skill.tree)

        self._act("skip_skill", who, what, when, effect)

    @rule(who=PLACE, what=PLACE)
    def reset_skill(self, who: int, what: int) -> None:
        def effect(learner: Learner, skill: Skill, at: datetime) -> None:
            learner.work[skill.id] = Work()

        self._act("reset_skill", who, what, None, effect)

    @rule(who=PLACE, what=PLACE, when=WHEN, action=st.sampled_from(TREE_ACTIONS))
    def act_on_tree(self, who: int, what: int, when: When, action: str) -> None:
        learner, tree = self._learner(who), self._tree(what)
        status = learner.tree_status(tree)
        faults: Errors = set()
        if error := REFUSALS.get((status, action)):
            faults.add(error)
        if (status, action) == ("NOT_STARTED", "start_tree") and any(
            learner.tree_status(one) != "COMPLETED" for one in self.trees if one.id in tree.needs
        ):
            faults.add(PrerequisitesNotMet)
        if action != "start_tree":
            self._act_on_tree(action, learner, tree, faults)
            return
        if when.kind == "future":
            faults.add(InvalidValue)
        self._act_on_tree(action, learner, tree, faults, at=when.after(self.start))

    def _act_on_tree(self, action: str, learner: Learner, tree: Tree, faults: Errors, **given: object) -> None:
        call = partial(getattr(self.db.progress, action), learner.id, tree.id, **given)
        if self._refused(faults, call):
            return
        answer = call()
        learner.trees[tree.id] = LEADS_TO[action]
        if action == "reset_tree":
            for skill in tree.skills:
                learner.work.pop(skill, None)
        self._compare_tree(learner, tree, answer)
        self._compare(learner)

    @rule(
        who=PLACE,
        zone=st.sampled_from(ZONES),
        begins_at=st.sampled_from([0, 0, 3, 12]),
        is_listed=st.sampled_from([None, None, True, False]),
    )
    def edit_profile(self, who: int, zone: str | None, begins_at: int, is_listed: bool | None) -> None:
        learner = self._learner(who)

        self.db.users.update_profile(learner.id, timezone=zone, day_starts_at=begins_at)
        if is_listed is not None:
            self.db.users.update_profile(learner.id, is_on_leaderboard=is_listed)
            learner.is_listed = is_listed

        learner.zone, learner.begins_at = zone, begins_at
        self._compare(learner)

    @rule(who=PLACE, later=st.sampled_from(range(-1, 7)))
    def give_a_day_back(self, who: int, later: int) -> None:
        learner = self._learner(who)
        day = self.start + timedelta(days=later)
        missed = day not in learner.days or not learner.days[day].counts

        answer = self.db.progress.restore_streak(learner.id, [day], reason="the server was down")

        if missed:
            learner.days.setdefault(day, Day()).counts = learner.days[day].excused = True
        at = answer.achievements[0].earned_at if answer.achievements else datetime.now(UTC)
        assert {one.id: one.xp for one in answer.achievements} == learner.award(self.achievements, at)
        assert answer.days == ((day,) if missed else ())
        self._compare(learner)

    @rule(who=PLACE, what=PLACE, zones=st.lists(st.sampled_from(ZONES), min_size=2, max_size=4), when=WHEN)
    def travel(self, who: int, what: int, zones: list[str | None], when: When) -> None:
        """Learn in several time zones, a few hours apart."""
        for number, zone in enumerate(zones):
            self.edit_profile(who, zone, 0, None)
            self.record_activity(who, what, When(when.half_hours + 17 * number, "then"), 1)

    @rule(who=PLACE, what=PLACE, action=st.sampled_from(["start_skill", "complete_skill", "skip_skill", "reset_skill"]))
    def name_what_is_unknown(self, who: int, what: int, action: str) -> None:
        learner, skill = self._learner(who), self._skill(what)
        act = getattr(self.db.progress, action)

        self._refused({SkillNotFound}, lambda: act(learner.id, self.gone))
        if skill is not None:
            self._refused({UserNotFound}, lambda: act(UserId(self.gone), skill.id))
        self._refused({TreeNotFound}, lambda: self.db.progress.reset_tree(learner.id, TreeId(self.gone)))

    # --- actions of authors

    def _follow(self, tree: Tree) -> None:
        """Apply an edit of a tree to every learner of the model, and compare them."""
        for learner in self.learners:
            learner.settle(tree)
            self._compare(learner)

    @rule(where=PLACE, places=st.lists(PLACE, max_size=2), kind=st.integers(0, 63))
    def create(self, where: int, places: list[int], kind: int) -> None:
        tree = self._tree(where)
        if len(tree.skills) > 7:
            return

        self._create(tree, places, kind)

        self._follow(tree)

    @rule(
        what=PLACE,
        changed=st.fixed_dictionaries(
            {},
            optional={
                "is_active": st.booleans(),
                "is_optional": st.booleans(),
                "is_milestone": st.booleans(),
                "xp_value": st.sampled_from([0, 15, 50]),
                "difficulty": st.sampled_from([DifficultyLevel.ADVANCED, DifficultyLevel.EXPERT]),
                "skill_type": st.sampled_from([SkillType.PROJECT, SkillType.PRACTICAL]),
            },
        ),
    )
    def update(self, what: int, changed: dict[str, Any]) -> None:
        skill = self._skill(what)
        if skill is None or not changed:
            return

        self.db.skills.update(skill.id, **changed)

        for name, value in changed.items():
            setattr(skill, name, value)
        self._follow(skill.tree)

    @rule(what=PLACE, wholly=st.booleans())
    def remove(self, what: int, wholly: bool) -> None:
        skill = self._skill(what)
        if skill is None:
            return

        (self.db.skills.delete if wholly else self.db.skills.deactivate)(skill.id)

        skill.is_active = False
        if wholly:
            del skill.tree.skills[skill.id]
            for other in skill.tree.skills.values():
                other.needs.discard(skill.id)
            for learner in self.learners:
                learner.work.pop(skill.id, None)
        self._follow(skill.tree)

    @rule(what=PLACE, places=st.lists(PLACE, max_size=2), how=st.sampled_from(["set", "add", "remove"]))
    def relink(self, what: int, places: list[int], how: str) -> None:
        skill = self._skill(what)
        if skill is None:
            return
        given = self._within(skill.tree, places)
        needs = {"set": given, "add": skill.needs | given, "remove": skill.needs - given}[how]
        if not self._without_cycle(skill, needs):
            return

        if how == "set":
            self.db.skills.set_dependencies(skill.id, [*needs])
        for needed in given if how != "set" else ():
            getattr(self.db.skills, f"{how}_dependency")(skill.id, needed)

        skill.needs = needs
        self._follow(skill.tree)

    @rule(who=PLACE, what=PLACE, place=PLACE, action=st.sampled_from(["start", "complete", "skip"]))
    def add_prerequisite_to_begun_work(self, who: int, what: int, place: int, action: str) -> None:
        """Add a missing prerequisite to a skill that a learner has started or skipped, and let the learner go on."""
        learner = self._learner(who)
        begun = [one for one in self.skills if learner.has(one) in {"SKIPPED", "IN_PROGRESS"}]
        if not begun:
            return
        skill = begun[what % len(begun)]
        todo = [one for one in skill.tree.active if learner.has(one) == "AVAILABLE"]
        if not todo or not self._without_cycle(skill, skill.needs | {(needed := todo[place % len(todo)]).id}):
            return

        self.db.skills.add_dependency(skill.id, needed.id)

        skill.needs = skill.needs | {needed.id}
        self._follow(skill.tree)
        index, now = 4 * self.skills.index(skill), When(0, "now")
        if action == "complete":
            self.complete_skill(who, index, now, None, False)
        else:
            (self.start_skill if action == "start" else self.skip_skill)(who, index, now)

    @rule(who=PLACE, where=PLACE, how=st.sampled_from(["is_active", "is_optional", "delete"]), paused=st.booleans())
    def leave_nothing_to_do(self, who: int, where: int, how: str, paused: bool) -> None:
        """Remove the unfinished skills of a learner from a tree, or make them optional."""
        learner = self._learner(who)
        begun = [tree for tree in self.trees if learner.done(tree)]
        if not begun:
            return
        tree = begun[where % len(begun)]
        if paused and learner.tree_status(tree) == "IN_PROGRESS":
            self._act_on_tree("pause_tree", learner, tree, set())

        for skill in [one for one in tree.counted if learner.has(one) != "COMPLETED"]:
            place = 4 * self.skills.index(skill)
            if how == "delete":
                self.remove(place, True)
            else:
                self.update(place, {how: how == "is_optional"})

    def _without_cycle(self, skill: Skill, needs: set[SkillId]) -> bool:
        edges = [(one.id, needed) for one in skill.tree.skills.values() if one is not skill for needed in one.needs]
        return nx.is_directed_acyclic_graph(nx.DiGraph([*edges, *((skill.id, needed) for needed in needs)]))

    @rule(where=PLACE, without=PLACE, changed=PLACE, optional=st.booleans(), active=st.booleans())
    def import_again(self, where: int, without: int, changed: int, optional: bool, active: bool) -> None:
        """Import an export of a tree, without one skill and with a change to another."""
        tree = self._tree(where)
        exported = self.db.trees.export_tree(tree.slug)
        keys = sorted(skill.key for skill in exported.skills)
        if len(keys) < 2:
            return
        left_out = keys.pop(without % len(keys))
        other = keys[changed % len(keys)]

        kept = [
            skill.model_copy(update={"dependencies": tuple(key for key in skill.dependencies if key != left_out)})
            for skill in exported.skills
            if skill.key != left_out
        ]
        edited = {"optional": optional, "active": active}
        skills = tuple(skill.model_copy(update=edited) if skill.key == other else skill for skill in kept)
        self.db.trees.import_tree(exported.model_copy(update={"skills": skills}))

        tree.skills[SkillId(UUID(other))].is_optional = optional
        tree.skills[SkillId(UUID(other))].is_active = active
        # Skills missing from the curriculum leave the graph, even if an earlier import removed them.
        kept_ids = {SkillId(UUID(key)) for key in keys}
        for skill in tree.skills.values():
            skill.is_active = skill.is_active and skill.id in kept_ids
            skill.needs = skill.needs & kept_ids if skill.id in kept_ids else set()
        self._follow(tree)

    @rule(where=PLACE, category=st.integers(0, 1), first=st.booleans())
    def move_tree(self, where: int, category: int, first: bool) -> None:
        """Move a tree to a category, and make the first tree its prerequisite or not."""
        tree = self._tree(where)
        needs = {self.trees[0].id} if first and tree is not self.trees[0] else set()

        self.db.trees.update(tree.id, category_id=self.categories[category])
        self.db.trees.set_prerequisites(tree.id, [*needs])

        tree.category_id, tree.needs = self.categories[category], needs

    @rule(where=PLACE, really=st.sampled_from([False] * 5 + [True]))
    def delete_tree(self, where: int, really: bool) -> None:
        tree = self._tree(where)
        # Achievements and other trees refer to the first tree.
        if not really or tree is self.trees[0]:
            return

        self.db.trees.delete(tree.id)

        self.trees.remove(tree)
        for learner in self.learners:
            learner.trees.pop(tree.id, None)
            for skill in tree.skills:
                learner.work.pop(skill, None)
        self._follow(tree)

    # --- comparisons

    def _compare_tree(self, learner: Learner, tree: Tree, way: TreeProgress | None) -> None:
        minutes = sum(learner.work[skill].minutes for skill in tree.skills if skill in learner.work)
        if way is None:
            assert learner.tree_status(tree) == "NOT_STARTED"
            assert minutes == len(learner.done(tree)) == 0
            return
        total, done = len(tree.counted), len(learner.done(tree))
        assert way.status == learner.tree_status(tree)
        assert (way.total_skills, way.skills_completed) == (total, done)
        assert way.progress_percent == pytest.approx(100 * done / total if total else 0)
        assert way.time_spent_minutes == minutes
        milestones = {one.id for one in tree.active if one.is_milestone and learner.has(one) == "COMPLETED"}
        assert set(way.milestones_reached) == milestones
        assert len(way.milestones_reached) == len(milestones)
        assert (way.completed_at is not None) == (way.status == "COMPLETED")

    def _compare(self, learner: Learner) -> None:
        self._compare_work(learner)
        self._compare_profile(learner)
        self._compare_ledger(learner)

    def _compare_work(self, learner: Learner) -> None:
        stored = self.db.progress.list_for_user(learner.id, limit=1000).items
        rows = {row.skill_id: work for row in stored if (work := work_of(row)) != Work()}
        assert rows == {skill: work for skill, work in learner.work.items() if work != Work()}
        for tree in self.trees:
            loaded = self.db.trees.load(tree.slug, learner.id)
            assert {one.id: one.status for one in loaded.skills} == {one.id: learner.status(one) for one in tree.active}
            self._compare_tree(learner, tree, loaded.progress)

    def _compare_profile(self, learner: Learner) -> None:
        profile = self.db.users.get_profile(learner.id)
        assert profile.total_xp == learner.total_xp
        assert profile.current_level == learner.level
        assert profile.current_streak == learner.reported_streak(datetime.now(UTC))
        assert profile.max_streak == learner.max_streak
        assert profile.last_activity_on == max(learner.days, default=None)
        assert profile.skills_completed == sum(work.status == "COMPLETED" for work in learner.work.values())
        assert profile.trees_started == sum(status != "NOT_STARTED" for status in learner.trees.values())
        assert profile.trees_completed == sum(status == "COMPLETED" for status in learner.trees.values())
        assert profile.hours_learned == pytest.approx(sum(day.minutes for day in learner.days.values()) / 60)

    def _compare_ledger(self, learner: Learner) -> None:
        events = self.connection.execute(
            "select source_kind, source_id, xp, granted_on, granted_at,"
            " skill_tree_id, category_id, difficulty, skill_type from xp_events where user_id = %s",
            [learner.id],
        ).fetchall()
        days = self.connection.execute(
            "select activity_date, minutes, learnt_at, is_counted, excuse is not null from user_activity_days"
            " where user_id = %s",
            [learner.id],
        ).fetchall()
        scores = self.connection.execute(
            "select board, starts_on, xp, reached_at, is_listed from user_scores where user_id = %s", [learner.id]
        ).fetchall()
        earned = self.db.achievements.for_user(learner.id)
        assert {(kind, source): Event(*what) for kind, source, *what in events} == learner.ledger
        assert {day: Day(*noted) for day, *noted in days} == learner.days
        assert {(board, start): (xp, at) for board, start, xp, at, _ in scores} == learner.scores
        assert {is_listed for *_, is_listed in scores} <= {learner.is_listed}
        assert {one.achievement_id for one in earned if one.progress == 100} == {
            source for kind, source in learner.ledger if kind == "ACHIEVEMENT"
        }

    def teardown(self) -> None:
        for learner in self.learners:
            self._compare(learner)
        if self.learners:
            self._compare_ranks()
        assert self.db.doctor.examine() == []

    def _compare_ranks(self) -> None:
        scores = {one.id: one.scores[ALL_TIME] for one in self.learners if one.is_listed and ALL_TIME in one.scores}
        ranked = sorted((-xp, reached_at, user_id) for user_id, (xp, reached_at) in scores.items())
        ranks = {user_id: 1 + sum(other < minus_xp for other, *_ in ranked) for minus_xp, _, user_id in ranked}
        top = self.db.leaderboards.top(10)
        assert [(one.user_id, one.rank, one.xp) for one in top] == [
            (user_id, ranks[user_id], -minus_xp) for minus_xp, _, user_id in ranked
        ]
        for learner in self.learners:
            assert self.db.leaderboards.rank(learner.id) == ranks.get(learner.id)


def work_of(row: Any) -> Work:
    """Return the stored work of a learner on a skill in the form of the model."""
    status = "AVAILABLE" if row.status == "LOCKED" else str(row.status)
    assert (row.progress_percent == 100) == (status == "COMPLETED")
    assert (row.completed_at is not None) == (status == "COMPLETED")
    return Work(status, row.time_spent_minutes, row.attempts_count, row.failed_attempts, row.completion_score)


def best(known: float | None, score: float | None) -> float | None:
    return max((one for one in (known, score) if one is not None), default=None)


def test_random_learners_and_authors_agree_with_the_model(db: Database, connection: Connection) -> None:
    run_state_machine_as_test(partial(Progress, db, connection), settings=_STEPS)  # type: ignore[arg-type]
