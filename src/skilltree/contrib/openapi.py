"""Completes an OpenAPI document: errors are problem documents, and keys are those of the answers."""

from collections.abc import Iterator
from typing import Any

from pydantic import BaseModel

from skilltree.contrib.problems import MEDIA_TYPE, Problem
from skilltree.models.base import Document, Model

_REFERENCE = "#/components/schemas/{model}"
_ERROR = {
    "description": "Why the request was not done: a problem document (RFC 9457).",
    "content": {MEDIA_TYPE: {"schema": {"$ref": _REFERENCE.format(model="Problem")}}},
}
# What FastAPI would answer to an invalid request.
_REPLACED = ("HTTPValidationError", "ValidationError")


def completed(document: dict[str, Any], *, camel_case: bool) -> dict[str, Any]:
    """Complete an OpenAPI document that has camelCase keys, and return it. A second time changes nothing."""
    schemas: dict[str, Any] = document.setdefault("components", {}).setdefault("schemas", {})
    problem = Problem.model_json_schema(ref_template=_REFERENCE)
    schemas |= {**problem.pop("$defs"), "Problem": problem}
    for path in document["paths"].values():
        for operation in path.values():
            responses = operation["responses"]
            if _REPLACED[0] in str(responses.get("422")):
                del responses["422"]
            responses.setdefault("default", _ERROR)
    for name in _REPLACED:
        schemas.pop(name, None)
    if not camel_case:
        _rename(schemas)
    return document


def _rename(schemas: dict[str, Any]) -> None:
    """Give the keys of SkillTree's models, and of models made from them, the names of their fields."""
    names = {model.__name__: _names_of(model) for model in _models(Model, Document)}
    for schema in schemas.values():
        properties, known = schema.get("properties", {}), names.get(schema.get("title", ""), {})
        # An application may have a model of the same name for something else.
        if properties and properties.keys() <= known.keys():
            schema["properties"] = {known[key]: value for key, value in properties.items()}
            if "required" in schema:
                schema["required"] = [known[key] for key in schema["required"]]


def _names_of(model: type[BaseModel]) -> dict[str, str]:
    return {field.serialization_alias or name: name for name, field in model.model_fields.items()}


def _models(*bases: type[BaseModel]) -> Iterator[type[BaseModel]]:
    for base in bases:
        yield base
        yield from _models(*base.__subclasses__())
