"""What is printed: data are never markup, and never reach the terminal as what it would obey."""

import sys
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from rich.console import Console, ConsoleOptions, RenderableType
from rich.segment import Segment
from rich.table import Column, Table
from rich.text import Text

from skilltree._core.terminal_text import harmless, has_obeyed, json_text

_NARROWEST, _USUAL = 10, 80


class ReaderGone(Exception):
    """Whoever read the output has stopped, as ``head`` does."""


class Terminal(Console):
    """A console for data: nothing in a string is markup, an emoji's name or a number to be coloured.

    What is to be styled is a ``Text``. Its own escape sequences are the only ones that come out.
    """

    def __init__(self, *, stderr: bool = False, width: int | None = None) -> None:
        super().__init__(stderr=stderr, width=width, soft_wrap=stderr, markup=False, highlight=False, emoji=False)
        # No width is told, as by COLUMNS=0 in containers: nothing would be printed.
        if width is None and self.width < _NARROWEST:
            self.width = _USUAL

    def render(self, renderable: RenderableType, options: ConsoleOptions | None = None) -> Iterable[Segment]:
        for segment in super().render(renderable, options):
            if segment.control or not has_obeyed(segment.text):
                yield segment
            else:
                yield Segment(harmless(segment.text), segment.style)

    def on_broken_pipe(self) -> None:
        raise ReaderGone


out = Terminal()
err = Terminal(stderr=True)


def emit(text: str, *, end: str = "\n") -> None:
    """Print what was asked for, such as a file, as it is."""
    try:
        sys.stdout.write(text + end)
        sys.stdout.flush()
    except BrokenPipeError as error:
        raise ReaderGone from error


def emit_json(document: object) -> None:
    """Print a JSON document. What a terminal would obey is escaped, which means the same."""
    emit(json_text(document))


def emit_table(rows: Iterable[Mapping[str, str | None]], *, as_json: bool, styles: Sequence[str] = ()) -> None:
    """Print rows as a table, or as JSON. Where a table does not fit, each row is printed as lines of its own."""
    listed = list(rows)
    if as_json:
        emit_json(listed)
    elif not listed:
        out.print("nothing")
    else:
        out.print(_as_table(listed, styles))


def _as_table(rows: Sequence[Mapping[str, str | None]], styles: Sequence[str]) -> RenderableType:
    # The first column says what the row is about, whole, however narrow the terminal.
    table = Table(*(Column(Text(name), no_wrap=not place) for place, name in enumerate(rows[0])))
    for place, row in enumerate(rows):
        style = styles[place] if place < len(styles) else ""
        table.add_row(*(Text(harmless(value or "")) for value in row.values()), style=style)
    if _has_room(rows):
        return table
    lines = Text()
    for row in rows:
        (_, first), *others = row.items()
        lines.append(harmless(first or "") + "\n", style="bold")
        for name, value in others:
            if value:
                lines.append(f"  {name} ", style="dim").append(harmless(value) + "\n")
    lines.rstrip()
    return lines


def _has_room(rows: Sequence[Mapping[str, str | None]]) -> bool:
    """Tell whether the first column fits, and beside it every other with what it is called and its longest word."""
    needed = 1
    for place, name in enumerate(rows[0]):
        values = [name, *(row[name] or "" for row in rows)]
        parts = values if not place else [word for value in values for word in value.split()]
        # A long word, such as an id, may be broken.
        longest = max((Text(part).cell_len for part in parts), default=0)
        needed += 3 + (longest if not place else min(longest, 20))
    return needed <= out.width


def named(style: str, name: str, text: str) -> Text:
    """Return a name in a style, and after it what is said of it."""
    return Text.assemble((name, style), ": ", harmless(text))


def document_of(error: Exception) -> dict[str, Any]:
    """Return an error as a JSON document."""
    problems = getattr(error, "problems", None)
    found: dict[str, Any] = {"type": type(error).__name__, "message": str(error)}
    return {"error": found | ({"problems": list(problems)} if problems else {})}
