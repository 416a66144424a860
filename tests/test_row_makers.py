"""Rows become models without validation where their types prove that they fit, and are the same models as with it."""

import gc
import pickle
from collections.abc import Callable
from datetime import UTC, date, datetime, timedelta
from enum import StrEnum
from typing import Annotated, Any, NamedTuple

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from psycopg import DataError, postgres
from psycopg.pq import Format
from psycopg.types.range import Range
from pydantic import AfterValidator, BeforeValidator, ConfigDict, Field, ValidationInfo, field_validator

from skilltree._core import row_makers
from skilltree._core.row_makers import maker
from skilltree._core.rows import adapters, validated
from skilltree.errors import InvalidStoredDocument, RowMismatch
from skilltree.gate import schema, skilltree
from skilltree.gate.usage import read_usage
from skilltree.models.base import Model

ENUM = 99_999
"""The OID of an enum, which each database chooses."""


class Read(NamedTuple):
    """A query as the gate describes it, and the model of its rows."""

    query: str
    model: type[Model]
    names: list[str]
    types: list[str]

    @property
    def kinds(self) -> list[int]:
        return [oid_of(each) for each in self.types]


def oid_of(name: str) -> int:
    known = {"timestamp with time zone": "timestamptz", "double precision": "float8", "character varying": "varchar"}
    base = name.removesuffix("[]")
    info = postgres.types.get(known.get(base, base))
    if info is None:
        return ENUM
    return info.array_oid if name.endswith("[]") else info.oid


def reads() -> list[Read]:
    described = schema.from_text(skilltree().description.read_text()).queries
    models = {(use.query, use.model): use.model for use in read_usage(skilltree()).uses if use.model is not None}
    found = []
    for (query, _), model in sorted(models.items(), key=lambda item: (item[0][0], item[1].__name__)):
        columns = [column.partition(" ") for column in described[query].columns]
        found.append(Read(query, model, [name for name, _, _ in columns], [kind for _, _, kind in columns]))
    return found


READS = reads()
ids = [f"{each.query} {each.model.__name__}" for each in READS]

moments = st.datetimes(min_value=datetime(2000, 1, 1), max_value=datetime(2100, 1, 1)).map(  # noqa: DTZ001 (made aware)
    lambda moment: moment.replace(tzinfo=UTC)
)
texts = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\x00"), max_size=8)
documents = st.sampled_from(
    ["{}", "[]", "null", '"text"', '{"type": "simple"}', '{"nodeSpacing": 3}', '{"x": [1, {"y": null}]}', "[{}]"]
)
VALUES: dict[str, st.SearchStrategy[Any]] = {
    "uuid": st.uuids(),
    "text": texts,
    "integer": st.integers(-(2**31), 2**31 - 1),
    "bigint": st.integers(-(2**63), 2**63 - 1),
    "smallint": st.integers(-(2**15), 2**15 - 1),
    "double precision": st.floats(),
    "real": st.floats(width=32),
    "numeric": st.decimals(allow_nan=False, allow_infinity=False, places=2),
    "boolean": st.booleans(),
    "timestamp with time zone": moments,
    "date": st.dates(),
    "interval": st.timedeltas(timedelta(), timedelta(days=9)),
    "json": documents,
    "jsonb": documents,
}


def labels_of(model: type[Model], name: str) -> st.SearchStrategy[Any]:
    """Return labels that the field's enum knows, and one that it does not."""
    field = model.model_fields.get(name)
    known = (
        [
            label
            for part in (field.annotation, *getattr(field.annotation, "__args__", ()))
            if isinstance(part, type) and issubclass(part, StrEnum)
            for label in part
        ]
        if field
        else []
    )
    return st.sampled_from([*(label.value for label in known), "AN_UNKNOWN_LABEL"])


def values_of(read: Read) -> st.SearchStrategy[tuple[Any, ...]]:
    columns = []
    for name, kind in zip(read.names, read.types, strict=True):
        base = kind.removesuffix("[]")
        each = VALUES[base] if base in VALUES else labels_of(read.model, name)
        if kind.endswith("[]"):
            each = st.lists(st.none() | each if base != "uuid" else each, max_size=2)
        columns.append(st.one_of(*[each] * 6, st.none()))
    return st.tuples(*columns)


def outcome(make: Callable[[Any], Model], values: tuple[Any, ...]) -> object:
    try:
        made = make(values)
    except (InvalidStoredDocument, RowMismatch) as error:
        return type(error), str(error)
    return made.model_dump_json(), repr(made), made.model_fields_set, made.__pydantic_extra__, made.__pydantic_private__


