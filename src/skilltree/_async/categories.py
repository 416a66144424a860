"""Categories of trees."""

from pydantic import TypeAdapter
from typing_extensions import Unpack

from skilltree._async.repository import AsyncRepository
from skilltree._core.rows import changes
from skilltree.errors import CategoryNotFound
from skilltree.models.categories import Category, CategoryChanges
from skilltree.models.ids import CategoryId

_CHANGES = TypeAdapter(CategoryChanges)


class AsyncCategories(AsyncRepository):
    """The categories of the catalogue."""

    async def create(
        self,
        *,
        name: str,
        slug: str,
        description: str | None = None,
        color: str | None = None,
        icon: str | None = None,
        sort_order: int = 0,
        is_active: bool = True,
        id: CategoryId | None = None,  # noqa: A002 (the column's name)
    ) -> Category:
        """Create a category. Raises CategoryNameTaken, SlugTaken, InvalidValue."""
        return await self.one(
            Category,
            "categories/create",
            id=id,
            name=name,
            slug=slug,
            description=description,
            color=color,
            icon=icon,
            sort_order=sort_order,
            is_active=is_active,
        )

    async def update(self, category_id: CategoryId, **changed: Unpack[CategoryChanges]) -> Category:
        """Change the given fields. Raises CategoryNotFound, CategoryNameTaken, SlugTaken."""
        return await self.one(
            Category,
            "categories/update",
            missing=CategoryNotFound(id=category_id),
            category_id=category_id,
            changes=changes(_CHANGES, changed),
        )

    async def find_by_slug(self, slug: str) -> Category | None:
        """Return the category with this slug, or ``None``."""
        return await self.find(Category, "categories/find_by_slug", slug=slug)

    async def list(self, *, include_inactive: bool = False) -> list[Category]:
        """Return the categories in display order."""
        return await self.all(Category, "categories/list", include_inactive=include_inactive)
