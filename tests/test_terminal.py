"""Printed text is never interpreted as markup or as terminal control sequences."""

import io
import json
from uuid import uuid4

import pytest
from rich.panel import Panel
from rich.text import Text

from skilltree._core.terminal_text import escaped, harmless, json_text
from skilltree.cli.terminal import Terminal, emit_table

HOSTILE = ["[/b]", "[i] x", "[link=https://x.org]", ":smile:", "a[j]", "\\[b]", "[bold red]x[/]", "[[x]]"]
OBEYED = ["\x1b[31m", "\x07", "\x9b2J", "\u202eabc", "\r", "\x00", "\x7f", "\x1b]0;title\x07", "\ud800"]


def printed(terminal: Terminal, *things: object) -> str:
    terminal.file = io.StringIO()
    terminal.print(*things)
    return terminal.file.getvalue()


@pytest.mark.parametrize("text", HOSTILE)
def test_text_that_looks_like_markup_is_printed_unchanged(text: str) -> None:
    terminal = Terminal(width=80)

    assert printed(terminal, text) == f"{text}\n"
    assert text in printed(terminal, Panel(Text(text)))


@pytest.mark.parametrize("text", OBEYED)
def test_control_characters_are_shown_as_escapes(text: str) -> None:
    out = printed(Terminal(width=80), f"a{text}b", Text(f"c{text}d"))

    assert not set(text) & set("\x1b\x07\x9b\u202e\r\x00\x7f\ud800") & set(out)
    assert harmless(harmless(text)) == harmless(text)


@pytest.mark.parametrize("text", OBEYED)
def test_json_keeps_its_value_and_contains_no_control_characters(text: str) -> None:
    name = f"x{uuid4()}{text}"

    shown = json_text({"name": name})

    assert json.loads(shown) == {"name": name}
    assert not set(text) & set("\x1b\x07\x9b\u202e\r\x00\x7f\ud800") & set(shown)
    assert escaped(shown) == shown


def test_a_long_word_of_a_table_is_not_cut_off(monkeypatch: pytest.MonkeyPatch) -> None:
    out = Terminal(width=80)
    out.file = io.StringIO()
    monkeypatch.setattr("skilltree.cli.terminal.out", out)
    row = {
        "rule": "key_without_learner",
        "object": "payments_provider_id_key",
        "problem": "the key of payments does not begin with user_id",
        "remedy": "put user_id first",
    }

    emit_table([row], as_json=False)

    assert "┃ rule " in out.file.getvalue()
    assert "…" not in out.file.getvalue()


@pytest.mark.parametrize(("columns", "width"), [("0", 80), ("1", 80), ("30", 30)])
def test_a_terminal_of_unknown_width_gets_a_default_width(
    columns: str, width: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("COLUMNS", columns)

    assert Terminal().width == width
