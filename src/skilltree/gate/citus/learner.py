"""Whether a statement is about one learner, so that one server has all of its rows; and if not, what Citus refuses."""

from collections.abc import Iterator, Sequence

from pglast import ast

from skilltree.gate.citus.layout import LEARNER_COLUMNS
from skilltree.gate.citus.levels import Level, Table, expressions
from skilltree.gate.citus.text import Text
from skilltree.gate.citus.volatility import Volatility
from skilltree.gate.conditions import names_of
from skilltree.gate.facts import Node, walk
from skilltree.gate.report import Finding


def is_of_one_learner(levels: Sequence[Level]) -> bool:
    """Return whether every learner's table is tied to a parameter or constant."""
    return all(level.is_given(table) for level in levels for table in level.learners)


def check_learner(text: Text, levels: Sequence[Level]) -> Iterator[Finding]:
    """Yield each learner's table that is not tied to the learner's parameter in its own level."""
    for level in levels:
        for table, parameter in level.compared:
            yield text.found("outer_join_on_parameter", parameter, f'table "{table.name}"')
        for table in level.learners:
            if level.is_tied(table):
                continue
            what = f'table "{table.name}"'
            if any(column == table.column for column, _ in level.asked):
                yield text.found("learner_in_sub_select", table.node, what)
            elif table.is_outer:
                yield text.found("outer_join_not_on_learner", table.node, what)
            else:
                yield text.found("learner_not_given", table.node, what)


def check_learners(text: Text, statement: Node, levels: Sequence[Level], volatility: Volatility) -> Iterator[Finding]:
    """Yield what Citus refuses in a statement about many learners."""
    loose = {id(level): [table for table in level.learners if not level.is_given(table)] for level in levels}
    for level in levels:
        yield from _joins(text, level, loose[id(level)])
        if level.is_sub_select:
            yield from _correlations(text, level, loose[id(level)])
        yield from _row_locks(text, level, loose[id(level)])
        for each in expressions(level.node):
            if isinstance(each, ast.GroupingSet) and loose[id(level)]:
                yield text.found("grouping_sets", each, f'table "{loose[id(level)][0].name}"')
    yield from _values(text, levels, loose, volatility)
    nodes = {id(table.node): table for tables in loose.values() for table in tables}
    for query in walk(statement):
        clause = getattr(query, "withClause", None)
        if clause is None or not clause.recursive:
            continue
        for each in walk(query):
            if id(each) in nodes:
                yield text.found("recursion_over_learners", each, f'table "{nodes[id(each)].name}"')


def _joins(text: Text, level: Level, loose: Sequence[Table]) -> Iterator[Finding]:
    """Learners' tables of one level must be joined by the learner. Those of outer joins are compared by their ON."""
    for table in loose[1:]:
        if not any(level.are_joined(table.column, other.column) for other in loose if other is not table):
            yield text.found("join_not_on_learner", table.node, f'table "{table.name}"')


def _correlations(text: Text, level: Level, loose: Sequence[Table]) -> Iterator[Finding]:
    """A sub-select that refers to queries around it must refer to a learner's row there."""
    around = list(_around(level))
    outer = {name for each in around for name in each.names} - level.names
    refers = [
        names
        for each in expressions(level.node)
        if isinstance(each, ast.ColumnRef) and len(names := names_of(each)) > 1 and names[-2] in outer
    ]
    rows = {table.column for each in around for table in each.learners}
    rows |= {(alias, column) for each in around for alias in each.derived for column in LEARNER_COLUMNS}
    for table in loose if refers else ():
        if not any(level.are_joined(table.column, column) for column in rows):
            yield text.found("correlated_not_on_learner", table.node, f'table "{table.name}"')


def _around(level: Level) -> Iterator[Level]:
    while level.is_sub_select and level.around is not None:
        level = level.around
        yield level


def _row_locks(text: Text, level: Level, loose: Sequence[Table]) -> Iterator[Finding]:
    for clause in getattr(level.node, "lockingClause", None) or ():
        named = {each.relname for each in clause.lockedRels or ()}
        for table in loose:
            if not named or table.alias in named:
                yield text.found("row_lock_across_learners", table.node, f'table "{table.name}"')


def _values(
    text: Text, levels: Sequence[Level], loose: dict[int, list[Table]], volatility: Volatility
) -> Iterator[Finding]:
    """VALUES in FROM, where learners' tables stand."""
    for level in levels:
        if not getattr(level.node, "valuesLists", None) or level.around is None or not loose[id(level.around)]:
            continue
        for each in walk(level.node.valuesLists):
            if volatility.is_mutable(each):
                yield text.found("values_not_immutable", each, volatility.name_of(each))
