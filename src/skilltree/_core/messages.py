"""How messages show what a caller gave: short, whatever it is."""

from reprlib import Repr

_LONGEST_PATH = 200

_shorten = Repr()
_shorten.maxstring = _shorten.maxother = _shorten.maxlong = 60


def shown(value: object) -> str:
    """Return a value as messages show it: short, and whatever its own ``repr`` does."""
    try:
        return _shorten.repr(value)
    except Exception:
        # A caller's object may raise anything.
        return f"a value of type {type(value).__name__}"


def path_shown(*path: object) -> str:
    """Return the path to a fault as messages show it: callers choose what it is made of."""
    where = ".".join(map(str, path))
    return where if len(where) <= _LONGEST_PATH else f"{where[:_LONGEST_PATH]}…"
