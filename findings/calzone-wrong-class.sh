#!/bin/sh
# calzone-tool 0.1.0: Cox's slope and intercept are those of class 1, whichever class is asked for.
#
# The package measures the calibration of classifiers. CalibrationMetrics(class_to_calculate=...) chooses a class, which
# is then compared with all others. According to the docstrings and the paper this is for more than two classes, and
# the other metrics do so. But "COX" is called without the class, and its function reads column 1 of the probabilities
# in any case. Cox's ICI then applies the curve of class 1 to the chosen class. So if a model is right about class 1,
# for example neutral, but too sure whether the rest is positive, then all three classes have the slope 1, with
# intervals that contain 1. The right slope of two of them is about a half.
# cox_regression_analysis itself takes the labels of the chosen class, but the probabilities of class 1. With two
# classes and perfect probabilities, class 0 has the slope -1.
# Prevalence adjustment for class 0 makes it column 1 of the probabilities, but leaves the labels as they are. So the
# ECE of perfect probabilities becomes 0.53.
# The package's tests name class 1 only. The repository is newer than the release, and has the same lines. A search
# found no issue about them.
#
# Output seen on 2026-11-30 (20,000 texts; first calzone, then the right slope by statsmodels):
#   negative: slope 1.01 (0.98 to 1.04), ICI 0.002, ECE 0.08    statsmodels: 0.52 (0.50 to 0.54)
#   neutral:  slope 1.01 (0.98 to 1.04), ICI 0.002, ECE 0.01    statsmodels: 1.01 (0.98 to 1.04)
#   positive: slope 1.01 (0.98 to 1.04), ICI 0.002, ECE 0.07    statsmodels: 0.53 (0.51 to 0.55)
#   two classes, cox_regression_analysis: slope -1.02 and 1.02
#   two classes, with prevalence adjustment: ECE 0.53 and 0.00, without it 0.00 and 0.00
set -eu
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install -q --no-compile --disable-pip-version-check calzone-tool==0.1.0 numpy==2.4.6 \
  scipy==1.17.1 statsmodels==0.15.0 pandas==3.1.1
"$folder/venv/bin/python" -W ignore - <<'PYTHON'
import numpy as np
import statsmodels.api as sm
from calzone.metrics import CalibrationMetrics, cox_regression_analysis

TEXTS, EXTREME, CLASSES = 20_000, 2.5, ["negative", "neutral", "positive"]
rng = np.random.default_rng(3)


def logit(share: np.ndarray) -> np.ndarray:
    return np.log(share / (1 - share))


def right(labels: np.ndarray, probabilities: np.ndarray) -> tuple[float, float, float]:
    """Return Cox's slope and its interval by a logistic regression on the logits."""
    fit = sm.Logit(labels.astype(float), sm.add_constant(logit(probabilities))).fit(disp=0)
    return fit.params[1], *fit.conf_int()[1]


true = np.exp(rng.normal(0, 1.2, (TEXTS, 3)))
true /= true.sum(axis=1, keepdims=True)
labels = (true.cumsum(axis=1) < rng.random((TEXTS, 1))).sum(axis=1)
# the classifier is right about "neutral", but too sure whether the rest is positive
negative = 1 / (1 + np.exp(-EXTREME * logit(true[:, 0] / (true[:, 0] + true[:, 2]))))
rest = 1 - true[:, 1]
predicted = np.column_stack([rest * negative, true[:, 1], rest * (1 - negative)])

slopes = []
for number, name in enumerate(CLASSES):
    seen = CalibrationMetrics(class_to_calculate=number).calculate_metrics(labels, predicted, ["COX", "ECE-C"])
    slope, low, high = seen["COX coef"], seen["COX coef lowerci"], seen["COX coef upperci"]
    expected = right(labels == number, predicted[:, number])
    print(f"{name}: slope {slope:.2f} ({low:.2f} to {high:.2f}), ICI {seen['COX ICI']:.3f}, ECE {seen['ECE-C']:.2f}")
    print("    statsmodels: {:.2f} ({:.2f} to {:.2f})".format(*expected))
    slopes.append(slope)
    assert low < 1 < high and seen["COX ICI"] < 0.01, "the slope has changed"
    if number == 1:
        assert abs(slope - expected[0]) < 1e-3 and seen["ECE-C"] < 0.02, "class 1 is wrong"
    else:
        assert expected[2] < 0.6 and seen["ECE-C"] > 0.05, "the probabilities are not wrong"
assert len(set(slopes)) == 1, "the classes differ"

# two classes, with perfect probabilities
share = true[:, 1]
labels, both = (rng.random(TEXTS) < share).astype(int), np.column_stack([1 - share, share])
slopes = [cox_regression_analysis(labels, both, class_to_calculate=number)[0] for number in (0, 1)]
plain, adjusted = (
    [
        CalibrationMetrics(number).calculate_metrics(
            labels, both, ["ECE-H"], perform_pervalance_adjustment=adjust  # the name is spelt like this
        )["ECE-H"]
        for number in (0, 1)
    ]
    for adjust in (False, True)
)
print("two classes, cox_regression_analysis: slope {:.2f} and {:.2f}".format(*slopes))
print("two classes, with prevalence adjustment: ECE {:.2f} and {:.2f}".format(*adjusted), end=", ")
print("without it {:.2f} and {:.2f}".format(*plain))
assert slopes[0] < -0.9 and slopes[1] > 0.9, "the slopes have changed"
assert adjusted[0] > 0.4 and max(adjusted[1], *plain) < 0.03, "the adjustment has changed"
PYTHON
