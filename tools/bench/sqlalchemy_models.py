"""The tables as SQLAlchemy classes, in SQLAlchemy's usual style."""

from datetime import date, datetime, timedelta
from enum import StrEnum
from typing import Any
from uuid import UUID

import sqlalchemy as sa
from sqlalchemy.dialects import postgresql as pg
from sqlalchemy.orm import DeclarativeBase, Mapped, mapped_column, relationship

from skilltree.models.enums import (
    CompletionMethod,
    DifficultyLevel,
    Leaderboard,
    SkillProgressStatus,
    SkillType,
    TreeProgressStatus,
)


def _enum(name: str, labels: type[StrEnum]) -> pg.ENUM:
    return pg.ENUM(*labels, name=name, create_type=False)


DIFFICULTY = _enum("difficulty_level", DifficultyLevel)
SKILL_TYPE = _enum("skill_type", SkillType)
BOARD = _enum("leaderboard", Leaderboard)


class Base(DeclarativeBase):
    type_annotation_map = {  # noqa: RUF012 (how it is declared)
        datetime: sa.DateTime(timezone=True),
        dict[str, Any]: pg.JSONB,
        list[Any]: pg.JSONB,
        list[UUID]: pg.ARRAY(sa.Uuid),
        list[str]: pg.ARRAY(sa.Text),
        list[int]: pg.ARRAY(sa.Integer),
    }


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
    last_activity_at: Mapped[datetime | None]
    last_activity_offset: Mapped[timedelta | None]
    streak_started_at: Mapped[datetime | None]


class TreeRow(Base):
    __tablename__ = "skill_trees"
    id: Mapped[UUID] = mapped_column(primary_key=True)
    category_id: Mapped[UUID]
    name: Mapped[str]
    slug: Mapped[str]
    description: Mapped[str | None]
    short_description: Mapped[str | None]
    difficulty: Mapped[str] = mapped_column(DIFFICULTY)
    estimated_hours: Mapped[float | None]
    prerequisites: Mapped[list[UUID]]
    tags: Mapped[list[str]]
    version: Mapped[str]
    language: Mapped[str]
    layout_config: Mapped[dict[str, Any]]
    theme_config: Mapped[dict[str, Any]]
    is_published: Mapped[bool]
    is_featured: Mapped[bool]
    is_ai_generated: Mapped[bool]
    created_at: Mapped[datetime]
    updated_at: Mapped[datetime]
    created_by: Mapped[UUID | None]
    updated_by: Mapped[UUID | None]
    search_document: Mapped[str] = mapped_column(pg.TSVECTOR, deferred=True)
    skills: Mapped[list["SkillRow"]] = relationship(order_by="SkillRow.position_y, SkillRow.position_x")


class SkillRow(Base):
    __tablename__ = "skills"
    id: Mapped[UUID] = mapped_column(primary_key=True)
    skill_tree_id: Mapped[UUID] = mapped_column(sa.ForeignKey("skill_trees.id"))
    parent_skill_id: Mapped[UUID | None]
    name: Mapped[str]
    short_name: Mapped[str | None]
    description: Mapped[str | None]
    learning_objectives: Mapped[list[str]]
    skill_type: Mapped[str] = mapped_column(SKILL_TYPE)
    difficulty: Mapped[str] = mapped_column(DIFFICULTY)
    estimated_minutes: Mapped[int | None]
    xp_value: Mapped[int]
    dependencies: Mapped[list[UUID]]
    dependents: Mapped[list[UUID]]
    position_x: Mapped[float]
    position_y: Mapped[float]
    node_size: Mapped[int]
    content: Mapped[dict[str, Any] | None]
    resources: Mapped[list[Any] | None]
    assessments: Mapped[dict[str, Any] | None]
    is_active: Mapped[bool]
    is_optional: Mapped[bool]
    is_milestone: Mapped[bool]
    created_at: Mapped[datetime]
    updated_at: Mapped[datetime]
    created_by: Mapped[UUID | None]
    updated_by: Mapped[UUID | None]


class ProgressRow(Base):
    __tablename__ = "user_skill_progress"
    id: Mapped[UUID] = mapped_column(server_default=sa.FetchedValue())
    user_id: Mapped[UUID] = mapped_column(primary_key=True)
    skill_id: Mapped[UUID] = mapped_column(primary_key=True)
    skill_tree_id: Mapped[UUID]
    status: Mapped[str] = mapped_column(_enum("skill_progress_status", SkillProgressStatus))
    progress_percent: Mapped[float] = mapped_column(default=0.0)
    time_spent_minutes: Mapped[int] = mapped_column(default=0)
    attempts_count: Mapped[int] = mapped_column(default=0)
    failed_attempts: Mapped[int] = mapped_column(default=0)
    completion_method: Mapped[str | None] = mapped_column(_enum("completion_method", CompletionMethod))
    completion_score: Mapped[float | None]
    evidence_data: Mapped[dict[str, Any] | None] = mapped_column(pg.JSONB(none_as_null=True))
    unlocked_at: Mapped[datetime | None]
    started_at: Mapped[datetime | None]
    last_activity_at: Mapped[datetime | None]
    completed_at: Mapped[datetime | None]
    struggling_indicators: Mapped[dict[str, Any] | None] = mapped_column(pg.JSONB(none_as_null=True))
    engagement_score: Mapped[float | None]
    created_at: Mapped[datetime] = mapped_column(server_default=sa.FetchedValue())
    updated_at: Mapped[datetime] = mapped_column(server_default=sa.FetchedValue())


