"""The write-ahead log in the folder: receiving it, and how far it reaches without a gap."""

import shutil
import subprocess
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import IO

from skilltree.backup import programs
from skilltree.backup.census import Census
from skilltree.backup.failures import FolderBusy, ProgramFailed, WalMissing
from skilltree.backup.folder import Folder, Record
from skilltree.backup.positions import HISTORY, SEGMENT, number_of, segment_name, segment_number, shown

SLOT = "skilltree_backup"
_SECONDS_BETWEEN_LOOKS = 0.1
_SECONDS_TO_ARRIVE = 60


@dataclass(frozen=True)
class End:
    """Where the received log ends: the timeline and segment that it ends in, and the position."""

    timeline: int
    segment: int
    position: int


def end_of(wal: Path, size: int) -> End | None:
    """Return where the received log ends, on its latest timeline; ``None`` if there is none."""
    found = [match for each in wal.glob("*") if (match := SEGMENT.fullmatch(each.name))]
    if not found:
        return None
    last = max(found, key=lambda match: (match["timeline"], match["number"], not match["partial"]))
    number = segment_number(last[0], size)
    # pg_receivewal fills a new segment with zeros first.
    used = len((wal / last[0]).read_bytes().rstrip(b"\0")) if last["partial"] else size
    return End(int(last["timeline"], 16), number, number * size + used)


def wait_for(wal: Path, size: int, position: int, *, seconds: float) -> bool:
    """Wait until the log is received up to a position, and return whether it is."""
    until = time.monotonic() + seconds
    while (end := end_of(wal, size)) is None or end.position <= position:
        if time.monotonic() > until:
            return False
        time.sleep(_SECONDS_BETWEEN_LOOKS)
    return True


