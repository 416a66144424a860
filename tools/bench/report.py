"""The figures as tables in Markdown, and whether the goals are met."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import NamedTuple

from tools.bench import cores
from tools.bench.measure import CONNECTIONS, FLOOR, Measured
from tools.bench.operations import OPERATIONS

OURS = "skilltree"
AS_USER = "skilltree, as_user"
PLAIN_COPY = "psycopg, plain COPY"
_TITLES = {operation.name: operation.title for operation in OPERATIONS}
# The goals, as multiples of the floor's time.
_GOALS = {"get": 1.15, "load": 1.0, "page": 1.2, "progress": 1.15, "missing": 1.15, "complete": 0.55, "bulk": 1.2}
# The floor, with and without a feature, and skilltree itself.
_NOT_OTHERS = {FLOOR, "psycopg, pool", PLAIN_COPY, OURS, AS_USER}
_PLACEMENTS = {
    cores.APART: "client and server on cores of their own",
    cores.SHARED: "client and server on one core",
    cores.FREE: "client and server wherever the scheduler puts them",
}


class Figures(NamedTuple):
    """All measured figures."""

    server: str
    placement: str
    near: Sequence[Measured]
    far: Sequence[Measured]
    round_trips: tuple[float, float]
    many: Sequence[Measured]
    pgbench: Mapping[int, Mapping[str, float]]
    processes: Mapping[int, float]
    models: Sequence[Measured] = ()
    models_many: Sequence[Measured] = ()
    uvloop: Sequence[Measured] = ()
    uvloop_many: Sequence[Measured] = ()


def written(figures: Figures, command: str) -> str:
    """Return the figures as Markdown."""
    trip, far_trip = (each * 1000 for each in figures.round_trips)
    parts = [
        f"`{command}`, {figures.server}. A cell is the median of the ratios to the floor's time in the same round,"
        " with their middle half; less than 1 is faster.",
        f"One connection, {_PLACEMENTS[figures.placement]}, a round trip of {trip:.2f} ms:",
        *_tables(figures.near, figures.pgbench.get(1, {})),
    ]
    if figures.far:
        parts += [f"The same through a delay, a round trip of {far_trip:.2f} ms:", *_tables(figures.far, {})]
    if figures.many:
        parts += [
            f"{CONNECTIONS} connections, calls per second (threads for sync code, tasks for async code):",
            *_throughputs(figures.many, figures.pgbench.get(CONNECTIONS, {})),
        ]
    if not figures.pgbench:
        parts.append("pgbench was not found, so the server's own limit is missing.")
    if figures.processes:
        header = ["connections, each of a process of its own", *map(str, figures.processes)]
        row = ["skills completed per second", *(f"{rate:,.0f}" for rate in figures.processes.values())]
        parts.append(table(header, [row]))
    if figures.models:
        parts += [
            "### Peers that return validated models",
            "One connection; the floor is still psycopg with tuples:",
            *_tables(figures.models, figures.pgbench.get(1, {})),
            f"{CONNECTIONS} connections, calls per second:",
            *_throughputs(figures.models_many, figures.pgbench.get(CONNECTIONS, {})),
        ]
    if figures.uvloop:
        parts += [
            "### All async peers on uvloop",
            "One connection; the floor runs on uvloop, too:",
            _ratios(figures.uvloop, figures.pgbench.get(1, {})),
            f"{CONNECTIONS} connections, calls per second:",
            *_throughputs(figures.uvloop_many, figures.pgbench.get(CONNECTIONS, {})),
        ]
    parts += ["### Goals", goals(figures)]
    return "\n\n".join(parts) + "\n"


def goals(figures: Figures) -> str:
    """Return which goals are met and which are missed."""
    rows = []
    for where, measured in (("", figures.near), ("through the delay, ", figures.far)):
        found = {(each.operation, each.peer, each.is_async): each for each in measured}
        for operation, most in _GOALS.items():
            for is_async in (False, True):
                ours = found.get((operation, OURS, is_async))
                if ours is not None:
                    verdict = "met" if round(ours.ratio, 2) <= most else "**missed**"
                    what = f"{where}{_TITLES[operation]}, {_kind(is_async)}: at most {most} of the floor"
                    rows.append([what, f"{ours.ratio:.2f}", verdict])
    one, several = "one connection", f"{CONNECTIONS} connections"
    for than, where, measured in (
        ("every peer that returns validated models", one, figures.models),
        ("every peer that returns validated models", several, figures.models_many),
        ("every other peer", one, figures.near),
        ("every other peer", several, figures.many),
    ):
        ahead = faster_peers(measured)
        if measured:
            verdict = "**missed**" if ahead else "met"
            rows.append([f"faster than {than}, {where}", "; ".join(ahead) or "all slower", verdict])
    return table(["goal", "measured", ""], rows)


def faster_peers(measured: Sequence[Measured]) -> list[str]:
    """Return the peers that are faster than skilltree, and their share of its time. The floor is not counted."""
    ours = {(each.operation, each.is_async): each for each in measured if each.peer == OURS}
    found: dict[str, list[str]] = {}
    for each in measured:
        mine = ours.get((each.operation, each.is_async))
        if mine is not None and each.peer not in _NOT_OTHERS and each.ratio < mine.ratio:
            what = f"{each.operation} {each.ratio / mine.ratio:.2f}"
            found.setdefault(f"{each.peer}, {_kind(each.is_async)}", []).append(what)
    return [f"{peer}: {', '.join(what)}" for peer, what in found.items()]


def write(folder: Path, text: str, marker: str = "bench") -> None:
    """Write figures between two markers in docs/benchmarks.md."""
    page = folder / "benchmarks.md"
    opening, closing = f"<!-- {marker} -->", f"<!-- /{marker} -->"
    before, begin, rest = page.read_text().partition(opening)
    _, end, after = rest.partition(closing)
    if not begin or not end:
        raise ValueError(f"{page} has no {opening} … {closing} to write between")
    page.write_text(f"{before}{opening}\n\n{text}\n{closing}{after}")


def table(header: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    """Return a table in Markdown."""
    lines = [header, ["---", *["---:"] * (len(header) - 1)], *rows]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)


def _tables(measured: Sequence[Measured], limits: Mapping[str, float]) -> list[str]:
    return [_ratios([each for each in measured if each.is_async == kind], limits) for kind in (False, True)]


def _ratios(measured: Sequence[Measured], limits: Mapping[str, float]) -> str:
    found = {(each.operation, each.peer): each for each in measured}
    peers, operations = _order(measured)
    others = [peer for peer in peers if peer != FLOOR]
    rows = []
    for operation in operations:
        floor = found[operation, FLOOR]
        row = [_TITLES[operation], f"{floor.seconds * 1000:.2f} ms"]
        for peer in others:
            each = found.get((operation, peer))
            row.append("" if each is None else f"**{each.ratio:.2f}** ({each.low:.2f} to {each.high:.2f})")
        if limits:
            row.append(f"{limits[operation] / floor.seconds:.2f}" if operation in limits else "")
        rows.append(row)
    kind = _kind(measured[0].is_async) if measured else ""
    return table([kind, f"{FLOOR} (floor)", *others, *(["pgbench"] if limits else [])], rows)


def _throughputs(measured: Sequence[Measured], limits: Mapping[str, float]) -> list[str]:
    tables = []
    for kind in (False, True):
        these = [each for each in measured if each.is_async == kind]
        if not these:
            continue
        found = {(each.operation, each.peer): each for each in these}
        peers, operations = _order(these)
        rows = []
        for operation in operations:
            row = [_TITLES[operation], *(f"{1 / found[operation, peer].seconds:,.0f}" for peer in peers)]
            if limits:
                row.append(f"{1 / limits[operation]:,.0f}" if operation in limits else "")
            rows.append(row)
        tables.append(table([_kind(kind), *peers, *(["pgbench"] if limits else [])], rows))
    return tables


def _order(measured: Sequence[Measured]) -> tuple[list[str], list[str]]:
    """Return the operations' order, and that of the peers: the floor, then skilltree, then the others."""
    peers = dict.fromkeys(each.peer for each in measured)
    first = [peer for peer in (FLOOR, OURS, AS_USER) if peer in peers]
    return first + sorted(peers.keys() - set(first)), [*dict.fromkeys(each.operation for each in measured)]


def _kind(is_async: bool) -> str:
    return "async" if is_async else "sync"
