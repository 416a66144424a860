"""The list of erased accounts, beside the backups. A restore to a moment before an erasure does it again.

The trail of the database has the erasures, but a restored trail lacks the later ones. So the list is copied to the
folder with every backup and drill, and every minute while `skilltree backup wal` runs. It has hashes of ids only.
"""

import fcntl
import os
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime
from pathlib import Path

import psycopg
from psycopg.rows import dict_row
from pydantic import BaseModel, ConfigDict, ValidationError

from skilltree._core.driver_errors import translated
from skilltree._core.queries import load
from skilltree._sync.database import Database
from skilltree.backup.application import Application
from skilltree.backup.failures import BackupDamaged
from skilltree.backup.folder import Folder, write_whole
from skilltree.migrate.connection import pin, require_sight


class Erasure(BaseModel):
    """An erased account: the SHA-256 of its id, and whether its progress was kept under another id."""

    model_config = ConfigDict(frozen=True)

    account_hash: str
    is_kept: bool
    erased_at: datetime


def listed(folder: Folder) -> list[Erasure]:
    """Return the erasures in the folder, oldest first. Raises BackupDamaged for a line that cannot be read."""
    if not folder.erasures.exists():
        return []
    try:
        return [Erasure.model_validate_json(line) for line in folder.erasures.read_text("utf-8").splitlines()]
    except ValidationError as error:
        raise BackupDamaged(
            f"{folder.erasures} has a line that is no erasure. Mend it before you restore anything: without it, erased"
            " learners would come back"
        ) from error


def collect(url: str, folder: Folder) -> list[Erasure]:
    """Add the erasures of a database to the list in the folder, and return the list."""
    with translated(), psycopg.connect(url, autocommit=True, client_encoding="utf8") as connection:
        pin(connection)
        require_sight(connection)
        with connection.cursor(row_factory=dict_row) as cursor:
            found = [Erasure(**row) for row in cursor.execute(load("backup/erasures"))]
    with _turn(folder.erasures):
        known = {each.account_hash: each for each in listed(folder)}
        added = {each.account_hash: each for each in found if each.account_hash not in known}
        everyone = sorted((known | added).values(), key=lambda each: each.erased_at)
        if added or not folder.erasures.exists():
            write_whole(folder.erasures, "".join(f"{each.model_dump_json()}\n" for each in everyone))
    return everyone


def repeat(url: str, folder: Folder, application: Application) -> int:
    """Erase or delete the accounts of the list that a restore has brought back, and return how many these were.

    Raises StillReferenced if rows of other tables stop it: those of an application need its query files.
    """
    kept = {each.account_hash: each.is_kept for each in listed(folder)}
    with translated(), psycopg.connect(url, autocommit=True, client_encoding="utf8") as connection:
        pin(connection)
        require_sight(connection)
        found = connection.execute(load("backup/erased_accounts"), {"account_hashes": list(kept)}).fetchall()
    with Database(url, max_size=1) as db:
        db.hooks = application.hooks
        for user_id, account_hash in found:
            if kept[account_hash]:
                db.users.erase(user_id)
            else:
                db.users.delete(user_id)
    return len(found)


@contextmanager
def _turn(file: Path) -> Iterator[None]:
    """Wait until no other process changes the list."""
    file.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    lock = os.open(file.with_suffix(".lock"), os.O_RDWR | os.O_CREAT, 0o600)
    try:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield
    finally:
        os.close(lock)
