"""Builds the site in build/docs: ``python -m tools.site build``, ``check`` or ``serve``."""

import shutil
import subprocess
import sys
from collections.abc import Mapping
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

from tools.site import figures
from tools.site.commands import command_page
from tools.site.links import moved
from tools.site.queries import query_pages
from tools.site.schema import schema_pages

ROOT = Path(__file__).parents[2]
SITE = ROOT / "build" / "docs"
PORT = 8001

_PLACES = {"CONTRIBUTING.md": "contributing.md", "CHANGELOG.md": "changes.md"}


def build(site: Path = SITE) -> int:
    """Build the site, and return the exit code. A link or anchor that leads nowhere is an error, as is a lost page."""
    shutil.rmtree(site / "html", ignore_errors=True)
    return _sphinx(site, "dirhtml")


def check(site: Path = SITE) -> int:
    """Return the exit code of a build that writes nothing, which finds the same errors."""
    return _sphinx(site, "dummy")


def _sphinx(site: Path, builder: str) -> int:
    """Run Sphinx on all pages. It reads only those again that have changed since the last run without an error."""
    _update(site / "source", _pages())
    read = site / "doctrees"
    options = ["-a", "-W", "--keep-going", "-q", "-j", "auto", "-c", str(Path(__file__).parent), "-d", str(read)]
    made = subprocess.run(
        [sys.executable, "-m", "sphinx", "-b", builder, *options, str(site / "source"), str(site / "html")],
        cwd=ROOT,
        check=False,
    )
    if made.returncode:
        # Or the next run would not show the errors of pages that have not changed.
        shutil.rmtree(read, ignore_errors=True)
    return made.returncode


def _pages() -> dict[str, bytes]:
    """Return the files of Sphinx's source folder: docs/ with its links moved, other pages, and those made of code."""
    docs = ROOT / "docs"
    files = {path.relative_to(docs).as_posix(): path for path in docs.rglob("*") if path.is_file()}
    texts = {
        name: moved(path.read_text(), Path("docs", name), Path("docs", name))
        for name, path in files.items()
        if path.suffix == ".md"
    }
    texts["decisions/index.md"] = texts.pop("decisions/README.md") + "\n```{toctree}\n:hidden:\n:glob:\n\n0*\n```\n"
    texts[figures.TABLE] += figures.listed()
    for name, place in _PLACES.items():
        texts[place] = moved((ROOT / name).read_text(), Path(name), Path("docs", place))
    generated = {"commands.md": command_page(), **query_pages(), **schema_pages()}
    texts |= {f"reference/{name}": text for name, text in generated.items()}
    return {name: path.read_bytes() for name, path in files.items() if path.suffix != ".md"} | {
        name: text.encode() for name, text in texts.items()
    }


def _update(folder: Path, files: Mapping[str, bytes]) -> None:
    """Make a folder hold these files. Those that are the same already keep their time."""
    for path in folder.rglob("*"):
        if path.is_file() and path.relative_to(folder).as_posix() not in files:
            path.unlink()
    for name, content in files.items():
        path = folder / name
        if not path.exists() or path.read_bytes() != content:
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(content)


def serve() -> None:
    """Serve the site to this machine, until an interruption."""
    handler = partial(SimpleHTTPRequestHandler, directory=str(SITE / "html"))
    with ThreadingHTTPServer(("127.0.0.1", PORT), handler) as server:
        print(f"http://127.0.0.1:{PORT}/ (Ctrl+C ends it)", flush=True)
        try:
            server.serve_forever()
        except KeyboardInterrupt:
            return


def main() -> int:
    """Run the command."""
    match sys.argv[1:]:
        case ["build"]:
            code = build()
            if code == 0:
                print(f"The site is in {SITE.relative_to(ROOT)}/html.")
            return code
        case ["check"]:
            return check()
        case ["serve"]:
            code = build()
            if code == 0:
                serve()
            return code
        case _:
            print("usage: python -m tools.site build|check|serve", file=sys.stderr)
            return 2


if __name__ == "__main__":
    sys.exit(main())
