"""Curricula as tables from a spreadsheet, with one row for each skill."""

import codecs
import csv
import io
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import NamedTuple

from skilltree._core.terminal_text import harmless
from skilltree.curriculum.checks import looks
from skilltree.curriculum.json_text import decoded
from skilltree.curriculum.parse import parse_document
from skilltree.curriculum.rows import slug_of
from skilltree.errors import InvalidCurriculum
from skilltree.models.curriculum import Curriculum, CurriculumTree

CATEGORY = "Imported"
"""The category of a new tree without one."""


class _Column(NamedTuple):
    field: str
    read: Callable[[str], object]
    expected: str = ""


def _text(cell: str) -> object:
    return cell


def _keys(cell: str) -> object:
    return [part.strip() for part in re.split(r"[;\n]" if ";" in cell or "\n" in cell else ",", cell) if part.strip()]


def _lines(cell: str) -> object:
    return [part.strip() for part in re.split(r"[;\n]", cell) if part.strip()]


def _whole(cell: str) -> object:
    # 1,000 or 1.000 may mean a thousand or one, so they are refused.
    if _THOUSANDS.fullmatch(cell):
        raise ValueError(cell)
    number = float(cell.replace(",", ".")) if "." in cell or "," in cell else int(cell)
    if number != int(number):
        raise ValueError(cell)
    return int(number)


def _number(cell: str) -> object:
    return float(cell.replace(",", "."))


_YES = frozenset({"yes", "y", "true", "1", "x", "✓", "✔", "ja", "oui", "si", "sí", "wahr", "vrai"})
_NO = frozenset({"no", "n", "false", "0", "-", "nein", "non", "falsch", "faux"})


def _flag(cell: str) -> object:
    word = cell.lower()
    if word in _YES:
        return True
    if word in _NO:
        return False
    raise ValueError(cell)


def _word(cell: str) -> object:
    return cell.upper().replace(" ", "_")


_WHOLE, _YES_OR_NO = "a whole number, such as 1200", "yes or no"
_TREE_COLUMNS = {"tree_name": "name", "category": "category", "tree_description": "description"}
_COLUMNS = {
    "key": _Column("key", _text),
    "name": _Column("name", _text),
    "description": _Column("description", _text),
    "dependencies": _Column("dependencies", _keys),
    "minutes": _Column("estimated_minutes", _whole, _WHOLE),
    "xp": _Column("xp_value", _whole, _WHOLE),
    "optional": _Column("optional", _flag, _YES_OR_NO),
    "milestone": _Column("milestone", _flag, _YES_OR_NO),
    "type": _Column("skill_type", _word),
    "difficulty": _Column("difficulty", _word),
    "objectives": _Column("objectives", _lines),
    "parent": _Column("parent", _text),
    "x": _Column("x", _number, "a number"),
    "y": _Column("y", _number, "a number"),
}
_ALIASES = {"slug": "tree", "estimated_minutes": "minutes", "xp_value": "xp", "requires": "dependencies",
            "prerequisites": "dependencies", "depends_on": "dependencies", "skill": "name", "title": "name",
            "skill_type": "type"}  # fmt: skip
_THOUSANDS = re.compile(r"[+-]?\d{1,3}([.,]\d{3})+")
_SLUG = re.compile(r"[a-z0-9]+(-[a-z0-9]+)*")
_FORMULA = re.compile(r"^[=+\-@\t\r]")
"""The first characters of a formula. Such a cell is written with an apostrophe before it, as spreadsheets do."""


