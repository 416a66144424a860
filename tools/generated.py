"""Writes generated files, or only reports whether they are up to date (``--check``)."""

import sys
from collections.abc import Mapping
from pathlib import Path

ROOT = Path(__file__).parents[1]


def written(wanted: Mapping[Path, str], place: Path) -> int:
    """Return 0 if the files are up to date or were written, else 1. Other query files below ``place`` are strays."""
    strays = sorted(set(place.rglob("*.sql")) - wanted.keys())
    stale = [path for path, text in wanted.items() if not path.exists() or path.read_text() != text]
    if "--check" in sys.argv[1:]:
        for path in (*stale, *strays):
            print(f"{path.relative_to(ROOT)}: not up to date")
        if stale or strays:
            print("run: make format")
        return 1 if stale or strays else 0
    for path in strays:
        path.unlink()
    for path in stale:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(wanted[path])
    return 0
