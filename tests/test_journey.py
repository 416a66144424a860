"""One learner completes both seeded curricula, from the first skill to 100 %. Every number was computed by hand.

Ada begins in Auckland, where summer time ends on 7 April 2024, and flies to Los Angeles on the 12th. Level n begins at
50·n·(n - 1) XP: 100, 300, 600, 1000, 1500, 2100. Of the 40 skills of Practical PostgreSQL, 35 are required.
"""

from collections.abc import Iterator
from datetime import UTC, date, datetime
from zoneinfo import ZoneInfo

import psycopg
import pytest
from pytest_postgresql.executors import NoopExecutor

from conftest import _database
from skilltree import Database
from skilltree.errors import (
    AlreadyCompleted,
    AssessmentNotPassed,
    PrerequisitesNotMet,
    SkillNotOptional,
)
from skilltree.models.enums import CompletionMethod, Leaderboard
from skilltree.models.ids import SkillId, TreeId, UserId
from skilltree.models.progress import Completion, SkillOutcome, TreeProgress
from skilltree.seed import seed

AUCKLAND = ZoneInfo("Pacific/Auckland")
LOS_ANGELES = ZoneInfo("America/Los_Angeles")


@pytest.fixture
def db(template: NoopExecutor) -> Iterator[Database]:
    for url in _database(template, "journey", clone=True):
        with Database(url) as database:
            yield database


class Journey:
    """The actions of one learner and their results. Skills and trees are named by keys and slugs."""

    def __init__(self, db: Database) -> None:
        [*seed(db)]
        self.db = db
        account = {"email": "ada@example.org", "username": "ada", "password": "open sesame", "bcrypt_cost": 4}
        self.ada: UserId = db.users.register(**account, timezone="Pacific/Auckland").id  # type: ignore[arg-type]
        self.trees: dict[str, TreeId] = {}
        self.skills: dict[str, SkillId] = {}
        for slug in ("frontend-web-development", "practical-postgresql"):
            tree = db.trees.load(slug)
            self.trees[slug] = tree.id
            self.skills |= {skill.key: skill.id for skill in tree.skills}
        self.keys = {id_: key for key, id_ in self.skills.items()}
        self.now = datetime(2024, 4, 1, tzinfo=UTC)

    def award(self, name: str, reward: int, kind: str, threshold: int, **limits: object) -> None:
        """Create an achievement, before the learner does anything."""
        params = {"additional_params": limits} if limits else {}
        self.db.achievements.create(
            name=name,
            description=name,
            criteria={"type": kind, "threshold": threshold, **params},
            xp_reward=reward,
        )

    def at(self, day: int, hour: int, minute: int = 0, *, zone: ZoneInfo = AUCKLAND) -> None:
        """Set the current time to a time in April 2024."""
        self.now = datetime(2024, 4, day, hour, minute, tzinfo=zone)

    def start(self, key: str) -> SkillOutcome:
        return self.db.progress.start_skill(self.ada, self.skills[key], at=self.now)

    def spend(self, minutes: int, key: str) -> SkillOutcome:
        return self.db.progress.record_activity(self.ada, self.skills[key], minutes=minutes, at=self.now)

    def attempt(self, key: str, score: float, *, failed: bool = False) -> SkillOutcome:
        return self.db.progress.record_attempt(self.ada, self.skills[key], score=score, failed=failed, at=self.now)

    def complete(self, key: str, score: float | None = None) -> Completion:
        method = CompletionMethod.MANUAL if score is None else CompletionMethod.ASSESSMENT
        return self.db.progress.complete_skill(self.ada, self.skills[key], method=method, score=score, at=self.now)

    def skip(self, key: str) -> SkillOutcome:
        return self.db.progress.skip_skill(self.ada, self.skills[key], at=self.now)

    def opened(self, outcome: SkillOutcome) -> set[str]:
        """Return the keys of the skills that an action unlocked."""
        return {self.keys[skill.id] for skill in outcome.unlocked}

    def way(self, slug: str = "practical-postgresql") -> TreeProgress:
        found = self.db.progress.for_tree(self.ada, self.trees[slug])
        assert found is not None
        return found

    def statuses(self, slug: str = "practical-postgresql") -> dict[str, int]:
        """Return how many skills of a tree are in each status."""
        counts: dict[str, int] = {}
        for skill in self.db.trees.load(slug, self.ada).skills:
            counts[skill.status] = counts.get(skill.status, 0) + 1
        return counts

    def place(self, board: Leaderboard, day: int) -> tuple[int, int]:
        """Return Ada's rank and XP on a leaderboard of UTC's week or month."""
        moment = datetime(2024, 4, day, 12, tzinfo=UTC)
        [place] = self.db.leaderboards.top(board=board, at=moment)
        assert place.user_id == self.ada
        assert self.db.leaderboards.rank(self.ada, board=board, at=moment) == place.rank
        return place.rank, place.xp


