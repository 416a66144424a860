"""A raw-SQL PostgreSQL data layer for gamified skill-tree learning platforms."""

from skilltree._async.database import AsyncDatabase, AsyncUnitOfWork
from skilltree._sync.database import Database, UnitOfWork
from skilltree.errors import SkillTreeError

__all__ = ["AsyncDatabase", "AsyncUnitOfWork", "Database", "SkillTreeError", "UnitOfWork"]
