"""What SQLAlchemy's ORM does for each operation: load objects, change them, and let the session write.

``tables`` is the module of the mapped classes: SQLAlchemy's own, or SQLModel's.
"""

from datetime import UTC, date, datetime
from types import ModuleType
from typing import Any
from uuid import UUID

import sqlalchemy as sa
from sqlalchemy.orm import Session, load_only, selectinload

from tools.bench import rules
from tools.bench.peers import Brought
from tools.bench.statements import PAGE, Completed, Loaded, in_order, offset, percent, streak_on, today


def get(tables: ModuleType, session: Session, tree_id: UUID) -> Any:
    return session.get_one(tables.TreeRow, tree_id)


def load(tables: ModuleType, session: Session, slug: str, user_id: UUID) -> Loaded:
    active = selectinload(tables.TreeRow.skills.and_(tables.SkillRow.is_active))
    tree = session.scalars(sa.select(tables.TreeRow).where(tables.TreeRow.slug == slug).options(active)).one()
    ids = [skill.id for skill in tree.skills]
    rows = session.scalars(
        sa.select(tables.ProgressRow).where(tables.ProgressRow.user_id == user_id, tables.ProgressRow.skill_id.in_(ids))
    )
    work = {row.skill_id: row for row in rows}
    progress = session.get(tables.TreeProgressRow, (user_id, tree.id))
    return Loaded(tree, [(skill, work.get(skill.id)) for skill in tree.skills], progress)


def page(tables: ModuleType, session: Session) -> object:
    rows = session.scalars(
        sa.select(tables.TreeRow)
        .where(tables.TreeRow.is_published)
        .order_by(tables.TreeRow.name, tables.TreeRow.id)
        .limit(PAGE + 1)
    ).all()
    return (rows[:PAGE], (rows[PAGE - 1].name, rows[PAGE - 1].id)) if len(rows) > PAGE else (rows, None)


def search(tables: ModuleType, session: Session, text: str) -> object:
    query, whole = (sa.func.search_query("en", text, begun) for begun in (True, False))
    document = tables.TreeRow.search_document
    rank = (sa.func.ts_rank(document, whole) + sa.func.ts_rank(document, query) / 100).label("rank")
    words = sa.func.left(sa.func.concat_ws(": ", tables.TreeRow.name, tables.TreeRow.description), 2000)
    options = "StartSel=**, StopSel=**, MaxFragments=2, MaxWords=20, MinWords=5"
    found = sa.select(
        *(
            tables.TreeRow.id,
            tables.TreeRow.category_id,
            tables.TreeRow.name,
            tables.TreeRow.slug,
            tables.TreeRow.difficulty,
            tables.TreeRow.tags,
            rank,
        ),
        sa.func.ts_headline("english", words, query, options).label("snippet"),
    )
    matching = tables.TreeRow.search_document.op("@@")(query)
    return session.execute(
        found.where(matching, tables.TreeRow.is_published)
        .order_by(rank.desc(), tables.TreeRow.name, tables.TreeRow.id)
        .limit(20)
    ).all()


def progress(tables: ModuleType, session: Session, user_id: UUID, tree_id: UUID) -> object:
    completed = sa.and_(
        tables.ProgressRow.user_id == user_id,
        tables.ProgressRow.skill_id == tables.SkillRow.id,
        tables.ProgressRow.status == "COMPLETED",
    )
    counts = (
        sa.select(sa.func.count(), sa.func.count(tables.ProgressRow.skill_id))
        .select_from(tables.SkillRow)
        .outerjoin(tables.ProgressRow, completed)
        .where(tables.SkillRow.skill_tree_id == tree_id, tables.SkillRow.is_active)
    )
    total, done = session.execute(counts.where(~tables.SkillRow.is_optional)).one()
    if not total:
        total, done = session.execute(counts).one()
    return percent(total, done)


def missing(tables: ModuleType, session: Session, user_id: UUID, skill_id: UUID) -> object:
    tree_id = session.scalars(sa.select(tables.SkillRow.skill_tree_id).where(tables.SkillRow.id == skill_id)).one()
    needed = load_only(
        tables.SkillRow.name,
        tables.SkillRow.difficulty,
        tables.SkillRow.estimated_minutes,
        tables.SkillRow.dependencies,
    )
    skills = session.scalars(
        sa.select(tables.SkillRow)
        .where(tables.SkillRow.skill_tree_id == tree_id, tables.SkillRow.is_active)
        .order_by(tables.SkillRow.position_y, tables.SkillRow.position_x)
        .options(needed)
    ).all()
    active = {skill.id: skill for skill in skills}
    rows = {row[0]: row for row in rules.missing_before(skill_id, active, _work(tables, session, user_id, tree_id))}
    return in_order([rows[each] for each in active if each in rows], skill_id)


def _work(tables: ModuleType, session: Session, user_id: UUID, tree_id: UUID) -> dict[UUID, Any]:
    rows = session.scalars(
        sa.select(tables.ProgressRow).where(
            tables.ProgressRow.user_id == user_id, tables.ProgressRow.skill_tree_id == tree_id
        )
    )
    return {row.skill_id: row for row in rows}


