"""Writes ``queries/json`` and ``_async/json_reads.py``. ``--check`` only reports whether they are up to date."""

import sys
from pathlib import Path

from skilltree._core.sql_folders import folder
from tools.json_twins import methods, queries

ROOT = Path(__file__).parents[2]


def main() -> int:
    """Return 0 if the files are up to date or were written, else 1."""
    wanted = {**queries.files(), methods.TARGET: methods.text()}
    strays = sorted(set((folder("queries") / "json").rglob("*.sql")) - wanted.keys())
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


if __name__ == "__main__":
    sys.exit(main())
