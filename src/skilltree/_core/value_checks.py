"""Checks of single values. Each check returns the value in the form in which it is sent, or raises Unfit.

The driver and the server would accept unintended values: text for a number, 1.5 for a whole number, or a word as the
list of its letters. A subclass may behave in any way, so the returned value always has the exact type.
"""

from collections.abc import Callable, Mapping, Sequence
from collections.abc import Set as AbstractSet
from datetime import UTC, date, datetime, timedelta
from enum import Enum
from itertools import islice
from math import isfinite
from typing import Any, NamedTuple
from uuid import UUID

from skilltree._core.messages import shown

MOST_CHARACTERS = 100_000
MOST_ITEMS = 10_000
MOST_DAYS = 36_525
# The first and last years are excluded: the year can differ between time zones, and Python has no year 0 or 10000.
_FIRST_YEAR, _LAST_YEAR = 2, 9998

Check = Callable[[Any], object]
"""A function that returns a value in the form in which it is sent, or raises Unfit."""


class Range(NamedTuple):
    """The limits of a whole number, or of a text's length: ``Annotated[str, Range(1, 200)]``."""

    least: int
    most: int


_TEXT = Range(0, MOST_CHARACTERS)
_INTEGER = Range(-(2**31), 2**31 - 1)


class Unfit(Exception):
    """A value is not accepted: what it must be, and a description of it if its ``repr`` would not help."""

    def __init__(self, wanted: str, given: str | None = None) -> None:
        self.wanted = wanted
        self.given = given
        super().__init__(wanted)


# --- plain values -----------------------------------------------------------------------------------------------------


def uuid_value(value: object) -> UUID:
    if type(value) is UUID:
        return value
    if isinstance(value, UUID):
        return UUID(bytes=value.bytes)
    raise Unfit("a UUID")


def text(value: object, within: Range = _TEXT) -> str:
    if type(value) is not str:
        if not isinstance(value, str) or isinstance(value, Enum):
            raise Unfit("text")
        value = str.__str__(value)
    if not within.least <= len(value) <= within.most:
        least = f"{within.least} to " if within.least else "at most "
        raise Unfit(f"text of {least}{within.most} characters", f"of {len(value)}")
    if "\0" in value:
        raise Unfit("text without NUL characters")
    if not value.isascii():
        try:
            value.encode()
        except UnicodeEncodeError as error:
            raise Unfit(f"Unicode text ({error.reason} at character {error.start})") from None
    return value


def whole_number(value: object, within: Range = _INTEGER) -> int:
    if not isinstance(value, int) or isinstance(value, bool):
        raise Unfit("a whole number")
    number = int.__int__(value)
    if not within.least <= number <= within.most:
        raise Unfit(f"a whole number from {within.least} to {within.most}")
    return number


def real_number(value: object) -> float:
    if not isinstance(value, (int, float)) or isinstance(value, bool):
        raise Unfit("a number")
    try:
        number = float.__float__(value) if isinstance(value, float) else float(int.__int__(value))
    except OverflowError:
        raise Unfit("a finite number") from None
    if not isfinite(number):
        raise Unfit("a finite number")
    if isinstance(value, int) and int.__int__(value) != number:
        raise Unfit("a number of double precision")
    return number


def flag(value: object) -> bool:
    if not isinstance(value, bool):
        raise Unfit("True or False")
    return value


def moment(value: object) -> datetime:
    if not isinstance(value, datetime) or value.utcoffset() is None:
        raise Unfit("a datetime with a time zone")
    # A time that cannot be converted to UTC overflows.
    if not (_FIRST_YEAR <= value.year <= _LAST_YEAR and _FIRST_YEAR <= value.astimezone(UTC).year <= _LAST_YEAR):
        raise Unfit(f"a time from the year {_FIRST_YEAR} to {_LAST_YEAR}")
    return value.astimezone(UTC)


def day(value: object) -> date:
    if not isinstance(value, date) or isinstance(value, datetime):
        raise Unfit("a date")
    return date(value.year, value.month, value.day)


def duration(value: object) -> timedelta:
    if not isinstance(value, timedelta):
        raise Unfit("a timedelta")
    if not timedelta(0) <= value <= timedelta(days=MOST_DAYS):
        raise Unfit(f"a duration from 0 to {MOST_DAYS} days")
    return timedelta(value.days, value.seconds, value.microseconds)


def label(value: object, kind: type[Enum]) -> Enum:
    """Return a member of an enum, given as a member or as its label."""
    if isinstance(value, kind):
        return value
    labels = {str(member.value): member for member in kind}
    if type(value) is not str or value not in labels:
        raise Unfit(f"one of {', '.join(labels)}")
    return labels[value]


def instance(value: object, kind: type) -> object:
    if not isinstance(value, kind) or isinstance(value, (str, bytes)):
        raise Unfit(f"an {kind.__name__}" if kind.__name__[0] in "AEIOU" else f"a {kind.__name__}")
    return value


# --- collections -----------------------------------------------------------------------------------------------------


def sequence(value: object, check: Check | None) -> list[object]:
    """Return a list. Text is refused, because it would become its letters, and so are endless iterables."""
    if type(value) not in {list, tuple} and (
        not isinstance(value, (Sequence, AbstractSet)) or isinstance(value, (str, bytes, bytearray, memoryview))
    ):
        raise Unfit("a list")
    return [_item(item, number, check) for number, item in enumerate(_few(value))]


def fixed_tuple(value: object, checks: Sequence[Check | None]) -> tuple[object, ...]:
    if not isinstance(value, (list, tuple)) or len(value) != len(checks):
        raise Unfit(f"a tuple of {len(checks)}")
    return tuple(_item(item, number, check) for number, (item, check) in enumerate(zip(value, checks, strict=True)))


def mapping(value: object, keys: Check | None, values: Check | None) -> dict[object, object]:
    if not isinstance(value, Mapping):
        raise Unfit("a mapping")
    return {_item(key, "key", keys): _item(item, key, values) for key, item in _few(value.items())}


def _few(items: Any) -> list[Any]:
    found = list(islice(items, MOST_ITEMS + 1))
    if len(found) > MOST_ITEMS:
        raise Unfit(f"at most {MOST_ITEMS} items", "more")
    return found


def _item(item: object, place: object, check: Check | None) -> object:
    if check is None:
        return item
    try:
        return check(item)
    except Unfit as unfit:
        raise Unfit(f"a collection in which [{shown(place)}] is {unfit.wanted}", unfit.given or shown(item)) from None


def optional(value: object, check: Check) -> object:
    return None if value is None else check(value)


def any_of(value: object, checks: Sequence[Check]) -> object:
    wanted = []
    for check in checks:
        try:
            return check(value)
        except Unfit as unfit:
            wanted.append(unfit.wanted)
    raise Unfit(" or ".join(wanted))
