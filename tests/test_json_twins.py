"""Each read method has a JSON twin, and the generator refuses a value whose JSON it does not know."""

import inspect
from decimal import Decimal

import pytest
from pglast import parse_sql

from skilltree import AsyncDatabase, Database
from skilltree._core.json_text import JsonRow, Unwritable, json_bytes
from skilltree.models.base import Model
from tools.json_twins.queries import Rows
from tools.json_twins.read_methods import LEFT_OUT, MODELS, read_methods
from tools.json_twins.values import NoRule, value


class Inner(Model):
    name: str
    price: Decimal


def twins(json: object) -> dict[str, object]:
    return {
        f"{repository}.{name}": method
        for repository, attribute in vars(type(json)).items()
        if isinstance(attribute, property)
        for name, method in inspect.getmembers(getattr(json, repository), inspect.ismethod)
        if not name.startswith("_")
    }


def test_each_read_method_has_a_json_twin_with_its_parameters() -> None:
    reads = {f"{read.repository}.{read.name}": read for read in read_methods()}

    for database in (AsyncDatabase("host=nowhere"), Database("host=nowhere")):
        found = twins(database.json)
        assert found.keys() == reads.keys()
        for name, method in found.items():
            own = inspect.signature(method)  # type: ignore[arg-type]
            known = inspect.signature(getattr(getattr(database, name.split(".")[0]), name.split(".")[1]))
            assert list(own.parameters.values()) == list(known.parameters.values()), name
            assert own.return_annotation is bytes
    for name in ("trees.load", "trees.list", "skills.get", "users.get", "progress.dashboard", "leaderboards.top"):
        assert name in reads
    assert reads.keys() >= MODELS.keys()
    assert reads.keys().isdisjoint(LEFT_OUT)


@pytest.mark.parametrize("annotation", [Decimal, dict[str, int], int | str, tuple[float, ...], tuple[int, str], object])
def test_a_type_without_a_rule_is_refused(annotation: object) -> None:
    with pytest.raises(NoRule):
        value(annotation, "x")


@pytest.mark.parametrize(
    "expression",
    ["json_agg(inner_row)", "json_build_object('name', 1)", "row_to_json(inner_row)", "to_json(inner_row.name)"],
)
def test_json_whose_fields_are_not_known_is_refused(expression: str) -> None:
    statement = parse_sql(f"select {expression} as rows from inner_row")[0].stmt

    with pytest.raises(NoRule):
        Rows(statement).of(statement.targetList[0].val, tuple[Inner, ...], ())


def test_a_value_that_no_model_can_hold_is_not_written() -> None:
    with pytest.raises(Unwritable):
        json_bytes(JsonRow('{"at":\x02!infinity\x03}', {}))
    with pytest.raises(Unwritable):
        json_bytes(JsonRow('{"hours":\x02fNaN\x03}', {}))