def read_table(data: bytes, known: Callable[[str], CurriculumTree | None]) -> Curriculum:
    """Return the trees of a table. Fields without a column keep their value if the tree is known.

    Cells are separated by commas, semicolons or tabs. The encoding is UTF-8, UTF-16 or the old one of Windows (cp1252).
    Raises InvalidCurriculum, which lists every fault by row and column.
    """
    rows = _rows(_decoded(data))
    header = _header(next((row for row in rows if any(row[1])), None))
    problems: list[str] = []
    trees: dict[str, dict[str, object]] = {}
    rows_of: dict[tuple[str, str], int] = {}
    for number, cells in rows:
        row = {name: cell for name, cell in zip(header, cells, strict=False) if name and cell}
        if len(cells) > len(header) and any(cells[len(header) :]):
            problems.append(f"row {number}: it has {len(cells)} cells, but the header has {len(header)}")
        if not row:
            continue
        if "tree" not in row:
            problems.append(f"row {number}, column tree: it is empty")
            continue
        slug, tree = _tree(number, row, trees, known, problems)
        skill = _skill(number, row, problems)
        key = str(skill["key"])
        if (slug, key) in rows_of:
            problems.append(f"row {number}, column key: {key} is already in row {rows_of[slug, key]}")
            continue
        rows_of[slug, key] = number
        skills = tree["skills"]
        assert isinstance(skills, list)  # noqa: S101 (made above)
        skills.append(skill)
    if not trees and not problems:
        problems.append("there is no row below the header")
    if problems:
        raise InvalidCurriculum("the table cannot be imported:", problems=tuple(problems))
    there = {_COLUMNS[name].field for name in header if name in _COLUMNS} | ({"position"} if "x" in header else set())
    return _parsed(trees, rows_of, there)


def _decoded(data: bytes) -> str:
    if data.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)):
        return decoded(data, "utf-16")
    try:
        return data.decode("utf-8-sig")
    except UnicodeDecodeError:
        return decoded(data, "cp1252")


def _rows(text: str) -> Iterator[tuple[int, list[str]]]:
    """Yield the rows with their numbers as a spreadsheet shows them."""
    if text.lower().startswith("sep="):
        text = text.partition("\n")[2]
    first = text.lstrip("\r\n").partition("\n")[0]
    delimiter = max(",;\t", key=first.count)
    if "\0" in text:
        raise InvalidCurriculum("the table cannot be read:", problems=("it has NUL characters: is it a CSV file?",))
    number = 0
    reader = csv.reader(io.StringIO(text, newline=""), delimiter=delimiter, strict=True)
    try:
        for number, cells in enumerate(reader, start=1):
            yield number, [_unquoted(cell.strip()) for cell in cells]
    except csv.Error as error:
        raise InvalidCurriculum("the table cannot be read:", problems=(f"row {number + 1}: {error}",)) from error


def _unquoted(cell: str) -> str:
    return cell[1:] if cell.startswith("'") and _FORMULA.match(cell[1:]) else cell


def _header(first: tuple[int, list[str]] | None) -> list[str]:
    if first is None:
        raise InvalidCurriculum("the table cannot be read:", problems=("it is empty",))
    number, cells = first
    names = [cell.lower().replace(" ", "_") for cell in cells]
    header = [_ALIASES.get(name, name) for name in names]
    known = {"tree", *_TREE_COLUMNS, *_COLUMNS}
    problems = [
        f"row {number}, column {name}: this column is unknown; there are {', '.join(sorted(known))}"
        for name in header
        if name and name not in known
    ]
    problems += [f"row {number}: the column {name} appears twice" for name in sorted(known) if header.count(name) > 1]
    problems += [f"row {number}: the column {name} is missing" for name in ("tree", "name") if name not in header]
    if problems:
        raise InvalidCurriculum("the header of the table has faults:", problems=tuple(problems))
    return header


def _tree(
    number: int,
    row: Mapping[str, str],
    trees: dict[str, dict[str, object]],
    known: Callable[[str], CurriculumTree | None],
    problems: list[str],
) -> tuple[str, dict[str, object]]:
    called = row["tree"]
    slug = called if _SLUG.fullmatch(called) else slug_of(called)
    if slug not in trees:
        there = known(slug)
        name = called if slug != called else slug.replace("-", " ").capitalize()
        held = there.to_form() if there else {"name": name, "category": CATEGORY}
        # A slug that loses no character stands for the name: C is the tree c. C++ is not, because its slug loses some.
        is_meant = there is None or _alike(called) in {slug, _alike(there.name)}
        trees[slug] = held | {"slug": slug, "skills": [], "held": there, "called": called if is_meant else held["name"]}
    other = str(trees[slug]["called"])
    if _alike(called) != _alike(other):
        problems.append(
            f"row {number}, column tree: {called!r} and {other!r} would be the same tree, {slug}; give each a slug"
        )
    given = {field: row[column] for column, field in _TREE_COLUMNS.items() if column in row}
    trees[slug] |= given
    return slug, trees[slug]


