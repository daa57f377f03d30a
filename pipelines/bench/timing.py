"""Timing that can be trusted: alternatives in turn, medians, and the memory of whole processes."""

import statistics
import subprocess
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from tqdm import tqdm


@dataclass(frozen=True, slots=True)
class Timing:
    """Seconds of a run of one thing, in several turns, and how many tweets a run handled."""

    seconds: tuple[float, ...]
    tweets: int

    @property
    def median(self) -> float:
        """Median seconds of a run."""
        return statistics.median(self.seconds)

    @property
    def rate(self) -> float:
        """Tweets a second, at the median."""
        return self.tweets / self.median


@dataclass(frozen=True, slots=True)
class Process:
    """One finished process: seconds of wall clock, peak resident memory in MiB."""

    seconds: float
    peak_mib: float


_TURN = 1.0  # seconds


class Seconds(float):
    """What a run returns of which only so many seconds count."""


def time_in_turn(work: Mapping[str, tuple[Callable[[], object], int]], runs: int, title: str = "") -> dict[str, Timing]:
    """Give every entry ``runs`` turns, A B C A B C, after one of each that does not count.

    A turn is as many runs as take a second, of which the mean counts: caches and threads have to find their places
    again after somebody else's turn, which would be a good part of a run of milliseconds.

    Args:
        work: name -> (what to run, tweets it handles); a run counts in full, unless it returns :class:`Seconds`.
        runs: turns of each that count.
        title: of the progress bar.
    """
    seconds: dict[str, list[float]] = {name: [] for name in work}
    with tqdm(total=(runs + 1) * len(work), desc=title, unit="turn", disable=None, leave=False) as bar:
        for turn in range(runs + 1):
            for name, (function, _) in work.items():
                took = _turn(function)
                if turn:
                    seconds[name].append(took)
                bar.update()
    return {name: Timing(tuple(seconds[name]), tweets) for name, (_, tweets) in work.items()}


def _turn(function: Callable[[], object]) -> float:
    """Mean seconds of a run."""
    took: list[float] = []
    while sum(took) < _TURN:
        start = time.perf_counter()
        done = function()
        took.append(float(done) if isinstance(done, Seconds) else time.perf_counter() - start)
    return statistics.mean(took)


def run_process(arguments: Sequence[str]) -> Process:
    """Run a Python process to its end.

    Raises:
        RuntimeError: it failed; carries the end of what it printed.
    """
    # A process of its own waits for the one measured, so that its peak memory is not mixed with earlier ones'.
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
    return Process(float(seconds), int(peak) / unit)
