"""Skills and the graph they form."""

from collections.abc import Mapping, Sequence

from pydantic import TypeAdapter
from typing_extensions import Unpack

from skilltree._async.repository import LEARNERS_FOLLOW, AsyncRepository
from skilltree._core.arguments import Offset, SearchSize, SearchText
from skilltree._core.rows import changes, document, in_order, several
from skilltree.errors import SkillNotFound
from skilltree.models.content import ASSESSMENTS, CONTENT, RESOURCES, Assessments, Resource, SkillContent
from skilltree.models.enums import DifficultyLevel, SkillType
from skilltree.models.ids import SkillId, TreeId
from skilltree.models.skills import PathStep, RelatedSkill, Skill, SkillChanges, SkillHit

_CHANGES = TypeAdapter(SkillChanges)
_COUNTED_BY = {"is_active", "is_optional", "is_milestone"}
_LOCK_WITH_EDGES = ("skills/lock_learners", "skills/lock_edits", "skills/lock")
"""The queries that come before an edit that must know all edges of a skill."""


class AsyncSkills(AsyncRepository):
    """The skills of the trees. The database checks every change of the graph when its transaction ends."""

    async def create(
        self,
        tree_id: TreeId,
        *,
        name: str,
        dependencies: Sequence[SkillId] = (),
        parent_skill_id: SkillId | None = None,
        key: str | None = None,
        sort_order: int = 0,
        short_name: str | None = None,
        description: str | None = None,
        learning_objectives: Sequence[str] = (),
        skill_type: SkillType = SkillType.KNOWLEDGE,
        difficulty: DifficultyLevel = DifficultyLevel.BEGINNER,
        estimated_minutes: int | None = None,
        xp_value: int = 10,
        position: tuple[float, float] | None = None,
        node_size: int = 1,
        content: SkillContent | Mapping[str, object] | None = None,
        resources: Sequence[Resource | Mapping[str, object]] | None = None,
        assessments: Assessments | Mapping[str, object] | None = None,
        is_optional: bool = False,
        is_milestone: bool = False,
        id: SkillId | None = None,  # noqa: A002 (the column's name)
    ) -> Skill:
        """Create a skill. Raises TreeNotFound, UnknownDependency, UnknownParent, SkillKeyTaken, InvalidDocument."""
        position_x, position_y = position or (None, None)
        return await self.one(
            Skill,
            "skills/create",
            before=("trees/lock_learners",),
            after=LEARNERS_FOLLOW,
            id=id,
            tree_id=tree_id,
            skill_id=None,
            slug=None,
            parent_skill_id=parent_skill_id,
            key=key,
            sort_order=sort_order,
            name=name,
            short_name=short_name,
            description=description,
            learning_objectives=[*learning_objectives],
            skill_type=skill_type,
            difficulty=difficulty,
            estimated_minutes=estimated_minutes,
            xp_value=xp_value,
            dependencies=[*dependencies],
            position_x=position_x,
            position_y=position_y,
            node_size=node_size,
            content=document(CONTENT, content, "content"),
            resources=document(RESOURCES, resources, "resources"),
            assessments=document(ASSESSMENTS, assessments, "assessments"),
            is_optional=is_optional,
            is_milestone=is_milestone,
        )

    async def update(self, skill_id: SkillId, **changed: Unpack[SkillChanges]) -> Skill:
        """Change the given fields. Raises SkillNotFound, UnknownParent, CyclicParents."""
        counts = not _COUNTED_BY.isdisjoint(changed)
        return await self.one(
            Skill,
            "skills/update",
            missing=SkillNotFound(id=skill_id),
            before=("skills/lock_learners",) if counts else (),
            after=LEARNERS_FOLLOW if counts else (),
            skill_id=skill_id,
            tree_id=None,
            slug=None,
            changes=changes(_CHANGES, changed),
        )

    async def change_key(self, skill_id: SkillId, key: str) -> Skill:
        """Give a skill another key within its tree. Raises SkillKeyTaken, SkillNotFound."""
        missing = SkillNotFound(id=skill_id)
        return await self.one(Skill, "skills/change_key", missing=missing, skill_id=skill_id, key=key)

    async def update_content(self, skill_id: SkillId, content: SkillContent | Mapping[str, object] | None) -> Skill:
        """Replace the content of a skill. Raises InvalidDocument with the path of the faulty value, SkillNotFound."""
        return await self.one(
            Skill,
            "skills/update_content",
            missing=SkillNotFound(id=skill_id),
            skill_id=skill_id,
            content=document(CONTENT, content, "content"),
        )

    async def arrange(self, tree_id: TreeId, positions: Mapping[SkillId, tuple[float, float]]) -> None:
        """Set the positions of many skills of a tree, in pixels. If one is missing, SkillNotFound, and none is set."""
        placed = await self.values(
            "skills/arrange",
            tree_id=tree_id,
            skill_ids=[*positions],
            xs=[float(x) for x, _ in positions.values()],
            ys=[float(y) for _, y in positions.values()],
        )
        if len(placed) < len(positions):
            raise SkillNotFound(f"not all of these {len(positions)} skills are in tree {tree_id}; no position was set")

    async def add_dependency(self, skill_id: SkillId, prerequisite_id: SkillId) -> Skill:
        """Make a skill depend on another of its tree. Raises CyclicDependency, UnknownDependency, SkillNotFound."""
        missing = SkillNotFound(f"skill {skill_id} or its prerequisite {prerequisite_id} does not exist")
        return await self._change_dependencies("ADD", skill_id, [prerequisite_id], missing)

    async def remove_dependency(self, skill_id: SkillId, prerequisite_id: SkillId) -> Skill:
        """Make a skill no longer depend on another. Raises SkillNotFound."""
        return await self._change_dependencies("REMOVE", skill_id, [prerequisite_id], SkillNotFound(id=skill_id))

    async def set_dependencies(self, skill_id: SkillId, dependencies: Sequence[SkillId]) -> Skill:
        """Replace a skill's dependencies. Raises CyclicDependency, UnknownDependency, SkillNotFound."""
        missing = SkillNotFound(id=skill_id)
        return await self._change_dependencies("SET", skill_id, [*dependencies], missing, before=_LOCK_WITH_EDGES)

    async def deactivate(self, skill_id: SkillId) -> Skill:
        """Deactivate a skill. Learners keep their progress in it. Raises SkillNotFound."""
        return await self.one(
            Skill,
            "skills/deactivate",
            missing=SkillNotFound(id=skill_id),
            before=("skills/lock_learners",),
            after=LEARNERS_FOLLOW,
            skill_id=skill_id,
            tree_id=None,
            slug=None,
        )

    async def delete(self, skill_id: SkillId) -> None:
        """Delete a skill and all progress in it, and remove it from the graph. Raises SkillNotFound."""
        deleted = await self.values(
            "skills/delete",
            before=(*_LOCK_WITH_EDGES, "skills/deactivate", *LEARNERS_FOLLOW),
            skill_id=skill_id,
            tree_id=None,
            slug=None,
        )
        if not deleted:
            raise SkillNotFound(id=skill_id)

    async def get(self, skill_id: SkillId) -> Skill:
        """Return a skill. Raises SkillNotFound."""
        return await self.one(Skill, "skills/get", missing=SkillNotFound(id=skill_id), skill_id=skill_id)

    async def get_many(self, skill_ids: Sequence[SkillId]) -> list[Skill]:
        """Return skills in the order of these ids, at most 1,000, in one statement. Raises SkillNotFound."""
        rows = await self.all(Skill, "skills/get_many", skill_ids=several(skill_ids, "skill_ids"))
        return in_order(rows, skill_ids, missing=SkillNotFound)

    async def list_for_tree(self, tree_id: TreeId, *, include_inactive: bool = False) -> list[Skill]:
        """Return the skills of a tree, top to bottom, left to right."""
        return await self.all(Skill, "skills/list_for_tree", tree_id=tree_id, include_inactive=include_inactive)

    async def children(self, skill_id: SkillId) -> list[Skill]:
        """Return the active child skills of a skill, top to bottom, left to right."""
        return await self.all(Skill, "skills/children", skill_id=skill_id)

    async def search(
        self,
        text: SearchText,
        *,
        tree_id: TreeId | None = None,
        published: bool | None = True,
        limit: SearchSize = 20,
        offset: Offset = 0,
    ) -> list[SkillHit]:
        """Return the matching active skills, the best first. ``text`` has the syntax of a web search."""
        return await self.all(
            SkillHit, "skills/search", text=text, tree_id=tree_id, published=published, limit=limit, offset=offset
        )

    async def ancestors(self, skill_id: SkillId) -> list[RelatedSkill]:
        """Return all direct and indirect dependencies of a skill, the nearest first. Raises SkillNotFound."""
        return await self._related(skill_id, of_dependencies=True)

    async def descendants(self, skill_id: SkillId) -> list[RelatedSkill]:
        """Return all direct and indirect dependents of a skill, the nearest first. Raises SkillNotFound."""
        return await self._related(skill_id, of_dependencies=False)

    async def learning_path(self, skill_id: SkillId) -> list[PathStep]:
        """Return all skills needed for a skill, and the skill itself, prerequisites first. Raises SkillNotFound."""
        path = await self.all(PathStep, "skills/learning_path", skill_id=skill_id)
        if not path:
            raise SkillNotFound(id=skill_id)
        return path

    async def _change_dependencies(
        self,
        change: str,
        skill_id: SkillId,
        prerequisite_ids: list[SkillId],
        missing: SkillNotFound,
        before: Sequence[str] = ("skills/lock_learners",),
    ) -> Skill:
        return await self.one(
            Skill,
            "skills/change_dependencies",
            missing=missing,
            before=before,
            after=("progress/unlock_for_learners",),
            tree_id=None,
            slug=None,
            skill_id=skill_id,
            change=change,
            prerequisite_ids=prerequisite_ids,
        )

    async def _related(self, skill_id: SkillId, *, of_dependencies: bool) -> list[RelatedSkill]:
        rows = await self.all(RelatedSkill, "skills/related", skill_id=skill_id, of_dependencies=of_dependencies)
        if not rows:
            raise SkillNotFound(id=skill_id)
        return rows[1:]
