"""The command that shows the data in a browser: studio."""

from typing import Annotated

import typer

from skilltree import project
from skilltree.cli.application import app
from skilltree.cli.terminal import emit, err
from skilltree.embedded import database_url
from skilltree.errors import SkillTreeError


class StudioMissing(SkillTreeError):
    """The libraries that serve the pages are not installed."""


@app.command("studio")
def studio(
    *,
    address: Annotated[str, typer.Option(help="The address to listen on.")] = "127.0.0.1",
    port: Annotated[int, typer.Option(min=0, max=65535, help="The port to listen on; 0 takes a free one.")] = 8010,
    behind_tls: Annotated[
        str | None, typer.Option("--behind-tls", help="The address of a proxy with TLS in front, as https://…")
    ] = None,
    allow_edits: Annotated[
        bool, typer.Option("--allow-edits", help="Allow a few edits, through repository methods.")
    ] = False,
    timeout: Annotated[float, typer.Option(min=0.1, max=600, help="Seconds that a statement may take.")] = 10,
) -> None:
    """Show the data in a browser, read-only, until interrupted. The printed address has the token."""
    try:
        from skilltree.studio.server import Server  # noqa: PLC0415 (an extra)
    except ModuleNotFoundError as error:
        raise StudioMissing(
            "Studio needs Starlette, uvicorn and Jinja2, which are not installed: pip install 'skilltree[studio]'"
        ) from error

    own = project.find()
    server = Server(
        database_url(),
        address=address,
        port=port,
        behind_tls=behind_tls,
        allow_edits=allow_edits,
        timeout=timeout,
        queries=own.queries if own else None,
    )
    emit(server.access.url)
    err.print("Open this address. It gives full access: keep it to yourself. Ctrl+C ends Studio.")
    server.run()