def complete(tables: ModuleType, session: Session, user_id: UUID, skill_id: UUID) -> Completed:
    with session.begin():
        now = datetime.now(UTC)
        profile = session.get_one(tables.ProfileRow, user_id, with_for_update=True)
        xp_before, level_before = profile.total_xp, profile.current_level
        skill = session.get_one(tables.SkillRow, skill_id)
        tree = session.get_one(tables.TreeRow, skill.skill_tree_id)
        skills = [
            *session.scalars(
                sa.select(tables.SkillRow)
                .where(tables.SkillRow.skill_tree_id == tree.id, tables.SkillRow.is_active)
                .order_by(tables.SkillRow.position_y, tables.SkillRow.position_x, tables.SkillRow.id)
            )
        ]
        active = {each.id: each for each in skills}
        work = _work(tables, session, user_id, tree.id)
        if not rules.is_open(skill, active, work):
            raise ValueError("not now")
        done = work.get(skill_id)
        if done is None:
            done = work[skill_id] = tables.ProgressRow(
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
        session.add_all(tables.ProgressRow(skill_id=each.id, **opened) for each in unlocked)

        progress = session.get(tables.TreeProgressRow, (user_id, tree.id))
        if progress is None:
            progress = tables.TreeProgressRow(
                user_id=user_id, skill_tree_id=tree.id, status="IN_PROGRESS", started_at=now
            )
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
        if session.get(tables.DayRow, (user_id, day)) is None:
            session.add(tables.DayRow(user_id=user_id, activity_date=day, learnt_at=now))
        paid = tables.EventRow(user_id=user_id, source_kind="SKILL", source_id=skill_id, xp=skill.xp_value)
        paid.granted_at, paid.granted_on, paid.skill_tree_id, paid.category_id = now, day, tree.id, tree.category_id
        paid.difficulty, paid.skill_type = skill.difficulty, skill.skill_type
        session.add(paid)
        profile.total_xp += skill.xp_value
        achievements = _award(tables, session, profile, now, day)
        level = session.scalar(
            sa.select(sa.func.max(tables.LevelRow.level)).where(tables.LevelRow.min_xp <= profile.total_xp)
        )
        profile.current_level = max(profile.current_level, level or 1)
        _add_scores(tables, session, profile, profile.total_xp - xp_before, now)
    return Completed(
        *(done, progress, unlocked, achievements, profile.total_xp - xp_before, profile.total_xp),
        *(level_before, profile.current_level, profile.current_streak, profile.max_streak),
    )


def _award(tables: ModuleType, session: Session, profile: Any, now: datetime, day: date) -> list[Any]:
    user_id = profile.user_id
    count = sa.select(sa.func.count()).where(tables.EventRow.user_id == user_id, tables.EventRow.source_kind == "SKILL")
    paid = session.scalar(count) or 0
    known = sa.select(tables.AwardRow.achievement_id).where(tables.AwardRow.user_id == user_id)
    achievements = []
    for achievement in session.scalars(
        sa.select(tables.AchievementRow).where(tables.AchievementRow.is_active, tables.AchievementRow.id.not_in(known))
    ):
        value = rules.reached(achievement, profile, paid)
        if value >= achievement.threshold and not achievement.is_limited:
            award = tables.AwardRow(user_id=user_id, achievement_id=achievement.id, earned_at=now)
            award.details = {"value": value, "criteria": achievement.criteria}
            session.add(award)
            event = tables.EventRow(user_id=user_id, source_kind="ACHIEVEMENT", source_id=achievement.id)
            event.xp, event.granted_at, event.granted_on = achievement.xp_reward, now, day
            session.add(event)
            profile.total_xp += achievement.xp_reward
            achievements.append(achievement)
    return achievements


def _add_scores(tables: ModuleType, session: Session, profile: Any, gain: int, now: datetime) -> None:
    for board in rules.BOARDS:
        starts_on = rules.begin_of(board, now.date())
        score = session.get(tables.ScoreRow, (profile.user_id, board, starts_on))
        if score is None:
            score = tables.ScoreRow(user_id=profile.user_id, board=board, starts_on=starts_on, xp=0, is_listed=True)
            session.add(score)
        _count(tables, session, score, -1)
        score.xp += gain
        score.reached_at = now
        _count(tables, session, score, 1)


def _count(tables: ModuleType, session: Session, score: Any, change: int) -> None:
    for level, bucket, slot, position in rules.counts_of(score):
        key = (score.board, score.starts_on, level, bucket, slot)
        row = session.get(tables.CountsRow, key, with_for_update=True)
        if row is None:
            row = tables.CountsRow(
                board=key[0], starts_on=key[1], level=level, bucket=bucket, slot=slot, counts=[0] * 64
            )
            session.add(row)
        row.counts = rules.counted(row.counts, position, change)


def bulk(tables: ModuleType, session: Session, rows: Brought, tree_id: UUID) -> int:
    with session.begin():
        session.execute(sa.insert(tables.ProgressRow), [row | {"skill_tree_id": tree_id} for row in rows])
    return len(rows)
