"""SQLModel as in its documentation: classes with a table for the queries, and models without one for what is returned.

A class with a table validates nothing. Its queries are SQLAlchemy's, so the operations are the same.
"""

from collections.abc import Callable
from functools import partial
from typing import Any, TypeVar
from uuid import UUID

from pydantic import TypeAdapter
from sqlmodel import Session
from sqlmodel.ext.asyncio.session import AsyncSession

from skilltree.models.progress import ProgressImport
from tools.bench import orm, sqlmodel_tables
from tools.bench.by_sqlalchemy import AsyncSqlalchemy, Sqlalchemy
from tools.bench.peers import Brought
from tools.bench.sqlmodel_tables import (
    AwardPublic,
    CountedPublic,
    HitPublic,
    MissingPublic,
    ProgressPublic,
    SkillPublic,
    TreeProgressPublic,
    TreePublic,
    UnlockedPublic,
)
from tools.bench.statements import BROUGHT, Completed, Loaded, Row

T = TypeVar("T")

_ROWS = TypeAdapter(list[ProgressImport])


class Sqlmodel(Sqlalchemy):
    """A session for each operation, on an engine's pool."""

    name = "SQLModel"
    _tables = sqlmodel_tables

    def _work(self, operation: Callable[..., T], *arguments: Any) -> Any:
        with Session(self._engine, expire_on_commit=False) as session:
            return _VALIDATED[operation](operation(self._tables, session, *arguments))

    def bulk(self, rows: Brought, tree_id: UUID) -> object:
        return super().bulk(_to_import(rows), tree_id)


class AsyncSqlmodel(AsyncSqlalchemy):
    """The same with asyncio, through ``run_sync``."""

    name = "SQLModel"
    _tables = sqlmodel_tables

    async def _work(self, operation: Callable[..., T], *arguments: Any) -> Any:
        async with AsyncSession(self._async_engine, expire_on_commit=False) as session:
            return _VALIDATED[operation](await session.run_sync(partial(operation, self._tables), *arguments))

    def bulk(self, rows: Brought, tree_id: UUID) -> object:
        return super().bulk(_to_import(rows), tree_id)


def _to_import(rows: Brought) -> Brought:
    return [row.model_dump(include=set(BROUGHT)) for row in _ROWS.validate_python(rows)]


def _loaded(loaded: Loaded) -> Loaded:
    skills = [
        (SkillPublic.model_validate(skill), ProgressPublic.model_validate(work) if work else None)
        for skill, work in loaded.skills
    ]
    progress = TreeProgressPublic.model_validate(loaded.progress) if loaded.progress else None
    return Loaded(TreePublic.model_validate(loaded.tree), skills, progress)


def _page(page: Any) -> object:
    rows, cursor = page
    return [TreePublic.model_validate(row) for row in rows], cursor


def _missing(rows: list[Row]) -> list[MissingPublic]:
    names = tuple(MissingPublic.model_fields)
    return [MissingPublic.model_validate(dict(zip(names, row, strict=True))) for row in rows]


def _counted(counted: Row) -> CountedPublic:
    return CountedPublic.model_validate(dict(zip(CountedPublic.model_fields, counted, strict=True)))


def _completed(done: Completed) -> Completed:
    return done._replace(
        progress=ProgressPublic.model_validate(done.progress),
        tree_progress=TreeProgressPublic.model_validate(done.tree_progress),
        unlocked=[UnlockedPublic.model_validate(skill) for skill in done.unlocked],
        achievements=[AwardPublic.model_validate(award) for award in done.achievements],
    )


_VALIDATED: dict[Callable[..., Any], Callable[[Any], object]] = {
    orm.get: TreePublic.model_validate,
    orm.load: _loaded,
    orm.page: _page,
    orm.search: lambda rows: [HitPublic.model_validate(row) for row in rows],
    orm.progress: _counted,
    orm.missing: _missing,
    orm.complete: _completed,
    orm.bulk: int,
}
