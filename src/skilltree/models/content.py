"""The JSON documents. Fully specified documents are closed; configuration documents accept further keys."""

from typing import Annotated, Literal
from urllib.parse import urlsplit
from uuid import UUID

from pydantic import Field, JsonValue, TypeAdapter, model_validator

from skilltree.models.base import Document, OpenDocument
from skilltree.models.enums import DifficultyLevel, SkillType

ResourceType = Literal["link", "file", "embed"]


# Patterns, not functions: pydantic-core checks them without a call into Python, and a tree has hundreds of links.
_ABSOLUTE_URL = r"^(?i:https?)://[^\s\p{Cc}/?#]+(?:[/?#][^\s\p{Cc}]*)?$"
_URL_REFERENCE = r"^(?:(?i:https?|ftp)://[^\s\p{Cc}]+|(?i:mailto):[^\s\p{Cc}]+|[^\s\p{Cc}:/?#]*(?:[/?#][^\s\p{Cc}]*)?)$"


def is_relative_url(text: str) -> bool:
    """Return whether a URL reference has no scheme: its target then depends on the page that shows it."""
    return not urlsplit(text).scheme


AbsoluteUrl = Annotated[str, Field(max_length=2048, pattern=_ABSOLUTE_URL)]
UrlReference = Annotated[str, Field(min_length=1, max_length=2048, pattern=_URL_REFERENCE)]
Minutes = Annotated[float, Field(ge=0, strict=True)]
Text = Annotated[str, Field(max_length=100_000)]


class ModuleResource(Document):
    """Something to read, watch or use in a module."""

    type: ResourceType
    title: Text
    url: AbsoluteUrl


class ContentModule(Document):
    """One step in the content of a skill."""

    title: Text
    type: Literal["article", "video", "interactive", "assessment"]
    estimated_minutes: Minutes
    resources: tuple[ModuleResource, ...]


class SkillContent(Document):
    """What a skill teaches (`skills.content`)."""

    type: Literal["structured", "simple"]
    modules: tuple[ContentModule, ...] | None = None


class Resource(Document):
    """A link beside the content (one element of `skills.resources`). Its URL may be relative, such as "#page=2"."""

    type: ResourceType
    title: Text
    url: UrlReference


class Question(Document):
    """A question of an assessment. Answers to a choice question must be among its choices."""

    prompt: Text
    type: Literal["single_choice", "multiple_choice", "text"]
    choices: tuple[Text, ...] = ()
    answers: Annotated[tuple[Text, ...], Field(min_length=1)]

    @model_validator(mode="after")
    def _answers_are_choices(self) -> "Question":
        if self.type == "text" and self.choices:
            raise ValueError("a question answered with text has no choices")
        if self.type != "text" and not set(self.answers) <= set(self.choices):
            raise ValueError("every answer must be one of the choices")
        if self.type == "single_choice" and len(self.answers) != 1:
            raise ValueError("a single choice has one answer")
        return self


class Assessments(Document):
    """How a skill is tested (`skills.assessments`). The passing score is a percentage from 0 to 100."""

    passing_score: Annotated[float, Field(ge=0, le=100, strict=True)] = 70.0
    questions: tuple[Question, ...] = ()


class CriteriaParams(Document):
    """What a criterion counts. Without parameters it counts everything."""

    category_id: UUID | None = None
    tree_id: UUID | None = None
    difficulty: DifficultyLevel | None = None
    skill_type: SkillType | None = None


Threshold = Annotated[int, Field(ge=1, le=2_147_483_647, strict=True)]


class SkillCompletionCount(Document):
    """The learner has completed at least ``threshold`` skills."""

    type: Literal["skill_completion_count"]
    threshold: Threshold
    additional_params: CriteriaParams | None = None


class XpThreshold(Document):
    """The learner has at least ``threshold`` XP in total."""

    type: Literal["xp_threshold"]
    threshold: Threshold
    additional_params: CriteriaParams | None = None


class StreakDays(Document):
    """The learner has a streak of at least ``threshold`` days."""

    type: Literal["streak_days"]
    threshold: Threshold
    additional_params: CriteriaParams | None = None


AchievementCriteria = Annotated[SkillCompletionCount | XpThreshold | StreakDays, Field(discriminator="type")]
"""When an achievement is earned (`achievements.criteria`)."""


class ProgressEvidence(Document):
    """Proof that a skill was completed (`user_skill_progress.evidence_data`)."""

    type: Literal["text", "url", "file", "assessment_score"]
    content: Text
    metadata: dict[str, JsonValue] | None = None


class LayoutConfig(OpenDocument):
    """How a tree is laid out (`skill_trees.layout_config`). Distances are in pixels."""

    theme: str | None = None
    node_spacing: Annotated[float, Field(gt=0, strict=True)] | None = None
    level_height: Annotated[float, Field(gt=0, strict=True)] | None = None


Color = Annotated[str, Field(pattern=r"^#[0-9A-Fa-f]{6}$")]


class ThemeConfig(OpenDocument):
    """What a tree looks like (`skill_trees.theme_config`)."""

    primary_color: Color | None = None
    accent_color: Color | None = None
    icon: str | None = None


class Preferences(OpenDocument):
    """A learner's preferences (`user_profiles.preferences`)."""

    theme: Literal["light", "dark", "system"] | None = None
    language: str | None = None
    email_notifications: Annotated[bool, Field(strict=True)] | None = None
    daily_goal_minutes: Annotated[int, Field(ge=0, le=1440, strict=True)] | None = None


class DeviceInfo(OpenDocument):
    """The device and software of a session (`user_sessions.device_info`)."""

    browser: str | None = None
    os: str | None = None
    device: str | None = None
    user_agent: str | None = None


class StrugglingIndicators(OpenDocument):
    """Signs that a skill is hard for a learner (`user_skill_progress.struggling_indicators`)."""

    failed_attempts: Annotated[int, Field(ge=0, strict=True)] | None = None
    hints_used: Annotated[int, Field(ge=0, strict=True)] | None = None
    idle_minutes: Annotated[float, Field(ge=0, strict=True)] | None = None


class AwardMetadata(OpenDocument):
    """How an achievement was earned (`user_achievements.metadata`)."""


CONTENT: TypeAdapter[SkillContent] = TypeAdapter(SkillContent)
RESOURCES: TypeAdapter[tuple[Resource, ...]] = TypeAdapter(tuple[Resource, ...])
ASSESSMENTS: TypeAdapter[Assessments] = TypeAdapter(Assessments)
CRITERIA: TypeAdapter[AchievementCriteria] = TypeAdapter(AchievementCriteria)
LAYOUT: TypeAdapter[LayoutConfig] = TypeAdapter(LayoutConfig)
THEME: TypeAdapter[ThemeConfig] = TypeAdapter(ThemeConfig)
PREFERENCES: TypeAdapter[Preferences] = TypeAdapter(Preferences)
DEVICE: TypeAdapter[DeviceInfo] = TypeAdapter(DeviceInfo)
EVIDENCE: TypeAdapter[ProgressEvidence] = TypeAdapter(ProgressEvidence)
STRUGGLING: TypeAdapter[StrugglingIndicators] = TypeAdapter(StrugglingIndicators)
