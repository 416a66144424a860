"""The folder of the backups.

::

    server.json                 the server whose backups these are
    servers/NAME/data           a base or incremental backup, as pg_basebackup writes it
    servers/NAME/backup.json    what is known about it (Record), sealed by a checksum
    dumps/NAME/dump             a logical dump in pg_dump's custom format, and its backup.json
    wal/                        the write-ahead log, as pg_receivewal writes it
    erasures.jsonl              who was erased, as hashes

A backup is written below ``unfinished/`` and moved when it is complete and verified. So what a killed run leaves is
never taken for a backup; the next run removes it.
"""

import fcntl
import hashlib
import json
import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Literal

from pydantic import BaseModel, ConfigDict, ValidationError

from skilltree.backup.census import Census
from skilltree.backup.failures import BackupDamaged, FolderBusy, NoSuchBackup, ServerUnsuitable

Kind = Literal["full", "incremental", "dump"]
RECORD, MANIFEST = "backup.json", "backup_manifest"


class Facts(BaseModel):
    """A server and a database on it."""

    model_config = ConfigDict(frozen=True)

    system_identifier: str
    version: int
    segment_size: int
    database: str
    superuser: str


class Record(BaseModel):
    """What is known about a backup. ``start`` and ``stop`` are positions of the write-ahead log."""

    model_config = ConfigDict(frozen=True)

    name: str
    kind: Kind
    parent: str | None = None
    started_at: datetime
    finished_at: datetime
    server: Facts
    timeline: int = 0
    start: int = 0
    stop: int = 0
    sha256: str
    """Of pg_basebackup's manifest, which has the checksums of all other files, or of the dump."""
    roles: tuple[str, ...]
    size: int
    census: Census


