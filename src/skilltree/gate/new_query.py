"""Drafts the model, the repository method and a test for a query file, from what the server says about it."""

import inspect
import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from pglast import ast

from skilltree._async.repository import AsyncRepository
from skilltree.errors import NotFound, SkillTreeError
from skilltree.gate.describe import describe, fresh_database
from skilltree.gate.facts import Fact, Null
from skilltree.gate.files import QueryFile, read_queries
from skilltree.gate.nullability import Prover
from skilltree.gate.parameters import OWNER
from skilltree.gate.schema import Schema
from skilltree.gate.subject import Subject, skilltree
from skilltree.gate.types import unread_array
from skilltree.models import enums
from skilltree.unasync import formatted

_TYPES = {
    "bigint": ("int", ""),
    "boolean": ("bool", ""),
    "bytea": ("bytes", ""),
    "date": ("date", "from datetime import date"),
    "double precision": ("float", ""),
    "integer": ("int", ""),
    "interval": ("timedelta", "from datetime import timedelta"),
    "json": ("JsonValue", "from pydantic import JsonValue"),
    "jsonb": ("JsonValue", "from pydantic import JsonValue"),
    "numeric": ("Decimal", "from decimal import Decimal"),
    "real": ("float", ""),
    "smallint": ("int", ""),
    "text": ("str", ""),
    "timestamp with time zone": ("datetime", "from datetime import datetime"),
    "uuid": ("UUID", "from uuid import UUID"),
}
_IDS = {"user_id": "UserId", "skill_id": "SkillId", "tree_id": "TreeId", "skill_tree_id": "TreeId"}
_EXAMPLES = {
    "int": "1", "bool": "True", "bytes": 'b""', "date": "date(2030, 1, 1)", "float": "1.0", "str": '"text"',
    "timedelta": "timedelta(hours=1)", "JsonValue": "{}", "Decimal": 'Decimal("1")', "UUID": "UUID(int=0)",
    "datetime": "datetime(2030, 1, 1, tzinfo=UTC)",
}  # fmt: skip


_ROWS = "Iterable[Sequence[object]]"
_OF_NOTHING = {"all": " == []", "find": " is None", "execute": " == 0"}
"""What the methods return in an empty database."""


class UnfitQuery(SkillTreeError):
    """The server refuses the query file, or a type of it has no counterpart in Python."""


class FileExists(SkillTreeError):
    """A file is in the way. Nothing was written."""


@dataclass(frozen=True)
class Draft:
    """The text of a module with the model and the repository, and of a test."""

    module: Path
    text: str
    test: Path
    test_text: str

    def shown(self) -> str:
        """Return both texts for a terminal."""
        return f"# --- {self.module.name}\n{self.text}\n\n# --- {self.test.name}\n{self.test_text}"

    def write(self, root: Path) -> list[Path]:
        """Write both files, and return their paths. Raises FileExists if there is one already."""
        for path in (self.module, self.test):
            if path.exists():
                raise FileExists(
                    f"{path.relative_to(root) if path.is_relative_to(root) else path} exists. Nothing was written:"
                    " without --write, the text is printed, so that you can add it yourself"
                )
        self.test.parent.mkdir(exist_ok=True)
        # In this order, because ruff sorts the test's imports by whether the module exists.
        for path, text in ((self.module, self.text), (self.test, self.test_text)):
            path.write_text(formatted(text, path, root))
        return [self.module, self.test]


def draft(subject: Subject, name: str) -> Draft:
    """Return the draft for a query file of an application. Raises NotFound, UnfitQuery."""
    files = read_queries(subject)
    file = files.get(name)
    if file is None or "/" not in name:
        places = ", ".join(each for each in files if "/" in each) or "none"
        raise NotFound(f"{subject.shown(subject.queries)}/{name}.sql does not exist; there are: {places}")
    with fresh_database(subject.migrations) as connection:
        known, findings = describe(connection, {name: file}, {**read_queries(skilltree()), **files})
    if findings:
        raise UnfitQuery(str(findings[0]))
    method = name.partition("/")[2]
    if hasattr(AsyncRepository, method):
        raise UnfitQuery(
            f"{file.path}: each repository has a method {method} of its own, which runs queries: give"
            " the file another name"
        )
    return _drafted(subject, file, known)


