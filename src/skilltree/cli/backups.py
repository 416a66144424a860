"""The commands about backups: backup full, incremental, dump, wal, list, verify, prune, erasures; restore, drill."""

import signal
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict
from datetime import datetime
from pathlib import Path
from types import FrameType
from typing import Annotated

import psycopg
import typer

from skilltree import project
from skilltree._core.own_queries import hooks_of
from skilltree._core.urls import checked_url
from skilltree.backup import dumps, erasures, restore, retention, take, wal
from skilltree.backup.application import NONE, Application
from skilltree.backup.drill import drill as drilled
from skilltree.backup.failures import TargetUnreachable
from skilltree.backup.folder import Folder, Record
from skilltree.backup.source import look
from skilltree.cli.application import Json, app
from skilltree.cli.terminal import emit_json, emit_table, err, named, out
from skilltree.embedded import database_url
from skilltree.errors import SkillTreeError
from skilltree.own_repositories import repositories_of

Backups = Annotated[
    Path,
    typer.Option("--backups", envvar="SKILLTREE_BACKUPS", help="The folder of the backups.", file_okay=False),
]
Moment = Annotated[
    str | None, typer.Option("--to", help="A moment with a time zone, such as 2026-11-28T09:30:00+00:00.")
]

backup = typer.Typer(
    help="Take, list, verify and remove backups, and receive the write-ahead log.", no_args_is_help=True
)
app.add_typer(backup, name="backup")


@backup.command("full")
def full(*, backups: Backups, as_json: Json = False) -> None:
    """Copy the whole server, and verify the copy."""
    _show([take.server(database_url(), Folder(backups))], as_json=as_json)


@backup.command("incremental")
def incremental(*, backups: Backups, as_json: Json = False) -> None:
    """Copy what has changed on the server since the newest backup, and verify the copy. PostgreSQL 17 and later."""
    _show([take.server(database_url(), Folder(backups), incremental=True)], as_json=as_json)


@backup.command("dump")
def dump(*, backups: Backups, as_json: Json = False) -> None:
    """Dump the database, for another server or version, and read the dump once."""
    _show([dumps.dump(database_url(), Folder(backups))], as_json=as_json)


@backup.command("wal")
def wal_(
    *,
    backups: Backups,
    slot: Annotated[str, typer.Option(help="The replication slot, which is created if it does not exist.")] = wal.SLOT,
    every: Annotated[float, typer.Option(min=0.1, help="Seconds between two copies of the list of erasures.")] = 60,
) -> None:
    """Receive the write-ahead log and the list of erasures until interrupted: a service for systemd."""
    url, folder = database_url(), Folder(backups)
    source = look(url)
    source.require_fit()
    folder.belong_to(source.facts)

    def copy_erasures() -> None:
        try:
            erasures.collect(url, folder)
        except (SkillTreeError, psycopg.Error) as error:
            complain(str(error))

    def complain(told: str) -> None:
        err.print(named("bold red", "wal", told))

    copy_erasures()
    with _ending_on_terminate():
        wal.receive(
            url,
            folder,
            version=source.facts.version,
            slot=slot,
            every=every,
            on_tick=copy_erasures,
            on_trouble=complain,
        )


@backup.command("list")
def list_(*, backups: Backups, as_json: Json = False) -> None:
    """List the backups, oldest first."""
    _show(Folder(backups).records(), as_json=as_json)


@backup.command("verify")
def verify(
    name: Annotated[str | None, typer.Argument(help="A backup; all without it.")] = None,
    *,
    backups: Backups,
    as_json: Json = False,
) -> None:
    """Check every file of the backups, and that the log has no gap. Exit 1 with what is damaged."""
    folder = Folder(backups)
    rows, is_damaged = [], False
    for record in folder.records() if name is None else [folder.find(name)]:
        told = "whole"
        try:
            take.verify(folder, record)
            if record.kind != "dump":
                wal.require_whole(folder, record)
        except SkillTreeError as error:
            told, is_damaged = str(error), True
        rows.append({"backup": record.name, "outcome": told})
    emit_table(rows, as_json=as_json)
    if is_damaged:
        raise typer.Exit(1)


@backup.command("prune")
def prune(
    *,
    backups: Backups,
    keep: Annotated[int, typer.Option(min=1, help="How many full backups to keep, with all that build on them.")],
    keep_dumps: Annotated[int, typer.Option(min=0, help="How many dumps to keep.")] = 7,
    as_json: Json = False,
) -> None:
    """Remove older backups, and the log that only they need."""
    gone = retention.prune(Folder(backups), keep=keep, keep_dumps=keep_dumps)
    emit_table(({"removed": name} for name in gone), as_json=as_json)


