"""Makes the virtual environment of the checkout, for the Makefile. Concurrent runs wait for each other."""

import fcntl
import os
import subprocess
import sys
import venv
from pathlib import Path

ROOT = Path(__file__).parents[1]
FOLDER = ROOT / ".venv"
MADE = FOLDER / "bin" / "skilltree"
SOURCES = (ROOT / "pyproject.toml", ROOT / "tools" / "pyproject.toml", ROOT / "constraints.txt")


def is_made() -> bool:
    """Return whether the environment exists and is newer than the files it is made from."""
    return MADE.exists() and all(MADE.stat().st_mtime >= source.stat().st_mtime for source in SOURCES)


def main() -> None:
    with SOURCES[0].open() as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if is_made():
            return
        print(f"Making the virtual environment .venv with Python {sys.version.split()[0]} …", flush=True)
        venv.create(FOLDER, with_pip=True, symlinks=True)
        subprocess.run(
            [
                FOLDER / "bin" / "python",
                *["-m", "pip", "install", "--quiet", "--disable-pip-version-check"],
                *["--editable", ".[dev]", "--editable", "./tools"],
            ],
            cwd=ROOT,
            env=os.environ | {"PIP_CONSTRAINT": "constraints.txt"},
            check=True,
        )
        MADE.touch()


if __name__ == "__main__":
    try:
        main()
    except (subprocess.CalledProcessError, KeyboardInterrupt) as error:
        sys.exit(f"the virtual environment was not made: {error}")
