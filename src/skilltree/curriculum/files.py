"""Curriculum files: JSON, YAML, and tables from a spreadsheet (CSV)."""

import importlib
import importlib.util
import json
from collections.abc import Callable
from enum import StrEnum
from typing import Any

from skilltree._core.terminal_text import json_text
from skilltree.curriculum.json_text import decoded, read_json
from skilltree.curriculum.parse import parse_document
from skilltree.curriculum.tables import read_table, write_table
from skilltree.errors import InvalidCurriculum, YamlMissing
from skilltree.models.curriculum import Curriculum, CurriculumTree

Known = Callable[[str], CurriculumTree | None]
"""A function that returns the stored tree with a slug, or ``None``."""


class Format(StrEnum):
    """The format of a curriculum file."""

    JSON = "json"
    YAML = "yaml"
    CSV = "csv"


_BY_ENDING = {"yml": Format.YAML, "yaml": Format.YAML, "csv": Format.CSV, "tsv": Format.CSV, "txt": Format.CSV}


def format_of(name: str) -> Format:
    """Return the format that a file's name indicates; the default is JSON."""
    return _BY_ENDING.get(name.rpartition(".")[2].lower(), Format.JSON)


def read_file(data: bytes, form: Format, *, known: Known = lambda slug: None) -> Curriculum:
    """Return the trees of a file. Raises InvalidCurriculum, which lists every fault.

    Fields without a column in a table keep the value that ``known`` returns.
    """
    if form is Format.CSV:
        return read_table(data, known)
    return parse_document(_read_yaml(data) if form is Format.YAML else read_json(data))


def write_file(curriculum: Curriculum, form: Format) -> str:
    """Return the text of a file with this curriculum. A table leaves out fields that it has no columns for."""
    if form is Format.CSV:
        return write_table(curriculum)
    document = {
        name: value for name, value in (("source", curriculum.source), ("license", curriculum.license)) if value
    } | {"trees": [tree.to_form() for tree in curriculum.trees]}
    if form is Format.JSON:
        return json_text(document) + "\n"
    # Through JSON, so that YAML gets only plain types.
    plain = json.loads(json.dumps(document))
    return str(_yaml().safe_dump(plain, allow_unicode=True, sort_keys=False, width=100))


def template(form: Format) -> str:
    """Return an example file: a small tree that can be imported as it is."""
    skills: list[dict[str, Any]] = [
        {"key": "flour", "name": "Flour and water", "description": "What flour does when it is wet.",
         "estimated_minutes": 30, "xp_value": 10},
        {"key": "knead", "name": "Kneading", "dependencies": ["flour"], "estimated_minutes": 45, "xp_value": 20},
        {"key": "sourdough", "name": "Sourdough", "dependencies": ["flour"], "optional": True},
        {"key": "loaf", "name": "A first loaf", "dependencies": ["knead", "sourdough"], "milestone": True},
    ]  # fmt: skip
    tree = {"slug": "baking-bread", "name": "Baking bread", "category": "Cooking", "skills": skills}
    return write_file(parse_document({"trees": [tree]}), form)


# --- YAML ------------------------------------------------------------------------------------------------------------

_TEXTS = frozenset(
    {"slug", "name", "category", "description", "tags", "version", "prerequisites", "short_description", "key"}
    | {"dependencies", "objectives", "short_name", "parent", "title", "url", "source", "license"}
)
_TAGS = frozenset(
    f"tag:yaml.org,2002:{name}"
    for name in ("map", "seq", "str", "null", "bool", "int", "float", "timestamp", "value", "merge")
)
_DEEPEST = 100
_TEXT, _NULL = "tag:yaml.org,2002:str", "tag:yaml.org,2002:null"


def _yaml() -> Any:
    if importlib.util.find_spec("yaml") is None:
        raise YamlMissing
    return importlib.import_module("yaml")


def _read_yaml(data: bytes) -> object:
    """Return the content of a YAML file. Text stays text: ``name: no``, ``version: 1.10``, ``key: 2024-01-01``.

    Anchors are refused, because a few lines of them can expand to billions of values.
    """
    yaml = _yaml()
    text = decoded(data, json.detect_encoding(data) if data else "utf-8")
    opening = (yaml.FlowSequenceStartToken, yaml.FlowMappingStartToken, yaml.BlockSequenceStartToken,
               yaml.BlockMappingStartToken)  # fmt: skip
    closing = (yaml.FlowSequenceEndToken, yaml.FlowMappingEndToken, yaml.BlockEndToken)
    depth = 0
    try:
        for token in yaml.scan(text):
            depth += isinstance(token, opening) - isinstance(token, closing)
            # Reading deeper nesting takes too much time.
            if depth > _DEEPEST:
                raise _unreadable(token.start_mark, "it is nested too deeply")
            if isinstance(token, (yaml.AliasToken, yaml.AnchorToken)):
                raise _unreadable(token.start_mark, "anchors and aliases (& and *) are not supported")
        top = yaml.compose(text, Loader=yaml.SafeLoader)
        if top is None:
            raise InvalidCurriculum("the file cannot be read:", problems=("it is empty",))
        return _value(yaml, top, as_text=False)
    except yaml.YAMLError as error:
        mark = getattr(error, "problem_mark", None)
        fault = getattr(error, "problem", None) or getattr(error, "reason", None) or "it cannot be read"
        raise _unreadable(mark, str(fault)) from error
    except RecursionError as error:
        raise InvalidCurriculum("the file cannot be read:", problems=("it is nested too deeply",)) from error


def _value(yaml: Any, node: Any, *, as_text: bool) -> object:
    """Return the value of a node. JSON's literals keep their meaning; any other word is text."""
    if node.tag not in _TAGS:
        raise _unreadable(node.start_mark, f"the tag {node.tag} is not supported")
    if isinstance(node, yaml.MappingNode):
        found: dict[str, object] = {}
        for name, value in node.value:
            if not isinstance(name, yaml.ScalarNode):
                raise _unreadable(name.start_mark, "the name of a field must be text")
            if name.value in found:
                raise _unreadable(name.start_mark, f"the field {name.value} appears twice")
            found[name.value] = _value(yaml, value, as_text=name.value in _TEXTS)
        return found
    if isinstance(node, yaml.SequenceNode):
        return [_value(yaml, each, as_text=as_text) for each in node.value]
    if node.tag == _NULL:
        return None
    if as_text or node.tag == _TEXT or node.style is not None:
        return node.value
    try:
        return json.loads(node.value.lower(), parse_constant=str)
    except ValueError:
        # Pydantic accepts yes and no for a boolean field.
        return node.value


def _unreadable(mark: Any, fault: str) -> InvalidCurriculum:
    where = f"line {mark.line + 1}, column {mark.column + 1}: " if mark is not None else ""
    return InvalidCurriculum("the file is not valid YAML:", problems=(f"{where}{fault}",))
