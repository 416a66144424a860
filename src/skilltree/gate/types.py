"""Whether a PostgreSQL type and a Python annotation match."""

import types
from collections.abc import Mapping, Sequence
from datetime import date, datetime, time, timedelta
from decimal import Decimal
from enum import Enum
from ipaddress import IPv4Address, IPv6Address
from typing import Annotated, Any, Literal, NewType, Union, get_args, get_origin, is_typeddict
from uuid import UUID

from pydantic import BaseModel

_OF_COLUMN: dict[str, tuple[type, ...]] = {
    "boolean": (bool,),
    "smallint": (int,),
    "integer": (int,),
    "bigint": (int,),
    "real": (float,),
    "double precision": (float,),
    "numeric": (Decimal,),
    "text": (str,),
    "character varying": (str,),
    "name": (str,),
    "uuid": (UUID,),
    "date": (date,),
    "timestamp with time zone": (datetime,),
    "time without time zone": (time,),
    "interval": (timedelta,),
    "inet": (IPv4Address, IPv6Address),
    "bytea": (bytes,),
}
# Further types that a parameter accepts: the server casts them without loss.
_ALSO_OF_PARAMETER: dict[str, tuple[type, ...]] = {
    "real": (int,),
    "double precision": (int,),
    "numeric": (int, float),
}
# The types that JSON writes as a number.
_ALSO_IN_JSON: dict[str, tuple[type, ...]] = {"numeric": (float,)}
_JSON = ("json", "jsonb")

Kind = Literal["column", "parameter", "JSON"]
Enums = Mapping[str, Sequence[str]]


def is_optional(annotation: object) -> bool:
    """Return whether ``None`` is allowed."""
    return type(None) in _members(annotation)


def required(annotation: object) -> list[object]:
    """Return the members of a union except ``None``, without NewType and Annotated."""
    return [member for member in _members(annotation) if member is not type(None)]


def shown(annotation: object) -> str:
    """Return an annotation in the form of source code."""
    if isinstance(annotation, NewType):
        return annotation.__name__
    if get_origin(annotation) is None and isinstance(annotation, type):
        return annotation.__name__
    return str(annotation).replace("typing.", "").replace("skilltree.models.", "")


def element(annotation: object) -> object | None:
    """Return the type of the elements of a list or ``tuple[X, ...]``."""
    members = required(annotation)
    if len(members) != 1 or get_origin(members[0]) not in {list, tuple, Sequence}:
        return None
    arguments = get_args(members[0])
    if get_origin(members[0]) is tuple and (len(arguments) != 2 or arguments[1] is not Ellipsis):  # noqa: PLR2004
        return None
    return arguments[0] if arguments else None


def model(annotation: object) -> type[BaseModel] | None:
    """Return the model of an annotation, ignoring ``None``."""
    members = required(annotation)
    return members[0] if len(members) == 1 and _is_model(members[0]) else None  # type: ignore[return-value]  # tested


def mismatch(pg: str, annotation: object, enums: Enums, kind: Kind = "column") -> str | None:
    """Return why values of a PostgreSQL type do not match an annotation, or ``None`` if they do."""
    members = required(annotation)
    if Any in members or not members:
        return None if not members else f"is {pg}, but Any has no type to compare"
    if pg.endswith("[]"):
        return _array_mismatch(pg, annotation, members, enums, kind)
    if pg in enums:
        return _enum_mismatch(pg, members, enums[pg], kind)
    if pg in _JSON:
        return _json_mismatch(pg, annotation, members, kind)
    taken = _OF_COLUMN.get(pg)
    if taken is None:
        return f"is {pg}, which no field can hold"
    if kind == "parameter":
        taken += _ALSO_OF_PARAMETER.get(pg, ())
    if kind == "JSON":
        taken += _ALSO_IN_JSON.get(pg, ())
    return None if all(_scalar(member, kind) in taken for member in members) else f"is {pg}, not {shown(annotation)}"


def unread_array(pg: str, enums: Enums) -> str | None:
    """Return why the elements of an array in a row cannot be read, or ``None`` if they can."""
    kind = pg.removesuffix("[]")
    if kind == pg or kind not in {*enums, *_JSON}:
        return None
    remedy = "cast it to text[]" if kind in enums else "return to_jsonb() of it"
    return f"is {pg}, whose elements psycopg does not read: {remedy}"


def _array_mismatch(pg: str, annotation: object, members: list[object], enums: Enums, kind: Kind) -> str | None:
    inner = element(annotation)
    if kind == "column" and (unread := unread_array(pg, enums)):
        return unread
    if kind == "parameter" and get_origin(members[0]) in {tuple, Sequence}:
        return f"is {pg}, but psycopg sends only a list as an array, not {shown(annotation)}: pass [*values]"
    if inner is None:
        return f"is {pg}, not {shown(annotation)}"
    found = mismatch(pg.removesuffix("[]"), inner, enums, kind)
    return found and f"is {pg}, not {shown(annotation)} (its element {found})"


def _enum_mismatch(pg: str, members: list[object], labels: Sequence[str], kind: Kind) -> str | None:
    known: set[str] = set()
    for member in members:
        if isinstance(member, type) and issubclass(member, Enum):
            known |= {str(each.value) for each in member}
        elif get_origin(member) is Literal:
            known |= set(get_args(member))
        else:
            return f"is the enum {pg}, not {shown(member)}"
    missing, extra = sorted(set(labels) - known), sorted(known - set(labels))
    if missing and kind != "parameter":
        return f"is the enum {pg}, whose label {missing[0]} is not in {shown(members[0])}"
    return f"is the enum {pg}, which has no label {extra[0]} of {shown(members[0])}" if extra else None


def _json_mismatch(pg: str, annotation: object, members: list[object], kind: Kind) -> str | None:
    if kind == "parameter":
        is_text = all(isinstance(member, NewType) and member.__name__ == "JsonText" for member in _named(annotation))
        return None if is_text else f"is {pg}, not {shown(annotation)}: document() must check what is sent as JSON"
    if all(_is_document(member) for member in members):
        return None
    return f"is {pg}, not {shown(annotation)}"


def _is_document(member: object) -> bool:
    if _is_model(member) or is_typeddict(member) or get_origin(member) in {dict, Mapping} or member is object:
        return True
    inner = element(member)
    return inner is not None


def _is_model(member: object) -> bool:
    return isinstance(member, type) and issubclass(member, BaseModel)


def _scalar(member: object, kind: Kind) -> object:
    """Return the plain type of a value: that of a literal, and ``str`` for a string enum that is sent as text.

    Text that is read may not be a label of the enum.
    """
    if get_origin(member) is Literal:
        kinds = {type(value) for value in get_args(member)}
        return kinds.pop() if len(kinds) == 1 else None
    if kind == "parameter" and isinstance(member, type) and issubclass(member, str):
        return str
    return member


def _named(annotation: object) -> list[object]:
    """Return the members of a union except ``None``, by name."""
    return [member for member in _union(annotation) if member is not type(None)]


def _members(annotation: object) -> list[object]:
    found: list[object] = []
    for member in _union(annotation):
        plain = member
        while isinstance(plain, NewType):
            plain = plain.__supertype__
        if get_origin(plain) is Annotated:
            plain = get_args(plain)[0]
        found += [plain] if plain is member else _members(plain)
    return found


def _union(annotation: object) -> tuple[object, ...]:
    if annotation is None:
        return (type(None),)
    if get_origin(annotation) in {Union, types.UnionType}:
        return tuple(inner for member in get_args(annotation) for inner in _union(member))
    return (annotation,)
