"""Time ``progress.complete_skill`` against hand-written psycopg and against the SQLAlchemy ORM.

One process, one database (``DATABASE_URL``, empty but migrated), interleaved; prints medians, the median of the ratios,
and the throughput of 1 to 8 connections. Each completes a skill for a learner who has not done anything yet: three
dependents open and one achievement is earned. The peers do the same, as the doctor confirms in the end. Compared twice:
over the server's own unix socket, and with a quarter of a millisecond each way, as between two machines.
"""

import os
import socket
import statistics
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from datetime import UTC, date, datetime, timedelta
from enum import StrEnum
from itertools import islice
from multiprocessing import Barrier, Process
from multiprocessing.synchronize import Barrier as AnyBarrier
from queue import SimpleQueue
from threading import Thread
from typing import Any
from uuid import UUID
from zoneinfo import ZoneInfo

import psycopg
import sqlalchemy as sa
from psycopg import Connection
from psycopg.conninfo import conninfo_to_dict, make_conninfo
from psycopg.rows import DictRow, dict_row
from sqlalchemy.dialects import postgresql as pg
from sqlalchemy.orm import DeclarativeBase, Mapped, Session, mapped_column

from skilltree import Database
from skilltree.models.enums import (
    CompletionMethod,
    DifficultyLevel,
    Leaderboard,
    SkillProgressStatus,
    SkillType,
    TreeProgressStatus,
)
from skilltree.models.ids import SkillId, UserId

LEARNERS = 6000
ONE_WAY = 0.00025
ROUNDS = 300
WARM_UP = 30
PER_RUN = 480


# --- by hand: one transaction, ten statements -------------------------------------------------------------------------

LEARNER = """select total_xp, current_level, current_streak, max_streak, last_activity_on, timezone
    from user_profiles where user_id = %s for update"""
SKILL = """select s.skill_tree_id, s.xp_value, s.difficulty, s.skill_type, t.category_id, s.dependents, p.status,
        (select count(*) from skills d where d.id = any(s.dependencies) and d.is_active and not exists (
            select 1 from user_skill_progress q where q.user_id = %(user)s and q.skill_id = d.id
            and q.status in ('COMPLETED', 'SKIPPED'))) as missing
    from skills s join skill_trees t on t.id = s.skill_tree_id
    left join user_skill_progress p on p.skill_id = s.id and p.user_id = %(user)s
    where s.id = %(skill)s and s.is_active"""
COMPLETE = """insert into user_skill_progress (user_id, skill_id, skill_tree_id, status, progress_percent,
        completion_method, unlocked_at, started_at, last_activity_at, completed_at)
    values (%(user)s, %(skill)s, %(tree)s, 'COMPLETED', 100, 'MANUAL', now(), now(), now(), now())
    on conflict (user_id, skill_id) do update set status = 'COMPLETED', progress_percent = 100,
        completion_method = 'MANUAL', last_activity_at = now(), completed_at = now()
    returning id, status, completed_at"""
EVENT = """insert into xp_events (user_id, source_kind, source_id, xp, granted_on, skill_tree_id, category_id,
        difficulty, skill_type)
    values (%(user)s, 'SKILL', %(skill)s, %(xp)s, %(day)s, %(tree)s, %(category)s, %(difficulty)s, %(type)s)
    on conflict do nothing"""
UNLOCK = """insert into user_skill_progress (user_id, skill_id, skill_tree_id, status, unlocked_at)
    select %(user)s, d.id, d.skill_tree_id, 'AVAILABLE', now()
    from skills d
    where d.id = any(%(dependents)s) and d.is_active and not exists (
        select 1 from skills n where n.id = any(d.dependencies) and n.is_active and not exists (
            select 1 from user_skill_progress q where q.user_id = %(user)s and q.skill_id = n.id
            and q.status in ('COMPLETED', 'SKIPPED')))
    on conflict (user_id, skill_id) do nothing
    returning skill_id"""
