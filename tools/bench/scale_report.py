"""What ``tools.bench.scale`` measured, as tables in Markdown."""

from collections.abc import Sequence
from datetime import UTC, datetime
from typing import NamedTuple

from tools.bench.report import table


class Point(NamedTuple):
    """A call at one size: the lower quartile of its seconds, and the median of the server's buffers."""

    call: str
    size: int
    seconds: float
    buffers: float


class Growth:
    """The points of one kind of growth, and what is to say of a size: how it was made, or why it was not run."""

    def __init__(self, name: str, title: str) -> None:
        self.name = name
        self.title = title
        self.points: list[Point] = []
        self.notes: dict[int, str] = {}

    @property
    def sizes(self) -> list[int]:
        return [*dict.fromkeys(point.size for point in self.points)]

    @property
    def calls(self) -> list[str]:
        return [*dict.fromkeys(point.call for point in self.points)]


def written(growths: Sequence[Growth], command: str) -> str:
    """Return the points as Markdown, with the command and the date."""
    today = datetime.now(UTC).date()
    parts = [
        f"`{command}`, {today}. A cell has the lower quartile of a call's times, and the "
        "median number of buffers it touches."
    ]
    for growth in growths:
        found = {(point.call, point.size): point for point in growth.points}
        rows = [
            [call, *(_cell(found[call, size]) for size in growth.sizes), _times(found, call, growth.sizes)]
            for call in growth.calls
        ]
        header = [growth.title, *(f"{size:,}" for size in growth.sizes), "time, last to first"]
        parts += [table(header, rows), " ".join(f"{size:,}: {note}." for size, note in growth.notes.items())]
    return "\n\n".join(parts) + "\n"


def _cell(point: Point) -> str:
    return f"{point.seconds * 1000:.2f} ms, {point.buffers:,.0f}"


def _times(found: dict[tuple[str, int], Point], call: str, sizes: Sequence[int]) -> str:
    return f"**{found[call, sizes[-1]].seconds / found[call, sizes[0]].seconds:.1f}**"
