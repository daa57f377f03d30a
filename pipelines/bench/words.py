"""Distinct tokens by number of tweets: counted on the corpus, and simulated far beyond it.

The tokens are those of the preprocessing, of tweets in random order. The curve is fitted from a sixth of the tweets on
and goes on as a simulation of the counts alone; no text is made for it.
"""

import argparse
import sys
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from pipelines.bench import pitman_yor
from pipelines.shared import publishing, stage

if TYPE_CHECKING:
    import numpy as np

BEYOND = (1_600_000, 16_000_000, 160_000_000, 1_000_000_000)
LEAST_COUNTS = (1, 2, 5, 10)
_FITTED_FROM = 1 / 6
_POINTS = 24


class Curve(NamedTuple):
    """What was counted: of ``tweets`` the ``words``, and the tokens met 1, 2, ... times or more ``(n, 10)``."""

    tweets: "np.ndarray"
    words: "np.ndarray"
    at_least: "np.ndarray"


def run(this: stage.Stage) -> None:
    """Count, fit, simulate, and write a table and a figure."""
    import numpy as np

    tweets = publishing.require(this.arguments.tweets or this.places.interim / "tweets.parquet", "make preprocess")
    counted = count(tweets)
    late = counted.tweets >= _FITTED_FROM * counted.tweets[-1]
    process = pitman_yor.fit(counted.words[late], counted.at_least[late, 0])
    a_tweet = counted.words[-1] / counted.tweets[-1]
    between = np.geomspace(counted.tweets[-1], BEYOND[-1], _POINTS).astype(int)
    sizes = np.unique([*between, *BEYOND])
    start = int(counted.words[-1]), counted.at_least[-1]
    simulated = list(pitman_yor.simulate(process, *start, [int(n * a_tweet) for n in sizes], seed=1))
    beyond = Curve(sizes, sizes * a_tweet, np.array(simulated))
    off = np.abs(pitman_yor.distinct(counted.words[late], process) / counted.at_least[late, 0] - 1).max()
    sys.stdout.write(
        f"{a_tweet:.2f} tokens a tweet; discount {process.discount:.3f}, strength {process.strength:.0f}, "
        f"fitted from {counted.tweets[late][0]:,} tweets on, within {off:.2%} of what was counted\n\n"
        f"{table(counted, beyond)}"
    )
    if this.arguments.figure:
        publishing.write_text(this.arguments.figure, picture(counted, beyond))


def count(tweets: Path) -> Curve:
    """Tokens among the first 1,000 and more of ``tweets``, in random order."""
    import numpy as np
    import pyarrow.parquet as pq

    from sentiment.text.tokens import tokenise

    texts = pq.read_table(tweets, columns=["text"])["text"].combine_chunks()
    texts = texts.take(np.random.default_rng(1).permutation(len(texts)))
    codes = tokenise(texts).codes
    ends = np.cumsum(codes.lengths, dtype=np.int64)
    sizes = np.unique(np.geomspace(min(1000, len(texts)), len(texts), _POINTS).astype(int))
    met = [np.bincount(np.bincount(codes.values[: ends[n - 1]]), minlength=LEAST_COUNTS[-1] + 1) for n in sizes]
    at_least = [np.cumsum(each[::-1])[::-1][1 : LEAST_COUNTS[-1] + 1] for each in met]
    return Curve(sizes, ends[sizes - 1], np.array(at_least))


def table(counted: Curve, beyond: Curve) -> str:
    """The last that was counted, and the round numbers beyond it."""
    head = "| tweets | distinct tokens | " + " | ".join(f"{n} times or more" for n in LEAST_COUNTS[1:]) + " |\n"
    rule = "|---" + "|---:" * len(LEAST_COUNTS) + "|\n"
    rows = [(f"{counted.tweets[-1]:,} (counted)", counted.at_least[-1])]
    simulated = dict(zip(beyond.tweets.tolist(), beyond.at_least, strict=True))
    rows += [(f"{n:,} (simulated)", simulated[n]) for n in BEYOND]
    lines = (f"| {name} | " + " | ".join(f"{each[n - 1]:,}" for n in LEAST_COUNTS) + " |\n" for name, each in rows)
    return head + rule + "".join(lines)


def picture(counted: Curve, beyond: Curve) -> str:
    """Both curves, and what a least count of 2 and of 10 leaves, as SVG."""
    from matplotlib.figure import Figure

    from sentiment.report.svg import MUTED, SERIES, draw

    def paint(figure: Figure) -> None:
        axes = figure.subplots()
        for i, least in enumerate((1, 2, 10)):
            axes.plot(beyond.tweets, beyond.at_least[:, least - 1], color=SERIES[i], linestyle=("-", "--", ":")[i])
            axes.plot(counted.tweets, counted.at_least[:, least - 1], "o", color=SERIES[i], markersize=3)
            end = beyond.tweets[-1], beyond.at_least[-1, least - 1]
            name = "all" if least == 1 else f"met {least} times or more"
            axes.annotate(name, end, (6, 0), textcoords="offset points", fontsize=8, va="center")
        axes.axvline(counted.tweets[-1], color=MUTED, linewidth=0.6)
        axes.set(
            xscale="log", yscale="log", xlabel="tweets (dots: counted; lines: simulated)", ylabel="distinct tokens"
        )
        axes.set_xlim(right=beyond.tweets[-1] * 30)
        axes.set_xticks([10**i for i in range(3, 10)], ["1,000", "10,000", "100,000", "1 m", "10 m", "100 m", "1 bn"])
        axes.yaxis.set_major_formatter("{x:,.0f}")
        axes.minorticks_off()

    last, end = counted.at_least[-1, 0], beyond.at_least[-1, 0]
    alt = f"Distinct tokens: {last:,} in {counted.tweets[-1]:,} tweets, counted; {end:,} in a billion, simulated"
    return draw("words", alt, paint, 8.0, 4.0)


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The command's own options."""
    parser.add_argument("--tweets", type=Path, help="what load wrote (default: the profile's tweets.parquet)")
    parser.add_argument("--figure", type=Path, metavar="FILE.svg", help="where the curve goes (default: none)")


if __name__ == "__main__":
    stage.main(run, __doc__, add_arguments)
