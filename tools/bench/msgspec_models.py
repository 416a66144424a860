"""The rows of the hand-written statements, and the documents in them, as msgspec structs.

msgspec cannot keep keys it does not know. So the open documents drop them; the benchmark's data have none.
"""

from datetime import datetime
from typing import Annotated, Any, Literal
from uuid import UUID

from msgspec import Meta, Struct

from skilltree.models.enums import (
    AchievementCategory,
    AchievementRarity,
    CompletionMethod,
    DifficultyLevel,
    SkillProgressStatus,
    SkillType,
    TreeProgressStatus,
)

_CONTROL = r"\x00-\x1f\x7f-\x9f"
Text = Annotated[str, Meta(max_length=100_000)]
AbsoluteUrl = Annotated[
    str, Meta(max_length=2048, pattern=rf"^[Hh][Tt][Tt][Pp][Ss]?://[^\s{_CONTROL}/?#]+(?:[/?#][^\s{_CONTROL}]*)?$")
]
UrlReference = Annotated[str, Meta(min_length=1, max_length=2048, pattern=rf"^[^\s{_CONTROL}]+$")]
Percent = Annotated[float, Meta(ge=0, le=100)]
Count = Annotated[int, Meta(ge=0, lt=2**31)]


class Document(Struct, frozen=True, rename="camel", forbid_unknown_fields=True, omit_defaults=True):
    """A JSON document: camelCase in the database, and an unknown key is an error."""


class OpenDocument(Struct, frozen=True, rename="camel", omit_defaults=True):
    """A JSON document that may hold more keys."""


class ModuleResource(Document, frozen=True):
    type: Literal["link", "file", "embed"]
    title: Text
    url: AbsoluteUrl


class ContentModule(Document, frozen=True):
    title: Text
    type: Literal["article", "video", "interactive", "assessment"]
    estimated_minutes: Annotated[float, Meta(ge=0)]
    resources: tuple[ModuleResource, ...]


class SkillContent(Document, frozen=True):
    type: Literal["structured", "simple"]
    modules: tuple[ContentModule, ...] | None = None


class Resource(Document, frozen=True):
    type: Literal["link", "file", "embed"]
    title: Text
    url: UrlReference


class Question(Document, frozen=True):
    prompt: Text
    type: Literal["single_choice", "multiple_choice", "text"]
    answers: Annotated[tuple[Text, ...], Meta(min_length=1)]
    choices: tuple[Text, ...] = ()


class Assessments(Document, frozen=True):
    passing_score: Percent = 70.0
    questions: tuple[Question, ...] = ()


class Evidence(Document, frozen=True):
    type: Literal["text", "url", "file", "assessment_score"]
    content: Text
    metadata: dict[str, Any] | None = None


class LayoutConfig(OpenDocument, frozen=True):
    theme: str | None = None
    node_spacing: Annotated[float, Meta(gt=0)] | None = None
    level_height: Annotated[float, Meta(gt=0)] | None = None


Color = Annotated[str, Meta(pattern=r"^#[0-9A-Fa-f]{6}$")]


class ThemeConfig(OpenDocument, frozen=True):
    primary_color: Color | None = None
    accent_color: Color | None = None
    icon: str | None = None


class StrugglingIndicators(OpenDocument, frozen=True):
    failed_attempts: Annotated[int, Meta(ge=0)] | None = None
    hints_used: Annotated[int, Meta(ge=0)] | None = None
    idle_minutes: Annotated[float, Meta(ge=0)] | None = None


class Tree(Struct, frozen=True, forbid_unknown_fields=True):
    id: UUID
    category_id: UUID
    name: str
    slug: str
    description: str | None
    short_description: str | None
    difficulty: DifficultyLevel
    estimated_hours: float | None
    prerequisites: tuple[UUID, ...]
    tags: tuple[str, ...]
    version: str
    language: str
    layout_config: LayoutConfig
    theme_config: ThemeConfig
    is_published: bool
    is_featured: bool
    is_ai_generated: bool
    created_at: datetime
    updated_at: datetime
    created_by: UUID | None
    updated_by: UUID | None


