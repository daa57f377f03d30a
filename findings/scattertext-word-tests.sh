#!/bin/sh
# scattertext 0.2.2: its Mann-Whitney test finds 9 of 10 neutral words significant, and scores the clearest words 0.
#
# The package compares the words of two kinds of texts, such as positive and negative ones. Some of its scorers look at
# a word's share of each text. These shares are in a sparse matrix, for which the code differs from a dense one:
#   - MannWhitneyU repeats the share of each text as often as its class has texts, so 200 texts count as 20,000. Nearly
#     every difference is significant then. Where the p-value is so small that it is 0, the code means to approximate
#     it, but has a typing error. It catches the exception and stores the score 0, so the words that differ most are in
#     the middle of the list. For words of the second class the score is 1 - z instead of -z.
#   - CohensD takes means in place of variances, so it divides by the root of a mean. The README says that it divides by
#     the standard deviation. For words that are used once in texts of ten words, the effect is at most a third of the
#     right one, and the p-value is too large. The package contains a test with values of Cohen's d, which fails with
#     the newest SciPy that its requirements allow. With variances, the values are those of the test.
# CliffsDelta's lower end of an interval is above the upper one, and both can be above 1, the largest possible value.
# There are no tests of this or of MannWhitneyU. The repository, at version 0.2.3, has the same lines. A search found
# no issue about them.
#
# Output seen on 2026-11-30 (200 texts of ten words; half of the positive ones have "great", of the others "awful"):
#   Mann-Whitney: 94 of 100 neutral words significant, with SciPy 3
#   great: Mann-Whitney z 0.0, with SciPy p 4e-16; Cohen's d 0.32 (p 0.013) instead of 1.41
#   awful: Mann-Whitney z 0.0, with SciPy p 4e-16; Cohen's d -0.32 (p 0.987) instead of -1.41
#   z of neutral words, plus z with the classes swapped: 1.000 to 2.000
#   Cliff's delta of great: 0.50, from 6.34 to 3.84
#   the package's tests of Cohen's d: 2 of 6 fail
set -eu
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install -q --no-compile --disable-pip-version-check numpy==2.2.6 scipy==1.13.1 pandas==3.1.1 \
  scikit-learn==1.9.1 statsmodels==0.15.0 spacy==3.8.18 six==1.17.0 tqdm==4.70.1
"$folder/venv/bin/pip" install -q --no-compile --no-deps --disable-pip-version-check scattertext==0.2.2 flashtext==2.7
"$folder/venv/bin/python" -W ignore - <<'PYTHON'
import io
import random
import unittest

import numpy as np
import pandas as pd
import scattertext
from scattertext.termscoring.cliffsdelta import CliffsDelta
from scattertext.termscoring.CohensD import CohensD
from scattertext.termscoring.MannWhitneyU import MannWhitneyU
from scipy.stats import mannwhitneyu

TEXTS, OPINIONS = 200, ("great", "awful")
NEUTRAL = [f"word{number}" for number in range(100)]
random.seed(0)


def tweet(positive: bool) -> str:
    """Make up a text of ten words, of which one is an opinion in half of the texts."""
    opinion = random.random() < 0.5
    words = random.sample(NEUTRAL, 10 - opinion) + [OPINIONS[not positive]] * opinion
    return " ".join(words)


rows = [("positive" if number % 2 else "negative", tweet(number % 2 == 1)) for number in range(TEXTS)]
tweets = pd.DataFrame(rows, columns=["label", "text"])
parsed = scattertext.CorpusFromPandas(
    tweets, category_col="label", text_col="text", nlp=scattertext.whitespace_nlp_with_sentences
)
corpus = parsed.build().get_unigram_corpus()
results = [
    scorer(corpus).set_categories("positive", ["negative"]).get_score_df()
    for scorer in (MannWhitneyU, CohensD, CliffsDelta)
]
ranks, effects, deltas = results
swapped = MannWhitneyU(corpus).set_categories("negative", ["positive"]).get_score_df()


def shares(word: str) -> tuple[np.ndarray, np.ndarray]:
    """Return the word's share of each positive and of each negative text."""
    found = tweets["text"].map(lambda text: text.split().count(word) / len(text.split()))
    positive = tweets["label"] == "positive"
    return found[positive].to_numpy(), found[~positive].to_numpy()


def cohens_d(word: str) -> float:
    first, second = shares(word)
    return (first.mean() - second.mean()) / ((first.var(ddof=1) + second.var(ddof=1)) / 2) ** 0.5


def p_value(word: str) -> float:
    return mannwhitneyu(*shares(word)).pvalue


# the package's p-values are one-sided: those of words of the second class are near 1
seen = int(sum(abs(ranks.loc[NEUTRAL, "mwu_p"] - 0.5) > 0.475))
expected = sum(p_value(word) < 0.05 for word in NEUTRAL)
print(f"Mann-Whitney: {seen} of 100 neutral words significant, with SciPy {expected}")
assert seen > 70 and expected < 15, "the p-values have changed"
for word in OPINIONS:
    score, effect, p = ranks.loc[word, "mwu_z"], effects.loc[word, "cohens_d"], effects.loc[word, "cohens_d_p"]
    print(f"{word}: Mann-Whitney z {score:.1f}, with SciPy p {p_value(word):.0e}; ", end="")
    print(f"Cohen's d {effect:.2f} (p {p:.3f}) instead of {cohens_d(word):.2f}")
    assert score == 0 and p_value(word) < 1e-12, "the clearest words are found"
    assert abs(effect) < 0.4 and abs(cohens_d(word)) > 1, "Cohen's d has changed"
sums = (ranks["mwu_z"] + swapped["mwu_z"]).loc[NEUTRAL]
print(f"z of neutral words, plus z with the classes swapped: {sums.min():.3f} to {sums.max():.3f}")
assert 0.999 < sums.min() and sums.max() < 2.001, "the signs of the scores have changed"
low, high = deltas.loc["great", ["Low-95.0% CI", "High-95.0% CI"]]
print(f"Cliff's delta of great: {deltas.loc['great', 'Metric']:.2f}, from {low:.2f} to {high:.2f}")
assert low > high > 1 > deltas.loc["great", "Metric"], "the interval has changed"
suite = unittest.defaultTestLoader.loadTestsFromName("scattertext.test.test_cohensD")
result = unittest.TextTestRunner(stream=io.StringIO()).run(suite)
print(f"the package's tests of Cohen's d: {len(result.failures)} of {result.testsRun} fail")
assert (len(result.failures), len(result.errors), result.testsRun) == (2, 0, 6), "the tests have changed"
PYTHON
