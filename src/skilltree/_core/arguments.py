"""Checks a method's arguments against its annotations before anything is sent to the server."""

import types
from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import date, datetime, timedelta
from enum import Enum
from functools import partial, wraps
from inspect import isfunction, signature
from itertools import zip_longest
from typing import Annotated, Any, NewType, Union, get_args, get_origin, get_type_hints
from uuid import UUID

from typing_extensions import is_typeddict

from skilltree._core import value_checks
from skilltree._core.messages import shown
from skilltree._core.value_checks import Check, Range, Unfit
from skilltree.errors import InvalidValue

SearchText = Annotated[str, Range(0, 200)]
SearchSize = Annotated[int, Range(0, 100)]
Offset = Annotated[int, Range(0, 1_000_000)]
PasswordLength = Annotated[int, Range(1, 72)]

# The method itself checks these, with its own errors: secrets, which must appear in no message, and cursors.
_LEFT_ALONE = frozenset({"password", "current", "new", "token", "bcrypt_cost", "after"})

_PLAIN: dict[Any, Check] = {
    UUID: value_checks.uuid_value,
    str: value_checks.text,
    int: value_checks.whole_number,
    float: value_checks.real_number,
    bool: value_checks.flag,
    datetime: value_checks.moment,
    date: value_checks.day,
    timedelta: value_checks.duration,
}
_RANGED: dict[Any, Callable[..., object]] = {str: value_checks.text, int: value_checks.whole_number}


# --- the check for an annotation -------------------------------------------------------------------------------------


def _check_for(hint: Any) -> Check | None:  # noqa: PLR0911 (a list of cases)
    origin, parts = get_origin(hint), get_args(hint)
    if isinstance(hint, NewType):
        return _check_for(hint.__supertype__)
    if origin is Annotated:
        within = next((part for part in parts if isinstance(part, Range)), None)
        return _check_for(parts[0]) if within is None else partial(_RANGED[parts[0]], within=within)
    if origin in {Union, types.UnionType}:
        return _check_for_any(parts)
    if origin in {list, Sequence} or (origin is tuple and parts[1:] == (...,)):
        return partial(value_checks.sequence, check=_check_for(parts[0]))
    if origin is tuple:
        return partial(value_checks.fixed_tuple, checks=[_check_for(part) for part in parts])
    if origin is Mapping and parts[0] is not str:
        return partial(value_checks.mapping, keys=_check_for(parts[0]), values=_check_for(parts[1]))
    if origin in {Callable, Iterable}:
        return partial(value_checks.instance, kind=origin)
    if isinstance(hint, type) and issubclass(hint, Enum):
        return partial(value_checks.label, kind=hint)
    if isinstance(hint, type) and hint.__module__ == "ipaddress":
        return partial(value_checks.instance, kind=hint)
    return _PLAIN.get(hint)


def _check_for_any(hints: Sequence[Any]) -> Check | None:
    """Return the check for a union, or ``None`` if a member is a document, which its model checks."""
    checks = [_check_for(hint) for hint in hints if hint is not types.NoneType]
    known = [check for check in checks if check is not None]
    if len(known) < len(checks):
        return None
    check = known[0] if len(known) == 1 else partial(value_checks.any_of, checks=known)
    return partial(value_checks.optional, check=check) if len(checks) < len(hints) else check


# --- the methods ------------------------------------------------------------------------------------------------------


def check_arguments(repository: type) -> None:
    """Make each public method of a repository raise InvalidValue for arguments that do not fit its annotations."""
    for name, method in list(vars(repository).items()):
        if isfunction(method) and not name.startswith("_"):
            setattr(repository, name, _checked(method))


def checks_of(method: Callable[..., object]) -> dict[str, Check | None]:
    """Return the check of each argument; ``None`` if the method itself checks it, as for documents."""
    fields: dict[str, Any] = {}
    for name, hint in get_type_hints(method, include_extras=True).items():
        # The fields of `**changed: Unpack[TreeChanges]` are arguments.
        changes = next(filter(is_typeddict, get_args(hint)), None)
        fields |= {name: hint} if changes is None else get_type_hints(changes, include_extras=True)
    fields.pop("return", None)
    return {name: None if name in _LEFT_ALONE else _check_for(hint) for name, hint in fields.items()}


def _checked(method: Callable[..., object]) -> Callable[..., object]:
    checks = checks_of(method)
    kinds = signature(method).parameters.items()
    names = [name for name, parameter in kinds if parameter.kind <= parameter.POSITIONAL_OR_KEYWORD][1:]
    rest = next((name for name, parameter in kinds if parameter.kind is parameter.VAR_POSITIONAL), "")

    @wraps(method)
    def call(self: object, *given: object, **named: object) -> object:
        # Extra and unknown arguments are passed on, so that Python raises its usual TypeError.
        return method(
            self,
            *[
                _fit(name, value, checks.get(name))
                for name, value in zip_longest(names[: len(given)], given, fillvalue=rest)
            ],
            **{name: _fit(name, value, checks.get(name)) for name, value in named.items()},
        )

    return call


def _fit(name: str, value: object, check: Check | None) -> object:
    if check is None:
        return value
    try:
        return check(value)
    except Unfit as unfit:
        given = unfit.given or shown(value)
        raise InvalidValue(f"{name} must be {unfit.wanted}, not {given}", field=name) from None
    except Exception as error:
        # Reading an object of any other type may run arbitrary code.
        raise InvalidValue(f"{name} cannot be read: {type(error).__name__}", field=name) from error
