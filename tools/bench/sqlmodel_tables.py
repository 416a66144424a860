"""The tables as SQLModel classes, and the models that are returned: those without a table are validated."""

from datetime import date, datetime, timedelta
from enum import StrEnum
from typing import Any
from uuid import UUID

import sqlalchemy as sa
from sqlalchemy.dialects import postgresql as pg
from sqlalchemy.orm import column_property
from sqlmodel import Field, Relationship, SQLModel

from skilltree.models.content import (
    Assessments,
    LayoutConfig,
    ProgressEvidence,
    Resource,
    SkillContent,
    StrugglingIndicators,
    ThemeConfig,
)
from skilltree.models.enums import (
    AchievementCategory,
    AchievementRarity,
    CompletionMethod,
    DifficultyLevel,
    Leaderboard,
    SkillProgressStatus,
    SkillType,
    TreeProgressStatus,
)


def _enum(name: str, labels: type[StrEnum]) -> Any:
    return pg.ENUM(labels, name=name, create_type=False)


_UUIDS: Any = pg.ARRAY(sa.Uuid)
_TEXTS: Any = pg.ARRAY(sa.Text)
_NUMBERS: Any = pg.ARRAY(sa.Integer)
_JSON: Any = pg.JSONB(none_as_null=True)
_MOMENT: Any = sa.DateTime(timezone=True)
_DIFFICULTY = _enum("difficulty_level", DifficultyLevel)
_SKILL_TYPE = _enum("skill_type", SkillType)
_BOARD = _enum("leaderboard", Leaderboard)
_BY_SERVER = {"server_default": sa.FetchedValue()}


class TreeBase(SQLModel):
    id: UUID = Field(primary_key=True)
    category_id: UUID
    name: str
    slug: str
    description: str | None
    short_description: str | None
    difficulty: DifficultyLevel = Field(sa_type=_DIFFICULTY)
    estimated_hours: float | None
    prerequisites: list[UUID] = Field(sa_type=_UUIDS)
    tags: list[str] = Field(sa_type=_TEXTS)
    version: str
    language: str
    is_published: bool
    is_featured: bool
    is_ai_generated: bool
    created_at: datetime = Field(sa_type=_MOMENT)
    updated_at: datetime = Field(sa_type=_MOMENT)
    created_by: UUID | None
    updated_by: UUID | None


class TreeRow(TreeBase, table=True):
    __tablename__ = "skill_trees"
    layout_config: dict[str, Any] = Field(sa_type=_JSON)
    theme_config: dict[str, Any] = Field(sa_type=_JSON)
    skills: list["SkillRow"] = Relationship(
        sa_relationship_kwargs={"order_by": "SkillRow.position_y, SkillRow.position_x"}
    )


class TreePublic(TreeBase):
    layout_config: LayoutConfig
    theme_config: ThemeConfig


class HitPublic(SQLModel):
    id: UUID
    category_id: UUID
    name: str
    slug: str
    difficulty: DifficultyLevel
    tags: list[str]
    rank: float
    snippet: str


class SkillBase(SQLModel):
    id: UUID = Field(primary_key=True)
    skill_tree_id: UUID = Field(foreign_key="skill_trees.id")
    parent_skill_id: UUID | None
    name: str
    short_name: str | None
    description: str | None
    learning_objectives: list[str] = Field(sa_type=_TEXTS)
    skill_type: SkillType = Field(sa_type=_SKILL_TYPE)
    difficulty: DifficultyLevel = Field(sa_type=_DIFFICULTY)
    estimated_minutes: int | None
    xp_value: int
    dependencies: list[UUID] = Field(sa_type=_UUIDS)
    dependents: list[UUID] = Field(sa_type=_UUIDS)
    position_x: float
    position_y: float
    node_size: int
    is_active: bool
    is_optional: bool
    is_milestone: bool
    created_at: datetime = Field(sa_type=_MOMENT)
    updated_at: datetime = Field(sa_type=_MOMENT)
    created_by: UUID | None
    updated_by: UUID | None


class SkillRow(SkillBase, table=True):
    __tablename__ = "skills"
    content: dict[str, Any] | None = Field(sa_type=_JSON)
    resources: list[Any] | None = Field(sa_type=_JSON)
    assessments: dict[str, Any] | None = Field(sa_type=_JSON)


class SkillPublic(SkillBase):
    content: SkillContent | None
    resources: list[Resource] | None
    assessments: Assessments | None


class UnlockedPublic(SQLModel):
    id: UUID
    name: str


class MissingPublic(SQLModel):
    id: UUID
    name: str
    difficulty: DifficultyLevel
    estimated_minutes: int | None
    is_direct: bool
    level: int


class CountedPublic(SQLModel):
    total: int
    completed: int
    percent: float


class ProgressBase(SQLModel):
    id: UUID | None = Field(default=None, sa_column_kwargs=_BY_SERVER)
    user_id: UUID = Field(primary_key=True)
    skill_id: UUID = Field(primary_key=True)
    skill_tree_id: UUID
    status: SkillProgressStatus = Field(sa_type=_enum("skill_progress_status", SkillProgressStatus))
    progress_percent: float = 0.0
    time_spent_minutes: int = 0
    attempts_count: int = 0
    failed_attempts: int = 0
    completion_method: CompletionMethod | None = Field(
        default=None, sa_type=_enum("completion_method", CompletionMethod)
    )
    completion_score: float | None = None
    unlocked_at: datetime | None = Field(default=None, sa_type=_MOMENT)
    started_at: datetime | None = Field(default=None, sa_type=_MOMENT)
    last_activity_at: datetime | None = Field(default=None, sa_type=_MOMENT)
    completed_at: datetime | None = Field(default=None, sa_type=_MOMENT)
    engagement_score: float | None = None
    created_at: datetime | None = Field(default=None, sa_type=_MOMENT, sa_column_kwargs=_BY_SERVER)
    updated_at: datetime | None = Field(default=None, sa_type=_MOMENT, sa_column_kwargs=_BY_SERVER)


