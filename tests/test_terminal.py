"""What is printed is never markup, and never obeyed by the terminal."""

import io
import json
from uuid import uuid4

import pytest
from rich.panel import Panel
from rich.text import Text

from skilltree._core.terminal_text import escaped, harmless, json_text
from skilltree.cli.terminal import Terminal

HOSTILE = ["[/b]", "[i] x", "[link=https://x.org]", ":smile:", "a[j]", "\\[b]", "[bold red]x[/]", "[[x]]"]
OBEYED = ["\x1b[31m", "\x07", "\x9b2J", "\u202eabc", "\r", "\x00", "\x7f", "\x1b]0;title\x07", "\ud800"]


def printed(terminal: Terminal, *things: object) -> str:
    terminal.file = io.StringIO()
    terminal.print(*things)
    return terminal.file.getvalue()


@pytest.mark.parametrize("text", HOSTILE)
def test_text_that_looks_like_markup_is_printed_as_it_is(text: str) -> None:
    terminal = Terminal(width=80)

    assert printed(terminal, text) == f"{text}\n"
    assert text in printed(terminal, Panel(Text(text)))


@pytest.mark.parametrize("text", OBEYED)
def test_what_a_terminal_would_obey_is_shown_instead(text: str) -> None:
    out = printed(Terminal(width=80), f"a{text}b", Text(f"c{text}d"))

    assert not set(text) & set("\x1b\x07\x9b\u202e\r\x00\x7f\ud800") & set(out)
    assert harmless(harmless(text)) == harmless(text)


@pytest.mark.parametrize("text", OBEYED)
def test_json_means_the_same_and_holds_nothing_that_a_terminal_would_obey(text: str) -> None:
    name = f"x{uuid4()}{text}"

    shown = json_text({"name": name})

    assert json.loads(shown) == {"name": name}
    assert not set(text) & set("\x1b\x07\x9b\u202e\r\x00\x7f\ud800") & set(shown)
    assert escaped(shown) == shown


@pytest.mark.parametrize(("columns", "width"), [("0", 80), ("1", 80), ("30", 30)])
def test_a_terminal_that_tells_no_width_has_the_usual_one(
    columns: str, width: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("COLUMNS", columns)

    assert Terminal().width == width
