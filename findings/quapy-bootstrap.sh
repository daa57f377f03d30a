#!/bin/sh
# QuaPy 0.2.3: its 95% intervals of a share contain the share in a quarter of cases. random_state does not repeat them.
#
# AggregativeBootstrap puts confidence intervals around the shares of classes that a quantifier estimates. By default it
# resamples only the texts whose shares are asked for. But the quantifier corrects for the classifier's errors, which it
# measured on the labelled texts, and the interval leaves out how uncertain this correction is. With more texts, the
# intervals become narrower, while the estimates scatter as before. For 300 labelled and 10,000 further texts, which is
# usual for tweets, 95% intervals are a fifth as wide as they should be. The documentation speaks of a confidence region
# with a level of 0.95. It offers n_train_samples > 1 to resample the labelled texts, too, but this raises
# AttributeError in this version. According to the documentation, an int as random_state repeats the samples. But joblib
# draws them in other processes, which do not get the seed. Only a machine with one core gives the same interval twice.
#
# Output seen on 2026-11-29, for logistic regression, 300 labelled texts of which half are positive on average, and
# further texts of which 30% are positive on average (100 draws of all texts):
#   PACC, 1000 texts:  62 of 100 intervals contain the share, mean width 0.099, 95 of 100 estimates lie within 0.173
#   PACC, 10000 texts: 26 of 100 intervals contain the share, mean width 0.031, 95 of 100 estimates lie within 0.173
#   ACC, 10000 texts:  23 of 100 intervals contain the share, mean width 0.035, 95 of 100 estimates lie within 0.184
#   n_train_samples=10: AttributeError: 'numpy.ndarray' object has no attribute 'sampling_from_index'
#   random_state=0, upper limit of one share, three times: 0.5319, 0.5264, 0.5284
set -eu
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install -q --no-compile --disable-pip-version-check quapy==0.2.3 scikit-learn==1.9.1 \
  numpy==2.4.6 scipy==1.17.1 joblib==1.6.0
cd "$folder"
cat > texts.py <<'PYTHON'
import numpy as np
from quapy.method.aggregative import ACC, PACC
from quapy.method.confidence import AggregativeBootstrap
from sklearn.linear_model import LogisticRegression

QUANTIFIERS = {"PACC": PACC, "ACC": ACC}


def draw(random: np.random.Generator, count: int, share: float) -> tuple[np.ndarray, np.ndarray]:
    """Return texts as two features, and their labels: 1 with this probability."""
    labels = (random.uniform(size=count) < share).astype(int)
    return random.normal(size=(count, 2)) + np.outer(labels, (1.5, 0)), labels


def fitted(random: np.random.Generator, quantifier: str = "PACC", **options) -> AggregativeBootstrap:
    model = QUANTIFIERS[quantifier](LogisticRegression(), solver="exact-cc")
    return AggregativeBootstrap(model, random_state=0, **options).fit(*draw(random, 300, 0.5))
PYTHON
OMP_NUM_THREADS=1 OPENBLAS_NUM_THREADS=1 LOKY_MAX_CPU_COUNT=1 "$folder/venv/bin/python" -W ignore - <<'PYTHON'
from texts import draw, fitted, np

for quantifier, count, at_most in (("PACC", 1000, 70), ("PACC", 10_000, 40), ("ACC", 10_000, 40)):
    random, contained, estimates, widths = np.random.default_rng(0), 0, [], []
    for _ in range(100):
        shares, region = fitted(random, quantifier).predict_conf(draw(random, count, 0.3)[0])
        contained += region.I_low[1] <= 0.3 <= region.I_high[1]
        estimates.append(shares[1])
        widths.append(region.I_high[1] - region.I_low[1])
    spread = np.subtract(*np.percentile(estimates, (97.5, 2.5)))
    print(f"{quantifier}, {count} texts: {contained} of 100 intervals contain the share,", end=" ")
    print(f"mean width {np.mean(widths):.3f}, 95 of 100 estimates lie within {spread:.3f}")
    assert contained <= at_most, f"expected at most {at_most}"

try:
    fitted(np.random.default_rng(0), n_train_samples=10)
    raise SystemExit("n_train_samples works now")
except AttributeError as error:
    print("n_train_samples=10: AttributeError:", error)
PYTHON
"$folder/venv/bin/python" -W ignore - <<'PYTHON'
from joblib import cpu_count
from texts import draw, fitted, np

random = np.random.default_rng(0)
model, texts = fitted(random), draw(random, 300, 0.3)[0]
limits = [float(model.predict_conf(texts)[1].I_high[1]) for _ in range(3)]
print("random_state=0, upper limit of one share, three times:", *(f"{limit:.4f}" for limit in limits))
assert cpu_count() == 1 or len(set(limits)) > 1, "random_state repeats the intervals now"
PYTHON
