"""Which repository method runs which query file, with what parameters and for which model."""

import ast
import importlib
import inspect
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from types import ModuleType

from skilltree._core.sql_folders import folder
from skilltree.gate.reader import Reader, Use

_PACKAGE = Path(__file__).parents[1]
_TOOLS = folder("queries").parent / "tools"


@dataclass
class Usage:
    """All uses, and what Python code makes by itself."""

    uses: list[Use] = field(default_factory=list)
    repositories: set[str] = field(default_factory=set)
    """The folders of queries that have a repository."""
    has_tools: bool = True
    """Whether the tools, which run files too, are there: in a checkout they are."""
    made: set[str] = field(default_factory=set)
    """The names of the models that Python code makes instances of: their fields can be None from there."""


def read_usage() -> Usage:
    """Return how the repositories and the rest of the package use the query files."""
    usage = Usage(has_tools=_TOOLS.is_dir())
    for path in sorted((_PACKAGE / "_async").glob("*.py")):
        module = importlib.import_module(f"skilltree._async.{path.stem}")
        tree = ast.parse(path.read_text())
        for node in tree.body:
            if isinstance(node, ast.ClassDef) and _is_repository(module, node):
                usage.repositories.add(path.stem)
                _read_class(usage, module, node, f"src/skilltree/_async/{path.name}", path.stem)
    for path in _sources():
        if path.parent.name != "_sync":
            tree = ast.parse(path.read_text())
            usage.uses += _direct_uses(path, tree)
            calls = (node.func for node in ast.walk(tree) if isinstance(node, ast.Call))
            usage.made |= {function.id for function in calls if isinstance(function, ast.Name)} & _models(path, tree)
    return usage


def _sources() -> list[Path]:
    """Return the files of the package, and in a checkout those of its tools."""
    return [path for place in (_PACKAGE, _TOOLS) for path in sorted(place.rglob("*.py"))]


def _models(path: Path, tree: ast.Module) -> set[str]:
    """Return the names by which a file knows models; another library may have classes of the same names."""
    nodes = list(ast.walk(tree))
    imported = {
        alias.asname or alias.name
        for node in nodes
        if isinstance(node, ast.ImportFrom) and (node.module or "").startswith("skilltree.models")
        for alias in node.names
    }
    own = {node.name for node in nodes if isinstance(node, ast.ClassDef)} if path.parent.name == "models" else set()
    return imported | own


def _is_repository(module: ModuleType, node: ast.ClassDef) -> bool:
    base = importlib.import_module("skilltree._async.repository").AsyncRepository
    found = getattr(module, node.name)
    return inspect.isclass(found) and issubclass(found, base) and found is not base


def _read_class(usage: Usage, module: ModuleType, node: ast.ClassDef, file: str, name: str) -> None:
    methods = {each.name: each for each in node.body if isinstance(each, (ast.AsyncFunctionDef, ast.FunctionDef))}
    for method in methods.values():
        if not method.name.startswith("_"):
            reader = Reader(module, getattr(module, node.name), methods, file, f"{name}/{method.name}")
            reader.run(method, {})
            usage.uses += reader.uses


def _direct_uses(path: Path, tree: ast.Module) -> Iterator[Use]:
    """Yield the files that the package loads by name, past the repositories."""
    of_tools = path.is_relative_to(_TOOLS)
    user = path.relative_to(_TOOLS.parent if of_tools else _PACKAGE).with_suffix("").as_posix()
    file = f"{user}.py" if of_tools else f"src/skilltree/{user}.py"
    for node in ast.walk(tree):
        match node:
            case ast.Call(func=ast.Name(id="load" | "read"), args=[ast.Constant(value=str(name))]):
                names = [name]
            case ast.Call(
                func=ast.Name(id="load" | "read"), args=[ast.JoinedStr(values=[ast.Constant(value=str(start)), *_])]
            ):
                # Any file of the folder.
                names = [f"{start}{found.stem}" for found in sorted((folder("queries") / start).glob("*.sql"))]
            case _:
                continue
        for name in names:
            yield Use(name, user, file, node.lineno, {}, group=-1)
