"""Ends commands: errors with a name instead of tracebacks, JSON where requested, and the exit codes."""

import os
import sys
from collections.abc import Callable, Iterable, Sequence
from difflib import get_close_matches
from typing import Any

import psycopg
import typer
from typer.core import TyperGroup

from skilltree._core.driver_errors import translated
from skilltree._core.terminal_text import harmless
from skilltree.cli.terminal import ReaderGone, document_of, emit_json, err, named
from skilltree.errors import SkillTreeError

FAILED, MISUSED, INTERRUPTED, READER_GONE = 1, 2, 130, 141

# ClickException: typer bundles its own click, which has no public name.
_CLICK_ERROR: Any = typer.BadParameter.__mro__[2]


class Declined(SkillTreeError):
    """Nothing was done: the question was not answered with yes."""


class Commands(TyperGroup):
    """The group of all commands. It handles their errors in one place."""

    def list_commands(self, ctx: Any) -> list[str]:
        return sorted(super().list_commands(ctx))

    def main(  # type: ignore[override] # the rest are options that nobody gives by place
        self, args: Sequence[str] | None = None, *, standalone_mode: bool = True, **options: Any
    ) -> Any:
        given = list(sys.argv[1:] if args is None else args)
        if not standalone_mode:
            return super().main(given, standalone_mode=False, **options)
        for stream in (sys.stdout, sys.stderr):
            # A character that the terminal's encoding lacks must not make the command fail.
            getattr(stream, "reconfigure", lambda **_: None)(errors="backslashreplace")
        sys.exit(_ended(lambda: super(Commands, self).main(given, standalone_mode=False, **options), given))


def _ended(run: Callable[[], Any], given: Sequence[str]) -> int:
    """Run a command, print its error if there is one, and return the exit code."""
    try:
        try:
            with translated():
                code = run()
        except (typer.Exit, SystemExit) as end:
            code = getattr(end, "exit_code", getattr(end, "code", FAILED))
        except KeyboardInterrupt:
            code = INTERRUPTED
        except typer.Abort as stop:
            code = INTERRUPTED if isinstance(stop.__cause__, KeyboardInterrupt) else _told(Declined(), given)
        except _CLICK_ERROR as error:
            code = _misused(error, given)
        except (SkillTreeError, psycopg.Error, OSError) as error:
            if isinstance(error, BrokenPipeError):
                raise ReaderGone from error
            code = _told(error, given)
        if code == INTERRUPTED:
            err.print("interrupted")
        sys.stdout.flush()
    except (ReaderGone, BrokenPipeError):
        # Otherwise Python would try to write the rest of the buffer again when it ends.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return READER_GONE
    return code if isinstance(code, int) else 0


def _told(error: Exception, given: Sequence[str]) -> int:
    if wants_json(given):
        emit_json(document_of(error))
    else:
        err.print(named("bold red", type(error).__name__, str(error)))
    return FAILED


def _misused(error: Any, given: Sequence[str]) -> int:
    if wants_json(given):
        emit_json({"error": {"type": "Misuse", "message": error.format_message()}})
        return MISUSED
    context = getattr(error, "ctx", None)
    if type(error).__name__ == "NoArgsIsHelpError":
        err.print(error.format_message())
        return MISUSED
    if context is not None:
        err.print(f"{context.get_usage()}\nTry '{context.command_path} --help' for help.\n")
    err.print(f"Error: {harmless(error.format_message())}")
    return MISUSED


def did_you_mean(given: str, known: Iterable[str]) -> str:
    """Return a suggestion to add to the message about an unknown name."""
    close = get_close_matches(given[:200], list(known), n=3)
    return f"; did you mean {' or '.join(close)}?" if close else ""


def wants_json(given: Sequence[str]) -> bool:
    """Return whether the arguments request JSON."""
    options = given[: given.index("--")] if "--" in given else given
    return "--json" in options


def is_interactive() -> bool:
    """Return whether somebody can answer a question."""
    return sys.stdin.isatty() and sys.stderr.isatty()


def confirm(question: str, *, yes: bool) -> None:
    """Ask before data is lost, unless ``yes``. Raises Declined if the answer is no or nobody can answer."""
    if yes:
        return
    if not is_interactive():
        raise Declined(f"{harmless(question)} Nothing was done: nobody can answer here. Use --yes to go on.")
    typer.confirm(harmless(question), abort=True, err=True)
