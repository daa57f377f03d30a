"""One section of the benchmark, measured in a process of its own."""

import os
from dataclasses import dataclass, replace

from pipelines.bench import contenders
from pipelines.bench.material import Material
from pipelines.bench.timing import Entries, in_own_process, peak_mib, time_in_turn

_ALONE_ROWS = 20_000
_ROWS_COMPARED = 2_000
_TOLERANCE = 1e-5


@dataclass(frozen=True)
class SectionTask:
    """A section to measure on ``cores`` processor cores (0 uses all), with ``turns`` counted turns per contender."""

    name: str
    material: Material
    cores: int = 0
    turns: int = 3


def measure(task: SectionTask) -> Entries:
    """Measure every contender of a section, and return their figures by name."""
    if task.name == "size":
        from pipelines.bench.sizes import measure_sizes

        return measure_sizes(task.material)
    return _rates(task)


def measure_on_cores(task: SectionTask) -> Entries:
    """Restrict this process to ``task.cores`` processor cores, and measure."""
    if task.cores and hasattr(os, "sched_setaffinity"):
        os.sched_setaffinity(0, sorted(os.sched_getaffinity(0))[: task.cores])
    return measure(task)


def _rates(task: SectionTask) -> Entries:
    """Measure the speed of each contender. If all cores are used, measure also the peak memory of each, run alone."""
    material = task.material
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
        few = replace(material, rows=_ALONE_ROWS)
        for name, entry in entries.items():
            entry["peak_mib"] = in_own_process(_peak_alone, task.name, name, few)
    return entries


def _peak_alone(section: str, name: str, material: Material) -> float:
    """Run one contender once; return the peak memory of this process in MiB."""
    contenders.CONTENDERS[section][name](material).run()
    return peak_mib()


def check_forms(material: Material) -> None:
    """Check that NumPy inference and the SavedModel give the same probabilities, before their speed is compared.

    Raises:
        AssertionError: the probabilities differ by more than 1e-5.
    """
    import numpy as np

    few = material.texts[:_ROWS_COMPARED]
    ours, saved = (make(material)(few) for make in list(contenders.ANSWERS.values())[:2])
    difference = float(np.abs(ours - saved).max())
    if not difference <= _TOLERANCE:
        raise AssertionError(f"the SavedModel's answers differ from those of NumPy inference by {difference:.2g}")
