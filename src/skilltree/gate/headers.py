"""Checks the directives in the header of a query file: known words, in the right place and form."""

import re
from collections.abc import Collection, Iterator
from dataclasses import dataclass
from typing import Literal

from skilltree.explain.samples import has_plan, is_about_the_schema
from skilltree.gate.files import QueryFile
from skilltree.gate.report import Finding

_FORMS = {
    "role": re.compile(r"app_engine|app_service"),
    "sample": re.compile(r"\w+: \S.*"),
    "budget": re.compile(r"buffers [1-9][0-9]*"),
    "never": re.compile(r"[A-Z][A-Za-z ]+ on \w+(, \w+)*"),
    "nullable": re.compile(r"[\w.]+: \S.*"),
    "notnull": re.compile(r"[\w.]+: \S.*"),
    "across": re.compile(r"\S.*"),
    "drafts": re.compile(r"\S.*"),
    "step": re.compile(r"\S.*"),
    "writes": re.compile(r"\S.*"),
    "cascade": re.compile(r"[\w.]+: \S.*"),
    "citus": re.compile(r"[a-z_]+: \S.*"),
    "after": re.compile(r"\w+/\w+(, \w+/\w+)*"),
    "setup": re.compile(r"\S.*"),
    "types": re.compile(r"[a-z]\w*( \w+)*(, [a-z]\w*( \w+)*)*"),
    "extension": re.compile(r"\w+"),
}
_EXAMPLES = {
    "role": "-- @role app_engine",
    "sample": "-- @sample user_id: (select user_id from user_profiles order by user_id limit 1)",
    "budget": "-- @budget buffers 40",
    "never": "-- @never Seq Scan on xp_events",
    "nullable": "-- @nullable name: why it can be null",
    "notnull": "-- @notnull name: why it is never null",
    "across": "-- @across why it uses rows of more than one user",
    "drafts": "-- @drafts why learners still see no unpublished content",
    "after": "-- @after progress/begin_import",
    "setup": "-- @setup insert into user_sessions (user_id) values (%(user_id)s)",
    "types": "-- @types integer, uuid, timestamp with time zone",
    "writes": "-- @writes what a function that it calls writes",
    "cascade": "-- @cascade enrolments: why erasing a learner may delete them",
    "citus": "-- @citus merge: why this rule of the gate for Citus does not hold",
    "step": "-- @step which methods it is a part of, and why",
    "extension": "-- @extension pg_stat_statements",
}
_REPEATED = {"sample", "setup", "nullable", "notnull", "never", "cascade", "citus"}
_LIKE_DIRECTIVE = re.compile(r"\s*--+\s*@\s*(?P<word>\w*)")


@dataclass(frozen=True)
class Declaration:
    """A header's statement about a column that cannot be judged."""

    column: str
    says: Literal["nullable", "notnull"]
    line: int


def declarations(file: QueryFile) -> list[Declaration]:
    """Return the declarations in a header."""
    return [
        Declaration(directive.text.partition(":")[0], directive.word, directive.line)  # type: ignore[arg-type]  # one of both
        for directive in file.query.directives
        if directive.word in {"nullable", "notnull"}
    ]


def text_of(file: QueryFile, word: str) -> str | None:
    """Return the text of a directive, or ``None`` if the header has no such directive."""
    return next((directive.text for directive in file.query.directives if directive.word == word), None)


def names_of(file: QueryFile, word: str) -> list[str]:
    """Return the query files that a directive names."""
    return [name.strip() for name in (text_of(file, word) or "").split(",") if name.strip()]


def line_of(file: QueryFile, word: str) -> int | None:
    """Return the line of a directive, or ``None`` if the header has no such directive."""
    return next((directive.line for directive in file.query.directives if directive.word == word), None)


def check_header(file: QueryFile, files: Collection[str], *, needs_budget: bool) -> Iterator[Finding]:
    """Yield the faults of a header by itself. ``files`` are those that it may name."""
    for before in names_of(file, "after"):
        if before not in files:
            place = line_of(file, "after") or 1
            yield Finding(file.path, place, "@after", f"queries/{before}.sql does not exist", "correct the name")
    header = file.query.header.splitlines()
    if not any(line.startswith("-- ") and not line.startswith(("-- @", "--     ")) for line in header):
        yield Finding(file.path, 1, "header", "has no description", "begin with a comment on what the caller gets")
    if needs_budget and line_of(file, "budget") is None and has_plan(file.query) and not is_about_the_schema(file.name):
        remedy = "run `skilltree budgets --update` to write one, and review it"
        yield Finding(file.path, 1, "@budget", "is missing", remedy)
    known = {directive.line: directive for directive in file.query.directives}
    for number, line in enumerate(file.text.splitlines(), start=1):
        found = _LIKE_DIRECTIVE.match(line)
        if found is None:
            continue
        word = found["word"]
        if number > len(header):
            remedy = "move it to the comment at the top"
            yield Finding(file.path, number, f"@{word}", "is outside the header, where no tool reads it", remedy)
        elif word not in _FORMS:
            yield Finding(
                file.path,
                number,
                f"@{word}",
                "is not a directive",
                f"use one of {', '.join(f'@{each}' for each in _FORMS)}",
            )
        elif number not in known or not _FORMS[word].fullmatch(known[number].text):
            yield Finding(file.path, number, f"@{word}", "is malformed", f"write it like: {_EXAMPLES[word]}")
    seen: set[str] = set()
    for directive in file.query.directives:
        key = f"{directive.word} {directive.text.partition(':')[0]}" if directive.word in _REPEATED else directive.word
        if key in seen:
            yield Finding(file.path, directive.line, f"@{directive.word}", "appears twice", "remove one of them")
        seen.add(key)
