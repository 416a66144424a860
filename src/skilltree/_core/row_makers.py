"""Makes models from rows without validating them again, where the row itself proves that it fits.

The server names the type of each column with every result. Where a column's type has only values that the field takes,
such as ``uuid`` for ``UUID``, its values are taken as they are; others are converted, or validated alone. Columns that
must have a value are compared with null in each row. A row that fits nothing of this is validated as a whole, which
raises the error that names its fault.
"""

import gc
from collections.abc import Callable, Mapping, Sequence
from datetime import date, datetime, timedelta
from enum import Enum
from types import NoneType, UnionType
from typing import Any, Literal, NamedTuple, NewType, TypeVar, Union, get_args, get_origin
from uuid import UUID

from psycopg import postgres
from pydantic import BaseModel, TypeAdapter
from pydantic.fields import FieldInfo

M = TypeVar("M", bound=BaseModel)

Convert = Callable[[Any], object]


def _oids(*names: str) -> frozenset[int]:
    return frozenset(postgres.types[name].oid for name in names)


def _array_oids(*names: str) -> frozenset[int]:
    return frozenset(postgres.types[name].array_oid for name in names)


_TEXT = ("text", "varchar", "name")
_INTEGERS = ("int2", "int4", "int8")
_JSON = _oids("json", "jsonb")
# The size of a document, in bytes, from which garbage collections take more time than to switch them off.
_LARGE = 100_000
# What psycopg's loaders return for a type is exactly an object of this class.
_EXACT: dict[type, frozenset[int]] = {
    UUID: _oids("uuid"),
    str: _oids(*_TEXT),
    int: _oids(*_INTEGERS),
    float: _oids("float4", "float8"),
    bool: _oids("bool"),
    datetime: _oids("timestamptz"),
    date: _oids("date"),
    timedelta: _oids("interval"),
}
_ARRAYS: dict[type, frozenset[int]] = {
    UUID: _array_oids("uuid"),
    str: _array_oids(*_TEXT),
    int: _array_oids(*_INTEGERS),
    float: _array_oids("float4", "float8"),
    date: _array_oids("date"),
}


# Defaults that all models can share. A field without a default has an object of another type.
_UNCHANGING = {NoneType, bool, int, float, str}
# What a model may configure without a change of what its fields take.
_HARMLESS = {
    "alias_generator",
    "extra",
    "frozen",
    "json_schema_extra",
    "populate_by_name",
    "protected_namespaces",
    "revalidate_instances",
    "serialize_by_alias",
    "title",
    "use_attribute_docstrings",
    "validate_by_alias",
    "validate_by_name",
}


class Unproven(Exception):
    """A row needs the validation of the whole model."""


class _Column(NamedTuple):
    """How a column becomes a field. Without ``convert``, its value is taken as it is."""

    name: str
    convert: Convert | None
    is_optional: bool
    converts_none: bool = False


def maker(
    model: type[M], names: Sequence[str], kinds: Sequence[int], checked: Callable[[Any], M]
) -> Callable[[Any], M]:
    """Return a function that makes a model from the values of a row.

    ``kinds`` are the OIDs of the columns' types. ``checked`` validates a row as a whole.
    """
    fields = model.model_fields
    absent = {name: field for name, field in fields.items() if name not in names}
    if (
        not names
        or len({*names}) < len(names)
        or not {*names} <= {*fields}
        or not all(type(each.default) in _UNCHANGING or each.default == () for each in absent.values())
        or any(each.validate_default for each in absent.values())
        or _has_own_rules(model)
    ):
        return checked
    columns = [_column(name, fields[name], kind) for name, kind in zip(names, kinds, strict=True)]
    return _compiled(model, columns, {name: each.default for name, each in absent.items()}, checked)


def _has_own_rules(model: type[BaseModel]) -> bool:
    """Return whether more than the types of the fields decides what the model accepts."""
    rules = model.__pydantic_decorators__
    schema_of = model.__get_pydantic_core_schema__
    return bool(
        rules.validators
        or rules.field_validators
        or rules.root_validators
        or rules.model_validators
        or model.__pydantic_post_init__
        or model.__private_attributes__
        or model.model_config.get("extra") == "allow"
        or model.model_config.keys() - _HARMLESS
        or model.__pydantic_custom_init__
        or getattr(schema_of, "__func__", None) is not _SCHEMA_OF
        or _sees_other_fields(model.__pydantic_core_schema__)
    )


_SCHEMA_OF = BaseModel.__get_pydantic_core_schema__.__func__  # type: ignore[attr-defined]  # a class method


def _sees_other_fields(schema: object) -> bool:
    """Return whether a validator in a schema takes Pydantic's ``info``, which has the fields before its own."""
    if isinstance(schema, Mapping):
        return schema.get("type") == "with-info" or any(map(_sees_other_fields, schema.values()))
    return isinstance(schema, list | tuple) and any(map(_sees_other_fields, schema))