def earned(outcome: SkillOutcome) -> dict[str, int]:
    return {one.name: one.xp for one in outcome.achievements}


def gained(outcome: SkillOutcome) -> tuple[int, int]:
    """Return the XP that an action paid, and the total."""
    return outcome.xp_awarded, outcome.total_xp


def levels(outcome: SkillOutcome) -> tuple[int, int]:
    return outcome.level_before, outcome.level_after


def streaks(outcome: SkillOutcome) -> tuple[int, int]:
    return outcome.current_streak, outcome.max_streak


def progress(way: TreeProgress | None) -> tuple[str, int, int, float]:
    assert way is not None
    return way.status, way.skills_completed, way.total_skills, round(way.progress_percent, 4)


def test_a_learner_completes_both_seeded_curricula(db: Database) -> None:
    ada = Journey(db)
    ada.award("Three in a row", 30, "streak_days", 3)
    ada.award("Both of the web", 50, "skill_completion_count", 2, tree_id=ada.trees["frontend-web-development"])
    ada.award("Ten skills", 100, "skill_completion_count", 10)
    ada.award("500 XP", 60, "xp_threshold", 500)
    ada.award("550 XP", 40, "xp_threshold", 550)
    ada.award("Hard nuts", 80, "skill_completion_count", 5, difficulty="ADVANCED")
    ada.award("Four days of SQL", 20, "streak_days", 4, tree_id=ada.trees["practical-postgresql"])
    ada.award("1800 XP", 240, "xp_threshold", 1800)
    ada.award("A month", 500, "streak_days", 30)

    thursday_in_auckland(ada)
    friday_after_midnight(ada)
    saturday(ada)
    sunday_when_the_clocks_go_back(ada)
    tuesday_after_a_day_off(ada)
    monday_told_later(ada)
    wednesday(ada)
    thursday(ada)
    thursday_again_in_los_angeles(ada)
    friday_before_midnight(ada)
    saturday_with_a_second_thought(ada)
    sunday_at_last(ada)

    everything_adds_up(ada)


def thursday_in_auckland(ada: Journey) -> None:
    ada.at(4, 8)  # Wednesday in UTC
    tree = ada.db.progress.start_tree(ada.ada, ada.trees["frontend-web-development"], at=ada.now)
    assert progress(tree) == ("IN_PROGRESS", 0, 2, 0)

    with pytest.raises(PrerequisitesNotMet) as locked:
        ada.start("css")
    assert [ada.keys[SkillId(id_)] for id_ in locked.value.ids] == ["html"]
    assert ada.db.progress.for_skill(ada.ada, ada.skills["css"]) is None

    read = ada.spend(120, "html")
    assert gained(read) == (0, 0)
    assert streaks(read) == (1, 1)
    assert progress(read.tree_progress) == ("IN_PROGRESS", 0, 2, 0)

    html = ada.complete("html")
    assert gained(html) == (75, 75)
    assert earned(html) == {"First Steps": 25}
    assert levels(html) == (1, 1)
    assert streaks(html) == (1, 1)
    assert ada.opened(html) == {"css"}
    assert progress(html.tree_progress) == ("IN_PROGRESS", 1, 2, 50)
    assert html.tree_progress.milestones_reached == (ada.skills["html"],)
    assert html.tree_progress.time_spent_minutes == 120
    assert not html.already_completed

    ada.at(4, 20)  # Thursday in UTC as well; still the same day for Ada
    tried = ada.attempt("css", 55, failed=True)
    assert gained(tried) == (0, 75)
    assert streaks(tried) == (1, 1)
    assert tried.progress is not None
    assert (tried.progress.status, tried.progress.attempts_count, tried.progress.failed_attempts) == (
        "IN_PROGRESS",
        1,
        1,
    )


