"""One section of the benchmark, measured in a process of its own."""

import json
import os
import sys
from dataclasses import asdict, dataclass

from pipelines.bench import contenders
from pipelines.bench.machine import Entries
from pipelines.bench.material import Material
from pipelines.bench.timing import run_process, time_in_turn

_ALONE_ROWS = 20_000
_ROWS_COMPARED = 2_000
_TOLERANCE = 1e-5


@dataclass(frozen=True)
class SectionTask:
    """What to measure.

    Attributes:
        name: of the section; with ``alone``, the one contender to run once so that its memory can be seen.
        material: what the contenders are made from.
        cores: the number of processor cores to use; 0 for all.
        turns: counted turns per contender.
    """

    name: str
    material: dict
    cores: int = 0
    turns: int = 3
    alone: str = ""

    def arguments(self) -> list[str]:
        """Return the arguments of Python that measure this task."""
        code = "import sys; from pipelines.bench.section import main; main(sys.argv[1])"
        return ["-c", code, json.dumps(asdict(self))]


def measure(task: SectionTask) -> Entries:
    """Measure every contender of a section, and return the figures of each by its name."""
    material = Material(**task.material)
    if task.name == "size":
        from pipelines.bench.sizes import measure_sizes

        return measure_sizes(material)
    return _rates(task, material)


def _rates(task: SectionTask, material: Material) -> Entries:
    """Return the speed of each contender, and on all cores the peak memory of each alone."""
    makers, base = contenders.CONTENDERS[task.name], contenders.AGAINST.get(task.name, "")
    if task.name == "prediction":
        check_forms(material)
    work = {name: makers[name](material) for name in contenders.installed(list(makers))}
    entries: Entries = {}
    for name, seconds in time_in_turn(work, task.turns).items():
        entries[name] = {"ms": 1000 * seconds, "tweets_per_second": work[name].tweets / seconds}
    for entry in entries.values() if base else ():
        entry["ratio"] = entry["tweets_per_second"] / entries[base]["tweets_per_second"]
    if not task.cores and base:
        few = task.material | {"rows": _ALONE_ROWS}
        for name, entry in entries.items():
            entry["peak_mib"] = run_process(SectionTask(task.name, few, alone=name).arguments()).peak_mib
    return entries


def check_forms(material: Material) -> None:
    """Refuse to measure NumPy inference and a SavedModel that answer differently.

    Raises:
        AssertionError: they do.
    """
    import numpy as np

    few = material.texts[:_ROWS_COMPARED]
    ours, saved = (make(material)(few) for make in list(contenders.ANSWERS.values())[:2])
    difference = float(np.abs(ours - saved).max())
    if not difference <= _TOLERANCE:
        raise AssertionError(f"the SavedModel's answers differ from those of NumPy inference by {difference:.2g}")


def main(argument: str) -> None:
    """Measure a task that is given as JSON; print the figures as JSON."""
    task = SectionTask(**json.loads(argument))
    if task.cores and hasattr(os, "sched_setaffinity"):  # before NumPy and TensorFlow count the cores
        os.sched_setaffinity(0, sorted(os.sched_getaffinity(0))[: task.cores])
    if task.alone:
        contenders.CONTENDERS[task.name][task.alone](Material(**task.material)).run()
        return
    sys.stdout.write(json.dumps(measure(task)) + "\n")
