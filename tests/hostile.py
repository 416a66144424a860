"""Values that no caller should send: those an attacker would try, or a careless caller would let through."""

from collections import OrderedDict, UserDict, UserList, defaultdict
from collections.abc import Callable, Iterator, Mapping
from datetime import UTC, date, datetime, time, timedelta, timezone, tzinfo
from decimal import Decimal
from enum import IntEnum
from fractions import Fraction
from functools import cache
from itertools import count, repeat
from types import MappingProxyType
from typing import Any
from uuid import UUID

from skilltree.models.content import AwardMetadata, LayoutConfig, Preferences, ProgressEvidence, SkillContent
from skilltree.models.curriculum import CurriculumSkill, CurriculumTree
from skilltree.models.enums import Leaderboard

MEGABYTE = "x" * 1_000_000
WORDS = " ".join(f"word{number}" for number in range(200_000))


def nested(levels: int, wrap: Callable[[Any], Any]) -> Any:
    value: Any = 1
    for _ in range(levels):
        value = wrap(value)
    return value


DEEP_LIST = nested(100_000, lambda inner: [inner])
DEEP_DICT = nested(100_000, lambda inner: {"deeper": inner})


class Liar:
    """An object of which every method raises."""

    def _refuse(self, *_: object) -> Any:
        raise RuntimeError(MEGABYTE)

    __repr__ = __str__ = __eq__ = __hash__ = __bool__ = __len__ = __iter__ = __getattr__ = __format__ = _refuse
    __int__ = __float__ = __index__ = __getitem__ = __contains__ = __call__ = _refuse


class LyingText(str):
    __slots__ = ()

    def _refuse(self, *_: object) -> Any:
        raise RuntimeError("no text")

    __str__ = __repr__ = __len__ = __iter__ = __eq__ = encode = isascii = __contains__ = _refuse
    __hash__ = str.__hash__


class LyingNumber(int):
    def _refuse(self, *_: object) -> Any:
        raise RuntimeError("no number")

    __repr__ = __str__ = __int__ = __index__ = __le__ = __ge__ = __eq__ = _refuse
    __hash__ = int.__hash__


class LyingFloat(float):
    def _refuse(self, *_: object) -> Any:
        raise RuntimeError("no number")

    __repr__ = __str__ = __float__ = __le__ = __ge__ = __eq__ = _refuse
    __hash__ = float.__hash__


class LyingId(UUID):
    @property
    def bytes(self) -> bytes:
        raise RuntimeError("no id")

    @property
    def hex(self) -> str:
        raise RuntimeError("no id")


class LyingList(list[Any]):
    def __iter__(self) -> Iterator[Any]:
        return iter(repeat("endless"))

    def __len__(self) -> int:
        return 1


class LyingDict(dict[str, Any]):
    def _refuse(self, *_: object) -> Any:
        raise RuntimeError("no dictionary")

    __iter__ = keys = items = values = get = __getitem__ = __repr__ = _refuse


class EndlessMapping(Mapping[Any, Any]):
    def __getitem__(self, key: object) -> Any:
        return key

    def __iter__(self) -> Iterator[Any]:
        return count()

    def __len__(self) -> int:
        return 1


class LyingZone(tzinfo):
    def utcoffset(self, _: datetime | None) -> timedelta:
        raise RuntimeError("no zone")

    dst = utcoffset
    tzname = utcoffset  # type: ignore[assignment]


class Later(datetime):
    """A subclass like those of pandas and freezegun."""


class Number(IntEnum):
    ONE = 1


def endless_dict() -> dict[str, Any]:
    again: dict[str, Any] = {}
    again["again"] = again
    return again


def endless_list() -> list[Any]:
    again: list[Any] = []
    again.append(again)
    return again


def far(hours: float) -> timezone:
    return timezone(timedelta(hours=hours))


NOW = datetime(2024, 5, 5, 12, tzinfo=UTC)