TREE = """insert into user_skill_tree_progress (user_id, skill_tree_id, status, total_skills, skills_completed,
        progress_percent, milestones_reached, started_at, last_activity_at)
    select %(user)s, %(tree)s, 'IN_PROGRESS', count(*), count(p.skill_id), 100.0 * count(p.skill_id) / count(*),
        coalesce(array_agg(s.id) filter (where s.is_milestone and p.skill_id is not null), '{}'), now(), now()
    from skills s
    left join user_skill_progress p on p.user_id = %(user)s and p.skill_id = s.id and p.status = 'COMPLETED'
    where s.skill_tree_id = %(tree)s and s.is_active and not s.is_optional
    on conflict (user_id, skill_tree_id) do update set total_skills = excluded.total_skills,
        skills_completed = excluded.skills_completed, progress_percent = excluded.progress_percent,
        milestones_reached = excluded.milestones_reached, last_activity_at = excluded.last_activity_at
    returning skills_completed, total_skills, progress_percent"""
DAY = "insert into user_activity_days (user_id, activity_date) values (%s, %s) on conflict do nothing"
AWARD = """with earned as (
        insert into user_achievements (user_id, achievement_id)
        select %(user)s, a.id from achievements a
        where a.is_active and not a.is_limited
            and not exists (select 1 from user_achievements u where u.user_id = %(user)s and u.achievement_id = a.id)
            and a.threshold <= case a.criterion
                when 'skill_completion_count' then
                    (select count(*) from xp_events e where e.user_id = %(user)s and e.source_kind = 'SKILL')
                when 'xp_threshold' then %(xp)s
                else %(streak)s end
        on conflict do nothing
        returning achievement_id)
    insert into xp_events (user_id, source_kind, source_id, xp, granted_on)
    select %(user)s, 'ACHIEVEMENT', a.id, a.xp_reward, %(day)s
    from earned e join achievements a on a.id = e.achievement_id
    returning source_id, xp"""
PROFILE = """update user_profiles set total_xp = %(xp)s,
        current_level = (select max(level) from levels where min_xp <= %(xp)s),
        current_streak = %(streak)s, max_streak = greatest(max_streak, %(streak)s), last_activity_on = %(day)s,
        last_activity_at = now(), skills_completed = skills_completed + 1, trees_started = (
            select count(*) from user_skill_tree_progress t where t.user_id = %(user)s and t.status <> 'NOT_STARTED')
    where user_id = %(user)s
    returning total_xp, current_level, current_streak"""
SCORES = """with period as (
        select b.board::leaderboard as board, b.starts_on, o.xp as before
        from (values ('ALL_TIME', date 'epoch'), ('WEEK', date_trunc('week', now() at time zone 'UTC')::date),
            ('MONTH', date_trunc('month', now() at time zone 'UTC')::date)) as b (board, starts_on)
        left join user_scores o
            on o.user_id = %(user)s and o.board = b.board::leaderboard and o.starts_on = b.starts_on),
    saved as (
        insert into user_scores (user_id, board, starts_on, xp, reached_at, is_listed)
        select %(user)s, board, starts_on, coalesce(before, 0) + %(gain)s, now(), true from period
        on conflict (user_id, board, starts_on) do update set xp = excluded.xp, reached_at = excluded.reached_at)
    insert into leaderboard_counts (board, starts_on, level, bucket, slot, counts)
    select board, starts_on, m.level, m.bucket, get_byte(uuid_send(%(user)s), 15) & 7, m.changes
    from period, leaderboard_moves(before, coalesce(before, 0) + %(gain)s) as m
    order by board, starts_on, m.level, m.bucket
    on conflict (board, starts_on, level, bucket, slot) do update
    set counts = add_counts(leaderboard_counts.counts, excluded.counts)"""


