"""Copies a caller's document into plain Python values before a model validates it.

Pydantic accepts any iterable and any mapping. It would never stop with an endless generator, and it would collect an
error for each of a billion items.
"""

from collections.abc import Iterable, Mapping
from datetime import date, datetime
from itertools import islice
from typing import TypeVar
from uuid import UUID

from pydantic import BaseModel

from skilltree._core.value_checks import MOST_ITEMS

T = TypeVar("T")

MOST_LEVELS = 100
MOST_PARTS = 20_000_000
"""How many values and characters a document may contain. Ten times as many as 5,000 skills with their content."""


_TEXT = frozenset({str})
# Exact types only, because a subclass may behave in any way. This test comes first because it is the fastest.
_AS_THEY_ARE = frozenset({str, int, float, bool, type(None), UUID, datetime, date})


def plain(value: object) -> object:
    """Return a document made of dictionaries, lists, tuples and models. Raises ValueError for anything else."""
    try:
        if type(value) is dict and _is_flat(value):
            return value.copy()
        return _Copy().of(value, 0)
    except ValueError:
        raise
    except Exception as error:
        # Reading an object of any other type may run arbitrary code.
        raise ValueError(f"it cannot be read: {type(error).__name__}") from error


def _is_flat(document: dict[object, object]) -> bool:
    """Tell quickly whether only built-in values of moderate size stand below built-in keys, as in a row to import."""
    return (
        len(document) <= MOST_ITEMS
        and _TEXT.issuperset(map(type, document))
        and _AS_THEY_ARE.issuperset(map(type, document.values()))
        and sum(len(value) for value in document.values() if type(value) is str) < MOST_PARTS // 2
    )


class _Copy:
    def __init__(self) -> None:
        self._left = MOST_PARTS

    def of(self, value: object, level: int) -> object:
        self._left -= 1 + (str.__len__(value) if isinstance(value, str) else 0)
        if self._left < 0:
            raise ValueError(f"it holds more than {MOST_PARTS} characters")
        if level > MOST_LEVELS:
            raise ValueError(f"it is nested more than {MOST_LEVELS} levels deep")
        if type(value) in _AS_THEY_ARE:
            return value
        if isinstance(value, (str, int, float)):
            return _exactly(value)
        if isinstance(value, BaseModel):
            # The model is validated again later.
            for part in (*value.__dict__.values(), *(value.__pydantic_extra__ or {}).values()):
                self.of(part, level + 1)
            return value
        if isinstance(value, Mapping):
            return {_key(key): self.of(item, level + 1) for key, item in _few(value.items())}
        if isinstance(value, (list, tuple)):
            items = [self.of(item, level + 1) for item in _few(value)]
            return tuple(items) if isinstance(value, tuple) else items
        if isinstance(value, Iterable) and not isinstance(value, bytes):
            raise ValueError(f"{type(value).__name__} is neither a list nor a dictionary")  # noqa: TRY004 (as above)
        return value


def _exactly(value: str | float) -> str | float:
    """Return a scalar of a built-in type. A subclass may lie when it is compared or printed."""
    if isinstance(value, str):
        return str.__str__(value)
    if isinstance(value, bool):
        return value
    return int.__int__(value) if isinstance(value, int) else float.__float__(value)


def _key(key: object) -> object:
    if not isinstance(key, str):
        raise ValueError(f"a key is of type {type(key).__name__}, and must be text")  # noqa: TRY004 (as above)
    return key if type(key) is str else _exactly(key)


def _few(items: Iterable[T]) -> list[T]:
    found = list(islice(items, MOST_ITEMS + 1))
    if len(found) > MOST_ITEMS:
        raise ValueError(f"it holds a collection of more than {MOST_ITEMS} items")
    return found
