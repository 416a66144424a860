"""An HTML page with every query: SQL, model, budget, and the plan drawn by pev2. It needs no network."""

import ast
import html
import json
import re
from collections.abc import Iterable, Mapping
from datetime import UTC, datetime
from functools import cache
from pathlib import Path
from typing import Any

from skilltree.explain.budget import Checked
from skilltree.explain.explain import looked_at
from skilltree.explain.report_assets import assets, licences

_SLOT = re.compile(r"/\*\{(\w[\w.]*)\}\*/")


def write(path: Path, checks: Iterable[Checked], sizes: Mapping[str, int]) -> None:
    """Write the page. Raises SkillTreeError if pev2 is not installed and cannot be fetched."""
    template = Path(__file__).with_name("report.html").read_text(encoding="utf-8")
    # Inside a script element, "<" must not begin a tag.
    data = json.dumps([_entry(each, sizes) for each in checks], default=str).replace("<", "\\u003c")
    made = f"{datetime.now(UTC):%Y-%m-%d %H:%M}"
    parts = assets() | {"data": data, "made": json.dumps(made), "licences": html.escape(licences())}
    path.write_text(_SLOT.sub(lambda match: parts[match[1]], template), encoding="utf-8")


def _entry(checked: Checked, sizes: Mapping[str, int]) -> dict[str, Any]:
    explained = checked.explained
    query = explained.query
    return {
        "name": explained.name,
        "about": "\n".join(line[3:] for line in query.header.splitlines() if not line.startswith("-- @")).strip(),
        "sql": query.statement.decode().split("*/ ", 1)[1].strip(),
        "model": model_of(explained.name),
        "role": explained.role,
        "params": {name: None if value is None else str(value) for name, value in explained.params.items()},
        "buffers": checked.buffers,
        "triggers": explained.trigger_buffers,
        "budget": checked.budget,
        "milliseconds": explained.seconds * 1000,
        "breaches": [breach.message for breach in checked.breaches],
        "findings": looked_at(explained, sizes),
        "plan": json.dumps([explained.json]),
    }


def model_of(name: str) -> str | None:
    """Return the name of the model that a repository makes of a query's rows, or ``None``."""
    return next((model for pattern, model in _models() if re.fullmatch(pattern, name)), None)


@cache
def _models() -> list[tuple[str, str]]:
    """Return the queries that repositories run, by name or as a pattern of names, each with its model."""
    folder = Path(__file__).parents[1] / "_sync"
    calls = [
        call
        for path in sorted(folder.glob("*.py"))
        for call in ast.walk(ast.parse(path.read_text(encoding="utf-8")))
        if isinstance(call, ast.Call)
    ]
    found = []
    for call in calls:
        queries = [pattern for argument in call.args if (pattern := _pattern(argument))]
        models = [each.id for each in call.args if isinstance(each, ast.Name) and each.id[:1].isupper()]
        found += [(query, models[0]) for query in queries if models]
    # A full name is more specific than a pattern.
    return sorted(found, key=lambda each: "[" in each[0])


def _pattern(node: ast.expr) -> str | None:
    if isinstance(node, ast.Constant) and isinstance(node.value, str) and "/" in node.value:
        return re.escape(node.value)
    if isinstance(node, ast.JoinedStr):
        parts = (re.escape(str(p.value)) if isinstance(p, ast.Constant) else "[^/]+" for p in node.values)
        text = "".join(parts)
        return text if "/" in text else None
    return None
