"""The SQLAlchemy ORM in its usual style: load objects, change them, and let the session write."""

from collections.abc import Callable
from datetime import UTC, date, datetime
from typing import Any, TypeVar
from uuid import UUID

import psycopg
import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncSession, create_async_engine
from sqlalchemy.orm import Session, load_only, selectinload

from tools.bench import rules
from tools.bench.peers import Brought
from tools.bench.sqlalchemy_models import (
    AchievementRow,
    AwardRow,
    CountsRow,
    DayRow,
    EventRow,
    LevelRow,
    ProfileRow,
    ProgressRow,
    ScoreRow,
    SkillRow,
    TreeProgressRow,
    TreeRow,
)
from tools.bench.statements import PAGE, Completed, Loaded, in_order, offset, percent, streak_on, today

T = TypeVar("T")


def _get(session: Session, tree_id: UUID) -> TreeRow:
    return session.get_one(TreeRow, tree_id)


def _load(session: Session, slug: str, user_id: UUID) -> Loaded:
    active = selectinload(TreeRow.skills.and_(SkillRow.is_active))
    tree = session.scalars(sa.select(TreeRow).where(TreeRow.slug == slug).options(active)).one()
    ids = [skill.id for skill in tree.skills]
    rows = session.scalars(sa.select(ProgressRow).where(ProgressRow.user_id == user_id, ProgressRow.skill_id.in_(ids)))
    work = {row.skill_id: row for row in rows}
    progress = session.get(TreeProgressRow, (user_id, tree.id))
    return Loaded(tree, [(skill, work.get(skill.id)) for skill in tree.skills], progress)


def _page(session: Session) -> object:
    rows = session.scalars(
        sa.select(TreeRow).where(TreeRow.is_published).order_by(TreeRow.name, TreeRow.id).limit(PAGE + 1)
    ).all()
    return (rows[:PAGE], (rows[PAGE - 1].name, rows[PAGE - 1].id)) if len(rows) > PAGE else (rows, None)


def _search(session: Session, text: str) -> object:
    query, whole = (sa.func.search_query("en", text, begun) for begun in (True, False))
    document = TreeRow.search_document
    rank = (sa.func.ts_rank(document, whole) + sa.func.ts_rank(document, query) / 100).label("rank")
    words = sa.func.left(sa.func.concat_ws(": ", TreeRow.name, TreeRow.description), 2000)
    options = "StartSel=**, StopSel=**, MaxFragments=2, MaxWords=20, MinWords=5"
    found = sa.select(
        *(TreeRow.id, TreeRow.category_id, TreeRow.name, TreeRow.slug, TreeRow.difficulty, TreeRow.tags, rank),
        sa.func.ts_headline("english", words, query, options).label("snippet"),
    )
    matching = TreeRow.search_document.op("@@")(query)
    return session.execute(
        found.where(matching, TreeRow.is_published).order_by(rank.desc(), TreeRow.name, TreeRow.id).limit(20)
    ).all()


def _progress(session: Session, user_id: UUID, tree_id: UUID) -> object:
    completed = sa.and_(
        ProgressRow.user_id == user_id, ProgressRow.skill_id == SkillRow.id, ProgressRow.status == "COMPLETED"
    )
    counts = (
        sa.select(sa.func.count(), sa.func.count(ProgressRow.skill_id))
        .select_from(SkillRow)
        .outerjoin(ProgressRow, completed)
        .where(SkillRow.skill_tree_id == tree_id, SkillRow.is_active)
    )
    total, done = session.execute(counts.where(~SkillRow.is_optional)).one()
    if not total:
        total, done = session.execute(counts).one()
    return percent(total, done)


def _missing(session: Session, user_id: UUID, skill_id: UUID) -> object:
    tree_id = session.scalars(sa.select(SkillRow.skill_tree_id).where(SkillRow.id == skill_id)).one()
    needed = load_only(SkillRow.name, SkillRow.difficulty, SkillRow.estimated_minutes, SkillRow.dependencies)
    skills = session.scalars(
        sa.select(SkillRow)
        .where(SkillRow.skill_tree_id == tree_id, SkillRow.is_active)
        .order_by(SkillRow.position_y, SkillRow.position_x)
        .options(needed)
    ).all()
    active = {skill.id: skill for skill in skills}
    rows = {row[0]: row for row in rules.missing_before(skill_id, active, _work(session, user_id, tree_id))}
    return in_order([rows[each] for each in active if each in rows], skill_id)


