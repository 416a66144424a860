"""What the gate knows of a Python value without running code: its type, and its constant if there is one."""

import inspect
import typing
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any, get_args, get_origin

from pydantic import BaseModel

from skilltree.gate.types import element, is_optional, model, required


@dataclass(frozen=True, eq=False)
class Value:
    """A value: its type, the constants that it may be, and the parts of a literal list, tuple or dictionary."""

    type: object = None
    is_known: bool = True
    choices: tuple[object, ...] = ()
    parts: "tuple[Value, ...] | None" = None
    items: "dict[str, Value] | None" = None

    @property
    def strings(self) -> list[str]:
        """Return every string that the value or one of its parts may be."""
        found = [choice for choice in self.choices if isinstance(choice, str)]
        return found + [text for part in self.parts or () for text in part.strings]


UNKNOWN = Value(Any, is_known=False)


def of_type(annotation: object) -> Value:
    """Return a value of which only the type is known."""
    return UNKNOWN if annotation is Any else Value(annotation)


def of_object(given: object) -> Value:
    """Return a constant of a module: a string, a tuple, a class or a function."""
    if isinstance(given, (tuple, list)):
        return display([of_object(part) for part in given], type(given))
    return Value(type(given), choices=(given,))


def display(parts: list[Value], kind: type) -> Value:
    """Return a literal list or tuple."""
    if kind is tuple:
        inner = [part.type for part in parts]
        annotation = tuple[tuple(inner)] if inner else tuple[()]  # type: ignore[misc]  # made at run time
        return Value(annotation, all(part.is_known for part in parts), parts=tuple(parts))
    joined = either(parts)
    return Value(list[joined.type] if parts else list[Any], joined.is_known, parts=tuple(parts))  # type: ignore[name-defined]


def either(values: Iterable[Value]) -> Value:
    """Return a value that is one of several values."""
    given = list(values)
    if len(given) == 1:
        return given[0]
    annotations = list(dict.fromkeys(value.type for value in given))
    annotation = typing.Union[tuple(annotations)] if annotations else Any  # noqa: UP007 (made at run time)
    parts = [part for value in given for part in value.parts or ()]
    items = {name: item for value in given for name, item in (value.items or {}).items()}
    return Value(
        annotation,
        all(value.is_known for value in given),
        tuple(choice for value in given for choice in value.choices),
        tuple(parts) or None,
        items or None,
    )


def without_none(value: Value) -> Value:
    """Return the value where it is true, as on the left of ``or``."""
    if not is_optional(value.type):
        return value
    members = required(value.type)
    annotation = typing.Union[tuple(members)] if members else Any  # noqa: UP007 (made at run time)
    return Value(annotation, bool(members) and value.is_known, value.choices, value.parts, value.items)


def when_false(value: Value) -> Value | None:
    """Return the value where it is false, as on the left of ``and``, or ``None`` if it is always true."""
    kept: list[object] = [
        member
        for member in required(value.type)
        if not isinstance(member, type) or hasattr(member, "__bool__") or hasattr(member, "__len__")
    ]
    if is_optional(value.type):
        kept.append(None)
    annotation = typing.Union[tuple(kept)] if kept else None  # noqa: UP007 (made at run time)
    return Value(annotation, value.is_known) if kept else None


def attribute(value: Value, name: str) -> Value:
    """Return an attribute of a value."""
    for choice in value.choices:
        if hasattr(choice, name):
            return of_object(getattr(choice, name))
    for member in required(value.type):
        if isinstance(member, type):
            if issubclass(member, BaseModel) and name in member.model_fields:
                return of_type(member.model_fields[name].annotation)
            hints = typing.get_type_hints(member) if name in getattr(member, "__annotations__", {}) else {}
            if name in hints:
                return of_type(hints[name])
            found = inspect.getattr_static(member, name, None)
            if isinstance(found, property) and found.fget is not None:
                return of_type(typing.get_type_hints(found.fget).get("return", Any))
    return UNKNOWN


def members(value: Value) -> list[Value]:
    """Return what iteration over a value yields: each part of a literal, else one value of the element type."""
    if value.parts is not None:
        return list(value.parts)
    kind = required(value.type)
    arguments = get_args(kind[0]) if len(kind) == 1 else ()
    inner = element(value.type)
    if inner is not None:
        return [of_type(inner)]
    return [of_type(arguments[0])] if arguments else [UNKNOWN]


def unpacked(value: Value, count: int) -> list[Value]:
    """Return the values that an assignment to ``count`` names unpacks."""
    if value.parts is not None and len(value.parts) == count:
        return list(value.parts)
    found: list[list[Value]] = []
    for member in required(value.type):
        arguments = get_args(member)
        if get_origin(member) is tuple and len(arguments) == count and arguments[-1] is not Ellipsis:
            found.append([of_type(argument) for argument in arguments])
    if found:
        return [either(values) for values in zip(*found, strict=True)]
    return [either(members(value))] * count


def fields_of(value: Value) -> dict[str, Value]:
    """Return the items of a literal dictionary, or the fields of a model."""
    if value.items is not None:
        return value.items
    found = model(value.type)
    return {name: of_type(field.annotation) for name, field in found.model_fields.items()} if found else {}
