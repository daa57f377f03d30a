"""What a benchmark reports: the machine, a table in Markdown and a picture in SVG."""

import os
import platform
import re
from pathlib import Path
from typing import Any

from pipelines.bench.timing import Timing

Entries = dict[str, dict[str, float]]


def machine() -> str:
    """Processor, cores, Python and system."""
    return f"{_processor()}, {os.cpu_count()} cores, Python {platform.python_version()}, {platform.system()}"


def _processor() -> str:
    cpuinfo = Path("/proc/cpuinfo")
    named = re.search(r"^model name\s*: (.+)$", cpuinfo.read_text(), re.M) if cpuinfo.is_file() else None
    return named.group(1) if named else platform.machine()


def rates(timings: dict[str, Timing], against: str) -> Entries:
    """Tweets a second of each, and how many times those of ``against`` that is."""
    base = timings[against].rate
    return {
        name: {"tweets_per_second": timing.rate, "ratio": timing.rate / base, "seconds": timing.median}
        for name, timing in timings.items()
    }


def table(report: dict[str, Any]) -> str:
    """``machine``, ``rows`` and ``sections`` (title -> name -> figure -> value) as Markdown."""
    lines = [f"Measured on {report['machine']}; {report['rows']:,} tweets; medians.", ""]
    for title, entries in report["sections"].items():
        columns = list(dict.fromkeys(name for values in entries.values() for name in values))
        lines += [f"| {title} | {' | '.join(column.replace('_', ' ') for column in columns)} |"]
        lines += ["|---|" + "---:|" * len(columns)]
        for name, values in entries.items():
            lines.append(f"| {name} | {' | '.join(_number(values.get(column)) for column in columns)} |")
        lines.append("")
    return "\n".join(lines)


def _number(value: float | None) -> str:
    if value is None:
        return ""
    return f"{value:,.0f}" if value >= 100 else f"{value:.3g}"


def picture(report: dict[str, Any], titles: tuple[str, ...]) -> str:
    """Tweets a second of the sections ``titles``: a bar a contender, a panel a section, one logarithmic axis."""
    from matplotlib.figure import Figure

    from sentiment.report.svg import draw

    sections = {title: report["sections"][title] for title in titles}
    sizes = [len(entries) + 1.4 for entries in sections.values()]
    every = [values["tweets_per_second"] for entries in sections.values() for values in entries.values()]

    def paint(figure: Figure) -> None:
        panels = figure.subplots(len(sections), 1, sharex=True, squeeze=False, height_ratios=sizes)[:, 0]
        for axes, (title, entries) in zip(panels, sections.items(), strict=True):
            _panel(axes, title, entries)
            axes.set_xlim(min(every) / 2, max(every) * 12)
        panels[-1].set_xlabel(f"tweets a second, on {report['machine']}")

    best = {
        title: max(entries, key=lambda name: entries[name]["tweets_per_second"]) for title, entries in sections.items()
    }
    alt = "; ".join(f"{title}: {name} is quickest" for title, name in best.items())
    return draw("bench", alt, paint, width=8, height=0.3 * sum(sizes) + 0.6)


def _panel(axes: Any, title: str, entries: Entries) -> None:
    from sentiment.report.svg import MUTED, SERIES

    heights = [values["tweets_per_second"] for values in entries.values()]
    labels = [f"{values['tweets_per_second']:,.0f}  ({_number(values['ratio'])} ×)" for values in entries.values()]
    bars = axes.barh(list(entries), heights, color=[SERIES[0] if "ours" in name else MUTED for name in entries])
    axes.bar_label(bars, labels, padding=3)
    axes.set_xscale("log")
    axes.xaxis.set_major_formatter("{x:,.0f}")
    axes.set_title(title)
    axes.grid(visible=False, axis="y")
    axes.invert_yaxis()