@pytest.mark.parametrize("read", READS, ids=ids)
def test_a_row_becomes_the_same_model_as_with_validation(read: Read) -> None:
    checked = validated(read.model, read.names, read.kinds)
    make = maker(read.model, read.names, read.kinds, checked)

    # Several queries return the same model.
    @settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.too_slow])
    @given(values_of(read))
    def agree(values: tuple[Any, ...]) -> None:
        assert outcome(make, values) == outcome(checked, values)

    agree()


def test_no_read_but_a_curriculum_is_validated_as_a_whole() -> None:
    def refuse(_values: object) -> Any:
        raise AssertionError

    whole = {each.query for each in READS if maker(each.model, each.names, each.kinds, refuse) is refuse}

    # The configuration of a curriculum refuses infinite numbers.
    assert whole == {"trees/export_tree"}


def test_no_column_but_a_document_is_validated_alone() -> None:
    alone = {
        f"{each.query}.{name} {kind}"
        for each in READS
        for name, kind in zip(each.names, each.types, strict=True)
        if kind not in {"json", "jsonb"}
        and "validate" in repr(row_makers._column(name, each.model.model_fields[name], oid_of(kind)).convert)
    }

    # The fields of an exported tree have rules of their own, and psycopg has two classes for addresses.
    assert {each for each in alone if not each.startswith("trees/export_tree.") and not each.endswith(" inet")} == set()


class Labelled(StrEnum):
    ONE = "ONE"


class Row(Model):
    number: int
    label: Labelled | None
    names: tuple[str, ...]


ROW = ["number", "label", "names"]
TYPES = [oid_of("integer"), ENUM, oid_of("text[]")]


def row_of(values: tuple[Any, ...], names: list[str] = ROW, kinds: list[int] = TYPES) -> Row:
    return maker(Row, names, kinds, validated(Row, names, kinds))(values)


@pytest.mark.parametrize(
    ("values", "field"),
    [
        ((None, "ONE", []), "number"),
        ((1, "TWO", []), "label"),
        ((1, None, [None]), "names"),
        ((1, None, [["a"]]), "names"),
        ((1, None, None), "names"),
    ],
)
def test_a_row_that_its_types_do_not_prove_is_refused_by_name(values: tuple[Any, ...], field: str) -> None:
    with pytest.raises(RowMismatch, match=rf"(?s)does not fit the model Row: .*\n{field}"):
        row_of(values)


def test_a_column_of_another_type_is_validated() -> None:
    assert row_of(("7", "ONE", ["a"]), kinds=[oid_of("text"), *TYPES[1:]]) == Row(number=7, label="ONE", names=("a",))
    with pytest.raises(RowMismatch, match="number"):
        row_of(("seven", None, []), kinds=[oid_of("text"), *TYPES[1:]])


@pytest.mark.parametrize("names", [["number", "label"], [*ROW, "more"], ["number", "label", "label"]])
def test_missing_extra_and_doubled_columns_are_refused(names: list[str]) -> None:
    values = (1, "ONE", ["a"], "b")[: len(names)]

    with pytest.raises(RowMismatch):
        row_of(values, names, [*TYPES, oid_of("text")][: len(names)])


def test_models_from_rows_share_nothing_that_can_change() -> None:
    one, other = row_of((1, "ONE", ["a"])), row_of((1, "ONE", ["a"]))

    one.model_fields_set.clear()

    assert other.model_fields_set == {*ROW}


def test_a_model_from_a_row_is_copied_pickled_and_hashed_like_any_other() -> None:
    row = row_of((1, "ONE", ["a"]))

    assert row.model_copy(update={"number": 2}) == Row(number=2, label=Labelled.ONE, names=("a",))
    assert pickle.loads(pickle.dumps(row)) == row  # noqa: S301 (our own)
    assert hash(row) == hash(Row(number=1, label=Labelled.ONE, names=("a",)))
    with pytest.raises(ValueError, match="frozen"):
        row.number = 2  # type: ignore[misc]


def shorter(value: str) -> str:
    return value[:1]


def least(value: int, info: ValidationInfo) -> int:
    return max(value, int(info.data["number"]))


def counted(value: object) -> object:
    return {"count": len(value)} if isinstance(value, list) else value


class Stripped(Model):
    model_config = ConfigDict(str_strip_whitespace=True)
    text: str


class Bounded(Model):
    model_config = ConfigDict(str_max_length=2)
    text: str


class Finite(Model):
    model_config = ConfigDict(allow_inf_nan=False)
    ratio: float


class Ranged(Model):
    model_config = ConfigDict(arbitrary_types_allowed=True)
    days: Range[date]


class Filled(Model):
    number: Annotated[int | None, BeforeValidator(lambda value: 0 if value is None else value)]


class FilledDocument(Model):
    document: Annotated[dict[str, int] | None, BeforeValidator(lambda value: {} if value is None else value)]


