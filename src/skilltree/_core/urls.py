"""Checks connection strings before libpq does, because libpq's errors show what they cannot read."""

import re
from difflib import get_close_matches
from urllib.parse import unquote

import psycopg
from psycopg.conninfo import conninfo_to_dict
from psycopg.pq import Conninfo

from skilltree._core.messages import shown
from skilltree.errors import InvalidConnectionString

_SCHEME = re.compile(r"([a-zA-Z][a-zA-Z0-9+.-]{0,40})://")
_OURS = ("postgresql", "postgres")
_PORTS = re.compile(r"\d{0,5}(,\d{0,5})*")
_KEYWORD = re.compile(r"(?:^|\s)([a-z_]+)\s*=")


def checked_url(url: object) -> dict[str, object]:
    """Return the parts of a connection string. Raises InvalidConnectionString, which shows none of them."""
    if not isinstance(url, str):
        raise InvalidConnectionString(f"the connection string must be text, not {type(url).__name__}", field="url")
    parts = _parsed(url)
    problem = _of_a_url(url) or (_not_understood(url) if parts is None else _of_the_parts(parts))
    # Raised outside of an except block, so that the driver's error, which shows the string, is not its context.
    if parts is None or problem:
        raise InvalidConnectionString(f"the connection string cannot be used: {problem}", field="url")
    return parts


def _parsed(url: str) -> dict[str, object] | None:
    try:
        return dict(conninfo_to_dict(url))
    except (psycopg.Error, ValueError):
        return None


def _of_a_url(url: str) -> str | None:
    """Return what is wrong with the form of a URL; ``None`` if nothing is, or if the text is no URL."""
    scheme = _SCHEME.match(url.lstrip())
    if scheme is None:
        return None
    if scheme[1] not in _OURS:
        begins = scheme[1] if scheme[1].lower().startswith(("postgres", "jdbc")) else "something else"
        return f"it must begin with postgresql://, not {begins}://"
    rest = url.lstrip()[scheme.end() :]
    before_query = rest.partition("?")[0]
    authority, _, path = rest.partition("/")
    if before_query.count("@") > 1 or "@" in path.partition("?")[0]:
        return "an @ in the user name or password must be written %40, and a / there %2F"
    if "@" in authority and re.search(r"%(?![0-9a-fA-F]{2})", authority.rpartition("@")[0]):
        return "a % in the user name or password must be written %25"
    return None


def _of_the_parts(parts: dict[str, object]) -> str | None:
    if not _PORTS.fullmatch(str(parts.get("port", ""))):
        return "the port must be a number; in a password, : / ? # and @ must be written %3A %2F %3F %23 and %40"
    return None


def _not_understood(url: str) -> str:
    known = {option.keyword.decode() for option in Conninfo.get_defaults()}
    scheme = _SCHEME.match(url.lstrip())
    if scheme is None:
        for word in _KEYWORD.findall(url):
            if word not in known and (like := get_close_matches(word, known, 1, 0.8)):
                return f"one of its options is unknown: did you mean {like[0]}?"
        return "use postgresql://user@host/database, or key=value pairs with '…' around a value with spaces"
    names = (unquote(pair.partition("=")[0]) for pair in url.partition("?")[2].split("&"))
    # Only if the text before it cannot be part of a password.
    unknown = [name for name in names if name not in known and "@" not in url.partition("?")[2]]
    if unknown and re.fullmatch(r"[a-z_]{1,40}", unknown[0]):
        return f"PostgreSQL has no option {shown(unknown[0])} after the ?"
    return "special characters in a URL (: / ? # @ % and spaces) must be percent-encoded, such as %40 for @"
