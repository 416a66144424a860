"""What migrations define: tables, views, functions, triggers, keys and policies, each as the last migration left it."""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from pglast import ast, parse_sql
from pglast.enums import parsenodes
from pglast.parser import ParseError

from skilltree.errors import SkillTreeError
from skilltree.gate.citus.layout import Layout
from skilltree.gate.citus.text import Text
from skilltree.gate.citus.volatility import Volatility
from skilltree.gate.facts import Node, walk
from skilltree.gate.nullability import column_name

_KEYS = {parsenodes.ConstrType.CONSTR_PRIMARY, parsenodes.ConstrType.CONSTR_UNIQUE}
_ALTER = parsenodes.AlterTableType


class Unreadable(SkillTreeError):
    """A migration, or a function of one, cannot be parsed."""


@dataclass(frozen=True)
class Defined:
    """A definition, and the text that has it."""

    node: Node
    text: Text
    name: str = ""
    table: str = ""
    column: str = ""
    """The column of a constraint that stands with its column."""


@dataclass
class Definitions:
    """The definitions that hold after all migrations."""

    columns: dict[str, set[str]] = field(default_factory=dict)
    tables: dict[str, Defined] = field(default_factory=dict)
    views: dict[str, Defined] = field(default_factory=dict)
    functions: dict[str, Defined] = field(default_factory=dict)
    triggers: dict[tuple[str, str], Defined] = field(default_factory=dict)
    policies: dict[tuple[str, str], Defined] = field(default_factory=dict)
    keys: dict[str, Defined] = field(default_factory=dict)
    """Primary keys and unique constraints and indexes."""
    references: dict[str, Defined] = field(default_factory=dict)
    """Foreign keys."""
    alterations: list[Defined] = field(default_factory=list)
    defaults: list[Node] = field(default_factory=list)
    """The defaults of columns."""

    @property
    def layout(self) -> Layout:
        views = {
            name: frozenset(each.relname for each in walk(view.node) if isinstance(each, ast.RangeVar)) - {name}
            for name, view in self.views.items()
        }
        return Layout(self.columns, views)

    @property
    def volatility(self) -> Volatility:
        return Volatility({name: _volatility(each.node) for name, each in self.functions.items()})

    def add(self, node: Node, text: Text) -> None:
        """Add what a statement of a migration defines, and leave out what it drops."""
        match node:
            case ast.CreateStmt(relation=relation) if node.partbound is None:
                self.tables[relation.relname] = Defined(node, text, relation.relname)
                self.columns[relation.relname] = set()
                for each in node.tableElts or ():
                    self._add_element(relation.relname, each, text)
            case ast.ViewStmt(view=view):
                self.views[view.relname] = Defined(node, text, view.relname)
                self.columns[view.relname] = set(_columns_of_view(node))
            case ast.CreateFunctionStmt():
                name = node.funcname[-1].sval
                self.functions[name] = Defined(node, text, name)
            case ast.CreateTrigStmt():
                self.triggers[node.relation.relname, node.trigname] = Defined(
                    node, text, node.trigname, node.relation.relname
                )
            case ast.CreatePolicyStmt():
                self.policies[node.table.relname, node.policy_name] = Defined(
                    node, text, node.policy_name, node.table.relname
                )
            case ast.IndexStmt() if node.unique:
                self.keys[node.idxname] = Defined(node, text, node.idxname, node.relation.relname)
            case ast.AlterTableStmt():
                self._alter(node, text)
            case ast.DropStmt():
                self._drop(node)
            case _:
                pass

    def _add_element(self, table: str, node: Node, text: Text) -> None:
        if isinstance(node, ast.ColumnDef):
            self.columns[table].add(node.colname)
            for each in node.constraints or ():
                self._add_constraint(table, each, text, [node.colname])
        elif isinstance(node, ast.Constraint):
            self._add_constraint(table, node, text, [])

    def _add_constraint(self, table: str, node: Node, text: Text, columns: list[str]) -> None:
        name = node.conname or f"{table}_{'_'.join(columns)}"
        made = Defined(node, text, name, table, columns[0] if columns else "")
        if node.contype in _KEYS:
            self.keys[name] = made
        elif node.contype is parsenodes.ConstrType.CONSTR_FOREIGN:
            self.references[name] = made
        elif node.contype is parsenodes.ConstrType.CONSTR_DEFAULT:
            self.defaults.append(node.raw_expr)

    def _alter(self, node: Node, text: Text) -> None:
        table = node.relation.relname
        self.alterations.append(Defined(node, text, table, table))
        for command in node.cmds:
            match command.subtype:
                case _ALTER.AT_AddColumn:
                    self.columns.setdefault(table, set())
                    self._add_element(table, command.def_, text)
                case _ALTER.AT_AddConstraint:
                    self._add_constraint(table, command.def_, text, [])
                case _ALTER.AT_ColumnDefault if command.def_ is not None:
                    self.defaults.append(command.def_)
                case _ALTER.AT_DropColumn:
                    self.columns.get(table, set()).discard(command.name)
                case _ALTER.AT_DropConstraint:
                    self.keys.pop(command.name, None)
                    self.references.pop(command.name, None)
                case _:
                    pass

    def _drop(self, node: Node) -> None:
        for each in node.objects:
            names = [part.sval for part in (each if isinstance(each, tuple) else getattr(each, "objname", ()) or ())]
            match node.removeType:
                case parsenodes.ObjectType.OBJECT_FUNCTION | parsenodes.ObjectType.OBJECT_PROCEDURE:
                    self.functions.pop(names[-1], None)
                case parsenodes.ObjectType.OBJECT_TRIGGER:
                    self.triggers.pop((names[-2], names[-1]), None)
                case parsenodes.ObjectType.OBJECT_POLICY:
                    self.policies.pop((names[-2], names[-1]), None)
                case parsenodes.ObjectType.OBJECT_VIEW | parsenodes.ObjectType.OBJECT_TABLE:
                    for kind in (self.views, self.tables, self.columns):
                        kind.pop(names[-1], None)
                    for of_table in (self.keys, self.references):
                        for name in [name for name, made in of_table.items() if made.table == names[-1]]:
                            del of_table[name]
                case parsenodes.ObjectType.OBJECT_INDEX:
                    self.keys.pop(names[-1], None)
                case _:
                    pass


