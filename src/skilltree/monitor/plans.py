"""The plan of a query file as a session of the pool makes it: the generic one, in the role of the file.

The statement is not run, so that this is safe on any server.
"""

from pathlib import Path
from typing import Any

import psycopg
from psycopg import sql

from skilltree._core.driver_errors import translated
from skilltree.errors import SkillTreeError
from skilltree.explain.samples import has_plan
from skilltree.monitor.statements import files_of, with_header


def plan_of(connection: psycopg.Connection[dict[str, Any]], name: str, place: Path | None = None) -> list[str]:
    """Return the lines of the plan, or a line that says why there is none.

    ``place`` is the folder of an application's query files.
    """
    files = files_of(name, place)
    if not files:
        return ["no query file of SkillTree, or of the current folder's project"]
    query = files[0]
    if not has_plan(query):
        return ["a command without a plan"]
    role = with_header(query).role or "app_engine"
    values = sql.SQL(", ").join([sql.NULL] * len(query.parameters))
    call = sql.SQL("explain execute planned ({})" if query.parameters else "explain execute planned").format(values)
    try:
        with translated(), connection.transaction(force_rollback=True):
            connection.execute("set local plan_cache_mode = force_generic_plan")
            connection.execute(sql.SQL("set local role {}").format(sql.Identifier(role)))
            connection.execute(b"prepare planned as " + query.numbered)
            try:
                return [str(row["QUERY PLAN"]) for row in connection.execute(call)]
            finally:
                connection.execute("deallocate planned")
    except SkillTreeError as error:
        return [f"no plan: {type(error).__name__}: {error}"]
