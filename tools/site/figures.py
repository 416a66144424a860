"""The sentences of the pages that state a figure, and the rows of docs/figures.md that say what is behind each."""

import re
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

ROOT = Path(__file__).parents[2]
TABLE = "figures.md"

_NOT_PROSE = (
    re.compile(r"^[ ]*```.*?^[ ]*```$", re.DOTALL | re.MULTILINE),
    re.compile(r"(`+).+?\1", re.DOTALL),
    re.compile(r"(?<=\])\([^()\s]*\)"),
    re.compile(r"<!--.*?-->"),
    re.compile(r"^\|[ \d,]+\|", re.MULTILINE),  # a code, or a count, for which the row is
)
_NO_FIGURES = (
    re.compile(r"\d{4}-\d{2}-\d{2}"),  # a date
    re.compile(
        r"\b(?:PostgreSQL|PgBouncer|Python|Django|SQLAlchemy|SQLModel|SQLSpec|Prisma ORM|sqlc|pgbouncer|Version|version"
        r"|RFC|issue|request|requests|port|Class|class|Debian's|curl|pgBackRest|Barman|from|step)s?"
        r" \d[\d.]*(?:(?:,| and| or| to) \d[\d.]*)*"
    ),
    re.compile(r"(?i)\bexits? (?:code )?(?:is |with )?\d"),
    re.compile(r"(?:^|\s)\d+\.(?=\s|$)"),  # the number of an item
    re.compile(r"\b[A-Za-z_-]+\d\w*"),  # a name, such as SHA256
)
_FIGURE = re.compile(r"(?<![\w.])\d[\d,]*(?:\.\d+)?(?![\w])(?!\.\d)\s*%?")
_HEADING = re.compile(r"^#{1,4} (?P<title>.+)$", re.MULTILINE)
_END = re.compile(r"(?<=[.!?:])\s+(?=[A-Z`*(\[])|\n\s*\n|\n(?=\s*[-*|] |\|)")


class Sentence(NamedTuple):
    """A sentence that states a figure, and where: a page below docs/, and the anchor of its section."""

    page: str
    anchor: str
    text: str


class Row(NamedTuple):
    """A row of the table: the place that it covers, and the commands and tests that are behind the figures there."""

    page: str
    anchor: str
    sources: tuple[str, ...]


def sentences(page: str, text: str) -> Iterator[Sentence]:
    """Yield the sentences of a page that state a figure."""
    blanked = text
    for pattern in _NOT_PROSE:
        blanked = pattern.sub(lambda found: re.sub(r"[^\n]", " ", found[0]), blanked)
    starts = [(0, ""), *((found.start(), anchor(found["title"])) for found in _HEADING.finditer(blanked))]
    ends = [start for start, _ in starts[1:]] + [len(text)]
    for (start, section), end in zip(starts, ends, strict=True):
        place = start
        for stop in [*(found.start() for found in _END.finditer(blanked, start, end)), end]:
            if states_a_figure(blanked[place:stop]):
                yield Sentence(page, section, " ".join(text[place:stop].split()))
            place = stop


def states_a_figure(prose: str) -> bool:
    """Return whether a number is left without versions, dates and names."""
    for pattern in _NO_FIGURES:
        prose = pattern.sub(" ", prose)
    return _FIGURE.search(prose) is not None


def anchor(title: str) -> str:
    """Return the anchor of a heading, as code hosts and the site make it."""
    return re.sub(r"[^\w\- ]", "", title.lower().strip()).replace(" ", "-")


def rows() -> list[Row]:
    """Return the rows of the table."""
    found = re.finditer(
        r"^\| \[[^\]]+\]\((?P<page>[\w-]+\.md)#(?P<anchor>[\w-]+)\) \|[^|]*\|(?P<sources>[^|]*)\|$",
        (ROOT / "docs" / TABLE).read_text(),
        re.MULTILINE,
    )
    return [Row(each["page"], each["anchor"], tuple(re.findall("`([^`]+)`", each["sources"]))) for each in found]


def all_sentences() -> list[Sentence]:
    """Return the sentences of all pages except decisions, which are of their day, and the table itself."""
    pages = {"README.md": ROOT / "README.md"}
    pages |= {path.name: path for path in sorted((ROOT / "docs").glob("*.md")) if path.name != TABLE}
    return [each for name, path in pages.items() for each in sentences(name, path.read_text())]


def listed() -> str:
    """Return all sentences as the end of the page, each section under the commands and tests behind it."""
    covered = {(row.page, row.anchor): row.sources for row in rows()}
    parts = ["\n## Every sentence\n\nFound in the pages when the site was built. Cells are those of tables.\n"]
    place = None
    for each in all_sentences():
        if (each.page, each.anchor) != place:
            place = (each.page, each.anchor)
            sources = ", ".join(f"`{source}`" for source in covered.get(place, ()))
            parts.append(f"\n**[{each.page}: {each.anchor}]({each.page}#{each.anchor})** {sources}\n")
        text = each.text.removeprefix("- ").strip("|").replace("](#", f"]({each.page}#")
        cells = [cell for cell in re.split(r"(?<!\\)\|", text) if cell.strip()]
        parts.append(f"- {' · '.join(cell.strip() for cell in cells)}")
    return "\n".join(parts) + "\n"
