"""The base classes of all models."""

from typing import TYPE_CHECKING, Any, Generic, TypeVar

from pydantic import AliasGenerator, BaseModel, ConfigDict, JsonValue
from pydantic.alias_generators import to_camel
from pydantic.config import JsonDict


def describe(schema: JsonDict, model: type[Any]) -> None:
    """Add what each field of SkillTree's models means to a JSON schema, where the model itself does not say it.

    A field that an application adds may mean something else, though it has the same name.
    """
    from skilltree.models.glossary import GLOSSARY  # noqa: PLC0415 (only who makes a schema needs it)

    fields: dict[str, Any] = getattr(model, "model_fields", {})
    names = {alias: name for name, field in fields.items() for alias in (field.alias, field.serialization_alias)}
    ours = [kind for kind in (model, *model.__mro__) if kind.__module__.partition(".")[0] == "skilltree"]
    known = {name for kind in ours for name in getattr(kind, "model_fields", None) or kind.__annotations__}
    properties = schema.get("properties", {})
    for key, described in properties.items() if isinstance(properties, dict) else ():
        name = names.get(key, key)
        if name not in known:
            continue
        # A model has what its base classes say.
        entries = (GLOSSARY.get(entry) for entry in (*(f"{kind.__name__}.{name}" for kind in model.__mro__), name))
        told = next(filter(None, entries), None)
        if isinstance(described, dict) and told is not None:
            described.setdefault("description", told)


class Model(BaseModel):
    """A row. It is frozen and has exactly the columns of its query: an extra or missing column is an error.

    ``model_dump(by_alias=True)`` gives camelCase throughout, as in the documents within; without it, all is snake_case.
    """

    # Only for dumps, so that validation stays as fast: its input has the names of the columns.
    model_config = ConfigDict(
        frozen=True,
        extra="forbid",
        alias_generator=AliasGenerator(serialization_alias=to_camel),
        json_schema_extra=describe,
    )


CHANGES = ConfigDict(extra="forbid", allow_inf_nan=False, json_schema_extra=describe)
"""The Pydantic configuration of the dictionaries that describe a partial update."""


class Document(BaseModel):
    """A JSON document: camelCase in the database, snake_case in Python. An unknown key is an error."""

    model_config = ConfigDict(
        frozen=True,
        extra="forbid",
        alias_generator=to_camel,
        validate_by_name=True,
        validate_by_alias=True,
        allow_inf_nan=False,
        # `model_copy` and `model_construct` validate nothing, so the document may hold any value.
        revalidate_instances="always",
        # An unknown key may still hold NaN. Pydantic would silently write it as null; written as NaN, the server
        # refuses it.
        ser_json_inf_nan="constants",
        json_schema_extra=describe,
    )


class OpenDocument(Document):
    """A JSON document that may also hold keys not listed here, with any JSON value."""

    model_config = ConfigDict(extra="allow")

    # Without this, a type checker takes the attribute for a field.
    if not TYPE_CHECKING:
        __pydantic_extra__: dict[str, JsonValue]


T = TypeVar("T")


class Page(Model, Generic[T]):
    """A page of a list. ``after=page.next_cursor`` requests the next page; it is ``None`` on the last page."""

    items: tuple[T, ...]
    next_cursor: str | None
