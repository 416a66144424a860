"""The SQLAlchemy ORM in its usual style."""

from collections.abc import Callable
from functools import partial
from types import ModuleType
from typing import Any, TypeVar
from uuid import UUID

import psycopg
import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncSession, create_async_engine
from sqlalchemy.orm import Session

from tools.bench import orm, sqlalchemy_models
from tools.bench.peers import Brought

T = TypeVar("T")


class Sqlalchemy:
    """A session for each operation, on an engine's pool."""

    is_async = False
    name = "SQLAlchemy"
    _tables: ModuleType = sqlalchemy_models

    def __init__(self, url: str, size: int) -> None:
        self._engine = sa.create_engine(
            "postgresql+psycopg://", creator=lambda: psycopg.connect(url), pool_size=size, max_overflow=0
        )

    def open(self) -> object:
        return None

    def close(self) -> object:
        self._engine.dispose()
        return None

    def _work(self, operation: Callable[..., T], *arguments: Any) -> Any:
        with Session(self._engine, expire_on_commit=False) as session:
            return operation(self._tables, session, *arguments)

    def get(self, tree_id: UUID) -> object:
        return self._work(orm.get, tree_id)

    def load(self, slug: str, user_id: UUID) -> object:
        return self._work(orm.load, slug, user_id)

    def page(self) -> object:
        return self._work(orm.page)

    def search(self, text: str) -> object:
        return self._work(orm.search, text)

    def progress(self, user_id: UUID, tree_id: UUID) -> object:
        return self._work(orm.progress, user_id, tree_id)

    def missing(self, user_id: UUID, skill_id: UUID) -> object:
        return self._work(orm.missing, user_id, skill_id)

    def complete(self, user_id: UUID, skill_id: UUID) -> object:
        return self._work(orm.complete, user_id, skill_id)

    def bulk(self, rows: Brought, tree_id: UUID) -> object:
        return self._work(orm.bulk, rows, tree_id)


class AsyncSqlalchemy(Sqlalchemy):
    """The same with asyncio, through ``run_sync``, where SQLAlchemy's async sessions do all their work."""

    is_async = True

    def __init__(self, url: str, size: int) -> None:
        self._async_engine = create_async_engine(
            "postgresql+psycopg://",
            async_creator=lambda: psycopg.AsyncConnection.connect(url),
            pool_size=size,
            max_overflow=0,
        )

    def close(self) -> object:
        return self._async_engine.dispose()

    async def _work(self, operation: Callable[..., T], *arguments: Any) -> Any:
        async with AsyncSession(self._async_engine, expire_on_commit=False) as session:
            return await session.run_sync(partial(operation, self._tables), *arguments)
