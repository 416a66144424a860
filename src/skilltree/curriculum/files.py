"""Curriculum files as people have them: JSON, YAML, and tables out of a spreadsheet (CSV)."""

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
"""Return the tree that is there under a slug, if any."""


class Format(StrEnum):
    """How a curriculum is written."""

    JSON = "json"
    YAML = "yaml"
    CSV = "csv"


_BY_ENDING = {"yml": Format.YAML, "yaml": Format.YAML, "csv": Format.CSV, "tsv": Format.CSV, "txt": Format.CSV}


def format_of(name: str) -> Format:
    """Return the format that a file's name tells: JSON where it tells none."""
    return _BY_ENDING.get(name.rpartition(".")[2].lower(), Format.JSON)


def read_file(data: bytes, form: Format, *, known: Known = lambda slug: None) -> Curriculum:
    """Return the trees of a file. Raises InvalidCurriculum, which lists every fault.

    What a table has no column for stays as ``known`` says that it is.
    """
    if form is Format.CSV:
        return read_table(data, known)
    return parse_document(_read_yaml(data) if form is Format.YAML else read_json(data))


def write_file(curriculum: Curriculum, form: Format) -> str:
    """Return the text of a file that says the same; a table leaves out what it has no columns for."""
    if form is Format.CSV:
        return write_table(curriculum)
    document = {
        name: value for name, value in (("source", curriculum.source), ("license", curriculum.license)) if value
    } | {"trees": [tree.to_form() for tree in curriculum.trees]}
    if form is Format.JSON:
        return json_text(document) + "\n"
    # By way of JSON: plain types only.
    plain = json.loads(json.dumps(document))
    return str(_yaml().safe_dump(plain, allow_unicode=True, sort_keys=False, width=100))


def template(form: Format) -> str:
    """Return a file to begin with: a small tree that can be imported as it is."""
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
    """Return what YAML holds, read so that text stays text: ``name: no``, ``version: 1.10``, ``key: 2024-01-01``.

    Anchors are refused: a few lines of them can stand for billions.
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
            # What is nested deeper takes time beyond measure to read.
            if depth > _DEEPEST:
                raise _unreadable(token.start_mark, "it is nested too deep")
            if isinstance(token, (yaml.AliasToken, yaml.AnchorToken)):
                raise _unreadable(token.start_mark, "anchors and aliases (& and *) are not read")
        top = yaml.compose(text, Loader=yaml.SafeLoader)
        if top is None:
            raise InvalidCurriculum("the file cannot be read:", problems=("it is empty",))
        return _value(yaml, top, as_text=False)
    except yaml.YAMLError as error:
        mark = getattr(error, "problem_mark", None)
        fault = getattr(error, "problem", None) or getattr(error, "reason", None) or "it cannot be read"
        raise _unreadable(mark, str(fault)) from error
    except RecursionError as error:
        raise InvalidCurriculum("the file cannot be read:", problems=("it is nested too deep",)) from error


def _value(yaml: Any, node: Any, *, as_text: bool) -> object:
    """Return the value of a node. JSON's own words are what they are there; all other words are text."""
    if node.tag not in _TAGS:
        raise _unreadable(node.start_mark, f"the tag {node.tag} is not read")
    if isinstance(node, yaml.MappingNode):
        found: dict[str, object] = {}
        for name, value in node.value:
            if not isinstance(name, yaml.ScalarNode):
                raise _unreadable(name.start_mark, "the name of a field is a text")
            if name.value in found:
                raise _unreadable(name.start_mark, f"the field {name.value} is given twice")
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
        # Pydantic takes yes and no where a field is true or false.
        return node.value


def _unreadable(mark: Any, fault: str) -> InvalidCurriculum:
    where = f"line {mark.line + 1}, column {mark.column + 1}: " if mark is not None else ""
    return InvalidCurriculum("the file is not YAML as it is read here:", problems=(f"{where}{fault}",))
