"""The Pydantic models of the hand-written statements' rows.

Where the columns are the same, they are skilltree's own models, so that all validate the same.
"""

from datetime import datetime
from uuid import UUID

from pydantic import BaseModel

from skilltree.models.achievements import EarnedAchievement
from skilltree.models.base import Model
from skilltree.models.content import Assessments, Resource, SkillContent
from skilltree.models.enums import DifficultyLevel, SkillType
from skilltree.models.ids import SkillId, SkillProgressId, TreeId, UserId
from skilltree.models.progress import SkillWork, TreeProgress, UnlockedSkill
from skilltree.models.trees import Tree, TreeHit


class Skill(Model):
    """A skill with all of its columns."""

    id: SkillId
    skill_tree_id: TreeId
    parent_skill_id: SkillId | None
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
    is_active: bool
    is_optional: bool
    is_milestone: bool
    created_at: datetime
    updated_at: datetime
    created_by: UUID | None
    updated_by: UUID | None


class Work(SkillWork):
    """A learner's work on a skill."""

    id: SkillProgressId
    user_id: UserId
    skill_id: SkillId
    skill_tree_id: TreeId
    created_at: datetime
    updated_at: datetime


MODELS: dict[str, type[BaseModel]] = {
    "get_tree": Tree,
    "tree_by_slug": Tree,
    "skills_of_tree": Skill,
    "skill_progress": Work,
    "tree_progress": TreeProgress,
    "page_of_trees": Tree,
    "search_trees": TreeHit,
    "complete": Work,
    "unlock": UnlockedSkill,
    "count_in_tree": TreeProgress,
    "award": EarnedAchievement,
}
"""The model of the rows of a statement. Rows of the others are only read on the way to a result."""
