#!/bin/sh
# ppi-python 0.2.3: 90% intervals with weights contain the true share in 51.5% of samples, and `alternative` is lost.
#
# Weights: posts of one kind were labelled nine times as often as others, and weights undo that. classical_mean_ci
# divides the weights by their sum, but takes the standard deviation of weight * label. For this mean it should be that
# of weight * (label - mean), because the sum of the weights varies too. So the interval depends on which label is 1:
# of the same data the share of negative posts gets an interval four times as wide as that of the positive ones, and
# neither is right. ppi_mean_ci with lam=0 is the same. The right deviation gives both one width. With predictions that
# are mostly right, and the default `lam`, the error is small, because what is weighted then has a mean near 0.
# One side: ppi_mean_ci finds `lam` and then calls itself without `alternative`. By default "larger" and "smaller" thus
# return the two-sided interval, with two finite ends. A lower end of a 90% interval is that of a 95% one, and the
# interval can contain a share that ppi_mean_pval rejects. With any `lam`, and in ppi_ols_ci, it is one-sided.
#
# Output seen on 2026-11-29 (true share 0.5, 500 labels, 1,000 samples; then 200 labels and 4,000 predictions):
#   positive contain it, width: 0.515 0.053 with the right deviation: 0.901 0.122
#   negative contain it, width: 0.994 0.214 with the right deviation: 0.901 0.122
#   two-sided (0.548, 0.637)   larger (0.548, 0.637)   larger, lam=0.5 (0.558, inf)   p that 0.55 is the share 0.056
set -eu
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install -q --no-compile --disable-pip-version-check ppi-python==0.2.3 numpy==2.4.6 \
  scipy==1.17.1 statsmodels==0.15.0 scikit-learn==1.9.1 pandas==3.1.1 numba==0.68.1
"$folder/venv/bin/python" -W ignore - <<'PYTHON'
import numpy as np
from ppi_py import classical_mean_ci, ppi_mean_ci, ppi_mean_pval, ppi_ols_ci

LABELS, SAMPLES, SHARE, Z = 500, 1000, 0.5, 1.6448536


def sample(seed: int, negative: bool) -> tuple[np.ndarray, np.ndarray]:
    """Draw labels and weights: half of all posts are of kind A, and 95% positive; of the others 5% are."""
    rng = np.random.default_rng(seed)
    kind_a = rng.random(LABELS) < 0.9  # labelled nine times as often as the others
    positive = rng.random(LABELS) < np.where(kind_a, 0.95, 0.05)
    return np.where(negative, ~positive, positive).astype(float), np.where(kind_a, 1 / 9, 1.0)


def right(labels: np.ndarray, weights: np.ndarray) -> tuple[float, float]:
    weights = weights / weights.mean()
    mean = (weights * labels).mean()
    error = Z * (weights * (labels - mean)).std() / LABELS**0.5
    return mean - error, mean + error


def measure(interval, negative: bool) -> tuple[float, float]:
    """Return how many of the intervals contain the true share, and their mean width."""
    low, high = np.array([interval(*sample(seed, negative)) for seed in range(SAMPLES)]).T
    return round(float(np.mean((low <= SHARE) & (SHARE <= high))), 3), round(float(np.mean(high - low)), 3)


for name, seen in (("positive", (0.515, 0.053)), ("negative", (0.994, 0.214))):
    found = measure(lambda labels, weights: classical_mean_ci(labels, w=weights, alpha=0.1), name == "negative")
    expected = measure(right, name == "negative")
    print(name, "contain it, width:", *found, "with the right deviation:", *expected)
    assert found == seen and expected == (0.901, 0.122), "the intervals have changed"
labels, weights = sample(0, negative=False)
untuned = np.squeeze(ppi_mean_ci(labels, labels, labels, w=weights, lam=0, alpha=0.1))
assert np.allclose(untuned, classical_mean_ci(labels, w=weights, alpha=0.1)), "the two functions differ"

rng = np.random.default_rng(1)
truth = (rng.random(4200) < 0.6).astype(float)
predicted = np.where(rng.random(4200) < 0.8, truth, 1 - truth)
data = truth[:200], predicted[:200], predicted[200:]
ends = {}
for alternative in ("two-sided", "larger", "smaller"):
    for lam in (None, 0.5):
        interval = ppi_mean_ci(*data, alpha=0.1, alternative=alternative, lam=lam)
        ends[alternative, lam] = [round(float(np.squeeze(end)), 3) for end in interval]
        print(f"{alternative}, lam={lam}: {ends[alternative, lam]}")
value = float(np.squeeze(ppi_mean_pval(*data, null=0.55, alternative="larger")))
print(f"ppi_mean_pval that the share is 0.55, against larger: {value:.3f}")
assert all(ends[alternative, None] == [0.548, 0.637] for alternative in ("two-sided", "larger", "smaller"))
assert ends["larger", 0.5] == [0.558, np.inf] and ends["smaller", 0.5] == [-np.inf, 0.628] and round(value, 3) == 0.056
ones = np.ones((200, 1)), np.ones((4000, 1))
by_ols = ppi_ols_ci(ones[0], *data[:2], ones[1], data[2], alpha=0.1, alternative="larger")
assert np.isinf(np.squeeze(by_ols[1])), "ppi_ols_ci has changed"
PYTHON
