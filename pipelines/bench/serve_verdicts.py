"""What the service's figures say: a table of the loads, and what must hold beside what was measured."""

import statistics
from collections.abc import Callable, Mapping, Sequence
from typing import NamedTuple

from pipelines.bench.http_load import Load, Memory

MANY = 64
# Requests a second of a lone client when the service was asked for: each its own `predict_proba`, by Arrow's rules.
DIRECT_THEN = 349

Loads = Mapping[str, Sequence[Load]]


class Row(NamedTuple):
    """A figure a round, and what it must be: ``<=`` or ``>=`` a number; their median decides."""

    what: str
    figures: Sequence[float]
    sign: str
    must: float

    @property
    def median(self) -> float:
        """Of the rounds."""
        return statistics.median(self.figures)

    def line(self) -> str:
        """As a line of the table."""
        several = len(self.figures) > 1
        span = f"{_number(min(self.figures))} to {_number(max(self.figures))}" if several else ""
        holds = self.median <= self.must if self.sign == "<=" else self.median >= self.must
        must = f"{self.sign} {_number(self.must)}"
        return f"| {self.what} | {_number(self.median)} | {span} | {must} | {'holds' if holds else 'falls short'} |"


def median(loads: Sequence[Load]) -> Load:
    """The median of each figure; requests that failed are counted together."""
    figures = {name: statistics.median(getattr(load, name) for load in loads) for name in Load._fields[:-1]}
    cores = [statistics.median(each) for each in zip(*(load.server_cores for load in loads), strict=True)]
    counts = {name: sum(getattr(load, name) for load in loads) for name in ("requests", "lost", "refused")}
    return Load(**(figures | counts), server_cores=cores)  # type: ignore[arg-type]


def render(machine: str, loads: Loads) -> str:
    """The loads as a table."""
    rounds = len(next(iter(loads.values())))
    lines = [
        f"Measured on {machine}, client included; medians of {rounds} rounds of everything in turn.",
        "",
        "| what, (workers,) connections | requests/s | p50 ms | p99 ms | cores: client | each worker |",
        "|---|---:|---:|---:|---:|---:|",
    ]
    lines += [
        f"| {name} | {each.rate:,.0f} | {each.p50:.2f} | {each.p99:.1f} | {each.client_cores:.2f} | "
        f"{' + '.join(f'{cores:.2f}' for cores in each.server_cores)} |"
        for name, each in ((name, median(rounds)) for name, rounds in loads.items())
    ]
    return "\n".join(lines) + "\n"


def verdicts(loads: Loads, starts: Sequence[float], alone: Sequence[Memory], pair: Sequence[Memory]) -> str:
    """What must hold, and whether it does.

    Args:
        loads: by name, a round each.
        starts: seconds until ready.
        alone: memory of a single worker.
        pair: of each of two.
    """
    rows = [*_speed(loads), *_size(starts, alone, pair)]
    failed = sum(load.lost + load.refused for name, rounds in loads.items() if name[:7] == "service" for load in rounds)
    rows.append(Row("requests that failed", [failed], "<=", 0))
    lines = ["| what | measured | rounds | must | |", "|---|---:|---:|---:|---|", *(row.line() for row in rows)]
    return "\n".join(lines) + "\n\n" + room(median(loads["service, 1, 200"]), median(loads["service, 2, 200"])) + "\n"


def _speed(loads: Loads) -> list[Row]:
    lone, crowd, double = (loads[f"service, {workers}"] for workers in ("1, 1", "1, 200", "2, 200"))
    most = statistics.median(map(bound, crowd, double))
    return [
        Row("a lone client, p50 ms", [load.p50 for load in lone], "<=", 0.7),
        Row(f"a lone client, times {DIRECT_THEN}/s", [load.rate / DIRECT_THEN for load in lone], ">=", 5),
        Row("a lone client, times a call a request", _ratios(lone, loads["a call a request, 1"]), ">=", 5),
        Row("200 connections, times a call a request", _ratios(crowd, loads["a call a request, 200"]), ">=", 10),
        Row("200 connections, share of the JSON echo", _ratios(crowd, loads["JSON echo, 200"]), ">=", 0.45),
        Row("200 connections, p99 ms", [load.p99 for load in crowd], "<=", 100),
        Row(f"two workers, times one (this client leaves room for {most:.2f})", _ratios(double, crowd), ">=", 1.7),
        Row(
            f"{MANY} tweets a request, tweets/s, two workers",
            [load.rate * MANY for load in loads[f"service, 2, 16 of {MANY}"]],
            ">=",
            60_000,
        ),
    ]


def _size(starts: Sequence[float], alone: Sequence[Memory], pair: Sequence[Memory]) -> list[Row]:
    most: Callable[[Sequence[float]], list[float]] = lambda mib: [max(mib) * (1 << 20) / 1e6]  # noqa: E731
    return [
        Row("start to ready, seconds", starts, "<=", 0.6),
        Row("memory of a worker, MB, one worker", most([each.resident for each in alone]), "<=", 120),
        Row("memory of a worker, MB, two workers", most([each.resident for each in pair]), "<=", 120),
        Row("its proportional share, MB, two workers", most([each.share for each in pair]), "<=", 85),
    ]


def _ratios(these: Sequence[Load], others: Sequence[Load]) -> list[float]:
    """Round by round, since a machine's speed differs by the minute."""
    return [this.rate / other.rate for this, other in zip(these, others, strict=True)]


def bound(one: Load, two: Load) -> float:
    """How many times one worker two could be at most, beside a client that takes its time from the same cores."""
    from sentiment.common.parallel import available_cores

    client, worker = two.client_cores / two.rate, sum(one.server_cores) / one.rate
    return min(2.0, available_cores() * worker / (client + worker))


def room(one: Load, two: Load) -> str:
    """What the bound follows from."""
    from sentiment.common.parallel import available_cores

    client, worker = two.client_cores / two.rate, sum(one.server_cores) / one.rate
    return (
        f"A request takes the client {1e6 * client:.0f} us of processor time and one worker {1e6 * worker:.0f} us: on "
        f"{available_cores()} cores that leaves room for {bound(one, two):.2f} times one worker. "
        f"Two took {1e6 * sum(two.server_cores) / two.rate:.0f} us."
    )


def _number(value: float) -> str:
    return f"{value:,.0f}" if value >= 1000 or value == int(value) else f"{value:.3g}"
