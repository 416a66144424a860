"""Turns the rows of ``queries/json``, which PostgreSQL wrote as JSON text, into the bytes of a whole answer."""

import math
from collections.abc import Callable, Sequence
from functools import lru_cache
from ipaddress import IPv4Address, IPv6Address
from typing import Any, NamedTuple, Protocol

from psycopg.pq.abc import PGresult
from psycopg.rows import RowMaker
from pydantic import BaseModel, JsonValue, TypeAdapter, ValidationError
from pydantic_core import to_json

from skilltree.models.base import Page
from skilltree.models.content import (
    ASSESSMENTS,
    CONTENT,
    CRITERIA,
    DEVICE,
    EVIDENCE,
    LAYOUT,
    PREFERENCES,
    RESOURCES,
    STRUGGLING,
    THEME,
    Assessments,
    AwardMetadata,
    DeviceInfo,
    LayoutConfig,
    Preferences,
    ProgressEvidence,
    Resource,
    SkillCompletionCount,
    SkillContent,
    StreakDays,
    StrugglingIndicators,
    ThemeConfig,
    XpThreshold,
)

_BEGIN, _END = "\x02", "\x03"
_SHARED = frozenset("crakltf")
_LONGEST_KEPT = 4096


class Unwritable(Exception):
    """A value whose JSON text may differ from the model's dump, or that the model refuses."""


class Hole(NamedTuple):
    """A type of values that PostgreSQL leaves to Pydantic, such as a document, and how they are read and written."""

    members: tuple[Any, ...]
    adapter: TypeAdapter[Any]

    def is_for(self, members: Sequence[Any]) -> bool:
        """Return whether the members of a field's union, except ``None``, are of this type."""
        return tuple(members) == self.members


HOLES = {
    "c": Hole((SkillContent,), CONTENT),
    "r": Hole((tuple[Resource, ...],), RESOURCES),
    "a": Hole((Assessments,), ASSESSMENTS),
    "k": Hole((SkillCompletionCount, XpThreshold, StreakDays), CRITERIA),
    "l": Hole((LayoutConfig,), LAYOUT),
    "t": Hole((ThemeConfig,), THEME),
    "p": Hole((Preferences,), PREFERENCES),
    "d": Hole((DeviceInfo,), DEVICE),
    "e": Hole((ProgressEvidence,), EVIDENCE),
    "s": Hole((StrugglingIndicators,), STRUGGLING),
    "m": Hole((AwardMetadata,), TypeAdapter(AwardMetadata)),
    "o": Hole((dict[str, JsonValue],), TypeAdapter(dict[str, JsonValue])),
    "i": Hole((IPv4Address, IPv6Address), TypeAdapter(IPv4Address | IPv6Address)),
}
"""By the letter that begins a hole. ``f`` is a number, ``!`` a value that no model can hold; an empty hole is null."""


class JsonRow:
    """A row, or several with commas between, as JSON text with holes; with the columns that its method looks at."""

    def __init__(self, text: str, columns: dict[str, object]) -> None:
        self.text = text
        self.__dict__.update(columns)


class _HasResult(Protocol):
    @property
    def pgresult(self) -> PGresult | None: ...


def json_rows(cursor: _HasResult) -> RowMaker[JsonRow]:
    """Return psycopg's row factory for a query of ``queries/json``."""
    result = cursor.pgresult
    names = [(result.fname(place) or b"").decode() for place in range(result.nfields)] if result is not None else []
    parts = names.count("json")
    if parts:
        others = names[parts:]
        return lambda values: JsonRow("".join(values[:parts]), dict(zip(others, values[parts:], strict=True)))
    return lambda values: JsonRow("", dict(zip(names, map(_part, values), strict=True)))


def _part(text: str | None) -> JsonRow | list[JsonRow] | None:
    """Return a field of a row that its method takes apart: a row, a list, or ``None``."""
    if text is None or text == "[]":
        return None if text is None else []
    return [JsonRow(text[1:-1], {})] if text.startswith("[") else JsonRow(text, {})


def json_bytes(answer: object) -> bytes:
    """Return the JSON of what a method returned on such rows. Raises Unwritable."""
    match answer:
        case JsonRow():
            return _filled(answer.text).encode()
        case list():
            return f"[{_filled(','.join([row.text for row in answer]))}]".encode()
        case Page():
            items: Any = answer.items
            cursor = to_json(answer.next_cursor).decode()
            return f'{{"items":[{_filled(",".join([row.text for row in items]))}],"nextCursor":{cursor}}}'.encode()
        case _:
            return to_json(answer)


def dumped(answer: object) -> bytes:
    """Return the JSON of what a method returned: the bytes that ``json_bytes`` must have."""
    if isinstance(answer, BaseModel):
        return answer.model_dump_json(by_alias=True).encode()
    if isinstance(answer, list):
        return b"[" + b",".join(map(dumped, answer)) + b"]"
    return to_json(answer)


def _filled(text: str) -> str:
    """Return the text with its holes filled."""
    first, *rest = text.split(_BEGIN)
    if not rest:
        return text
    parts = [first]
    for each in rest:
        value, _, after = each.partition(_END)
        if len(value) == 1:
            parts.append("null")
        else:
            write = _kept if value[0] in _SHARED and len(value) < _LONGEST_KEPT else _written
            parts.append(write(value))
        parts.append(after)
    return "".join(parts)


def _written(value: str) -> str:
    letter, text = value[0], value[1:]
    if letter == "f":
        number = float(text)
        if math.isfinite(number):
            return to_json(number).decode()
    elif letter in HOLES:
        adapter = HOLES[letter].adapter
        try:
            return adapter.dump_json(adapter.validate_json(text), by_alias=True).decode()
        except ValidationError as error:
            raise Unwritable from error
    raise Unwritable


# Authors seldom change the documents of the catalogue, and many learners get the same ones. Learners' own are not kept.
# A document takes twice its size: usually 10 MB in all.
_kept: Callable[[str], str] = lru_cache(maxsize=4096)(_written)