def _drafted(subject: Subject, file: QueryFile, known: Schema) -> Draft:
    aggregate, _, method = file.name.partition("/")
    described = known.queries[file.name]
    imports: set[str] = set()
    arguments = {
        parameter: _python(kind, parameter, known, imports, file) for parameter, kind in described.parameters.items()
    }
    if isinstance(file.statement, ast.CopyStmt):
        imports.add("from collections.abc import Iterable, Sequence")
        arguments["rows"] = _ROWS
    facts = [Fact(Null.NEVER, is_owner=parameter == OWNER) for parameter in described.parameters]
    proved = Prover(known, facts).prove(file.statement)
    fields = []
    columns = [fact for _, fact in proved.columns] or [Fact(Null.UNKNOWN)] * len(described.columns)
    for column, fact in zip(described.columns, columns, strict=True):
        label, _, kind = column.partition(" ")
        suffix = "" if fact.null is Null.NEVER else " | None"
        if unread := unread_array(kind, known.enums):
            raise UnfitQuery(f"{file.path}: {label} {unread}")
        python = _python(kind, label, known, imports, file)
        if fact.element is not None and fact.element.null is Null.POSSIBLE:
            python = python.replace(", ...]", " | None, ...]")
        fields.append(f"    {label}: {python}{suffix}")
    base = "AsyncRepository" if _is_async(subject) else "Repository"
    repository = f"{'Async' if _is_async(subject) else ''}{_camel(aggregate)}"
    model = f"{_camel(method)}Row"
    runs, result = _runs(file, model, is_one=proved.is_one, has_rows=bool(fields))
    keyword, wait = ("async def", "await ") if _is_async(subject) else ("def", "")
    signature = "".join(f", {parameter}: {kind}" for parameter, kind in arguments.items())
    passed = "".join(_passed(parameter, kind) for parameter, kind in arguments.items())
    about = _about(file)
    model_text = f'class {model}(Model):\n    """A row of {file.name}."""\n\n' + "\n".join(fields) + "\n\n\n"
    imports |= {"from pathlib import Path", f"from skilltree import {base}"}
    if fields:
        imports.add("from skilltree.models.base import Model")
    place = _package(subject)
    up = len(place.relative_to(subject.root).parts) if place.is_relative_to(subject.root) else 0
    to_queries = f'Path(__file__).parents[{up}] / "{subject.shown(subject.queries)}"'
    text = (
        f'"""The queries of {aggregate}."""\n\n'
        + _ordered(imports)
        + f"\n\n_QUERIES = {to_queries}\n\n\n"
        + (model_text if fields else "")
        + f'class {repository}({base}, queries=_QUERIES):\n    """The queries of {aggregate}."""\n\n'
        + f'    {keyword} {method}(self{signature}) -> {result}:\n        """{about}"""\n'
        + f"        return {wait}self.{runs}{passed})\n"
    )
    test = _test(subject, file, arguments, repository, runs)
    return Draft(place / f"{aggregate}.py", text, subject.root / "tests" / f"test_{aggregate}_{method}.py", test)


def _test(subject: Subject, file: QueryFile, arguments: dict[str, str], repository: str, runs: str) -> str:
    aggregate, _, method = file.name.partition("/")
    place = _package(subject)
    is_async = _is_async(subject)
    imports = {"import pytest", f"from {_module(subject, place)}.{aggregate} import {repository}"}
    given = [f"{parameter}={_example(kind, imports)}" for parameter, kind in arguments.items()]
    mark, keyword, wait = ("@pytest.mark.asyncio\n", "async def", "await ") if is_async else ("", "def", "")
    database, fixture = ("AsyncDatabase", "skilltree_async_db") if is_async else ("Database", "skilltree_db")
    imports.add(f"from skilltree import {database}")
    call = f"{wait}{repository}({fixture}.as_service()).{method}({', '.join(given)})"
    if not isinstance(file.statement, (ast.InsertStmt, ast.MergeStmt, ast.CopyStmt)):
        if not mark:
            imports.discard("import pytest")
        wanted = next((wanted for start, wanted in _OF_NOTHING.items() if runs.startswith(start)), "")
        body = f"    assert {call}{wanted}\n"
    else:
        imports.add("from skilltree import SkillTreeError")
        body = (
            "    # Nobody has these ids. Replace them by those of rows that the test makes.\n"
            f"    with pytest.raises(SkillTreeError):\n        {call}\n"
        )
    return (
        f'"""{file.name} on a migrated database of its own."""\n\n{_ordered(imports)}\n\n\n{mark}{keyword}'
        f" test_{method}({fixture}: {database}) -> None:\n{body}"
    )


def _passed(parameter: str, kind: str) -> str:
    """Return how the method passes a parameter on. psycopg sends only a list as an array."""
    if kind == _ROWS:
        return f", {parameter}"
    return f", {parameter}={f'[*{parameter}]' if kind.startswith('Sequence[') else parameter}"


