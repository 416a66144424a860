"""What callers give is checked here against the annotations of the method, before anything is sent.

The driver and the server would take more than was meant: text for a number, 1.5 for a whole number, a word for the list
of its letters.
"""

import types
from collections.abc import Callable, Iterable, Mapping, Sequence
from collections.abc import Set as AbstractSet
from datetime import UTC, date, datetime, timedelta
from enum import Enum
from functools import partial, wraps
from inspect import isfunction, signature
from itertools import islice, zip_longest
from math import isfinite
from reprlib import Repr
from typing import Annotated, Any, NamedTuple, NewType, Union, get_args, get_origin, get_type_hints
from uuid import UUID

from typing_extensions import is_typeddict

from skilltree.errors import InvalidValue

MOST_CHARACTERS = 100_000
MOST_ITEMS = 10_000
MOST_DAYS = 36_525
_LONGEST_PATH = 200
# A day on either side is another year somewhere on Earth, and Python knows no year 0 and no year 10000.
_FIRST_YEAR, _LAST_YEAR = 2, 9998
# What the method itself looks at, with errors of its own: secrets, of which no message tells, and cursors.
_LEFT_ALONE = frozenset({"password", "current", "new", "token", "bcrypt_cost", "after"})

Check = Callable[[Any], object]
"""Returns a value in the form in which it is sent, or raises _Unfit."""

_shorten = Repr()
_shorten.maxstring = _shorten.maxother = _shorten.maxlong = 60


class Range(NamedTuple):
    """What a whole number may be, or the length of a text: ``Annotated[str, Range(1, 200)]``."""

    least: int
    most: int


SearchText = Annotated[str, Range(0, 200)]
SearchSize = Annotated[int, Range(0, 100)]
Offset = Annotated[int, Range(0, 1_000_000)]
PasswordLength = Annotated[int, Range(1, 72)]

_TEXT = Range(0, MOST_CHARACTERS)
_INTEGER = Range(-(2**31), 2**31 - 1)


class _Unfit(Exception):
    """A value cannot be taken: what it must be, and what it is when the value itself would not tell."""

    def __init__(self, wanted: str, given: str | None = None) -> None:
        self.wanted = wanted
        self.given = given
        super().__init__(wanted)


def shown(value: object) -> str:
    """Return a value as messages show it: short, and whatever its own ``repr`` does."""
    try:
        return _shorten.repr(value)
    except Exception:
        # A caller's object may raise anything.
        return f"a value of type {type(value).__name__}"


def path_shown(*path: object) -> str:
    """Return the path to a fault as messages show it: callers choose what it is made of."""
    where = ".".join(map(str, path))
    return where if len(where) <= _LONGEST_PATH else f"{where[:_LONGEST_PATH]}…"


# --- plain values. A subclass may lie about itself, so what is sent is always of the type itself. --------------------


def _uuid(value: object) -> UUID:
    if type(value) is UUID:
        return value
    if isinstance(value, UUID):
        return UUID(bytes=value.bytes)
    raise _Unfit("a UUID")


def _text(value: object, within: Range = _TEXT) -> str:
    if type(value) is not str:
        if not isinstance(value, str) or isinstance(value, Enum):
            raise _Unfit("text")
        value = str.__str__(value)
    if not within.least <= len(value) <= within.most:
        least = f"{within.least} to " if within.least else "at most "
        raise _Unfit(f"text of {least}{within.most} characters", f"of {len(value)}")
    if "\0" in value:
        raise _Unfit("text without NUL characters")
    if not value.isascii():
        try:
            value.encode()
        except UnicodeEncodeError as error:
            raise _Unfit(f"Unicode text ({error.reason} at character {error.start})") from None
    return value


def _whole(value: object, within: Range = _INTEGER) -> int:
    if not isinstance(value, int) or isinstance(value, bool):
        raise _Unfit("a whole number")
    number = int.__int__(value)
    if not within.least <= number <= within.most:
        raise _Unfit(f"a whole number from {within.least} to {within.most}")
    return number


def _real(value: object) -> float:
    if not isinstance(value, (int, float)) or isinstance(value, bool):
        raise _Unfit("a number")
    try:
        number = float.__float__(value) if isinstance(value, float) else float(int.__int__(value))
    except OverflowError:
        raise _Unfit("a finite number") from None
    if not isfinite(number):
        raise _Unfit("a finite number")
    if isinstance(value, int) and int.__int__(value) != number:
        raise _Unfit("a number of double precision")
    return number


def _flag(value: object) -> bool:
    if not isinstance(value, bool):
        raise _Unfit("True or False")
    return value


def _moment(value: object) -> datetime:
    if not isinstance(value, datetime) or value.utcoffset() is None:
        raise _Unfit("a datetime with a time zone")
    # One that UTC cannot say overflows.
    if not (_FIRST_YEAR <= value.year <= _LAST_YEAR and _FIRST_YEAR <= value.astimezone(UTC).year <= _LAST_YEAR):
        raise _Unfit(f"a moment from the year {_FIRST_YEAR} to {_LAST_YEAR}")
    return value.astimezone(UTC)


def _day(value: object) -> date:
    if not isinstance(value, date) or isinstance(value, datetime):
        raise _Unfit("a date")
    return date(value.year, value.month, value.day)


def _duration(value: object) -> timedelta:
    if not isinstance(value, timedelta):
        raise _Unfit("a timedelta")
    if not timedelta(0) <= value <= timedelta(days=MOST_DAYS):
        raise _Unfit(f"a time from 0 to {MOST_DAYS} days")
    return timedelta(value.days, value.seconds, value.microseconds)


