"""Reads JSON files, also with a byte order mark or in UTF-16. Ambiguous content is an error."""

import json
from collections import Counter
from typing import NoReturn

from skilltree.errors import InvalidCurriculum

_LONGEST_NUMBER = 400


def read_json(data: str | bytes) -> object:
    """Return the content of a JSON text. Raises InvalidCurriculum, also for a duplicate field and for NaN."""
    text = data.removeprefix("\ufeff") if isinstance(data, str) else decoded(data, json.detect_encoding(data))
    if not text.strip():
        raise InvalidCurriculum("the file cannot be read:", problems=("it is empty",))
    repeated: list[str] = []

    def unique(pairs: list[tuple[str, object]]) -> dict[str, object]:
        counts = Counter(key for key, _ in pairs)
        found = dict(pairs)
        within = next((str(found[name]) for name in ("key", "slug", "name") if isinstance(found.get(name), str)), "")
        repeated.extend(
            f"{within}: the field {key} appears {count} times" if within else f"the field {key} appears {count} times"
            for key, count in counts.items()
            if count > 1
        )
        return found

    try:
        document: object = json.loads(
            text, object_pairs_hook=unique, parse_constant=_refused, parse_int=_integer, parse_float=float
        )
    except json.JSONDecodeError as error:
        fault = "there is more text after its end" if error.msg == "Extra data" else error.msg
        where = f"line {error.lineno}, column {error.colno}"
        raise InvalidCurriculum("the file is not valid JSON:", problems=(f"{where}: {fault}",)) from error
    except RecursionError as error:
        raise InvalidCurriculum("the file cannot be read:", problems=("it is nested too deeply",)) from error
    if repeated:
        raise InvalidCurriculum("each field may appear only once:", problems=tuple(repeated))
    return document


def decoded(data: bytes, encoding: str) -> str:
    """Return the text of a file without its byte order mark. Raises InvalidCurriculum with the faulty line."""
    try:
        return data.decode(encoding).removeprefix("\ufeff")
    except UnicodeDecodeError as error:
        name = encoding.removesuffix("-sig").upper()
        line = data.count(b"\n", 0, error.start) + 1
        problem = f"line {line}: the byte 0x{data[error.start]:02x} is not {name}; save the file as UTF-8"
        raise InvalidCurriculum("the file cannot be read:", problems=(problem,)) from error


def _refused(constant: str) -> NoReturn:
    raise InvalidCurriculum("the file is not valid JSON:", problems=(f"{constant} is not a number in JSON",))


def _integer(text: str) -> int:
    if len(text) > _LONGEST_NUMBER:
        raise InvalidCurriculum("the file cannot be read:", problems=(f"the number {text[:20]}… is too large",))
    return int(text)
