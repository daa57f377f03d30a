"""What a benchmark ran on, and its figures as Markdown tables."""

import os
import platform
import re
from pathlib import Path

Entries = dict[str, dict[str, float]]


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
