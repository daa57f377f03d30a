#!/bin/sh
# pycalib 0.1.0.dev6: with two classes, ECE is the same for perfect probabilities, their opposite and any others.
#
# The package measures the calibration of classifiers. ECE, and MCE with mce_full=True, look at the probabilities of all
# classes. Both turn probabilities and labels into one long row each. But scikit-learn's label_binarize returns a single
# column for two classes. So the row of labels has half the length, and zip drops the probabilities of the second half
# of the texts without an error. Each of the others is compared with the label of another text. The result depends on
# how sure a classifier is, and no longer on whether it is right. full_ECE with a list of labels compares the
# probabilities of both classes with the labels of one, and classwise_ECE raises IndexError. The documentation tells of
# no restriction. The package's tests call full_ECE with three classes only, and ECE not at all. The repository has the
# same lines. A search found no issue about them.
# Many classifiers of sentiment have two classes. Whoever tunes or compares them by this ECE prefers the least sure one,
# and a calibrated model looks bad. conf_ECE and binary_ECE are right, and so are full_ECE and classwise_ECE with one
# column of labels per class. With three classes, ECE is right, too.
#
# Output seen on 2026-11-30 (20,000 texts; pycalib, and the right value by NumPy):
#   2 classes, perfect: ECE 0.125, MCE 0.488     right 0.006, 0.014    conf_ECE 0.006, binary_ECE 0.008
#   2 classes, too sure: ECE 0.196, MCE 0.492    right 0.142, 0.228    conf_ECE 0.142, binary_ECE 0.142
#   2 classes, opposite: ECE 0.125, MCE 0.471    right 0.495, 0.931    conf_ECE 0.498, binary_ECE 0.496
#   2 classes, any: ECE 0.126, MCE 0.490         right 0.256, 0.482    conf_ECE 0.259, binary_ECE 0.257
#   2 classes, perfect: full_ECE 0.503, with columns 0.015, classwise_ECE with columns 0.008
#   3 classes, perfect: ECE 0.004    right 0.004
set -eu
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install -q --no-compile --disable-pip-version-check numpy==2.4.6 scipy==1.17.1 \
  scikit-learn==1.9.1
"$folder/venv/bin/pip" install -q --no-compile --no-deps --disable-pip-version-check pycalib==0.1.0.dev6 # no plots
"$folder/venv/bin/python" -W ignore - <<'PYTHON'
import numpy as np
from pycalib.metrics import ECE, MCE, binary_ECE, classwise_ECE, conf_ECE, full_ECE

TEXTS, BINS = 20_000, 15
rng = np.random.default_rng(0)


def right(labels: np.ndarray, probabilities: np.ndarray) -> tuple[float, float]:
    """Return ECE and MCE over the probabilities of all classes."""
    hits = (labels[:, None] == np.arange(probabilities.shape[1])).ravel()
    places = np.minimum((probabilities.ravel() * BINS).astype(int), BINS - 1)
    count = np.bincount(places, minlength=BINS)
    gaps = np.abs(np.bincount(places, hits, BINS) - np.bincount(places, probabilities.ravel(), BINS))
    return float(gaps.sum() / count.sum()), float((gaps / np.maximum(count, 1)).max())


def draw(shares: np.ndarray) -> np.ndarray:
    return (shares.cumsum(axis=1) < rng.random((TEXTS, 1))).sum(axis=1)


seen = {}
share = rng.random(TEXTS)
labels = draw(np.column_stack([1 - share, share]))
for name, positive in {
    "perfect": share,
    "too sure": share**3 / (share**3 + (1 - share) ** 3),
    "opposite": 1 - share,
    "any": rng.random(TEXTS),
}.items():
    predicted = np.column_stack([1 - positive, positive])
    values = ECE(labels, predicted), MCE(labels, predicted, mce_full=True)
    expected = right(labels, predicted)
    seen[name] = *values, *expected
    print("2 classes, {}: ECE {:.3f}, MCE {:.3f}".format(name, *values), end="    ")
    print("right {:.3f}, {:.3f}".format(*expected), end="    ")
    print(f"conf_ECE {conf_ECE(labels, predicted):.3f}, binary_ECE {binary_ECE(labels, positive):.3f}")
assert max(abs(seen[name][0] - seen["perfect"][0]) for name in ("opposite", "any")) < 0.005, "ECE has changed"
assert abs(seen["perfect"][0] - 0.125) < 0.01 and seen["perfect"][2] < 0.02 and seen["opposite"][2] > 0.4
assert seen["perfect"][1] > 0.4 and seen["perfect"][3] < 0.1, "MCE has changed"

predicted, columns = np.column_stack([1 - share, share]), np.eye(2)[labels]
values = full_ECE(labels, predicted), full_ECE(columns, predicted), classwise_ECE(columns, predicted)
print("2 classes, perfect: full_ECE {:.3f}, with columns {:.3f}, classwise_ECE with columns {:.3f}".format(*values))
assert values[0] > 0.4 and max(values[1:]) < 0.04, "full_ECE has changed"

shares = rng.dirichlet([1, 1, 1], TEXTS)
labels = draw(shares)
print(f"3 classes, perfect: ECE {ECE(labels, shares):.3f}    right {right(labels, shares)[0]:.3f}")
assert abs(ECE(labels, shares) - right(labels, shares)[0]) < 0.002, "ECE of three classes is wrong"
PYTHON
