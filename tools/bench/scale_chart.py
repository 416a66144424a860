"""Draws how calls slow down while the data grow."""

from collections.abc import Iterator, Sequence
from math import ceil, floor, log2, log10

from tools.bench.scale_report import Growth, Point

_COLOURS = (
    *("#0b7a75", "#5b6ee1", "#c08a2d", "#b5443c", "#44403c", "#7fc8c2", "#9aa5b1", "#8f4fa8", "#4c9a2a", "#d9679a"),
)
_LEFT, _TOP, _PANEL, _HEIGHT, _GAP = 50, 84, 300, 260, 60
_LINE = 16


def svg(growths: Sequence[Growth]) -> str:
    """Return a line chart: each call's time as a multiple of that at the smallest size, both scales logarithmic."""
    colours = dict(zip(dict.fromkeys(call for growth in growths for call in growth.calls), _COLOURS * 2, strict=False))
    ratios = [ratio for growth in growths for line in _lines(growth).values() for _, ratio in line]
    low, high = floor(log2(min(ratios, default=1.0))), max(ceil(log2(max(ratios, default=2.0))), 1)
    parts = [
        part
        for place, growth in enumerate(growths)
        for part in _panel(growth, _LEFT + place * (_PANEL + _GAP), (low, high), colours)
    ]
    legend = max((len(growth.calls) for growth in growths), default=0) * _LINE
    width = _LEFT + len(growths) * (_PANEL + _GAP)
    height = _TOP + _HEIGHT + 50 + legend
    head = (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width} {height}" font-family="sans-serif" '
        f'font-size="12" fill="#1f2933"><rect width="{width}" height="{height}" fill="white"/>'
        f'<text x="20" y="24" font-size="15" font-weight="bold">Time of a call as a multiple of its time with the '
        f'fewest rows</text><text x="20" y="44">A flat line: the call does not slow down while the data grow.</text>'
    )
    return "\n".join([head, *parts, "</svg>"]) + "\n"


def _panel(growth: Growth, left: float, bounds: tuple[int, int], colours: dict[str, str]) -> Iterator[str]:
    low, high = bounds
    sizes = growth.sizes
    begin, end = log10(sizes[0]), log10(sizes[-1]) if len(sizes) > 1 else log10(sizes[0]) + 1

    def x(size: float) -> float:
        return left + _PANEL * (log10(size) - begin) / (end - begin)

    def y(ratio: float) -> float:
        return _TOP + _HEIGHT * (high - log2(ratio)) / (high - low)

    yield f'<text x="{left}" y="{_TOP - 14}" font-weight="bold">{growth.title}</text>'
    for power in range(low, high + 1):
        colour, width = ("#1f2933", 1.5) if power == 0 else ("#d9dee3", 1)
        at = y(2.0**power)
        yield (
            f'<line x1="{left}" y1="{at:.1f}" x2="{left + _PANEL}" y2="{at:.1f}" stroke="{colour}" '
            f'stroke-width="{width}"/>'
        )
        yield f'<text x="{left - 6}" y="{at + 4:.1f}" text-anchor="end">{2.0**power:g}</text>'
    for size in sizes:
        yield f'<text x="{x(size):.1f}" y="{_TOP + _HEIGHT + 18}" text-anchor="middle">{size:,}</text>'
    for place, (call, line) in enumerate(_lines(growth).items()):
        colour = colours[call]
        points = " ".join(f"{x(size):.1f},{y(ratio):.1f}" for size, ratio in line)
        yield f'<polyline points="{points}" fill="none" stroke="{colour}" stroke-width="2"/>'
        for size, ratio in line:
            yield (
                f'<circle cx="{x(size):.1f}" cy="{y(ratio):.1f}" r="3" fill="{colour}">'
                f"<title>{call}, {size:,}: {ratio:.2f}</title></circle>"
            )
        top = _TOP + _HEIGHT + 36 + place * _LINE
        yield f'<rect x="{left}" y="{top}" width="11" height="11" fill="{colour}"/>'
        yield f'<text x="{left + 16}" y="{top + 10}">{call}: {line[-1][1]:.1f}</text>'


def _lines(growth: Growth) -> dict[str, list[tuple[int, float]]]:
    """Return the multiples by call."""
    lines: dict[str, list[Point]] = {}
    for point in growth.points:
        lines.setdefault(point.call, []).append(point)
    return {call: [(each.size, each.seconds / line[0].seconds) for each in line] for call, line in lines.items()}
