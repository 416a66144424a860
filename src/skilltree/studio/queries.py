"""The pages of the query files: the list, and one file with SQL, budget, plan and a run with given parameters."""

from functools import cache
from pathlib import Path
from typing import Any, NamedTuple

from skilltree._core.queries import Query
from skilltree.errors import SkillTreeError
from skilltree.explain.budget import budget_of
from skilltree.explain.plan import findings, nodes
from skilltree.explain.report import model_of
from skilltree.explain.samples import find, has_plan, names
from skilltree.studio import run
from skilltree.studio.visit import Shown, Visit

_GIVEN, _NULL = "p.", "null."
"""The prefixes of an address's parameters that are parameters of the query file, and of those that are null."""


class Entry(NamedTuple):
    """A query file in the list."""

    name: str
    about: str
    role: str
    budget: int | None
    writes: bool
    is_own: bool
    """Whether it is the application's."""


def queries(visit: Visit, own: Path | None) -> Shown:
    """Show the list of the query files. Those of the application, in the folder ``own``, are the first."""
    text = visit.text("q").lower()
    entries = [*(_entries(own) if own else ()), *_entries()]
    found = [each for each in entries if text in each.name.lower() or text in each.about.lower()]
    return Shown("queries.html", {"entries": found, "text": text, "total": len(entries)})


def query(visit: Visit, url: str, timeout: float, own: Path | None) -> Shown:
    """Show a query file. ``run`` and ``plan`` in the address also run it, and ``samples`` fills in its samples."""
    place = visit.request.path_params
    chosen = find(f"{place['folder']}/{place['name']}", own)
    given = {name: visit.request.query_params.get(_GIVEN + name) for name in chosen.parameters}
    nulls = {name for name in chosen.parameters if visit.request.query_params.get(_NULL + name)}
    values: dict[str, Any] = {"query": chosen, "nulls": nulls, "result": None, "plan": None, "problem": None}
    try:
        if visit.text("samples"):
            found = run.sample_values(url, chosen, timeout=timeout)
            given = {name: found.get(name) for name in chosen.parameters}
            values["nulls"] = {name for name in chosen.parameters if name not in found}
        if visit.text("run"):
            params = {name: None if name in nulls else value or "" for name, value in given.items()}
            values["result"] = run.run(url, chosen, params, visit.view, timeout=timeout)
        if visit.text("plan"):
            kept = {name: value for name, value in given.items() if value and name not in nulls}
            values["plan"] = run.plan(url, chosen, kept, timeout=timeout)
    except SkillTreeError as error:
        values["problem"] = error
    budget = budget_of(chosen)
    return Shown(
        "query.html",
        values
        | {
            "given": given,
            "sql": chosen.statement.decode().split("*/ ", 1)[1].strip(),
            "about": _about(chosen),
            "directives": chosen.directives,
            "model": None if chosen.place else model_of(chosen.name),
            "budget": None if budget is None else budget[0],
            "writes": run.writes(chosen),
            "has_plan": has_plan(chosen),
            "is_secret": run.is_secret,
            "most_rows": run.MOST_ROWS,
            "nodes": nodes,
            "findings": findings,
        },
    )


@cache
def _entries(place: Path | None = None) -> list[Entry]:
    found = []
    for name in names(place):
        if place is None and name.startswith("json/"):
            continue
        each = find(name, place)
        budget = budget_of(each)
        about = _about(each).split("\n\n", 1)[0].replace("\n", " ")
        found.append(
            Entry(
                name,
                about.partition(". ")[0].rstrip(".") + ".",
                each.role or "app_user",
                None if budget is None else budget[0],
                run.writes(each),
                place is not None,
            )
        )
    return found


def _about(query: Query) -> str:
    lines = [line.removeprefix("--").removeprefix(" ") for line in query.header.splitlines()]
    kept = []
    for line in lines:
        if line.startswith("@"):
            break
        kept.append(line)
    return "\n".join(kept).strip()
