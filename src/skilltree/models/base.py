"""What all models share."""

from typing import TYPE_CHECKING, Generic, TypeVar

from pydantic import BaseModel, ConfigDict, JsonValue
from pydantic.alias_generators import to_camel


class Model(BaseModel):
    """A row. Frozen, and exactly the columns of its query: one more or one less is an error."""

    model_config = ConfigDict(frozen=True, extra="forbid")


CHANGES = ConfigDict(extra="forbid", allow_inf_nan=False)
"""How partial updates are checked."""


class Document(BaseModel):
    """A JSON document: camelCase in the database, snake_case in Python; an unknown key is an error."""

    model_config = ConfigDict(
        frozen=True,
        extra="forbid",
        alias_generator=to_camel,
        validate_by_name=True,
        validate_by_alias=True,
        allow_inf_nan=False,
        # One made by model_copy or model_construct may hold anything.
        revalidate_instances="always",
        # What the model does not know may hold NaN all the same. As null it would pass; as NaN the server refuses it.
        ser_json_inf_nan="constants",
    )


class OpenDocument(Document):
    """A JSON document that may hold more than is known here: whatever JSON can say."""

    model_config = ConfigDict(extra="allow")

    # A checker would take it for an argument.
    if not TYPE_CHECKING:
        __pydantic_extra__: dict[str, JsonValue]


T = TypeVar("T")


class Page(Model, Generic[T]):
    """A part of a list. Ask for the next with ``after=page.next_cursor``; it is ``None`` on the last page."""

    items: tuple[T, ...]
    next_cursor: str | None
