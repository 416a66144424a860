"""Statements are query files or constants. Values from callers are sent only as parameters."""

import ast
import re
import subprocess
import sys
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import Any

import psycopg
import pytest
from pytest_postgresql.executors import NoopExecutor

import skilltree
from conftest import _database

Connection = psycopg.Connection[tuple[Any, ...]]

SOURCE = Path(skilltree.__file__).parent

# Functions that read a query file by a variable name. They get the name from code that spells it out, or choose among
# names that do.
CHOOSING = {
    *(
        "load",
        "step",
        "_read",
        "_fetch",
        "_run_between",
        "all",
        "copy",
        "execute",
        "find",
        "one",
        "page",
        "stream",
        "values",
    ),
    *("_issue", "_act_on_skill", "_act_on_tree", "_log_in", "_mend_learner", "_mend_trees"),
    *("delete", "erase"),
    # Files that an application names.
    *("_require_hook", "hooks_of"),
    # By a name that must be one of INVARIANTS.
    "examine",
    # It takes the query of the same name in queries/json.
    "_as_json",
    # The query of the same name in queries/routed, and all functions there.
    *("_twin", "functions"),
    # They inspect a query that is about to run.
    *("_is_about_somebody", "_may_write", "_may_lock"),
}

# The position of the query's name among the arguments.
READING = {"step": 0, "read": 0, "_read": 0, "values": 0, "one": 1, "all": 1, "find": 1, "page": 1, "_fetch": 1}


@pytest.fixture(scope="module")
def connection(template: NoopExecutor) -> Iterator[Connection]:
    for url in _database(template, "statements", clone=True):
        with psycopg.connect(url, autocommit=True) as connection:
            yield connection


def calls(module: Path) -> Iterator[tuple[str, str, ast.Call]]:
    """Yield the calls in a module: the enclosing function, the name of the called function, and the call."""
    for function in ast.walk(ast.parse(module.read_text())):
        if isinstance(function, (ast.FunctionDef, ast.AsyncFunctionDef)):
            for node in ast.walk(function):
                if isinstance(node, ast.Call):
                    called = node.func
                    yield function.name, called.attr if isinstance(called, ast.Attribute) else ast.unparse(called), node


@cache
def library() -> list[Path]:
    """Return the modules that the two databases load, without tools."""
    show = (
        "import sys; from skilltree import AsyncDatabase, Database;"
        " print(*(each.__file__ for name, each in sys.modules.items() if name in sys.argv[1:]))"
    )
    files = [path.relative_to(SOURCE.parent).with_suffix("") for path in SOURCE.rglob("*.py")]
    names = [".".join(path.parent.parts if path.name == "__init__" else path.parts) for path in files]
    shown = subprocess.run([sys.executable, "-c", show, *names], check=True, capture_output=True, text=True).stdout
    return [Path(name) for name in shown.split()]


def test_every_executed_statement_is_a_query_file_or_a_constant() -> None:
    executed = [
        (module.name, ast.unparse(call.args[0]))
        for module in library()
        for _, name, call in calls(module)
        if name in {"execute", "executemany", "copy"} and call.args
    ]
    executed += [
        (module.name, ast.unparse(call.args[1]))
        for module in library()
        for _, name, call in calls(module)
        if name == "Statement"
    ]

    made_up = [
        (module, statement)
        for module, statement in executed
        # The text of a Statement is judged where that is made.
        if not re.fullmatch(r"[\w.\[\]]+\.numbered|connection\.begin|b?'[a-z ]*'|(each|statement)\.text", statement)
    ]

    assert len(executed) > 10
    assert made_up == []


def test_every_query_file_is_named_by_a_constant() -> None:
    chosen = {
        function
        for module in library()
        for function, name, call in calls(module)
        if isinstance(call.func, ast.Name) or ast.unparse(call.func).startswith("self.")
        for query in call.args[READING.get(name, 99) :][:1]
        if not isinstance(query, ast.Constant)
    }

    assert chosen == CHOOSING


def test_functions_that_execute_text_quote_their_arguments(connection: Connection) -> None:
    found = connection.execute("""
        select proname, prosrc from pg_proc
        where pronamespace = 'public'::regnamespace and prosrc ~* '\\mexecute\\M'
        order by proname
    """).fetchall()

    # Only the owner may call the functions of the trail. Migrations pass them table names.
    of_the_owner = {
        "audit_table",
        "drop_audit_partitions",
        "ensure_audit_partitions",
        "protect_audit_partition",
        "share_trail",
    }
    assert {name for name, _ in found} == {"begin_as_service", "begin_as_user", *of_the_owner}
    for name, source in found:
        if name in of_the_owner:
            continue
        for text in re.findall(r"execute\s+([^;]+);", source):
            assert re.match(r"'[^']*(''[^']*)*'$|format\('[^']*', ", text), text
            assert set(re.findall(r"%\w?", text)) <= {"%L", "%I"}
