#!/bin/sh
# pyirr 0.84.1.2: with two or three classes, Krippendorff's alpha of raters who always agree is about -0.9, not 1.
#
# kripp_alpha counts how often each pair of classes was given to one text, in a matrix with equal pairs on the diagonal.
# Disagreement is what lies above the diagonal. But the code starts at diagonal number len(matrix) // 2 - 1 instead of
# 1. That is the same for four or five classes only. With two or three, as in sentiment, it starts at the diagonal
# itself, so agreement counts as disagreement. Alpha then falls where it should rise: guessed labels look more reliable
# than labels on which everybody agrees. With six or more classes the function ends in IndexError. The docstring tells
# of no limit, and the package calls itself a line-for-line port of R's irr. Its example data have four or more classes.
# The package krippendorff has the right values. pyirr's Fleiss' kappa, nearly the same for many texts, is right too.
# pyirr needs setuptools before version 81.
#
# Output seen on 2026-11-29 (300 texts, two raters who guess a share of the labels, and give the true label otherwise):
#   2 classes, raters guess nothing: pyirr -0.837, krippendorff 1.000, kappa 1.000
#   2 classes, raters guess a fifth: pyirr -0.438, krippendorff 0.487, kappa 0.486
#   2 classes, raters guess everything: pyirr -0.012, krippendorff 0.008, kappa 0.007
#   3 classes, raters guess nothing: pyirr -0.922, krippendorff 1.000, kappa 1.000
#   3 classes, raters guess everything: pyirr 0.026, krippendorff 0.006, kappa 0.004
#   4 classes, raters guess a fifth: pyirr 0.663, krippendorff 0.663, kappa 0.662
#   6 classes: IndexError
set -eu
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install -q --no-compile --disable-pip-version-check pyirr==0.84.1.2 krippendorff==0.9.0 \
  numpy==2.4.6 scipy==1.17.1 pandas==2.3.3 statsmodels==0.15.0 setuptools==80.9.0
"$folder/venv/bin/python" -W ignore - <<'PYTHON'
import krippendorff
import numpy as np
import pyirr

TEXTS = 300
GUESSED = {"nothing": 0.0, "a fifth": 0.2, "a half": 0.5, "everything": 1.0}
rng = np.random.default_rng(0)


def rate(classes: int, raters: int, guessed: float) -> np.ndarray:
    """Return the labels of all texts (rows) and raters (columns): true ones, and a share of guessed ones."""
    true = rng.integers(1, classes + 1, size=(TEXTS, 1))
    guesses = rng.integers(1, classes + 1, size=(TEXTS, raters))
    return np.where(rng.random((TEXTS, raters)) < guessed, guesses, true)


for classes in (2, 3, 4):
    values = []
    for name, guessed in GUESSED.items():
        labels = rate(classes, 2, guessed)
        alpha = pyirr.kripp_alpha(labels).value
        right = krippendorff.alpha(labels.T, level_of_measurement="nominal")
        kappa = pyirr.kappam_fleiss(labels).value
        print(f"{classes} classes, raters guess {name}: pyirr {alpha:.3f}, krippendorff {right:.3f}, kappa {kappa:.3f}")
        assert abs(kappa - right) < 0.01, "the two packages differ in more than alpha"
        values.append((alpha, right))
    by_pyirr, by_krippendorff = np.array(values).T
    assert (np.diff(by_krippendorff) < 0).all() and abs(by_krippendorff[0] - 1) < 1e-9
    if classes < 4:
        assert (np.diff(by_pyirr) > 0).all() and by_pyirr[0] < -0.8, "alpha no longer falls with agreement"
    else:
        assert np.allclose(by_pyirr, by_krippendorff), "four classes are wrong now, too"

try:
    pyirr.kripp_alpha(rate(6, 2, 0.2))
except IndexError as error:
    print("6 classes:", type(error).__name__)
else:
    raise SystemExit("six classes are possible now")
PYTHON
