"""Speed and memory of the service, beside an echo and a call a request on the same framework; `make bench-serve`.

Everything runs on this machine, so the client takes its part of the same cores. All servers stand ready and are asked
in turn, round after round, since a machine's speed differs by the minute; a server that is not asked takes nothing.
Writes `bench_serve.json` into the model folder.
"""

import argparse
import contextlib
import sys
import tempfile
from pathlib import Path
from typing import Any, NamedTuple

from pipelines.bench.http_load import Load, Memory, Server, load, running, write_bodies
from pipelines.bench.serve_verdicts import MANY, render, verdicts
from pipelines.shared import publishing, stage

_SERVICE, _PEER = "sentiment.serve", "pipelines.bench.http_peers"
_STARTS = 3


class Bodies(NamedTuple):
    """Files of requests: of ``one`` tweet each, and of ``many``."""

    one: Path
    many: Path


class Turn(NamedTuple):
    """One thing to measure."""

    name: str
    server: Server
    bodies: Path
    connections: int


class Measured(NamedTuple):
    """Loads by name, a round each; seconds until ready; memory of one worker alone and of each of two, after it all."""

    loads: dict[str, list[Load]]
    starts: list[float]
    alone: list[Memory]
    pair: list[Memory]


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """How long, and whether to soak."""
    parser.add_argument("--seconds", type=int, default=1, help="each measurement of a round lasts (default: 1)")
    parser.add_argument("--rounds", type=int, default=5, help="(default: 5, after one that is not counted)")
    parser.add_argument("--model", metavar="FOLDER", help="another model folder than the profile's")
    parser.add_argument("--soak", type=int, default=0, metavar="SECONDS", help="500 connections for so long, alone")


def run(this: stage.Stage) -> None:
    """Measure, compare with what must hold, write."""
    from pipelines.bench.tables import machine

    folder = Path(this.arguments.model or this.places.model)
    with tempfile.TemporaryDirectory() as name:
        bodies = Bodies(Path(name) / "one", Path(name) / "many")
        texts = tweets(folder)
        write_bodies(texts, 1, bodies.one)
        write_bodies(texts, MANY, bodies.many)
        if this.arguments.soak:
            _soak(folder, bodies.one, this.arguments.soak)
            return
        measured = measure(str(folder), bodies, this.arguments.seconds, this.arguments.rounds)
    report: dict[str, Any] = {
        "machine": machine(),
        "loads": {name: [each._asdict() for each in rounds] for name, rounds in measured.loads.items()},
        "ready_seconds": measured.starts,
        "memory_mib": {name: [each._asdict() for each in getattr(measured, name)] for name in ("alone", "pair")},
    }
    publishing.write_json(folder / "bench_serve.json", report)
    sys.stdout.write(render(report["machine"], measured.loads) + "\n" + verdicts(*measured))


def tweets(folder: Path) -> list[str]:
    """Those that `make evaluate` has scored."""
    from pipelines.shared.evaluation_files import read_predictions

    return read_predictions(folder).texts.tolist()


def measure(folder: str, bodies: Bodies, seconds: int, rounds: int) -> Measured:
    """Everything, in turn."""
    serve = (_SERVICE, "--port", "0", "--model", folder)
    starts = []
    for _ in range(_STARTS):
        with running(*serve) as server:
            starts.append(server.seconds)
    with running(*serve, "--workers", "2", workers=2) as two:
        with contextlib.ExitStack() as beside:  # ends before the memory of the two is looked at
            one = beside.enter_context(running(*serve))
            echo = beside.enter_context(running(_PEER, "echo"))
            direct = beside.enter_context(running(_PEER, "direct", "--model", folder))
            turns = _turns(echo, direct, one, two, bodies)
            loads = _rounds(turns, seconds, rounds)
            alone = one.memory()
        return Measured(loads, starts, alone, two.memory())


def _turns(echo: Server, direct: Server, one: Server, two: Server, bodies: Bodies) -> list[Turn]:
    """What is compared stands side by side."""
    return [
        Turn("JSON echo, 1", echo, bodies.one, 1),
        Turn("a call a request, 1", direct, bodies.one, 1),
        Turn("service, 1, 1", one, bodies.one, 1),
        Turn("service, 1, 16", one, bodies.one, 16),
        Turn("a call a request, 200", direct, bodies.one, 200),
        Turn("JSON echo, 200", echo, bodies.one, 200),
        Turn("service, 1, 200", one, bodies.one, 200),
        Turn("service, 2, 200", two, bodies.one, 200),
        Turn(f"service, 1, 16 of {MANY}", one, bodies.many, 16),
        Turn(f"service, 2, 16 of {MANY}", two, bodies.many, 16),
    ]


def _rounds(turns: list[Turn], seconds: int, rounds: int) -> dict[str, list[Load]]:
    loads: dict[str, list[Load]] = {turn.name: [] for turn in turns}
    for number in range(rounds + 1):
        for turn in turns:
            done = load(turn.server, turn.bodies, turn.connections, seconds)
            if number:  # before that, all is new to the servers
                loads[turn.name].append(done)
    return loads


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