class Related(Model):
    number: int
    other: Annotated[int, AfterValidator(least)]


class Initialized(Model):
    number: int

    def __init__(self, **values: Any) -> None:
        super().__init__(**{**values, "number": values["number"] + 1})


class Infinite(Model):
    number: int
    ratio: float = float("inf")


class CheckedDefault(Model):
    number: int
    text: Annotated[str, AfterValidator(shorter)] = Field(default="long", validate_default=True)


class Aliased(Model):
    number: int = Field(alias="theNumber")


class Upgraded(Model):
    document: Annotated[dict[str, int], BeforeValidator(counted)]


class UpgradedByMethod(Model):
    document: dict[str, int]

    _upgraded = field_validator("document", mode="before")(counted)


class Doubled(Model):
    document: list[Annotated[int, AfterValidator(lambda value: value * 2)]]


class Unhashable(Model):
    names: tuple[Annotated[str, {"a": 1}], ...]


@pytest.mark.parametrize(
    ("model", "columns", "values", "dumped"),
    [
        (Stripped, {"text": "text"}, (" a ",), {"text": "a"}),
        (Bounded, {"text": "text"}, ("long",), None),
        (Finite, {"ratio": "float8"}, (float("nan"),), None),
        (Ranged, {"days": "daterange"}, (Range(date(2026, 1, 1)),), {"days": Range(date(2026, 1, 1))}),
        (Filled, {"number": "int4"}, (None,), {"number": 0}),
        (FilledDocument, {"document": "jsonb"}, (None,), {"document": {}}),
        (Related, {"number": "int4", "other": "int4"}, (5, 1), {"number": 5, "other": 5}),
        (Initialized, {"number": "int4"}, (1,), {"number": 2}),
        (Infinite, {"number": "int4"}, (1,), {"number": 1, "ratio": float("inf")}),
        (CheckedDefault, {"number": "int4"}, (1,), {"number": 1, "text": "l"}),
        (Aliased, {"number": "int4"}, (1,), {"number": 1}),
        (Upgraded, {"document": "jsonb"}, ("[7, 8]",), {"document": {"count": 2}}),
        (UpgradedByMethod, {"document": "jsonb"}, ("[7, 8]",), {"document": {"count": 2}}),
        (Doubled, {"document": "jsonb"}, ("[1]",), {"document": [2]}),
        (Unhashable, {"names": "text[]"}, (["a"],), {"names": ("a",)}),
        (Row, {"number": "int4", "label": "text[]", "names": "text[]"}, (1, ["ONE"], []), None),
        (Upgraded, {"document": "json"}, ('{"\\ud800": 1}',), None),
    ],
    ids=lambda value: value.__name__ if isinstance(value, type) else "",
)
def test_rules_of_an_applications_model_hold_with_and_without_validation(
    model: type[Model], columns: dict[str, str], values: tuple[Any, ...], dumped: dict[str, object] | None
) -> None:
    kinds = [oid_of(each) for each in columns.values()]
    checked = validated(model, [*columns], kinds)

    for make in (checked, maker(model, [*columns], kinds, checked)):
        if dumped is None:
            with pytest.raises((RowMismatch, InvalidStoredDocument)):
                make(values)
        else:
            assert make(values).model_dump() == dumped


def test_an_infinite_interval_is_refused() -> None:
    kind = adapters().get_loader(oid_of("interval"), Format.TEXT)
    assert kind is not None

    for text in (b"infinity", b"-infinity"):
        with pytest.raises(DataError, match="infinite"):
            kind.load(kind(oid_of("interval"), None), text)


@pytest.mark.parametrize("is_enabled", [True, False])
def test_a_large_document_is_parsed_without_collections_which_then_are_as_before(is_enabled):
    class Counted(Model):
        numbers: tuple[dict[str, int], ...]

    collected: list[str] = []
    names, kinds = ["numbers"], [postgres.types["jsonb"].oid]
    make = maker(Counted, names, kinds, validated(Counted, names, kinds))
    text = b'[{"n": 1}' + b', {"n": 1}' * 49_999 + b"]"
    before = gc.isenabled()
    gc.callbacks.append(lambda phase, _: collected.append(phase))
    (gc.enable if is_enabled else gc.disable)()
    try:
        made = make([text])
        during, after = list(collected), gc.isenabled()
        with pytest.raises(InvalidStoredDocument):
            make([text[:-1]])
        after_fault = gc.isenabled()
    finally:
        gc.callbacks.pop()
        (gc.enable if before else gc.disable)()

    assert len(made.numbers) == 50_000
    assert after == after_fault == is_enabled
    # Switched on again, the collector may run once.
    assert len(during) <= 2
