"""The SQL that writes one value as Pydantic dumps it. It never yields null: a null value is the text ``null``."""

import re
import types
from datetime import date, datetime
from enum import Enum
from typing import Annotated, Any, Literal, NewType, Union, get_args, get_origin
from uuid import UUID

from skilltree._core.json_text import HOLES
from skilltree.models.base import Model

_PLAIN_LABEL = re.compile(r"[A-Za-z0-9_ -]*")


class NoRule(Exception):
    """A value whose JSON text is not known to be the model's. Add a rule."""


def row_model(annotation: object) -> type[Model]:
    """Return the model of a row, or of the rows of a tuple. Raises NoRule for any other type."""
    for member in _members(annotation):
        inner = get_args(member)[0] if get_origin(member) is tuple else member
        if isinstance(inner, type) and issubclass(inner, Model):
            return inner
    raise NoRule(f"{annotation} is not a model of rows")


def quoted(sql: str) -> bool:
    """Return whether this is only a string literal."""
    return re.fullmatch(r"'[^']*'", sql) is not None


def value(annotation: object, sql: str, kind: str | None = None) -> list[str]:
    """Return the arguments of concat() that write a value. ``kind`` is its type in PostgreSQL; unknown inside JSON."""
    is_optional = type(None) in get_args(_plain(annotation))
    members = _members(annotation)
    for letter, hole in HOLES.items():
        if hole.is_for(members):
            # concat() takes null for the empty text, and an empty hole is null.
            return ["chr(2)", f"'{letter}'", f"to_json({sql})" if kind == "inet" else sql, "chr(3)"]
    if len(members) != 1:
        raise NoRule(f"no rule for {annotation}")
    written = _written(members[0], sql, kind)
    if written is None:
        raise NoRule(f"no rule for {annotation} of {kind or 'JSON'}")
    text, null = written
    return [f"coalesce({text}, {null})" if is_optional and null else text]


_TEXT, _JSON = "'null'", "'null'::json"


def _written(member: Any, sql: str, kind: str | None) -> tuple[str, str] | None:
    """Return SQL that is null for null, and SQL of the text ``null``; nothing of the latter if it is not needed."""
    if member is str:
        return f"to_json(({sql})::text)", _JSON
    if member is bool:
        return f"case {sql} when true then 'true' when false then 'false' else 'null' end", ""
    if member is int:
        return f"({sql})::text", _TEXT
    if member is UUID or _is_label(member):
        return f"'\"' || ({sql})::text || '\"'", _TEXT
    if member is float:
        # Four-byte numbers have fewer digits, which their text keeps.
        return _float(f"({sql}){'::text' if kind == 'real' else ''}::double precision", kind), _TEXT
    if member is datetime:
        return _moment(sql), _TEXT
    if member is date:
        return _day(sql), _TEXT
    if get_origin(member) is tuple:
        return _array(get_args(member), sql)
    return None


def _array(parts: tuple[Any, ...], sql: str) -> tuple[str, str] | None:
    if parts[-1] is Ellipsis:
        (member,) = _members(parts[0])
        plain = member in {str, UUID, int} or _is_label(member)
        return (f"array_to_json({sql})", _JSON) if plain else None
    if all(_members(part) == [float] for part in parts):
        each = " || ',' || ".join(_float(f"({sql})[{place}]", None) for place in range(1, len(parts) + 1))
        return f"'[' || {each} || ']'", _TEXT
    return None


def _float(sql: str, kind: str | None) -> str:
    """Within these limits, both write the same digits, and only Pydantic writes a whole number as 1.0."""
    # In JSON, PostgreSQL writes -0, which Pydantic reads as a whole number without a sign.
    zero = "" if kind else f" when {sql} = 0 then '0.0'"
    return (
        f"case{zero} when {sql} = trunc({sql}) and abs({sql}) < 1e15 then ({sql})::text || '.0'"
        f" when abs({sql}) >= 1e-4 and abs({sql}) < 1e15 then ({sql})::text else {_hole('f', f'({sql})::text')} end"
    )


def _moment(sql: str) -> str:
    """In UTC; with six digits of a second, or none. Python's years go from 1 to 9999."""
    written = f'to_char(({sql}) at time zone \'UTC\', \'\\"YYYY-MM-DD"T"HH24:MI:SS.US"Z"\\"\')'
    return (
        f"case when {sql} >= '0001-01-01 00:00:00+00' and {sql} < '10000-01-01 00:00:00+00'"
        f" then replace({written}, '.000000', '') else {_hole('!', f'({sql})::text')} end"
    )


def _day(sql: str) -> str:
    written = f"to_char({sql}, '\\\"YYYY-MM-DD\\\"')"
    return (
        f"case when {sql} between '0001-01-01' and '9999-12-31' then {written} else {_hole('!', f'({sql})::text')} end"
    )


def _hole(letter: str, sql: str) -> str:
    return f"chr(2) || '{letter}' || {sql} || chr(3)"


def _is_label(member: object) -> bool:
    if isinstance(member, type) and issubclass(member, Enum):
        labels = [each.value for each in member]
    elif get_origin(member) is Literal:
        labels = list(get_args(member))
    else:
        return False
    return all(isinstance(label, str) and _PLAIN_LABEL.fullmatch(label) for label in labels)


def _plain(annotation: Any) -> Any:
    while isinstance(annotation, NewType):
        annotation = annotation.__supertype__
    return get_args(annotation)[0] if get_origin(annotation) is Annotated else annotation


def _members(annotation: Any) -> list[Any]:
    plain = _plain(annotation)
    if get_origin(plain) in {Union, types.UnionType}:
        return [inner for member in get_args(plain) for inner in _members(member) if inner is not type(None)]
    return [plain]
