#!/bin/sh
# boostsa 0.2.13: of 20 pairs of classifiers that an exact test tells apart, it finds 6 significant at the 0.05 level.
#
# The package tests whether one classifier is better than another on the same texts. Its guide refers to
# Berg-Kirkpatrick, Burkett and Klein (2012): draw test sets of the same size with replacement, and count how often the
# difference is more than twice the observed one. But boostsa by default draws a tenth of the texts, and refuses to draw
# more than half of them. A smaller set scatters more, for a tenth by the square root of 10. So the result is not a
# p-value of the observed difference, although it is printed as "p <" and decides over stars. A star needs a difference
# of more than five standard errors, instead of 1.65. Classifiers that differ clearly look alike, and a useful change is
# given up. The guide calls the size debatable, and warns that large samples can make the p-value too low. But here the
# full size agrees with the exact test in every pair.
# boostsa needs pandas before version 3, and is installed without its pinned requirements (scipy 1.7.3, for example).
#
# Output seen on 2026-11-29 (2,000 texts; p-value of McNemar's exact test, of draws of the full size, and of boostsa):
#   accuracy 0.755 and 0.780: exact 1.3e-07 full size 0 boostsa 0.12
#   accuracy 0.764 and 0.776: exact 0.0035 full size 0 boostsa 0.22
#   accuracy 0.748 and 0.773: exact 5.4e-07 full size 0 boostsa 0.08
#   p < 0.05 in 20 pairs: exact 20, full size 20, boostsa 6
#   sample_size=1.0: sample_size must be between .05 and .5
set -eu
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install -q --no-compile --disable-pip-version-check numpy==2.4.6 pandas==2.3.3 scipy==1.17.1 \
  scikit-learn==1.9.1 tqdm==4.67.1
"$folder/venv/bin/pip" install -q --no-compile --no-deps --disable-pip-version-check boostsa==0.2.13
cd "$folder"
"$folder/venv/bin/python" -W ignore - <<'PYTHON'
import io
import re
from contextlib import redirect_stderr, redirect_stdout

import numpy as np
from boostsa import Bootstrap
from scipy.stats import binomtest

TEXTS, PAIRS, LOOPS = 2000, 20, 100
rng = np.random.default_rng(0)
np.random.seed(0)  # for boostsa


def answers(labels: np.ndarray, accuracy: float) -> np.ndarray:
    return np.where(rng.random(TEXTS) < accuracy, labels, 1 - labels)


def by_boostsa(labels: np.ndarray, first: np.ndarray, second: np.ndarray, **size: float) -> float:
    printed = io.StringIO()
    with redirect_stdout(printed), redirect_stderr(io.StringIO()):
        test = Bootstrap(save_results=False, save_outcomes=False).test
        test(targs=labels.tolist(), h0_preds=first.tolist(), h1_preds=second.tolist(), n_loops=LOOPS, **size)
    return float(re.search(r"tot diff acc\b.*p < (\S+)", printed.getvalue())[1])


def by_full_size(first: np.ndarray, second: np.ndarray) -> float:
    better = second.astype(int) - first
    drawn = better[rng.integers(TEXTS, size=(LOOPS, TEXTS))].mean(axis=1)
    return float(np.mean(drawn > 2 * better.mean()))


found = dict.fromkeys(("exact", "full size", "boostsa"), 0)
for pair in range(PAIRS):
    labels = rng.integers(2, size=TEXTS)
    first = answers(labels, 0.75)
    second = np.where(rng.random(TEXTS) < 0.85, first, answers(labels, 0.9))  # 85% of the answers are the same
    right, right_too = first == labels, second == labels
    only_second, differ = int((right_too & ~right).sum()), int((right_too != right).sum())
    values = {
        "exact": float(binomtest(only_second, differ, alternative="greater").pvalue),
        "full size": by_full_size(right, right_too),
        "boostsa": by_boostsa(labels, first, second),
    }
    for name, value in values.items():
        found[name] += value < 0.05
    if pair < 3:
        print(f"accuracy {right.mean():.3f} and {right_too.mean():.3f}:", *(f"{k} {v:.2g}" for k, v in values.items()))
print(f"p < 0.05 in {PAIRS} pairs:", ", ".join(f"{name} {count}" for name, count in found.items()))
assert found["exact"] == found["full size"] == PAIRS and found["boostsa"] < PAIRS / 2, "the values have changed"
try:
    by_boostsa(labels, first, second, sample_size=1.0)
except AssertionError as error:
    print("sample_size=1.0:", error)
else:
    raise SystemExit("test sets of the full size are allowed now")
PYTHON