def by_hand(connection: Connection[DictRow], user_id: UUID, skill_id: UUID) -> None:
    """Complete a skill."""
    with connection.transaction():
        learner = _row(connection, LEARNER, [user_id])
        params: dict[str, Any] = {"user": user_id, "skill": skill_id}
        skill = _row(connection, SKILL, params)
        if skill["missing"] or skill["status"] == "COMPLETED":
            raise ValueError("not now")
        day = datetime.now(ZoneInfo(learner["timezone"])).date()
        streak = _streak(learner["current_streak"], learner["last_activity_on"], day)
        params |= {
            "tree": skill["skill_tree_id"],
            "category": skill["category_id"],
            "difficulty": skill["difficulty"],
            "type": skill["skill_type"],
            "dependents": skill["dependents"],
            "xp": skill["xp_value"],
            "day": day,
            "streak": streak,
        }
        connection.execute(COMPLETE, params).fetchone()
        connection.execute(EVENT, params)
        connection.execute(UNLOCK, params).fetchall()
        connection.execute(TREE, params).fetchone()
        connection.execute(DAY, [user_id, day])
        params["xp"] += learner["total_xp"]
        for award in connection.execute(AWARD, params).fetchall():
            params["xp"] += award["xp"]
        connection.execute(PROFILE, params).fetchone()
        connection.execute(SCORES, params | {"gain": params["xp"] - learner["total_xp"]})


def _row(connection: Connection[DictRow], statement: str, params: list[Any] | dict[str, Any]) -> DictRow:
    row = connection.execute(statement, params).fetchone()
    assert row is not None  # noqa: S101 (tells the type)
    return row


def _streak(streak: int, last_on: date | None, day: date) -> int:
    if last_on == day:
        return streak
    return streak + 1 if last_on == day - timedelta(days=1) else 1


# --- by SQLAlchemy 2, the natural way ---------------------------------------------------------------------------------


class Base(DeclarativeBase):
    pass


def _enum(name: str, labels: type[StrEnum]) -> pg.ENUM:
    return pg.ENUM(*labels, name=name, create_type=False)


class ProfileRow(Base):
    __tablename__ = "user_profiles"
    user_id: Mapped[UUID] = mapped_column(primary_key=True)
    timezone: Mapped[str]
    total_xp: Mapped[int]
    current_level: Mapped[int]
    current_streak: Mapped[int]
    max_streak: Mapped[int]
    skills_completed: Mapped[int]
    trees_started: Mapped[int]
    last_activity_on: Mapped[date | None]
    last_activity_at: Mapped[datetime | None] = mapped_column(sa.DateTime(timezone=True))


class TreeRow(Base):
    __tablename__ = "skill_trees"
    id: Mapped[UUID] = mapped_column(primary_key=True)
    category_id: Mapped[UUID]


class SkillRow(Base):
    __tablename__ = "skills"
    id: Mapped[UUID] = mapped_column(primary_key=True)
    skill_tree_id: Mapped[UUID] = mapped_column(sa.ForeignKey("skill_trees.id"))
    xp_value: Mapped[int]
    difficulty: Mapped[str] = mapped_column(sa.Text)
    skill_type: Mapped[str] = mapped_column(sa.Text)
    dependencies: Mapped[list[UUID]] = mapped_column(pg.ARRAY(sa.Uuid))
    dependents: Mapped[list[UUID]] = mapped_column(pg.ARRAY(sa.Uuid))
    is_active: Mapped[bool]
    is_optional: Mapped[bool]
    is_milestone: Mapped[bool]


class ProgressRow(Base):
    __tablename__ = "user_skill_progress"
    user_id: Mapped[UUID] = mapped_column(primary_key=True)
    skill_id: Mapped[UUID] = mapped_column(primary_key=True)
    skill_tree_id: Mapped[UUID]
    status: Mapped[str] = mapped_column(_enum("skill_progress_status", SkillProgressStatus))
    progress_percent: Mapped[float] = mapped_column(default=0.0)
    completion_method: Mapped[str | None] = mapped_column(_enum("completion_method", CompletionMethod))
    unlocked_at: Mapped[datetime | None] = mapped_column(sa.DateTime(timezone=True))
    started_at: Mapped[datetime | None] = mapped_column(sa.DateTime(timezone=True))
    last_activity_at: Mapped[datetime | None] = mapped_column(sa.DateTime(timezone=True))
    completed_at: Mapped[datetime | None] = mapped_column(sa.DateTime(timezone=True))


