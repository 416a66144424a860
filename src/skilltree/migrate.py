"""Migrations: each is applied entirely or not at all, exactly once, and never after it was edited.

yoyo reads the folder, puts the migrations in order and keeps its tables of what was applied. How they run is decided here: on one
connection, under an advisory lock, with the statements of a migration and its mark as applied in one transaction.
"""

import hashlib
import math
import re
import socket
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, nullcontext, suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from glob import escape
from importlib.util import find_spec
from pathlib import Path
from typing import Literal
from uuid import uuid4

import psycopg
from yoyo import read_migrations
from yoyo.backends import PostgresqlPsycopgBackend
from yoyo.exceptions import BadMigration
from yoyo.migrations import Migration as YoyoMigration
from yoyo.migrations import default_migration_table, read_sql_migration, topological_sort

from skilltree._sql import load
from skilltree.errors import InvalidValue, MigrationError, translated

_NAME = re.compile(r"[0-9]{4}\.[a-z0-9-]+(\.rollback)?\.sql")
_COMMENTS = re.compile(r"(?:\s|--[^\n]*|/\*.*?\*/)*", re.DOTALL)
_TRANSACTION_CONTROL = re.compile(r"(begin|start|commit|end|rollback|abort|prepare\s+transaction)\b", re.IGNORECASE)
_LOCK = (0x736B696C, 0x74726565)  # "skil", "tree"
_POLL_SECONDS = 0.1
_SHOWN_LINES = 3


class InvalidMigration(MigrationError):
    """A file in the folder of migrations is not what it must be. Nothing was run."""


class MigrationEdited(MigrationError):
    """A migration was edited after it was applied: ``file`` says which. Nothing was run."""

    def __init__(self, file: Path) -> None:
        self.file = file
        super().__init__(
            f"{file.name} was edited after it was applied. Restore it, and put the change in a new migration."
        )


class MigrationDeleted(MigrationError):
    """A migration that was applied is not in the folder: ``file`` says which. Nothing was run."""

    def __init__(self, file: Path, *, newer: bool) -> None:
        self.file = file
        reason = "the database was migrated by a newer version of the code: use that one" if newer else "restore it"
        super().__init__(f"{file.name} was deleted after it was applied, or never was in {file.parent}: {reason}.")


class MigrationLocked(MigrationError):
    """Other migrations are still running. ``pid`` is the server process that runs them, if it can be told."""

    def __init__(self, *, pid: int | None) -> None:
        self.pid = pid
        holder = f" in server process {pid} (see pg_stat_activity)" if pid else ""
        super().__init__(f"other migrations are still running{holder}. Try again when they are done.")


@dataclass(frozen=True)
class Statement:
    """A statement of a file, and the line it starts in."""

    line: int
    text: str


class MigrationFailed(MigrationError):
    """The server refused a statement: ``file``, ``line`` and ``statement`` say which.

    Nothing of that file stays applied; the migrations before it do. Only a file that is not transactional can leave something behind.
    """

    def __init__(self, file: Path, statement: Statement, error: psycopg.Error, *, transactional: bool) -> None:
        position = int(error.diag.statement_position or 1)
        self.file = file
        self.line = statement.line + statement.text.count("\n", 0, position - 1)
        self.statement = statement.text
        shown, *more = ((*statement.text.split("\n")[:_SHOWN_LINES], "…")[: statement.text.count("\n") + 1],)
        super().__init__("")