def _work(session: Session, user_id: UUID, tree_id: UUID) -> dict[UUID, ProgressRow]:
    rows = session.scalars(
        sa.select(ProgressRow).where(ProgressRow.user_id == user_id, ProgressRow.skill_tree_id == tree_id)
    )
    return {row.skill_id: row for row in rows}


def _complete(session: Session, user_id: UUID, skill_id: UUID) -> Completed:
    with session.begin():
        now = datetime.now(UTC)
        profile = session.get_one(ProfileRow, user_id, with_for_update=True)
        xp_before, level_before = profile.total_xp, profile.current_level
        skill = session.get_one(SkillRow, skill_id)
        tree = session.get_one(TreeRow, skill.skill_tree_id)
        skills = [
            *session.scalars(
                sa.select(SkillRow)
                .where(SkillRow.skill_tree_id == tree.id, SkillRow.is_active)
                .order_by(SkillRow.position_y, SkillRow.position_x, SkillRow.id)
            )
        ]
        active = {each.id: each for each in skills}
        work = _work(session, user_id, tree.id)
        if not rules.is_open(skill, active, work):
            raise ValueError("not now")
        done = work.get(skill_id)
        if done is None:
            done = work[skill_id] = ProgressRow(
                user_id=user_id, skill_id=skill_id, skill_tree_id=tree.id, unlocked_at=now, started_at=now
            )
            session.add(done)
        done.status, done.progress_percent, done.completion_method = "COMPLETED", 100.0, "MANUAL"
        done.completed_at = done.last_activity_at = now
        unlocked = [
            each
            for each in skills
            if each.id in skill.dependents and each.id not in work and rules.is_open(each, active, work)
        ]
        opened = {"user_id": user_id, "skill_tree_id": tree.id, "status": "AVAILABLE", "unlocked_at": now}
        session.add_all(ProgressRow(skill_id=each.id, **opened) for each in unlocked)

        progress = session.get(TreeProgressRow, (user_id, tree.id))
        if progress is None:
            progress = TreeProgressRow(user_id=user_id, skill_tree_id=tree.id, status="IN_PROGRESS", started_at=now)
            session.add(progress)
            profile.trees_started += 1
        rules.count_in_tree(progress, skills, work)
        progress.last_activity_at = now

        day = today(profile.timezone)
        profile.current_streak = streak_on(profile.current_streak, profile.last_activity_on, day)
        if profile.current_streak == 1 and profile.last_activity_on != day:
            profile.streak_started_at = now
        profile.last_activity_offset = offset(profile.timezone)
        profile.max_streak = max(profile.max_streak, profile.current_streak)
        profile.last_activity_on, profile.last_activity_at = day, now
        profile.skills_completed += 1
        if session.get(DayRow, (user_id, day)) is None:
            session.add(DayRow(user_id=user_id, activity_date=day, learnt_at=now))
        paid = EventRow(user_id=user_id, source_kind="SKILL", source_id=skill_id, xp=skill.xp_value)
        paid.granted_at, paid.granted_on, paid.skill_tree_id, paid.category_id = now, day, tree.id, tree.category_id
        paid.difficulty, paid.skill_type = skill.difficulty, skill.skill_type
        session.add(paid)
        profile.total_xp += skill.xp_value
        achievements = _award(session, profile, now, day)
        level = session.scalar(sa.select(sa.func.max(LevelRow.level)).where(LevelRow.min_xp <= profile.total_xp))
        profile.current_level = max(profile.current_level, level or 1)
        _add_scores(session, profile, profile.total_xp - xp_before, now)
    return Completed(
        *(done, progress, unlocked, achievements, profile.total_xp - xp_before, profile.total_xp),
        *(level_before, profile.current_level, profile.current_streak, profile.max_streak),
    )


