"""Figures against scikit-learn and SciPy, and the baselines' shapes."""

import sys
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
from sklearn import metrics as reference

from sentiment.data.corpus import LabelledTexts
from sentiment.evaluation.baselines import Predictor, fit_baselines
from sentiment.evaluation.metrics import bootstrap_interval, mcnemar, measure


def random_answers(classes: int, n: int = 400) -> tuple[np.ndarray, np.ndarray]:
    """Labels, and probabilities that lean towards them."""
    random = np.random.default_rng(classes)
    labels = random.choice(classes, n, p=np.arange(1, classes + 1) / np.arange(1, classes + 1).sum())
    scores = random.normal(size=(n, classes)) + 1.2 * np.eye(classes)[labels]
    return labels, np.exp(scores) / np.exp(scores).sum(axis=1, keepdims=True)


@pytest.mark.parametrize("classes", [2, 3])
def test_figures_are_scikit_learns(classes: int) -> None:
    y_true, probabilities = random_answers(classes)
    y_pred = probabilities.argmax(axis=1)
    received = measure(y_true, y_pred, classes, probabilities)
    assert received["n"] == 400
    assert received["accuracy"] == pytest.approx(reference.accuracy_score(y_true, y_pred))
    assert received["macro_recall"] == pytest.approx(reference.recall_score(y_true, y_pred, average="macro"))
    assert received["macro_f1"] == pytest.approx(reference.f1_score(y_true, y_pred, average="macro"))
    assert received["log_loss"] == pytest.approx(reference.log_loss(y_true, probabilities))
    scores = probabilities[:, 1] if classes == 2 else probabilities
    assert received["roc_auc"] == pytest.approx(reference.roc_auc_score(y_true, scores, multi_class="ovr"))
    assert received["confusion_matrix"] == reference.confusion_matrix(y_true, y_pred).tolist()
    assert 0.4 < received["accuracy"] < 0.95, "figures at their limit would hide a difference"


def test_every_figure_by_hand() -> None:
    y_true, y_pred = np.array([0, 0, 0, 1]), np.array([0, 0, 1, 1])
    probabilities = np.array([[0.9, 0.1], [0.6, 0.4], [0.2, 0.8], [0.3, 0.7]])
    received = measure(y_true, y_pred, 2, probabilities)
    assert received["accuracy"] == 0.75
    assert received["macro_recall"] == pytest.approx((2 / 3 + 1) / 2)
    assert received["macro_f1"] == pytest.approx((4 / 5 + 2 / 3) / 2)
    assert received["roc_auc"] == pytest.approx(2 / 3)
    assert received["log_loss"] == pytest.approx(-np.log([0.9, 0.6, 0.2, 0.7]).mean())
    assert received["confusion_matrix"] == [[2, 1], [0, 1]]
    assert set(received) == {
        "n", "accuracy", "accuracy_ci95", "macro_recall", "macro_f1", "roc_auc", "log_loss", "ece", "confusion_matrix",
    }  # fmt: skip


def test_without_probabilities_their_figures_are_none() -> None:
    received = measure(np.array([0, 1]), np.array([0, 0]), 2)
    assert (received["roc_auc"], received["log_loss"], received["ece"]) == (None, None, None)


def test_a_class_that_no_row_has_does_not_count_in_the_means() -> None:
    received = measure(np.array([0, 0, 2]), np.array([0, 1, 2]), 3)
    assert received["macro_recall"] == pytest.approx((1 / 2 + 1) / 2)
    assert received["confusion_matrix"] == [[1, 1, 0], [0, 0, 0], [0, 0, 1]]


def test_a_single_class_has_no_roc_curve() -> None:
    assert measure(np.array([1, 1]), np.array([1, 0]), 2, np.array([[0.1, 0.9], [0.8, 0.2]]))["roc_auc"] is None


def test_a_certain_mistake_has_a_finite_log_loss() -> None:
    received = measure(np.array([0]), np.array([1]), 2, np.array([[0.0, 1.0]]))
    assert received["log_loss"] == pytest.approx(-np.log(1e-15))


# Interval, calibration, comparison


def test_the_interval_is_that_of_the_resampled_rows() -> None:
    right = np.arange(200) < 150
    random = np.random.default_rng(0)
    shares = random.choice(right, (4000, 200)).mean(axis=1)
    assert bootstrap_interval(150, 200) == pytest.approx(tuple(np.quantile(shares, [0.025, 0.975])), abs=0.006)


def test_the_interval_covers_the_truth_about_19_times_in_20() -> None:
    hits = np.random.default_rng(1).binomial(300, 0.8, 250)
    intervals = [bootstrap_interval(int(h), 300) for h in hits]
    covered = np.mean([low <= 0.8 <= high for low, high in intervals])
    assert 0.91 <= covered <= 0.99


def test_the_interval_at_its_limits() -> None:
    least = 1 / (1 + 1.959964**2 / 50)
    assert bootstrap_interval(50, 50) == pytest.approx((least, 1.0))
    assert bootstrap_interval(0, 50) == pytest.approx((0.0, 1 - least))


def test_calibration_error_by_hand() -> None:
    # Bins of 1/15: 0.95 and 0.94 share one (right, wrong), 0.55 is alone (right).
    probabilities = np.array([[0.95, 0.05], [0.94, 0.06], [0.45, 0.55]])
    expected = (abs(1 - (0.95 + 0.94)) + abs(1 - 0.55)) / 3
    assert measure(labels := np.array([0, 1, 1]), labels, 2, probabilities)["ece"] == pytest.approx(expected)


