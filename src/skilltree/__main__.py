"""The command ``skilltree``, also available as ``python -m skilltree``."""

import sys

_NEEDED = {"rich": "rich", "typer": "typer", "yoyo": "yoyo-migrations"}


def main() -> None:
    """Run the command line. If a library is missing, say which extra installs it."""
    try:
        from skilltree.cli import app  # noqa: PLC0415 (an extra)
    except ModuleNotFoundError as error:
        missing = _NEEDED.get(error.name or "")
        if missing is None:
            raise
        sys.exit(f"skilltree: the command line needs {missing}, which is not installed: pip install 'skilltree[cli]'")
    app()


if __name__ == "__main__":
    main()
