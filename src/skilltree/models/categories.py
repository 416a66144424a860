"""Categories of trees."""

from datetime import datetime

from pydantic import with_config
from typing_extensions import TypedDict

from skilltree.models.base import CHANGES, Model
from skilltree.models.ids import CategoryId


class Category(Model):
    """A group of trees."""

    id: CategoryId
    name: str
    slug: str
    description: str | None
    color: str | None
    icon: str | None
    sort_order: int
    is_active: bool
    created_at: datetime
    updated_at: datetime


@with_config(CHANGES)
class CategoryChanges(TypedDict, total=False):
    """The fields of a category that an editor can change."""

    name: str
    slug: str
    description: str | None
    color: str | None
    icon: str | None
    sort_order: int
    is_active: bool
