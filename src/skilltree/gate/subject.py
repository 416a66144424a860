"""What the gate checks: SkillTree's own query files and repositories, or those of an application."""

import importlib
import inspect
import re
from dataclasses import dataclass
from pathlib import Path

from skilltree._async.repository import AsyncRepository
from skilltree._core.sql_folders import folder
from skilltree.errors import SkillTreeError
from skilltree.own_repositories import AnyRepository, repositories_in, repositories_of
from skilltree.project import FILE, Project

_PACKAGE = Path(__file__).parents[1]
_TOOLS = folder("queries").parent / "tools"
_WORD_BEGINS = re.compile(r"(?<=[a-z0-9])(?=[A-Z])")


class NothingToCheck(SkillTreeError):
    """A project names no query files or no repositories."""


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
    """Whether these are an application's."""
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
        repositories=repositories_in(modules, AsyncRepository),
        sources=tuple(path for path in sources if path.parent.name != "_sync"),
        models="skilltree.models",
        has_tools=_TOOLS.is_dir(),
    )


def application(project: Project) -> Subject:
    """Return the query files and repositories of an application. Raises NothingToCheck, InvalidProject."""
    if project.queries is None or not project.repositories:
        raise NothingToCheck(f"name queries and repositories in [tool.skilltree] of {project.root / FILE}")
    found = repositories_of(project)
    if not found:
        raise NothingToCheck(
            f"{', '.join(project.repositories)}: there is no subclass of skilltree.AsyncRepository or Repository"
        )
    names = {name.partition(".")[0] for name in project.repositories}
    packages = {Path(inspect.getfile(importlib.import_module(name))).parent for name in names}
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