@backup.command("erasures")
def erasures_(
    *,
    backups: Backups,
    again: Annotated[
        bool, typer.Option("--again", help="Erase in the database who is on the list: after another tool's restore.")
    ] = False,
    as_json: Json = False,
) -> None:
    """Copy the list of erased accounts from the database to the folder. Every backup and drill does so, too."""
    url, folder = database_url(), Folder(backups)
    # Before the copy, which must not depend on what was restored.
    repeated = erasures.repeat(url, folder, own_application()) if again else 0
    everyone = erasures.collect(url, folder)
    emit_table([{"listed": str(len(everyone)), "erased again": str(repeated)}], as_json=as_json)


@app.command("restore")
def restore_(
    target: Annotated[
        str, typer.Argument(help="An empty folder for a server's files, or the URL of an empty database for a dump.")
    ],
    *,
    backups: Backups,
    name: Annotated[str | None, typer.Option("--backup", help="A backup, instead of the newest.")] = None,
    to: Moment = None,
    as_json: Json = False,
) -> None:
    """Restore a server to the end of the log or to a moment, or a dump, and erase again who was erased."""
    folder, moment = Folder(backups), _moment(to)
    if _is_url(target):
        checked_url(target)
        record = folder.find(name) if name else _newest_dump(folder)
        repeated = dumps.into(folder, record, target, application=own_application())
    else:
        record = folder.find(name) if name else restore.choose(folder, to=moment)
        repeated = restore.into(folder, record, Path(target).absolute(), to=moment, application=own_application())
    emit_table(
        [{"backup": record.name, "restored to": to or "the end", "erased again": str(repeated)}], as_json=as_json
    )


@app.command("drill")
def drill(
    *,
    backups: Backups,
    to: Moment = None,
    source: Annotated[
        bool, typer.Option("--source/--no-source", help="Compare with the running source, or only with the folder.")
    ] = True,
    wait: Annotated[float, typer.Option(min=0, help="Seconds that the log may take to arrive.")] = 30,
    as_json: Json = False,
) -> None:
    """Restore the newest backup on a throw-away server, and compare and examine it. Exit 1 if anything is short."""
    url = database_url() if source else None
    outcome = drilled(Folder(backups), url=url, to=_moment(to), application=own_application(), wait=wait)
    if as_json:
        document = asdict(outcome)
        for key in ("to", "compared_at"):
            document[key] = document[key] and document[key].isoformat()
        emit_json(document)
    else:
        facts = {
            "backup": outcome.backup,
            "restored to": to or "the end of the log",
            "compared with": outcome.compared_with
            and f"the {outcome.compared_with}, as it was at {outcome.compared_at}",
            "tables and rows": f"{outcome.tables} and {outcome.rows}",
            "erased again": str(outcome.erased_again),
            "RPO": "unknown without the source" if outcome.rpo_seconds is None else f"{outcome.rpo_seconds} s",
            "RTO": "not restored" if outcome.rto_seconds is None else f"{outcome.rto_seconds} s",
            "steps": ", ".join(f"{name} {seconds} s" for name, seconds in outcome.seconds.items()),
        }
        emit_table(({"what": what, "found": found} for what, found in facts.items()), as_json=False)
        for each in outcome.shortfalls:
            out.print(named("bold red", each.check, each.told), soft_wrap=True)
    if outcome.shortfalls:
        raise typer.Exit(1)


def own_application() -> Application:
    """Return what the current folder's project says about tables of its own."""
    found = project.find()
    if found is None:
        return NONE
    own = repositories_of(found)
    return Application(found.migrations, hooks_of((each.queries, each.exports, each.erases) for each in own))


def _show(records: list[Record], *, as_json: bool) -> None:
    emit_table(
        (
            {
                "backup": record.name,
                "kind": record.kind,
                "builds on": record.parent,
                "restores from": record.census.taken_at.isoformat(timespec="seconds"),
                "PostgreSQL": str(record.server.version),
                "bytes": str(record.size),
                "rows": str(sum(each.rows for each in record.census.tables.values())),
            }
            for record in records
        ),
        as_json=as_json,
    )


def _newest_dump(folder: Folder) -> Record:
    found = folder.dumps()
    if not found:
        raise TargetUnreachable(f"there is no dump in {folder.path}: take one (`skilltree backup dump`)")
    return found[-1]


def _moment(text: str | None) -> datetime | None:
    try:
        return None if text is None else datetime.fromisoformat(text)
    except ValueError as error:
        raise typer.BadParameter(f"{text!r} is no moment such as 2026-11-28T09:30:00+00:00") from error


def _is_url(target: str) -> bool:
    return "://" in target or ("=" in target and "/" not in target.partition("=")[0])


@contextmanager
def _ending_on_terminate() -> Iterator[None]:
    """Make SIGTERM, which systemd sends, end the block as Ctrl-C does, so that the receiver ends, too."""

    def interrupt(number: int, frame: FrameType | None) -> None:
        raise KeyboardInterrupt

    before = signal.signal(signal.SIGTERM, interrupt)
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, before)
