"""Checks a query's columns against its model: names in both directions, types, nullability, and JSON content."""

import inspect
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from difflib import get_close_matches

from pydantic import BaseModel

from skilltree.gate import types
from skilltree.gate.facts import Fact, Null, Rows, unknown
from skilltree.gate.files import QueryFile
from skilltree.gate.headers import declarations
from skilltree.gate.report import Finding
from skilltree.gate.schema import Schema


@dataclass
class OptionalFields:
    """The optional fields of models: those that a query never returns as null, and those that some query can."""

    made: set[str]
    """The models that Python code also creates. Their fields can be None there."""
    never: dict[tuple[type[BaseModel], str], Finding] = field(default_factory=dict)
    nullable: set[tuple[type[BaseModel], str]] = field(default_factory=set)

    def findings(self) -> Iterator[Finding]:
        """Yield the optional fields that no query returns as null."""
        for place, finding in self.never.items():
            if place not in self.nullable and place[0].__name__ not in self.made:
                yield finding


@dataclass(frozen=True)
class _Column:
    """A column of the result, or a key of a JSON object in the result."""

    name: str
    type: str | None
    line: int
    fact: Fact


@dataclass
class Comparison:
    """A query file, what the server and the parse tree tell about it, and its header's declarations."""

    file: QueryFile
    schema: Schema
    rows: Rows
    optional: OptionalFields

    def __post_init__(self) -> None:
        self._declared = {declared.column: declared for declared in declarations(self.file)}
        self._asked: set[str] = set()
        self._told: set[str] = set()

    def with_model(self, model: type[BaseModel]) -> Iterator[Finding]:
        """Yield the differences between the columns and the fields of a model."""
        described = [text.split(" ", 1) for text in self.schema.queries[self.file.name].columns]
        for place, (name, _) in enumerate(described):
            if [other for other, _ in described].count(name) > 1:
                field = f'column "{name}"'
                yield self._finding(self._line(place), field, "appears twice", "give one of them another name")
        columns = [
            _Column(name, kind, self._line(place), self._fact(place)) for place, (name, kind) in enumerate(described)
        ]
        yield from self._compare("", columns, model, {name: name for name in model.model_fields}, "column")

    def with_values(self) -> Iterator[Finding]:
        """Yield a finding unless the first column can be read as a plain value that is never null."""
        columns = self.schema.queries[self.file.name].columns
        if not columns:
            yield self._finding(self._line(0), "columns", "there are none, but the first one is read", "return one")
            return
        name = columns[0].split(" ")[0]
        nullable, findings = self._verdict(name, self._line(0), self._fact(0))
        yield from findings
        if nullable:
            problem = f"can be null: it {self._fact(0).why}"
            yield self._finding(self._line(0), f'column "{name}"', problem, "use coalesce, or read it into a model")

    def unasked(self) -> Iterator[Finding]:
        """Yield the declarations about columns that no model reads."""
        for declared in self._declared.values():
            if declared.column not in self._asked:
                problem = "declares a column that does not exist or that nobody reads"
                yield self._finding(declared.line, f"@{declared.says} {declared.column}", problem, "remove the line")

    def _compare(
        self,
        prefix: str,
        columns: Sequence[_Column],
        model: type[BaseModel],
        names: Mapping[str, str],
        kind: types.Kind,
    ) -> Iterator[Finding]:
        """Compare columns, or the keys of a JSON object, with a model. ``names`` maps them to its fields."""
        for column in columns:
            path = f"{prefix}{column.name}"
            field = f'column "{path}"'
            if column.name not in names:
                remedy = f"add the field, or remove the column{_like(column.name, names)}"
                problem = f"the model {model.__name__} has no such field"
                yield self._finding(column.line, field, problem, remedy)
                continue
            name = names[column.name]
            annotation = model.model_fields[name].annotation
            wrong = column.type and types.mismatch(column.type, annotation, self.schema.enums, kind)
            if wrong:
                remedy = f"correct the type of {model.__name__}.{name}, or cast the column"
                yield self._finding(column.line, field, wrong, remedy)
            yield from self._nullability(path, column, annotation, model, name)
            yield from self._shape(path, column, annotation)
        known = [column.name for column in columns]
        for key, name in names.items():
            if key not in known and model.model_fields[name].is_required():
                problem = f"no column has this name, but {model.__name__} needs it"
                remedy = f"add the column, or remove the field{_like(key, known)}"
                line = columns[0].line if columns else self._line(0)
                yield self._finding(line, f'field "{prefix}{key}"', problem, remedy)

    def _nullability(
        self, path: str, column: _Column, annotation: object, model: type[BaseModel], name: str
    ) -> Iterator[Finding]:
        nullable, findings = self._verdict(path, column.line, column.fact)
        yield from findings
        where = f"{model.__name__}.{name}"
        field = f'column "{path}"'
        if not types.is_optional(annotation):
            if nullable:
                problem = f"can be null ({column.fact.why or 'declared so'}), but {where} is not optional"
                remedy = "make the field optional, or the column never null"
                yield self._finding(column.line, field, problem, remedy)
        elif nullable is False:
            problem = f"is never null, here and wherever {where} is read, but the field is optional"
            finding = self._finding(column.line, field, problem, "make the field not optional")
            self.optional.never.setdefault(_owner(model, name), finding)
        else:
            self.optional.nullable.add(_owner(model, name))

    def _verdict(self, path: str, line: int, fact: Fact) -> tuple[bool | None, list[Finding]]:
        """Return whether a column can be null, as proven or declared, and the faults of the declaration."""
        declared = self._declared.get(path)
        first = path not in self._asked
        self._asked.add(path)
        if fact.null is Null.UNKNOWN:
            if declared is not None:
                return declared.says == "nullable", []
            remedy = f'declare it in the header: "-- @notnull {path}: why" or "-- @nullable {path}: why"'
            problem = f"may or may not be null: it {fact.why}"
            return None, [self._finding(line, f'column "{path}"', problem, remedy)] if first else []
        nullable = fact.null is Null.POSSIBLE
        if declared is None or not first:
            return nullable, []
        if (declared.says == "nullable") is nullable:
            problem = f"is not needed: it {fact.why}" if nullable else "is not needed: it can be proven"
        else:
            problem = f"is wrong: the column can be null (it {fact.why})" if nullable else "is wrong: it is never null"
        return nullable, [self._finding(declared.line, f"@{declared.says} {path}", problem, "remove the line")]

    def _shape(self, path: str, column: _Column, annotation: object) -> Iterator[Finding]:
        """Compare the content of a JSON column with the model that it becomes."""
        fact = column.fact
        inner = types.element(annotation)
        if fact.element is not None and inner is not None:
            if fact.element.null is Null.POSSIBLE and not types.is_optional(inner):
                problem = f"has elements that can be null (each {fact.element.why})"
                yield self._finding(column.line, f'column "{path}"', problem, "filter them, or make them optional")
            yield from self._shape(path, replace(column, fact=fact.element), inner)
        elif fact.element is not None and fact.element.fields is not None:
            problem = f"is an array, not {types.shown(annotation)}"
            yield self._finding(column.line, f'column "{path}"', problem, "make the field a tuple")
        model = types.model(annotation)
        if fact.fields is not None and model is not None:
            keys = [_Column(key, inner.type, column.line, inner) for key, inner in fact.fields.items()]
            names = {field.alias or name: name for name, field in model.model_fields.items()}
            yield from self._compare(f"{path}.", keys, model, names, "JSON")

    def _fact(self, place: int) -> Fact:
        columns = self.rows.columns
        return columns[place][1] if place < len(columns) else unknown("comes from a statement that is not followed")

    def _line(self, place: int) -> int:
        places = self.rows.places
        return self.file.line_of_column(places[place] if place < len(places) else None)

    def _finding(self, line: int, field: str, problem: str, remedy: str) -> Finding:
        return Finding(self.file.path, line, field, problem, remedy)


def _owner(model: type[BaseModel], name: str) -> tuple[type[BaseModel], str]:
    """Return a field together with the class that declares it."""
    for cls in model.__mro__:
        if issubclass(cls, BaseModel) and name in inspect.get_annotations(cls):
            return cls, name
    return model, name


def _like(name: str, known: Iterable[str]) -> str:
    """Return a hint at a similar name."""
    near = get_close_matches(name, list(known), n=1)
    return f" (meant {near[0]}?)" if near else ""
