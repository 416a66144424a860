"""Generates the sync code and its tests from the async ones. ``--check`` only reports whether they are up to date."""

import sys
from pathlib import Path

from skilltree.unasync import RULES, Rule, generate

ROOT = Path(__file__).parents[1]

FOLDERS = {
    "src/skilltree/_async": "src/skilltree/_sync",
    "tests/_async": "tests/_sync",
}


def main() -> int:
    """Return 0 if the sync code is up to date or was written, else 1. A rule that matches nothing is an error."""
    check = "--check" in sys.argv[1:]
    unused: set[Rule] = set(RULES)
    stale = [
        line
        for source, target in FOLDERS.items()
        for line in generate(
            ROOT / source, ROOT / target, check=check, by="tools/unasync.py", root=ROOT, used=unused.discard
        )
    ]
    if unused:
        print("rules that nothing uses:", *(pattern for pattern, _ in unused), sep="\n  ")
        return 1
    if check and stale:
        print(*stale, "run: python -m tools.unasync", sep="\n")
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
