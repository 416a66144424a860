"""The parts of the data set's rows (random values, times, ids), and how the rows are written."""

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
    """Return a random generator for one part of the data, so that changes of other parts do not affect it."""
    return random.Random(f"{_SEED} {what}")  # noqa: S311 (not for secrets)


def moment(minute: int) -> str:
    """Return the time this many minutes after the start, in PostgreSQL's format."""
    return (_START + timedelta(minutes=minute)).isoformat()


def new_id(chance: random.Random, minute: int) -> str:
    """Return a version 7 UUID with the time of this minute."""
    bits = chance.getrandbits(74)
    return f"{_START_MS + minute * 60_000:012x}7{bits >> 62:03x}{0x8000000000000000 | (bits & (2**62 - 1)):016x}"


def array(items: Iterable[str]) -> str:
    return "{" + ",".join(f'"{item}"' for item in items) + "}"


def copy(connection: Connection[Any], target: str, rows: Iterable[Row]) -> None:
    """Write rows by COPY as text. Only backslashes, which JSON may contain, are escaped."""
    with connection.cursor().copy(f"copy {target} from stdin".encode()) as stream:
        batch: list[str] = []
        for row in rows:
            batch.append("\t".join(["\\N" if value is None else str(value) for value in row]))
            if len(batch) == _BATCH:
                stream.write("\n".join(batch) + "\n")
                batch.clear()
        if batch:
            stream.write("\n".join(batch) + "\n")
