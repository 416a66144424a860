"""The reference of the query files: a page for each folder."""

import json
import re
from collections import defaultdict
from pathlib import Path
from typing import TypedDict

from skilltree._core.queries import read
from skilltree.explain.kept_plans import kept
from skilltree.gate.subject import skilltree
from skilltree.gate.usage import read_usage

ROOT = Path(__file__).parents[2]
_WORDS = {
    "across": "Works across learners",
    "drafts": "Drafts",
    "step": "A step",
    "writes": "Writes",
    "never": "The plan never has",
    "nullable": "Can be null",
    "notnull": "Never null",
    "after": "Runs after",
}

_A_LIST = re.compile(r"^(?:\w+  |  )", re.MULTILINE)
_NO_PLAN = "No plan is kept: PostgreSQL makes none, or it depends on the server's catalogs rather than on data."


class Described(TypedDict):
    """What queries/schema.json says about a query file."""

    digest: str
    parameters: dict[str, str]
    columns: list[str]


def query_pages() -> dict[str, str]:
    """Return the pages below reference/, by their names."""
    described: dict[str, Described] = json.loads((ROOT / "queries" / "schema.json").read_text())["queries"]
    models: dict[str, set[str]] = defaultdict(set)
    callers: dict[str, set[str]] = defaultdict(set)
    for use in read_usage(skilltree()).uses:
        callers[use.query].add(use.user)
        if use.model is not None:
            models[use.query].add(use.model.__name__)
    plans = kept(ROOT / "queries")
    folders: dict[str, list[str]] = defaultdict(list)
    for name in sorted(described):
        folders[name.partition("/")[0]].append(name)
    pages = {
        f"queries/{folder}.md": f"# {folder}\n\n"
        + "\n".join(
            _section(name, described[name], callers[name], models[name], has_plan=name in plans) for name in names
        )
        for folder, names in folders.items()
    }
    listed = "\n".join(f"| [{folder}]({folder}.md) | {len(names)} |" for folder, names in folders.items())
    tree = "\n".join(folders)
    pages["queries/index.md"] = (
        "# Query files\n\nEvery statement that runs, with its parameters, columns, role and budget. A budget is the"
        " most buffers (8 kB each) that the statement and its triggers may"
        " read on the large data set of `make budgets`. Its plan is the one for all values of the parameters, measured"
        " there on PostgreSQL 18 by `make budgets ARGS=--update`.\n\n"
        f"| folder | statements |\n|---|---|\n{listed}\n\n```{{toctree}}\n:hidden:\n\n{tree}\n```\n"
    )
    return pages


def _section(name: str, described: Described, callers: set[str], models: set[str], *, has_plan: bool) -> str:
    query = read(name)
    text = (ROOT / query.file).read_text()
    said = [line.removeprefix("--").rstrip() for line in query.header.splitlines()]
    end = next((number for number, line in enumerate(said) if line.startswith(" @")), len(said))
    comment = _joined("\n".join(line.removeprefix(" ") for line in said[:end]).strip())
    budget = next((each.text.removeprefix("buffers ") for each in query.directives if each.word == "budget"), None)
    facts = [("Role", f"`{query.role or 'app_user'}`")]
    if budget:
        facts.append(("Budget", f"{int(budget):,} buffers"))
    if models:
        facts.append(("Model", ", ".join(f"`{model}`" for model in sorted(models))))
    if callers:
        facts.append(("Run by", ", ".join(f"`{caller}`" for caller in sorted(callers))))
    facts += [(_WORDS[each.word], each.text) for each in query.directives if each.word in _WORDS]
    rows = "\n".join(f"| {what} | {value.replace('|', chr(92) + '|')} |" for what, value in facts)
    parameters, columns = described["parameters"], described["columns"]
    if parameters:
        rows += "\n| Parameters | " + ", ".join(f"`{each}` {kind}" for each, kind in parameters.items()) + " |"
    if columns:
        rows += "\n| Columns | " + ", ".join("`{}` {}".format(*column.split(" ", 1)) for column in columns) + " |"
    picture = f"<!-- plan of {name} -->\n" if has_plan else f"{_NO_PLAN}\n"
    return (
        f"## {name}\n\n```text\n{comment}\n```\n\n| | |\n|---|---|\n{rows}\n\n{picture}\n"
        f"<details><summary>SQL of {name}</summary>\n\n```sql\n{text.rstrip()}\n```\n\n</details>\n"
    )


def _joined(comment: str) -> str:
    """Return a comment with each paragraph in one line, for a browser to wrap; lists of parameters keep their lines."""
    paragraphs = comment.split("\n\n")
    return "\n\n".join(each if _A_LIST.search(each) else each.replace("\n", " ") for each in paragraphs)
