"""What the database says about itself: the queries below ``queries/monitor``, each of which is a part of the report.

A part that cannot be read does not stop the others: it says why. Nothing is written, and nothing waits for a lock for
more than a second.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import psycopg
from psycopg.rows import dict_row

from skilltree._core.driver_errors import translated
from skilltree._core.queries import read
from skilltree._core.urls import checked_url
from skilltree.errors import InvalidValue, SkillTreeError
from skilltree.monitor.statements import by_file, extension_missing

Row = Mapping[str, Any]
"""The columns of a query below ``queries/monitor``."""
Connection = psycopg.Connection[dict[str, Any]]

PARTS = ("server", "limits", "connections", "locks", "replication", "tables", "indexes", "learners", "statements")
LEAST_INDEX_BYTES = 8 * 1024 * 1024
"""Below this size, no bloat of an index is estimated: rebuilding it would save nothing worth the work."""


@dataclass(frozen=True)
class Part:
    """A part of the report: its rows, or the reason why there are none."""

    name: str
    rows: Sequence[Row]
    problem: str | None = None


def connect(url: str, *, name: str = "skilltree monitor", timeout: float = 10) -> Connection:
    """Return a read-only connection that limits each statement to ``timeout`` seconds.

    The application's login role becomes the service, so that it sees the rows of all learners.
    """
    given = checked_url(url).get("application_name")
    with translated():
        connection = psycopg.connect(
            url,
            autocommit=True,
            row_factory=dict_row,
            client_encoding="utf8",
            prepare_threshold=None,
            application_name=str(given or name),
            connect_timeout=10,
        )
        settings = read("monitor/settings")
        params = {"timeout": f"{round(timeout * 1000)}ms"}
        connection.execute(settings.statement, params)
    return connection


def report(
    connection: Connection,
    parts: Iterable[str] = PARTS,
    *,
    least_index_bytes: int = LEAST_INDEX_BYTES,
    queries: Path | None = None,
) -> list[Part]:
    """Return the parts of the report. Raises InvalidValue for an unknown name.

    ``queries`` is the folder of an application's query files, whose statements are told apart, too.
    """
    wanted = list(parts)
    if unknown := set(wanted).difference(PARTS):
        raise InvalidValue(f"there is no part {', '.join(sorted(unknown))}; there are {', '.join(PARTS)}")
    return [_part(connection, name, {"least_bytes": least_index_bytes}, queries) for name in wanted]


def rows_of(parts: Iterable[Part], name: str) -> Sequence[Row]:
    """Return the rows of a part; none if it is not there."""
    return next((part.rows for part in parts if part.name == name), ())


def _part(connection: Connection, name: str, params: Mapping[str, object], queries: Path | None) -> Part:
    try:
        with translated():
            if name == "statements":
                missing = extension_missing(connection)
                return Part(name, () if missing else by_file(_rows(connection, name, params), queries), missing)
            return Part(name, _rows(connection, name, params))
    except SkillTreeError as error:
        if connection.closed:
            raise
        return Part(name, (), f"{type(error).__name__}: {error}")


def _rows(connection: Connection, name: str, params: Mapping[str, object]) -> list[dict[str, Any]]:
    query = read(f"monitor/{name}")
    return connection.execute(query.statement, {each: params[each] for each in query.parameters}).fetchall()
