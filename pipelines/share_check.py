"""Check the intervals of `sentiment share`: label many random samples, and count the intervals that are right."""

import argparse
import sys
from collections import Counter
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import NamedTuple

import numpy as np

from pipelines.shared import stage
from pipelines.shared.evaluation_files import read_predictions
from sentiment.common.command_line import OneLineParser, count, default_model
from sentiment.errors import InputError
from sentiment.shares.estimates import Labels, interval, labels_alone, tuned_slopes, with_model
from sentiment.shares.sample import chances_of, doubt, draw

HEADERS = (
    "tweets", "class", "model", "drawn", "n", "truth", "coverage", "width", "labels alone", "width", "ratio",
    "to even", "least",
)  # fmt: skip
_BINS = 20  # ranges of the model's probability with equal numbers of tweets


class Known(NamedTuple):
    """The model's ``probabilities`` ``(n, classes)``; ``indicators`` ``(n,)``: 1 if a tweet is of a class, else 0."""

    probabilities: np.ndarray
    indicators: np.ndarray


class Simulated(NamedTuple):
    """The share of the intervals that contain the true share, and the mean width of the intervals."""

    coverage: float
    width: float


def main(argv: Sequence[str] | None = None) -> None:
    """Print a table of the coverage and width of the intervals."""
    parser = OneLineParser(prog="python -m pipelines.share_check", description=__doc__)
    parser.add_argument("folder", nargs="?", default=default_model(), help="an evaluated model (default: the last one)")
    parser.add_argument("--labels", type=count, default=200, help="labels per draw (default: 200)")
    parser.add_argument("--draws", type=count, default=2000, help="draws of each kind (default: 2000)")
    arguments = parser.parse_args(argv)
    with stage.reporting("share_check"):
        from tabulate import tabulate

        sys.stdout.write(tabulate(list(_rows(arguments)), HEADERS, floatfmt=".3f", intfmt=",") + "\n")


def simulated(known: Known, even: bool, labels: int, draws: int) -> tuple[Simulated, Simulated]:
    """Return coverage and width of two kinds of intervals: from model and labels together, and from labels alone.

    Each of ``draws`` random samples has ``labels`` labelled tweets. For the first kind, tweets about which the model is
    in doubt are drawn more often, unless ``even``. For the second kind, all tweets are equally likely to be drawn.
    """
    rows, means = len(known.indicators), known.probabilities[:, :-1].mean(axis=0)
    evenly = chances_of(None, labels, rows)
    chances = evenly if even else chances_of(doubt(known.probabilities), labels, rows)
    random, cells = np.random.default_rng(7), np.zeros(rows, np.int64)
    both, alone = [], []
    for _ in range(draws):
        sample = _labels(known, chances, draw(chances, cells, random))
        slopes = tuned_slopes(sample)
        both.append(interval(with_model(sample, slopes, means, len(slopes))))
        alone.append(interval(labels_alone(_labels(known, evenly, draw(evenly, cells, random)))))
    truth = known.indicators.mean()
    return tuple(  # type: ignore[return-value]
        Simulated(
            float(np.mean([each.low <= truth <= each.high for each in found])),
            float(np.mean([each.high - each.low for each in found])),
        )
        for found in (both, alone)
    )


def least_ratio(known: Known) -> float:
    """Return the least possible width of an interval, divided by the width when all tweets are equally likely drawn.

    The width is least if a tweet is drawn in proportion to the standard deviation of the ``indicators`` of tweets with
    similar model probabilities (Neyman, 1934). Only a simulation knows all indicators.
    """
    order = np.argsort(known.probabilities[:, 0], kind="stable")
    parts = np.array_split(known.indicators[order], _BINS)
    deviations = np.repeat([part.std() for part in parts], [len(part) for part in parts])
    return float(deviations.mean() / np.sqrt((deviations**2).mean()))


def _labels(known: Known, chances: np.ndarray, rows: np.ndarray) -> Labels:
    return Labels(known.probabilities[rows, :-1], known.indicators[rows], chances[rows])


def _rows(arguments: argparse.Namespace) -> Iterator[tuple[object, ...]]:
    answers = read_predictions(Path(arguments.folder))
    tweets, least = Counter(answers.test_sets.tolist()), 2 * arguments.labels
    most = max(tweets.values(), default=0)
    if most <= least:
        wrong = f"expected more than {least:,} test tweets, twice --labels, received {most:,}; set --labels to fewer"
        raise InputError(f"{arguments.folder}: {wrong}")
    for name in (each for each, n in tweets.items() if n > least):
        part = answers.of(name)
        known = Known(part.probabilities, (part.true == 0).astype(np.float64))
        turned = known._replace(probabilities=part.probabilities[:, ::-1])
        for model, told in (("as it is", known), ("upside down", turned)):
            evenly, alone = simulated(told, True, arguments.labels, arguments.draws)
            doubted, _ = simulated(told, False, arguments.labels, arguments.draws)
            for drawn, both in (("evenly", evenly), ("by doubt", doubted)):
                yield (name, part.classes[0], model, drawn, len(part.true), known.indicators.mean(), *both, *alone,
                       both.width / alone.width, both.width / evenly.width, least_ratio(told))  # fmt: skip


if __name__ == "__main__":
    main()