def friday_after_midnight(ada: Journey) -> None:
    ada.at(5, 0, 30)  # Thursday in UTC; another day for Ada
    assert streaks(ada.spend(90, "css")) == (2, 2)

    with pytest.raises(SkillNotOptional):
        ada.skip("css")
    css = ada.complete("css", score=80)
    assert gained(css) == (125, 200)
    assert earned(css) == {"Both of the web": 50}
    assert levels(css) == (1, 2)
    assert ada.opened(css) == set()
    assert progress(css.tree_progress) == ("COMPLETED", 2, 2, 100)
    assert css.tree_progress.time_spent_minutes == 210
    assert css.tree_progress.completed_at == ada.now
    assert css.progress.completion_score == 80

    again = ada.complete("css", score=95)
    assert again.already_completed
    assert gained(again) == (0, 200)
    assert earned(again) == {}
    assert levels(again) == (2, 2)
    assert (again.progress.completion_score, again.progress.completed_at) == (95, css.progress.completed_at)

    with pytest.raises(AlreadyCompleted):
        ada.db.progress.start_tree(ada.ada, ada.trees["frontend-web-development"])
    profile = ada.db.users.get_profile(ada.ada)
    assert (profile.trees_started, profile.trees_completed, profile.skills_completed) == (1, 1, 2)
    assert profile.hours_learned == 3.5


def saturday(ada: Journey) -> None:
    ada.at(6, 10)
    with pytest.raises(PrerequisitesNotMet) as locked:
        ada.start("capstone")
    missing = [ada.keys[SkillId(id_)] for id_ in locked.value.ids]
    assert len(missing) == 34
    assert missing[0] == "first-steps"
    assert missing.index("mvcc") < missing.index("locking") < missing.index("safe-migrations")
    assert ada.statuses() == {"AVAILABLE": 1, "LOCKED": 39}

    first = ada.complete("first-steps")
    assert gained(first) == (45, 245)
    assert earned(first) == {"Three in a row": 30}
    assert streaks(first) == (3, 3)
    assert ada.opened(first) == {"first-select", "tables-and-types"}
    assert progress(first.tree_progress) == ("IN_PROGRESS", 1, 35, 2.8571)

    assert gained(ada.complete("first-select")) == (15, 260)
    assert gained(ada.complete("tables-and-types")) == (20, 280)
    assert gained(ada.complete("filtering-sorting")) == (15, 295)
    changing = ada.complete("changing-data")
    assert gained(changing) == (15, 310)
    assert levels(changing) == (2, 3)
    assert ada.opened(changing) == {"constraints", "transaction-basics"}
    assert progress(changing.tree_progress) == ("IN_PROGRESS", 5, 35, 14.2857)
    assert ada.statuses() == {"COMPLETED": 5, "AVAILABLE": 5, "LOCKED": 30}


def sunday_when_the_clocks_go_back(ada: Journey) -> None:
    ada.at(7, 23, 30)
    assert streaks(ada.spend(45, "roles-privileges")) == (4, 4)
    assert gained(ada.complete("roles-privileges")) == (30, 340)

    ada.attempt("joins", 60, failed=True)
    with pytest.raises(AssessmentNotPassed):
        ada.complete("joins", score=69)
    joins = ada.complete("joins", score=72)
    assert gained(joins) == (20, 360)
    assert (joins.progress.attempts_count, joins.progress.completion_score) == (1, 72)

    grouping = ada.complete("grouping")
    assert gained(grouping) == (115, 475)
    assert earned(grouping) == {"Ten skills": 100}
    assert ada.opened(grouping) == set()

    constraints = ada.complete("constraints")
    assert gained(constraints) == (20, 495)
    assert ada.opened(constraints) == {"sql-foundations", "upsert-merge"}

    # The XP of one achievement earns the other.
    basics = ada.complete("transaction-basics")
    assert gained(basics) == (125, 620)
    assert earned(basics) == {"500 XP": 60, "550 XP": 40}
    assert levels(basics) == (3, 4)
    assert ada.opened(basics) == {"mvcc", "backups"}
    assert progress(basics.tree_progress) == ("IN_PROGRESS", 10, 35, 28.5714)
    assert streaks(basics) == (4, 4)


def tuesday_after_a_day_off(ada: Journey) -> None:
    ada.at(9, 9)
    foundations = ada.complete("sql-foundations", score=70)
    assert gained(foundations) == (30, 650)
    assert streaks(foundations) == (1, 4)
    assert ada.opened(foundations) == {
        "subqueries-ctes",
        "btree-indexes",
        "jsonb-documents",
        "schema-design",
        "row-level-security",
    }
    assert progress(foundations.tree_progress) == ("IN_PROGRESS", 11, 35, 31.4286)
    assert foundations.tree_progress.milestones_reached == (ada.skills["sql-foundations"],)

    skipped = ada.skip("upsert-merge")
    assert gained(skipped) == (0, 650)
    assert ada.opened(skipped) == set()
    assert progress(skipped.tree_progress) == ("IN_PROGRESS", 11, 35, 31.4286)

    paused = ada.db.progress.pause_tree(ada.ada, ada.trees["practical-postgresql"])
    assert progress(paused) == ("PAUSED", 11, 35, 31.4286)
    mvcc = ada.complete("mvcc")
    assert gained(mvcc) == (20, 670)
    assert ada.opened(mvcc) == {"isolation-levels", "vacuum"}
    assert progress(mvcc.tree_progress) == ("IN_PROGRESS", 12, 35, 34.2857)
    assert ada.statuses() == {"COMPLETED": 12, "SKIPPED": 1, "AVAILABLE": 8, "LOCKED": 19}


