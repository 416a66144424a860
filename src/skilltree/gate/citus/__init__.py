"""The gate for Citus finds in query files and migrations what a distributed server refuses, or silently does otherwise.

It needs no server: it reads the files alone. What ``skilltree distribute`` does with each table is in
``skilltree.distribute.layout``; an application's table with a column ``user_id`` is a learner's table.
"""

import re
from collections.abc import Collection, Iterator
from pathlib import Path

from pglast import ast

from skilltree._core.sql_folders import folder
from skilltree.gate.citus.definitions import Definitions, migration_files, read_migrations
from skilltree.gate.citus.layout import Layout
from skilltree.gate.citus.learner import check_learner, check_learners, is_of_one_learner
from skilltree.gate.citus.levels import Reader
from skilltree.gate.citus.rules import RULES, finding
from skilltree.gate.citus.schema import check_schema
from skilltree.gate.citus.statements import Statement, check_statement, inserts_in_ctes
from skilltree.gate.citus.text import Text
from skilltree.gate.citus.volatility import Volatility
from skilltree.gate.facts import walk
from skilltree.gate.files import NotOneStatement, QueryFile, read_queries
from skilltree.gate.headers import line_of
from skilltree.gate.nullability import Prover
from skilltree.gate.parameters import OWNER, fact_of
from skilltree.gate.report import Finding
from skilltree.gate.schema import Schema
from skilltree.gate.subject import Subject, skilltree

_DIRECTIVE = re.compile(r"^-- @citus (\w+):", re.MULTILINE)


def check_citus(subject: Subject | None = None) -> list[Finding]:
    """Return what Citus refuses or does otherwise, in order. Without ``subject``, the files are SkillTree's own."""
    subject = subject or skilltree()
    ours = {"skilltree": folder("migrations")} if subject.application else {}
    defined = read_migrations(ours | _own_migrations(subject))
    found = list(check_schema(defined, knows_places=not subject.application))
    findings: list[Finding] = []
    # SkillTree's migrations are not the application's to change.
    for shown, place in _own_migrations(subject).items():
        for path, migration in migration_files(place, shown).items():
            findings += _excused(path, migration.read_text(), [each for each in found if each.file == path])
    layout, volatility = defined.layout, defined.volatility
    known = _known(defined)
    for file in read_queries(subject).values():
        findings += _excused(file.path, file.text, list(_check_file(file, layout, volatility, known)))
    return sorted(set(findings))


def checked_files(subject: Subject) -> set[str]:
    """Return the query files and migrations that are checked, as findings name them."""
    own = _own_migrations(subject)
    return {each.path for each in read_queries(subject).values()} | {
        path for shown, place in own.items() for path in migration_files(place, shown)
    }


def split_statements(subject: Subject | None = None) -> dict[str, int]:
    """Return the query files that insert in CTEs, and in how many: what Citus runs part by part."""
    found = {}
    for file in read_queries(subject or skilltree()).values():
        try:
            found[file.name] = inserts_in_ctes(file.statement)
        except NotOneStatement:
            continue
    return {name: inserts for name, inserts in found.items() if inserts}


def _own_migrations(subject: Subject) -> dict[str, Path]:
    """Return the folder of the subject's own migrations, by what findings call it."""
    place = subject.migrations if subject.application else folder("migrations")
    return {subject.shown(place): place} if place is not None else {}


def _known(defined: Definitions) -> Schema:
    """Return the schema for the proof of whose rows are inserted, without types."""
    columns = {name: dict.fromkeys(sorted(found), "") for name, found in defined.columns.items()}
    return Schema(
        tables={name: found for name, found in columns.items() if name not in defined.views},
        views={name: found for name, found in columns.items() if name in defined.views},
    )


def _check_file(file: QueryFile, layout: Layout, volatility: Volatility, known: Schema) -> Iterator[Finding]:
    first = file.query.header.count("\n") + 1
    text = Text(file.path, file.numbered.decode(), first)
    try:
        tree = file.statement
    except NotOneStatement as error:
        if str(error).startswith("there are"):
            yield finding("several_statements", file.path, first, "the file")
        else:
            yield Finding(file.path, first, "statement", str(error), "correct it")
        return
    learner = {number for number, name in enumerate(file.parameters, start=1) if name == OWNER}
    levels = Reader(layout, learner).levels(tree)
    is_of_one = is_of_one_learner(levels)
    if line_of(file, "across") is None:
        yield from check_learner(text, levels)
        yield from _inserts(file, text, layout, known)
    elif not is_of_one:
        yield from check_learners(text, tree, levels, volatility)
    yield from check_statement(Statement(text, tree, layout, volatility, is_of_one))


def _inserts(file: QueryFile, text: Text, layout: Layout, known: Schema) -> Iterator[Finding]:
    """Yield each learner's table into which rows of others could be inserted."""
    prover = Prover(known, [fact_of(name, ()) for name in file.parameters])
    prover.prove(file.statement)
    for node in walk(file.statement):
        if not isinstance(node, ast.InsertStmt):
            continue
        learner = layout.learner_column(node.relation.relname)
        if learner and (id(node.relation), learner) not in prover.owned:
            yield text.found("learner_not_given", node.relation, f'table "{node.relation.relname}"')


def _excused(path: str, text: str, findings: Collection[Finding]) -> Iterator[Finding]:
    """Yield the findings of a file that its header has no reason for, and the reasons that are not needed."""
    excuses = {match[1]: text.count("\n", 0, match.start()) + 1 for match in _DIRECTIVE.finditer(text)}
    yield from (each for each in findings if each.field not in excuses)
    for rule, line in excuses.items():
        if rule not in RULES:
            yield Finding(path, line, "@citus", f"there is no rule {rule}", "correct its name")
        elif rule not in {each.field for each in findings}:
            yield Finding(path, line, "@citus", f"is not needed: {rule} finds nothing", "remove the line")


__all__ = ["RULES", "check_citus", "checked_files", "split_statements"]
