"""Reads repository methods and finds the queries they run, with the values they pass.

Nothing is executed. The reader follows the statements with what is known of each value (its type, and its constant if
there is one), through the helper methods of the class and its base classes.
"""

import ast
import builtins
import inspect
import typing
from dataclasses import dataclass
from types import ModuleType
from typing import Any

from skilltree.gate.values import (
    UNKNOWN,
    Value,
    attribute,
    display,
    either,
    fields_of,
    members,
    of_object,
    of_type,
    unpacked,
    when_false,
    without_none,
)
from skilltree.models.base import Model, Page

_RUNS = ("all", "one", "find", "page", "stream", "values", "execute", "copy")
_WITHOUT_MODEL = {"values", "execute", "copy"}
_NO_PARAMETERS = {"missing", "before", "after", "order", "limit"}


@dataclass(frozen=True)
class Method:
    """The source of a method and its module, which gives its names a meaning."""

    node: ast.AsyncFunctionDef | ast.FunctionDef
    module: ModuleType
    file: str


@dataclass(frozen=True)
class Use:
    """The use of a query in a method: its parameters, and the model of its rows."""

    query: str
    user: str
    file: str
    line: int
    given: dict[str, Value]
    group: int
    """The same for the statements of one transaction that share their parameters."""
    model: type[Model] | None = None
    is_values: bool = False