def read_migrations(folders: Mapping[str, Path]) -> Definitions:
    """Return what the migrations of folders define. The keys are what findings call the folders."""
    found = Definitions()
    for shown, place in folders.items():
        for name, path in migration_files(place, shown).items():
            text = Text(name, path.read_text())
            try:
                statements = parse_sql(text.sql)
            except ParseError as error:
                raise Unreadable(f"{name}: {error}") from error
            for each in statements:
                found.add(each.stmt, text)
    return found


def migration_files(place: Path, shown: str) -> dict[str, Path]:
    """Return the migrations of a folder, in order, without those that go back."""
    found = sorted(path for path in place.glob("*.sql") if not path.name.endswith(".rollback.sql"))
    return {f"{shown}/{path.name}": path for path in found}


def body_of(function: Defined) -> Text:
    """Return the body of a function."""
    options = {option.defname: option.arg for option in function.node.options or ()}
    body = options["as"][0].sval if "as" in options else ""
    place = function.text.sql.find(body)
    return Text(function.text.path, body, function.text.line_at(place))


def option_of(function: Node, name: str) -> str:
    """Return an option of a function, such as its language."""
    found = next((option.arg for option in function.options or () if option.defname == name), None)
    return str(found.sval) if found is not None else ""


def without_comments(sql: str) -> str:
    """Return a text with spaces instead of comments."""
    return re.sub(r"--[^\n]*|/\*.*?\*/", lambda match: re.sub(r"[^\n]", " ", match[0]), sql, flags=re.DOTALL)


def _volatility(function: Node) -> str:
    return option_of(function, "volatility") or "volatile"


def _columns_of_view(node: Node) -> list[str]:
    query = node.query
    while query.op is not parsenodes.SetOperation.SETOP_NONE:
        query = query.larg
    names = [target.name or column_name(target.val) for target in query.targetList or ()]
    given = [alias.sval for alias in node.aliases or ()]
    return [*given, *names[len(given) :]]
