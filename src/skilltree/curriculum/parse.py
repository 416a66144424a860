"""Turns a curriculum document into models. Every fault is reported, with its tree, skill and field."""

from collections import Counter
from collections.abc import Mapping, Sequence

from pydantic import BaseModel, ValidationError

from skilltree._core.documents import plain
from skilltree._core.messages import path_shown, shown
from skilltree.curriculum.json_text import read_json
from skilltree.errors import InvalidCurriculum
from skilltree.models.curriculum import Curriculum, CurriculumTree

_FORMS = {
    "slug": "a slug consists of lower-case letters and digits, with single hyphens between them",
    "url": "a link has no spaces, and begins with http, https, ftp or mailto, or is relative",
}


def parse_tree(given: CurriculumTree | Mapping[str, object]) -> CurriculumTree:
    """Return a tree as a CurriculumTree. Raises InvalidCurriculum, which lists every fault."""
    try:
        document = plain(given)
        return CurriculumTree.model_validate(document)
    except ValidationError as error:
        raise _invalid(error, {"trees": [document]}, ("trees", 0)) from error
    except ValueError as error:
        raise InvalidCurriculum(f"the curriculum cannot be read: {error}") from error


def parse_file(text: str | bytes) -> Curriculum:
    """Return the trees of a JSON curriculum file. Raises InvalidCurriculum, which lists every fault."""
    return parse_document(read_json(text))


def parse_document(document: object) -> Curriculum:
    """Return the trees of a parsed file. Raises InvalidCurriculum, which lists every fault."""
    if not isinstance(document, Mapping):
        problem = f"it is {_kind(document)}"
        raise InvalidCurriculum('a curriculum file must be an object, {"trees": [...]}:', problems=(problem,))
    try:
        curriculum = Curriculum.model_validate(plain(document))
    except ValidationError as error:
        raise _invalid(error, document) from error
    except ValueError as error:
        raise InvalidCurriculum(f"the curriculum cannot be read: {error}") from error
    twice = [slug for slug, count in Counter(tree.slug for tree in curriculum.trees).items() if count > 1]
    if twice:
        raise InvalidCurriculum(
            "a file may contain each tree only once:",
            problems=tuple(
                f"tree {slug}: {_places([tree.slug for tree in curriculum.trees], slug)} of the file have this slug"
                for slug in twice
            ),
        )
    return curriculum


def _places(slugs: Sequence[str], wanted: str) -> str:
    *first, last = (str(place) for place, slug in enumerate(slugs, start=1) if slug == wanted)
    return f"trees {', '.join(first)} and {last}"


def _kind(value: object) -> str:
    kinds = {list: "a list", str: "text", bool: "true or false", int: "a number", float: "a number"}
    return "null" if value is None else kinds.get(type(value), type(value).__name__)


def _invalid(error: ValidationError, document: object, root: tuple[str | int, ...] = ()) -> InvalidCurriculum:
    faults = error.errors(include_url=False, include_context=False)
    return InvalidCurriculum(
        "the curriculum does not have the required form:",
        problems=tuple(_fault(document, root + fault["loc"], fault["msg"], fault["type"]) for fault in faults),
    )


def _fault(document: object, place: tuple[str | int, ...], message: str, kind: str) -> str:
    """Return a fault with the slug of its tree, the key of its skill, the field, and the value."""
    path, names = list(place), []
    for collection, noun, name in (("trees", "tree", "slug"), ("skills", "skill", "key")):
        if path[:1] == [collection] and len(path) > 1:
            document = _part(_part(document, path[0]), path[1])
            names.append(f"{noun} {_name(document, name, path[1])}")
            del path[:2]
    value = document
    for step in path:
        value = _part(value, step)
    given = (
        "" if kind in {"missing", "extra_forbidden"} or value is None or value is document else f", not {shown(value)}"
    )
    where = ": ".join([*(path_shown(name) for name in names), *([path_shown(*path)] if path else [])])
    if kind == "string_pattern_mismatch":
        message = _FORMS.get(str(path[-1]) if path else "", message)
    return f"{where}: {path_shown(message)}{given}" if where else f"{path_shown(message)}{given}"


def _name(part: object, name: str, place: str | int) -> str:
    called = _part(part, name)
    return called if isinstance(called, str) and called else f"number {int(place) + 1}"


def _part(document: object, step: str | int) -> object:
    """Return a part of a document, or ``None`` if it is missing, because a fault may be about a missing part."""
    if isinstance(document, BaseModel):
        return getattr(document, str(step), None)
    if isinstance(document, Mapping):
        return document.get(step)
    if isinstance(document, (list, tuple)) and isinstance(step, int) and step < len(document):
        part: object = document[step]
        return part
    return None
