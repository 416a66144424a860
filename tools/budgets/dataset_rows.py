"""What the rows of the data set are made of (chance, moments, ids), and how they are written."""

import random
from collections.abc import Iterable, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

from psycopg import Connection

Row = Sequence[object]

_SEED = 1
_DAYS = 365
MINUTES = _DAYS * 1440
_BATCH = 20_000

_END = datetime.now(UTC).replace(second=0, microsecond=0)
_START = _END - timedelta(days=_DAYS)
_START_MS = int(_START.timestamp() * 1000)


def chance_of(what: str) -> random.Random:
    """Return chance of its own for each part, so that another part leaves it as it is."""
    return random.Random(f"{_SEED} {what}")  # noqa: S311 (not for secrets)


def moment(minute: int) -> str:
    """Return the moment so many minutes after the start, as PostgreSQL reads it."""
    return (_START + timedelta(minutes=minute)).isoformat()


def new_id(chance: random.Random, minute: int) -> str:
    """Return a UUID of version 7 of that minute."""
    bits = chance.getrandbits(74)
    return f"{_START_MS + minute * 60_000:012x}7{bits >> 62:03x}{0x8000000000000000 | (bits & (2**62 - 1)):016x}"


def array(items: Iterable[str]) -> str:
    return "{" + ",".join(f'"{item}"' for item in items) + "}"


def copy(connection: Connection[Any], target: str, rows: Iterable[Row]) -> None:
    """Write rows by COPY as text; the values need no escaping but for the backslash that JSON may have."""
    with connection.cursor().copy(f"copy {target} from stdin".encode()) as stream:
        batch: list[str] = []
        for row in rows:
            batch.append("\t".join(["\\N" if value is None else str(value) for value in row]))
            if len(batch) == _BATCH:
                stream.write("\n".join(batch) + "\n")
                batch.clear()
        if batch:
            stream.write("\n".join(batch) + "\n")