def _alike(called: str) -> str:
    """Return the form in which names of a tree are compared, without case and word separators."""
    return re.sub(r"[\s_-]+", "-", looks(called)).strip("-")


def _skill(number: int, row: Mapping[str, str], problems: list[str]) -> dict[str, object]:
    found: dict[str, object] = {}
    for name, column in _COLUMNS.items():
        if name in row:
            try:
                found[column.field] = column.read(row[name])
            except (ValueError, OverflowError):
                problems.append(f"row {number}, column {name}: {row[name]!r} is not {column.expected}")
    if "name" not in row:
        problems.append(f"row {number}, column name: it is empty")
    x, y = found.pop("x", None), found.pop("y", None)
    if x is not None and y is not None:
        found["position"] = [x, y]
    return {"key": row.get("key", row.get("name", ""))} | found


def _parsed(
    trees: Mapping[str, dict[str, object]], rows_of: Mapping[tuple[str, str], int], there_are: set[str]
) -> Curriculum:
    """Return the trees, with known values for fields without a column. Faults are listed by row."""
    forms = []
    for slug, tree in trees.items():
        there = tree.pop("held")
        tree.pop("called")
        held = {
            str(each["key"]): {name: value for name, value in each.items() if name not in there_are}
            for each in (_skills_of(there) if isinstance(there, CurriculumTree) else ())
        }
        skills = tree["skills"]
        assert isinstance(skills, list)  # noqa: S101 (made above)
        forms.append(tree | {"slug": slug, "skills": [held.get(str(each["key"]), {}) | each for each in skills]})
    try:
        return parse_document({"trees": forms})
    except InvalidCurriculum as error:
        rows = {f"tree {slug}: skill {key}: ": f"row {row}, column " for (slug, key), row in rows_of.items()}
        columns = {column.field: name for name, column in _COLUMNS.items()}
        problems = tuple(_by_row(problem, rows, columns) for problem in error.problems)
        raise InvalidCurriculum("the table cannot be imported:", problems=problems) from error


def _by_row(problem: str, rows: Mapping[str, str], columns: Mapping[str, str]) -> str:
    for start, row in rows.items():
        if problem.startswith(start):
            field, colon, fault = problem[len(start) :].partition(":")
            name, dot, rest = field.partition(".")
            return f"{row}{columns.get(name, name)}{dot}{rest}{colon}{fault}"
    return problem


def _skills_of(tree: CurriculumTree) -> Sequence[Mapping[str, object]]:
    skills = tree.to_form()["skills"]
    return skills if isinstance(skills, list) else []


def write_table(curriculum: Curriculum) -> str:
    """Return a table with one row for each skill. Content, resources and assessments have no columns."""
    out = io.StringIO()
    writer = csv.writer(out, lineterminator="\r\n")
    writer.writerow(["tree", "tree_name", "category", *_COLUMNS])
    for tree in curriculum.trees:
        for skill in tree.skills:
            x, y = skill.position or ("", "")
            cells = [
                tree.slug, tree.name, tree.category, skill.key, skill.name, skill.description or "",
                _joined(skill.dependencies), skill.estimated_minutes, skill.xp_value,
                "yes" if skill.optional else "no", "yes" if skill.milestone else "no", skill.skill_type.value,
                skill.difficulty.value, "\n".join(skill.objectives), skill.parent or "", x, y,
            ]  # fmt: skip
            writer.writerow([_cell(cell) for cell in cells])
    return out.getvalue()


def _joined(keys: Sequence[str]) -> str:
    # A cell with a semicolon is not split at commas.
    return "; ".join(keys) + (";" if len(keys) == 1 and "," in keys[0] else "")


def _cell(value: object) -> object:
    text = harmless(value) if isinstance(value, str) else value
    return f"'{text}" if isinstance(text, str) and _FORMULA.match(text) else text
