"""Shows a caller's values in messages, shortened if necessary."""

from reprlib import Repr

_LONGEST_PATH = 200

_shorten = Repr()
_shorten.maxstring = _shorten.maxother = _shorten.maxlong = 60


def shown(value: object) -> str:
    """Return a value in the short form for messages. It does not rely on the value's own ``repr``."""
    try:
        return _shorten.repr(value)
    except Exception:
        # The repr of a caller's object may raise any error.
        return f"a value of type {type(value).__name__}"


def path_shown(*path: object) -> str:
    """Return the path to a faulty value in the short form for messages, because callers choose its keys."""
    where = ".".join(map(str, path))
    return where if len(where) <= _LONGEST_PATH else f"{where[:_LONGEST_PATH]}…"