class TreeProgressRow(Base):
    __tablename__ = "user_skill_tree_progress"
    user_id: Mapped[UUID] = mapped_column(primary_key=True)
    skill_tree_id: Mapped[UUID] = mapped_column(primary_key=True)
    status: Mapped[str] = mapped_column(_enum("tree_progress_status", TreeProgressStatus))
    total_skills: Mapped[int]
    skills_completed: Mapped[int]
    progress_percent: Mapped[float]
    milestones_reached: Mapped[list[UUID]] = mapped_column(pg.ARRAY(sa.Uuid))
    started_at: Mapped[datetime | None] = mapped_column(sa.DateTime(timezone=True))
    last_activity_at: Mapped[datetime | None] = mapped_column(sa.DateTime(timezone=True))


class EventRow(Base):
    __tablename__ = "xp_events"
    user_id: Mapped[UUID] = mapped_column(primary_key=True)
    source_kind: Mapped[str] = mapped_column(primary_key=True)
    source_id: Mapped[UUID] = mapped_column(primary_key=True)
    xp: Mapped[int]
    granted_at: Mapped[datetime] = mapped_column(sa.DateTime(timezone=True))
    granted_on: Mapped[date]
    skill_tree_id: Mapped[UUID | None]
    category_id: Mapped[UUID | None]
    difficulty: Mapped[str | None] = mapped_column(_enum("difficulty_level", DifficultyLevel))
    skill_type: Mapped[str | None] = mapped_column(_enum("skill_type", SkillType))


class DayRow(Base):
    __tablename__ = "user_activity_days"
    user_id: Mapped[UUID] = mapped_column(primary_key=True)
    activity_date: Mapped[date] = mapped_column(primary_key=True)


class AchievementRow(Base):
    __tablename__ = "achievements"
    id: Mapped[UUID] = mapped_column(primary_key=True)
    criterion: Mapped[str]
    threshold: Mapped[int]
    is_limited: Mapped[bool]
    is_active: Mapped[bool]
    xp_reward: Mapped[int]


class AwardRow(Base):
    __tablename__ = "user_achievements"
    user_id: Mapped[UUID] = mapped_column(primary_key=True)
    achievement_id: Mapped[UUID] = mapped_column(primary_key=True)


class LevelRow(Base):
    __tablename__ = "levels"
    level: Mapped[int] = mapped_column(primary_key=True)
    min_xp: Mapped[int]


class CountsRow(Base):
    __tablename__ = "leaderboard_counts"
    board: Mapped[str] = mapped_column(_enum("leaderboard", Leaderboard), primary_key=True)
    starts_on: Mapped[date] = mapped_column(primary_key=True)
    level: Mapped[int] = mapped_column(primary_key=True)
    bucket: Mapped[int] = mapped_column(primary_key=True)
    slot: Mapped[int] = mapped_column(primary_key=True)
    counts: Mapped[list[int]] = mapped_column(pg.ARRAY(sa.Integer))


class ScoreRow(Base):
    __tablename__ = "user_scores"
    user_id: Mapped[UUID] = mapped_column(primary_key=True)
    board: Mapped[str] = mapped_column(_enum("leaderboard", Leaderboard), primary_key=True)
    starts_on: Mapped[date] = mapped_column(primary_key=True)
    xp: Mapped[int]
    reached_at: Mapped[datetime] = mapped_column(sa.DateTime(timezone=True))
    is_listed: Mapped[bool]


