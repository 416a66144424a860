"""What Citus refuses in the bodies of functions and triggers, or does otherwise."""

import re
from collections.abc import Iterator
from typing import Any

from pglast import ast, parse_plpgsql, parse_sql
from pglast.parser import ParseError

from skilltree.gate.citus.definitions import Defined, Definitions, Unreadable, body_of, option_of, without_comments
from skilltree.gate.citus.layout import Layout
from skilltree.gate.citus.rules import finding
from skilltree.gate.citus.statements import Statement, check_statement
from skilltree.gate.citus.text import Text
from skilltree.gate.facts import Node, walk
from skilltree.gate.report import Finding
from skilltree.migrate.distributed import ASKING

_TABLE_NAME = re.compile(r"\btg_(table_name|relname|relid|table_schema)\b", re.IGNORECASE)
_TRANSITION = re.compile(r"\breferencing\s+(.*?)\bfor\s+each\b", re.IGNORECASE | re.DOTALL)
_NAMED = re.compile(r"\b(?:old|new)\s+table\s+(?:as\s+)?(\w+)", re.IGNORECASE)
_INSERT_SELECT = re.compile(r"\binsert\s+into\s+[^;]*?\bselect\b[^;]*", re.IGNORECASE | re.DOTALL)
_NEXT = re.compile(r"\bnextval\(\s*'(?:public\.)?(\w+)'", re.IGNORECASE)
_MODIFICATIONS = (ast.InsertStmt, ast.UpdateStmt, ast.DeleteStmt)


def check_functions(defined: Definitions, layout: Layout) -> Iterator[Finding]:
    """Yield the faults of functions and of triggers, which Citus runs beside the rows: on each shard and each copy."""
    transition = {name for each in defined.functions.values() for name in _transition_tables(each)}
    for trigger in defined.triggers.values():
        transition |= {each.name for each in trigger.node.transitionRels or ()}
    tables: dict[str, set[str]] = {}
    for (table, _), trigger in defined.triggers.items():
        tables.setdefault(trigger.node.funcname[-1].sval, set()).add(table)
    sequences = {
        each.val.sval
        for default in defined.defaults
        for each in walk(default)
        if isinstance(each, ast.A_Const) and isinstance(each.val, ast.String)
    }
    called = {
        each.funcname[-1].sval
        for view in defined.views.values()
        for each in walk(view.node)
        if isinstance(each, ast.FuncCall)
    }
    for function in defined.functions.values():
        body = body_of(function)
        code = without_comments(body.sql)
        yield from _by_text(body, code, function.name, transition)
        for match in _NEXT.finditer(code):
            if match[1] not in {name.rpartition(".")[2] for name in sequences}:
                yield _at(body, match.start(), "sequence_without_column", f'sequence "{match[1]}"')
        if option_of(function.node, "language") != "plpgsql":
            continue
        if function.name in called and function.name not in ASKING:
            yield from _asking(function, layout)
        for text, tree in static_statements(function):
            statement = Statement(text, tree, layout, defined.volatility, is_of_one_learner=False, is_function=True)
            yield from check_statement(statement)
            if function.name in tables:
                yield from _in_trigger(text, tree, layout, sorted(tables[function.name]))


def _asking(function: Defined, layout: Layout) -> Iterator[Finding]:
    for text, tree in static_statements(function):
        for table in walk(tree):
            if isinstance(table, ast.RangeVar) and layout.place(table.relname) == "learner":
                yield text.found("function_asks_learners", table, f'function "{function.name}"')


def _transition_tables(function: Defined) -> Iterator[str]:
    """Yield the transition tables of triggers that a function creates by EXECUTE."""
    for match in _TRANSITION.finditer(without_comments(body_of(function).sql)):
        yield from _NAMED.findall(match[1])


def _by_text(body: Text, code: str, name: str, transition: set[str]) -> Iterator[Finding]:
    """Yield what is found in the text, so that also statements for EXECUTE are seen."""
    for match in _TABLE_NAME.finditer(code):
        yield _at(body, match.start(), "table_name_in_trigger", f'function "{name}"')
    for match in _INSERT_SELECT.finditer(code):
        if any(re.search(rf"\b(from|join)\s+{table}\b", match[0], re.IGNORECASE) for table in transition):
            yield _at(body, match.start(), "insert_from_transition_table", f'function "{name}"')


def _at(body: Text, offset: int, rule: str, what: str) -> Finding:
    return finding(rule, body.path, body.line_at(offset), what)


def static_statements(function: Defined) -> Iterator[tuple[Text, Node]]:
    """Yield the SQL statements of a PL/pgSQL function, except for those of EXECUTE."""
    body = body_of(function)
    for line, query in _queries(_parsed(function)):
        try:
            trees = parse_sql(query)
        except ParseError as error:
            raise Unreadable(f"{body.path}:{body.first_line + line - 1}: {error}") from error
        for tree in trees:
            yield Text(body.path, query, body.first_line + line - 1), tree.stmt


def _parsed(function: Defined) -> Any:
    text = function.text.sql
    begin = text.find(body_of(function).sql)
    start = max(
        text.rfind(word, 0, begin)
        for word in ("create function", "create or replace function", "create procedure", "create or replace procedure")
    )
    end = text.find(";", begin + len(body_of(function).sql))
    try:
        return parse_plpgsql(text[start : end + 1 if end >= 0 else len(text)])
    except ParseError as error:
        raise Unreadable(f"{function.text.path}: function {function.name}: {error}") from error


def _queries(node: Any, line: int = 1) -> Iterator[tuple[int, str]]:
    """Yield the queries of a parsed function, with the lines of their statements in the body."""
    if isinstance(node, list):
        for each in node:
            yield from _queries(each, line)
    elif isinstance(node, dict):
        line = node.get("lineno", line)
        for name, each in node.items():
            if name == "PLpgSQL_expr":
                query = each["query"]
                yield line, query if each.get("parseMode") == 0 else f"select {query.partition(':=')[2] or query}"
            elif name != "datums":
                yield from _queries(each, line)
            else:
                yield from _queries(each, 1)


def _in_trigger(text: Text, tree: Node, layout: Layout, tables: list[str]) -> Iterator[Finding]:
    of_copies = [table for table in tables if layout.place(table) == "copies"]
    of_learners = [table for table in tables if layout.place(table) == "learner"]
    for node in walk(tree):
        if isinstance(node, ast.LockStmt):
            yield text.found("table_lock", node.relations[0], f'table "{node.relations[0].relname}"')
        elif isinstance(node, ast.SelectStmt) and node.lockingClause:
            yield text.found("row_lock_in_trigger", node, f"the trigger of {', '.join(tables)}")
        elif isinstance(node, _MODIFICATIONS):
            written = node.relation.relname
            if of_copies:
                yield text.found("trigger_of_copy_writes", node.relation, f'table "{of_copies[0]}"')
            elif of_learners and layout.place(written) == "copies":
                yield text.found("trigger_writes_copies", node.relation, f'table "{written}"')
