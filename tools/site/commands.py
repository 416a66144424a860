"""The reference of the command line, from what ``skilltree --help`` says."""

import typer
from typer.main import get_command

from skilltree.cli import app


def command_page() -> str:
    """Return the page: each command with its arguments and options."""
    group = get_command(app)
    context = typer.Context(group, info_name="skilltree")
    assert isinstance(group, typer.core.TyperGroup)  # noqa: S101 (for the type checker)
    sections = []
    for name in sorted(group.commands):
        command = group.commands[name]
        if command.hidden:
            continue
        inner = typer.Context(command, info_name=name, parent=context)
        rows = [
            f"| `{'`, `'.join(parameter.opts)}` | {_cell(str(getattr(parameter, 'help', None) or ''))} |"
            for parameter in command.get_params(inner)
            if "--help" not in parameter.opts
        ]
        table = "| argument | meaning |\n|---|---|\n" + "\n".join(rows) + "\n" if rows else ""
        sections.append(f"## {name}\n\n{(command.help or '').strip()}\n\n{table}")
    return "# Command line\n\nEach command of `skilltree`, as `--help` shows it.\n\n" + "\n".join(sections)


def _cell(text: str) -> str:
    return " ".join(text.split()).replace("|", "\\|")