class Folder:
    """A folder of backups. All of one server: a server restored from one of them counts as the same."""

    def __init__(self, path: Path) -> None:
        self.path = path.absolute()
        self.wal = self.path / "wal"
        self.erasures = self.path / "erasures.jsonl"

    def place(self, record: Record) -> Path:
        """Return the folder of a backup."""
        return self._of(record.kind) / record.name

    def content(self, record: Record) -> Path:
        """Return the folder of the copied files of a server, or the file of a dump."""
        return self.place(record) / ("dump" if record.kind == "dump" else "data")

    def seal_of(self, record: Record) -> Path:
        """Return the file whose checksum is in the record."""
        content = self.content(record)
        return content if record.kind == "dump" else content / MANIFEST

    def records(self) -> list[Record]:
        """Return all complete backups, oldest first. Raises BackupDamaged for a record that was changed."""
        places = sorted(
            (each for kind in ("servers", "dumps") for each in (self.path / kind).glob("*")), key=lambda each: each.name
        )
        return [_read(place) for place in places]

    def servers(self) -> list[Record]:
        """Return the base and incremental backups, oldest first."""
        return [record for record in self.records() if record.kind != "dump"]

    def dumps(self) -> list[Record]:
        """Return the dumps, oldest first."""
        return [record for record in self.records() if record.kind == "dump"]

    def find(self, name: str) -> Record:
        """Return the backup of this name. Raises NoSuchBackup."""
        for record in self.records():
            if record.name == name:
                return record
        raise NoSuchBackup(f"there is no backup {name} in {self.path}: see `skilltree backup list`")

    def chain(self, record: Record) -> list[Record]:
        """Return the backups that are needed to restore one, the full one first. Raises BackupDamaged."""
        known = {each.name: each for each in self.servers()}
        chain = [record]
        while (parent := chain[0].parent) is not None:
            if parent not in known:
                raise BackupDamaged(
                    f"{chain[0].name} is incremental, and its parent {parent} is missing: without it, neither this"
                    f" backup nor later ones of the chain can be restored"
                )
            chain.insert(0, known[parent])
        return chain

    def belong_to(self, facts: Facts) -> None:
        """Note whose backups these are. Raises ServerUnsuitable if they are another server's.

        A folder in which no backup has succeeded yet belongs to nobody.
        """
        self.path.mkdir(mode=0o700, parents=True, exist_ok=True)
        self.wal.mkdir(mode=0o700, exist_ok=True)
        file = self.path / "server.json"
        if not file.exists() or self._is_unused():
            write_whole(file, facts.model_dump_json(indent=2))
            return
        known = Facts.model_validate_json(file.read_text())
        if known.system_identifier != facts.system_identifier:
            raise ServerUnsuitable(
                f"{self.path} has the backups of another server: its system identifier is {known.system_identifier},"
                f" and this one's is {facts.system_identifier}. Use another folder"
            )
        if known.database != facts.database:
            raise ServerUnsuitable(
                f"{self.path} has the backups for the database {known.database}, not {facts.database}: its tables are"
                " counted. Use another folder"
            )

    def _is_unused(self) -> bool:
        kept = (self.path / kind for kind in ("servers", "dumps", "wal"))
        return not self.erasures.exists() and not any(any(each.glob("*")) for each in kept)

    @contextmanager
    def alone(self, what: str) -> Iterator[int]:
        """Hold a lock of the folder, and yield it: a program that it is passed to keeps it. Raises FolderBusy."""
        self.path.mkdir(mode=0o700, parents=True, exist_ok=True)
        lock = os.open(self.path / f"{what}.lock", os.O_RDWR | os.O_CREAT, 0o600)
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            os.close(lock)
            raise FolderBusy(f"another process works on {what} in {self.path}: wait until it ends") from error
        try:
            yield lock
        finally:
            os.close(lock)

    @contextmanager
    def unfinished(self, kind: Kind) -> Iterator[Path]:
        """Yield a new folder for a backup in the making. It is removed unless it was moved by ``finish``.

        What killed runs have left is removed before: only the holder of the lock calls this.
        """
        shutil.rmtree(self.path / "unfinished", ignore_errors=True)
        place = self.path / "unfinished" / f"{datetime.now(UTC):%Y%m%dT%H%M%S.%f}Z-{kind}"
        place.mkdir(mode=0o700, parents=True)
        try:
            yield place
        finally:
            shutil.rmtree(place, ignore_errors=True)

    def finish(self, place: Path, record: Record) -> None:
        """Write the record of a backup, and move it to its place."""
        body = record.model_dump(mode="json")
        write_whole(place / RECORD, json.dumps({"sha256": _sealed(body), "record": body}, indent=2))
        target = self.place(record)
        target.parent.mkdir(mode=0o700, exist_ok=True)
        place.rename(target)
        _flush(target.parent)

    def remove(self, record: Record) -> None:
        """Remove a backup, at once as far as others can see."""
        aside = self.path / "unfinished" / record.name
        aside.parent.mkdir(mode=0o700, exist_ok=True)
        self.place(record).rename(aside)
        shutil.rmtree(aside)

    def _of(self, kind: Kind) -> Path:
        return self.path / ("dumps" if kind == "dump" else "servers")


def write_whole(file: Path, text: str) -> None:
    """Write a file so that a reader sees the old or the new text, never a part of it."""
    part = file.with_name(f"{file.name}.{os.getpid()}.part")
    try:
        with part.open("w", encoding="utf-8") as stream:
            stream.write(text)
            stream.flush()
            os.fsync(stream.fileno())
        part.rename(file)
    except BaseException:
        # For example, because the disk is full.
        part.unlink(missing_ok=True)
        raise
    _flush(file.parent)


def sha256_of(file: Path) -> str:
    """Return the SHA-256 of a file in hexadecimal."""
    with file.open("rb") as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()


def _flush(folder: Path) -> None:
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def _sealed(body: object) -> str:
    return hashlib.sha256(json.dumps(body, sort_keys=True).encode()).hexdigest()


def _read(place: Path) -> Record:
    file = place / RECORD
    try:
        document = json.loads(file.read_text(encoding="utf-8"))
        record = Record.model_validate(document["record"])
        is_whole = document["sha256"] == _sealed(document["record"])
    except (OSError, ValueError, KeyError, TypeError, ValidationError) as error:
        raise BackupDamaged(f"{file} cannot be read: {type(error).__name__}. Set {place} aside") from error
    if not is_whole or record.name != place.name:
        raise BackupDamaged(
            f"{file} was edited, or its folder renamed: it does not match its own checksum or name. Set {place} aside"
        )
    return record
