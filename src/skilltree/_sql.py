"""Query name -> SQL. The path below ``queries/`` is the name: ``trees/load`` is ``queries/trees/load.sql``."""

from functools import cache

from skilltree._files import folder


@cache
def load(name: str) -> bytes:
    """Return the text of a query file, with its name in front so that the server's log leads back to it."""
    return b"/* %s */ %s" % (name.encode(), (folder("queries") / f"{name}.sql").read_bytes())
