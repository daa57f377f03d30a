"""A command watched from outside: CPU and memory of it and of all its descendants."""

import os
import subprocess
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

_SAMPLING_SECONDS = 0.3
_TICKS = os.sysconf("SC_CLK_TCK")


@dataclass(frozen=True, slots=True)
class Watched:
    """One command: seconds from start to end; CPU seconds and the peak MiB of all its processes; exit status."""

    wall: float
    cpu: float
    mib: float
    status: int


def watched(command: Sequence[str]) -> Watched:
    """Run ``command``; memory is each process's share of common pages."""
    begun = time.monotonic()
    process = subprocess.Popen(command)  # what it says is worth reading
    cpu: dict[int, float] = {}
    most = 0.0
    while process.poll() is None:
        memory = 0.0
        for pid in [process.pid, *_descendants(process.pid)]:
            cpu[pid] = max(cpu.get(pid, 0.0), _cpu_seconds(pid))
            memory += _mib(pid)
        most = max(most, memory)
        time.sleep(_SAMPLING_SECONDS)
    return Watched(time.monotonic() - begun, sum(cpu.values()), most, process.returncode)


def _descendants(pid: int) -> Iterator[int]:
    try:
        children = Path(f"/proc/{pid}/task/{pid}/children").read_text().split()
    except OSError:
        return
    for child in map(int, children):
        yield child
        yield from _descendants(child)


def _cpu_seconds(pid: int) -> float:
    try:
        fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    except OSError:
        return 0.0
    return (int(fields[11]) + int(fields[12])) / _TICKS


def _mib(pid: int) -> float:
    try:
        lines = Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines()
    except OSError:
        return 0.0
    return next((int(line.split()[1]) / 1024 for line in lines if line.startswith("Pss:")), 0.0)
