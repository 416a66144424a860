"""Verifies the copied files of a server by the manifest that pg_basebackup has written.

pg_verifybackup does it where it runs. The one in the embedded server's wheel crashes; there, sizes and checksums are
compared here.
"""

import json
from pathlib import Path

from skilltree.backup import programs
from skilltree.backup.failures import BackupDamaged, ProgramFailed
from skilltree.backup.folder import MANIFEST, sha256_of

# Not in the manifest: pg_verifybackup ignores them, too, except that it reads the log with pg_waldump.
_UNLISTED = {MANIFEST, "postgresql.auto.conf", "recovery.signal", "standby.signal"}
_LOG = "pg_wal"


def verify(data: Path, *, version: int) -> None:
    """Raise BackupDamaged or ProgramFailed, which name the file, unless all files are as they were copied."""
    try:
        program = programs.exact("pg_verifybackup", version=version)
    except ProgramFailed:
        _verify(data)
        return
    programs.run([program, "--quiet", str(data)])


def _verify(data: Path) -> None:
    listed = {}
    for entry in json.loads((data / MANIFEST).read_text(encoding="utf-8"))["Files"]:
        name = entry.get("Path") or bytes.fromhex(entry["Encoded-Path"]).decode(errors="surrogateescape")
        listed[name] = entry
    there = {str(file.relative_to(data)) for file in data.rglob("*") if file.is_file()} - _UNLISTED
    for name, entry in listed.items():
        if name in _UNLISTED:
            continue
        if name not in there:
            raise BackupDamaged(f"{name} is missing")
        file = data / name
        if (size := file.stat().st_size) != entry["Size"]:
            raise BackupDamaged(f"{name} has {size} bytes instead of {entry['Size']}")
        if sha256_of(file) != entry["Checksum"]:
            raise BackupDamaged(f"{name} differs from what was copied")
    if extra := sorted(name for name in there - listed.keys() if not name.startswith(f"{_LOG}/")):
        raise BackupDamaged(f"{extra[0]} is not in the manifest")
    if not any(name.startswith(f"{_LOG}/") for name in there):
        raise BackupDamaged(f"{_LOG} is empty")
