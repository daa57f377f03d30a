"""The estimators of shares: against a census, against ppi-python, and their coverage on invented tweets."""

from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest

from pipelines import share_check
from pipelines.share_check import Known, simulated
from sentiment.evaluation.record import PREDICTIONS, Predictions
from sentiment.shares.estimates import (
    Estimate,
    Labels,
    ShareInterval,
    difference,
    interval,
    labels_alone,
    tuned_slopes,
    with_model,
)
from sentiment.shares.sample import chances_of, doubt, draw
from sentiment.shares.tally import Answered, ShareTally


def invented(rows: int, sharpness: float, seed: int = 5) -> tuple[np.ndarray, np.ndarray]:
    """Probabilities of two classes, float64 ``(rows, 2)``, and indicators of the first, drawn from them."""
    random = np.random.default_rng(seed)
    first = 1 / (1 + np.exp(-sharpness * random.normal(size=rows)))
    return np.column_stack([first, 1 - first]), (random.random(rows) < first).astype(float)


def sample(probabilities: np.ndarray, indicators: np.ndarray, chances: np.ndarray, seed: int) -> Labels:
    rows = draw(chances, np.zeros(len(chances), int), np.random.default_rng(seed))
    return Labels(probabilities[rows, :-1], indicators[rows], chances[rows])


def test_a_census_has_no_error() -> None:
    probabilities, indicators = invented(400, 2.0)
    census = Labels(probabilities[:, :-1], indicators, np.ones(400))
    found = with_model(census, tuned_slopes(census), probabilities[:, :-1].mean(axis=0), 1)
    assert found.value == pytest.approx(indicators.mean())
    assert found.variance == 0
    assert interval(found).high - interval(found).low < 1e-6


@pytest.mark.parametrize("even", [True, False])
@pytest.mark.parametrize("sharpness", [0.5, 3.0])
def test_intervals_cover(even: bool, sharpness: float) -> None:
    probabilities, indicators = invented(5_000, sharpness)
    chances = chances_of(None if even else doubt(probabilities), 200, 5_000)
    means, truth = probabilities[:, :-1].mean(axis=0), indicators.mean()
    covered = 0
    for seed in range(250):
        labels = sample(probabilities, indicators, chances, seed)
        found = interval(with_model(labels, tuned_slopes(labels), means, 1))
        covered += found.low <= truth <= found.high
    assert 0.92 <= covered / 250 <= 0.98


@pytest.mark.parametrize("turned", [False, True])
def test_a_model_that_is_wrong_costs_nothing(turned: bool) -> None:
    """A model turned upside down is as good as the model; neither interval is wider than that of the labels alone."""
    probabilities, indicators = invented(5_000, 3.0)
    told = probabilities[:, ::-1] if turned else probabilities
    chances = chances_of(None, 200, 5_000)
    labels = sample(told, indicators, chances, 3)
    both = interval(with_model(labels, tuned_slopes(labels), told[:, :-1].mean(axis=0), 1))
    alone = interval(labels_alone(labels))
    assert both.high - both.low < 0.85 * (alone.high - alone.low)
    assert both.low <= indicators.mean() <= both.high


def test_even_draws_agree_with_ppi_python() -> None:
    """PPI++ with a tuned weight (ppi-python 0.2.3) has the same estimate and interval up to its normal quantile."""
    ppi = pytest.importorskip("ppi_py", reason="needs the package ppi-python")
    probabilities, indicators = invented(20_000, 2.0)
    chances = chances_of(None, 500, 20_000)
    rows = draw(chances, np.zeros(20_000, int), np.random.default_rng(1))
    labels = Labels(probabilities[rows, :-1], indicators[rows], chances[rows])
    ours = interval(with_model(labels, tuned_slopes(labels), probabilities[:, :-1].mean(axis=0), 1))
    others = np.setdiff1d(np.arange(20_000), rows)
    y, yhat, unlabelled = indicators[rows], probabilities[rows, 0], probabilities[others, 0]
    low, high = ppi.ppi_mean_ci(y, yhat, unlabelled, alpha=0.05)
    assert ours.value == pytest.approx(float(np.ravel(ppi.ppi_mean_pointestimate(y, yhat, unlabelled))[0]), abs=2e-3)
    assert ours.high - ours.low == pytest.approx(float(np.ravel(high - low)[0]), rel=0.05)


