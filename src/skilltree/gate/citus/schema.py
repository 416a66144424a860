"""What Citus refuses in the schema that migrations define, or does otherwise."""

from collections.abc import Iterator

from pglast import ast
from pglast.enums import parsenodes

from skilltree.gate.citus.definitions import Defined, Definitions, body_of, option_of, without_comments
from skilltree.gate.citus.functions import check_functions
from skilltree.gate.citus.layout import Layout
from skilltree.gate.facts import walk
from skilltree.gate.report import Finding

_ADDS_CONSTRAINT = {parsenodes.AlterTableType.AT_AddConstraint}


def check_schema(defined: Definitions, *, knows_places: bool) -> Iterator[Finding]:
    """Yield the faults of what migrations define. With ``knows_places``, each table must be in the layout."""
    layout = defined.layout
    for each in defined.alterations:
        if len(each.node.cmds) > 1 and any(command.subtype in _ADDS_CONSTRAINT for command in each.node.cmds):
            yield each.text.found("column_with_constraint", each.node.relation, f'table "{each.name}"')
    for name, table in defined.tables.items():
        if knows_places and not layout.is_ours(name):
            yield table.text.found("table_without_place", table.node.relation, f'table "{name}"')
    for each in defined.keys.values():
        yield from _key(each, layout)
    for each in defined.references.values():
        yield from _reference(each, layout)
    for each in defined.policies.values():
        for node in walk((each.node.qual, each.node.with_check)):
            if isinstance(node, ast.SubLink):
                yield each.text.found("policy_with_sub_select", node, f'policy "{each.name}" of {each.table}')
    for each in defined.functions.values():
        if option_of(each.node, "language") == "sql" and each.node.parameters and _uses_table(each, defined):
            yield each.text.found("sql_function_with_parameters", _place(each), f'function "{each.name}"')
    yield from check_functions(defined, layout)


def _key(key: Defined, layout: Layout) -> Iterator[Finding]:
    learner = layout.learner_column(key.table)
    if learner is None:
        return
    if isinstance(key.node, ast.IndexStmt):
        columns = {each.name for each in key.node.indexParams}
        node = key.node.relation
    else:
        columns = {each.sval for each in key.node.keys or ()}
        node = key.node
        if not columns:  # A constraint of one column.
            columns = {key.column} if key.column else set()
    if learner not in columns:
        yield key.text.found("key_without_learner", node, f'key "{key.name}" of {key.table}')


def _reference(key: Defined, layout: Layout) -> Iterator[Finding]:
    target = key.node.pktable.relname
    to = layout.learner_column(target)
    if to is None:
        return
    own = layout.learner_column(key.table)
    what = f'foreign key "{key.name}" of {key.table}'
    if own is None:
        yield key.text.found("copy_refers_to_learner", key.node, what)
        return
    columns = [each.sval for each in key.node.fk_attrs or ()] or [key.column]
    targets = [each.sval for each in key.node.pk_attrs or ()]
    if (own, to) not in set(zip(columns, targets or columns, strict=False)):
        yield key.text.found("reference_without_learner", key.node, what)


def _uses_table(function: Defined, defined: Definitions) -> bool:
    body = without_comments(body_of(function).sql)
    words = {word.strip('"') for word in body.replace(".", " ").replace("(", " ").replace(";", " ").split()}
    return bool(words & defined.columns.keys())


def _place(function: Defined) -> ast.Node:
    # The name has no location of its own.
    return function.node.parameters[0].argType if function.node.parameters else function.node