_VALUES: list[object] = [
    None,
    # numbers
    *(True, False, -1, 0, 1.5, 7, -(2**31), 2**31 - 1, 2**31, 2**53 + 1, 2**63, 10**400, -(10**400), 10**5000),
    *(float("nan"), float("inf"), float("-inf"), -0.0, 5e-324, 1e308, 1.0, 1e-10, 99.99999999999999),
    *(Decimal("NaN"), Decimal("sNaN"), Decimal("0.1"), Decimal("1e9999"), Fraction(1, 3), 1j, Number.ONE),
    *(LyingNumber(3), LyingFloat(0.5)),
    # text
    *("", " ", "ten", "NaN", "null", "true", "1", "2024-01-01", str(UUID(int=1)), "\0", "nul\0inside", "\ud800"),
    *(
        "lone \udfff surrogate",
        "\u202eevil\u202c",
        "\u200b\u200d\ufeff",
        "e" + "\u0301" * 5000,
        "🎓" * 60,
        "\x7f\x85\u2028",
    ),
    *("'; drop table users; --", "' or '1'='1", "%s", "%(id)s", "%", "{}", "$1", "\\", '\\"', "$$", "/*", "E'\\000'"),
    *(
        "(a+)+$",
        "^" * 500,
        '"' * 999,
        "-" * 999,
        "a & | ! <-> b:*",
        "( " * 400,
        " or " * 250,
        "../skills/delete",
        "/etc/passwd",
    ),
    *("x" * 51, "x" * 201, "x" * 1000, "x" * 1001, "x" * 100_000, "x" * 100_001, "é" * 100_000, MEGABYTE, WORDS),
    *(
        "Mars/Olympus",
        "FOO3",
        "Europe/Lisbon",
        "#12345G",
        "127.0.0.1/8",
        "javascript:alert(1)",
        "a@b",
        "a" * 250 + "@b.c",
    ),
    *(" ".join(f"w{number}" for number in range(150)), LyingText("text"), LyingText("\0"), Leaderboard.WEEK),
    # bytes
    *(b"", b"text", b"\xff\0", bytearray(b"x"), memoryview(b"x"), b"x" * 1_000_000),
    # ids
    *(UUID(int=0), UUID(int=2**128 - 1), LyingId(int=3)),
    # times
    *(datetime(2024, 1, 1), datetime.min, datetime.max, datetime.min.replace(tzinfo=UTC)),  # noqa: DTZ001, DTZ901
    *(datetime.max.replace(tzinfo=UTC), datetime.min.replace(tzinfo=far(14)), datetime.max.replace(tzinfo=far(-12))),
    *(datetime(2, 1, 1, tzinfo=far(14)), datetime(9998, 12, 31, 23, tzinfo=far(-12)), datetime(2, 1, 3, tzinfo=UTC)),
    *(
        NOW.replace(tzinfo=far(23.99)),
        NOW.replace(tzinfo=timezone(timedelta(microseconds=1))),
        NOW,
        NOW.replace(fold=1),
    ),
    *(NOW.replace(tzinfo=LyingZone()), Later(2024, 1, 1, tzinfo=UTC), date.min, date.max, date(2024, 2, 29), time(1)),
    *(timedelta.max, timedelta.min, timedelta(-1), timedelta(0), timedelta(microseconds=1), timedelta(36_525)),
    # lists
    *([], (), set(), frozenset({"a"}), [None], [[]], ["x"], ["x", "x"], [1], ["x" * 10_000], ["\0"], [""], ["x"] * 101),
    *(
        ["x"] * 10_001,
        [UUID(int=0)],
        [UUID(int=0)] * 2,
        [UUID(int=0), "x"],
        [Liar()],
        range(10**9),
        UserList(["x"]),
    ),
    *((1, 2, 3), (1.0, float("nan")), ("left", "top"), (True, False), (1,), (10**400, 0), LyingList(["x"])),
    *(DEEP_LIST, endless_list(), [endless_list()], [MEGABYTE] * 100),
    # mappings
    *({}, {"": ""}, {1: 2}, {None: 1}, {"a": {1: 2}}, {"a": {"b": b"x"}}, {"a": object()}, {"a": {1, 2}}, {"a": (1,)}),
    *({"a": float("nan")}, {"a": 10**400}, {"a": 10**5000}, {"a": "\0"}, {"\0": 1}, {"\ud800": 1}, {"a": "\ud800"}),
    *({"a": MEGABYTE}, {MEGABYTE: 1}, {"a": NOW}, {"a": Decimal("NaN")}, {"a": Liar()}, {"__class__": "x", "self": 1}),
    *({f"key{number}": number for number in range(50_000)}, DEEP_DICT, {"a": DEEP_LIST}, endless_dict()),
    *({"a": nested(98, lambda inner: [inner])}, {"a": nested(99, lambda inner: [inner])}),
    *({"a": nested(150, lambda inner: {"b": inner})}, {"a": nested(198, lambda inner: [inner])}),
    *(OrderedDict(a=1), defaultdict(list), UserDict({"a": 1}), MappingProxyType({"a": 1}), LyingDict(a=1)),
    *(EndlessMapping(), {"modelConfig": 1, "model_config": 2}, {LyingText("a"): 1}, {"a": LyingText("b")}),
    *({"primaryColor": "#000000", "primary_color": "#ffffff"}, {"theme": "x", "additionalParams": None}),
    # models created without validation
    *(SkillContent.model_construct(type=Liar()), ProgressEvidence.model_construct(type="text", content=b"\xff")),
    *(LayoutConfig.model_construct(theme=object()), Preferences(theme="dark").model_copy(update={"theme": 1})),
    *(AwardMetadata.model_construct(a=object()), LayoutConfig.model_validate({"zoom": 1})),
    *(CurriculumTree.model_construct(slug="x"), CurriculumSkill.model_construct(key=1)),
    # objects that are not values
    *(object(), object, Liar(), Liar, len, lambda: None, ..., NotImplemented, ValueError("x")),
]


@cache
def _ids() -> list[UUID]:
    return [UUID(int=number) for number in range(1_000_000)]


def _generator() -> Iterator[object]:
    return (each for each in ("x", "y"))


HOSTILE: dict[str, Callable[[], object]] = {
    f"{number}: {type(value).__name__}": lambda value=value: value  # type: ignore[misc]
    for number, value in enumerate(_VALUES)
} | {"a million ids": _ids, "a generator": _generator, "an endless generator": count}