def by_orm(session: Session, user_id: UUID, skill_id: UUID) -> None:  # noqa: PLR0915 (the natural way is one function)
    """Complete a skill: load objects, change them, let the session write."""
    with session.begin():
        now = datetime.now(UTC)
        profile = session.get_one(ProfileRow, user_id, with_for_update=True)
        skill = session.get_one(SkillRow, skill_id)
        tree = session.get_one(TreeRow, skill.skill_tree_id)
        skills = session.scalars(sa.select(SkillRow).where(SkillRow.skill_tree_id == tree.id, SkillRow.is_active)).all()
        work = {
            row.skill_id: row
            for row in session.scalars(
                sa.select(ProgressRow).where(ProgressRow.user_id == user_id, ProgressRow.skill_tree_id == tree.id)
            )
        }
        active = {each.id for each in skills}

        def satisfied(id: UUID) -> bool:  # noqa: A002 (what it is)
            return id not in active or (id in work and work[id].status in {"COMPLETED", "SKIPPED"})

        if not all(map(satisfied, skill.dependencies)):
            raise ValueError("not now")
        row = work.get(skill_id)
        if row is None:
            row = ProgressRow(
                user_id=user_id, skill_id=skill_id, skill_tree_id=tree.id, unlocked_at=now, started_at=now
            )
            session.add(row)
            work[skill_id] = row
        row.status, row.progress_percent, row.completion_method = "COMPLETED", 100.0, "MANUAL"
        row.completed_at = row.last_activity_at = now
        for each in skills:
            if each.id in skill.dependents and each.id not in work and all(map(satisfied, each.dependencies)):
                session.add(
                    ProgressRow(
                        user_id=user_id, skill_id=each.id, skill_tree_id=tree.id, status="AVAILABLE", unlocked_at=now
                    )
                )

        required = [each for each in skills if not each.is_optional]
        completed = [each for each in required if each.id in work and work[each.id].status == "COMPLETED"]
        progress = session.get(TreeProgressRow, (user_id, tree.id))
        if progress is None:
            progress = TreeProgressRow(user_id=user_id, skill_tree_id=tree.id, status="IN_PROGRESS", started_at=now)
            session.add(progress)
            profile.trees_started += 1
        progress.total_skills, progress.skills_completed = len(required), len(completed)
        progress.progress_percent = 100.0 * len(completed) / len(required)
        progress.milestones_reached = [each.id for each in completed if each.is_milestone]
        progress.last_activity_at = now

        day = now.astimezone(ZoneInfo(profile.timezone)).date()
        profile.current_streak = _streak(profile.current_streak, profile.last_activity_on, day)
        profile.max_streak = max(profile.max_streak, profile.current_streak)
        profile.last_activity_on, profile.last_activity_at = day, now
        profile.skills_completed += 1
        if session.get(DayRow, (user_id, day)) is None:
            session.add(DayRow(user_id=user_id, activity_date=day))
        before = profile.total_xp
        profile.total_xp += skill.xp_value
        session.add(
            EventRow(
                user_id=user_id,
                source_kind="SKILL",
                source_id=skill_id,
                xp=skill.xp_value,
                granted_at=now,
                granted_on=day,
                skill_tree_id=tree.id,
                category_id=tree.category_id,
                difficulty=skill.difficulty,
                skill_type=skill.skill_type,
            )
        )
        paid = session.scalar(
            sa.select(sa.func.count()).where(EventRow.user_id == user_id, EventRow.source_kind == "SKILL")
        )
        earned = sa.select(AwardRow.achievement_id).where(AwardRow.user_id == user_id)
        for achievement in session.scalars(
            sa.select(AchievementRow).where(AchievementRow.is_active, AchievementRow.id.not_in(earned))
        ):
            values = {
                "skill_completion_count": paid or 0,
                "xp_threshold": profile.total_xp,
                "streak_days": profile.max_streak,
            }
            if not achievement.is_limited and values[achievement.criterion] >= achievement.threshold:
                session.add(AwardRow(user_id=user_id, achievement_id=achievement.id))
                session.add(
                    EventRow(
                        user_id=user_id,
                        source_kind="ACHIEVEMENT",
                        source_id=achievement.id,
                        xp=achievement.xp_reward,
                        granted_at=now,
                        granted_on=day,
                    )
                )
                profile.total_xp += achievement.xp_reward
        level = session.scalar(sa.select(sa.func.max(LevelRow.level)).where(LevelRow.min_xp <= profile.total_xp))
        profile.current_level = max(profile.current_level, level or 1)
        today = now.date()
        for board, starts_on in (
            ("ALL_TIME", date(1970, 1, 1)),
            ("WEEK", today - timedelta(days=today.weekday())),
            ("MONTH", today.replace(day=1)),
        ):
            score = session.get(ScoreRow, (user_id, board, starts_on))
            if score is None:
                score = ScoreRow(user_id=user_id, board=board, starts_on=starts_on, xp=0, is_listed=True)
                session.add(score)
            _count(session, score, -1)
            score.xp += profile.total_xp - before
            score.reached_at = now
            _count(session, score, 1)
    session.expunge_all()


