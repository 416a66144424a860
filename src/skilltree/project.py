"""An application's own migrations, queries, repositories and models: ``[tool.skilltree]`` in its pyproject.toml.

Only tools read it. In production, code is given its folders by the classes that use them.
"""

import tomllib
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from skilltree._core.messages import shown
from skilltree.errors import SkillTreeError

FILE = "pyproject.toml"


class InvalidProject(SkillTreeError):
    """``[tool.skilltree]`` in pyproject.toml cannot be used."""


@dataclass(frozen=True)
class Project:
    """The folders and modules of an application. ``None`` or nothing: the application has none of its own."""

    root: Path
    """The folder of pyproject.toml."""
    migrations: Path | None = None
    queries: Path | None = None
    repositories: tuple[str, ...] = ()
    """The modules with the async repositories."""
    models: tuple[str, ...] = ()
    """The modules with the models."""
    lint: Mapping[tuple[str, str], str] = field(default_factory=dict)
    """Rule and object -> the reason why the rule does not hold for it."""
    examples: Mapping[str, str] = field(default_factory=dict)
    """Table and column -> a value for example rows. ``{number}`` differs in each row."""
    unasync: tuple[tuple[Path, Path], ...] = ()
    """The folders of async code, and the folders for the sync code that is generated from it."""

    def shown(self, path: Path) -> str:
        """Return a path as messages show it: relative to the project."""
        return path.relative_to(self.root).as_posix() if path.is_relative_to(self.root) else str(path)


_FOLDERS = ("migrations", "queries")
_MODULES = ("repositories", "models")
_LINT, _EXAMPLES, _UNASYNC = "lint", "examples", "unasync"


def find(start: Path | None = None) -> Project | None:
    """Return the project of a folder: that of the nearest pyproject.toml above it that has ``[tool.skilltree]``.

    The default is the current folder. Raises InvalidProject for a file or a table that cannot be used.
    """
    place = (start or Path.cwd()).absolute()
    for folder in (place, *place.parents):
        file = folder / FILE
        if file.is_file() and (table := _table(file)) is not None:
            return _project(file, table)
    return None


def _table(file: Path) -> dict[str, object] | None:
    try:
        content = tomllib.loads(file.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise InvalidProject(f"{file} cannot be read: {error}") from error
    table = content.get("tool", {}).get("skilltree")
    if table is not None and not isinstance(table, dict):
        raise InvalidProject(f"{file}: tool.skilltree must be a table")
    return table


def _project(file: Path, table: dict[str, object]) -> Project:
    known = (*_FOLDERS, *_MODULES, _LINT, _EXAMPLES, _UNASYNC)
    for key in table:
        if key not in known:
            raise InvalidProject(f"{file}: [tool.skilltree] has no key {shown(key)}; it has {', '.join(known)}")
    folders = {key: _folder(file, key, table[key]) for key in _FOLDERS if key in table}
    modules = {key: _modules(file, key, table[key]) for key in _MODULES if key in table}
    return Project(
        file.parent,
        folders.get("migrations"),
        folders.get("queries"),
        modules.get("repositories", ()),
        modules.get("models", ()),
        {
            (rule, name): reason
            for rule, objects in _entries(file, _LINT, table.get(_LINT, {})).items()
            for name, reason in _texts(file, f"{_LINT}.{rule}", objects).items()
        },
        _texts(file, _EXAMPLES, table.get(_EXAMPLES, {})),
        _generated(file, table[_UNASYNC]) if _UNASYNC in table else (),
    )


def _generated(file: Path, value: object) -> tuple[tuple[Path, Path], ...]:
    if not isinstance(value, dict) or not value or not all(isinstance(target, str) for target in value.values()):
        raise InvalidProject(f"{file}: {_UNASYNC} must name the folder of sync code for each folder of async code")
    return tuple(
        (_folder(file, _UNASYNC, source), (file.parent / target).resolve()) for source, target in value.items()
    )


def _entries(file: Path, key: str, value: object) -> dict[str, object]:
    if not isinstance(value, dict):
        raise InvalidProject(f"{file}: {key} must be a table, not {shown(value)}")
    return value


def _texts(file: Path, key: str, value: object) -> dict[str, str]:
    for name, text in _entries(file, key, value).items():
        if not isinstance(text, str) or not text.strip():
            raise InvalidProject(f"{file}: {key} must have a text for {name}, not {shown(text)}")
    return {name: str(text) for name, text in _entries(file, key, value).items()}


def _folder(file: Path, key: str, value: object) -> Path:
    if not isinstance(value, str):
        raise InvalidProject(f"{file}: {key} must be the path of a folder, not {shown(value)}")
    folder = (file.parent / value).resolve()
    if not folder.is_dir():
        raise InvalidProject(f"{file}: {key} is {shown(value)}, but there is no such folder")
    return folder


def _modules(file: Path, key: str, value: object) -> tuple[str, ...]:
    names = [value] if isinstance(value, str) else value
    if not isinstance(names, list) or not all(isinstance(name, str) for name in names):
        raise InvalidProject(f"{file}: {key} must be the name of a module or a list of names, not {shown(value)}")
    return tuple(names)
