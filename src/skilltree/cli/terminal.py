"""Printing. Data is never taken for markup, and control characters in it have no effect."""

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
    """The reader of the output stopped, as ``head`` does."""


class Terminal(Console):
    """A console for data: it takes nothing in a string for markup, an emoji's name or a number to colour.

    Styled text is a ``Text``. Only the console's own escape sequences reach the terminal.
    """

    def __init__(self, *, stderr: bool = False, width: int | None = None) -> None:
        super().__init__(stderr=stderr, width=width, soft_wrap=stderr, markup=False, highlight=False, emoji=False)
        # COLUMNS=0, as in some containers, would print nothing: it counts as no width given.
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
    """Print requested text, such as a file, without changes."""
    try:
        sys.stdout.write(text + end)
        sys.stdout.flush()
    except BrokenPipeError as error:
        raise ReaderGone from error


def emit_json(document: object) -> None:
    """Print a JSON document, with control characters escaped."""
    emit(json_text(document))


def emit_table(rows: Iterable[Mapping[str, str | None]], *, as_json: bool, styles: Sequence[str] = ()) -> None:
    """Print rows as a table or as JSON. If the table is too wide, each row becomes several lines."""
    listed = list(rows)
    if as_json:
        emit_json(listed)
    elif not listed:
        out.print("nothing")
    else:
        out.print(_as_table(listed, styles))


def _as_table(rows: Sequence[Mapping[str, str | None]], styles: Sequence[str]) -> RenderableType:
    # The first column identifies the row, and is shown in full however narrow the terminal is.
    table = Table(*(Column(Text(name), no_wrap=not place, overflow="fold") for place, name in enumerate(rows[0])))
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
    """Return whether the first column fits, and beside it the name and the longest word of every other one."""
    needed = 1
    for place, name in enumerate(rows[0]):
        values = [name, *(row[name] or "" for row in rows)]
        parts = values if not place else [word for value in values for word in value.split()]
        # A long word, such as an id, may wrap.
        longest = max((Text(part).cell_len for part in parts), default=0)
        needed += 3 + (longest if not place else min(longest, 20))
    return needed <= out.width


def named(style: str, name: str, text: str) -> Text:
    """Return a name in a style, followed by a text about it."""
    return Text.assemble((name, style), ": ", harmless(text))


def document_of(error: Exception) -> dict[str, Any]:
    """Return an error as a JSON document."""
    problems = getattr(error, "problems", None)
    found: dict[str, Any] = {"type": type(error).__name__, "message": str(error)}
    return {"error": found | ({"problems": list(problems)} if problems else {})}