def test_shares_of_the_model_alone_agree_with_quapy() -> None:
    """QuaPy 0.2.3 calls the mean probability "probabilistic classify and count", and the counted labels "classify and count"."""
    functional = pytest.importorskip("quapy.functional", reason="needs the package quapy")
    probabilities, _ = invented(500, 2.0)
    tally = ShareTally(["negative", "positive"], np.zeros(0, np.int64))
    texts, names = pa.array(["text"] * 500), pa.array(["all"] * 500).dictionary_encode()
    tally.add(Answered(texts, probabilities, np.ones(500), names, names))
    (cell,) = tally.with_margins().values()
    mean, counted = (functional.prevalence_from_probabilities(probabilities, binarize=each) for each in (False, True))
    assert cell.probabilities / cell.tweets == pytest.approx(mean)
    assert cell.labels / cell.tweets == pytest.approx(counted)


def test_chances_sum_to_the_draw_and_never_exceed_one() -> None:
    doubts = np.array([0.0, 0.0, 0.1, 0.2, 5.0, 5.0])
    chances = chances_of(doubts, 3, 6)
    assert chances.sum() == pytest.approx(3)
    assert chances.max() <= 1
    assert (np.diff(chances) >= 0).all()


def test_the_draw_is_spread_over_cells_and_repeats() -> None:
    cells = np.repeat([0, 1, 2], [600, 300, 100])
    chances = chances_of(None, 100, 1_000)
    first = draw(chances, cells, np.random.default_rng(4))
    assert np.bincount(cells[first]).tolist() == [60, 30, 10]
    assert (first == draw(chances, cells, np.random.default_rng(4))).all()
    assert (first != draw(chances, cells, np.random.default_rng(5))).any()


def test_how_often_a_row_is_drawn_follows_its_chance() -> None:
    probabilities, _ = invented(60, 3.0)
    chances = chances_of(doubt(probabilities), 12, 60)
    drawn = np.zeros(60)
    for seed in range(1_000):
        drawn[draw(chances, np.arange(60) % 3, np.random.default_rng(seed))] += 1
    assert np.abs(drawn / 1_000 - chances).max() < 0.05


def test_wilson_keeps_an_interval_where_no_label_is_of_the_class() -> None:
    """Without one among 100 labels, Wilson's (1927) upper end is z² / (n + z²)."""
    found = interval(Estimate(0.0, 0.0, 1e6, 100))
    assert found.low == 0
    assert found.high == pytest.approx(1.959964**2 / (100 + 1.959964**2), rel=1e-3)


def test_a_difference_keeps_the_uncertainty_of_both_shares() -> None:
    """Of 0.4 and of 0, which no label of many would change, the ends are the root of the summed squares."""
    found = difference(ShareInterval(0.4, 0.37, 0.44), ShareInterval(0.0, 0.0, 0.03))
    assert found == pytest.approx((-0.4, -0.44, -0.4 + (0.03**2 + 0.03**2) ** 0.5))


def test_the_check_command_sees_the_coverage() -> None:
    probabilities, indicators = invented(4_000, 3.0)
    both, alone = simulated(Known(probabilities, indicators), True, 200, 200)
    assert 0.9 <= both.coverage <= 0.99
    assert both.width < 0.8 * alone.width


@pytest.mark.parametrize(
    ("tweets", "message"),
    [(None, "predictions.csv: no such file; run `make evaluate`"), (9, "expected more than 400 test tweets")],
)
def test_the_check_command_needs_an_evaluated_model_and_tweets(
    tweets: int | None, message: str, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    if tweets:
        texts, true = np.full(tweets, "good day", object), np.zeros(tweets, int)
        Predictions(("n", "p"), texts, texts, true, true, np.full((tweets, 2), 0.5), {}).write(tmp_path / PREDICTIONS)
    with pytest.raises(SystemExit, match="2"):
        share_check.main([str(tmp_path)])
    assert message in caplog.text
