"""Builds the site in build/docs: ``python -m tools.site build`` or ``serve``."""

import shutil
import subprocess
import sys
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

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
    source = site / "source"
    shutil.rmtree(site, ignore_errors=True)
    shutil.copytree(ROOT / "docs", source)
    for page in source.rglob("*.md"):
        below = "docs" / page.relative_to(source)
        page.write_text(moved(page.read_text(), below, below))
    decisions = source / "decisions" / "README.md"
    decisions.write_text(f"{decisions.read_text()}\n```{{toctree}}\n:hidden:\n:glob:\n\n0*\n```\n")
    for name, place in _PLACES.items():
        (source / place).write_text(moved((ROOT / name).read_text(), Path(name), Path("docs") / place))
    generated = {"commands.md": command_page(), **query_pages(), **schema_pages()}
    for name, text in generated.items():
        path = source / "reference" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    options = ["-W", "--keep-going", "-q", "-j", "auto", "-c", str(Path(__file__).parent), "-d", str(site / "doctrees")]
    made = subprocess.run(
        [sys.executable, "-m", "sphinx", "-b", "dirhtml", *options, str(source), str(site / "html")],
        cwd=ROOT,
        check=False,
    )
    if made.returncode == 0:
        for page in (site / "html").rglob("*.html"):
            page.write_text(_for_keyboards(page.read_text()))
    return made.returncode


def _for_keyboards(page: str) -> str:
    """Give headings of the navigation their level, and blocks of code, which may scroll, a place in the tab order."""
    return page.replace('role="heading">', 'role="heading" aria-level="2">').replace("<pre>", '<pre tabindex="0">')


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
        case ["serve"]:
            code = build()
            if code == 0:
                serve()
            return code
        case _:
            print("usage: python -m tools.site build|serve", file=sys.stderr)
            return 2


if __name__ == "__main__":
    sys.exit(main())
