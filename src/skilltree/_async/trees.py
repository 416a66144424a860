"""Trees: the catalogue, whole trees for learners, and the import and export of curricula."""

from collections.abc import Mapping, Sequence

from pydantic import TypeAdapter
from typing_extensions import Unpack

from skilltree._async.repository import LEARNERS_FOLLOW, AsyncRepository
from skilltree._core.arguments import Offset, SearchSize, SearchText
from skilltree._core.rows import changes, document, in_order, several
from skilltree.curriculum import check_tree, parse_tree, relative_links, skill_rows, slug_of, tree_id
from skilltree.errors import InvalidCurriculum, TreeNotFound
from skilltree.models.base import Page
from skilltree.models.content import LAYOUT, THEME, LayoutConfig, ThemeConfig
from skilltree.models.curriculum import (
    CurriculumImpact,
    CurriculumTree,
    ImpactResult,
    ImportReport,
    ImportResult,
)
from skilltree.models.enums import DifficultyLevel
from skilltree.models.ids import CategoryId, TreeId, UserId
from skilltree.models.trees import LoadedTree, Tree, TreeChanges, TreeHit, TreeMap

_CHANGES = TypeAdapter(TreeChanges)


class AsyncTrees(AsyncRepository):
    """The trees of skills."""

    async def create(
        self,
        category_id: CategoryId,
        *,
        name: str,
        slug: str,
        description: str | None = None,
        short_description: str | None = None,
        difficulty: DifficultyLevel = DifficultyLevel.BEGINNER,
        estimated_hours: float | None = None,
        prerequisites: Sequence[TreeId] = (),
        tags: Sequence[str] = (),
        version: str = "1.0.0",
        language: str = "en",
        layout_config: LayoutConfig | Mapping[str, object] | None = None,
        theme_config: ThemeConfig | Mapping[str, object] | None = None,
        is_featured: bool = False,
        is_ai_generated: bool = False,
        id: TreeId | None = None,  # noqa: A002 (the column's name)
    ) -> Tree:
        """Create an unpublished tree. Raises SlugTaken, CategoryNotFound, UnknownPrerequisite, InvalidDocument.

        ``language`` is an ISO 639-1 code, such as ``de`` or ``pt-BR``. The full-text search of the tree uses it.
        """
        return await self.one(
            Tree,
            "trees/create",
            id=id,
            category_id=category_id,
            name=name,
            slug=slug,
            description=description,
            short_description=short_description,
            difficulty=difficulty,
            estimated_hours=estimated_hours,
            prerequisites=[*prerequisites],
            tags=[*tags],
            version=version,
            language=language,
            layout_config=document(LAYOUT, {} if layout_config is None else layout_config, "layout_config"),
            theme_config=document(THEME, {} if theme_config is None else theme_config, "theme_config"),
            is_featured=is_featured,
            is_ai_generated=is_ai_generated,
        )

    async def update(self, tree_id: TreeId, **changed: Unpack[TreeChanges]) -> Tree:
        """Change the given fields. Raises TreeNotFound, CategoryNotFound, InvalidDocument."""
        return await self.one(
            Tree,
            "trees/update",
            missing=TreeNotFound(id=tree_id),
            tree_id=tree_id,
            changes=changes(_CHANGES, changed),
        )

    async def change_slug(self, tree_id: TreeId, slug: str) -> Tree:
        """Give a tree another slug. Raises SlugTaken, TreeNotFound."""
        return await self.one(Tree, "trees/change_slug", missing=TreeNotFound(id=tree_id), tree_id=tree_id, slug=slug)

    async def change_language(self, tree_id: TreeId, language: str) -> Tree:
        """Change the language of a tree, a code as in ``create``. Raises TreeNotFound, InvalidValue."""
        return await self.one(
            Tree, "trees/change_language", missing=TreeNotFound(id=tree_id), tree_id=tree_id, language=language
        )

    async def publish(self, tree_id: TreeId) -> Tree:
        """Show a tree in the catalogue. Raises TreeNotFound."""
        return await self.one(Tree, "trees/publish", missing=TreeNotFound(id=tree_id), tree_id=tree_id)

    async def unpublish(self, tree_id: TreeId) -> Tree:
        """Hide a tree from the catalogue. Learners keep their progress. Raises TreeNotFound."""
        return await self.one(Tree, "trees/unpublish", missing=TreeNotFound(id=tree_id), tree_id=tree_id)

    async def set_prerequisites(self, tree_id: TreeId, prerequisites: Sequence[TreeId]) -> Tree:
        """Replace a tree's prerequisites. Raises CyclicPrerequisites, UnknownPrerequisite, TreeNotFound."""
        return await self.one(
            Tree,
            "trees/set_prerequisites",
            missing=TreeNotFound(id=tree_id),
            tree_id=tree_id,
            prerequisites=[*prerequisites],
        )

    async def delete(self, tree_id: TreeId) -> None:
        """Delete a tree, its skills and all learners' progress in them. Raises TreeNotFound."""
        if not await self.values("trees/delete", before=("trees/lock_learners", "trees/lock"), tree_id=tree_id):
            raise TreeNotFound(id=tree_id)

    async def get(self, tree_id: TreeId) -> Tree:
        """Return a tree. Raises TreeNotFound."""
        return await self.one(Tree, "trees/get", missing=TreeNotFound(id=tree_id), tree_id=tree_id)

    async def get_many(self, tree_ids: Sequence[TreeId]) -> list[Tree]:
        """Return trees in the order of these ids, at most 1,000, in one statement. Raises TreeNotFound."""
        rows = await self.all(Tree, "trees/get_many", tree_ids=several(tree_ids, "tree_ids"))
        return in_order(rows, tree_ids, missing=TreeNotFound)

    async def find_by_slug(self, slug: str) -> Tree | None:
        """Return the tree with this slug, or ``None``. Only authors and learners in it see an unpublished tree."""
        return await self.find(Tree, "trees/find_by_slug", slug=slug)

    async def search(
        self, text: SearchText, *, published: bool | None = True, limit: SearchSize = 20, offset: Offset = 0
    ) -> list[TreeHit]:
        """Return the matching trees, the best first. ``text`` has the syntax of a web search."""
        return await self.all(TreeHit, "trees/search", text=text, published=published, limit=limit, offset=offset)

    async def load(self, slug: str, user_id: UserId | None = None) -> LoadedTree:
        """Return a tree with its active skills and a learner's progress. Raises TreeNotFound.

        Only authors and learners in it see an unpublished tree.
        """
        return await self.one(LoadedTree, "trees/load", missing=TreeNotFound(slug=slug), slug=slug, user_id=user_id)

    async def load_map(self, slug: str, user_id: UserId | None = None) -> TreeMap:
        """Return what a map needs to draw a tree for a learner, without texts and documents. Raises TreeNotFound."""
        return await self.one(TreeMap, "trees/load_map", missing=TreeNotFound(slug=slug), slug=slug, user_id=user_id)

    async def import_tree(
        self, tree: CurriculumTree | Mapping[str, object], *, leave_out_unknown: bool = False
    ) -> ImportReport:
        """Create a tree from a curriculum, or update it in place, and report the changes.

        The tree becomes exactly what the curriculum says. A field that it leaves out gets its default. A skill that it
        leaves out is deactivated and removed from the graph; learners keep their progress. Whether the tree is
        published does not change.

        Raises InvalidCurriculum; UnknownCurriculumKeys unless ``leave_out_unknown``; CyclicDependency. Nothing is
        written then.
        """
        given, left_out = check_tree(parse_tree(tree), leave_out_unknown=leave_out_unknown)
        result = await self.one(
            ImportResult,
            "trees/import_tree",
            before=("trees/lock_for_import", "trees/lock_skills_for_import", "trees/lock_learners_for_import"),
            after=LEARNERS_FOLLOW,
            tree_id=None,
            skill_id=None,
            new_id=tree_id(given.slug),
            slug=given.slug,
            name=given.name,
            category=given.category,
            category_slug=slug_of(given.category),
            description=given.description,
            short_description=given.short_description,
            difficulty=given.difficulty,
            estimated_hours=given.estimated_hours,
            prerequisites=[*given.prerequisites],
            tags=[*given.tags],
            version=given.version,
            language=given.language,
            layout_config=document(LAYOUT, given.layout, "layout"),
            theme_config=document(THEME, given.theme, "theme"),
            is_ai_generated=given.ai_generated,
            skills=skill_rows(given),
        )
        if result.tree_id is None:
            raise InvalidCurriculum(
                f"the tree {given.slug} has prerequisites that do not exist:", problems=result.unknown_prerequisites
            )
        return ImportReport(
            **result.model_dump(exclude={"unknown_prerequisites"}),
            left_out=left_out,
            relative_links=relative_links(given),
        )

    async def export_tree(self, slug: str) -> CurriculumTree:
        """Return a tree as a curriculum. Importing it changes nothing. Raises TreeNotFound."""
        return await self.one(CurriculumTree, "trees/export_tree", missing=TreeNotFound(slug=slug), slug=slug)

    async def list(
        self,
        *,
        category_id: CategoryId | None = None,
        difficulty: DifficultyLevel | None = None,
        all_tags: Sequence[str] | None = None,
        any_tags: Sequence[str] | None = None,
        featured: bool | None = None,
        published: bool | None = True,
        after: str | None = None,
        limit: int = 50,
    ) -> Page[Tree]:
        """Return a page of the catalogue by name. ``published=None`` includes drafts; a learner sees only own ones."""
        return await self.page(
            Tree,
            "trees/list",
            order=("name", "id"),
            after=after,
            limit=limit,
            category_id=category_id,
            difficulty=difficulty,
            all_tags=None if all_tags is None else [*all_tags],
            any_tags=None if any_tags is None else [*any_tags],
            featured=featured,
            published=published,
        )

    async def preview_changes(
        self, tree: CurriculumTree | Mapping[str, object], *, leave_out_unknown: bool = False
    ) -> CurriculumImpact:
        """Return what the import of a curriculum would change for the tree's learners. Writes and locks nothing.

        Export the tree, edit it, look at this preview, and import it. The numbers are exact, however small: they are
        for authors who may import.

        Raises TreeNotFound, and like import_tree: InvalidCurriculum; UnknownCurriculumKeys unless
        ``leave_out_unknown``; CyclicDependency.
        """
        given, left_out = check_tree(parse_tree(tree), leave_out_unknown=leave_out_unknown)
        result = await self.one(
            ImpactResult,
            "trees/preview_changes",
            missing=TreeNotFound(slug=given.slug),
            slug=given.slug,
            prerequisites=[*given.prerequisites],
            skills=skill_rows(given),
        )
        if result.unknown_prerequisites:
            raise InvalidCurriculum(
                f"the tree {given.slug} has prerequisites that do not exist:", problems=result.unknown_prerequisites
            )
        return CurriculumImpact(**result.model_dump(exclude={"unknown_prerequisites"}), left_out=left_out)
