"""The twins of query files for a cluster (``queries/routed``), and the functions that they call.

Each twin asks one server. A function has a digest in its name, so that versions do not disturb each other.
"""

from collections.abc import Mapping
from functools import cache

from skilltree._core.queries import Query, read
from skilltree._core.sql_folders import folder

_PLACE = "routed"
_FUNCTIONS = f"{_PLACE}/functions"


def routed(query: Query) -> Query:
    """Return what a cluster gets instead of a query file: its twin, if there is one."""
    return query if query.place is not None else _twin(query.name) or query


@cache
def functions() -> Mapping[str, bytes]:
    """Return the statements that create the functions, by the names of the functions."""
    files = sorted((folder("queries") / _FUNCTIONS).glob("*.sql"))
    return {file.stem: read(f"{_FUNCTIONS}/{file.stem}").statement for file in files}


@cache
def _twin(name: str) -> Query | None:
    exists = (folder("queries") / _PLACE / f"{name}.sql").exists()
    return read(f"{_PLACE}/{name}") if exists else None
