"""Finds which repository method runs which query file, with which parameters and for which model."""

import ast
import inspect
import sys
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

from skilltree._async.repository import AsyncRepository
from skilltree._core.sql_folders import folder
from skilltree._sync.repository import Repository
from skilltree.gate.reader import Method, Reader, Use
from skilltree.gate.subject import Subject, aggregate_of
from skilltree.own_repositories import AnyRepository


@dataclass
class Usage:
    """All uses of query files, and the models that Python code creates itself."""

    uses: list[Use] = field(default_factory=list)
    repositories: set[str] = field(default_factory=set)
    """The folders of queries that have a repository."""
    is_complete: bool = True
    """Whether all code that may run a file is known. An installed wheel lacks the tools of a checkout."""
    made: set[str] = field(default_factory=set)
    """The names of the models that Python code creates. Their fields can be None there."""


def read_usage(subject: Subject) -> Usage:
    """Return how the repositories and the rest of the code use the query files."""
    usage = Usage(is_complete=subject.has_tools or subject.application)
    for repository in subject.repositories:
        aggregate = aggregate_of(repository)
        usage.repositories.add(aggregate)
        methods = _methods_of(repository, subject)
        for name, method in methods.items():
            if not name.startswith("_"):
                reader = Reader(repository, methods, f"{aggregate}/{name}")
                reader.run(method, {})
                usage.uses += reader.uses
        for query in (*repository.exports, *repository.erases):
            file = subject.shown(Path(inspect.getfile(repository)))
            usage.uses.append(Use(query, query, file, inspect.getsourcelines(repository)[1], {}, group=-1))
    for path in subject.sources:
        nodes = [*ast.walk(ast.parse(path.read_text()))]
        if not subject.application:
            usage.uses += _direct_uses(path, nodes, subject)
        calls = (node.func for node in nodes if isinstance(node, ast.Call))
        usage.made |= {function.id for function in calls if isinstance(function, ast.Name)} & _models(
            path, nodes, subject
        )
    return usage


def _models(path: Path, nodes: list[ast.AST], subject: Subject) -> set[str]:
    """Return the names that a file imports from our models; other libraries may have classes of the same names."""
    imported = {
        alias.asname or alias.name
        for node in nodes
        if isinstance(node, ast.ImportFrom) and (node.module or "").startswith(subject.models)
        for alias in node.names
    }
    holds_models = path.parent.name == "models" or path.stem == "models"
    own = {node.name for node in nodes if isinstance(node, ast.ClassDef)} if holds_models else set()
    return imported | own


def _methods_of(repository: AnyRepository, subject: Subject) -> dict[str, Method]:
    """Return the methods of a repository, including inherited ones."""
    methods: dict[str, Method] = {}
    for cls in reversed(repository.__mro__):
        if issubclass(cls, (AsyncRepository, Repository)) and cls not in {AsyncRepository, Repository}:
            path = Path(inspect.getfile(cls))
            methods |= {
                each.name: Method(each, sys.modules[cls.__module__], subject.shown(path))
                for node in ast.parse(path.read_text()).body
                if isinstance(node, ast.ClassDef) and node.name == cls.__name__
                for each in node.body
                if isinstance(each, (ast.AsyncFunctionDef, ast.FunctionDef))
            }
    return methods


def _direct_uses(path: Path, nodes: list[ast.AST], subject: Subject) -> Iterator[Use]:
    """Yield the files that the package loads by name, without a repository."""
    file = subject.shown(path)
    user = file.removeprefix("src/skilltree/").removesuffix(".py")
    for node in nodes:
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
