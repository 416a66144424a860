"""Links of pages, which lead through the checkout on a code host, and through the site here."""

import posixpath
import re
from pathlib import Path

_LINK = re.compile(r"(!?\[(?:[^\]\\]|\\.)*\])\(([^()\s]+)\)")
_PAGES = {
    "CONTRIBUTING.md": "docs/contributing.md",
    "CHANGELOG.md": "docs/changes.md",
    "README.md": "docs/index.md",
    "schema.sql": "docs/reference/schema.md",
    "src/skilltree/errors.py": "docs/reference/errors.md",
    "docs/decisions/": "docs/decisions/README.md",
}
_ONLY_IN_A_CHECKOUT = {"examples", "LICENSE"}


def moved(text: str, place: Path, new_place: Path) -> str:
    """Return a page of the checkout with its links to files as the site needs them.

    A link to a file that the site does not have becomes its text. The rest is left to Sphinx, which refuses what leads
    nowhere.
    """

    def link(found: re.Match[str]) -> str:
        label, target = found.groups()
        path, hash_, anchor = target.partition("#")
        if not path or re.match(r"[a-z]+:", path):
            return found[0]
        there = posixpath.normpath(posixpath.join(place.parent.as_posix(), path))
        if there.split("/")[0] in _ONLY_IN_A_CHECKOUT:
            return label.strip("[]")
        page = _PAGES.get(there, there)
        if page == "docs/index.md":
            hash_ = anchor = ""
        return f"{label}({posixpath.relpath(page, new_place.parent.as_posix())}{hash_}{anchor})"

    parts = re.split(r"(^```.*?^```$)", text, flags=re.DOTALL | re.MULTILINE)
    return "".join(part if part.startswith("```") else _LINK.sub(link, part) for part in parts)
