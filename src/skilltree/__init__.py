"""A raw-SQL PostgreSQL data layer for gamified skill-tree learning platforms."""

from skilltree._async.database import AsyncDatabase
from skilltree._async.unit import AsyncUnitOfWork
from skilltree._sync.database import Database
from skilltree._sync.unit import UnitOfWork
from skilltree.errors import SkillTreeError

__all__ = ["AsyncDatabase", "AsyncUnitOfWork", "Database", "SkillTreeError", "UnitOfWork"]