class Reader:
    """Follows a method and the helper methods that it calls."""

    def __init__(self, cls: type, methods: dict[str, Method], user: str) -> None:
        self._class, self._methods, self._user = cls, methods, user
        self._under_way: list[Method] = []
        self.uses: list[Use] = []

    def run(self, method: Method, given: dict[str, Value]) -> Value:
        """Follow a method with these arguments, and return what is known of its result."""
        node = method.node
        hints = typing.get_type_hints(getattr(self._class, node.name))
        names = [argument.arg for argument in (*node.args.posonlyargs, *node.args.args, *node.args.kwonlyargs)]
        scope = {name: given.get(name, of_type(hints.get(name, Any))) for name in names}
        if node.args.kwarg is not None:
            rest = {name: value for name, value in given.items() if name not in names}
            hint = hints.get(node.args.kwarg.arg, Any)
            scope[node.args.kwarg.arg] = Value(hint, items=rest) if given else of_type(hint)
        if method not in self._under_way:
            self._under_way.append(method)
            self._block(node.body, scope)
            self._under_way.pop()
        return of_type(hints.get("return", Any))

    @property
    def _module(self) -> ModuleType:
        """The module of the method that is being followed."""
        return self._under_way[-1].module

    def _block(self, body: list[ast.stmt], scope: dict[str, Value]) -> None:
        for statement in body:
            match statement:
                case ast.Assign(targets=targets, value=value):
                    found = self._value(value, scope)
                    for target in targets:
                        self._bind(target, found, scope)
                case ast.AnnAssign(target=target, annotation=annotation, value=ast.expr() as value):
                    found = self._value(value, scope)
                    hint = eval(ast.unparse(annotation), vars(self._module).copy())  # noqa: S307 (our own annotation)
                    self._bind(target, Value(hint, True, found.choices, found.parts, found.items), scope)
                case ast.If(test=test, body=then, orelse=otherwise):
                    self._value(test, scope)
                    for branch in (then, otherwise):
                        self._branch(branch, scope)
                case ast.For(target=target, iter=over, body=inner) | ast.AsyncFor(target=target, iter=over, body=inner):
                    for each in members(self._value(over, scope)):
                        self._bind(target, each, scope)
                        self._branch(inner, scope)
                case ast.While(test=test, body=inner):
                    self._value(test, scope)
                    self._branch(inner, scope)
                case ast.With(items=items, body=inner) | ast.AsyncWith(items=items, body=inner):
                    for item in items:
                        found = self._value(item.context_expr, scope)
                        if item.optional_vars is not None:
                            self._bind(item.optional_vars, found, scope)
                    self._block(inner, scope)
                case ast.Try(body=inner, handlers=handlers, orelse=otherwise, finalbody=final):
                    for block in (inner, *(handler.body for handler in handlers), otherwise, final):
                        self._branch(block, scope)
                case _:
                    for child in ast.iter_child_nodes(statement):
                        if isinstance(child, ast.expr):
                            self._value(child, scope)

    def _branch(self, body: list[ast.stmt], scope: dict[str, Value]) -> None:
        """Follow statements that may not run. A name that they assign may have either value."""
        inner = dict(scope)
        self._block(body, inner)
        for name, value in inner.items():
            if scope.get(name) is not value:
                scope[name] = either([scope[name], value]) if name in scope else value

    def _bind(self, target: ast.expr, value: Value, scope: dict[str, Value]) -> None:
        match target:
            case ast.Name(id=name):
                scope[name] = value
            case ast.Tuple(elts=targets) | ast.List(elts=targets):
                for inner, part in zip(targets, unpacked(value, len(targets)), strict=True):
                    self._bind(inner, part, scope)
            case ast.Starred(value=inner):
                self._bind(inner, UNKNOWN, scope)
            case _:
                pass

    def _value(self, node: ast.expr, scope: dict[str, Value]) -> Value:
        match node:
            case ast.Constant(value=constant):
                return Value(type(constant), choices=(constant,))
            case ast.Name(id=name):
                return scope[name] if name in scope else self._global(name)
            case ast.Await(value=inner):
                return self._value(inner, scope)
            case ast.Attribute(value=inner, attr=name):
                return attribute(self._value(inner, scope), name)
            case ast.Call():
                return self._call(node, scope)
            case ast.JoinedStr(values=parts):
                return self._joined(parts, scope)
            case ast.Tuple(elts=elements):
                return display(self._elements(elements, scope), tuple)
            case ast.List(elts=elements):
                return display(self._elements(elements, scope), list)
            case ast.Dict(keys=keys, values=values):
                return self._dictionary(keys, values, scope)
            case ast.ListComp(elt=element, generators=generators):
                return display(self._comprehended(element, generators, scope), list)
            case ast.GeneratorExp(elt=element, generators=generators) | ast.SetComp(elt=element, generators=generators):
                return display(self._comprehended(element, generators, scope), list)
            case ast.BoolOp(op=ast.Or(), values=operands):
                found = [self._value(operand, scope) for operand in operands]
                return either([*(without_none(each) for each in found[:-1]), found[-1]])
            case ast.BoolOp(op=ast.And(), values=operands):
                found = [self._value(operand, scope) for operand in operands]
                return either([*(false for each in found[:-1] if (false := when_false(each))), found[-1]])
            case ast.IfExp(test=test, body=then, orelse=otherwise):
                self._value(test, scope)
                return either([self._value(then, scope), self._value(otherwise, scope)])
            case ast.BinOp(left=left, op=ast.Add(), right=right):
                one, other = self._value(left, scope), self._value(right, scope)
                both = one.parts is not None and other.parts is not None
                return display([*(one.parts or ()), *(other.parts or ())], list) if both else one
            case ast.Compare() | ast.UnaryOp(op=ast.Not()):
                for child in ast.iter_child_nodes(node):
                    if isinstance(child, ast.expr):
                        self._value(child, scope)
                return of_type(bool)
            case ast.Subscript(value=inner, slice=ast.Slice()):
                return self._value(inner, scope)
            case ast.Subscript(value=inner):
                return either(members(self._value(inner, scope)))
            case _:
                for child in ast.iter_child_nodes(node):
                    if isinstance(child, ast.expr) and not isinstance(node, ast.Lambda):
                        self._value(child, scope)
                return UNKNOWN

    def _global(self, name: str) -> Value:
        found = vars(self._module).get(name, getattr(builtins, name, None))
        return UNKNOWN if found is None else of_object(found)

    def _elements(self, elements: list[ast.expr], scope: dict[str, Value]) -> list[Value]:
        found: list[Value] = []
        for element in elements:
            match element:
                case ast.Starred(value=inner):
                    found += members(self._value(inner, scope))
                case _:
                    found.append(self._value(element, scope))
        return found

    def _dictionary(self, keys: list[ast.expr | None], values: list[ast.expr], scope: dict[str, Value]) -> Value:
        items: dict[str, Value] = {}
        for key, value in zip(keys, values, strict=True):
            found = self._value(value, scope)
            if key is None:
                items |= fields_of(found)
            else:
                items |= dict.fromkeys(self._value(key, scope).strings, found)
        return Value(dict[str, Any], items=items)

    def _comprehended(
        self, element: ast.expr, generators: list[ast.comprehension], scope: dict[str, Value]
    ) -> list[Value]:
        if not generators:
            return [self._value(element, scope)]
        first, *others = generators
        found: list[Value] = []
        for each in members(self._value(first.iter, scope)):
            inner = dict(scope)
            self._bind(first.target, each, inner)
            found += self._comprehended(element, others, inner)
        return found

    def _joined(self, parts: list[ast.expr], scope: dict[str, Value]) -> Value:
        texts = [""]
        for part in parts:
            inner = part.value if isinstance(part, ast.FormattedValue) else part
            texts = [text + more for text in texts for more in self._value(inner, scope).strings]
        return Value(str, choices=tuple(texts))

    def _call(self, node: ast.Call, scope: dict[str, Value]) -> Value:
        arguments = self._elements(node.args, scope)
        named: dict[str, Value] = {}
        for keyword in node.keywords:
            value = self._value(keyword.value, scope)
            named |= {keyword.arg: value} if keyword.arg is not None else fields_of(value)
        match node.func:
            case ast.Attribute(value=ast.Name(id="self"), attr=name) if name in _RUNS:
                return self._runs(name, node.lineno, arguments, named)
            case ast.Attribute(value=ast.Name(id="self"), attr=name) if name in self._methods:
                method = self._methods[name]
                names = [argument.arg for argument in method.node.args.args[1:]]
                if name.startswith("_"):
                    return self.run(method, dict(zip(names, arguments, strict=False)) | named)
                return of_type(typing.get_type_hints(getattr(self._class, name)).get("return", Any))
            case ast.Attribute(value=ast.Name(id="self"), attr="step"):
                return self._step(node.lineno, *arguments)
            case _:
                return self._returned(self._value(node.func, scope), arguments)

    def _returned(self, function: Value, arguments: list[Value]) -> Value:
        """Return what is known of the result of a function or class of the module."""
        called = next(iter(function.choices), None)
        if called is dict and arguments:
            return Value(dict[str, Any], items=fields_of(arguments[0]))
        if called in {list, sorted} and arguments:
            return display(members(arguments[0]), list)
        if getattr(called, "__name__", "") == "to_thread" and arguments:
            return self._returned(arguments[0], [])
        if inspect.isclass(called):
            return of_type(called)
        return of_type(typing.get_type_hints(called).get("return", Any)) if inspect.isfunction(called) else UNKNOWN

    def _step(self, line: int, query: Value, params: Value, model: Value | None = None) -> Value:
        found = next(iter(model.choices), None) if model is not None else None
        of = found if inspect.isclass(found) and issubclass(found, Model) else None
        for name in query.strings:
            given = fields_of(params)
            self.uses.append(Use(name, self._user, self._under_way[-1].file, line, given, id(params.items), of))
        return UNKNOWN

    def _runs(self, name: str, line: int, arguments: list[Value], named: dict[str, Value]) -> Value:
        found = None if name in _WITHOUT_MODEL else next(iter(arguments[0].choices))
        of = typing.cast("type[Model] | None", found)
        params = {key: value for key, value in named.items() if key not in _NO_PARAMETERS or _is_given(name, key)}
        if name == "page" and of is not None:
            for key in named["order"].strings:
                known = of.model_fields.get(key)
                params[f"after_{key}"] = either([of_type(known.annotation), of_type(None)]) if known else UNKNOWN
            params["limit"] = of_type(int)
        queries = arguments[0 if name in _WITHOUT_MODEL else 1].strings
        file = self._under_way[-1].file
        group = id(params)
        for query in queries:
            # A COPY has no parameters: those given are for the queries around it.
            sent = {} if name == "copy" else params
            self.uses.append(Use(query, self._user, file, line, sent, group, of, name == "values"))
        for around in (named.get("before"), named.get("after")):
            for query in dict.fromkeys(around.strings if around and name != "page" else ()):
                self.uses.append(Use(query, self._user, file, line, params, group))
        if name in {"execute", "copy"}:
            return of_type(int)
        returned = {"one": of, "find": of | None if of else None, "page": Page[of], "all": list[of]}  # type: ignore[valid-type]  # made at run time
        return of_type(returned.get(name, list[Any]))


def _is_given(name: str, key: str) -> bool:
    """Return whether a keyword is a query parameter: ``limit`` is one except for a page, ``missing`` never is."""
    if key == "limit":
        return name != "page"
    if key in {"before", "after"}:
        return name in {"find"}
    return key == "order" and name != "page"
