"""Positions in the write-ahead log (LSNs) as numbers, and the names of its files."""

import re

SEGMENT = re.compile(r"(?P<timeline>[0-9A-F]{8})(?P<number>[0-9A-F]{16})(?P<partial>\.partial)?")
HISTORY = re.compile(r"[0-9A-F]{8}\.history")
_BITS = 32


def number_of(position: str) -> int:
    """Return a position, written like ``16/B374D848``, as a number."""
    high, _, low = position.partition("/")
    return (int(high, 16) << _BITS) + int(low, 16)


def shown(position: int) -> str:
    """Return a position as PostgreSQL writes it."""
    return f"{position >> _BITS:X}/{position & 0xFFFFFFFF:X}"


def segment_name(timeline: int, number: int, size: int) -> str:
    """Return the name of a segment of this size, counted from the start of the log."""
    per_file = (1 << _BITS) // size
    return f"{timeline:08X}{number // per_file:08X}{number % per_file:08X}"


def segment_number(name: str, size: int) -> int:
    """Return which segment it is, counted from the start of the log."""
    per_file = (1 << _BITS) // size
    return int(name[8:16], 16) * per_file + int(name[16:24], 16)