def _award(session: Session, profile: ProfileRow, now: datetime, day: date) -> list[AchievementRow]:
    user_id = profile.user_id
    count = sa.select(sa.func.count()).where(EventRow.user_id == user_id, EventRow.source_kind == "SKILL")
    paid = session.scalar(count) or 0
    known = sa.select(AwardRow.achievement_id).where(AwardRow.user_id == user_id)
    achievements = []
    for achievement in session.scalars(
        sa.select(AchievementRow).where(AchievementRow.is_active, AchievementRow.id.not_in(known))
    ):
        value = rules.reached(achievement, profile, paid)
        if value >= achievement.threshold and not achievement.is_limited:
            award = AwardRow(user_id=user_id, achievement_id=achievement.id, earned_at=now)
            award.details = {"value": value, "criteria": achievement.criteria}
            session.add(award)
            event = EventRow(user_id=user_id, source_kind="ACHIEVEMENT", source_id=achievement.id)
            event.xp, event.granted_at, event.granted_on = achievement.xp_reward, now, day
            session.add(event)
            profile.total_xp += achievement.xp_reward
            achievements.append(achievement)
    return achievements


def _add_scores(session: Session, profile: ProfileRow, gain: int, now: datetime) -> None:
    for board in rules.BOARDS:
        starts_on = rules.begin_of(board, now.date())
        score = session.get(ScoreRow, (profile.user_id, board, starts_on))
        if score is None:
            score = ScoreRow(user_id=profile.user_id, board=board, starts_on=starts_on, xp=0, is_listed=True)
            session.add(score)
        _count(session, score, -1)
        score.xp += gain
        score.reached_at = now
        _count(session, score, 1)


def _count(session: Session, score: ScoreRow, change: int) -> None:
    for level, bucket, slot, position in rules.counts_of(score):
        key = (score.board, score.starts_on, level, bucket, slot)
        row = session.get(CountsRow, key, with_for_update=True)
        if row is None:
            row = CountsRow(board=key[0], starts_on=key[1], level=level, bucket=bucket, slot=slot, counts=[0] * 64)
            session.add(row)
        row.counts = rules.counted(row.counts, position, change)


def _bulk(session: Session, rows: Brought, tree_id: UUID) -> int:
    with session.begin():
        session.execute(sa.insert(ProgressRow), [row | {"skill_tree_id": tree_id} for row in rows])
    return len(rows)


class Sqlalchemy:
    """A session for each operation, on an engine's pool."""

    is_async = False
    name = "SQLAlchemy"

    def __init__(self, url: str, size: int) -> None:
        self._engine = sa.create_engine(
            "postgresql+psycopg://", creator=lambda: psycopg.connect(url), pool_size=size, max_overflow=0
        )

    def open(self) -> object:
        return None

    def close(self) -> object:
        self._engine.dispose()
        return None

    def _work(self, operation: Callable[..., T], *arguments: Any) -> Any:
        with Session(self._engine, expire_on_commit=False) as session:
            return operation(session, *arguments)

    def get(self, tree_id: UUID) -> object:
        return self._work(_get, tree_id)

    def load(self, slug: str, user_id: UUID) -> object:
        return self._work(_load, slug, user_id)

    def page(self) -> object:
        return self._work(_page)

    def search(self, text: str) -> object:
        return self._work(_search, text)

    def progress(self, user_id: UUID, tree_id: UUID) -> object:
        return self._work(_progress, user_id, tree_id)

    def missing(self, user_id: UUID, skill_id: UUID) -> object:
        return self._work(_missing, user_id, skill_id)

    def complete(self, user_id: UUID, skill_id: UUID) -> object:
        return self._work(_complete, user_id, skill_id)

    def bulk(self, rows: Brought, tree_id: UUID) -> object:
        return self._work(_bulk, rows, tree_id)


class AsyncSqlalchemy(Sqlalchemy):
    """The same with asyncio, through ``run_sync``, where SQLAlchemy's async sessions do all their work."""

    is_async = True

    def __init__(self, url: str, size: int) -> None:
        self._async_engine = create_async_engine(
            "postgresql+psycopg://",
            async_creator=lambda: psycopg.AsyncConnection.connect(url),
            pool_size=size,
            max_overflow=0,
        )

    def close(self) -> object:
        return self._async_engine.dispose()

    async def _work(self, operation: Callable[..., T], *arguments: Any) -> Any:
        async with AsyncSession(self._async_engine, expire_on_commit=False) as session:
            return await session.run_sync(operation, *arguments)
