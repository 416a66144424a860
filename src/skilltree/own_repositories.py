"""Imports the repositories that an application names in its pyproject.toml. Only tools do this."""

import importlib
import inspect
import pkgutil
import sys
from collections.abc import Iterable

from skilltree._async.repository import AsyncRepository
from skilltree._sync.repository import Repository
from skilltree.project import FILE, InvalidProject, Project

AnyRepository = type[AsyncRepository] | type[Repository]


def repositories_in(modules: Iterable[str], base: AnyRepository) -> tuple[AnyRepository, ...]:
    """Return the repositories, in the order of their modules. A base class belongs to the class that extends it."""
    names = [*modules]
    found = [each for name in names for each in vars(importlib.import_module(name)).values() if inspect.isclass(each)]
    own = [each for each in dict.fromkeys(found) if issubclass(each, base) and each.__module__ in names]
    extended = {each for each in own for other in own if other is not each and issubclass(other, each)}
    return tuple(each for each in own if each is not base and each not in extended)


def repositories_of(project: Project) -> tuple[AnyRepository, ...]:
    """Return the repositories of a project: the async ones, or the sync ones if there are no others.

    Raises InvalidProject for a module that cannot be imported.
    """
    modules = _modules(project)
    return repositories_in(modules, AsyncRepository) or repositories_in(modules, Repository)


def _modules(project: Project) -> list[str]:
    """Import the modules that a project names, and those in its packages, and return their names."""
    for place in (project.root / "src", project.root):
        if place.is_dir() and str(place) not in sys.path:
            sys.path.insert(0, str(place))
    return [each for name in project.repositories for each in _imported(name, project)]


def _imported(name: str, project: Project) -> list[str]:
    """Import a module, and if it is a package, all modules in it, and return their names."""
    try:
        module = importlib.import_module(name)
        inside = pkgutil.walk_packages(getattr(module, "__path__", []), f"{name}.")
        return [name, *(each.name for each in inside if importlib.import_module(each.name))]
    except (ImportError, SyntaxError) as error:
        raise InvalidProject(f"{project.root / FILE}: repositories: {name} cannot be imported: {error}") from error
