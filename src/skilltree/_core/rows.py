"""Turns rows into models, and validates documents before they are sent. Async and sync code share it."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from contextlib import suppress
from datetime import timedelta
from functools import cache
from typing import Any, NewType, Protocol, TypeVar
from uuid import UUID

from psycopg import DataError, postgres
from psycopg.abc import Buffer
from psycopg.adapt import AdaptersMap
from psycopg.pq.abc import PGresult
from psycopg.rows import RowMaker
from psycopg.types.datetime import IntervalLoader
from psycopg.types.string import TextLoader
from pydantic import TypeAdapter, ValidationError
from pydantic_core import from_json

from skilltree._core.documents import MOST_LEVELS, plain
from skilltree._core.messages import path_shown
from skilltree._core.queries import Query
from skilltree._core.row_makers import maker
from skilltree.errors import (
    InvalidDocument,
    InvalidStoredDocument,
    InvalidValue,
    NotFound,
    RowMismatch,
)
from skilltree.models.base import Model

M = TypeVar("M", bound=Model)
T = TypeVar("T")

Params = Mapping[str, object]

JsonText = NewType("JsonText", str)
"""A validated JSON document in the form in which it is sent."""

_JSON_TYPES = frozenset({postgres.types["json"].oid, postgres.types["jsonb"].oid})


class _FiniteIntervalLoader(IntervalLoader):
    """Refuses an infinite interval, which psycopg reads as 0."""

    def load(self, data: Buffer) -> timedelta:
        if bytes(data).endswith(b"infinity"):
            raise DataError("an infinite interval has no value in Python")
        return super().load(data)


def adapters() -> AdaptersMap:
    """Return psycopg's type adapters, except that JSON stays text: Pydantic parses and validates it in one step."""
    ours = AdaptersMap(postgres.adapters)
    ours.register_loader("json", TextLoader)
    ours.register_loader("jsonb", TextLoader)
    ours.register_loader("interval", _FiniteIntervalLoader)
    return ours


class _Cursor(Protocol):
    @property
    def pgresult(self) -> PGresult | None: ...

    @property
    def connection(self) -> Any: ...


@cache
def rows_of(model: type[M], query: Query) -> Callable[[_Cursor], RowMaker[M]]:
    """Return a psycopg row factory for the rows of a query as models: one field per column, JSON parsed."""
    layouts: dict[tuple[bool, tuple[int, ...]], RowMaker[M]] = {}

    def row_factory(cursor: _Cursor) -> RowMaker[M]:
        result = cursor.pgresult
        if result is None:
            return _no_row
        # The names of the columns stand in the query, but their types can change under it.
        validates: bool = cursor.connection.validates_rows
        kinds = (*map(result.ftype, range(result.nfields)),)
        made = layouts.get((validates, kinds))
        if made is None:
            names = [(result.fname(index) or b"").decode() for index in range(result.nfields)]
            made = validated(model, names, kinds)
            made = layouts[validates, kinds] = made if validates else maker(model, names, kinds, made)
        return made

    return row_factory


def _no_row(_values: Sequence[Any]) -> Any:
    raise RowMismatch("there is no result to read rows from")


def validated(model: type[M], names: Sequence[str], kinds: Sequence[int]) -> RowMaker[M]:
    """Return a function that validates the values of a row, and makes a model of them."""
    validate: Callable[[object], M] = model.__pydantic_validator__.validate_python
    keys = [_key(model, name) for name in names]
    documents = [
        (index, TypeAdapter[object](model.model_fields[name].annotation or object).validate_json)
        for index, (name, kind) in enumerate(zip(names, kinds, strict=True))
        if name in model.model_fields and kind in _JSON_TYPES
    ]

    def make(values: Sequence[Any]) -> M:
        row = dict(zip(keys, values, strict=True))
        if documents:
            # Once, so that no validator sees its own result. A strict type accepts a JSON text only below.
            with suppress(ValueError):
                given = {keys[at]: from_json(values[at]) for at, _ in documents if values[at] is not None}
                return validate(row | given)
        index = 0
        try:
            for index, parse in documents:
                if values[index] is not None:
                    row[keys[index]] = parse(values[index])
        except ValidationError as error:
            raise _stored_fault(model, names, values, index, error) from error
        try:
            return validate(row)
        except ValidationError as error:
            raise RowMismatch(f"a row does not fit the model {model.__name__}: {error}") from error

    return make


def _key(model: type[Model], name: str) -> str:
    """Return the key by which Pydantic reads a column: its field's alias, if it has one, or its name."""
    field = model.model_fields.get(name)
    return field.validation_alias if field and isinstance(field.validation_alias, str) else name


