"""The JSON documents. Those that the specification describes in full are closed; configuration is open."""

from typing import Annotated, Literal
from urllib.parse import urlsplit
from uuid import UUID

from pydantic import Field, JsonValue, TypeAdapter, model_validator

from skilltree.models.base import Document, OpenDocument
from skilltree.models.enums import DifficultyLevel, SkillType

ResourceType = Literal["link", "file", "embed"]


# Patterns and not functions: they run inside pydantic-core, and a tree has hundreds of links.
_ABSOLUTE_URL = r"^(?i:https?)://[^\s\p{Cc}/?#]+(?:[/?#][^\s\p{Cc}]*)?$"
_URL_REFERENCE = r"^(?:(?i:https?|ftp)://[^\s\p{Cc}]+|(?i:mailto):[^\s\p{Cc}]+|[^\s\p{Cc}:/?#]*(?:[/?#][^\s\p{Cc}]*)?)$"


def is_relative_url(text: str) -> bool:
    """Tell whether a URL reference has no scheme, so that it only means something relative to a page."""
    return not urlsplit(text).scheme


AbsoluteUrl = Annotated[str, Field(max_length=2048, pattern=_ABSOLUTE_URL)]
UrlReference = Annotated[str, Field(min_length=1, max_length=2048, pattern=_URL_REFERENCE)]
Minutes = Annotated[float, Field(ge=0, strict=True)]
Text = Annotated[str, Field(max_length=100_000)]


class ModuleResource(Document):
    """Something to read, watch or use within a module."""

    type: ResourceType
    title: Text
    url: AbsoluteUrl


class ContentModule(Document):
    """One step of a skill's content."""

    title: Text
    type: Literal["article", "video", "interactive", "assessment"]
    estimated_minutes: Minutes
    resources: tuple[ModuleResource, ...]


class SkillContent(Document):
    """What a skill teaches (`skills.content`)."""

    type: Literal["structured", "simple"]
    modules: tuple[ContentModule, ...] | None = None


class Resource(Document):
    """A link beside the content (one element of `skills.resources`). The URL may be relative, as in "#page=2"."""

    type: ResourceType
    title: Text
    url: UrlReference


class Question(Document):
    """A question of an assessment. The answers to a choice are among the choices."""

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
    """How a skill is tested (`skills.assessments`). The passing score is a percentage."""

    passing_score: Annotated[float, Field(ge=0, le=100, strict=True)] = 70
    questions: tuple[Question, ...] = ()


class CriteriaParams(Document):
    """What a criterion is limited to; without a limit, everything counts."""

    category_id: UUID | None = None
    tree_id: UUID | None = None
    difficulty: DifficultyLevel | None = None
    skill_type: SkillType | None = None


Threshold = Annotated[int, Field(ge=1, le=2_147_483_647, strict=True)]


class SkillCompletionCount(Document):
    """So many skills completed."""

    type: Literal["skill_completion_count"]
    threshold: Threshold
    additional_params: CriteriaParams | None = None


class XpThreshold(Document):
    """So many experience points in all."""

    type: Literal["xp_threshold"]
    threshold: Threshold
    additional_params: CriteriaParams | None = None


class StreakDays(Document):
    """So many days in a row with something learnt."""

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
    """How a tree is laid out (`skill_trees.layout_config`); distances in pixels."""

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
    """What a learner prefers (`user_profiles.preferences`)."""

    theme: Literal["light", "dark", "system"] | None = None
    language: str | None = None
    email_notifications: Annotated[bool, Field(strict=True)] | None = None
    daily_goal_minutes: Annotated[int, Field(ge=0, le=1440, strict=True)] | None = None


class DeviceInfo(OpenDocument):
    """What a session runs on (`user_sessions.device_info`)."""

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