def _count(session: Session, score: ScoreRow, change: int) -> None:
    """Count a score in the leaderboard's counts, or no longer."""
    for level in range(6 if score.xp else 0):
        position = (score.xp >> 6 * level) & 63
        if level and not position:
            continue
        key = (score.board, score.starts_on, level, score.xp >> 6 * (level + 1), score.user_id.bytes[15] & 7)
        row = session.get(CountsRow, key, with_for_update=True)
        if row is None:
            row = CountsRow(board=key[0], starts_on=key[1], level=level, bucket=key[3], slot=key[4], counts=[0] * 64)
            session.add(row)
        row.counts = [*row.counts[:position], row.counts[position] + change, *row.counts[position + 1 :]]


# --- a network between client and server ------------------------------------------------------------------------------


@contextmanager
def delayed(url: str, seconds: float) -> Iterator[str]:
    """Yield a URL of the same server, each packet to and from which is on its way for so long."""
    known = conninfo_to_dict(url)
    with tempfile.TemporaryDirectory(prefix="delay-") as folder:
        listener = socket.socket(socket.AF_UNIX)
        listener.bind(f"{folder}/.s.PGSQL.5432")
        listener.listen()
        line = Process(target=_delay, args=(listener, f"{known['host']}/.s.PGSQL.{known.get('port', 5432)}", seconds))
        line.start()
        try:
            yield make_conninfo(url, host=folder, port=5432)
        finally:
            line.terminate()
            line.join()
            listener.close()


def _delay(listener: socket.socket, server: str, seconds: float) -> None:
    while True:
        client, _ = listener.accept()
        other = socket.socket(socket.AF_UNIX)
        other.connect(server)
        for source, target in ((client, other), (other, client)):
            packets: SimpleQueue[tuple[float, bytes]] = SimpleQueue()
            Thread(target=_receive, args=(source, packets, seconds), daemon=True).start()
            Thread(target=_send, args=(target, packets), daemon=True).start()


def _receive(source: socket.socket, packets: SimpleQueue[tuple[float, bytes]], seconds: float) -> None:
    data = b" "
    while data:
        data = source.recv(65536)
        packets.put((time.perf_counter() + seconds, data))


def _send(target: socket.socket, packets: SimpleQueue[tuple[float, bytes]]) -> None:
    while True:
        due, data = packets.get()
        if not data:
            target.close()
            return
        time.sleep(max(due - time.perf_counter(), 0))
        target.sendall(data)


# --- the comparison ---------------------------------------------------------------------------------------------------


def prepare(db: Database, connection: Connection[DictRow]) -> tuple[SkillId, list[UserId]]:
    """Make a tree of 100 skills, 20 achievements and many learners, and return its root and the learners."""
    skills = [{"key": "root", "name": "Root", "xp_value": 50}]
    skills += [{"key": f"next-{n}", "name": f"Next {n}", "dependencies": ["root"]} for n in range(3)]
    skills += [{"key": f"last-{n}", "name": f"Last {n}", "dependencies": [f"next-{n % 3}"]} for n in range(96)]
    tree_id = db.trees.import_tree({"slug": "bench", "name": "Bench", "category": "Bench", "skills": skills}).tree_id
    for number in range(20):
        kind, least = (("skill_completion_count", 1), ("xp_threshold", 5000), ("streak_days", 30))[number % 3]
        db.achievements.create(
            name=f"Achievement {number}",
            description="For the benchmark",
            criteria={"type": kind, "threshold": least + 10 * number},
            xp_reward=25,
        )
    connection.execute(
        """insert into users (email, username, password_hash)
        select 'u' || n || '@example.org', 'u' || n, '$2b$04$' || repeat('a', 53) from generate_series(1, %s) as n""",
        [LEARNERS],
    )
    connection.execute("insert into user_profiles (user_id) select id from users")
    connection.execute("vacuum analyze")
    root: SkillId = _row(connection, "select id from skills where skill_tree_id = %s and key = 'root'", [tree_id])["id"]
    return root, [row["id"] for row in connection.execute("select id from users order by id")]


