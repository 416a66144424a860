"""The form of a tree in a file. Skills refer to each other by key."""

from typing import Annotated
from unicodedata import normalize

from pydantic import AfterValidator, ConfigDict, Field

from skilltree.models.base import Model
from skilltree.models.content import Assessments, LayoutConfig, Resource, SkillContent, ThemeConfig
from skilltree.models.enums import DifficultyLevel, SkillType
from skilltree.models.ids import TreeId


def _composed(text: str) -> str:
    return normalize("NFC", text)


Key = Annotated[str, Field(min_length=1, max_length=200), AfterValidator(_composed)]
"""The key of a skill within its tree. It is normalized to NFC, so that the same text always gives the same key."""

NamedKey = Annotated[str, AfterValidator(_composed)]
"""A reference to a skill's key."""


class _Form(Model):
    model_config = ConfigDict(allow_inf_nan=False, revalidate_instances="always")


class CurriculumSkill(_Form):
    """A skill of a curriculum. Without a position it is not placed yet."""

    key: Key
    name: Annotated[str, Field(min_length=1, max_length=200)]
    description: Annotated[str, Field(max_length=100_000)] | None = None
    dependencies: tuple[NamedKey, ...] = ()
    objectives: tuple[str, ...] = ()
    resources: tuple[Resource, ...] = ()
    position: tuple[float, float] | None = None
    optional: bool = False

    short_name: Annotated[str, Field(max_length=50)] | None = None
    parent: NamedKey | None = None
    skill_type: SkillType = SkillType.KNOWLEDGE
    difficulty: DifficultyLevel = DifficultyLevel.BEGINNER
    estimated_minutes: Annotated[int, Field(ge=0)] | None = None
    xp_value: Annotated[int, Field(ge=0, le=1_000_000)] = 10
    node_size: Annotated[int, Field(ge=1, le=3)] = 1
    milestone: bool = False
    active: bool = True
    content: SkillContent | None = None
    assessments: Assessments | None = None


class CurriculumTree(_Form):
    """A tree of a curriculum. It does not say whether the tree is published or featured."""

    slug: Annotated[str, Field(pattern=r"^[a-z0-9]+(-[a-z0-9]+)*$", max_length=200)]
    name: Annotated[str, Field(min_length=1, max_length=200)]
    category: Annotated[str, Field(min_length=1, max_length=100)]
    description: Annotated[str, Field(max_length=100_000)] | None = None
    tags: tuple[str, ...] = ()
    skills: tuple[CurriculumSkill, ...] = ()

    short_description: Annotated[str, Field(max_length=300)] | None = None
    difficulty: DifficultyLevel = DifficultyLevel.BEGINNER
    estimated_hours: Annotated[float, Field(ge=0)] | None = None
    prerequisites: tuple[str, ...] = ()
    version: Annotated[str, Field(min_length=1, max_length=50)] = "1.0.0"
    language: Annotated[str, Field(pattern=r"^[a-z]{2,20}(-[A-Za-z0-9]{1,8})*$", max_length=35)] = "en"
    layout: LayoutConfig = LayoutConfig()
    theme: ThemeConfig = ThemeConfig()
    ai_generated: bool = False

    def to_form(self) -> dict[str, object]:
        """Return the tree in the form of a file: the common fields always, others only if not at their default."""
        form = _compact(self, common=5)
        form["skills"] = [_compact(skill, common=8) for skill in self.skills]
        return form


def _compact(part: _Form, *, common: int) -> dict[str, object]:
    """Return a part of a curriculum: the first ``common`` fields, and the others that are not at their default."""
    fields = type(part).model_fields
    rare = {
        name
        for name, field in list(fields.items())[common:]
        if name != "skills" and getattr(part, name) == field.default
    }
    # The form has the names of the fields, and documents as they are stored.
    stored = part.model_dump(mode="json", by_alias=True, exclude=rare | {"skills"}, exclude_unset=True)
    names = {field.serialization_alias: name for name, field in fields.items()}
    return {names[key]: value for key, value in stored.items()} | {
        name: part.model_dump(mode="json", include={name})[name]
        for name in list(fields)[:common]
        if name not in part.model_fields_set
    }


class Curriculum(_Form):
    """A file of trees."""

    source: str | None = None
    license: str | None = None
    trees: tuple[CurriculumTree, ...]


class ImportResult(Model):
    """The row that the import statement returns. With unknown prerequisites, nothing was written."""

    tree_id: TreeId | None
    tree_added: bool
    tree_changed: bool
    reordered: bool
    added: tuple[str, ...]
    changed: tuple[str, ...]
    removed: tuple[str, ...]
    unchanged: int
    unknown_prerequisites: tuple[str, ...]


class ImportReport(Model):
    """What an import did; skills are listed by key.

    A removed skill is deactivated and taken out of the graph. Learners keep their progress in it.
    """

    tree_id: TreeId
    tree_added: bool
    tree_changed: bool
    reordered: bool
    added: tuple[str, ...]
    changed: tuple[str, ...]
    removed: tuple[str, ...]
    unchanged: int
    left_out: tuple[tuple[str, str], ...] = ()
    """(skill, dependency) for each dependency left out because no skill has that key."""
    relative_links: tuple[tuple[str, str], ...] = ()
    """(skill, URL) for each relative link. These links are kept; their target depends on the page that shows them."""

    @property
    def is_unchanged(self) -> bool:
        """Whether the database already held exactly this curriculum."""
        changed = self.tree_added or self.tree_changed or self.reordered
        return not (changed or self.added or self.changed or self.removed)


class SkillImpact(Model):
    """How many learners would gain a skill as an open one, and how many would lose it."""

    key: str
    gain_open: int
    lose_open: int


class _Impact(Model):
    learners: int
    gain_open: int
    lose_open: int
    percent_up: int
    percent_down: int
    gain_completion: int
    lose_completion: int
    skills: tuple[SkillImpact, ...]
    added: tuple[str, ...]
    removed: tuple[str, ...]
    activated: tuple[str, ...]
    deactivated: tuple[str, ...]


class ImpactResult(_Impact):
    """The row that the preview statement returns."""

    unknown_prerequisites: tuple[str, ...]


class CurriculumImpact(_Impact):
    """What an import would change for learners with progress in the tree. Each figure counts learners.

    ``gain_open`` and ``lose_open`` count those who gain or lose at least one open skill. An open skill is active, the
    learner has neither started nor skipped it, and its active prerequisites are all satisfied. ``skills`` has the
    counts for each skill that any learner gains or loses. ``gain_completion`` counts those whose tree becomes
    completed; ``lose_completion`` counts those who completed a skill that is removed or deactivated. The other fields
    hold keys of skills, as in ImportReport.
    """

    left_out: tuple[tuple[str, str], ...] = ()
    """(skill, dependency) for each dependency left out because no skill has that key."""
