"""Time functions in turn, measure whole processes, describe the machine, and write Markdown tables."""

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
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
from threadpoolctl import threadpool_info

if TYPE_CHECKING:
    import psutil

Entries = dict[str, dict[str, float]]  # contender -> name of a figure -> its value
TURNS = 3  # that count
_TURN_SECONDS = 1.0


class Contender(NamedTuple):
    """A function to time, and the number of tweets that one call of it handles."""

    run: Callable[[], Any]
    tweets: int


def time_in_turn(work: Mapping[str, Contender]) -> dict[str, float]:
    """Return the median seconds per run of each contender, measured in turns A B C A B C.

    A turn repeats the run for a second and takes the mean. Within that time, caches and threads recover from the
    previous contender. The first turn of each contender is a warm-up and does not count. If a run returns a float, this
    is taken as its seconds.
    """
    seconds: dict[str, list[float]] = {name: [] for name in work}
    for _ in range(TURNS + 1):
        for name, contender in work.items():
            took: list[float] = []
            while sum(took) < _TURN_SECONDS:
                start = time.perf_counter()
                done = contender.run()
                took.append(done if isinstance(done, float) else time.perf_counter() - start)
            seconds[name].append(statistics.mean(took))
    return {name: statistics.median(each[1:]) for name, each in seconds.items()}


def in_own_process(function: Callable[..., Any], *arguments: Any) -> Any:
    """Call ``function(*arguments)`` in a new process, and return its result or raise its error."""
    with ProcessPoolExecutor(1, multiprocessing.get_context("spawn")) as pool:
        return pool.submit(function, *arguments).result()


def peak_mib() -> float:
    """Return the peak resident memory of this process in MiB, from the figures of Linux about the process."""
    return int(re.findall(r"VmHWM:\s+(\d+)", Path("/proc/self/status").read_text())[0]) / 1024


def run_process(arguments: Sequence[str]) -> dict[str, float]:
    """Run Python with ``arguments``, wait for its end, and return its duration and its peak resident memory.

    Raises:
        RuntimeError: the process failed. The message quotes the end of its output.
    """
    # A small process starts the measured one, because Linux counts the memory of the parent in the child's peak.
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
    seconds, peak = done.stdout.split()
    return {"seconds": float(seconds), "peak_mib": int(peak) / 1024}


def family(pid: int) -> "list[psutil.Process]":
    """Return a process and all its descendants; an empty list if the process has ended."""
    import psutil

    try:
        process = psutil.Process(pid)
        return [process, *process.children(recursive=True)]
    except psutil.Error:
        return []


def machine() -> str:
    """Describe processor, cores, Python, system, and the processor features that NumPy and its matrix library use."""
    np.ones((2, 2)) @ np.ones((2, 2))
    simd = np.show_config(mode="dicts").get("SIMD Extensions", {})
    found = ", ".join([*simd.get("baseline", ()), *simd.get("found", ())]) or "nothing"
    blas = ", ".join(f"{each['internal_api']} {each['version']} for {each.get('architecture', '?')}"
                     for each in threadpool_info() if each["user_api"] == "blas")  # fmt: skip
    named = re.search(r"^model name\s*: (.+)$", Path("/proc/cpuinfo").read_text(), re.M)
    processor = named[1] if named else platform.machine()
    return (
        f"{processor}, {os.cpu_count()} cores, Python {platform.python_version()}, {platform.system()}; "
        f"NumPy {np.__version__} found {found}; {blas or 'no known matrix library'}"
    )


def markdown(title: str, entries: Entries) -> str:
    """Return a Markdown table with a row per entry and a column per figure. Missing figures are empty cells."""
    from tabulate import tabulate

    def cell(value: float | None) -> str:
        return "" if value is None else f"{value:,.0f}" if value >= 100 else f"{value:.3g}"

    columns = list(dict.fromkeys(name for values in entries.values() for name in values))
    rows = [[name, *(cell(values.get(column)) for column in columns)] for name, values in entries.items()]
    headers = [title, *(column.replace("_", " ") for column in columns)]
    align = ["left", *["right"] * len(columns)]
    return tabulate(rows, headers, tablefmt="pipe", colalign=align, disable_numparse=True) + "\n"
