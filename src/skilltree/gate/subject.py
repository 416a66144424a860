"""What the gate checks: SkillTree's own query files and repositories, or those of an application."""

import importlib
import inspect
import pkgutil
import re
import sys
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from skilltree._async.repository import AsyncRepository
from skilltree._core.sql_folders import folder
from skilltree._sync.repository import Repository
from skilltree.errors import SkillTreeError
from skilltree.project import FILE, Project

AnyRepository = type[AsyncRepository] | type[Repository]

_PACKAGE = Path(__file__).parents[1]
_TOOLS = folder("queries").parent / "tools"
_WORD_BEGINS = re.compile(r"(?<=[a-z0-9])(?=[A-Z])")


class NothingToCheck(SkillTreeError):
    """A project names no query files or no repositories, or they cannot be imported."""


@dataclass(frozen=True)
class Subject:
    """Query files, the repositories that run them, and the code that creates models."""

    queries: Path
    root: Path
    """The folder that paths in findings are relative to."""
    repositories: tuple[AnyRepository, ...]
    sources: tuple[Path, ...]
    """The Python files that may create models."""
    models: str
    """What the names of the modules with models begin with."""
    application: bool = False
    """Whether these are an application's. Only SkillTree's follow the rules for many servers."""
    migrations: Path | None = None
    """The folder of the application's own migrations."""
    has_tools: bool = False
    """Whether this is a checkout with tools, which also run files."""

    @property
    def place(self) -> Path | None:
        """The folder as ``queries.read`` takes it."""
        return self.queries if self.application else None

    @property
    def description(self) -> Path:
        """The committed description of the query files by a server."""
        return self.queries / "schema.json"

    def shown(self, path: Path) -> str:
        """Return a path as findings show it."""
        return path.relative_to(self.root).as_posix() if path.is_relative_to(self.root) else path.as_posix()


def skilltree() -> Subject:
    """Return SkillTree's own query files and repositories, in a checkout or as installed."""
    queries = folder("queries")
    modules = [f"skilltree._async.{path.stem}" for path in sorted((_PACKAGE / "_async").glob("*.py"))]
    sources = [path for place in (_PACKAGE, _TOOLS) for path in sorted(place.rglob("*.py"))]
    return Subject(
        queries=queries,
        root=queries.parent if _PACKAGE.parent.name == "src" else _PACKAGE,
        repositories=_repositories(modules, AsyncRepository),
        sources=tuple(path for path in sources if path.parent.name != "_sync"),
        models="skilltree.models",
        has_tools=_TOOLS.is_dir(),
    )


def application(project: Project) -> Subject:
    """Return the query files and repositories of an application. Raises NothingToCheck."""
    if project.queries is None or not project.repositories:
        raise NothingToCheck(f"name queries and repositories in [tool.skilltree] of {project.root / FILE}")
    for place in (project.root / "src", project.root):
        if place.is_dir() and str(place) not in sys.path:
            sys.path.insert(0, str(place))
    modules = [each for name in project.repositories for each in _modules(name, project)]
    found = _repositories(modules, AsyncRepository) or _repositories(modules, Repository)
    if not found:
        raise NothingToCheck(
            f"{', '.join(project.repositories)}: there is no subclass of skilltree.AsyncRepository or Repository"
        )
    packages = {Path(inspect.getfile(importlib.import_module(name.partition(".")[0]))).parent for name in modules}
    return Subject(
        queries=project.queries,
        root=project.root,
        repositories=found,
        sources=tuple(path for place in sorted(packages) for path in sorted(place.rglob("*.py"))),
        models=project.models[0] if project.models else project.repositories[0].partition(".")[0],
        application=True,
        migrations=project.migrations,
    )


def aggregate_of(repository: AnyRepository) -> str:
    """Return the folder of a repository's query files: ``course_shop`` for AsyncCourseShop."""
    name = repository.__name__.removeprefix("Async") if issubclass(repository, AsyncRepository) else repository.__name__
    return _WORD_BEGINS.sub("_", name).lower()


def _modules(name: str, project: Project) -> list[str]:
    """Return a module, and if it is a package, all modules in it."""
    try:
        module = importlib.import_module(name)
        inside = pkgutil.walk_packages(getattr(module, "__path__", []), f"{name}.")
        return [name, *(each.name for each in inside if importlib.import_module(each.name))]
    except (ImportError, SyntaxError) as error:
        raise NothingToCheck(f"{project.root / FILE}: repositories: {name} cannot be imported: {error}") from error


def _repositories(modules: Iterable[str], base: AnyRepository) -> tuple[AnyRepository, ...]:
    """Return the repositories, in the order of their modules. A base class belongs to the class that extends it."""
    names = [*modules]
    found = [each for name in names for each in vars(importlib.import_module(name)).values() if inspect.isclass(each)]
    own = [each for each in dict.fromkeys(found) if issubclass(each, base) and each.__module__ in names]
    extended = {each for each in own for other in own if other is not each and issubclass(other, each)}
    return tuple(each for each in own if each is not base and each not in extended)
