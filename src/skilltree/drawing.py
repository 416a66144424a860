"""Lays out a loaded tree, and draws it as SVG or as Mermaid. The functions are pure."""

import re
from collections.abc import Callable, Mapping, Sequence
from graphlib import TopologicalSorter
from html import escape
from itertools import pairwise
from textwrap import wrap
from typing import Protocol, TypeVar
from unicodedata import combining, east_asian_width
from uuid import UUID

from skilltree._core.terminal_text import harmless
from skilltree.models.enums import SkillProgressStatus

Status = SkillProgressStatus

_COLORS = {
    Status.COMPLETED: ("#dcfce7", "#15803d"),
    Status.SKIPPED: ("#f0fdf4", "#4d7c0f"),
    Status.IN_PROGRESS: ("#fef9c3", "#a16207"),
    Status.AVAILABLE: ("#e0f2fe", "#0369a1"),
    Status.LOCKED: ("#f3f4f6", "#4b5563"),
}
_NOBODYS = ("#f8fafc", "#334155")
"""The fill and line colours of a skill that is drawn without a learner."""

_SWEEPS = 8
_BOX_WIDTH, _BOX_HEIGHT, _GAP_X, _GAP_Y, _MARGIN = 168, 48, 24, 64, 24
_LINE_LENGTH, _MOST_LINES = 24, 2


class Drawn(Protocol):
    """The fields of a skill that a drawing needs."""

    @property
    def id(self) -> UUID: ...
    @property
    def name(self) -> str: ...
    @property
    def short_name(self) -> str | None: ...
    @property
    def dependencies(self) -> Sequence[UUID]: ...
    @property
    def is_optional(self) -> bool: ...
    @property
    def is_milestone(self) -> bool: ...
    @property
    def status(self) -> SkillProgressStatus: ...


S = TypeVar("S", bound=Drawn)
S_co = TypeVar("S_co", bound=Drawn, covariant=True)


class DrawnTree(Protocol[S_co]):
    """The fields of a tree that a drawing needs."""

    @property
    def name(self) -> str: ...
    @property
    def skills(self) -> Sequence[S_co]: ...


# --- the layout ------------------------------------------------------------------------------------------------------


def levels(tree: DrawnTree[S]) -> list[list[S]]:
    """Return the skills by level. A skill's level is one below the lowest of its dependencies."""
    needed = _needed(tree)
    level_of: dict[UUID, int] = {}
    for skill_id in TopologicalSorter(needed).static_order():
        level_of[skill_id] = max((level_of[needed_id] + 1 for needed_id in needed[skill_id]), default=0)
    found: list[list[S]] = [[] for _ in range(max(level_of.values(), default=-1) + 1)]
    for skill in tree.skills:
        found[level_of[skill.id]].append(skill)
    return found


def layout(tree: DrawnTree[S]) -> list[list[S]]:
    """Return the skills by level, in an order in which few edges cross. The order is always the same for a tree.

    Sweeps go down and up the levels, and move each skill to the mean place of its neighbours (the barycenter method of
    Sugiyama, Tagawa and Toda, 1981).
    """
    rows = levels(tree)
    needed = _needed(tree)
    needed_by: dict[UUID, list[UUID]] = {skill_id: [] for skill_id in needed}
    for skill_id, ids in needed.items():
        for needed_id in ids:
            needed_by[needed_id].append(skill_id)
    for sweep in range(_SWEEPS):
        joined, order = (needed, rows) if sweep % 2 == 0 else (needed_by, rows[::-1])
        place_of = {skill.id: _centred(place, row) for row in rows for place, skill in enumerate(row)}
        for row in order:
            means = {skill.id: _mean(joined[skill.id], place_of, place_of[skill.id]) for skill in row}
            row.sort(key=lambda skill: means[skill.id])
            place_of |= {skill.id: _centred(place, row) for place, skill in enumerate(row)}
    return rows


def _needed(tree: DrawnTree[S]) -> dict[UUID, list[UUID]]:
    """Return the dependencies of each skill among the skills of the drawing. Inactive skills are not in it."""
    there = {skill.id for skill in tree.skills}
    return {skill.id: [each for each in skill.dependencies if each in there] for skill in tree.skills}


def _centred(place: int, row: Sequence[S]) -> float:
    return place - (len(row) - 1) / 2


def _mean(ids: Sequence[UUID], place_of: Mapping[UUID, float], otherwise: float) -> float:
    return sum(place_of[each] for each in ids) / len(ids) if ids else otherwise


def title_of(skill: Drawn) -> str:
    """Return the short name of a skill on one line, with its marks: optional in brackets, a star for a milestone."""
    name = " ".join(harmless(skill.short_name or skill.name).split())
    return f"{f'({name})' if skill.is_optional else name}{' ★' if skill.is_milestone else ''}"


# --- Mermaid ---------------------------------------------------------------------------------------------------------

# Characters that Mermaid reads as markup, even within quotes. They are written as Mermaid's entities (#code;).
_MERMAID_MARKUP = re.compile(r"[^\w\s,:/()?!'.★À-￿-]|_|(?<=\d)\.(?=\s)|(?<!\w)-|-(?!\w)", re.ASCII)