def compare(contenders: Mapping[str, Callable[[UserId], object]], learners: Iterator[UserId]) -> None:
    """Print the median time of each contender, and of its ratio to the first."""
    times: dict[str, list[float]] = {name: [] for name in contenders}
    for number in range(ROUNDS + WARM_UP):
        for name, contender in contenders.items():
            learner = next(learners)
            started = time.perf_counter()
            contender(learner)
            if number >= WARM_UP:
                times[name].append(time.perf_counter() - started)
    floor = next(iter(times.values()))
    for name, taken in times.items():
        ratios = statistics.quantiles([mine / other for mine, other in zip(taken, floor, strict=True)], n=4)
        print(
            f"{name:32} {statistics.median(taken) * 1000:6.2f} ms   "
            f"ratio {ratios[1]:.2f} (middle half {ratios[0]:.2f} to {ratios[2]:.2f})"
        )


def throughput(url: str, root: SkillId, learners: Iterator[UserId]) -> None:
    """Print how many completions a second 1, 2, 4 and 8 connections come to, each of a process of its own."""
    for connections in (1, 2, 4, 8):
        barrier = Barrier(connections + 1)
        shares = [list(islice(learners, WARM_UP + PER_RUN // connections)) for _ in range(connections)]
        workers = [Process(target=_complete, args=(url, root, share, barrier)) for share in shares]
        for worker in workers:
            worker.start()
        barrier.wait()
        started = time.perf_counter()
        barrier.wait()
        taken = time.perf_counter() - started
        for worker in workers:
            worker.join()
        print(f"{connections} connections: {sum(map(len, shares)) - connections * WARM_UP} in {taken:.2f} s,", end=" ")
        print(f"{(sum(map(len, shares)) - connections * WARM_UP) / taken:.0f} completions a second")


def _complete(url: str, root: SkillId, learners: list[UserId], barrier: AnyBarrier) -> None:
    with Database(url, max_size=1) as db:
        for learner in learners[:WARM_UP]:
            db.progress.complete_skill(learner, root)
        barrier.wait()
        for learner in learners[WARM_UP:]:
            db.progress.complete_skill(learner, root)
        barrier.wait()


def run(url: str, root: SkillId, learners: Iterator[UserId]) -> None:
    """Compare the contenders on connections to this URL."""
    engine = sa.create_engine("postgresql+psycopg://", creator=lambda: psycopg.connect(url))
    with (
        Database(url, max_size=1) as db,
        psycopg.connect(url, autocommit=True, row_factory=dict_row) as connection,
        Session(engine) as session,
    ):
        started = time.perf_counter()
        for _ in range(ROUNDS):
            connection.execute("select 1")
        print(f"one network round trip: {(time.perf_counter() - started) / ROUNDS * 1000:.2f} ms")
        ours = {"progress.complete_skill": lambda learner: db.progress.complete_skill(learner, root)}
        # By twos: a third one in between would leave the processor's caches to nobody.
        compare({"ten statements by hand": lambda learner: by_hand(connection, learner, root), **ours}, learners)
        compare({"SQLAlchemy ORM": lambda learner: by_orm(session, learner, root), **ours}, learners)


def main() -> int:
    """Run the comparison."""
    url = os.environ["DATABASE_URL"]
    with (
        Database(url, max_size=8) as db,
        psycopg.connect(url, autocommit=True, row_factory=dict_row) as connection,
    ):
        root, known = prepare(db, connection)
        learners = iter(known)
        run(url, root, learners)
        with delayed(url, ONE_WAY) as far_url:
            run(far_url, root, learners)
        throughput(url, root, learners)
        if found := db.doctor.examine():
            print(*found[:10], "what the contenders wrote is not the same", sep="\n")
            return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