def _label(value: object, kind: type[Enum]) -> Enum:
    """Return a member of an enum, given as such or as its label."""
    if isinstance(value, kind):
        return value
    labels = {str(member.value): member for member in kind}
    if type(value) is not str or value not in labels:
        raise _Unfit(f"one of {', '.join(labels)}")
    return labels[value]


def _instance(value: object, kind: type) -> object:
    if not isinstance(value, kind) or isinstance(value, (str, bytes)):
        raise _Unfit(f"an {kind.__name__}" if kind.__name__[0] in "AEIOU" else f"a {kind.__name__}")
    return value


# --- collections -----------------------------------------------------------------------------------------------------


def _sequence(value: object, check: Check | None) -> list[object]:
    """Return a list. Not of a text, which would be one of its letters, nor of what may not end."""
    if type(value) not in {list, tuple} and (
        not isinstance(value, (Sequence, AbstractSet)) or isinstance(value, (str, bytes, bytearray, memoryview))
    ):
        raise _Unfit("a list")
    return [_item(item, number, check) for number, item in enumerate(_few(value))]


def _tuple(value: object, checks: Sequence[Check | None]) -> tuple[object, ...]:
    if not isinstance(value, (list, tuple)) or len(value) != len(checks):
        raise _Unfit(f"a tuple of {len(checks)}")
    return tuple(_item(item, number, check) for number, (item, check) in enumerate(zip(value, checks, strict=True)))


def _mapping(value: object, keys: Check | None, values: Check | None) -> dict[object, object]:
    if not isinstance(value, Mapping):
        raise _Unfit("a mapping")
    return {_item(key, "key", keys): _item(item, key, values) for key, item in _few(value.items())}


def _few(items: Any) -> list[Any]:
    found = list(islice(items, MOST_ITEMS + 1))
    if len(found) > MOST_ITEMS:
        raise _Unfit(f"at most {MOST_ITEMS} items", "more")
    return found


def _item(item: object, place: object, check: Check | None) -> object:
    if check is None:
        return item
    try:
        return check(item)
    except _Unfit as unfit:
        raise _Unfit(f"a collection in which [{shown(place)}] is {unfit.wanted}", unfit.given or shown(item)) from None


_PLAIN: dict[Any, Check] = {
    UUID: _uuid,
    str: _text,
    int: _whole,
    float: _real,
    bool: _flag,
    datetime: _moment,
    date: _day,
    timedelta: _duration,
}
_RANGED: dict[Any, Callable[..., object]] = {str: _text, int: _whole}


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
    if origin in {list, Sequence}:
        return partial(_sequence, check=_check_for(parts[0]))
    if origin is tuple:
        return partial(_tuple, checks=[_check_for(part) for part in parts])
    if origin is Mapping and parts[0] is not str:
        return partial(_mapping, keys=_check_for(parts[0]), values=_check_for(parts[1]))
    if origin in {Callable, Iterable}:
        return partial(_instance, kind=origin)
    if isinstance(hint, type) and issubclass(hint, Enum):
        return partial(_label, kind=hint)
    if isinstance(hint, type) and hint.__module__ == "ipaddress":
        return partial(_instance, kind=hint)
    return _PLAIN.get(hint)


def _check_for_any(hints: Sequence[Any]) -> Check | None:
    """Return the check for a union; a document as one model or another is for its model to look at."""
    checks = [_check_for(hint) for hint in hints if hint is not types.NoneType]
    known = [check for check in checks if check is not None]
    if len(known) < len(checks):
        return None
    check = known[0] if len(known) == 1 else partial(_any, checks=known)
    return partial(_optional, check=check) if len(checks) < len(hints) else check


def _optional(value: object, check: Check) -> object:
    return None if value is None else check(value)


def _any(value: object, checks: Sequence[Check]) -> object:
    wanted = []
    for check in checks:
        try:
            return check(value)
        except _Unfit as unfit:
            wanted.append(unfit.wanted)
    raise _Unfit(" or ".join(wanted))


# --- the methods ------------------------------------------------------------------------------------------------------


def check_arguments(repository: type) -> None:
    """Let each public method of a repository refuse what does not fit its annotations, with InvalidValue."""
    for name, method in list(vars(repository).items()):
        if isfunction(method) and not name.startswith("_"):
            setattr(repository, name, _checked(method))


def checks_of(method: Callable[..., object]) -> dict[str, Check | None]:
    """Return the check of each argument; ``None`` where the method looks itself, as for documents."""
    fields: dict[str, Any] = {}
    for name, hint in get_type_hints(method, include_extras=True).items():
        # The fields of **changed: Unpack[TreeChanges] are arguments.
        changes = next(filter(is_typeddict, get_args(hint)), None)
        fields |= {name: hint} if changes is None else get_type_hints(changes, include_extras=True)
    fields.pop("return", None)
    return {name: None if name in _LEFT_ALONE else _check_for(hint) for name, hint in fields.items()}


def _checked(method: Callable[..., object]) -> Callable[..., object]:
    checks = checks_of(method)
    kinds = signature(method).parameters.items()
    names = [name for name, parameter in kinds if parameter.kind is parameter.POSITIONAL_OR_KEYWORD][1:]
    rest = next((name for name, parameter in kinds if parameter.kind is parameter.VAR_POSITIONAL), "")

    @wraps(method)
    def call(self: object, *given: object, **named: object) -> object:
        # What is given too much, or by a name that nothing has, is for Python to refuse.
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
    except _Unfit as unfit:
        given = unfit.given or shown(value)
        raise InvalidValue(f"{name} must be {unfit.wanted}, not {given}", field=name) from None
    except Exception as error:
        # What is no plain value or list may do anything when it is read.
        raise InvalidValue(f"{name} cannot be read: {type(error).__name__}", field=name) from error
