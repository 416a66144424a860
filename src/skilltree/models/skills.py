"""Skills."""

from datetime import datetime
from uuid import UUID

from pydantic import with_config
from typing_extensions import TypedDict

from skilltree.models.base import CHANGES, Model
from skilltree.models.content import Assessments, Resource, SkillContent
from skilltree.models.enums import DifficultyLevel, SkillType
from skilltree.models.ids import SkillId, TreeId


class SkillBody(Model):
    """A skill as learners see it. It comes after its ``dependencies`` and before its ``dependents``.

    Positions are in pixels.
    """

    id: SkillId
    parent_skill_id: SkillId | None
    key: str
    name: str
    short_name: str | None
    description: str | None
    learning_objectives: tuple[str, ...]
    skill_type: SkillType
    difficulty: DifficultyLevel
    estimated_minutes: int | None
    xp_value: int
    dependencies: tuple[SkillId, ...]
    dependents: tuple[SkillId, ...]
    position_x: float
    position_y: float
    node_size: int
    content: SkillContent | None
    resources: tuple[Resource, ...] | None
    assessments: Assessments | None
    is_optional: bool
    is_milestone: bool


class Skill(SkillBody):
    """A node of a tree."""

    skill_tree_id: TreeId
    sort_order: int
    is_placed: bool
    is_active: bool
    created_at: datetime
    updated_at: datetime
    created_by: UUID | None
    updated_by: UUID | None


@with_config(CHANGES)
class SkillChanges(TypedDict, total=False):
    """The fields of a skill that an author can change. Key, dependencies and positions have their own methods."""

    sort_order: int
    parent_skill_id: SkillId | None
    name: str
    short_name: str | None
    description: str | None
    learning_objectives: list[str]
    skill_type: SkillType
    difficulty: DifficultyLevel
    estimated_minutes: int | None
    xp_value: int
    node_size: int
    resources: list[Resource] | None
    assessments: Assessments | None
    is_active: bool
    is_optional: bool
    is_milestone: bool


class SkillHit(Model):
    """A skill found by a search. In the snippet, ``**`` surrounds the matching words."""

    id: SkillId
    skill_tree_id: TreeId
    tree_slug: str
    name: str
    skill_type: SkillType
    difficulty: DifficultyLevel
    rank: float
    snippet: str


class RelatedSkill(Model):
    """A skill that leads to another one or follows from it. The shortest way has ``depth`` edges."""

    id: SkillId
    name: str
    skill_type: SkillType
    difficulty: DifficultyLevel
    is_active: bool
    is_optional: bool
    depth: int


class PathStep(Model):
    """A step of a learning path. Steps of the same ``level`` do not depend on each other; the first level is 0."""

    id: SkillId
    name: str
    skill_type: SkillType
    difficulty: DifficultyLevel
    estimated_minutes: int | None
    xp_value: int
    is_optional: bool
    level: int