def _example(kind: str, imports: set[str]) -> str:
    """Return a value of a Python type, and add what it needs to the imports."""
    if kind == _ROWS:
        return "[]"
    if kind.startswith("Sequence["):
        return f"[{_example(kind.removeprefix('Sequence[').removesuffix(']'), imports)}]"
    if kind.startswith("Literal["):
        return kind.removeprefix("Literal[").partition(",")[0].removesuffix("]")
    if kind in _IDS.values():
        imports |= {f"from skilltree.models.ids import {kind}", "from uuid import UUID"}
        return f"{kind}(UUID(int=0))"
    if hasattr(enums, kind):
        imports.add(f"from skilltree.models.enums import {kind}")
        return str(next(f"{kind}.{each.name}" for each in getattr(enums, kind)))
    imports |= {line for name, line in _TYPES.values() if name == kind and line}
    if kind == "datetime":
        imports.add("from datetime import UTC")
    return _EXAMPLES[kind]


def _runs(file: QueryFile, model: str, *, is_one: bool, has_rows: bool) -> tuple[str, str]:
    """Return the beginning of the call of the base class, and the type of its result."""
    if isinstance(file.statement, ast.CopyStmt):
        return f'copy("{file.name}"', "int"
    if not has_rows:
        return f'execute("{file.name}"', "int"
    if is_one:
        return f'one({model}, "{file.name}"', model
    if re.search(r"\blimit 1\s*;?\s*$", file.text) or _writes(file):
        return f'find({model}, "{file.name}"', f"{model} | None"
    return f'all({model}, "{file.name}"', f"list[{model}]"


def _writes(file: QueryFile) -> bool:
    return isinstance(file.statement, (ast.InsertStmt, ast.UpdateStmt, ast.DeleteStmt, ast.MergeStmt))


def _python(kind: str, name: str, known: Schema, imports: set[str], file: QueryFile) -> str:
    """Return the Python type for a type of the server, and add what it needs to the imports."""
    if kind.endswith("[]"):
        inner = _python(kind.removesuffix("[]"), name.removesuffix("s"), known, imports, file)
        if name in known.queries[file.name].parameters:
            imports.add("from collections.abc import Sequence")
            return f"Sequence[{inner}]"
        return f"tuple[{inner}, ...]"
    if kind == "uuid" and name in _IDS:
        imports.add(f"from skilltree.models.ids import {_IDS[name]}")
        return _IDS[name]
    if kind in _TYPES:
        python, line = _TYPES[kind]
        imports |= {line} if line else set()
        return python
    if kind in known.enums:
        if hasattr(enums, _camel(kind)):
            imports.add(f"from skilltree.models.enums import {_camel(kind)}")
            return _camel(kind)
        imports.add("from typing import Literal")
        return f"Literal[{', '.join(repr(label).replace(chr(39), chr(34)) for label in known.enums[kind])}]"
    raise UnfitQuery(f"{file.path}: {name} is of the type {kind}, which has no counterpart here: cast it to text")


def _ordered(imports: set[str]) -> str:
    """Return import lines in ruff's order: one line for each module, the standard library first."""
    names: dict[str, set[str]] = {}
    for line in imports:
        module, _, what = line.removeprefix("from ").removeprefix("import ").partition(" import ")
        names.setdefault(module, set()).update({what} if what else set())
    lines = {
        module: f"from {module} import {', '.join(sorted(what, key=lambda each: (not each.isupper(), each)))}"
        if what
        else f"import {module}"
        for module, what in names.items()
    }
    standard = {"collections.abc", "datetime", "decimal", "pathlib", "typing", "uuid"}
    parties = {"pydantic", "pytest", "skilltree"}
    groups: Sequence[list[str]] = ([], [], [])
    for module in sorted(lines):
        place = 0 if module in standard else 1 if module.partition(".")[0] in parties else 2
        groups[place].append(lines[module])
    return "\n\n".join(
        "\n".join(sorted(group, key=lambda line: (line.startswith("from"), line))) for group in groups if group
    )


def _camel(name: str) -> str:
    return "".join(part.capitalize() for part in name.split("_"))


def _about(file: QueryFile) -> str:
    """Return the first sentence of the header."""
    words = " ".join(
        line[2:].strip() for line in file.query.header.splitlines() if not line.startswith(("-- @", "--     "))
    )
    first = re.match(r".*?\.(?= |$)", words.strip())
    return (first[0] if first else words.strip() or f"Run {file.name}.")[:90]


def _is_async(subject: Subject) -> bool:
    return not subject.repositories or issubclass(subject.repositories[0], AsyncRepository)


def _package(subject: Subject) -> Path:
    """Return the folder of the modules with repositories."""
    return Path(inspect.getfile(subject.repositories[0])).parent


def _module(subject: Subject, place: Path) -> str:
    parts = place.relative_to(subject.root).parts if place.is_relative_to(subject.root) else (place.name,)
    return ".".join(parts[1:] if parts[:1] == ("src",) else parts)
