"""Drawings of trees."""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from uuid import UUID, uuid5
from xml.etree import ElementTree

import pytest
from rich.console import Console

from skilltree.cli.drawing import drawing
from skilltree.cli.terminal import Terminal
from skilltree.curriculum import check_tree, parse_file
from skilltree.drawing import Status, layout, levels, mermaid, svg

SPACE = UUID(int=0)


@dataclass(frozen=True)
class Skill:
    id: UUID
    name: str
    dependencies: tuple[UUID, ...] = ()
    short_name: str | None = None
    is_optional: bool = False
    is_milestone: bool = False
    status: Status = Status.LOCKED


@dataclass(frozen=True)
class Tree:
    name: str
    skills: tuple[Skill, ...]


def tree(**needed: str) -> Tree:
    return Tree(
        "A tree",
        tuple(
            Skill(uuid5(SPACE, key), key, tuple(uuid5(SPACE, one) for one in text.split()))
            for key, text in needed.items()
        ),
    )


@pytest.fixture
def large(shared_data: Path) -> Tree:
    form = max(parse_file((shared_data / "metacademy.json").read_bytes()).trees, key=lambda each: len(each.skills))
    checked, _ = check_tree(form, leave_out_unknown=True)
    return Tree(
        checked.name,
        tuple(
            Skill(uuid5(SPACE, one.key), one.name, tuple(uuid5(SPACE, key) for key in one.dependencies))
            for one in checked.skills
        ),
    )


def crossings(rows: list[list[Skill]]) -> int:
    place = {skill.id: (level, spot) for level, row in enumerate(rows) for spot, skill in enumerate(row)}
    edges = [
        (place[one], place[skill.id]) for row in rows for skill in row for one in skill.dependencies if one in place
    ]
    near = [(a[1], b[1], a[0]) for a, b in edges if b[0] == a[0] + 1]
    return sum(x[2] == y[2] and (x[0] - y[0]) * (x[1] - y[1]) < 0 for i, x in enumerate(near) for y in near[:i])


def named(rows: list[list[Skill]]) -> list[list[str]]:
    return [[skill.name for skill in row] for row in rows]


def test_a_skill_is_below_all_its_dependencies() -> None:
    assert named(levels(tree(a="", d="c", b="a", c="a b", e="gone"))) == [["a", "e"], ["b"], ["c"], ["d"]]


def test_the_layout_reduces_crossings() -> None:
    crossed = tree(a="", b="", c="", x="c", y="b", z="a")

    assert crossings(levels(crossed)) == 3
    assert crossings(layout(crossed)) == 0


def test_the_layout_of_a_large_tree_is_deterministic_with_fewer_crossings(large: Tree) -> None:
    rows = layout(large)

    assert rows == layout(large)
    assert sorted(skill.id for row in rows for skill in row) == sorted(skill.id for skill in large.skills)
    assert crossings(rows) < crossings(levels(large)) / 2


HOSTILE = [
    '<script>alert("1")</script>',
    "a & b",
    '"quoted" `code` #35; [x] {y}',
    "1. list",
    "- list",
    "\x1b[31m\x00",
    "end",
]


@pytest.mark.parametrize("name", HOSTILE)
def test_a_name_is_only_text_in_every_drawing(name: str) -> None:
    hostile = Tree(name, (Skill(SPACE, name),))

    root = ElementTree.fromstring(svg(hostile))  # noqa: S314 (our own)
    chart = mermaid(hostile)

    assert not [each for each in root.iter() if each.tag.endswith("script")]
    assert not set(svg(hostile) + chart) & set("\x1b\x00")
    label = re.fullmatch(r'flowchart TD\n    s0\["(.*)"\]:::locked\n(    classDef .*\n)+', chart)
    assert label is not None
    assert not set(label[1]) & set('"<>`[]{}')
    assert not re.match(r"(\d+\.|-) ", label[1])


def boxes(picture: str) -> Iterator[tuple[float, float]]:
    for rect in ElementTree.fromstring(picture).iter("{http://www.w3.org/2000/svg}rect"):  # noqa: S314 (our own)
        if "x" in rect.attrib:
            yield float(rect.attrib["x"]), float(rect.attrib["y"])


def test_no_two_skills_have_the_same_position(large: Tree) -> None:
    places = list(boxes(svg(large)))

    assert len(places) == len(set(places)) == len(large.skills)


def test_skills_keep_their_authors_positions() -> None:
    given = tree(a="", b="a", c="a")
    ids = [skill.id for skill in given.skills]

    a, b, c = boxes(svg(given, positions={ids[0]: (0.5, 0), ids[1]: (0, 1), ids[2]: (1, 1)}))

    assert b[0] < a[0] < c[0]
    assert a[1] < b[1] == c[1]


@pytest.mark.parametrize("width", [40, 60, 80, 200])
def test_a_large_tree_fits_the_terminal(large: Tree, width: int) -> None:
    terminal: Console = Terminal(width=width)

    with terminal.capture() as captured:
        terminal.print(drawing(large))

    lines = captured.get().splitlines()
    assert all(len(line) <= width for line in lines)
    assert sum(line.count("○") for line in lines) == len(large.skills) + 1
