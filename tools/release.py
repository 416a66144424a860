"""Checks that a checkout can be released: ``python -m tools.release``. It changes nothing."""

import re
import subprocess
import sys
import tomllib
from pathlib import Path

ROOT = Path(__file__).parents[1]


def faults(root: Path) -> list[str]:
    """Return what stands against a release of the checkout in this folder."""
    version = str(tomllib.loads((root / "pyproject.toml").read_text())["project"]["version"])
    found = []
    if changed := _git(root, "status", "--porcelain"):
        found.append(f"the tree is not clean:\n{changed}")
    if f"v{version}" in _git(root, "tag", "--list").split():
        found.append(f"the tag v{version} exists; raise the version in pyproject.toml")
    entry = re.search(
        rf"^## \[{re.escape(version)}\](?P<date>.*)\n(?P<text>(?:(?!## ).*\n?)*)",
        (root / "CHANGELOG.md").read_text(),
        re.MULTILINE,
    )
    if entry is None or not entry["text"].strip():
        found.append(f"CHANGELOG.md has no entry for {version}")
    elif not re.fullmatch(r" - \d{4}-\d{2}-\d{2}", entry["date"]):
        found.append(f"CHANGELOG.md gives no date for {version}: ## [{version}] - YYYY-MM-DD")
    if f"version: {version}" not in (root / "CITATION.cff").read_text().splitlines():
        found.append(f"CITATION.cff has another version than {version}")
    return found


def _git(root: Path, *arguments: str) -> str:
    done = subprocess.run(["git", *arguments], cwd=root, check=True, capture_output=True, text=True)  # noqa: S607 (git of the PATH)
    return done.stdout.rstrip()


def main() -> int:
    """Print each fault, or what to do next."""
    if found := faults(ROOT):
        print("\n".join(found), file=sys.stderr)
        return 1
    print("Ready. Next: .ci/run, python -m build, python -m twine check dist/*, then tag and upload.")
    return 0


if __name__ == "__main__":
    sys.exit(main())
