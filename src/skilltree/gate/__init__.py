"""The query gate checks each query file against the schema, its repository method and its model.

It needs pglast, and what the command line needs to migrate a database. The extra ``skilltree[gate]`` installs both.
"""

from collections.abc import Collection, Iterator, Sequence
from typing import Any

from psycopg import Connection

try:
    from pglast import ast
except ModuleNotFoundError as error:
    raise ModuleNotFoundError("the query gate needs pglast: pip install 'skilltree[gate]'", name="pglast") from error
from skilltree.explain import kept_plans
from skilltree.gate import parameters, schema
from skilltree.gate.calls import check_calls
from skilltree.gate.columns import Comparison, OptionalFields
from skilltree.gate.copies import check_copy
from skilltree.gate.describe import describe, fresh_database
from skilltree.gate.drafts import check_drafts
from skilltree.gate.facts import Fact, Node, walk
from skilltree.gate.files import NotOneStatement, QueryFile, check_readable, read_queries
from skilltree.gate.headers import check_header, line_of
from skilltree.gate.nullability import Prover
from skilltree.gate.personal import check_personal_data
from skilltree.gate.reader import Use
from skilltree.gate.report import Finding
from skilltree.gate.subject import Subject, application, skilltree
from skilltree.gate.usage import Usage, read_usage

STALE = "write it again (`make format`, or `skilltree check --write` for an application), and review the change"


def check_queries(subject: Subject | None = None, *, offline: bool = False) -> list[Finding]:
    """Return the faults of the query files, in order. Without ``subject``, they are SkillTree's own.

    With ``offline``, the committed description replaces the server.
    """
    subject = subject or skilltree()
    if not offline:
        with fresh_database(subject.migrations) as connection:
            return check_against(connection, subject)
    file = subject.shown(subject.description)
    try:
        known = schema.from_text(subject.description.read_text())
    except FileNotFoundError:
        return [Finding(file, 1, "description", "does not exist", STALE)]
    except (OSError, ValueError) as error:
        return [Finding(file, 1, "description", str(error), STALE)]
    files = read_queries(subject)
    stale = [
        Finding(each.path, 1, "statement", f"differs from the one that {file} describes", STALE)
        for each in files.values()
        if line_of(each, "extension") is None
        and (each.name not in known.queries or known.queries[each.name].digest != each.digest)
    ]
    return sorted({*stale, *_check(subject, files, known)})


def check_against(connection: Connection[Any], subject: Subject | None = None) -> list[Finding]:
    """Return the faults of the query files according to a freshly migrated database, in order."""
    subject = subject or skilltree()
    files = read_queries(subject)
    known, findings = describe(connection, files, _all_files(subject, files))
    committed = subject.description.read_text() if subject.description.exists() else ""
    stale = _stale(subject, committed, schema.to_text(known))
    return sorted({*findings, *stale, *_check(subject, files, known)})


def write_description(subject: Subject | None = None) -> None:
    """Write the description of the query files by a freshly migrated database, for checks without a server."""
    subject = subject or skilltree()
    files = read_queries(subject)
    with fresh_database(subject.migrations) as connection:
        known, _ = describe(connection, files, _all_files(subject, files))
    subject.description.write_text(schema.to_text(known))


def _all_files(subject: Subject, files: dict[str, QueryFile]) -> dict[str, QueryFile]:
    """Return the query files that a header may name: an application's may name SkillTree's."""
    return {**read_queries(skilltree()), **files} if subject.application else files


def _stale(subject: Subject, committed: str, fresh: str) -> Iterator[Finding]:
    # An application need not commit a description.
    if committed != fresh and (committed or not subject.application):
        pairs = enumerate(zip(committed.splitlines(), fresh.splitlines(), strict=False), start=1)
        line = next((number for number, (one, other) in pairs if one != other), 1)
        file = subject.shown(subject.description)
        yield Finding(file, line, "description", "differs from a migrated database", STALE)


def _check(subject: Subject, files: dict[str, QueryFile], known: schema.Schema) -> Iterator[Finding]:
    usage = read_usage(subject)
    optional = OptionalFields(usage.made)
    everything = _all_files(subject, files)
    for file in files.values():
        uses = [use for use in usage.uses if use.query == file.name]
        yield from check_header(file, everything, needs_budget=not subject.application)
        yield from _check_users(file, uses, usage)
        described = known.queries.get(file.name)
        if described is not None and described.digest == file.digest:
            yield from _check_statement(file, uses, known, optional)
    yield from optional.findings()
    unread = [*check_readable(subject)]
    yield from unread
    yield from _check_files(subject, files, usage, {each.file for each in unread})
    yield from parameters.check_parameters(files, usage.uses, known)
    yield from _check_plans(subject, files)
    if subject.application:
        yield from _check_names(files)
        yield from check_personal_data(subject, files, known)


