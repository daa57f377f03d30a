"""Time alternatives in turn, and whole processes with their memory; what it was measured on, and Markdown tables."""

import multiprocessing
import os
import platform
import re
import statistics
import subprocess
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path
from typing import Any, NamedTuple

Entries = dict[str, dict[str, float]]  # figures of each contender by their name
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


def in_own_process(function: Callable[..., Any], *arguments: Any) -> Any:
    """Return ``function(*arguments)``, worked out in a fresh process; its errors are raised here."""
    with ProcessPoolExecutor(1, multiprocessing.get_context("spawn")) as pool:
        return pool.submit(function, *arguments).result()


def peak_mib() -> float:
    """Return the peak resident memory of this process, on Linux without what its parent had."""
    status = Path("/proc/self/status")
    if status.is_file():
        return int(re.findall(r"VmHWM:\s+(\d+)", status.read_text())[0]) / 1024
    import resource

    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024**2


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


def machine() -> str:
    """Return processor, cores, Python, system, and what NumPy and its matrix library found in the processor."""
    import numpy as np
    from threadpoolctl import threadpool_info

    np.ones((2, 2)) @ np.ones((2, 2))
    simd = np.show_config(mode="dicts").get("SIMD Extensions", {})
    found = ", ".join([*simd.get("baseline", ()), *simd.get("found", ())]) or "nothing"
    blas = ", ".join(f"{each['internal_api']} {each['version']} for {each.get('architecture', '?')}"
                     for each in threadpool_info() if each["user_api"] == "blas")  # fmt: skip
    return (
        f"{_processor()}, {os.cpu_count()} cores, Python {platform.python_version()}, {platform.system()}; "
        f"NumPy {np.__version__} found {found}; {blas or 'no known matrix library'}"
    )


def _processor() -> str:
    cpuinfo = Path("/proc/cpuinfo")
    named = re.search(r"^model name\s*: (.+)$", cpuinfo.read_text(), re.M) if cpuinfo.is_file() else None
    return named.group(1) if named else platform.machine()


def markdown(title: str, entries: Entries) -> str:
    """Return one table: a row per entry, a column per figure, empty cells where a figure was not measured."""
    from tabulate import tabulate

    columns = list(dict.fromkeys(name for values in entries.values() for name in values))
    rows = [[name, *(_number(values.get(column)) for column in columns)] for name, values in entries.items()]
    headers = [title, *(column.replace("_", " ") for column in columns)]
    align = ["left", *["right"] * len(columns)]
    return tabulate(rows, headers, tablefmt="pipe", colalign=align, disable_numparse=True) + "\n"


def _number(value: float | None) -> str:
    if value is None:
        return ""
    return f"{value:,.0f}" if value >= 100 else f"{value:.3g}"
