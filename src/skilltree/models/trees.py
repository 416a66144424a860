"""Trees, and the views of a tree with its skills."""

from datetime import datetime
from uuid import UUID

from pydantic import with_config
from typing_extensions import TypedDict

from skilltree.models.base import CHANGES, Model
from skilltree.models.content import LayoutConfig, ThemeConfig
from skilltree.models.enums import DifficultyLevel, SkillProgressStatus, SkillType
from skilltree.models.ids import CategoryId, SkillId, TreeId
from skilltree.models.progress import SkillWork, TreeProgress
from skilltree.models.skills import SkillBody


class Tree(Model):
    """A tree of skills. ``prerequisites`` are other trees to complete first."""

    id: TreeId
    category_id: CategoryId
    name: str
    slug: str
    description: str | None
    short_description: str | None
    difficulty: DifficultyLevel
    estimated_hours: float | None
    prerequisites: tuple[TreeId, ...]
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


@with_config(CHANGES)
class TreeChanges(TypedDict, total=False):
    """The fields of a tree that an author can change. Slug and prerequisites have their own methods."""

    category_id: CategoryId
    name: str
    description: str | None
    short_description: str | None
    difficulty: DifficultyLevel
    estimated_hours: float | None
    tags: list[str]
    version: str
    layout_config: LayoutConfig
    theme_config: ThemeConfig
    is_featured: bool
    is_ai_generated: bool


class TreeHit(Model):
    """A tree found by a search. In the snippet, ``**`` surrounds the matching words."""

    id: TreeId
    category_id: CategoryId
    name: str
    slug: str
    difficulty: DifficultyLevel
    tags: tuple[str, ...]
    rank: float
    snippet: str


class LoadedSkill(SkillBody):
    """A skill with one learner's progress. ``status`` is the current status, derived from the graph."""

    status: SkillProgressStatus
    progress: SkillWork | None


class LoadedTree(Tree):
    """A tree with its active skills and one learner's progress. Skills go top to bottom, left to right."""

    progress: TreeProgress | None
    skills: tuple[LoadedSkill, ...]


class MapSkill(Model):
    """The fields of a skill that a map needs to draw it.

    ``level`` is 0 for a skill without dependencies, else one more than the highest level of its dependencies. A map can
    use it to place a skill that nobody has placed yet.
    """

    id: SkillId
    parent_skill_id: SkillId | None
    name: str
    short_name: str | None
    skill_type: SkillType
    difficulty: DifficultyLevel
    estimated_minutes: int | None
    xp_value: int
    dependencies: tuple[SkillId, ...]
    position_x: float
    position_y: float
    is_placed: bool
    node_size: int
    is_optional: bool
    is_milestone: bool
    status: SkillProgressStatus
    progress_percent: float
    level: int


class TreeMap(Model):
    """A tree as a map shows it, with one learner's status. The JSON documents of its skills are left out."""

    id: TreeId
    name: str
    slug: str
    layout_config: LayoutConfig
    theme_config: ThemeConfig
    progress_percent: float
    skills: tuple[MapSkill, ...]
