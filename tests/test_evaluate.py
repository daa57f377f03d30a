"""Evaluation: only on tweets that the model has not seen, by the split's own hash; and baselines by what classes mean."""

import json
import logging

import numpy as np
import pyarrow as pa
import pytest

from pipelines import evaluate
from pipelines.shared import stage
from pipelines.shared.evaluation_files import read_predictions
from sentiment.data.corpus import LabelledTexts
from sentiment.data.splitting import DROPPED, TEST, TRAIN, VALIDATION, hash_texts, is_seen
from sentiment.errors import InputError
from sentiment.evaluation.scoring import LabelledTestSet, without_seen
from tests.memory_split import Split, seen_hashes
from tests.model_fixture import Trained, copied, labelled_tweets, write_corpus


def test_training_and_validation_rows_are_seen() -> None:
    hashes = np.array([9, 3, 7, 5, 3], np.uint64)
    part = np.array([TRAIN, VALIDATION, TEST, DROPPED, DROPPED], np.uint8)
    seen = seen_hashes(hashes, Split(part, 1, 0))
    assert seen.tolist() == [3, 9]
    assert seen.dtype == np.uint64


def test_a_text_is_seen_by_its_words() -> None:
    seen = np.sort(hash_texts(pa.array(["I love this", "so bad"])))
    assert is_seen(["@ada i LOVE this!", "I love", "so bad http://x.y"], seen).tolist() == [True, False, True]
    assert is_seen(["I love"], np.zeros(0, np.uint64)).tolist() == [False]


def test_labels_are_left_out_together_with_the_tweets_that_training_has_seen() -> None:
    texts, labels = ["seen one", "new bad", "new good", "seen two", "new neutral"], np.array([0, 1, 2, 0, 3])
    seen = np.sort(hash_texts(pa.array(["seen one", "seen two"])))
    left = without_seen(LabelledTestSet("t", "t.csv", LabelledTexts(texts, labels)), seen)
    assert left.rows.texts == ["new bad", "new good", "new neutral"]
    assert left.rows.labels.tolist() == [1, 2, 3]
    assert left.seen == 2
    with pytest.raises(InputError, match=r"^t\.csv: the model was trained on every tweet of it"):
        without_seen(left, np.sort(hash_texts(pa.array(left.rows.texts))))


pytestmark = pytest.mark.usefixtures("without_fasttext")


@pytest.fixture(scope="module")
def copy(tmp_path_factory: pytest.TempPathFactory) -> Trained:
    """The session's model in a folder of its own, not evaluated yet."""
    return copied(tmp_path_factory.mktemp("seen") / "root")


def score(this: Trained, *options: str) -> None:
    options = this.options(*options)
    stage.main(evaluate.run, str(evaluate.__doc__), evaluate.OPTIONS, options)


def test_the_training_file_as_a_test_set(copy: Trained, caplog: pytest.LogCaptureFixture) -> None:
    more = copy.root / "more.csv"
    write_corpus(more, [*labelled_tweets(), ("4", "a tweet of other words")])
    with caplog.at_level(logging.INFO):
        score(copy, "--corpus", str(more))
    metrics = json.loads((copy.folder / "metrics.json").read_text())
    held_out = metrics["held_out"]["n"]
    assert metrics["more.csv"]["n"] == held_out + 1
    assert metrics["more.csv"]["seen"] == len(labelled_tweets()) - held_out
    assert metrics["held_out"]["seen"] == 0
    assert metrics["held_out"]["baselines"]["vader"]["accuracy"] > 0.6
    assert f"WARNING: There are only {held_out} held-out tweets" in caplog.text
    assert f"WARNING: {more}: {480 - held_out} of 481 tweets are among those the model was trained" in caplog.text
    rows = read_predictions(copy.folder)
    assert set(rows.of("more.csv").texts) - set(rows.of("held_out").texts) == {"a tweet of other words"}
    meant, further = {text: int(label == "4") for label, text in labelled_tweets()}, rows.of("more.csv")
    assert [meant.get(text, 1) for text in further.texts] == further.true.tolist()


def test_a_test_set_of_training_tweets_only(copy: Trained, caplog: pytest.LogCaptureFixture) -> None:
    corpus = copy.root / "known.csv"
    rows = labelled_tweets()
    seen = is_seen([text for _, text in rows], np.load(copy.folder / "seen.npy"))
    write_corpus(corpus, [row for row, known in zip(rows, seen, strict=True) if known])
    with pytest.raises(SystemExit, match="^2$"):
        score(copy, "--corpus", str(corpus))
    assert "the model was trained on every tweet of it; expected tweets it has not seen" in caplog.text


def test_polarity_says_what_classes_mean(copy: Trained) -> None:
    """With the classes swapped in meaning, VADER is wrong where it was right, and so is the model on minimal pairs."""
    score(copy, "--set", "corpus.polarity={negative='positive', positive='negative'}")
    metrics = json.loads((copy.folder / "metrics.json").read_text())["held_out"]
    assert metrics["baselines"]["vader"]["accuracy"] < 0.4
    assert metrics["accuracy"] > 0.6
    failed = json.loads((copy.folder / "behaviour.json").read_text())["model"]["failed"]
    assert {label for pair in failed for label in (pair["positive"][1], pair["negative"][1])} <= {
        "positive",
        "negative",
    }
