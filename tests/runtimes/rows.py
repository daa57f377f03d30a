"""The rows that each runtime is given, and the comparison of its answers with those of Python."""

import csv
import sys
from dataclasses import dataclass
from pathlib import Path

import numpy as np

import sentiment

TWEETS = 255
MOST = 1e-5


@dataclass(frozen=True)
class Rows:
    """Tweets in a form that every runtime takes, and what Python answers.

    Attributes:
        folder: of the model.
        texts: held-out tweets, then an empty one, one that is longer than the model reads, and one of an unknown word.
        ids: int32 ``(n, max_tokens)``.
        expected: of ``predict_proba``, float32 ``(n, classes)``.
    """

    folder: Path
    texts: list[str]
    ids: np.ndarray
    expected: np.ndarray

    def compare(self, runtime: str, answers: object) -> None:
        """Print how far ``answers`` are from ``expected``; end the process with status 1 if that is too far."""
        received = np.asarray(answers, np.float32).reshape(self.expected.shape)
        difference = float(np.abs(received - self.expected).max())
        sys.stdout.write(f"{runtime}: {len(received)} rows, largest difference {difference:.1e}\n")
        if not difference <= MOST:
            sys.exit(f"{runtime}: expected at most {MOST:g}")


def read_rows() -> Rows:
    """Return the rows for the model folder that the command line names; `make evaluate` has written its tweets."""
    folder = Path(sys.argv[1]).resolve()
    with (folder / "predictions.csv").open(encoding="utf-8", newline="") as file:
        texts = [row["text"] for row in csv.DictReader(file)][:TWEETS]
    texts += ["", "love " * 20_000, "qwzxqwzx"]
    model = sentiment.load(folder)
    ids = model.preprocessor.pad(model.preprocessor.encode(texts))
    return Rows(folder, texts, ids, model.predict_proba(texts))
