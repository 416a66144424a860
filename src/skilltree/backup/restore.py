"""Restores a server from a backup and the write-ahead log, to its end or to a moment."""

import shutil
import tempfile
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from datetime import UTC, datetime
from pathlib import Path

import psycopg

from skilltree.backup import erasures, programs, take, wal
from skilltree.backup.application import NONE, Application
from skilltree.backup.failures import NoSuchBackup, NotEmpty, TargetUnreachable, WalMissing
from skilltree.backup.folder import Folder, Record
from skilltree.backup.positions import number_of, segment_name, shown
from skilltree.backup.server import restoring_from, running

_LONGEST_RECORD = 256 * 1024


def choose(folder: Folder, *, to: datetime | None) -> Record:
    """Return the newest backup, or the newest one before a moment. Raises NoSuchBackup, TargetUnreachable."""
    found = folder.servers()
    if not found:
        raise NoSuchBackup(f"there is no backup of a server in {folder.path}: take one (`skilltree backup full`)")
    if to is None:
        return found[-1]
    if to.tzinfo is None:
        raise TargetUnreachable(f"{to.isoformat(sep=' ')} has no time zone: add one, such as +00:00")
    if to > datetime.now(UTC):
        raise TargetUnreachable(f"{to.isoformat(sep=' ')} is in the future")
    earlier = [record for record in found if record.census.taken_at <= to]
    if not earlier:
        raise TargetUnreachable(
            f"{to.isoformat(sep=' ')} is before the first backup: what can be restored begins at"
            f" {found[0].census.taken_at.isoformat(sep=' ')}"
        )
    return earlier[-1]


def into(
    folder: Folder,
    record: Record,
    data: Path,
    *,
    to: datetime | None = None,
    application: Application = NONE,
    sync: bool = True,
) -> int:
    """Restore a server into an empty folder, erase again who was erased, and return how many these were.

    The server is started for this, without anybody else reaching it, and stopped again. Until all is done, the files
    are in a folder beside it, so that nobody starts a server that is restored in part. Raises NotEmpty, BackupDamaged,
    WalMissing, TargetUnreachable, StillReferenced.
    """
    refuse_full(data)
    take.verify(folder, record)
    if to is None:
        wal.require_whole(folder, record)
    part = data.with_name(f"{data.name}.restoring")
    shutil.rmtree(part, ignore_errors=True)
    try:
        copy(folder, record, part, sync=sync)
        with readable(folder, record) as log, recovered(folder, record, part, log, to=to, sync=sync) as url:
            repeated = erasures.repeat(url, folder, application)
        part.rename(data)
    finally:
        shutil.rmtree(part, ignore_errors=True)
    return repeated


def refuse_full(data: Path) -> None:
    """Raise NotEmpty unless the folder is empty or does not exist."""
    if data.exists() and (not data.is_dir() or any(data.iterdir())):
        raise NotEmpty(f"{data} is not empty: choose an empty folder, or move its content away")


def copy(folder: Folder, record: Record, data: Path, *, sync: bool = True) -> None:
    """Copy the files of a backup to a folder, put together from those that it builds on."""
    chain = folder.chain(record)
    data.parent.mkdir(parents=True, exist_ok=True)
    if len(chain) == 1:
        shutil.copytree(folder.content(record), data, symlinks=True, dirs_exist_ok=True)
    else:
        combine = programs.exact("pg_combinebackup", version=record.server.version)
        programs.run(
            [
                combine,
                "--output",
                str(data),
                *(() if sync else ("--no-sync",)),
                *(str(folder.content(each)) for each in chain),
            ]
        )
        _forget_visibility(data)
    (data / "recovery.signal").touch()
    data.chmod(0o700)
    programs.give(data, programs.server_user())


def _forget_visibility(data: Path) -> None:
    """Remove the visibility maps, which VACUUM makes anew.

    PostgreSQL does not log which block of a map it clears, so that an incremental backup lacks it. The map then says
    that deleted rows are visible, and index-only scans return them.
    """
    for place in ("base", "global"):
        for file in (data / place).rglob("*_vm*"):
            file.unlink()


@contextmanager
def readable(folder: Folder, record: Record) -> Iterator[Path]:
    """Yield a folder with the log that the server's user can read: a copy if that is not this user."""
    user = programs.server_user()
    if user is None:
        yield folder.wal
        return
    with tempfile.TemporaryDirectory(prefix="skilltree-") as name:
        old = set(wal.before(folder.wal, record))
        for file in sorted(folder.wal.iterdir()):
            if file in old:
                continue
            try:
                shutil.copy(file, name)
            except FileNotFoundError:
                # It has become whole since.
                shutil.copy(file.with_suffix(""), name)
        programs.give(Path(name), user)
        yield Path(name)


@contextmanager
def recovered(
    folder: Folder, record: Record, data: Path, log: Path, *, to: datetime | None, sync: bool = True
) -> Iterator[str]:
    """Start the server, recover to the end of the log or to a moment, and yield its URL.

    Raises TargetUnreachable, and WalMissing if something is missing or damaged before the moment or the end.
    """
    gap = None
    try:
        end = wal.require_whole(folder, record)
    except WalMissing as error:
        if to is None:
            raise
        # The moment may be before it: recovery will tell.
        end, gap = None, error
    settings = restoring_from(log) | {"recovery_target_action": "promote"}
    if to is not None:
        settings["recovery_target_time"] = to.astimezone(UTC).strftime("%Y-%m-%d %H:%M:%S.%f+00")
    with ExitStack() as stack:
        try:
            url = stack.enter_context(running(data, record.server, settings, sync=sync))
        except TargetUnreachable as error:
            if gap is not None:
                raise WalMissing(f"{error}: {gap}") from error
            raise
        if to is None and end is not None:
            _require_reached(url, end, record.server.segment_size)
        yield url


def _require_reached(url: str, end: wal.End, size: int) -> None:
    with psycopg.connect(url, autocommit=True) as connection:
        [[text]] = connection.execute("select pg_last_wal_replay_lsn()::text").fetchall()
    reached = number_of(text)
    # The last record may be incomplete.
    if end.position - reached > _LONGEST_RECORD:
        raise WalMissing(
            f"the log can be read only up to {shown(reached)}, though it goes on to {shown(end.position)}: the segment"
            f" {segment_name(end.timeline, reached // size, size)} is damaged. Restore to a moment before it"
        )