def monday_told_later(ada: Journey) -> None:
    ada.at(8, 12)
    read = ada.spend(15, "mvcc")
    assert gained(read) == (0, 670)
    assert streaks(read) == (6, 6)
    assert read.progress is not None
    assert (read.progress.status, read.progress.time_spent_minutes) == ("COMPLETED", 15)
    assert ada.way().time_spent_minutes == 60


def wednesday(ada: Journey) -> None:
    ada.at(10, 18)
    backups = ada.complete("backups", score=100)
    assert gained(backups) == (50, 720)
    assert streaks(backups) == (7, 7)
    assert ada.opened(backups) == {"streaming-replication"}
    assert gained(ada.complete("subqueries-ctes")) == (30, 750)
    assert gained(ada.complete("btree-indexes")) == (30, 780)
    assert gained(ada.complete("jsonb-documents")) == (25, 805)
    assert gained(ada.complete("schema-design")) == (30, 835)
    assert gained(ada.complete("isolation-levels")) == (35, 870)
    assert gained(ada.complete("vacuum")) == (30, 900)
    assert gained(ada.complete("row-level-security")) == (30, 930)
    replication = ada.complete("streaming-replication")
    assert gained(replication) == (45, 975)
    assert earned(replication) == {}
    assert levels(replication) == (4, 4)
    assert progress(replication.tree_progress) == ("IN_PROGRESS", 21, 35, 60)


def thursday(ada: Journey) -> None:
    ada.at(11, 7)
    assert streaks(ada.skip("recursive-queries")) == (7, 7)
    windows = ada.complete("window-functions")
    assert gained(windows) == (30, 1005)
    assert levels(windows) == (4, 5)
    assert streaks(windows) == (8, 8)

    plans = ada.complete("reading-plans")
    assert gained(plans) == (125, 1130)
    assert earned(plans) == {"Hard nuts": 80}

    indexes = ada.complete("specialised-indexes")
    assert gained(indexes) == (30, 1160)
    assert ada.opened(indexes) == {"query-tuning", "full-text-search"}
    locking = ada.complete("locking")
    assert gained(locking) == (35, 1195)
    assert ada.opened(locking) == {"safe-migrations", "job-queue"}
    pooling = ada.complete("connection-pooling")
    assert gained(pooling) == (25, 1220)
    assert ada.opened(pooling) == {"monitoring"}
    review = ada.complete("security-review")
    assert gained(review) == (40, 1260)
    assert levels(review) == (5, 5)
    assert ada.opened(review) == set()
    assert gained(ada.skip("logical-replication")) == (0, 1260)
    assert progress(ada.way()) == ("IN_PROGRESS", 27, 35, 77.1429)


def thursday_again_in_los_angeles(ada: Journey) -> None:
    ada.db.users.update_profile(ada.ada, timezone="America/Los_Angeles")
    ada.at(11, 20, zone=LOS_ANGELES)  # Friday in Auckland and in UTC
    tuning = ada.complete("query-tuning")
    assert gained(tuning) == (60, 1320)
    assert streaks(tuning) == (8, 8)
    assert ada.opened(tuning) == {"reporting-project"}
    assert progress(tuning.tree_progress) == ("IN_PROGRESS", 28, 35, 80)


def friday_before_midnight(ada: Journey) -> None:
    ada.at(12, 23, 59, zone=LOS_ANGELES)  # Saturday in UTC
    search = ada.complete("full-text-search")
    assert gained(search) == (60, 1380)
    assert earned(search) == {"Four days of SQL": 20}
    assert streaks(search) == (9, 9)
    assert ada.opened(search) == {"search-project"}

    migrations = ada.complete("safe-migrations")
    assert gained(migrations) == (40, 1420)
    assert ada.opened(migrations) == {"partitioning"}
    monitoring = ada.complete("monitoring")
    assert gained(monitoring) == (35, 1455)
    assert ada.opened(monitoring) == {"production-readiness"}
    assert progress(monitoring.tree_progress) == ("IN_PROGRESS", 31, 35, 88.5714)

    queue = ada.complete("job-queue")
    assert gained(queue) == (50, 1505)
    assert levels(queue) == (5, 6)
    assert progress(queue.tree_progress) == ("IN_PROGRESS", 31, 35, 88.5714)