def _stored_fault(
    model: type[Model], names: Sequence[str], values: Sequence[Any], index: int, error: ValidationError
) -> InvalidStoredDocument:
    """Return the error for a stored document that the model refuses. It names the row and the path within it."""
    path, message = _first_fault(error)
    row = {
        name: str(value)
        for name, value in zip(names, values, strict=True)
        if isinstance(value, UUID) and (name == "id" or name.endswith("_id"))
    }
    # The document may itself be a list of rows. Then the error names the innermost one with an id.
    node: Any = None
    with suppress(ValueError):  # PostgreSQL also stores what nobody reads, such as half of a surrogate pair.
        node = from_json(values[index], allow_inf_nan=True)
    for place in path:
        if isinstance(node, dict) and isinstance(node.get("id"), str):
            row = {"id": node["id"]}
        known = isinstance(node, dict) and place in node
        if not known and not (isinstance(node, list) and isinstance(place, int) and place < len(node)):
            # This step exists only in the model, for example the variant of a union.
            continue
        node = node[place]
    identity = ", ".join(f"{name} {value}" for name, value in row.items()) or "without an id"
    return InvalidStoredDocument(
        f"a stored document does not fit the model {model.__name__}: row {identity}:"
        f" {path_shown(names[index], *path)}: {message}",
        row=row,
        path=(names[index], *path),
    )


_MOST_BYTES = 4_000_000
# Pydantic reads 200 levels, so that a document and the structure around it may have half of them each.
_LONGEST_TO_READ = 2 * MOST_LEVELS


def document(adapter: TypeAdapter[Any], value: object, field: str) -> JsonText | None:
    """Return a validated document as JSON text; ``None`` stays ``None``. Raises InvalidDocument with the path."""
    if value is None:
        return None
    try:
        return _dumped(adapter, value)
    except ValidationError as error:
        path, message = _first_fault(error)
        raise InvalidDocument(f"{path_shown(field, *path)}: {message}", field=field, path=path) from error
    except (ValueError, RecursionError) as error:
        raise InvalidDocument(f"{field} cannot be stored: {error}", field=field, path=()) from error


def changes(adapter: TypeAdapter[T], values: T) -> JsonText:
    """Return the changed columns as a JSON object. Raises InvalidValue for an unknown column or a wrong type."""
    given: Mapping[str, object] = values  # type: ignore[assignment]  # a TypedDict, which T cannot say
    if not given:
        raise InvalidValue("no changes were given")
    try:
        return _dumped(adapter, values)
    except ValidationError as error:
        path, message = _first_fault(error)
        field = str(path[0]) if path else "changes"
        if len(path) > 1:
            raise InvalidDocument(f"{path_shown(*path)}: {message}", field=field, path=path[1:]) from error
        raise InvalidValue(f"{field}: {message}", field=field) from error
    except (ValueError, RecursionError) as error:
        raise InvalidValue(f"a value cannot be stored: {error}") from error


def _dumped(adapter: TypeAdapter[Any], value: object) -> JsonText:
    """Return a value as JSON text. It can be read back, alone or inside another structure."""
    text = adapter.dump_json(adapter.validate_python(plain(value)), by_alias=True, exclude_unset=True)
    if len(text) > _MOST_BYTES:
        raise ValueError(f"it takes {len(text)} bytes of JSON; at most {_MOST_BYTES} are allowed")
    if len(text) > _LONGEST_TO_READ:
        try:
            from_json(b"[" * MOST_LEVELS + text + b"]" * MOST_LEVELS)
        except ValueError as error:
            raise ValueError(f"only {MOST_LEVELS} levels and 4300 digits can be read back: {error}") from error
    return JsonText(text.decode())


def _first_fault(error: ValidationError) -> tuple[tuple[str | int, ...], str]:
    first = error.errors(include_url=False, include_context=False)[0]
    return tuple(first["loc"]), path_shown(first["msg"])


MOST_PER_PAGE = 1000


def limited(count: int, field: str) -> int:
    """Return the requested number of rows. Raises InvalidValue unless it is from 1 to the limit of a page."""
    if not 1 <= count <= MOST_PER_PAGE:
        raise InvalidValue(f"{field} must be from 1 to {MOST_PER_PAGE}, not {count}", field=field)
    return count


def several(ids: Sequence[UUID], field: str) -> list[UUID]:
    """Return the requested ids as a list. Raises InvalidValue for more than the limit of a page."""
    if len(ids) > MOST_PER_PAGE:
        raise InvalidValue(f"{field} must be at most {MOST_PER_PAGE} ids, not {len(ids)}", field=field)
    return [*ids]


def in_order(rows: Iterable[M], ids: Sequence[UUID], *, missing: type[NotFound], key: str = "id") -> list[M]:
    """Return the row of each id, in the order of the ids. Raises ``missing`` with all ids that have no row."""
    found = {getattr(row, key): row for row in rows}
    if absent := [str(each) for each in ids if each not in found]:
        raise missing(id=", ".join(absent))
    return [found[each] for each in ids]