def mermaid(tree: DrawnTree[S], *, with_status: bool = True) -> str:
    """Return a tree as a Mermaid flow chart, which many Markdown viewers can show."""
    number = {skill.id: place for place, skill in enumerate(tree.skills)}
    lines = ["flowchart TD"]
    for skill in tree.skills:
        text = _MERMAID_MARKUP.sub(lambda match: f"#{ord(match[0])};", title_of(skill))
        kind = f":::{skill.status.lower()}" if with_status else ""
        lines.append(f'    s{number[skill.id]}["{text}"]{kind}')
    for skill_id, ids in _needed(tree).items():
        lines += [f"    s{number[needed_id]} --> s{number[skill_id]}" for needed_id in ids]
    if with_status:
        lines += [
            f"    classDef {status.lower()} fill:{fill},stroke:{line},color:#111827"
            for status, (fill, line) in _COLORS.items()
        ]
    return "\n".join(lines) + "\n"


# --- SVG -------------------------------------------------------------------------------------------------------------


def svg(
    tree: DrawnTree[S],
    *,
    with_status: bool = True,
    positions: Mapping[UUID, tuple[float, float]] | None = None,
    link: Callable[[UUID], str] | None = None,
) -> str:
    """Return a tree as an SVG picture, laid out by level. Skills in ``positions`` are placed there instead.

    With ``link``, each skill is a link to the address of its id.
    """
    places = _spread(positions) if positions else _laid_out(layout(tree))
    width = max((x for x, _ in places.values()), default=0) + _BOX_WIDTH + _MARGIN
    height = max((y for _, y in places.values()), default=0) + _BOX_HEIGHT + _MARGIN
    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" width="{width:.0f}" height="{height:.0f}"'
        f' viewBox="0 0 {width:.0f} {height:.0f}" font-family="sans-serif" font-size="12"'
        f' role="{"group" if link else "img"}">',
        f"<title>{_xml(tree.name)}</title>",
        '<rect width="100%" height="100%" fill="#ffffff"/>',
        '<g fill="none" stroke="#94a3b8" stroke-width="1.2">',
    ]
    for skill_id, ids in _needed(tree).items():
        parts += [_edge(places[needed_id], places[skill_id]) for needed_id in ids]
    parts.append("</g>")
    for skill in tree.skills:
        box = _box(skill, places[skill.id], with_status=with_status)
        parts.append(box if link is None else f'<a href="{escape(link(skill.id))}">{box}</a>')
    return "\n".join([*parts, "</svg>"]) + "\n"


def _laid_out(rows: Sequence[Sequence[S]]) -> dict[UUID, tuple[float, float]]:
    widest = max((len(row) for row in rows), default=0)
    step_x, step_y = _BOX_WIDTH + _GAP_X, _BOX_HEIGHT + _GAP_Y
    return {
        skill.id: (_MARGIN + (place + (widest - len(row)) / 2) * step_x, _MARGIN + level * step_y)
        for level, row in enumerate(rows)
        for place, skill in enumerate(row)
    }


def _spread(positions: Mapping[UUID, tuple[float, float]]) -> dict[UUID, tuple[float, float]]:
    """Return an author's positions, moved and scaled so that neighbours in a row or column do not overlap."""
    columns = sorted({x for x, _ in positions.values()})
    rows = sorted({y for _, y in positions.values()})

    def scale(values: Sequence[float], room: float) -> float:
        nearest = min((after - before for before, after in pairwise(values)), default=room)
        return min(max(room / max(nearest, 1e-9), 0.01), 20.0)

    by_x, by_y = scale(columns, _BOX_WIDTH + _GAP_X), scale(rows, _BOX_HEIGHT + _GAP_Y)
    return {
        skill_id: (_MARGIN + (x - columns[0]) * by_x, _MARGIN + (y - rows[0]) * by_y)
        for skill_id, (x, y) in positions.items()
    }


def _edge(start: tuple[float, float], end: tuple[float, float]) -> str:
    x1, y1 = start[0] + _BOX_WIDTH / 2, start[1] + _BOX_HEIGHT
    x2, y2 = end[0] + _BOX_WIDTH / 2, end[1]
    middle = (y1 + y2) / 2
    return f'<path d="M{x1:.1f} {y1:.1f}C{x1:.1f} {middle:.1f} {x2:.1f} {middle:.1f} {x2:.1f} {y2:.1f}"/>'


def _box(skill: Drawn, place: tuple[float, float], *, with_status: bool) -> str:
    fill, line = _COLORS[skill.status] if with_status else _NOBODYS
    x, y = place
    title = title_of(skill)
    # In some scripts, characters are twice as wide.
    length = _LINE_LENGTH * len(title) // max(_cells(title), 1)
    lines = wrap(title, max(length, 4), max_lines=_MOST_LINES, placeholder=" …") or [""]
    first = y + _BOX_HEIGHT / 2 + 4 - (len(lines) - 1) * 7.5
    texts = "".join(
        f'<text x="{x + _BOX_WIDTH / 2:.1f}" y="{first + number * 15:.1f}" text-anchor="middle"'
        f' fill="#111827">{_xml(text)}</text>'
        for number, text in enumerate(lines)
    )
    dashes = ' stroke-dasharray="5 3"' if skill.is_optional else ""
    thick = 2.5 if skill.is_milestone else 1.2
    status = f" ({skill.status.lower().replace('_', ' ')})" if with_status else ""
    return (
        f"<g><title>{_xml(skill.name)}{status}</title>"
        f'<rect x="{x:.1f}" y="{y:.1f}" width="{_BOX_WIDTH}" height="{_BOX_HEIGHT}" rx="8" fill="{fill}"'
        f' stroke="{line}" stroke-width="{thick}"{dashes}/>{texts}</g>'
    )


def _cells(text: str) -> int:
    """Return the width of a text in columns of a terminal."""
    return sum(0 if combining(each) else 2 if east_asian_width(each) in "WF" else 1 for each in text)


def _xml(text: str) -> str:
    return escape(re.sub("[\ufffe\uffff]", "", harmless(text)))