def test_calibration_error_of_certain_rows() -> None:
    certain = np.array([[1.0, 0.0]] * 4)
    for labels, expected in ((np.array([0, 0, 0, 0]), 0), (np.array([0, 0, 0, 1]), 0.25)):
        assert measure(labels, labels, 2, certain)["ece"] == pytest.approx(expected)


def pairs(both: int, only: int, other: int, neither: int) -> tuple[np.ndarray, np.ndarray]:
    rows = [(True, True)] * both + [(True, False)] * only + [(False, True)] * other + [(False, False)] * neither
    right, other_right = np.array(rows).T
    return right, other_right


@pytest.mark.parametrize(
    ("table", "expected"),
    [
        ((5, 0, 0, 5), 1.0),
        ((9, 1, 0, 9), 1.0),
        ((3, 6, 0, 3), 2 * 0.5**6),  # 6 of 6 to one side
        ((3, 1, 9, 3), 2 * (1 + 10) / 1024),  # at most 1 of 10
        ((70, 4, 4, 2), 1.0),
    ],
)
def test_mcnemar_by_hand(table: tuple[int, int, int, int], expected: float) -> None:
    assert mcnemar(*pairs(*table)) == pytest.approx(expected)


# Baselines

TRAIN = LabelledTexts(
    [*(f"I hate this awful {x}" for x in "abc"), *(f"I love this wonderful {x}" for x in "abcde")],
    np.array([0, 0, 0, 1, 1, 1, 1, 1]),
)
TESTS = ["hate hate, how awful!", "love it, wonderful", "", "the bus"]


@pytest.fixture(scope="module")
def baselines(without_fasttext: None) -> dict[str, Predictor]:
    return fit_baselines(TRAIN, ["negative", "positive"])


@pytest.mark.parametrize("name", ["majority", "vader", "tfidf_logistic_regression"])
def test_baselines_answer_every_text(name: str, baselines: dict[str, Predictor]) -> None:
    answers = baselines[name](TESTS)
    assert answers.labels.shape == (4,)
    assert set(answers.labels.tolist()) <= {0, 1}
    if name == "vader":
        assert answers.probabilities is None
    else:
        assert answers.probabilities.shape == (4, 2)
        np.testing.assert_allclose(answers.probabilities.sum(axis=1), 1, atol=1e-6)
        np.testing.assert_array_equal(answers.probabilities.argmax(axis=1), answers.labels)
    assert answers.labels[:2].tolist() == ([1, 1] if name == "majority" else [0, 1])


def test_the_majority_is_that_of_the_training_rows(baselines: dict[str, Predictor]) -> None:
    answers = baselines["majority"](["x"])
    np.testing.assert_allclose(answers.probabilities, [[3 / 8, 5 / 8]])


def test_vader_has_a_neutral_answer_only_where_there_is_such_a_class(without_fasttext: None) -> None:
    classes = ["negative", "neutral", "positive"]
    assert fit_baselines(TRAIN, classes)["vader"](TESTS).labels.tolist() == [0, 2, 1, 1]


def test_methods_that_need_the_two_poles_stay_away_without_them(without_fasttext: None) -> None:
    assert {"vader", "textblob"}.isdisjoint(fit_baselines(TRAIN, ["sad", "angry"]))


class FakeFastText:
    """Stands in for the package, which is an extra: notes what it is given, and answers by its learning rate."""

    __spec__ = SimpleNamespace()  # by which it counts as installed

    def __init__(self) -> None:
        self.given: list[tuple[float, list[str]]] = []

    def train_supervised(self, path: str, lr: float, **options: object) -> SimpleNamespace:
        assert options["thread"] == 1  # else two runs differ
        self.given.append((lr, Path(path).read_text(encoding="utf-8").splitlines()))
        sure = 0.75 if lr == 0.1 else 0.5

        def predict(lines: list[str], k: int = 1) -> tuple[list[list[str]], list[list[float]]]:
            high = [int(line.split()[-1]) >= 50 for line in lines]
            names = [
                ["__label__1", "__label__0"] if (sure > 0.5) == each else ["__label__0", "__label__1"] for each in high
            ]
            return [each[:k] for each in names], [[sure, 1 - sure][:k]] * len(lines)

        return SimpleNamespace(predict=predict)


def test_fasttext_is_given_its_rows_in_no_order_and_a_fitting_rate(monkeypatch: pytest.MonkeyPatch) -> None:
    fake = FakeFastText()
    monkeypatch.setitem(sys.modules, "fasttext", fake)
    rows = LabelledTexts([f"Tweet!\n{i}" for i in range(100)], np.repeat([0, 1], 50))
    answers = fit_baselines(rows, ["0", "1"])["fasttext"](["x 70", "y 20"])
    rate, lines = fake.given[-1]
    assert sorted(lines) == sorted(f"__label__{y} tweet ! {i}" for i, y in enumerate(rows.labels))
    assert 10 < sum(line.startswith("__label__0") for line in lines[:50]) < 40  # sorted, it would learn the last class
    assert [len(lines) for _, lines in fake.given] == [90] * 4 + [100]  # four rates are tried
    assert rate == 0.1
    np.testing.assert_array_equal(answers.probabilities, [[0.25, 0.75], [0.75, 0.25]])
