"""A raw-SQL PostgreSQL data layer for gamified skill-tree learning platforms."""

from importlib import import_module
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from skilltree._async.database import AsyncDatabase
    from skilltree._async.unit import AsyncUnitOfWork
    from skilltree._core.observer import Observer
    from skilltree._sync.database import Database
    from skilltree._sync.unit import UnitOfWork
    from skilltree.errors import SkillTreeError
    from skilltree.settings import Settings

    __version__: str

__all__ = [
    "AsyncDatabase",
    "AsyncUnitOfWork",
    "Database",
    "Observer",
    "Settings",
    "SkillTreeError",
    "UnitOfWork",
    "__version__",
]

# Names are loaded on first use: a caller of Database does not wait for AsyncDatabase to be imported.
_HOMES = {
    "AsyncDatabase": "skilltree._async.database",
    "AsyncUnitOfWork": "skilltree._async.unit",
    "Database": "skilltree._sync.database",
    "Observer": "skilltree._core.observer",
    "Settings": "skilltree.settings",
    "SkillTreeError": "skilltree.errors",
    "UnitOfWork": "skilltree._sync.unit",
}
_MODULES = {"curriculum", "errors", "models", "passwords"}


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
