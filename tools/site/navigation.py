"""What each page gets when it is written: the navigation, and plans.

Sphinx's own navigation copies each heading of each page, for each page: half of the time of a build.
"""

from collections.abc import Mapping, Sequence
from html import escape
from typing import Any, Protocol

from sphinx import addnodes
from sphinx.application import Sphinx
from sphinx.environment import BuildEnvironment

from tools.site.plan_pictures import with_plans


class _PathTo(Protocol):
    def __call__(self, page: str, /) -> str: ...


def setup(app: Sphinx) -> Mapping[str, bool]:
    """Take the place of Sphinx's navigation: before furo asks for it, and after."""
    app.connect("html-page-context", _take_navigation, priority=400)
    app.connect("html-page-context", _give_navigation, priority=600)
    return {"parallel_read_safe": True, "parallel_write_safe": True}


def _take_navigation(app: Sphinx, page: str, template: str, context: dict[str, Any], doctree: object) -> None:
    context.pop("toctree", None)


def _give_navigation(app: Sphinx, page: str, template: str, context: dict[str, Any], doctree: object) -> None:
    context["furo_navigation_tree"] = _navigation(app.env, page, context["pathto"])
    if "body" in context:
        # A block of code or a table may scroll, and whoever has only a keyboard must reach it.
        body = context["body"].replace("<pre>", '<pre tabindex="0">')
        context["body"] = with_plans(
            body.replace('<div class="table-wrapper', '<div tabindex="0" class="table-wrapper')
        )


def _navigation(env: BuildEnvironment, page: str, path_to: _PathTo) -> str:
    """Return the pages of each caption, and below those that lead to the current page also the pages below them."""
    above = {lower: upper for upper, pages in env.toctree_includes.items() for lower in pages}
    branch = {page}
    upper = page
    while upper := above.get(upper, ""):
        branch.add(upper)

    def listed(pages: Sequence[str]) -> str:
        return f"<ul>{''.join(map(item, pages))}</ul>" if pages else ""

    def item(each: str) -> str:
        place = " current current-page" if each == page else " current" if each in branch else ""
        link = f'<a class="reference internal{place}" href="{path_to(each)}">{escape(env.titles[each].astext())}</a>'
        return f'<li class="{place.strip()}">{link}{listed(env.toctree_includes.get(each, []) if place else [])}</li>'

    return "".join(
        f'<p class="caption" role="heading" aria-level="2"><span class="caption-text">{escape(table["caption"])}</span>'
        f"</p>{listed(table['includefiles'])}"
        for table in env.master_doctree.findall(addnodes.toctree)
    )