class TreeProgressRow(Base):
    __tablename__ = "user_skill_tree_progress"
    id: Mapped[UUID] = mapped_column(server_default=sa.FetchedValue())
    user_id: Mapped[UUID] = mapped_column(primary_key=True)
    skill_tree_id: Mapped[UUID] = mapped_column(primary_key=True)
    status: Mapped[str] = mapped_column(_enum("tree_progress_status", TreeProgressStatus))
    progress_percent: Mapped[float] = mapped_column(default=0.0)
    skills_completed: Mapped[int] = mapped_column(default=0)
    total_skills: Mapped[int] = mapped_column(default=0)
    time_spent_minutes: Mapped[int] = mapped_column(default=0)
    started_at: Mapped[datetime | None]
    last_activity_at: Mapped[datetime | None]
    completed_at: Mapped[datetime | None]
    milestones_reached: Mapped[list[UUID]] = mapped_column(default=list)
    current_path: Mapped[list[UUID]] = mapped_column(default=list)
    created_at: Mapped[datetime] = mapped_column(server_default=sa.FetchedValue())
    updated_at: Mapped[datetime] = mapped_column(server_default=sa.FetchedValue())


class EventRow(Base):
    __tablename__ = "xp_events"
    user_id: Mapped[UUID] = mapped_column(primary_key=True)
    source_kind: Mapped[str] = mapped_column(primary_key=True)
    source_id: Mapped[UUID] = mapped_column(primary_key=True)
    xp: Mapped[int]
    granted_at: Mapped[datetime]
    granted_on: Mapped[date]
    skill_tree_id: Mapped[UUID | None]
    category_id: Mapped[UUID | None]
    difficulty: Mapped[str | None] = mapped_column(DIFFICULTY)
    skill_type: Mapped[str | None] = mapped_column(SKILL_TYPE)


class DayRow(Base):
    __tablename__ = "user_activity_days"
    user_id: Mapped[UUID] = mapped_column(primary_key=True)
    activity_date: Mapped[date] = mapped_column(primary_key=True)
    learnt_at: Mapped[datetime | None]


class AchievementRow(Base):
    __tablename__ = "achievements"
    id: Mapped[UUID] = mapped_column(primary_key=True)
    name: Mapped[str]
    category: Mapped[str] = mapped_column(sa.Text)
    rarity: Mapped[str] = mapped_column(sa.Text)
    badge_icon: Mapped[str | None]
    badge_color: Mapped[str | None]
    criteria: Mapped[dict[str, Any]]
    criterion: Mapped[str]
    threshold: Mapped[int]
    is_limited: Mapped[bool]
    is_active: Mapped[bool]
    xp_reward: Mapped[int]


class AwardRow(Base):
    __tablename__ = "user_achievements"
    user_id: Mapped[UUID] = mapped_column(primary_key=True)
    achievement_id: Mapped[UUID] = mapped_column(primary_key=True)
    earned_at: Mapped[datetime]
    # Declarative classes already have an attribute `metadata`.
    details: Mapped[dict[str, Any]] = mapped_column("metadata")


class LevelRow(Base):
    __tablename__ = "levels"
    level: Mapped[int] = mapped_column(primary_key=True)
    min_xp: Mapped[int]


class CountsRow(Base):
    __tablename__ = "leaderboard_counts"
    board: Mapped[str] = mapped_column(BOARD, primary_key=True)
    starts_on: Mapped[date] = mapped_column(primary_key=True)
    level: Mapped[int] = mapped_column(primary_key=True)
    bucket: Mapped[int] = mapped_column(primary_key=True)
    slot: Mapped[int] = mapped_column(primary_key=True)
    counts: Mapped[list[int]]


class ScoreRow(Base):
    __tablename__ = "user_scores"
    user_id: Mapped[UUID] = mapped_column(primary_key=True)
    board: Mapped[str] = mapped_column(BOARD, primary_key=True)
    starts_on: Mapped[date] = mapped_column(primary_key=True)
    xp: Mapped[int]
    reached_at: Mapped[datetime]
    is_listed: Mapped[bool]
