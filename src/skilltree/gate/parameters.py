"""Checks the parameters of a query against what its methods pass: names in both directions, and types."""

from collections.abc import Iterator, Mapping, Sequence
from difflib import get_close_matches

from skilltree.gate import types
from skilltree.gate.facts import Fact, Null, unknown
from skilltree.gate.files import QueryFile
from skilltree.gate.reader import Use
from skilltree.gate.report import Finding
from skilltree.gate.schema import Schema
from skilltree.gate.values import Value

OWNER = "user_id"
"""The parameter with the id of the statement's user."""


def fact_of(name: str, values: Sequence[Value]) -> Fact:
    """Return what is known of a parameter from the values that its methods pass."""
    if not values or not all(value.is_known for value in values):
        return unknown("is a parameter about which nothing is known", is_owner=name == OWNER)
    nullable = any(types.is_optional(value.type) for value in values)
    elements = [element for value in values if (element := types.element(value.type)) is not None]
    inner = None
    if elements:
        inner = Fact(Null.POSSIBLE if any(types.is_optional(each) for each in elements) else Null.NEVER)
    why = "is a parameter that can be None" if nullable else ""
    return Fact(Null.POSSIBLE if nullable else Null.NEVER, why, is_owner=name == OWNER, element=inner)


def check_parameters(files: Mapping[str, QueryFile], uses: Sequence[Use], schema: Schema) -> Iterator[Finding]:
    """Yield the differences between the parameters of the files and those that methods pass."""
    # psycopg does not interpret percent signs in statements without parameters.
    for file in (files[use.query] for use in uses if use.group >= 0 and use.query in files):
        for line in file.stray:
            yield Finding(file.path, line, "%", "is not a parameter", "write %(name)s, or %% for the sign")
    groups: dict[tuple[str, int], list[Use]] = {}
    for use in uses:
        if use.group >= 0 and use.query in files:
            groups.setdefault((use.user, use.group), []).append(use)
    for group in groups.values():
        yield from _check_group(group, files)
        for use in group:
            yield from _check_types(use, files[use.query], schema)


def _check_group(group: Sequence[Use], files: Mapping[str, QueryFile]) -> Iterator[Finding]:
    """Check statements that share their parameters: each gets all it needs, and one of them needs each."""
    needed = {name for use in group for name in files[use.query].parameters}
    for use in group:
        file = files[use.query]
        for name in file.parameters:
            if name not in use.given:
                yield Finding(
                    file.path,
                    file.line_of_parameter(name),
                    f'parameter "{name}"',
                    f"{use.user} ({use.file}:{use.line}) does not pass it",
                    f"pass it, or correct its name{_like(name, use.given)}",
                )
    for name in group[0].given:
        if name not in needed:
            files_named = ", ".join(sorted({files[use.query].path for use in group}))
            yield Finding(
                group[0].file,
                group[0].line,
                f'parameter "{name}"',
                f"{group[0].user} passes it, but {files_named} does not use it",
                f"remove it, or use it{_like(name, needed)}",
            )


def _check_types(use: Use, file: QueryFile, schema: Schema) -> Iterator[Finding]:
    described = schema.queries.get(file.name)
    if described is None or described.digest != file.digest:
        return
    for name, kind in described.parameters.items():
        value = use.given.get(name)
        if value is None:
            continue
        field = f'parameter "{name}"'
        if not value.is_known:
            untold = f"{use.user} passes {file.path} a value of unknown type"
            yield Finding(use.file, use.line, field, untold, "pass a variable with an annotation")
        elif (problem := types.mismatch(kind, value.type, schema.enums, "parameter")) is not None:
            remedy = f"correct what {use.user} passes, or cast the parameter in {file.path}"
            yield Finding(use.file, use.line, field, problem, remedy)


def _like(name: str, known: "Mapping[str, object] | set[str]") -> str:
    near = get_close_matches(name, sorted(known), n=1)
    return f" (meant {near[0]}?)" if near else ""
