"""Timing of alternatives in turn, and of whole processes with their memory."""

import statistics
import subprocess
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from typing import Any, NamedTuple

_TURN_SECONDS = 1.0


class Contender(NamedTuple):
    """Something to run, and the number of tweets that one run handles."""

    run: Callable[[], Any]
    tweets: int


class CountedSeconds(float):
    """The seconds of a run that count, where a run returns them because a part of it does not."""


class FinishedProcess(NamedTuple):
    """Wall-clock seconds of a process and its peak resident memory in MiB."""

    seconds: float
    peak_mib: float


def time_in_turn(work: Mapping[str, Contender], turns: int) -> dict[str, float]:
    """Return the median seconds per run of each contender, measured in turns A B C A B C.

    The first turn of each does not count. A turn repeats the run for a second and takes the mean, because caches and
    threads recover from the turn of another contender within that time.
    """
    seconds: dict[str, list[float]] = {name: [] for name in work}
    for turn in range(turns + 1):
        for name, contender in work.items():
            took = _one_turn(contender.run)
            if turn:
                seconds[name].append(took)
    return {name: statistics.median(each) for name, each in seconds.items()}


def _one_turn(run: Callable[[], Any]) -> float:
    took: list[float] = []
    while sum(took) < _TURN_SECONDS:
        start = time.perf_counter()
        done = run()
        took.append(float(done) if isinstance(done, CountedSeconds) else time.perf_counter() - start)
    return statistics.mean(took)


def run_process(arguments: Sequence[str]) -> FinishedProcess:
    """Run Python with ``arguments`` to its end.

    Raises:
        RuntimeError: the process failed; the message carries the end of its output.
    """
    # A process between starts the one measured, because Linux counts the memory of the parent as the child's peak.
    code = (
        "import resource, subprocess, sys, time\n"
        "start = time.perf_counter()\n"
        "done = subprocess.run(sys.argv[1:], stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True)\n"
        "print(time.perf_counter() - start, resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss)\n"
        "sys.stderr.write(done.stderr[-2000:])\n"
        "sys.exit(done.returncode)"
    )
    command = [sys.executable, "-c", code, sys.executable, *arguments]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode:
        raise RuntimeError(f"{' '.join(arguments)} failed: {done.stderr.strip()[-500:]}")
    unit = 1024 if sys.platform != "darwin" else 1024**2
    seconds, peak = done.stdout.split()
    return FinishedProcess(float(seconds), int(peak) / unit)
