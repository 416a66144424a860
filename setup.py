"""Gives a distribution the README as a package index can show it. All other metadata are in pyproject.toml.

The links of the README lead to files of the checkout, which an index does not have. They lead to the repository if
pyproject.toml names one (``[project.urls] Repository``). If not, only their text stays.
"""

import re
import tomllib
from pathlib import Path

from setuptools import setup

ROOT = Path(__file__).parent
_LINK = re.compile(r"(?P<picture>!?)\[(?P<text>(?:[^\]\\]|\\.)*)\]\((?P<path>[^():#\s]+)(?P<anchor>#[^()\s]*)?\)")


def description(readme: str, repository: str | None, version: str) -> str:
    """Return the README with its links to files as an index needs them."""

    def link(found: re.Match[str]) -> str:
        if repository is None:
            return "" if found["picture"] else found["text"]
        kind = "raw" if found["picture"] else "blob"
        path = f"{repository.rstrip('/')}/{kind}/v{version}/{found['path']}{found['anchor'] or ''}"
        return f"{found['picture']}[{found['text']}]({path})"

    parts = re.split(r"(^```.*?^```$)", readme, flags=re.DOTALL | re.MULTILINE)
    text = "".join(part if part.startswith("```") else _LINK.sub(link, part) for part in parts)
    return re.sub(r"\n{3,}", "\n\n", text)


if __name__ == "__main__":
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    setup(
        long_description=description(
            (ROOT / "README.md").read_text(encoding="utf-8"),
            project.get("urls", {}).get("Repository"),
            project["version"],
        ),
        long_description_content_type="text/markdown",
    )
