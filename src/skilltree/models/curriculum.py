"""A whole tree as a file holds it: skills name each other by key."""

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
"""What a skill is called in its tree. Composed (NFC), so that the same text typed elsewhere is the same key."""

NamedKey = Annotated[str, AfterValidator(_composed)]
"""A key that is referred to."""


class _Form(Model):
    model_config = ConfigDict(allow_inf_nan=False, revalidate_instances="always")


class CurriculumSkill(_Form):
    """A skill of a curriculum. Without a position, nobody has placed it yet."""

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
    """A tree of a curriculum. Whether it is published or featured is not part of it."""

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
        """Return the tree as a file holds it: the common fields always, the others where they are not the default."""
        form = _compact(self, common=5)
        form["skills"] = [_compact(skill, common=8) for skill in self.skills]
        return form


def _compact(part: _Form, *, common: int) -> dict[str, object]:
    """Return a part of a curriculum without the fields after the common ones that have their default value."""
    fields = type(part).model_fields
    rare = {
        name
        for name, field in list(fields.items())[common:]
        if name != "skills" and getattr(part, name) == field.default
    }
    return part.model_dump(mode="json", by_alias=True, exclude=rare | {"skills"}, exclude_unset=True) | {
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
    """What the import statement answers: nothing was written if there are unknown prerequisites."""

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
    """What an import did, skills by key. A removed one is deactivated and out of the graph; its progress stays."""

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
    """(skill, URL) for each link that only means something relative to a page. They are kept."""

    @property
    def is_unchanged(self) -> bool:
        """Whether the database held just this already."""
        changed = self.tree_added or self.tree_changed or self.reordered
        return not (changed or self.added or self.changed or self.removed)


class SkillImpact(Model):
    """How many learners gain and lose a skill as an open one."""

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
    """What the preview statement answers."""

    unknown_prerequisites: tuple[str, ...]


class CurriculumImpact(_Impact):
    """What an import would do to those who have progress in the tree: how many of them would gain or lose what.

    ``gain_open`` and ``lose_open`` count those who gain or lose at least one open skill: active, not begun nor skipped
    by them, with all active prerequisites satisfied; ``skills`` tells how many for each skill that any gain or lose.
    ``gain_completion`` counts those whose tree is completed by the edit, ``lose_completion`` those who have completed
    a skill that is removed or deactivated. The other fields are keys of skills, as in ImportReport.
    """

    left_out: tuple[tuple[str, str], ...] = ()
    """(skill, dependency) for each dependency left out because no skill has that key."""
