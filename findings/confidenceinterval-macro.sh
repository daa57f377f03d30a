#!/bin/sh
# confidenceinterval 1.0.5: 95% intervals of macro F1, precision and recall contain the true value in 0% to 100% of cases.
#
# By default the package computes intervals by the delta method: gradient' (diag(p) - p p') gradient, where p has the
# share of texts of each cell of the confusion matrix. So says the docstring of precision and recall. But in the code
# p p' is NumPy's p * p.transpose(), which multiplies a vector with itself element by element. It should be an outer
# product. The variance can even become negative, and both ends of the interval NaN. For F1 the package cites a paper,
# but has a sum where the paper has a product, and counts where it has shares. So the interval hardly depends on the
# errors: macro F1 of 1,000 right answers is 1.000 (0.964 to 1.036). The README says that no other package has such
# intervals, and tells of no restriction.
# With two or three classes, as in sentiment, the interval of macro F1 is often twice as wide as it should be, and those
# of precision and recall can be too narrow. With 28 classes, as in data labelled with emotions, all are too narrow. The
# outer product gives the right intervals.
#
# Output seen on 2026-11-29 (part; the share of 400 samples of 1,000 texts whose interval contains the true value, and
# the mean width; "right": the same by the outer product):
#   2 classes, 80% right:     F1 1.000 0.099   precision 0.950 0.049   recall 0.955 0.049   right 0.953 0.050
#   3 classes, 50% right:     F1 0.990 0.090   precision 0.823 0.043   recall 0.823 0.043   right 0.940 0.062
#   3 classes, 2 of them rare, 95% and 50% right:       precision 0.833 0.080   right 0.963 0.118
#   28 classes, 50% right:    F1 0.608 0.029   precision 0.500 0.023   recall 0.500 0.023   right 0.955 0.062
#   28 classes, less and less frequent, 50% right:      precision 0.000 NaN     right 0.960 0.061
#   F1 of 1,000 right answers: 1.000 (0.964 to 1.036)
set -eu
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install -q --no-compile --disable-pip-version-check confidenceinterval==1.0.5 numpy==2.4.6 \
  scipy==1.17.1 scikit-learn==1.9.1 pandas==3.1.1 statsmodels==0.15.0
"$folder/venv/bin/python" -W ignore - <<'PYTHON'
import numpy as np
from confidenceinterval import f1_score, precision_score, recall_score

TEXTS, SAMPLES = 1000, 400
METRICS = {"F1": f1_score, "precision": precision_score, "recall": recall_score}
rng = np.random.default_rng(0)


def cells(frequencies: list[float], right: list[float]) -> np.ndarray:
    """Return the share of texts by true class (row) and answer (column), if the wrong answers are spread evenly."""
    rows = np.repeat((1 - np.array(right)) / (len(right) - 1), len(right)).reshape(-1, len(right))
    np.fill_diagonal(rows, right)
    return np.array(frequencies)[:, None] / sum(frequencies) * rows


def by_outer_product(p: np.ndarray) -> dict[str, tuple[float, float]]:
    """Return each macro average, and half of the width of its interval."""
    rows, columns, found = p.sum(1, keepdims=True), p.sum(0, keepdims=True), p.diagonal()
    recall, precision, same = found[:, None] / rows, found[None] / columns, np.eye(len(p))
    both = rows + columns.T
    f1 = 2 * found[:, None] / both
    gradients = {
        "F1": 2 * same / both - f1 / both - (f1 / both).T,
        "precision": (same - precision) / columns,
        "recall": (same - recall) / rows,
    }
    values = {"F1": f1.mean(), "precision": precision.mean(), "recall": recall.mean()}
    answers = {}
    for metric, gradient in gradients.items():
        g, shares = gradient.ravel() / len(p), p.ravel()
        variance = g @ (np.diag(shares) - np.outer(shares, shares)) @ g / TEXTS
        answers[metric] = (float(values[metric]), 1.96 * float(np.sqrt(variance)))
    return answers


def check(name: str, p: np.ndarray, expected: dict[str, float]) -> None:
    truth = {metric: value for metric, (value, _) in by_outer_product(p).items()}
    ends = {metric: [] for metric in METRICS}
    for _ in range(SAMPLES):
        true, answered = np.divmod(rng.choice(p.size, TEXTS, p=p.ravel()), len(p))
        counts = np.zeros(p.shape)
        np.add.at(counts, (true, answered), 1)
        right = by_outer_product(counts / TEXTS)
        for metric, function in METRICS.items():
            value, interval = function(true, answered, average="macro")
            assert abs(value - right[metric][0]) < 1e-6
            ends[metric].append((*interval, right[metric][0] - right[metric][1], sum(right[metric])))
    for metric, each in ends.items():
        low, high, right_low, right_high = np.array(each).T
        contain = np.mean((low <= truth[metric]) & (truth[metric] <= high))
        right_contain = np.mean((right_low <= truth[metric]) & (truth[metric] <= right_high))
        widths = f"{np.mean(high - low):.3f}", f"{np.mean(right_high - right_low):.3f}"
        print(f"{name}: {metric:9} {contain:.3f} {widths[0]}, by the outer product {right_contain:.3f} {widths[1]}")
        assert abs(contain - expected[metric]) < 0.02 and 0.92 < right_contain < 0.98, "the intervals have changed"


check("2 classes, 80% right", cells([1, 1], [0.8] * 2), {"F1": 1.0, "precision": 0.95, "recall": 0.955})
check("3 classes, 50% right", cells([1, 1, 1], [0.5] * 3), {"F1": 0.99, "precision": 0.823, "recall": 0.823})
few = cells([90, 5, 5], [0.95, 0.5, 0.5])
check("3 classes, 2 of them rare", few, {"F1": 0.838, "precision": 0.833, "recall": 0.89})
check("28 classes, 50% right", cells([1] * 28, [0.5] * 28), {"F1": 0.608, "precision": 0.5, "recall": 0.5})
falling = cells([1 / rank for rank in range(1, 29)], [0.5] * 28)
check("28 classes, less and less frequent", falling, {"F1": 0.588, "precision": 0, "recall": 0.865})
alike = np.arange(TEXTS) % 3
value, ends = f1_score(alike, alike, average="macro")
print(f"F1 of right answers: {value:.3f} ({ends[0]:.3f} to {ends[1]:.3f})")
assert np.allclose(ends, (0.964, 1.036), atol=0.001)
PYTHON
