"""Why migrations are not run: errors, and the checks of the histories that raise them."""

from collections.abc import Iterable
from pathlib import Path

import psycopg

from skilltree.errors import MigrationError
from skilltree.migrate.files import History, HistoryName, Mark, Statement, titled

_LINES_SHOWN = 3
_FIRST_BEFORE_RELEASE = "0001.create-types-and-functions"
"""What every database has applied that was made before 0.1.0. Nothing is called so since."""
_UPGRADE = {
    "skilltree": "a newer version of SkillTree migrated this database: upgrade skilltree",
    "application": "a newer version of the application migrated this database: deploy that version",
}


class MigrationEdited(MigrationError):
    """A file was edited after it was applied. ``file`` is its path. Nothing was run."""

    def __init__(self, file: Path, history: HistoryName = "skilltree") -> None:
        self.file = file
        super().__init__(
            f"{titled(file.name, history)} was edited after it was applied: restore it, and write a new migration"
            " instead"
        )


class MigratedBeforeRelease(MigrationError):
    """The database was made by migrations from before 0.1.0, which are not continued. Nothing was run."""

    def __init__(self) -> None:
        super().__init__(
            "this database was made by migrations from before 0.1.0, the first release, which are not continued. Make a"
            " new, empty database, and run `skilltree migrate` and `skilltree seed`. In a checkout, `skilltree clean`"
            " removes the embedded server's data"
        )


class MigrationDeleted(MigrationError):
    """An applied migration is not in the folder. ``file`` is its path. Nothing was run.

    If it is ``newer`` than those of the folder, a newer version of SkillTree or of the application has applied it;
    ``history`` says which.
    """

    def __init__(self, file: Path, *, newer: bool, history: HistoryName = "skilltree") -> None:
        self.file = file
        self.newer = newer
        self.history = history
        name = titled(file.name, history)
        super().__init__(
            f"{name} is applied but not in {file.parent}: {_UPGRADE[history]}"
            if newer
            else f"{name} was deleted from {file.parent} after it was applied: restore it"
        )


class ApplicationMigrationsApplied(MigrationError):
    """The application's migrations were applied after those to roll back. ``ids``: newest first. Nothing was undone."""

    def __init__(self, ids: list[str]) -> None:
        self.ids = ids
        super().__init__(
            f"the application's migrations were applied later: roll back {', '.join(ids)} first. `skilltree rollback`"
            " does it in the application's folder"
        )


class MigrationLocked(MigrationError):
    """Another process is still migrating. ``pid`` is its server process, if known."""

    def __init__(self, *, pid: int | None) -> None:
        self.pid = pid
        process = f" in server process {pid} (see pg_stat_activity)" if pid else ""
        super().__init__(f"timed out waiting for other migrations{process}: try again when they are done")


class MigrationFailed(MigrationError):
    """The server refused a statement of a migration: see ``file``, ``line`` and ``statement``.

    The file's changes are rolled back, unless it is marked ``-- transactional: false``. Earlier migrations stay.
    """

    def __init__(
        self,
        file: Path,
        statement: Statement,
        error: psycopg.Error,
        *,
        transactional: bool,
        history: HistoryName = "skilltree",
    ) -> None:
        self.file = file
        self.line = statement.line + statement.text.count("\n", 0, int(error.diag.statement_position or 1) - 1)
        self.statement = statement.text
        parts = [f"{titled(file.name, history)}, line {self.line}: {error.diag.message_primary or error}"]
        parts += [f"    {line}" for line in self.statement.splitlines()[:_LINES_SHOWN]]
        parts += filter(None, (error.diag.message_detail, error.diag.message_hint, error.diag.context))
        if isinstance(error, psycopg.errors.LockNotAvailable):
            parts.append("Other sessions use a table that it must lock: try again when the table is less busy.")
        if not transactional:
            parts.append("It ran outside a transaction: remove leftovers, such as an invalid index, and try again.")
        super().__init__("\n".join(parts))


def refuse_unreleased(history: History, done: dict[str, Mark]) -> None:
    """Raise MigratedBeforeRelease for a database that was made before 0.1.0."""
    is_ours = history.name == "skilltree"
    if is_ours and _FIRST_BEFORE_RELEASE in done and _FIRST_BEFORE_RELEASE not in history.migrations:
        raise MigratedBeforeRelease


def refuse_changes(history: History, done: dict[str, Mark], *, may_be_ahead: bool = False) -> None:
    """Raise MigrationEdited or MigrationDeleted for files that are not as they were applied.

    ``may_be_ahead`` accepts what a newer version has applied, if all of it is compatible and no older one is pending.
    """
    refuse_unreleased(history, done)
    may_be_ahead = may_be_ahead and history.migrations.keys() <= done.keys()
    for name, mark in done.items():
        if may_be_ahead and is_ahead(name, mark, history.migrations):
            continue
        if name not in history.migrations:
            place = next(iter(history.migrations.values())).apply.path.parent
            newer = is_newer(name, history.migrations)
            raise MigrationDeleted(place / f"{name}.sql", newer=newer, history=history.name)
        if file := history.migrations[name].edited_since(mark):
            raise MigrationEdited(file, history.name)


def is_ahead(name: str, mark: Mark, known: Iterable[str]) -> bool:
    """Return whether a newer version has applied a migration which promises that the code before it still works."""
    return mark.is_compatible and is_newer(name, known)


def is_newer(name: str, known: Iterable[str]) -> bool:
    """Return whether a migration that is not in its folder comes after all that are."""
    return name > max(known)
