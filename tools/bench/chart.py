"""Draws the ratios as a chart."""

from collections.abc import Iterator, Sequence
from math import log2

from tools.bench.measure import FLOOR, Measured
from tools.bench.operations import OPERATIONS
from tools.bench.report import AS_USER, OURS

COLOURS = {
    OURS: "#0b7a75",
    AS_USER: "#7fc8c2",
    "psycopg, pool": "#9aa5b1",
    "asyncpg": "#5b6ee1",
    "aiosql": "#c08a2d",
    "aiosql on asyncpg": "#c08a2d",
    "SQLAlchemy": "#b5443c",
    "Django": "#44403c",
}
_BAR, _GAP, _LABELS, _PANEL, _TOP = 11, 14, 190, 330, 64
_LEAST, _MOST = 0.5, 32.0


def svg(measured: Sequence[Measured]) -> str:
    """Return a bar chart: each peer's time as a multiple of the floor's, on a logarithmic scale."""
    panels = [[each for each in measured if each.is_async == kind and each.peer in COLOURS] for kind in (False, True)]
    parts = [part for place, panel in enumerate(panels) for part in _panel(panel, 20 + place * (_LABELS + _PANEL + 30))]
    names = [name for name in COLOURS if any(each.peer == name for panel in panels for each in panel)]
    height = _TOP + max(map(_height, panels), default=0) + 30
    width = 2 * (_LABELS + _PANEL) + 70
    head = (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width} {height}" font-family="sans-serif" '
        f'font-size="12" fill="#1f2933"><rect width="{width}" height="{height}" fill="white"/>'
        f'<text x="20" y="24" font-size="15" font-weight="bold">Time of a call as a multiple of hand-written '
        f"{FLOOR} with tuple rows (less is faster)</text>"
    )
    return "\n".join([head, *_legend(names), *parts, "</svg>"]) + "\n"


def _legend(names: Sequence[str]) -> Iterator[str]:
    left = 20
    for name in names:
        yield f'<rect x="{left}" y="34" width="11" height="11" fill="{COLOURS[name]}"/>'
        yield f'<text x="{left + 16}" y="44">{name}</text>'
        left += 34 + 7 * len(name)


def _panel(measured: Sequence[Measured], left: int) -> Iterator[str]:
    if not measured:
        return
    begin, bottom = left + _LABELS, _TOP + _height(measured)
    yield f'<text x="{left}" y="{_TOP + 4}" font-weight="bold">{"async" if measured[0].is_async else "sync"}</text>'
    for tick in (0.5, 1, 2, 4, 8, 16, 32):
        at = begin + _place(tick)
        colour, width = ("#1f2933", 1.5) if tick == 1 else ("#d9dee3", 1)
        yield f'<line x1="{at:.1f}" y1="{_TOP}" x2="{at:.1f}" y2="{bottom}" stroke="{colour}" stroke-width="{width}"/>'
        yield f'<text x="{at:.1f}" y="{bottom + 16}" text-anchor="middle">{tick:g}</text>'
    top = _TOP + _GAP
    for operation in OPERATIONS:
        bars = sorted(
            (each for each in measured if each.operation == operation.name),
            key=lambda each: [*COLOURS].index(each.peer),
        )
        if bars:
            yield f'<text x="{left}" y="{top + len(bars) * _BAR / 2 + 4}">{operation.title}</text>'
        for each in bars:
            start, end = sorted((_place(1), _place(each.ratio)))
            yield (
                f'<rect x="{begin + start:.1f}" y="{top}" width="{max(end - start, 1):.1f}" height="{_BAR - 1}" '
                f'fill="{COLOURS[each.peer]}"><title>{each.peer}: {each.ratio:.2f}</title></rect>'
            )
            anchor, at = ("start", end + 3) if each.ratio >= 1 else ("end", start - 3)
            yield (
                f'<text x="{begin + at:.1f}" y="{top + _BAR - 2}" font-size="10" text-anchor="{anchor}">'
                f"{each.ratio:.2f}</text>"
            )
            top += _BAR
        top += _GAP if bars else 0


def _height(measured: Sequence[Measured]) -> int:
    return _GAP + len(measured) * _BAR + len({each.operation for each in measured}) * _GAP


def _place(ratio: float) -> float:
    """Return the position of a ratio on the scale."""
    inside = min(max(ratio, _LEAST), _MOST)
    return _PANEL * log2(inside / _LEAST) / log2(_MOST / _LEAST)