class ProgressRow(ProgressBase, table=True):
    __tablename__ = "user_skill_progress"
    evidence_data: dict[str, Any] | None = Field(default=None, sa_type=_JSON)
    struggling_indicators: dict[str, Any] | None = Field(default=None, sa_type=_JSON)


class ProgressPublic(ProgressBase):
    evidence_data: ProgressEvidence | None
    struggling_indicators: StrugglingIndicators | None


class TreeProgressBase(SQLModel):
    id: UUID | None = Field(default=None, sa_column_kwargs=_BY_SERVER)
    user_id: UUID = Field(primary_key=True)
    skill_tree_id: UUID = Field(primary_key=True)
    status: TreeProgressStatus = Field(sa_type=_enum("tree_progress_status", TreeProgressStatus))
    progress_percent: float = 0.0
    skills_completed: int = 0
    total_skills: int = 0
    time_spent_minutes: int = 0
    started_at: datetime | None = Field(default=None, sa_type=_MOMENT)
    last_activity_at: datetime | None = Field(default=None, sa_type=_MOMENT)
    completed_at: datetime | None = Field(default=None, sa_type=_MOMENT)
    milestones_reached: list[UUID] = Field(default_factory=list, sa_type=_UUIDS)
    current_path: list[UUID] = Field(default_factory=list, sa_type=_UUIDS)
    created_at: datetime | None = Field(default=None, sa_type=_MOMENT, sa_column_kwargs=_BY_SERVER)
    updated_at: datetime | None = Field(default=None, sa_type=_MOMENT, sa_column_kwargs=_BY_SERVER)


class TreeProgressRow(TreeProgressBase, table=True):
    __tablename__ = "user_skill_tree_progress"


class TreeProgressPublic(TreeProgressBase):
    pass


class ProfileRow(SQLModel, table=True):
    __tablename__ = "user_profiles"
    user_id: UUID = Field(primary_key=True)
    timezone: str
    total_xp: int
    current_level: int
    current_streak: int
    max_streak: int
    skills_completed: int
    trees_started: int
    last_activity_on: date | None
    last_activity_at: datetime | None = Field(sa_type=_MOMENT)
    last_activity_offset: timedelta | None
    streak_started_at: datetime | None = Field(sa_type=_MOMENT)


class EventRow(SQLModel, table=True):
    __tablename__ = "xp_events"
    user_id: UUID = Field(primary_key=True)
    source_kind: str = Field(primary_key=True)
    source_id: UUID = Field(primary_key=True)
    xp: int
    granted_at: datetime = Field(sa_type=_MOMENT)
    granted_on: date
    skill_tree_id: UUID | None
    category_id: UUID | None
    difficulty: DifficultyLevel | None = Field(sa_type=_DIFFICULTY)
    skill_type: SkillType | None = Field(sa_type=_SKILL_TYPE)


class DayRow(SQLModel, table=True):
    __tablename__ = "user_activity_days"
    user_id: UUID = Field(primary_key=True)
    activity_date: date = Field(primary_key=True)
    learnt_at: datetime | None = Field(sa_type=_MOMENT)


class AchievementBase(SQLModel):
    id: UUID = Field(primary_key=True)
    name: str
    category: AchievementCategory = Field(sa_type=_enum("achievement_category", AchievementCategory))
    rarity: AchievementRarity = Field(sa_type=_enum("achievement_rarity", AchievementRarity))
    badge_icon: str | None
    badge_color: str | None


class AchievementRow(AchievementBase, table=True):
    __tablename__ = "achievements"
    criteria: dict[str, Any] = Field(sa_type=_JSON)
    criterion: str
    threshold: int
    is_limited: bool
    is_active: bool
    xp_reward: int


class AwardPublic(AchievementBase):
    pass


class AwardRow(SQLModel, table=True):
    __tablename__ = "user_achievements"
    user_id: UUID = Field(primary_key=True)
    achievement_id: UUID = Field(primary_key=True)
    earned_at: datetime = Field(sa_type=_MOMENT)
    # Declarative classes already have an attribute `metadata`.
    details: dict[str, Any] = Field(sa_type=_JSON, sa_column_kwargs={"name": "metadata"})


class LevelRow(SQLModel, table=True):
    __tablename__ = "levels"
    level: int = Field(primary_key=True)
    min_xp: int


class CountsRow(SQLModel, table=True):
    __tablename__ = "leaderboard_counts"
    board: Leaderboard = Field(sa_type=_BOARD, primary_key=True)
    starts_on: date = Field(primary_key=True)
    level: int = Field(primary_key=True)
    bucket: int = Field(primary_key=True)
    slot: int = Field(primary_key=True)
    counts: list[int] = Field(sa_type=_NUMBERS)


class ScoreRow(SQLModel, table=True):
    __tablename__ = "user_scores"
    user_id: UUID = Field(primary_key=True)
    board: Leaderboard = Field(sa_type=_BOARD, primary_key=True)
    starts_on: date = Field(primary_key=True)
    xp: int
    reached_at: datetime = Field(sa_type=_MOMENT)
    is_listed: bool


# SQLModel's fields cannot be deferred; a column added to the class can.
TreeRow.search_document = column_property(sa.Column("search_document", pg.TSVECTOR), deferred=True)
