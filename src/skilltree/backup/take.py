"""Takes backups of whole servers with pg_basebackup, and verifies them."""

import json
from datetime import UTC, datetime
from pathlib import Path

from skilltree.backup import census, copied, erasures, programs, wal
from skilltree.backup.failures import BackupDamaged, NoSuchBackup, ProgramFailed
from skilltree.backup.folder import MANIFEST, Folder, Record, sha256_of
from skilltree.backup.positions import number_of
from skilltree.backup.source import look


def server(url: str, folder: Folder, *, incremental: bool = False, sync: bool = True) -> Record:
    """Take a full backup, or an incremental one on top of the newest backup. It counts only once it is verified.

    The tables are counted right after the copy, and the write-ahead log is received up to that moment. ``sync=False``
    does not wait until the disk has it, for tests.

    Raises ServerUnsuitable, NoSuchBackup without a backup to build on, FolderBusy and ProgramFailed.
    """
    source = look(url)
    source.require_fit()
    if incremental:
        source.require_increments()
    version, size = source.facts.version, source.facts.segment_size
    folder.belong_to(source.facts)
    with folder.alone("backups") as lock, folder.unfinished("incremental" if incremental else "full") as place:
        parent = _parent(folder) if incremental else None
        started = datetime.now(UTC)
        data = place / "data"
        command = [
            *(programs.exact("pg_basebackup", version=version), "--pgdata", str(data), "--checkpoint", "fast"),
            *("--wal-method", "stream", "--manifest-checksums", "SHA256", "--label", place.name),
            *(() if parent is None else ("--incremental", str(folder.seal_of(parent)))),
            *(() if sync else ("--no-sync",)),
        ]
        with wal.received_meanwhile(url, folder, version=version, size=size) as require:
            programs.run(command, url=url, lock=lock)
            copied.verify(data, version=version)
            taken = census.take(url)
            require(taken)
        ranges = json.loads((data / MANIFEST).read_text())["WAL-Ranges"]
        record = Record(
            name=place.name,
            kind="full" if parent is None else "incremental",
            parent=None if parent is None else parent.name,
            started_at=started,
            finished_at=datetime.now(UTC),
            server=source.facts,
            timeline=ranges[-1]["Timeline"],
            start=number_of(ranges[0]["Start-LSN"]),
            stop=number_of(ranges[-1]["End-LSN"]),
            sha256=sha256_of(data / MANIFEST),
            roles=source.roles,
            size=sum(file.stat().st_size for file in data.rglob("*") if file.is_file()),
            census=taken,
        )
        folder.finish(place, record)
    erasures.collect(url, folder)
    return record


def _parent(folder: Folder) -> Record:
    """Return the newest backup, and check that it and its parents are there and unchanged."""
    found = folder.servers()
    if not found:
        raise NoSuchBackup(
            f"an incremental backup needs an earlier one, and there is none in {folder.path}: take a full one"
        )
    for record in folder.chain(found[-1]):
        require_unchanged(folder, record)
    return found[-1]


def require_unchanged(folder: Folder, record: Record) -> None:
    """Raise BackupDamaged if the manifest or the dump is not what the record says."""
    file = folder.seal_of(record)
    if not file.exists():
        raise BackupDamaged(f"{record.name} is damaged: {file} is missing")
    if sha256_of(file) != record.sha256:
        raise BackupDamaged(f"{record.name} is damaged: {file} was changed, or belongs to another backup")


def verify(folder: Folder, record: Record) -> None:
    """Check every file of a backup and of those that it builds on. Raises BackupDamaged, which names the file."""
    for each in [record] if record.kind == "dump" else folder.chain(record):
        require_unchanged(folder, each)
        try:
            _verify(folder.content(each), each)
        except (BackupDamaged, ProgramFailed) as error:
            raise BackupDamaged(f"{each.name} is damaged: {error}") from error


def _verify(content: Path, record: Record) -> None:
    version = record.server.version
    if record.kind == "dump":
        # It reads and decompresses everything.
        programs.run([programs.at_least("pg_restore", version=version), "--file", "/dev/null", str(content)])
    else:
        copied.verify(content, version=version)
