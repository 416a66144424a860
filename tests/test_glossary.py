"""Every field of the models has a description in its JSON schema, at no cost for who needs no schema."""

import importlib
import pkgutil
import subprocess
import sys
from collections.abc import Iterator
from typing import Any

from pydantic import BaseModel, Field, TypeAdapter
from typing_extensions import is_typeddict

import skilltree.models
from skilltree.models import Page, Tree
from skilltree.models.base import Model
from skilltree.models.glossary import GLOSSARY


def public() -> Iterator[type[Any]]:
    """Yield all models and dictionaries of changes, and a page."""
    yield Page[Tree]
    for module in pkgutil.iter_modules(skilltree.models.__path__):
        for one in vars(importlib.import_module(f"skilltree.models.{module.name}")).values():
            is_model = isinstance(one, type) and issubclass(one, BaseModel) and one is not BaseModel
            if (is_model or is_typeddict(one)) and one.__module__ == f"skilltree.models.{module.name}":
                yield one


def described(model: type[Any], *, by_alias: bool) -> dict[str, str | None]:
    schema = TypeAdapter(model).json_schema(mode="serialization", by_alias=by_alias)
    while "$ref" in schema:
        schema = {**schema["$defs"][schema["$ref"].rpartition("/")[2]], "$defs": schema["$defs"]}
    return {name: field.get("description") for name, field in schema.get("properties", {}).items()}


def test_every_field_has_a_description_with_both_forms_of_keys() -> None:
    for by_alias in (True, False):
        missing = {
            f"{model.__name__}.{name}"
            for model in public()
            for name, told in described(model, by_alias=by_alias).items()
            if not told
        }

        assert missing == set()


def test_every_entry_describes_a_field() -> None:
    fields = {
        entry
        for model in public()
        for name in described(model, by_alias=False)
        for entry in (name, *(f"{kind.__name__}.{name}" for kind in model.__mro__))
    }

    assert GLOSSARY.keys() - fields == set()
    assert [told for told in GLOSSARY.values() if not told.endswith(".")] == []


def test_a_model_of_an_application_has_only_its_own_descriptions() -> None:
    class Course(Model):
        slug: str = Field(description="The course's own name.")
        price: int
        version: int

    class Offered(Tree):
        status: str

    assert described(Course, by_alias=True) == {"slug": "The course's own name.", "price": None, "version": None}
    assert described(Offered, by_alias=True) == {**described(Tree, by_alias=True), "status": None}
    assert described(Page[Course], by_alias=True) == described(Page[Tree], by_alias=True)


def test_only_a_schema_loads_the_glossary() -> None:
    program = "import sys, skilltree.models; print('skilltree.models.glossary' in sys.modules)"
    loaded = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)

    assert loaded.stdout == "False\n"
