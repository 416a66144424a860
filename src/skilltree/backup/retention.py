"""Removes old backups, and what only they need."""

from skilltree.backup import wal
from skilltree.backup.folder import Folder, Record


def prune(folder: Folder, *, keep: int, keep_dumps: int) -> list[str]:
    """Keep the newest full backups with all that build on them, and the newest dumps; return what was removed.

    The log before the oldest kept backup is removed, too. A kept backup never loses what it needs. Incremental backups
    are removed before those that they build on.
    """
    with folder.alone("backups"):
        servers, dumps = folder.servers(), folder.dumps()
        kept = [record.name for record in servers if record.kind == "full"][-keep:]
        first = kept[0] if kept else ""
        # A chain never crosses a later full backup, because an incremental one builds on the newest.
        old = [record for record in servers if record.name < first and not _builds_on(servers, record, kept)]
        gone = [*reversed(old), *dumps[: max(len(dumps) - keep_dumps, 0)]]
        for record in gone:
            folder.remove(record)
        left = [record for record in servers if record not in gone]
        segments = wal.before(folder.wal, left[0]) if left else []
        for segment in segments:
            segment.unlink()
    return [record.name for record in gone] + [segment.name for segment in segments]


def _builds_on(servers: list[Record], record: Record, kept: list[str]) -> bool:
    parents = {each.name: each.parent for each in servers}
    name: str | None = record.name
    while name is not None:
        if name in kept:
            return True
        name = parents.get(name)
    return False