class Skill(Struct, frozen=True, forbid_unknown_fields=True):
    id: UUID
    skill_tree_id: UUID
    parent_skill_id: UUID | None
    name: str
    short_name: str | None
    description: str | None
    learning_objectives: tuple[str, ...]
    skill_type: SkillType
    difficulty: DifficultyLevel
    estimated_minutes: int | None
    xp_value: int
    dependencies: tuple[UUID, ...]
    dependents: tuple[UUID, ...]
    position_x: float
    position_y: float
    node_size: int
    content: SkillContent | None
    resources: tuple[Resource, ...] | None
    assessments: Assessments | None
    is_active: bool
    is_optional: bool
    is_milestone: bool
    created_at: datetime
    updated_at: datetime
    created_by: UUID | None
    updated_by: UUID | None


class Work(Struct, frozen=True, forbid_unknown_fields=True):
    id: UUID
    user_id: UUID
    skill_id: UUID
    skill_tree_id: UUID
    status: SkillProgressStatus
    progress_percent: float
    time_spent_minutes: int
    attempts_count: int
    failed_attempts: int
    completion_method: CompletionMethod | None
    completion_score: float | None
    evidence_data: Evidence | None
    unlocked_at: datetime | None
    started_at: datetime | None
    last_activity_at: datetime | None
    completed_at: datetime | None
    struggling_indicators: StrugglingIndicators | None
    engagement_score: float | None
    created_at: datetime
    updated_at: datetime


class TreeProgress(Struct, frozen=True, forbid_unknown_fields=True):
    id: UUID
    user_id: UUID
    skill_tree_id: UUID
    status: TreeProgressStatus
    progress_percent: float
    skills_completed: int
    total_skills: int
    time_spent_minutes: int
    started_at: datetime | None
    last_activity_at: datetime | None
    completed_at: datetime | None
    milestones_reached: tuple[UUID, ...]
    current_path: tuple[UUID, ...]
    created_at: datetime
    updated_at: datetime


class TreeHit(Struct, frozen=True, forbid_unknown_fields=True):
    id: UUID
    category_id: UUID
    name: str
    slug: str
    difficulty: DifficultyLevel
    tags: tuple[str, ...]
    rank: float
    snippet: str


class Unlocked(Struct, frozen=True, forbid_unknown_fields=True):
    id: UUID
    name: str


class Award(Struct, frozen=True, forbid_unknown_fields=True):
    id: UUID
    name: str
    category: AchievementCategory
    rarity: AchievementRarity
    badge_icon: str | None
    badge_color: str | None
    xp: int
    earned_at: datetime


class Missing(Struct, frozen=True):
    id: UUID
    name: str
    difficulty: DifficultyLevel
    estimated_minutes: int | None
    is_direct: bool
    level: int


class Counted(Struct, frozen=True):
    total: int
    completed: int
    percent: float


class ToImport(Struct, frozen=True, forbid_unknown_fields=True):
    """A row of the bulk operation, with the rules of skilltree's own import for its columns."""

    user_id: UUID
    skill_id: UUID
    status: Literal["AVAILABLE", "IN_PROGRESS", "COMPLETED", "SKIPPED"]
    progress_percent: Percent
    time_spent_minutes: Count
    attempts_count: Count
    completion_method: CompletionMethod | None
    unlocked_at: Annotated[datetime, Meta(tz=True)] | None
    started_at: Annotated[datetime, Meta(tz=True)] | None
    last_activity_at: Annotated[datetime, Meta(tz=True)] | None
    completed_at: Annotated[datetime, Meta(tz=True)] | None

    def __post_init__(self) -> None:
        if (self.status == "COMPLETED") != (self.completed_at is not None):
            raise ValueError("completed_at is required for a COMPLETED skill, and not allowed for any other")
        if self.status != "SKIPPED" and (self.status == "COMPLETED") != (self.progress_percent == 100):  # noqa: PLR2004
            raise ValueError("progress_percent must be 100 for a COMPLETED skill, and less for any other")
        moments = [each for each in (self.unlocked_at, self.started_at, self.completed_at) if each is not None]
        if moments != sorted(moments):
            raise ValueError("unlocked_at, started_at and completed_at must be in chronological order")


MODELS: dict[str, type[Struct]] = {
    "get_tree": Tree,
    "tree_by_slug": Tree,
    "skills_of_tree": Skill,
    "skill_progress": Work,
    "tree_progress": TreeProgress,
    "page_of_trees": Tree,
    "search_trees": TreeHit,
    "complete": Work,
    "unlock": Unlocked,
    "count_in_tree": TreeProgress,
    "award": Award,
}
"""The struct of the rows of a statement. Rows of the others are only read on the way to a result."""
