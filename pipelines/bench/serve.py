"""Speed and memory of the service, beside an echo and a call a request on the same framework; `make bench-serve`.

Everything runs on this machine, so the client takes its part of the same cores. Writes `bench_serve.json` into the
model folder.
"""

import argparse
import sys
import tempfile
from pathlib import Path
from typing import Any

from pipelines.bench.http_load import Load, Memory, load, running, write_bodies
from pipelines.shared import publishing, stage

_SERVICE, _PEER = "sentiment.serve", "pipelines.bench.http_peers"
_MANY = 64
_STARTS = 3


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """How long, and whether to soak."""
    parser.add_argument("--seconds", type=int, default=4, help="each measurement lasts (default: 4)")
    parser.add_argument("--model", metavar="FOLDER", help="another model folder than the profile's")
    parser.add_argument("--soak", type=int, default=0, metavar="SECONDS", help="500 connections for so long, alone")


def run(this: stage.Stage) -> None:
    """Measure, compare with what must hold, write."""
    from pipelines.bench.tables import machine

    folder = Path(this.arguments.model or this.places.model)
    with tempfile.TemporaryDirectory() as name:
        one, many = Path(name) / "one", Path(name) / "many"
        texts = tweets(folder)
        write_bodies(texts, 1, one)
        write_bodies(texts, _MANY, many)
        if this.arguments.soak:
            _soak(folder, one, this.arguments.soak)
            return
        loads, starts, memory = measure(str(folder), one, many, this.arguments.seconds)
    report: dict[str, Any] = {
        "machine": machine(),
        "loads": {name: each._asdict() for name, each in loads.items()},
        "ready_seconds": starts,
        "memory_mib": [each._asdict() for each in memory],
    }
    publishing.write_json(folder / "bench_serve.json", report)
    sys.stdout.write(render(report["machine"], loads) + "\n" + verdicts(loads, starts, memory))


def tweets(folder: Path) -> list[str]:
    """Those that `make evaluate` has scored."""
    from pipelines.shared.evaluation_files import read_predictions

    return read_predictions(folder).texts.tolist()


def measure(folder: str, one: Path, many: Path, seconds: int) -> tuple[dict[str, Load], list[float], list[Memory]]:
    """All loads by name, seconds until ready, memory of each of two workers after the load."""
    loads: dict[str, Load] = {}
    with running(_PEER, "echo") as server:
        for connections in (1, 200):
            loads[f"JSON echo, {connections}"] = load(server, one, connections, seconds)
    with running(_PEER, "direct", "--model", folder) as server:
        for connections in (1, 200):
            loads[f"a call a request, {connections}"] = load(server, one, connections, seconds)
    starts = []
    for _ in range(_STARTS):
        with running(_SERVICE, "--port", "0", "--model", folder) as server:
            starts.append(server.seconds)
    for workers in (1, 2):
        with running(_SERVICE, "--port", "0", "--model", folder, "--workers", str(workers), workers=workers) as server:
            for connections in (1, 16, 200) if workers == 1 else (200,):
                loads[f"service, {workers}, {connections}"] = load(server, one, connections, seconds)
            loads[f"service, {workers}, 16 of {_MANY}"] = load(server, many, 16, seconds)
            memory = server.memory()
    return loads, starts, memory


def render(machine: str, loads: dict[str, Load]) -> str:
    """The loads as a table."""
    lines = [
        f"Measured on {machine}, client included.",
        "",
        "| what, (workers,) connections | requests/s | p50 ms | p99 ms | cores: client | each worker |",
    ]
    lines += ["|---|---:|---:|---:|---:|---:|"]
    lines += [
        f"| {name} | {each.rate:,.0f} | {each.p50:.2f} | {each.p99:.1f} | {each.client_cores:.2f} | "
        f"{' + '.join(f'{cores:.2f}' for cores in each.server_cores)} |"
        for name, each in loads.items()
    ]
    return "\n".join(lines) + "\n"


def verdicts(loads: dict[str, Load], starts: list[float], memory: list[Memory]) -> str:
    """What must hold, and whether it does."""
    lone, direct = loads["service, 1, 1"], loads["a call a request, 1"]
    crowd, double = loads["service, 1, 200"], loads["service, 2, 200"]
    tweets_per_second = loads[f"service, 2, 16 of {_MANY}"].rate * _MANY
    failed = sum(each.lost + each.refused for name, each in loads.items() if name.startswith("service"))
    rows: list[tuple[str, float, str, float]] = [
        ("a lone client, p50 ms", lone.p50, "<=", 0.7),
        ("a lone client, times a call a request", lone.rate / direct.rate, ">=", 5),
        ("200 connections, times a call a request", crowd.rate / loads["a call a request, 200"].rate, ">=", 10),
        ("200 connections, share of the JSON echo", crowd.rate / loads["JSON echo, 200"].rate, ">=", 0.45),
        ("200 connections, p99 ms", crowd.p99, "<=", 100),
        ("two workers, times one", double.rate / crowd.rate, ">=", 1.7),
        (f"{_MANY} tweets a request, tweets/s, two workers", tweets_per_second, ">=", 60_000),
        ("start to ready, seconds", sorted(starts)[len(starts) // 2], "<=", 0.6),
        ("memory of a worker, MiB", max(each.resident for each in memory), "<=", 120),
        ("its proportional share, MiB", max(each.share for each in memory), "<=", 85),
        ("requests that failed", failed, "<=", 0),
    ]
    lines = ["| what | measured | must | |", "|---|---:|---:|---|"]
    lines += [
        f"| {what} | {_number(value)} | {sign} {_number(must)} | {holds(value, sign, must)} |"
        for what, value, sign, must in rows
    ]
    return "\n".join(lines) + "\n\n" + room(crowd, double) + "\n"


def room(one: Load, two: Load) -> str:
    """How much two workers could gain at most, beside a client that takes its time from the same cores."""
    from sentiment.common.parallel import available_cores

    client, worker = two.client_cores / two.rate, sum(one.server_cores) / one.rate
    cores = available_cores()
    most = min(2.0, cores * worker / (client + worker))
    return (
        f"A request takes the client {1e6 * client:.0f} us of processor time and one worker {1e6 * worker:.0f} us: on "
        f"{cores} cores that leaves room for {most:.2f} times one worker. "
        f"Two took {1e6 * sum(two.server_cores) / two.rate:.0f} us."
    )


def holds(value: float, sign: str, must: float) -> str:
    """``holds`` or ``falls short``."""
    return "holds" if (value <= must if sign == "<=" else value >= must) else "falls short"


def _number(value: float) -> str:
    return f"{value:,.0f}" if value >= 1000 or value == int(value) else f"{value:.3g}"


def _soak(folder: Path, bodies: Path, seconds: int) -> None:
    """500 connections; memory before, in the middle and at the end."""
    with running(_SERVICE, "--port", "0", "--model", str(folder), "--workers", "2", workers=2) as server:
        load(server, bodies, 500, min(10, max(1, seconds // 4)))  # memory is compared once all is warm
        figures: list[Any] = [server.memory()]
        for _ in range(4):
            each = load(server, bodies, 500, max(1, seconds // 4))
            figures.append(server.memory())
            stage.log.info("%s; resident MiB: %s", each, [round(one.resident) for one in figures[-1]])
        first, last = (sum(one.resident for one in figure) for figure in (figures[0], figures[-1]))
        sys.stdout.write(
            f"resident memory of both workers: {first:.0f} MiB, then {last:.0f} MiB ({last / first - 1:+.1%})\n"
        )


if __name__ == "__main__":
    stage.main(run, __doc__, add_arguments)
