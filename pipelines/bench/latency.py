"""How long an answer takes that is asked for at once: calls of one tweet up to ten thousand."""

import time
from collections.abc import Callable, Sequence
from typing import Any

SIZES = (1, 16, 100, 1000, 10_000)
_LEAST_CALLS, _MOST_CALLS = 5, 500


def call_seconds(answer: Callable[[Sequence[str]], Any], texts: Sequence[str], size: int, budget: float) -> list[float]:
    """Seconds of each of several calls with ``size`` of ``texts``, other ones each time, sorted.

    Args:
        answer: what is called.
        texts: more than ``size`` of them, else they are repeated.
        size: texts a call.
        budget: seconds after which no further call is made, once there were five; one more call goes before all.
    """
    texts = [*texts] * -(-2 * size // len(texts))
    seconds: list[float] = []
    answer(texts[:size])
    end = time.perf_counter() + budget
    while len(seconds) < _LEAST_CALLS or (len(seconds) < _MOST_CALLS and time.perf_counter() < end):
        first = len(seconds) * size % (len(texts) - size + 1)
        given = texts[first : first + size]
        start = time.perf_counter()
        answer(given)
        seconds.append(time.perf_counter() - start)
    return sorted(seconds)


def figures(seconds: Sequence[float], size: int) -> dict[str, float]:
    """Median and 99th percentile of sorted call times in milliseconds, and tweets a second at the median."""
    median = seconds[len(seconds) // 2]
    p99 = seconds[min(len(seconds) - 1, int(len(seconds) * 0.99))]
    return {"median_ms": 1000 * median, "p99_ms": 1000 * p99, "tweets_per_second": size / median}


def curves(rates: dict[str, dict[int, float]], machine: str) -> str:
    """Tweets a second against tweets a call, a line a contender, as SVG."""
    from matplotlib.figure import Figure

    from sentiment.report.svg import MUTED, SERIES, draw

    def paint(figure: Figure) -> None:
        axes = figure.subplots()
        for i, (name, points) in enumerate(rates.items()):
            ours = name.startswith("ours")
            style: dict[str, Any] = {"color": SERIES[0] if ours else MUTED, "linestyle": ("-", "--", ":")[i % 3]}
            axes.plot(list(points), list(points.values()), marker="o", markersize=3, **style)
            end = list(points)[-1], list(points.values())[-1]
            axes.annotate(name, end, (5, 0), textcoords="offset points", fontsize=8)
        axes.set(xscale="log", yscale="log", xlabel=f"tweets a call, on {machine}", ylabel="tweets a second")
        axes.set_xlim(right=max(SIZES) * 12)
        for axis in (axes.xaxis, axes.yaxis):
            axis.set_major_formatter(
                "{x:,.0f}"
            )  # powers of ten would be mathematical text, which the pages do not draw

    most = {name: max(points.values()) for name, points in rates.items()}
    alt = "Tweets a second by tweets a call. At best: " + ", ".join(
        f"{name} {rate:,.0f}" for name, rate in most.items()
    )
    return draw("sizes", alt, paint, width=8, height=4)
