"""Checks what an application's repositories declare: their query files, hooks and errors."""

from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

from skilltree._core.arguments import check_arguments
from skilltree._core.driver_errors import declare_refusals
from skilltree._core.messages import shown
from skilltree._core.queries import Query, read
from skilltree._core.rows import Params
from skilltree.errors import InvalidRepository, MissingParameter, QueryFileNotFound


class Hooks(NamedTuple):
    """The application's query files that export and erase a learner's rows."""

    exports: tuple[Query, ...]
    erases: tuple[Query, ...]


def declared(repository: Any, base: type, refusals: Mapping[str, object]) -> None:
    """Check a repository's declaration, and let its methods check their arguments. Raises InvalidRepository."""
    name = repository.__name__
    folder = repository.queries
    own = [each for each in vars(repository) if not each.startswith("_") and callable(vars(repository)[each])]
    if taken := [each for each in own if hasattr(base, each)]:
        raise InvalidRepository(
            f"{name}.{taken[0]}: the base class has a method of this name, which runs queries; choose another name"
        )
    if folder is not None and not (isinstance(folder, Path) and folder.is_dir()):
        raise InvalidRepository(f"{name}: queries must be the path of a folder, and there is none at {shown(folder)}")
    if folder is None and (repository.exports or repository.erases):
        raise InvalidRepository(f"{name}: exports and erases need the folder of its query files: queries=…")
    _require_hook(name, folder, "exports", repository.exports, {"user_id"})
    _require_hook(name, folder, "erases", repository.erases, {"user_id", "nobody_id"})
    declare_refusals(name, refusals)
    try:
        check_arguments(repository)
    except NameError as error:
        raise InvalidRepository(f"{name}: an annotation cannot be read: {error}") from error


def named(queries: Sequence[str]) -> tuple[str, ...]:
    """Return the query files of a hook. One name by itself, as in ``exports=("courses/export")``, is one file."""
    return (queries,) if isinstance(queries, str) else tuple(queries)


def _require_hook(name: str, folder: Path | None, hook: str, queries: Iterable[str], known: set[str]) -> None:
    for each in queries:
        try:
            query = read(each, folder)
        except QueryFileNotFound as error:
            raise InvalidRepository(f"{name}: {hook}: {error}") from error
        parameters = {*query.parameters}
        if "user_id" not in parameters or parameters - known:
            raise InvalidRepository(
                f"{name}: {hook}: {query.file} must have the parameter user_id, and may have no others but"
                f" {' and '.join(sorted(known))}"
            )


def require_parameters(query: Query, params: Params) -> None:
    """Raise MissingParameter for a parameter of the file that is not given."""
    for name in query.parameters:
        if name not in params:
            given = ", ".join(params) or "none"
            raise MissingParameter(f"{query.file} needs the parameter {name}; given are: {given}")


def hooks_of(declarations: Iterable[tuple[Path | None, tuple[str, ...], tuple[str, ...]]]) -> Hooks:
    """Return the hooks of several repositories, each file once."""
    exports: dict[tuple[Path | None, str], Query] = {}
    erases: dict[tuple[Path | None, str], Query] = {}
    for place, exporting, erasing in declarations:
        exports |= {(place, name): read(name, place) for name in exporting}
        erases |= {(place, name): read(name, place) for name in erasing}
    return Hooks(tuple(exports.values()), tuple(erases.values()))
