#!/bin/sh
# deepsig 1.2.8: corrected p-values go to the wrong comparison, and its Bonferroni correction fades with more of them.
#
# The package tests whether one model is better than another, and corrects for the number of comparisons.
# bonferroni_correction sorts the p-values, multiplies them, and means to bring them back into their order. But it
# applies the order of sorting once more, instead of its inverse, which is always the same for two p-values only. With
# p-values of 0.9, 0.001 and 0.04, the second gets 0.9, and the third becomes significant. The package's tests have
# sorted p-values only. Issue 2 says that the factors are those of Holm. A search found no issue about the order.
# aso and multi_aso compare the scores of training runs. According to the README they divide the level of 0.05 by the
# number of comparisons m, so the confidence is 1 - 0.05/m. But the code takes 0.95 + 0.05/m. This is right for two
# comparisons, and then falls back to 0.95 where it should rise. With ten models, 45 comparisons, little is left.
# bootstrap_test is called a paired test, but draws the texts of each model apart. So it misses differences between
# models that are right about nearly the same texts.
# The repository has the same lines. Reports then call a model better that is not, or overlook one that is.
# multipletests of statsmodels keeps the order, aso(confidence_level=1 - 0.05/m) has the right level, and
# permutation_test is paired.
#
# Output seen on 2026-11-30 (1,000 sets of five comparisons, one of them with a difference; the bound of aso, which
# calls the first model better below 0.5; 20 pairs of models):
#   p 0.9, 0.001, 0.04: deepsig 0.08 0.9 0.003    Bonferroni 1.0 0.003 0.12
#   significant with a difference: deepsig 385 of 1000, Bonferroni 1000
#   significant without a difference: deepsig 640 of 1000, Bonferroni 39
#   aso, comparisons 1: 0.481, with the right level 0.481     comparisons 2: 0.557 and 0.557
#   aso, comparisons 3: 0.527, with the right level 0.598     comparisons 45: 0.484 and 0.823
#   p < 0.05 in 20 pairs: bootstrap_test 0, permutation_test 19, exact test 20
set -eu
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install -q --no-compile --disable-pip-version-check deepsig==1.2.8 numpy==2.4.6 scipy==1.17.1 \
  pandas==3.1.1
"$folder/venv/bin/python" -W ignore - <<'PYTHON'
import numpy as np
from deepsig import aso, bonferroni_correction, bootstrap_test, permutation_test
from scipy.stats import binomtest

SETS, COMPARISONS, TEXTS, PAIRS = 1000, 5, 500, 20
rng = np.random.default_rng(0)


def bonferroni(p_values: np.ndarray) -> np.ndarray:
    return np.minimum(p_values * len(p_values), 1)


p_values = np.array([0.9, 0.001, 0.04])
print("p 0.9, 0.001, 0.04: deepsig", *bonferroni_correction(p_values).round(4), end="    ")
print("Bonferroni", *bonferroni(p_values).round(4))
assert np.allclose(bonferroni_correction(p_values), [0.08, 0.9, 0.003]), "the order has changed"
assert np.allclose(bonferroni_correction(np.sort(p_values)), [0.003, 0.08, 0.9]), "sorted p-values have changed"

found, wrong = np.zeros(2, int), np.zeros(2, int)  # by deepsig and by Bonferroni
for _ in range(SETS):
    p_values, different = rng.random(COMPARISONS), rng.integers(COMPARISONS)
    p_values[different] = 0.001
    for which, correct in enumerate((bonferroni_correction, bonferroni)):
        significant = correct(p_values) < 0.05
        found[which] += significant[different]
        wrong[which] += np.delete(significant, different).any()
print(f"significant with a difference: deepsig {found[0]} of {SETS}, Bonferroni {found[1]}")
print(f"significant without a difference: deepsig {wrong[0]} of {SETS}, Bonferroni {wrong[1]}")
assert found[0] < SETS / 2 and found[1] == SETS, "the order has changed"
assert wrong[0] > SETS / 2 and wrong[1] < SETS / 10, "the order has changed"

first, second = rng.normal(0.9, 1, 10), rng.normal(0, 1, 10)  # scores of ten runs each
settings = {"num_bootstrap_iterations": 200, "show_progress": False, "seed": 1}
seen = {}
for number in (1, 2, 3, 45):
    by_deepsig = aso(first, second, num_comparisons=number, **settings)
    right = aso(first, second, confidence_level=1 - 0.05 / number, **settings)
    seen[number] = by_deepsig, right
    print(f"aso, comparisons {number}: {by_deepsig:.3f}, with the right level {right:.3f}")
assert seen[2][0] == seen[2][1] and seen[45][0] < seen[3][0] < seen[2][0] < seen[45][1], "the levels have changed"

by_test = {"bootstrap_test": 0, "permutation_test": 0, "exact test": 0}
for pair in range(PAIRS):
    right = rng.random(TEXTS) < 0.8
    better = np.where(rng.random(TEXTS) < 0.9, right, rng.random(TEXTS) < 0.99)  # mostly right about the same texts
    gained, lost = int((better & ~right).sum()), int((right & ~better).sum())
    by_test["exact test"] += binomtest(gained, gained + lost, alternative="greater").pvalue < 0.05
    for test in (bootstrap_test, permutation_test):
        by_test[test.__name__] += test(better.astype(float), right.astype(float), num_samples=200, seed=pair) < 0.05
print(f"p < 0.05 in {PAIRS} pairs:", ", ".join(f"{name} {count}" for name, count in by_test.items()))
assert by_test["bootstrap_test"] < by_test["permutation_test"] / 2, "bootstrap_test has changed"
PYTHON
