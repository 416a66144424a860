"""A raw-SQL PostgreSQL data layer for gamified skill-tree learning platforms."""

from importlib import import_module
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from skilltree._async.database import AsyncDatabase, AsyncScope
    from skilltree._async.repositories import AsyncRepositories
    from skilltree._async.repository import AsyncRepository, AsyncStep
    from skilltree._async.unit import AsyncUnitOfWork
    from skilltree._core.observer import Observer
    from skilltree._sync.database import Database, Scope
    from skilltree._sync.repositories import Repositories
    from skilltree._sync.repository import Repository, Step
    from skilltree._sync.unit import UnitOfWork
    from skilltree.errors import SkillTreeError
    from skilltree.settings import Settings

    __version__: str

__all__ = [
    "AsyncDatabase",
    "AsyncRepositories",
    "AsyncRepository",
    "AsyncScope",
    "AsyncStep",
    "AsyncUnitOfWork",
    "Database",
    "Observer",
    "Repositories",
    "Repository",
    "Scope",
    "Settings",
    "SkillTreeError",
    "Step",
    "UnitOfWork",
    "__version__",
]

# Names are loaded on first use: a caller of Database does not wait for AsyncDatabase to be imported.
_HOMES = {
    "AsyncDatabase": "skilltree._async.database",
    "AsyncRepositories": "skilltree._async.repositories",
    "AsyncRepository": "skilltree._async.repository",
    "AsyncScope": "skilltree._async.database",
    "AsyncStep": "skilltree._async.repository",
    "AsyncUnitOfWork": "skilltree._async.unit",
    "Database": "skilltree._sync.database",
    "Observer": "skilltree._core.observer",
    "Repositories": "skilltree._sync.repositories",
    "Repository": "skilltree._sync.repository",
    "Scope": "skilltree._sync.database",
    "Settings": "skilltree.settings",
    "SkillTreeError": "skilltree.errors",
    "Step": "skilltree._sync.repository",
    "UnitOfWork": "skilltree._sync.unit",
}
_MODULES = {"curriculum", "errors", "models", "passwords"}


if not TYPE_CHECKING:  # With it, a type checker takes every misspelt name for an object.

    def __getattr__(name: str) -> object:
        if name in _HOMES:
            found = getattr(import_module(_HOMES[name]), name)
        elif name in _MODULES:
            found = import_module(f"skilltree.{name}")
        elif name == "__version__":
            from importlib.metadata import version  # noqa: PLC0415 (it takes longer than the rest of this module)

            found = version("skilltree")
        else:
            raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
        globals()[name] = found
        return found


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__, *_MODULES})
