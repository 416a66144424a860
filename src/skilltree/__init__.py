"""A raw-SQL PostgreSQL data layer for gamified skill-tree learning platforms."""

from typing import TYPE_CHECKING

from skilltree._async.database import AsyncDatabase
from skilltree._async.unit import AsyncUnitOfWork
from skilltree._sync.database import Database
from skilltree._sync.unit import UnitOfWork
from skilltree.errors import SkillTreeError

if TYPE_CHECKING:
    __version__: str

__all__ = ["AsyncDatabase", "AsyncUnitOfWork", "Database", "SkillTreeError", "UnitOfWork", "__version__"]


def __getattr__(name: str) -> str:
    if name != "__version__":
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    # Read when it is asked for: it takes longer than all else that is imported here would have to wait for.
    from importlib.metadata import version  # noqa: PLC0415

    return version("skilltree")