def saturday_with_a_second_thought(ada: Journey) -> None:
    ada.at(13, 12, zone=LOS_ANGELES)
    assert gained(ada.skip("partitioning")) == (0, 1505)
    report = ada.complete("reporting-project")
    assert gained(report) == (70, 1575)
    assert streaks(report) == (10, 10)
    assert gained(ada.complete("search-project")) == (70, 1645)

    reset = ada.db.progress.reset_skill(ada.ada, ada.skills["grouping"])
    assert gained(reset) == (0, 1645)
    assert progress(reset.tree_progress) == ("IN_PROGRESS", 32, 35, 91.4286)
    assert ada.db.users.get_profile(ada.ada).skills_completed == 35
    grouping = ada.complete("grouping")
    assert not grouping.already_completed
    assert gained(grouping) == (0, 1645)
    assert earned(grouping) == {}
    assert progress(grouping.tree_progress) == ("IN_PROGRESS", 33, 35, 94.2857)

    ready = ada.complete("production-readiness", score=88)
    assert gained(ready) == (65, 1710)
    assert ada.opened(ready) == {"capstone"}
    assert progress(ready.tree_progress) == ("IN_PROGRESS", 34, 35, 97.1429)


def sunday_at_last(ada: Journey) -> None:
    ada.at(14, 8, zone=LOS_ANGELES)
    assert streaks(ada.spend(300, "capstone")) == (11, 11)
    capstone = ada.complete("capstone")
    assert gained(capstone) == (390, 2100)
    assert earned(capstone) == {"1800 XP": 240}
    assert levels(capstone) == (6, 7)
    assert streaks(capstone) == (11, 11)
    assert ada.opened(capstone) == set()
    assert progress(capstone.tree_progress) == ("COMPLETED", 35, 35, 100)
    assert capstone.tree_progress.completed_at == ada.now
    assert capstone.tree_progress.time_spent_minutes == 360
    assert {ada.keys[id_] for id_ in capstone.tree_progress.milestones_reached} == {
        "sql-foundations",
        "query-tuning",
        "reporting-project",
        "search-project",
        "production-readiness",
        "capstone",
    }


def everything_adds_up(ada: Journey) -> None:
    profile = ada.db.users.get_profile(ada.ada)
    assert (profile.total_xp, profile.current_level) == (2100, 7)
    assert (profile.current_streak, profile.max_streak) == (0, 11)  # the streak has lapsed since
    assert profile.last_activity_on == date(2024, 4, 14)
    assert profile.skills_completed == 38
    assert (profile.trees_started, profile.trees_completed) == (2, 2)
    assert profile.hours_learned == 9.5

    assert ada.statuses() == {"COMPLETED": 36, "SKIPPED": 4}
    assert ada.statuses("frontend-web-development") == {"COMPLETED": 2}
    assert {one.name for one in ada.db.achievements.for_user(ada.ada) if one.progress == 100} == {
        "First Steps",
        "Three in a row",
        "Both of the web",
        "Ten skills",
        "500 XP",
        "550 XP",
        "Hard nuts",
        "Four days of SQL",
        "1800 XP",
    }

    with psycopg.connect(ada.db._url) as connection:
        ledger = connection.execute(
            "select source_kind, count(*), sum(xp) from xp_events where user_id = %s group by source_kind order by 1",
            [ada.ada],
        ).fetchall()
        days = connection.execute(
            "select activity_date, minutes from user_activity_days where user_id = %s order by 1", [ada.ada]
        ).fetchall()
    assert ledger == [("ACHIEVEMENT", 9, 645), ("SKILL", 38, 1455)]
    assert days == [
        (date(2024, 4, 4), 120),
        (date(2024, 4, 5), 90),
        (date(2024, 4, 6), 0),
        (date(2024, 4, 7), 45),
        (date(2024, 4, 8), 15),
        (date(2024, 4, 9), 0),
        (date(2024, 4, 10), 0),
        (date(2024, 4, 11), 0),
        (date(2024, 4, 12), 0),
        (date(2024, 4, 13), 0),
        (date(2024, 4, 14), 300),
    ]

    # Weeks start on Monday in UTC. Ada's work on Sunday in Auckland still counts for the first week.
    assert ada.place(Leaderboard.ALL_TIME, 14) == (1, 2100)
    assert ada.place(Leaderboard.WEEK, 7) == (1, 620)
    assert ada.place(Leaderboard.WEEK, 8) == (1, 1480)
    assert ada.place(Leaderboard.MONTH, 30) == (1, 2100)

    assert ada.db.doctor.examine() == []