def _check_files(
    subject: Subject, files: dict[str, QueryFile], usage: Usage, unread: Collection[str]
) -> Iterator[Finding]:
    for use in usage.uses:
        path = f"{subject.shown(subject.queries)}/{use.query}.sql"
        if use.query not in files and path not in unread:
            problem = f"{path} does not exist"
            yield Finding(use.file, use.line, f'query "{use.query}"', problem, "write the file, or correct the name")


def _check_plans(subject: Subject, files: dict[str, QueryFile]) -> Iterator[Finding]:
    for name, plan in kept_plans.kept(subject.queries).items():
        if name in files and plan.digest != files[name].digest:
            problem = f"{subject.shown(subject.queries / kept_plans.FILE)} keeps that of an earlier statement"
            yield Finding(files[name].path, 1, "plan", problem, f"run `skilltree budgets --update {name}`")


def _check_names(files: dict[str, QueryFile]) -> Iterator[Finding]:
    for name in sorted(files.keys() & read_queries(skilltree()).keys()):
        problem = "has the name of one of SkillTree's query files, so that plans and traces would mix them up"
        yield Finding(files[name].path, 1, "file", problem, "give it another name, or put it into another folder")


def _check_users(file: QueryFile, uses: Sequence[Use], usage: Usage) -> Iterator[Finding]:
    """Check that only the method with the file's name runs it, unless the file is marked as a step.

    A folder without a repository has only steps.
    """
    users = sorted({use.user for use in uses})
    others = [user for user in users if user != file.name]
    line = line_of(file, "step")
    if not users:
        if not usage.is_complete and file.name.partition("/")[0] not in usage.repositories:
            return  # A tool may run it.
        yield Finding(file.path, 1, "file", "no repository method runs it", "add the method, or delete the file")
    elif file.name.partition("/")[0] not in usage.repositories:
        if line is not None:
            problem = "is not needed: the folder has no repository, only steps"
            yield Finding(file.path, line, "@step", problem, "remove the line")
    elif line is not None and not others:
        yield Finding(file.path, line, "@step", f"is not needed: only {file.name} runs it", "remove the line")
    elif line is None and file.name not in users:
        problem = f"the method of its name does not run it, but {', '.join(others)} does"
        yield Finding(file.path, 1, "file", problem, 'name it like the method, or add "-- @step why" to the header')
    elif line is None and others:
        problem = f"besides the method of its name, {', '.join(others)} runs it"
        yield Finding(file.path, 1, "file", problem, 'add "-- @step why" to the header')


def _check_statement(
    file: QueryFile, uses: Sequence[Use], known: schema.Schema, optional: OptionalFields
) -> Iterator[Finding]:
    try:
        statement = file.statement
    except NotOneStatement as error:
        yield Finding(file.path, 1, "statement", str(error), "keep one statement in a file")
        return
    yield from check_copy(file)
    stars = _stars(statement)
    for offset in stars:
        yield Finding(file.path, file.line_at(offset), "*", "stands for unnamed columns", "name the columns")
    if stars:
        return
    prover = Prover(known, [_fact(name, uses) for name in file.parameters])
    comparison = Comparison(file, known, prover.prove(statement), optional)
    for model in dict.fromkeys(use.model for use in uses if use.model is not None):
        yield from comparison.with_model(model)
    if any(use.is_values for use in uses):
        yield from comparison.with_values()
    yield from comparison.unasked()
    yield from _check_owners(file, prover)
    yield from check_drafts(file)
    yield from check_calls(file, known)


def _check_owners(file: QueryFile, prover: Prover) -> Iterator[Finding]:
    line = line_of(file, "across")
    touches = prover.touches()
    if line is not None and not touches:
        problem = "is not needed: every per-user table is restricted to the user's id"
        yield Finding(file.path, line, "@across", problem, "remove the line")
    for touch in touches if line is None else ():
        yield Finding(
            file.path,
            file.line_at(touch.offset),
            f'table "{touch.table}"',
            "is used without the user's id",
            f'add {touch.table}.{touch.column} = %(user_id)s, or add "-- @across why" to the header',
        )


def _fact(name: str, uses: Sequence[Use]) -> Fact:
    """Return what is known of a parameter from the values that methods pass."""
    return parameters.fact_of(name, [use.given[name] for use in uses if name in use.given])


def _stars(statement: Node) -> list[int]:
    found: list[int] = []
    for node in walk(statement):
        if isinstance(node, ast.ResTarget):
            parts = node.val.fields if isinstance(node.val, ast.ColumnRef) else getattr(node.val, "indirection", None)
            found += [node.location] if parts and isinstance(parts[-1], ast.A_Star) else []
    return found


__all__ = [
    "Finding",
    "Subject",
    "application",
    "check_against",
    "check_queries",
    "read_queries",
    "skilltree",
    "write_description",
]
