"""Finds which repository method runs which query file, with which parameters and for which model."""

import ast
import importlib
import inspect
import sys
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

from skilltree._async.repository import AsyncRepository
from skilltree._core.sql_folders import folder
from skilltree.gate.reader import Method, Reader, Use

_PACKAGE = Path(__file__).parents[1]
_TOOLS = folder("queries").parent / "tools"


@dataclass
class Usage:
    """All uses of query files, and the models that Python code creates itself."""

    uses: list[Use] = field(default_factory=list)
    repositories: set[str] = field(default_factory=set)
    """The folders of queries that have a repository."""
    has_tools: bool = True
    """Whether this is a checkout with tools, which also run files."""
    made: set[str] = field(default_factory=set)
    """The names of the models that Python code creates. Their fields can be None there."""


def read_usage() -> Usage:
    """Return how the repositories and the rest of the package use the query files."""
    usage = Usage(has_tools=_TOOLS.is_dir())
    for repository in _repositories():
        folder_of_queries = repository.__module__.rpartition(".")[2]
        usage.repositories.add(folder_of_queries)
        methods = _methods_of(repository)
        for name, method in methods.items():
            if not name.startswith("_"):
                reader = Reader(repository, methods, f"{folder_of_queries}/{name}")
                reader.run(method, {})
                usage.uses += reader.uses
    for path in _sources():
        if path.parent.name != "_sync":
            tree = ast.parse(path.read_text())
            usage.uses += _direct_uses(path, tree)
            calls = (node.func for node in ast.walk(tree) if isinstance(node, ast.Call))
            usage.made |= {function.id for function in calls if isinstance(function, ast.Name)} & _models(path, tree)
    return usage


def _sources() -> list[Path]:
    """Return the files of the package, and in a checkout those of the tools."""
    return [path for place in (_PACKAGE, _TOOLS) for path in sorted(place.rglob("*.py"))]


def _models(path: Path, tree: ast.Module) -> set[str]:
    """Return the names that a file imports from our models; other libraries may have classes of the same names."""
    nodes = list(ast.walk(tree))
    imported = {
        alias.asname or alias.name
        for node in nodes
        if isinstance(node, ast.ImportFrom) and (node.module or "").startswith("skilltree.models")
        for alias in node.names
    }
    own = {node.name for node in nodes if isinstance(node, ast.ClassDef)} if path.parent.name == "models" else set()
    return imported | own


def _repositories() -> list[type[AsyncRepository]]:
    """Return the repositories, in the order of their modules. A base class belongs to the class that extends it."""
    modules = [f"skilltree._async.{path.stem}" for path in sorted((_PACKAGE / "_async").glob("*.py"))]
    found = [each for name in modules for each in vars(importlib.import_module(name)).values() if inspect.isclass(each)]
    ours = [each for each in dict.fromkeys(found) if issubclass(each, AsyncRepository) and each.__module__ in modules]
    return [each for each in ours if not any(issubclass(other, each) for other in ours if other is not each)]


def _methods_of(repository: type[AsyncRepository]) -> dict[str, Method]:
    """Return the methods of a repository, including inherited ones."""
    methods: dict[str, Method] = {}
    for cls in reversed(repository.__mro__):
        if issubclass(cls, AsyncRepository) and cls is not AsyncRepository:
            module = sys.modules[cls.__module__]
            path = _PACKAGE / "_async" / f"{module.__name__.rpartition('.')[2]}.py"
            methods |= {
                each.name: Method(each, module, f"src/skilltree/_async/{path.name}")
                for node in ast.parse(path.read_text()).body
                if isinstance(node, ast.ClassDef) and node.name == cls.__name__
                for each in node.body
                if isinstance(each, (ast.AsyncFunctionDef, ast.FunctionDef))
            }
    return methods


def _direct_uses(path: Path, tree: ast.Module) -> Iterator[Use]:
    """Yield the files that the package loads by name, without a repository."""
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
                # This may be any file of the folder.
                names = [f"{start}{found.stem}" for found in sorted((folder("queries") / start).glob("*.sql"))]
            case _:
                continue
        for name in names:
            yield Use(name, user, file, node.lineno, {}, group=-1)
