"""Times, calls and buffers of each query file, from pg_stat_statements.

The comment in front of a statement names its file. From PostgreSQL 18 on, pg_stat_statements drops it, so that the file
is found by its text: without comments and white space, and with the same sign for each constant and parameter.
"""

import re
from collections.abc import Iterable, Mapping
from functools import cache
from pathlib import Path
from typing import Any

import psycopg

from skilltree._core.queries import Query, load, read
from skilltree._core.sql_folders import folder
from skilltree.explain.budget import budget_of
from skilltree.explain.samples import names

OTHER = "(other)"
"""What all statements are counted under that belong to no query file."""

_BOTH = " or "
_JSON = "json/"
"""How the names of the queries of ``db.json`` begin. What follows is the query that they are made from."""
_NAMED = re.compile(r"\s*/\* (\w+(?:/\w+)+) \*/")
_PART = re.compile(
    r"""
    (?P<nothing> /\*.*?\*/ | --[^\n]* | \s+ | ; \s* $ )
    | -? \s* (?P<value> \$\d+ | e?'(?:[^']|'')*' | \b\d+(?:\.\d+)?(?:e[+-]?\d+)?\b | \b(?:true|false|null)\b )
    """,
    re.VERBOSE | re.DOTALL | re.IGNORECASE,
)
_LIST = re.compile(r"\?(?:,\?)+")

_INSTALL = (
    "to see it for each query file: {steps}. Until then, the clients' own counters have it: see"
    " skilltree.contrib.prometheus"
)
_LOAD = "set shared_preload_libraries = 'pg_stat_statements' in postgresql.conf and restart the server"
_CREATE = "create extension pg_stat_statements (as a superuser, in this database)"


def extension_missing(connection: psycopg.Connection[dict[str, Any]]) -> str | None:
    """Return what to do about pg_stat_statements, or ``None`` if it is there."""
    found = connection.execute(load("monitor/extension")).fetchone() or {}
    steps = []
    if not found["is_installed"]:
        steps.append("install PostgreSQL's contrib modules (Debian has them in the server's package)")
    if not found["is_loaded"] and not (found["is_loaded"] is None and found["is_created"]):
        steps.append(_LOAD)
    if not found["is_created"]:
        steps.append(_CREATE)
    if steps:
        return f"pg_stat_statements is missing; {_INSTALL.format(steps='; '.join(steps))}"
    if not found["sees_all"]:
        return (
            "pg_stat_statements hides the statements of other roles from this one: grant pg_read_all_stats to the role"
            " that monitors (app_service, if that is the application's login role)"
        )
    return None


def by_file(rows: Iterable[Mapping[str, Any]], place: Path | None = None) -> list[dict[str, Any]]:
    """Add up the statements of each query file, and return them with the file's budget, the longest total time first.

    ``place`` is the folder of an application's query files.
    ``budget_ratio`` is the average number of buffers of a call, divided by the budget: above 1, it is broken.
    """
    found: dict[str, dict[str, Any]] = {}
    for row in rows:
        name = file_of(row["query"], place) or OTHER
        total = found.setdefault(name, {"query": name, **dict.fromkeys(_SUMS, 0), "longest_seconds": 0.0})
        for column in _SUMS:
            total[column] += row[column]
        total["longest_seconds"] = max(total["longest_seconds"], row["longest_seconds"])
    for name, total in found.items():
        budget = _budget(name, place)
        per_call = total["buffers"] / max(total["calls"], 1)
        total["mean_seconds"] = total["seconds"] / max(total["calls"], 1)
        total["buffers_per_call"] = round(per_call, 1)
        total["budget"] = budget
        total["budget_ratio"] = round(per_call / budget, 2) if budget else None
    return sorted(found.values(), key=lambda total: (-total["seconds"], total["query"]))


_SUMS = ("calls", "seconds", "row_count", "buffers", "buffers_read", "temporary_buffers")


def _budget(name: str, place: Path | None) -> int | None:
    budgets = [budget_of(with_header(each)) for each in files_of(name, place)]
    return max((budget[0] for budget in budgets if budget), default=None)


def files_of(name: str, place: Path | None = None) -> list[Query]:
    """Return the query files that ``file_of`` has named; none for another application's."""
    wanted = name.split(_BOTH)
    return [each for each in _files(place) if each.name in wanted]


def with_header(query: Query) -> Query:
    """Return the query that has the directives of a query: for one of ``db.json``, the one that it is made from."""
    return read(query.name.removeprefix(_JSON)) if query.place is None else query


@cache
def _files(place: Path | None) -> list[Query]:
    """Return all query files: SkillTree's, those made from them for ``db.json``, and those of a folder."""
    ours = [*names(), *(_JSON + name for name in names(folder("queries") / _JSON))]
    return [read(name) for name in ours] + ([read(name, place) for name in names(place)] if place else [])


def file_of(text: str, place: Path | None = None) -> str | None:
    """Return the query file of a statement as pg_stat_statements shows it, or ``None``.

    Files that differ only in their constants are one statement for the server: ``trees/publish or trees/unpublish``.
    """
    if file := texts(place).get(normal(text)):
        return file
    match = _NAMED.match(text)
    return match[1] if match else None


@cache
def texts(place: Path | None = None) -> dict[str, str]:
    """Return the normal form of each query file, and its name."""
    found: dict[str, list[str]] = {}
    for query in _files(place):
        found.setdefault(normal(query.numbered.decode()), []).append(query.name)
    return {text: _BOTH.join(files) for text, files in found.items()}


def normal(text: str) -> str:
    """Return a statement without what pg_stat_statements changes."""
    return _LIST.sub("?", _PART.sub(lambda part: "" if part["value"] is None else "?", text))
