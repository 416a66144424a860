"""Finds the SQL files: inside the installed package, or beside ``src`` in a checkout."""

from pathlib import Path


def folder(name: str) -> Path:
    """Return the path of the folder ``migrations`` or ``queries``."""
    package = Path(__file__).parents[1]
    installed = package / name
    return installed if installed.is_dir() else package.parents[1] / name
