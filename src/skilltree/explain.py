"""EXPLAIN of the query files."""

from collections.abc import Mapping

from psycopg import Connection

from skilltree._files import folder
from skilltree._sql import load
from skilltree._translation import translated
from skilltree.errors import InvalidValue, NotFound


def names() -> list[str]:
    """Return the names of all query files."""
    root = folder("queries")
    return sorted(path.relative_to(root).with_suffix("").as_posix() for path in root.glob("*/*.sql"))


def explain(url: str, name: str, params: Mapping[str, str]) -> list[str]:
    """Run a query under EXPLAIN (ANALYZE, BUFFERS), take back what it did, and return the lines of the plan.

    A parameter that is not given is null. Raises NotFound for a name that is no query's, InvalidValue for a parameter
    that the query does not have.
    """
    if name not in names():
        raise NotFound(f"there is no query {name}; there are {', '.join(names())}")
    statement = b"explain (analyze, buffers, settings) " + load(name)
    given = _Given(params)
    with translated(), Connection.connect(url) as connection:
        plan = connection.execute(statement, given).fetchall()
        connection.rollback()
    if unused := params.keys() - given.used:
        raise InvalidValue(
            f"{name} has no parameter {', '.join(sorted(unused))}; it has {', '.join(sorted(given.used))}"
        )
    return [str(line) for (line,) in plan]


class _Given(dict[str, str | None]):
    """Parameters of which the missing are null, and that knows which were asked for."""

    def __init__(self, params: Mapping[str, str]) -> None:
        super().__init__(params)
        self.used: set[str] = set()

    def __getitem__(self, name: str) -> str | None:
        self.used.add(name)
        return self.get(name)