def _column(name: str, field: FieldInfo, kind: int) -> _Column:
    hint, is_optional = _without_none(field.annotation)
    if kind in _JSON or field.metadata:
        whole = TypeAdapter[object](field.rebuild_annotation())
        if not field.metadata:
            parse = whole.validate_json
            return _Column(name, _uncollected(parse) if get_origin(hint) is tuple else parse, is_optional)
        # A validator of the field may make a value of null.
        convert = _json_or_null(whole) if kind in _JSON else whole.validate_python
        return _Column(name, convert, is_optional, converts_none=True)
    return _Column(name, *_conversion(hint, kind, field), is_optional)


def _uncollected(parse: Convert) -> Convert:
    """Return a parser that makes the objects of a large document without garbage collections in between.

    None of them is garbage yet, but each collection would look at all of them again: with 5,000 skills, that takes half
    of the time. No other thread runs Python code while Pydantic parses.
    """

    def validate(text: Any) -> object:
        if len(text) < _LARGE or not gc.isenabled():
            return parse(text)
        gc.disable()
        try:
            return parse(text)
        finally:
            gc.enable()

    return validate


def _json_or_null(whole: TypeAdapter[object]) -> Convert:
    return lambda text: whole.validate_python(None) if text is None else whole.validate_json(text)


def _conversion(hint: Any, kind: int, field: FieldInfo) -> tuple[Convert | None]:
    if isinstance(hint, type) and kind in _EXACT.get(hint, ()):
        return (None,)
    if isinstance(hint, type) and issubclass(hint, Enum):
        # An enum of the database has any OID. A label that the class does not know is a KeyError.
        return (hint._value2member_map_.__getitem__,)
    if get_origin(hint) is Literal and kind in _EXACT[str]:
        return ({label: label for label in get_args(hint)}.__getitem__,)
    if get_origin(hint) is tuple and len(parts := get_args(hint)) == 2 and parts[1] is Ellipsis:  # noqa: PLR2004
        element, may_be_none = _without_none(parts[0])
        if not may_be_none and isinstance(element, type) and kind in _ARRAYS.get(element, ()):
            return (_elements(element),)
    return (TypeAdapter[object](field.rebuild_annotation()).validate_python,)


def _elements(kind: type) -> Convert:
    """Return a function that makes a tuple of an array, which must hold neither nulls nor arrays."""
    only = {kind}

    def convert(values: Any) -> object:
        if values and {*map(type, values)} != only:
            raise Unproven
        return tuple(values)

    return convert


def _without_none(hint: Any) -> tuple[Any, bool]:
    """Return an annotation without ``None`` and without a name for a type, and whether ``None`` was in it."""
    is_optional = False
    if get_origin(hint) in {Union, UnionType}:
        others = [part for part in get_args(hint) if part is not NoneType]
        is_optional = len(others) < len(get_args(hint))
        hint = others[0] if len(others) == 1 else hint
    while isinstance(hint, NewType):
        hint = hint.__supertype__
    return hint, is_optional


def _compiled(
    model: type[M], columns: Sequence[_Column], absent: Mapping[str, object], checked: Callable[[Any], M]
) -> Callable[[Any], M]:
    """Return the function as Python compiles it: one expression for all columns, instead of a loop over them."""
    values = [f"v{index}" for index in range(len(columns))]
    needed = [f"{value} is None" for value, each in zip(values, columns, strict=True) if not each.is_optional]
    made = {}
    for index, (value, each) in enumerate(zip(values, columns, strict=True)):
        made[each.name] = value if each.convert is None else f"c{index}({value})"
        if each.convert is not None and each.is_optional and not each.converts_none:
            made[each.name] = f"None if {value} is None else {made[each.name]}"
    # In the order of the fields, in which Pydantic prints and dumps them.
    defaults = {name: f"d{index}" for index, name in enumerate(absent)}
    state = [f"{name!r}: {made.get(name) or defaults[name]}" for name in model.model_fields]
    text = f"""
def make(values):
    {", ".join(values)}, = values
    if {" or ".join(needed) or "False"}:
        return checked(values)
    try:
        state = {{{", ".join(state)}}}
    except (KeyError, TypeError, ValueError, Unproven):
        return checked(values)
    made = new(model)
    set_state(made, state)
    set_fields(made, fields.copy())
    set_extra(made, None)
    set_private(made, None)
    return made
"""
    known: dict[str, Any] = {
        "model": model,
        "checked": checked,
        "Unproven": Unproven,
        "new": object.__new__,
        "fields": {each.name for each in columns},
        **{f"c{index}": each.convert for index, each in enumerate(columns)},
        **{defaults[name]: default for name, default in absent.items()},
        # What Pydantic's own code sets, without the way through the frozen model's __setattr__.
        "set_state": _slot("__dict__"),
        "set_fields": _slot("__pydantic_fields_set__"),
        "set_extra": _slot("__pydantic_extra__"),
        "set_private": _slot("__pydantic_private__"),
    }
    exec(compile(text, f"<rows of {model.__name__}>", "exec"), known)  # noqa: S102 (names of fields, quoted)
    compiled: Callable[[Any], M] = known["make"]
    return compiled


def _slot(name: str) -> Any:
    return BaseModel.__dict__[name].__set__