def require_whole(folder: Folder, record: Record) -> End | None:
    """Return where the log after a backup ends. Raises WalMissing for a gap or a file of the wrong size.

    ``None`` means that there is nothing after what is in the backup itself.
    """
    size = record.server.segment_size
    end = end_of(folder.wal, size)
    first = (record.stop - 1) // size + 1
    if end is None or end.segment < first:
        return None
    timelines = _timelines(folder.wal, end.timeline, record.timeline)
    for number in range(first, end.segment + 1):
        timeline = next((each for each, switch in timelines if number < switch // size), end.timeline)
        file = folder.wal / segment_name(timeline, number, size)
        if not file.exists():
            # It may become whole at this moment.
            file = next((each for each in (file.with_name(f"{file.name}.partial"), file) if each.exists()), file)
            if number < end.segment or not file.exists():
                raise WalMissing(
                    f"{segment_name(timeline, number, size)} is missing in {folder.wal}, and the log goes on to"
                    f" {shown(end.position)}: only a moment before it can be restored from this backup"
                )
        if (there := file.stat().st_size) != size:
            raise WalMissing(f"{file} is damaged: it has {there} bytes instead of {size}")
    return end


def _timelines(wal: Path, last: int, first: int) -> list[tuple[int, int]]:
    """Return the timelines before the last one, each with the position at which the next one begins."""
    if last == first:
        return []
    file = wal / f"{last:08X}.history"
    if not file.exists():
        raise WalMissing(f"{file.name} is missing in {wal}: it says where timeline {last} begins")
    words = [line.split() for line in file.read_text().splitlines() if line.strip() and not line.startswith("#")]
    return [(int(timeline), number_of(position)) for timeline, position, *_ in words]


def receive(
    url: str,
    folder: Folder,
    *,
    version: int,
    slot: str = SLOT,
    every: float,
    on_tick: Callable[[], None],
    on_trouble: Callable[[str], None],
) -> None:
    """Receive the write-ahead log until interrupted, and call ``on_tick`` every so many seconds.

    A slot makes the server keep what was not yet received. Lost connections are opened again. Raises FolderBusy if
    another process receives, and WalMissing if the server no longer has what comes next.
    """
    program = programs.exact("pg_receivewal", version=version)
    with folder.alone("wal") as lock:
        command = [program, "--directory", str(folder.wal), "--slot", slot, "--no-loop", "--synchronous"]
        while True:
            programs.run([program, "--slot", slot, "--create-slot", "--if-not-exists"], url=url)
            told = _received(command, url, lock, every, on_tick)
            if "has already been removed" in told:
                raise WalMissing(
                    f"the server no longer has the log that follows what is in {folder.wal}: {told}\nMove the files of"
                    " that folder to another one, start again, and take a full backup: older backups can be restored"
                    " only up to the gap"
                )
            on_trouble(told)
            time.sleep(min(every, 5))


def _received(command: list[str], url: str, lock: int, every: float, on_tick: Callable[[], None]) -> str:
    """Run pg_receivewal until it ends by itself, and return what it printed."""
    with tempfile.TemporaryFile() as printed:
        with programs.receiver(command, url=url, lock=lock, printed=printed) as child:
            while child.poll() is None:
                with suppress(subprocess.TimeoutExpired):
                    child.wait(every)
                    break
                on_tick()
        return _text(printed)


def _text(printed: IO[bytes]) -> str:
    printed.seek(0)
    return printed.read().decode(errors="replace").strip()


@contextmanager
def received_meanwhile(url: str, folder: Folder, *, version: int, size: int) -> "Iterator[Callable[[Census], None]]":
    """Receive the log during a backup, unless another process receives it anyway.

    Yields a function that waits for the log up to a census. Without a running `skilltree backup wal`, nothing is
    received between two backups, and a restore reaches only the census of each.
    """
    with ExitStack() as stack:
        try:
            lock = stack.enter_context(folder.alone("wal"))
        except FolderBusy:
            lock = None
        if lock is None:
            yield lambda census: _require(folder.wal, size, census, lambda: False)
            return
        new = folder.path / "unfinished-wal"
        shutil.rmtree(new, ignore_errors=True)
        new.mkdir(mode=0o700)
        command = [programs.exact("pg_receivewal", version=version), "--directory", str(new), "--no-loop"]
        with (
            tempfile.TemporaryFile() as printed,
            programs.receiver(command, url=url, lock=lock, printed=printed) as child,
        ):
            yield lambda census: _require(new, size, census, lambda: child.poll() is not None and _text(printed))
        _move(new, folder.wal)
        new.rmdir()


def _require(wal: Path, size: int, census: Census, ended: Callable[[], str | bool]) -> None:
    """Wait for the log up to a census. ``ended`` returns what the receiver has printed if it has ended."""
    until = time.monotonic() + _SECONDS_TO_ARRIVE
    while not wait_for(wal, size, census.flushed, seconds=1):
        if told := ended():
            raise ProgramFailed(f"pg_receivewal ended: {told}")
        if time.monotonic() > until:
            raise WalMissing(
                f"the log up to {shown(census.flushed)} did not arrive in {wal} within {_SECONDS_TO_ARRIVE} s: does"
                " `skilltree backup wal` run?"
            )


def _move(new: Path, wal: Path) -> None:
    """Move received files, whole segments over partial ones and never the other way round."""
    for file in sorted(new.iterdir()):
        if file.name.endswith(".partial"):
            if (wal / file.stem).exists():
                file.unlink()
                continue
        elif SEGMENT.fullmatch(file.name):
            (wal / f"{file.name}.partial").unlink(missing_ok=True)
        file.rename(wal / file.name)


def before(wal: Path, record: Record) -> list[Path]:
    """Return the segments that no restore from this or a later backup needs."""
    size = record.server.segment_size
    first = record.start // size
    return [
        each
        for each in sorted(wal.glob("*"))
        if SEGMENT.fullmatch(each.name) and not HISTORY.fullmatch(each.name) and segment_number(each.name, size) < first
    ]
