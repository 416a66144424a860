"""Each sentence of the documentation that states a figure has a command or a test behind it."""

import re
from importlib.util import find_spec
from pathlib import Path

import pytest
from typer.main import get_command

from skilltree.cli import app
from tools.site.figures import all_sentences, rows, sentences, states_a_figure

ROOT = Path(__file__).parents[1]


def exists(source: str) -> bool:
    """Return whether there is a test, a target of make, a module, or a command of this name."""
    match source.split():
        case ["make", target]:
            return re.search(rf"^{target}:", (ROOT / "Makefile").read_text(), re.MULTILINE) is not None
        case ["python", "-m", module]:
            return find_spec(module) is not None
        case ["skilltree", command]:
            return command in get_command(app).commands  # type: ignore[attr-defined]  # a group
        case [path] if path.startswith("tests/"):
            file, _, name = path.partition("::")
            return (ROOT / file).is_file() and re.search(rf"def {name}\b", (ROOT / file).read_text()) is not None
    return False


def test_every_sentence_with_a_figure_is_covered_and_every_row_covers_one() -> None:
    places = {(each.page, each.anchor): each.text for each in all_sentences()}
    covered = {(row.page, row.anchor) for row in rows()}

    assert {place: text for place, text in places.items() if place not in covered} == {}
    assert covered - set(places) == set()
    assert len(covered) == len(rows())


def test_what_is_behind_a_figure_exists() -> None:
    # An option stands beside its command.
    missing = {
        row.anchor: [each for each in row.sources if not each.startswith("--") and not exists(each)] for row in rows()
    }

    assert {anchor: sources for anchor, sources in missing.items() if sources} == {}
    assert [row.anchor for row in rows() if not any(map(exists, row.sources))] == []


@pytest.mark.parametrize(
    ("prose", "states"),
    [
        ("It takes 5 ms.", True),
        ("It takes 0.56 of the floor.", True),
        ("| complete | 4,830 |", True),
        ("A status of 404 is an answer.", True),
        ("Half a second.", False),
        ("PostgreSQL 15 to 18, and Python 3.11.", False),
        ("Since 2026-11-29.", False),
        ("3. Stop the server.", False),
        ("SHA256 and level_4 are names.", False),
        ("It fails with exit code 1.", False),
    ],
)
def test_a_figure_is_told_from_other_numbers(prose: str, states: bool) -> None:
    assert states_a_figure(prose) is states


def test_sentences_are_found_in_prose_lists_and_tables_and_not_in_code() -> None:
    text = (
        "# Title\n\nPlain words. It takes\n5 ms. More.\n\n## A part, twice\n\n- One of 7 rows.\n- None.\n\n"
        "| a | 8 ms |\n|---|---|\n| b | c |\n\n```text\n9 ms\n```\n\nThe option `--size 10` is [a link](page.md#11).\n"
    )

    assert [(each.anchor, each.text) for each in sentences("a.md", text)] == [
        ("title", "It takes 5 ms."),
        ("a-part-twice", "- One of 7 rows."),
        ("a-part-twice", "| a | 8 ms |"),
    ]


def test_the_comparison_quotes_the_benchmarks() -> None:
    quoted = [
        ratio
        for each in all_sentences()
        if (each.page, each.anchor) == ("comparison.md", "speed")
        for ratio in re.findall(r"\d\.\d\d", each.text)
    ]
    goals = (ROOT / "docs" / "benchmarks.md").read_text().partition("### Goals")[2].partition("<!-- /bench -->")[0]

    assert len(quoted) == 7
    assert [ratio for ratio in quoted if ratio not in goals] == []
