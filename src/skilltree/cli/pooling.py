"""The command for PgBouncer: its configuration, and the SQL for its role."""

from pathlib import Path
from typing import Annotated

import typer

from skilltree import pooling
from skilltree.cli.application import app
from skilltree.cli.terminal import emit


@app.command("pgbouncer")
def pgbouncer(
    *,
    sql: Annotated[
        bool, typer.Option("--sql", help="Print the SQL for a superuser instead: PgBouncer's role.")
    ] = False,
    prepares: Annotated[
        bool,
        typer.Option(
            "--prepared/--unprepared", help="With prepared statements, for 1.21 and newer; without them, also for 1.18."
        ),
    ] = True,
    host: Annotated[str, typer.Option(help="The host of the PostgreSQL server.")] = "127.0.0.1",
    port: Annotated[int, typer.Option(min=1, max=65535, help="Its port.")] = 5432,
    listen: Annotated[
        str, typer.Option(help="The addresses for clients. Elsewhere than here, with TLS.")
    ] = "127.0.0.1",
    database: Annotated[str, typer.Option(help="The database.")] = "skilltree",
    pool_size: Annotated[int, typer.Option(min=1, help="Connections to the server.")] = 20,
    clients: Annotated[int, typer.Option(min=1, help="Connections of clients.")] = 1000,
    auth_file: Annotated[Path, typer.Option(help="The file with the password of the role pgbouncer.")] = Path(
        "/etc/pgbouncer/userlist.txt"
    ),
) -> None:
    """Print a configuration of PgBouncer in transaction mode, or the SQL for its role."""
    if sql:
        emit(pooling.lookup(pooling.LOOKUP_DATABASE if prepares else database), end="")
        return
    emit(
        pooling.configuration(
            host=host,
            port=port,
            listen=listen,
            database=database,
            pool_size=pool_size,
            clients=clients,
            auth_file=auth_file,
            prepares=prepares,
        ),
        end="",
    )
